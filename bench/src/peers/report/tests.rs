//! Tables and picture of results that are made up.

use super::*;
use crate::load::{Latency, Pace};
use crate::peers::rounds::Sample;
use crate::peers::targets::Bound;
use crate::processes::Usage;
use std::collections::BTreeMap;
use std::time::Duration;

fn sample(round: usize, case: &str, who: Who, load: Load, cpu_us: u64) -> Sample {
    let pace = match load {
        Load::Closed => Pace::Closed,
        Load::Open => Pace::PerSecond(1000.0),
        Load::Near => Pace::PerSecond(900.0),
    };
    let watched = vec![Usage {
        cpu: Duration::from_micros(cpu_us * 1000),
        rss: cpu_us * 1_000_000,
        peak: cpu_us * 2_000_000,
    }];
    let report = Report {
        requests: 1000,
        seconds: 2.0,
        failures: BTreeMap::new(),
        bytes: 0,
        latency: Latency {
            count: 1000,
            p50: 100.0,
            p99: 700.0,
            p999: 800.0,
            max: 900.0,
        },
        watched,
        generator: Usage::default(),
        tokens: 0,
    };
    Sample {
        round,
        case: case.to_owned(),
        who: who.name().to_owned(),
        load,
        pace,
        report,
    }
}

fn answered(requests: u64, mut sample: Sample) -> Sample {
    sample.report.requests = requests;
    sample
}

fn results() -> Results {
    let closed = |round, who, cpu| sample(round, "post/no-token", who, Load::Closed, cpu);
    Results {
        machine: Machine {
            date: "2026-11-23".to_owned(),
            processor: "some processor".to_owned(),
            cores: 2,
            system: "Linux 6".to_owned(),
            load: "1.00 1.00 1.00".to_owned(),
            others: vec![("rustc".to_owned(), 12.3)],
        },
        missing: vec!["NestJS (npm)".to_owned()],
        samples: vec![
            // The second round met a machine that was twice as slow.
            closed(0, Who::Edge, 24),
            closed(0, Who::Floor, 20),
            closed(0, Who::Envoy, 50),
            closed(1, Who::Edge, 44),
            closed(1, Who::Floor, 40),
            closed(1, Who::Envoy, 100),
            answered(1250, closed(0, Who::Direct, 9)),
            answered(2500, closed(1, Who::Direct, 9)),
            answered(4000, closed(1, Who::DirectByOne, 5)),
            sample(0, "post/no-token", Who::Edge, Load::Open, 60),
            sample(0, "post/no-token", Who::Edge, Load::Near, 30),
        ],
    }
}

#[test]
fn ratios_are_of_the_same_round() {
    let text = text(&results());
    // 24/20 and 44/40; not the medians' 34/30.
    assert!(
        text.contains("| GET post, no token: edge to floor | 1.15 (1.10–1.20) | ≤ 1.25 | hit |"),
        "{text}"
    );
    assert!(
        text.contains(
            "| GET post, no token: edge to Envoy | 0.46 (0.44–0.48) | ≤ 0.45 | **missed** |"
        ),
        "{text}"
    );
    assert!(
        text.contains("| GET post, no token: edge to NestJS |  | ≤ 0.17 | not measured |"),
        "{text}"
    );
    assert!(
        text.contains(
            "| edge at 70 % of saturation: p99 to p50 | 7.00 (7.00–7.00) | ≤ 6 | **missed** |"
        ),
        "{text}"
    );
    assert!(text.contains("Not there: NestJS (npm)."), "{text}");
    assert!(
        text.contains("other programs that ran to the end used 12 s of CPU."),
        "{text}"
    );
}

#[test]
fn throughput_through_a_gateway_is_a_part_of_that_without() {
    let text = text(&results());
    // 1000 of 1250 and of 2500; the floor answered as many as the edge, NestJS was not there.
    let part = "0.60 (0.40–0.80)";
    assert!(
        text.contains(&format!(
            "| GET post, no token, 32 connections | 938 | {part} | {part} | {part} |  |"
        )),
        "{text}"
    );
    assert!(
        text.contains("| GET post, no token, one connection | 2000 | 0.25 (0.25–0.25) |"),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "| GET post, throughput: edge to the RPC called directly | {part} | ≥ 0.5 | hit |"
        )),
        "{text}"
    );
    assert!(
        text.contains(
            "page of 20, throughput: edge to the RPC called directly |  | ≥ 0.5 | not measured |"
        ),
        "{text}"
    );
}

#[test]
fn a_bound_holds_at_its_value_and_on_its_side() {
    let bounds = [Bound::AtMost(0.5), Bound::AtLeast(0.5), Bound::None];
    let verdicts = |ratio| bounds.map(|bound| bound.verdict(ratio));
    assert_eq!(verdicts(0.4), ["hit", "**missed**", ""]);
    assert_eq!(verdicts(0.5), ["hit", "hit", ""]);
    assert_eq!(verdicts(0.6), ["**missed**", "hit", ""]);
    assert_eq!(bounds.map(Bound::text), ["≤ 0.5", "≥ 0.5", ""]);
}

#[test]
fn a_cell_is_the_median_with_its_spread_and_load_does_not_mix() {
    let text = text(&results());
    // Neither of the fixed rates is among them.
    assert!(
        text.contains(
            "| GET post, no token | 34.0 (24.0–44.0) | 30.0 (20.0–40.0) | 75.0 (50.0–100.0) |"
        ),
        "{text}"
    );
    assert!(
        text.contains("| GET post, no token | 500 | 500 | 500 |"),
        "{text}"
    );
    assert!(text.contains("Latency at 1000 requests a second"), "{text}");
    assert!(
        text.contains("| GET post, no token | 100 / 700 / 800 |"),
        "{text}"
    );
}

#[test]
fn the_picture_is_drawn_to_scale_and_the_same_each_time() {
    let results = results();
    let svg = picture::draw(&results);
    assert_eq!(svg, picture::draw(&results));
    // Envoy's 75 µs fill the width of 500; the edge's 34 are that part of it.
    assert!(svg.contains("width=\"500.0\""), "{svg}");
    assert!(svg.contains("width=\"226.7\""), "{svg}");
    assert_eq!(svg.matches("<text").count(), 1 + 4 + 5 + 20, "{svg}");
}

#[test]
fn tables_are_put_between_their_marks() {
    let document = format!("# Performance\n\n{BEGIN}old\n{END}\n\nmore\n");
    let placed = placed(&document, "new\n").unwrap();
    assert_eq!(
        placed,
        format!("# Performance\n\n{BEGIN}new\n{END}\n\nmore\n")
    );
    assert!(super::placed("no marks", "new").is_err());
}
