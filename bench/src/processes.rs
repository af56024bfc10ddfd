//! What processes cost, as /proc tells: CPU time and memory of a process and all it started.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Ticks a second of the times in /proc/PID/stat: fixed for programs on Linux, whatever the kernel counts in.
const TICKS: u64 = 100;

/// What a process and its descendants used up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// User and system time, with that of descendants that ended and were waited for. Steps of 10 ms.
    pub cpu: Duration,
    /// Memory held now, in bytes (`VmRSS`; pages that several share count in each).
    pub rss: u64,
    /// The most memory held at any time, in bytes (`VmHWM`), added up over the processes alive now.
    pub peak: u64,
}

impl Usage {
    /// Reads what the tree under `root` used.
    ///
    /// # Errors
    /// The process does not exist, or /proc is not Linux's.
    pub fn of(root: u32) -> Result<Self> {
        let mut usage = Self::default();
        for pid in tree(root)? {
            // A descendant may end meanwhile; its parent has its time then.
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
                continue;
            };
            let stat = Stat::parse(&stat).with_context(|| format!("/proc/{pid}/stat"))?;
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            usage.cpu += Duration::from_millis((stat.ticks + stat.reaped) * (1000 / TICKS));
            usage.rss += kibibytes(&status, "VmRSS:") * 1024;
            usage.peak += kibibytes(&status, "VmHWM:") * 1024;
        }
        Ok(usage)
    }
}

/// A process's place and time, out of /proc/PID/stat.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
    /// Its own time.
    ticks: u64,
    /// That of descendants that ended and were waited for.
    reaped: u64,
}

impl Stat {
    fn parse(text: &str) -> Result<Self> {
        // The name may hold anything, parentheses and spaces too.
        let (head, rest) = text.rsplit_once(')').context("no process name")?;
        let (_pid, name) = head.split_once('(').context("no process name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| -> Result<u64> {
            Ok(fields.get(index).context("a field is missing")?.parse()?)
        };
        Ok(Self {
            name: name.to_owned(),
            parent: u32::try_from(number(1)?)?,
            // utime and stime, cutime and cstime (proc(5)).
            ticks: number(11)? + number(12)?,
            reaped: number(13)? + number(14)?,
        })
    }
}

fn kibibytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn all() -> Result<HashMap<u32, Stat>> {
    let pids =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let stats = pids.filter_map(|pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, Stat::parse(&text).ok()?))
    });
    Ok(stats.collect())
}

/// Returns a process and its descendants.
fn tree(root: u32) -> Result<Vec<u32>> {
    let all = all()?;
    anyhow::ensure!(all.contains_key(&root), "process {root} does not exist");
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            all.iter()
                .filter(|(_, stat)| stat.parent == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    Ok(found)
}

/// What else ran on the machine between two looks.
#[derive(Debug)]
pub struct Others {
    before: HashMap<u32, Stat>,
}

impl Others {
    /// Looks for the first time.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn look() -> Result<Self> {
        Ok(Self { before: all()? })
    }

    /// Returns the CPU time of every process alive now that is under none of `roots`, by name, the most first.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn since(&self, roots: &[u32]) -> Result<Vec<(String, Duration)>> {
        let ours: Vec<u32> = roots
            .iter()
            .filter_map(|root| tree(*root).ok())
            .flatten()
            .collect();
        let mut by_name: HashMap<String, u64> = HashMap::new();
        for (pid, stat) in all()? {
            let before = self.before.get(&pid).map_or(0, |stat| stat.ticks);
            if !ours.contains(&pid) {
                *by_name.entry(stat.name).or_default() += stat.ticks.saturating_sub(before);
            }
        }
        let mut sorted: Vec<_> = by_name
            .into_iter()
            .filter(|(_, ticks)| *ticks > 0)
            .map(|(name, ticks)| (name, Duration::from_millis(ticks * (1000 / TICKS))))
            .collect();
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(sorted)
    }
}

/// Returns the load averages of the last 1, 5 and 15 minutes.
#[must_use]
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 500";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(
            (stat.name.as_str(), stat.parent, stat.ticks, stat.reaped),
            ("a) b (c", 7, 33, 77)
        );
        assert!(Stat::parse("42 (short) S 7").is_err());
    }

    #[test]
    fn a_tree_counts_what_its_children_burn() {
        let mut busy = Command::new("sh")
            .args(["-c", "sh -c 'while :; do :; done' & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let child = {
            use std::io::BufRead as _;
            let mut line = String::new();
            std::io::BufReader::new(busy.stdout.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            line.trim().to_owned()
        };
        let root = busy.id();
        // The shell that waits uses nothing: all of this is its child's.
        while Usage::of(root).unwrap().cpu < Duration::from_millis(50) {
            std::thread::yield_now();
        }
        let usage = Usage::of(root).unwrap();
        assert!(usage.rss > 0 && usage.peak >= usage.rss, "{usage:?}");
        Command::new("kill").args(["-9", &child]).status().unwrap();
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(Usage::of(root).is_err(), "it is gone");
    }

    #[test]
    fn what_else_runs_leaves_out_what_is_ours() {
        let others = Others::look().unwrap();
        let ours = std::process::id();
        let (mut sum, begun) = (0_u64, Usage::of(ours).unwrap().cpu);
        while Usage::of(ours).unwrap().cpu < begun + Duration::from_millis(50) {
            sum = std::hint::black_box(sum + 1);
        }
        let name = fs::read_to_string("/proc/self/comm").unwrap();
        let seen = |roots: &[u32]| {
            others
                .since(roots)
                .unwrap()
                .iter()
                .any(|(other, cpu)| *other == name.trim() && *cpu >= Duration::from_millis(40))
        };
        assert!(seen(&[]), "unless it is named, this process is another");
        assert!(!seen(&[ours]));
        assert_eq!(load_average().split(' ').count(), 3);
    }
}
