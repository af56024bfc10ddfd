//! Lines that nothing in them can forge (OB-1, T34).

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the work and returns the lines it logged.
fn logged(work: impl FnOnce()) -> Vec<Value> {
    let log = Log::default();
    let writer = log.clone();
    let lines = JsonLines::new(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn ob_1_a_line_has_the_documented_members_and_those_of_its_spans() {
    let lines = logged(|| {
        let outer = tracing::info_span!(
            "rpc",
            service = "feed",
            request_id = "request-1",
            trace_id = "ab"
        );
        let _outer = outer.enter();
        let inner = tracing::info_span!(
            "inner",
            status = tracing::field::Empty,
            request_id = "request-2"
        );
        let _inner = inner.enter();
        inner.record("status", 200);
        tracing::warn!(
            duration = 0.25,
            route = "/x",
            retried = true,
            "call {}",
            "ended"
        );
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    for (name, value) in [
        ("level", "WARN".into()),
        ("service", "feed".into()),
        ("message", "call ended".into()),
        ("requestId", "request-2".into()),
        ("traceId", "ab".into()),
        ("route", "/x".into()),
        ("status", Value::from(200)),
        ("duration", Value::from(0.25)),
        ("retried", Value::from(true)),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    let time = line["time"].as_str().unwrap();
    assert!(
        time.ends_with('Z') && time::OffsetDateTime::parse(time, &Rfc3339).is_ok(),
        "{time}"
    );
}

#[test]
fn ob_1_a_member_is_there_once_and_the_innermost_and_latest_counts() {
    let log = Log::default();
    let writer = log.clone();
    let lines = JsonLines::new(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        let outer = tracing::info_span!("outer", status = 1, level = "forged", route = "/outer");
        let _outer = outer.enter();
        let inner = tracing::info_span!("inner", status = 2, figure = f64::NAN);
        let _inner = inner.enter();
        inner.record("status", 3);
        tracing::info!(status = 4, ratio = 1.0, count = -5, "first");
        tracing::info!("second");
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let [first, second] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    for (line, status) in [(first, "4"), (second, "3")] {
        for member in [
            &format!("\"status\":{status}"),
            "\"level\":\"INFO\"",
            "\"route\":\"/outer\"",
            "\"figure\":null",
        ] {
            assert_eq!(line.matches(member).count(), 1, "{member}: {line}");
        }
        assert_eq!(line.matches("\"status\":").count(), 1, "{line}");
        assert_eq!(line.matches("\"level\":").count(), 1, "{line}");
        assert_eq!(
            line.matches("\"service\":\"smilefactory\"").count(),
            1,
            "{line}"
        );
    }
    assert!(
        first.contains("\"ratio\":1.0,") || first.contains("\"ratio\":1.0}"),
        "{first}"
    );
    assert!(first.contains("\"count\":-5"), "{first}");
}

#[test]
fn t_34_no_text_forges_a_line_or_a_member() {
    let hostile = [
        "a\r\nb",
        "\n{\"level\":\"ERROR\",\"message\":\"forged\"}",
        "\",\"level\":\"ERROR\",\"x\":\"",
        "\u{1b}[2J\u{1b}[31mred",
        "\u{9b}31m\u{7f}\u{85}",
        "\u{0}\u{8}\t",
        "}\n{",
    ];
    for text in hostile {
        let lines = logged(|| {
            let span = tracing::info_span!("rpc", route = text, agent = ?text);
            let _in = span.enter();
            tracing::info!(
                user_agent = text,
                level = "ERROR",
                time = "never",
                message = text
            );
        });
        let [line] = lines.as_slice() else {
            panic!("{text:?}: {lines:?}")
        };
        assert_eq!(
            (&line["level"], &line["userAgent"]),
            (&Value::from("INFO"), &Value::from(text))
        );
        assert_eq!(
            (&line["message"], &line["route"]),
            (&Value::from(text), &Value::from(text))
        );
        assert_ne!(line["time"], Value::from("never"));
    }
}
