//! The counts that were committed, and what counts as growth.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::case::Counted;

/// Growth beyond this many percent fails.
const GROWTH: u64 = 5;

/// Counts by case, and the compiler they were counted with.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    compiler: String,
    counts: BTreeMap<String, u64>,
}

impl Baseline {
    /// Makes a baseline of what was counted now.
    pub(crate) fn of(counted: &[Counted]) -> anyhow::Result<Self> {
        let each = counted
            .iter()
            .map(|case| (case.name.clone(), case.instructions));
        Ok(Self {
            compiler: compiler()?,
            counts: each.collect(),
        })
    }

    /// Reads a baseline; where there is none, it is empty.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the baseline {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut read = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(note) = line.strip_prefix("# ") {
                read.compiler = note.to_owned();
                continue;
            }
            let (name, count) = line
                .rsplit_once(' ')
                .with_context(|| format!("`{line}` is no `name count`"))?;
            read.counts.insert(name.trim().to_owned(), count.parse()?);
        }
        Ok(read)
    }

    /// Writes the baseline.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = format!("# {}\n", self.compiler);
        for (name, count) in &self.counts {
            writeln!(text, "{name:<40} {count}")?;
        }
        std::fs::write(path, text).with_context(|| format!("the baseline {}", path.display()))
    }

    /// Fails when something grew, is not in the baseline, or costs more beside its yardstick than it may. Under another
    /// compiler than the baseline's only the yardsticks are held, because its code differs from ours without our doing.
    pub(crate) fn check(&self, counted: &[Counted]) -> anyhow::Result<()> {
        let same = compiler()? == self.compiler;
        let grown = counted
            .iter()
            .filter(|_| same)
            .filter_map(|case| self.growth(case));
        let beyond = counted.iter().filter_map(|case| beyond(case, counted));
        let wrong: Vec<String> = grown.chain(beyond).collect();
        anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    fn growth(&self, case: &Counted) -> Option<String> {
        let Some(&known) = self.counts.get(&case.name) else {
            return Some(format!("{} is not in the baseline", case.name));
        };
        (case.instructions * 100 > known * (100 + GROWTH)).then(|| {
            format!(
                "{} grew from {known} to {} instructions, more than {GROWTH} %",
                case.name, case.instructions
            )
        })
    }
}

/// Prints what was counted, beside its yardstick and beside what it was.
#[allow(clippy::print_stdout, reason = "the table is what the program is for")]
pub(crate) fn print(counted: &[Counted], known: &Baseline) {
    println!(
        "{:<40} {:>12} {:>9} {:>14}",
        "instructions per call", "now", "baseline", "× yardstick"
    );
    for case in counted {
        let change = known.counts.get(&case.name).map(|&before| {
            let percent = 100.0 * (case.instructions as f64 / before as f64 - 1.0);
            format!("{percent:+.1} %")
        });
        let ratio = ratio(case, counted).map(|(ratio, most)| format!("{ratio:.2} (≤ {most})"));
        println!(
            "{:<40} {:>12} {:>9} {:>14}",
            case.name,
            case.instructions,
            change.unwrap_or_default(),
            ratio.unwrap_or_default()
        );
    }
}

fn ratio(case: &Counted, counted: &[Counted]) -> Option<(f64, f64)> {
    let (name, most) = case.yardstick.as_ref()?;
    let yardstick = counted.iter().find(|other| other.name == *name)?;
    Some((
        case.instructions as f64 / yardstick.instructions as f64,
        *most,
    ))
}

fn beyond(case: &Counted, counted: &[Counted]) -> Option<String> {
    let (ratio, most) = ratio(case, counted)?;
    let (yardstick, _) = case.yardstick.as_ref()?;
    (ratio > most).then(|| {
        format!(
            "{} costs {ratio:.2} times {yardstick}, more than {most}",
            case.name
        )
    })
}

/// Returns the version of the compiler on the path.
fn compiler() -> anyhow::Result<String> {
    let said = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn counted(name: &str, instructions: u64) -> Counted {
        Counted {
            name: name.to_owned(),
            yardstick: (name == "fast").then(|| ("slow".to_owned(), 0.5)),
            instructions,
        }
    }

    #[test]
    fn five_percent_pass_and_more_does_not() {
        let known = Baseline::of(&[counted("slow", 1000)]).unwrap();
        assert!(known.check(&[counted("slow", 1050)]).is_ok());
        let grown = known.check(&[counted("slow", 1051)]).unwrap_err();
        assert!(grown.to_string().contains("from 1000 to 1051"), "{grown}");
        assert!(known.check(&[counted("new", 1)]).is_err());
    }

    #[test]
    fn a_yardstick_holds_under_any_compiler() {
        let known = Baseline::default();
        let pair = |fast| [counted("slow", 1000), counted("fast", fast)];
        assert!(known.check(&pair(500)).is_ok());
        let beyond = known.check(&pair(510)).unwrap_err();
        assert!(beyond.to_string().contains("0.51 times slow"), "{beyond}");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let made = Baseline::parse("# rustc 1.2.3\none          7\n").unwrap();
        assert_eq!(made.compiler, "rustc 1.2.3");
        assert_eq!(made.counts["one"], 7);
        assert!(Baseline::parse("nonsense").is_err());
    }
}
