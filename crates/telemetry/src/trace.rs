//! W3C Trace Context: the `traceparent` header (<https://www.w3.org/TR/trace-context/>).

use std::{fmt, str::FromStr};

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// The metadata key, and the HTTP header.
pub const HEADER: &str = "traceparent";

/// Which trace, and which span of it, work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

/// Not a `traceparent`; the trace then begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl TraceContext {
    /// Begins a trace.
    pub fn fresh() -> Self {
        // Ids are never zero; a zero drawn by chance becomes one.
        let trace = TraceId::from(rand::random::<u128>().max(1));
        Self {
            trace,
            span: fresh_span(),
            flags: TraceFlags::SAMPLED,
        }
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
            ..*self
        }
    }

    /// Returns the trace id: 32 hexadecimal digits when printed.
    pub fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// Returns the span id: 16 hexadecimal digits when printed.
    pub fn span_id(&self) -> SpanId {
        self.span
    }
}

fn fresh_span() -> SpanId {
    SpanId::from(rand::random::<u64>().max(1))
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace,
            self.span,
            self.flags.to_u8()
        )
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
            flags: flags & TraceFlags::SAMPLED,
        })
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
        assert_eq!(child.to_string().parse(), Ok(child));
        assert_ne!(
            TraceContext::fresh().trace_id(),
            TraceContext::continued(None).trace_id()
        );
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
