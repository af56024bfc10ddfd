//! Reads a request body within its limits of size, silence and speed (N-14, N-17).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fault::{Fault, Reason};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::config::Limits;

/// Returns the whole body, or what is wrong with it as soon as that is known.
pub(crate) async fn read<B>(mut body: B, most: usize, limits: &Limits) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    let too_large = || {
        Fault::new(
            Reason::PayloadTooLarge,
            format!("The body is larger than {most} bytes"),
        )
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let begun = Instant::now();
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let received = first.len() + whole.len();
        let frame = tokio::time::timeout_at(due(begun, received, limits), body.frame()).await;
        let Some(frame) = frame.map_err(|_elapsed| {
            Fault::new(Reason::RequestTimeout, "The request body took too long")
        })?
        else {
            break;
        };
        // The client left or broke the framing; which of them does not matter to a client that still listens.
        let frame = frame.map_err(|_cut| {
            Fault::new(Reason::ValidationError, "The request body is incomplete")
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if received + data.len() > most {
            return Err(too_large());
        }
        if received == 0 {
            first = data;
        } else {
            if whole.is_empty() {
                whole = BytesMut::from(std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

/// Returns when the next part of a body is due.
fn due(begun: Instant, received: usize, limits: &Limits) -> Instant {
    // Silence and dribbling are the same attack: every byte buys its share of time and no more.
    let earned = Duration::from_secs(received as u64 / limits.body_min_rate.max(1));
    (Instant::now() + limits.idle_body()).min(begun + limits.idle_body() + earned)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use http_body_util::Full;
    use tokio::time::{Interval, interval};

    use super::*;

    /// One byte a tick, for ever.
    struct Dribble(Interval);

    impl Body for Dribble {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0
                .poll_tick(cx)
                .map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test]
    async fn n_14_a_body_of_the_limit_passes_and_one_byte_more_does_not() {
        let limits = Limits::default();
        assert_eq!(
            read(Full::new(Bytes::from_static(b"12345")), 5, &limits)
                .await
                .unwrap(),
            "12345"
        );
        let refused = read(Full::new(Bytes::from_static(b"123456")), 5, &limits)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), Reason::PayloadTooLarge);
    }

    #[tokio::test]
    async fn t26_silence_and_dribbling_both_end_after_the_idle_time() {
        let limits = Limits {
            idle_body_ms: 200,
            ..Limits::default()
        };
        for tick in [Duration::from_secs(3600), Duration::from_millis(20)] {
            let begun = Instant::now();
            let mut ticks = interval(tick);
            ticks.tick().await;
            let refused = read(Dribble(ticks), 1 << 20, &limits).await.unwrap_err();
            assert_eq!(refused.reason(), Reason::RequestTimeout);
            let took = begun.elapsed();
            assert!(
                took >= limits.idle_body() && took < Duration::from_secs(5),
                "{took:?}"
            );
        }
    }
}
