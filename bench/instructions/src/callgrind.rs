//! Runs one case of this program under valgrind's callgrind.

use std::process::Command;

use anyhow::Context as _;

/// Returns the instructions a case spends inside functions that match `within`.
pub(crate) fn count(case: &str, within: &str) -> anyhow::Result<u64> {
    let program = std::env::current_exe().context("this program's own path")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={within}"))
        .arg(program)
        .args(["run", case])
        .output()
        .context("valgrind could not be run; Debian's package is called valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{case} under valgrind: {said}");
    collected(&said).with_context(|| format!("{case}: no count in what valgrind said: {said}"))
}

/// Reads `==7== Collected : 12345`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected"))?;
    let count = line.rsplit(':').next()?.trim().parse().ok()?;
    // Nothing counted means that the function was not found.
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_count_is_read_and_nothing_is_no_count() {
        let said = "==7== Events    : Ir\n==7== Collected : 12345\n==7==\n";
        assert_eq!(super::collected(said), Some(12345));
        assert_eq!(super::collected("==7== Collected : 0"), None);
        assert_eq!(super::collected("valgrind: no such thing"), None);
    }
}
