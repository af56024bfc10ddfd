//! What the process uses (OB-2): CPU, memory, files, disk, network; read from `/proc`
//! when metrics are rendered, and left out where there is none.

use std::fs;

/// Clock ticks a second in `/proc/self/stat`: fixed for user space on Linux.
const TICKS: f64 = 100.0;

/// Sets the gauges of the process.
pub(crate) fn observe() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(ticks) = cpu_ticks(&stat) {
        metrics::gauge!("sf_process_cpu_seconds").set(ticks as f64 / TICKS);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(kibibytes) = after(&status, "VmRSS:") {
        metrics::gauge!("sf_process_resident_memory_bytes").set(kibibytes as f64 * 1024.0);
    }
    if let Some(bytes) = memory_limit() {
        metrics::gauge!("sf_process_memory_limit_bytes").set(bytes as f64);
    }
    if let Some(threads) = after(&status, "Threads:") {
        metrics::gauge!("sf_process_threads").set(threads as f64);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("sf_process_open_files").set(files.count() as f64);
    }
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    for (label, direction) in [("read_bytes:", "read"), ("\nwrite_bytes:", "written")] {
        if let Some(bytes) = after(&io, label) {
            metrics::counter!("sf_process_disk_bytes_total", "direction" => direction)
                .absolute(bytes);
        }
    }
    let devices = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let (received, sent) = network(&devices);
    metrics::counter!("sf_process_network_bytes_total", "direction" => "received")
        .absolute(received);
    metrics::counter!("sf_process_network_bytes_total", "direction" => "sent").absolute(sent);
}

/// The memory this process may use: its control group's limit, or what the machine has.
fn memory_limit() -> Option<u64> {
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    lowest_limit(&group, &machine)
}

/// `max` in the group's file means that it has no limit of its own.
fn lowest_limit(group: &str, machine: &str) -> Option<u64> {
    let machine = after(machine, "MemTotal:").map(|kibibytes| kibibytes * 1024);
    let group = group.trim().parse().ok();
    machine.into_iter().chain(group).min()
}

/// User and system time: fields 14 and 15, counted after the command in parentheses,
/// which may itself hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
}

/// The number after a label.
fn after(text: &str, label: &str) -> Option<u64> {
    let (_, rest) = text.split_once(label)?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// Bytes received and sent over all devices of the network namespace but loopback.
fn network(devices: &str) -> (u64, u64) {
    let mut sum = (0, 0);
    for line in devices.lines() {
        let Some((device, figures)) = line.split_once(':') else {
            continue;
        };
        if device.trim() == "lo" {
            continue;
        }
        let figures: Vec<u64> = figures
            .split_ascii_whitespace()
            .map_while(|f| f.parse().ok())
            .collect();
        if let (Some(received), Some(sent)) = (figures.first(), figures.get(8)) {
            sum.0 += received;
            sum.1 += sent;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ob_2_figures_are_read_from_the_kernels_text() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks(""), None);
        assert_eq!(
            after("VmPeak:\t 9 kB\nVmRSS:\t 1234 kB\n", "VmRSS:"),
            Some(1234)
        );
        assert_eq!(lowest_limit("max\n", "MemTotal: 8 kB\n"), Some(8192));
        assert_eq!(lowest_limit("4096\n", "MemTotal: 8 kB\n"), Some(4096));
        assert_eq!(lowest_limit("", ""), None);
        let devices = "Inter-| Receive\n face |bytes\n    lo: 9 9 9 9 9 9 9 9 9 9\n  eth0: 10 1 0 0 0 0 0 0 20 2 0\n";
        assert_eq!(network(devices), (10, 20));
    }
}
