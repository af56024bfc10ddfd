//! Figures as a table in Markdown.

/// A table that is printed when it is complete.
#[derive(Debug)]
pub(super) struct Table {
    title: &'static str,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(title: &'static str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&it| it.to_owned()).collect();
        Self {
            title,
            rows: vec![columns],
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it.
    #[allow(clippy::print_stdout, reason = "the table is what the bench is for")]
    pub(super) fn print(&self) {
        println!("\n{}\n", self.text());
    }

    fn text(&self) -> String {
        let line = |cells: &Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines = vec![format!("**{}**\n", self.title)];
        for (nth, row) in self.rows.iter().enumerate() {
            lines.push(line(row));
            if nth == 0 {
                lines.push(format!("|{}", "---|".repeat(row.len())));
            }
        }
        lines.join("\n")
    }
}

/// The middle of some figures; 0 of none.
pub(super) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Least to most.
pub(super) fn spread(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.2}–{most:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_and_the_median_is_of_the_middle() {
        let mut table = Table::new("Title", &["a", "b"]);
        table.row(["1".to_owned(), "2".to_owned()]);
        assert_eq!(table.text(), "**Title**\n\n| a | b |\n|---|---|\n| 1 | 2 |");
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), "1.00–3.00");
    }
}
