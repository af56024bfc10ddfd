//! The tables, as Markdown: for the terminal and for docs/performance.md.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

use super::case::{Auth, Case, Endpoint, Who};
use super::picture;
use super::results::{Figure, Load, Machine, Results};
use super::targets::TARGETS;
use crate::load::Report;

const DOCUMENT: &str = "docs/performance.md";
const PICTURE: &str = "docs/performance-peers.svg";
const BEGIN: &str = "<!-- ./dev bench peers --write -->\n";
const END: &str = "<!-- end -->";

/// A column: who stands in it, whatever the row needs.
type Column = (&'static str, &'static [Who]);

/// The columns of the comparison.
pub(super) const COLUMNS: [Column; 8] = [
    ("edge", &[Who::Edge, Who::EdgeEachTime]),
    ("floor", &[Who::Floor, Who::FloorEachTime]),
    ("Envoy", &[Who::Envoy, Who::EnvoyEachTime]),
    ("NestJS", &[Who::Nest]),
    ("edge bare", &[Who::EdgeBare]),
    ("edge, everything on", &[Who::EdgeWhole]),
    ("byte proxy", &[Who::Proxy]),
    ("static", &[Who::Fixed]),
];

/// What a row is called.
pub(super) fn title(case: Case) -> String {
    let what = match case.endpoint {
        Endpoint::Post => "GET post",
        Endpoint::Page => "GET feed page of 20",
        Endpoint::Create => "POST post",
        Endpoint::GrpcWeb => "gRPC-Web unary",
    };
    let token = match case.auth {
        Auth::None => "no token",
        Auth::EachTime => "ES256 each time",
        Auth::Kept => "verified token kept",
    };
    format!("{what}, {token}")
}

/// Who stands in a column of a row.
pub(super) fn who(case: Case, column: Column) -> Option<Who> {
    column
        .1
        .iter()
        .copied()
        .find(|who| case.whom().contains(who))
}

/// Returns every table.
pub(super) fn text(results: &Results) -> String {
    let mut text = machine(&results.machine, &results.missing);
    let cpu = |figure: Figure| {
        format!(
            "{:.1} ({:.1}–{:.1})",
            figure.median, figure.least, figure.most
        )
    };
    text += "\nCPU for one request, µs of the gateway's process tree: median of the rounds (least–most)\n\n";
    text += &table(results, Load::Closed, |report| report.cpu_us(0), cpu);
    text += "\nRequests a second, 32 connections\n\n";
    text += &table(
        results,
        Load::Closed,
        |report| Some(report.per_second()),
        |figure| format!("{:.0}", figure.median),
    );
    text += "\nThe RPC called directly by 32 callers, and REST through a gateway as a part of that throughput\n\n";
    text += &direct(results);
    if let Some(rate) = results.rate() {
        text += &format!(
            "\nLatency at {rate} requests a second, µs from when a request was due: p50 / p99 / p99.9\n\n"
        );
        text += &latencies(results);
    }
    text += "\nMemory of the process tree under load (RSS), MB\n\n";
    text += &memory(results);
    text += "\nTargets\n\n";
    text += &targets(results);
    text
}

fn machine(machine: &Machine, missing: &[String]) -> String {
    let Machine {
        date,
        processor,
        cores,
        system,
        load,
        others,
    } = machine;
    let others: f64 = others.iter().map(|(_, cpu)| cpu).sum();
    let mut text = format!(
        "{date}, {processor}, {cores} cores, {system}. Load averages at the end {load}; other programs that ran to the end used {others:.0} s of CPU.\n"
    );
    if !missing.is_empty() {
        text += &format!("Not there: {}.\n", missing.join(", "));
    }
    text
}

fn table(
    results: &Results,
    load: Load,
    value: impl Fn(&Report) -> Option<f64>,
    shown: impl Fn(Figure) -> String,
) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|(title, _)| *title).collect();
    let mut text = format!(
        "| | {} |\n|---|{}\n",
        titles.join(" | "),
        "---:|".repeat(titles.len())
    );
    for case in Case::all() {
        let cell = |column: &Column| {
            let figure = results.figure(&case.name(), who(case, *column)?, load, &value)?;
            Some(shown(figure))
        };
        let cells: Vec<Option<String>> = COLUMNS.iter().map(cell).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
            text += &format!("| {} | {} |\n", title(case), cells.join(" | "));
        }
    }
    text
}

