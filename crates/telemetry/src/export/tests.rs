//! A collector that is slow, dead or away harms nobody.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant as Clock,
};

use opentelemetry_sdk::error::OTelSdkResult;

use super::*;
use crate::{
    TraceContext,
    span::{Kind, Recording},
};

fn span() -> SpanData {
    Recording::begin(TraceContext::fresh(), Kind::Internal, "test").ended(identity::clock::now())
}

/// Takes spans and counts them, or never answers.
#[derive(Debug, Clone, Default)]
struct Collector {
    hangs: bool,
    taken: Arc<AtomicUsize>,
    largest: Arc<AtomicUsize>,
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.hangs {
            pending::<()>().await;
        }
        self.largest.fetch_max(batch.len(), Ordering::SeqCst);
        self.taken.fetch_add(batch.len(), Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn ob_4_what_waits_at_the_end_is_sent() {
    let collector = Collector::default();
    let theirs = collector.clone();
    let (queue, exporting) = worker(move || Ok(theirs)).unwrap();
    for _ in 0..1500 {
        enqueue(&queue, span());
    }
    drop(exporting);
    assert_eq!(collector.taken.load(Ordering::SeqCst), 1500);
    assert!(collector.largest.load(Ordering::SeqCst) <= BATCH);
    // Later spans have nowhere to go and hold nobody up.
    enqueue(&queue, span());
}

#[test]
fn ob_4_a_collector_that_hangs_costs_a_bounded_queue_and_a_bounded_end() {
    let collector = Collector {
        hangs: true,
        ..Collector::default()
    };
    let (queue, exporting) = worker(move || Ok(collector)).unwrap();
    let offered = 2 * (QUEUE + BATCH);
    let kept = (0..offered).filter(|_| queue.try_send(span()).is_ok());
    assert!((QUEUE..=QUEUE + BATCH).contains(&kept.count()));
    let asked = Clock::now();
    drop(exporting);
    assert!(asked.elapsed() < 3 * FLUSH);
}

#[test]
fn ob_4_settings_that_cannot_be_used_are_named() {
    let named = |config: Traces| config.check().unwrap_err().to_string();
    for endpoint in ["collector:4317", "https://collector:4317", "http://"] {
        let config = Traces {
            endpoint: endpoint.to_owned(),
            ..Traces::default()
        };
        assert!(named(config).contains("trace.endpoint"), "{endpoint}");
    }
    for ratio in [-0.1, 1.1, f64::NAN] {
        let config = Traces {
            ratio,
            ..Traces::default()
        };
        assert!(named(config).contains("trace.ratio"), "{ratio}");
    }
    Traces::default().check().unwrap();
}
