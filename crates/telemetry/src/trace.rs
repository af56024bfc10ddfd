//! W3C Trace Context: the `traceparent` header (<https://www.w3.org/TR/trace-context/>), and which traces are sampled.

use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::export;

/// The metadata key, and the HTTP header.
pub const HEADER: &str = "traceparent";

/// Which trace, and which span of it, work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    span: SpanId,
    /// The span this one is part of; none where the trace began, or when read from a header.
    parent: Option<SpanId>,
    flags: TraceFlags,
}

/// Not a `traceparent`; the trace then begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl TraceContext {
    /// Begins a trace; chance decides whether it is sampled, by the configured ratio.
    pub fn fresh() -> Self {
        // Ids are never zero; a zero drawn by chance becomes one.
        let trace = TraceId::from(rand::random::<u128>().max(1));
        Self {
            trace,
            span: fresh_span(),
            parent: None,
            flags: drawn(),
        }
    }

    /// Continues the trace of a header from outside, or begins one. A trace that is not sampled outside is not sampled
    /// here. One that is, is sampled here as long as `forced` has something left; after that chance decides, so that
    /// nobody outside can have everything exported.
    pub fn at_the_door(header: Option<&str>, forced: &Forced) -> Self {
        let mut trace = Self::continued(header);
        if trace.parent.is_some() && trace.is_sampled() && !forced.take() {
            trace.flags = drawn();
        }
        trace
    }

    /// Continues the trace of a header, or begins one when there is none or it is
    /// malformed.
    pub fn continued(header: Option<&str>) -> Self {
        header
            .and_then(|text| text.parse::<Self>().ok())
            .map_or_else(Self::fresh, |it| it.child())
    }

    /// Returns a new span of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span: fresh_span(),
            parent: Some(self.span),
            ..*self
        }
    }

    /// Whether the spans of this trace are exported, where there is an exporter.
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// Returns the trace id: 32 hexadecimal digits when printed.
    pub fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// Returns the span id: 16 hexadecimal digits when printed.
    pub fn span_id(&self) -> SpanId {
        self.span
    }

    pub(crate) fn parent(&self) -> SpanId {
        self.parent.unwrap_or(SpanId::INVALID)
    }

    pub(crate) fn span_context(&self) -> SpanContext {
        SpanContext::new(
            self.trace,
            self.span,
            self.flags,
            false,
            TraceState::default(),
        )
    }

    /// Returns a new span below the one OpenTelemetry knows as the current one.
    pub(crate) fn below(current: &SpanContext) -> Self {
        Self {
            trace: current.trace_id(),
            span: fresh_span(),
            parent: Some(current.span_id()),
            flags: current.trace_flags(),
        }
    }
}

/// How many traces a second whoever calls from outside can have sampled by asking for it.
#[derive(Debug)]
pub struct Forced {
    per_second: u32,
    /// Since when is counted, and how many there were since.
    taken: Mutex<(Instant, u32)>,
}

impl Forced {
    /// Zero makes the wish of callers count for nothing.
    #[must_use]
    pub fn per_second(per_second: u32) -> Self {
        Self {
            per_second,
            taken: Mutex::new((Instant::now(), 0)),
        }
    }

    fn take(&self) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.0.elapsed().as_secs() >= 1 {
            *taken = (Instant::now(), 0);
        }
        let left = taken.1 < self.per_second;
        if left {
            taken.1 += 1;
        }
        left
    }
}

/// Chance's decision about a trace that begins here.
fn drawn() -> TraceFlags {
    let ratio = export::ratio();
    let sampled = ratio > 0.0 && rand::random::<f64>() < ratio;
    TraceFlags::default().with_sampled(sampled)
}

fn fresh_span() -> SpanId {
    SpanId::from(rand::random::<u64>().max(1))
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every call prints some: without the machinery of numbers.
        let mut text = *b"00-                                -                -  ";
        hex(&self.trace.to_bytes(), &mut text[3..35]);
        hex(&self.span.to_bytes(), &mut text[36..52]);
        hex(&[self.flags.to_u8()], &mut text[53..]);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for TraceContext {
    type Err = Malformed;

    /// Reads a header. Versions to come are read by their first four fields, as the
    /// standard asks.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut fields = text.split('-');
        let mut field = |digits: usize| {
            fields
                .next()
                .filter(|f| f.len() == digits && f.bytes().all(is_lower_hex))
                .ok_or(Malformed)
        };
        let (version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let more = fields.next().is_some();
        let trace = TraceId::from_hex(trace).map_err(|_| Malformed)?;
        let span = SpanId::from_hex(span).map_err(|_| Malformed)?;
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).map_err(|_| Malformed)?);
        let wrong = version == "ff" || (version == "00" && more);
        if wrong || trace == TraceId::INVALID || span == SpanId::INVALID {
            return Err(Malformed);
        }
        Ok(Self {
            trace,
            span,
            parent: None,
            flags: flags & TraceFlags::SAMPLED,
        })
    }
}

/// Writes two digits for every byte.
fn hex(bytes: &[u8], digits: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, digits) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn ob_4_a_trace_is_continued_by_new_spans() {
        let parent: TraceContext = HEADER.parse().unwrap();
        assert_eq!(parent.to_string(), HEADER);
        let child = TraceContext::continued(Some(HEADER));
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert_eq!(child.parent(), parent.span_id());
        let read: TraceContext = child.to_string().parse().unwrap();
        assert_eq!(
            (read.trace_id(), read.span_id()),
            (child.trace_id(), child.span_id())
        );
        assert_ne!(
            TraceContext::fresh().trace_id(),
            TraceContext::continued(None).trace_id()
        );
    }

    #[test]
    fn ob_4_a_wish_from_outside_to_be_sampled_counts_a_few_times_a_second() {
        let forced = Forced::per_second(2);
        let sampled = |_: &i32| TraceContext::at_the_door(Some(HEADER), &forced).is_sampled();
        // The second may turn once while this runs.
        let count = (0..50).filter(sampled).count();
        assert!((2..=4).contains(&count), "{count}");
        let unwanted = HEADER.replace("-01", "-00");
        for _ in 0..50 {
            let trace = TraceContext::at_the_door(Some(&unwanted), &Forced::per_second(9));
            assert!(!trace.is_sampled());
            // Between services the flag stands.
            assert!(TraceContext::continued(Some(HEADER)).is_sampled());
            // Nothing is exported here, so nothing that begins here is sampled.
            assert!(!TraceContext::fresh().is_sampled());
        }
    }

    #[test]
    fn ob_4_malformed_headers_are_not_traces() {
        let of = |from: &str, to: &str| HEADER.replace(from, to);
        for bad in [
            String::new(),
            of("00-0af", "ff-0af"),
            of("-01", "-01-more"),
            of("0af7", "0AF7"),
            of("0af7", "0ag7"),
            of("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            of("b7ad6b7169203331", &"0".repeat(16)),
            of("-01", ""),
            HEADER.replace('-', "_"),
            format!(" {HEADER}"),
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(Malformed), "{bad:?}");
        }
        assert!(
            of("00-0af", "01-0af")
                .replace("-01", "-01-more")
                .parse::<TraceContext>()
                .is_ok()
        );
    }
}