fn latencies(results: &Results) -> String {
    let mut text = "| | edge | floor | Envoy | NestJS |\n|---|---:|---:|---:|---:|\n".to_owned();
    for endpoint in [Endpoint::Post, Endpoint::Page] {
        let case = Case {
            endpoint,
            auth: Auth::None,
        };
        let cell = |column: &Column| -> Option<String> {
            let who = who(case, *column)?;
            let at = |value: fn(&Report) -> f64| {
                Some(
                    results
                        .figure(&case.name(), who, Load::Open, |report| Some(value(report)))?
                        .median,
                )
            };
            let (p50, p99, p999) = (
                at(|it| it.latency.p50)?,
                at(|it| it.latency.p99)?,
                at(|it| it.latency.p999)?,
            );
            Some(format!("{p50:.0} / {p99:.0} / {p999:.0}"))
        };
        let cells: Vec<String> = COLUMNS[..4]
            .iter()
            .map(|column| cell(column).unwrap_or_default())
            .collect();
        let _written = writeln!(text, "| {} | {} |", title(case), cells.join(" | "));
    }
    text
}

fn memory(results: &Results) -> String {
    let all = [
        Who::Edge,
        Who::EdgeEachTime,
        Who::EdgeWhole,
        Who::Floor,
        Who::FloorEachTime,
        Who::Envoy,
        Who::EnvoyEachTime,
        Who::Nest,
    ];
    let there: Vec<(Who, u64)> = all
        .into_iter()
        .filter_map(|who| Some((who, results.memory(who)?)))
        .collect();
    let names: Vec<&str> = there.iter().map(|(who, _)| who.name()).collect();
    let cells: Vec<String> = there
        .iter()
        .map(|(_, bytes)| format!("{:.1}", *bytes as f64 / 1e6))
        .collect();
    format!(
        "| {} |\n|{}\n| {} |\n",
        names.join(" | "),
        "---:|".repeat(names.len()),
        cells.join(" | ")
    )
}

/// Everybody's throughput as a part of what the service gives who calls it without a gateway.
fn direct(results: &Results) -> String {
    let mut text = "| | directly, a second | edge | floor | Envoy | NestJS |\n|---|---:|---:|---:|---:|---:|\n".to_owned();
    let ways = [
        (Who::Direct, "32 connections"),
        (Who::DirectByOne, "one connection"),
        (
            Who::DirectApart,
            "32 connections, load on the gateways' core",
        ),
    ];
    let per_second = |report: &Report| Some(report.per_second());
    for endpoint in [Endpoint::Post, Endpoint::Page] {
        let case = Case {
            endpoint,
            auth: Auth::None,
        };
        for (way, how) in ways {
            let Some(called) = results.figure(&case.name(), way, Load::Closed, per_second) else {
                continue;
            };
            let cell = |column: &Column| {
                let who = who(case, *column)?;
                let part = results.ratio(&case.name(), who, way, per_second)?;
                Some(spread(part))
            };
            let cells: Vec<String> = COLUMNS[..4]
                .iter()
                .map(|column| cell(column).unwrap_or_default())
                .collect();
            let _written = writeln!(
                text,
                "| {}, {how} | {:.0} | {} |",
                title(case),
                called.median,
                cells.join(" | ")
            );
        }
    }
    text
}

/// A ratio with the least and the most of the rounds.
fn spread(ratio: Figure) -> String {
    format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most)
}

fn targets(results: &Results) -> String {
    let mut text = "| ratio | measured | target | |\n|---|---:|---:|---|\n".to_owned();
    for target in &TARGETS {
        let (measured, verdict) = match target.measured(results) {
            Some(ratio) => (spread(ratio), target.bound.verdict(ratio.median)),
            None => (String::new(), "not measured"),
        };
        let bound = target.bound.text();
        let _written = writeln!(
            text,
            "| {} | {measured} | {bound} | {verdict} |",
            target.what
        );
    }
    text
}

/// Puts the tables into the document, between their marks, and the picture beside it.
///
/// # Errors
/// The document is not there or has no marks: this is to be run in the checkout.
pub(super) fn write(results: &Results) -> Result<()> {
    let document = fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
    fs::write(DOCUMENT, placed(&document, &text(results))?)?;
    fs::write(PICTURE, picture::draw(results))?;
    Ok(())
}

fn placed(document: &str, tables: &str) -> Result<String> {
    let (before, rest) = document
        .split_once(BEGIN)
        .context("docs/performance.md has no mark for the tables")?;
    let (_, after) = rest
        .split_once(END)
        .context("docs/performance.md has no mark for the end of the tables")?;
    Ok(format!("{before}{BEGIN}{tables}{END}{after}"))
}

#[cfg(test)]
mod tests;
