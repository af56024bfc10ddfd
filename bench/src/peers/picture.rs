//! The picture of the comparison: bars of CPU for one request, as SVG. The same results give the same bytes.

use std::fmt::Write as _;

use super::case::{Auth, Case, Endpoint};
use super::report::{COLUMNS, title, who};
use super::results::{Load, Results};

/// The rows that are drawn.
const ROWS: [Case; 5] = [
    Case {
        endpoint: Endpoint::Post,
        auth: Auth::None,
    },
    Case {
        endpoint: Endpoint::Post,
        auth: Auth::EachTime,
    },
    Case {
        endpoint: Endpoint::Page,
        auth: Auth::None,
    },
    Case {
        endpoint: Endpoint::Create,
        auth: Auth::EachTime,
    },
    Case {
        endpoint: Endpoint::GrpcWeb,
        auth: Auth::None,
    },
];

/// One colour for each of the first four columns, apart for those who see no red or green.
const COLOURS: [&str; 4] = ["#0b6e99", "#8a8f98", "#e0a030", "#b5495b"];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 54.0;
const BAR: f64 = 14.0;
const GAP: f64 = 16.0;

/// Draws it.
pub(super) fn draw(results: &Results) -> String {
    let bars = bars(results);
    let most = bars
        .iter()
        .flatten()
        .filter_map(|bar| *bar)
        .fold(1.0, f64::max);
    let height = TOP + ROWS.len() as f64 * (4.0 * BAR + GAP) + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"CPU for one request\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"22\" font-size=\"14\" font-weight=\"600\" fill=\"#1c1e21\">CPU for one request, µs (less is better)</text>\n"
    );
    for (at, ((name, _), colour)) in COLUMNS.iter().zip(COLOURS).enumerate() {
        let x = LEFT + at as f64 * 90.0;
        let _written = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"41\" fill=\"#1c1e21\">{name}</text>",
            x + 14.0
        );
    }
    for (row, (case, bars)) in ROWS.iter().zip(&bars).enumerate() {
        let top = TOP + row as f64 * (4.0 * BAR + GAP);
        let _written = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#1c1e21\">{}</text>",
            LEFT - 10.0,
            top + 2.0 * BAR + 4.0,
            title(*case)
        );
        for (at, (bar, colour)) in bars.iter().zip(COLOURS).enumerate() {
            let y = top + at as f64 * BAR;
            let Some(value) = bar else {
                let _written = writeln!(
                    svg,
                    "<text x=\"{LEFT}\" y=\"{:.1}\" fill=\"#8a8f98\">–</text>",
                    y + 11.0
                );
                continue;
            };
            let width = (WIDTH - LEFT - RIGHT) * value / most;
            let _written = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#1c1e21\">{value:.0}</text>",
                BAR - 2.0,
                LEFT + width + 5.0,
                y + 10.5
            );
        }
    }
    svg + "</svg>\n"
}

/// The values of the first four columns, row by row.
fn bars(results: &Results) -> Vec<Vec<Option<f64>>> {
    let value = |case: Case, column| {
        let figure = results.figure(&case.name(), who(case, column)?, Load::Closed, |report| {
            report.cpu_us(0)
        })?;
        Some(figure.median)
    };
    ROWS.iter()
        .map(|case| {
            COLUMNS
                .iter()
                .take(4)
                .map(|column| value(*case, *column))
                .collect()
        })
        .collect()
}
