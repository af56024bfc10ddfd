//! The metrics of one process at one moment.

use anyhow::{Context as _, Result};

use super::Process;

/// What `/metrics` said.
#[derive(Debug, Clone, Default)]
pub struct Scrape(String);

impl Scrape {
    /// Reads the metrics of a process.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn of(process: &Process) -> Result<Self> {
        let reply = process.ask("/metrics").await;
        let reply = reply.with_context(|| format!("{} shows no metrics", process.name))?;
        Ok(Self(String::from_utf8_lossy(&reply.body).into_owned()))
    }

    /// The sum of the series of this name whose labels hold all of these texts (`callee="feed"`).
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        self.0
            .lines()
            .filter(of_name)
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_are_added() {
        let scrape = Scrape(
            "# HELP calls x\ncalls_count{callee=\"feed\",code=\"OK\"} 3\ncalls_count{callee=\"auth\",code=\"OK\"} 4\ncalls_counted 5\n"
                .to_owned(),
        );
        assert!((scrape.sum("calls_count", &[]) - 7.0).abs() < 1e-9);
        assert!((scrape.sum("calls_count", &["callee=\"feed\""]) - 3.0).abs() < 1e-9);
    }
}
