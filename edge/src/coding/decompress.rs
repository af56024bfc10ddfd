//! Takes compressed request bodies apart, within limits that hold while it does so (GW-29, N-15, T22).

use std::io::{self, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliResult, BrotliState};
use bytes::Bytes;
use fault::{Fault, Reason};
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};

use super::{Coding, INLINE};
use crate::respond::Refusal;

/// The largest window of a zstd frame, as a power of two: 8 MiB, what RFC 9659 lets senders use.
const ZSTD_WINDOW: u32 = 23;

/// Brotli gives back this much at a time.
const CHUNK: usize = 16 * 1024;

/// What a 415 says is taken (RFC 9110 §15.5.16).
const TAKEN: HeaderValue = HeaderValue::from_static("gzip, br, zstd");

/// Returns the coding a request body has, `None` for a plain one.
pub(crate) fn of_request(headers: &HeaderMap) -> Result<Option<Coding>, Refusal> {
    let mut names = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        // A name that is no text is no name of ours.
        let value = value.to_str().unwrap_or("?");
        names.extend(
            value
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")),
        );
    }
    match names.as_slice() {
        [] => Ok(None),
        [name] => Coding::named(name).map(Some).ok_or_else(not_taken),
        _stacked => Err(not_taken()),
    }
}

fn not_taken() -> Refusal {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, TAKEN);
    Refusal {
        fault: Fault::new(
            Reason::UnsupportedMediaType,
            "The body must be plain or have exactly one of the codings gzip, br and zstd",
        ),
        headers,
    }
}

/// Returns what a body says, as long as that is at most `most` bytes and at most `ratio` for each of its own (N-15).
///
/// # Errors
/// `PAYLOAD_TOO_LARGE` as soon as a limit is passed, `VALIDATION_ERROR` for what is cut off or is not of this coding.
pub(crate) async fn decompress(
    coding: Coding,
    body: Bytes,
    most: usize,
    ratio: usize,
) -> Result<Bytes, Fault> {
    let most = most.min(body.len().saturating_mul(ratio));
    if most <= INLINE {
        return decode(coding, &body, most);
    }
    tokio::task::spawn_blocking(move || decode(coding, &body, most))
        .await
        .map_err(Fault::internal)?
}

fn decode(coding: Coding, body: &[u8], most: usize) -> Result<Bytes, Fault> {
    let read = match coding {
        Coding::Zstd => zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW)?;
            read(decoder, most)
        }),
        Coding::Gzip => read(MultiGzDecoder::new(body), most),
        Coding::Brotli => read_brotli(body, most),
    };
    let plain = read.map_err(|_broken| {
        Fault::new(
            Reason::ValidationError,
            format!("The body is not whole or not {}", coding.name()),
        )
    })?;
    plain.ok_or_else(|| {
        Fault::new(
            Reason::PayloadTooLarge,
            format!("The body is larger than {most} bytes once decompressed"),
        )
    })
}

/// Reads to the end, `None` if that lies behind `most`.
fn read(decoder: impl Read, most: usize) -> io::Result<Option<Bytes>> {
    let mut plain = Vec::new();
    decoder.take(most as u64 + 1).read_to_end(&mut plain)?;
    Ok((plain.len() <= most).then(|| plain.into()))
}

/// As [`read`], but what stands behind the last byte of the stream belongs to nothing. Windows beyond the 16 MiB of
/// RFC 7932, which the crate's readers allow, are not taken.
fn read_brotli(body: &[u8], most: usize) -> io::Result<Option<Bytes>> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut taken, mut left, mut total) = (0, body.len(), 0);
    let (mut plain, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let (mut made, mut room) = (0, chunk.len());
        let result = brotli::BrotliDecompressStream(
            &mut left, &mut taken, body, &mut room, &mut made, &mut chunk, &mut total, &mut state,
        );
        plain.extend_from_slice(&chunk[..made]);
        if plain.len() > most {
            return Ok(None);
        }
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess if taken == body.len() => return Ok(Some(plain.into())),
            BrotliResult::ResultSuccess
            | BrotliResult::NeedsMoreInput
            | BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use brotli::enc::BrotliEncoderParams;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn coded(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Zstd => zstd::encode_all(plain, 1).unwrap(),
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut coded = Vec::new();
                let params = BrotliEncoderParams {
                    quality: 3,
                    ..BrotliEncoderParams::default()
                };
                brotli::BrotliCompress(&mut &*plain, &mut coded, &params).unwrap();
                coded
            }
        }
    }

    async fn reason(coding: Coding, body: Vec<u8>, most: usize) -> Reason {
        decompress(coding, body.into(), most, 100)
            .await
            .unwrap_err()
            .reason()
    }

    fn text(length: usize) -> Vec<u8> {
        let numbers: String = (0..length).map(|n| format!("{n} ")).collect();
        numbers.into_bytes()[..length].to_vec()
    }

    #[tokio::test]
    async fn gw_29_the_limit_holds_for_what_comes_out_to_the_byte() {
        for length in [1, 5000, INLINE, INLINE + 1, 1 << 20] {
            let plain = text(length);
            for coding in Coding::ALL {
                let body = coded(coding, &plain);
                let back = decompress(coding, body.clone().into(), length, 100).await;
                assert!(back.unwrap() == plain, "{coding:?} {length}");
                assert_eq!(
                    reason(coding, body, length - 1).await,
                    Reason::PayloadTooLarge,
                    "{coding:?} {length}"
                );
            }
        }
    }

    #[tokio::test]
    async fn n_15_t22_one_byte_becomes_a_hundred_at_most() {
        // A gigabyte of nothing is a megabyte of gzip; a mebibyte is the smallest bomb.
        let bomb = vec![b' '; 1 << 20];
        for coding in Coding::ALL {
            let body = coded(coding, &bomb);
            assert!(body.len() * 100 < bomb.len(), "{coding:?} is no bomb");
            assert_eq!(
                reason(coding, body, usize::MAX).await,
                Reason::PayloadTooLarge,
                "{coding:?}"
            );
        }
    }

    #[tokio::test]
    async fn gw_29_what_is_cut_off_broken_or_followed_by_anything_is_400() {
        let plain = text(3000);
        for coding in Coding::ALL {
            let whole = coded(coding, &plain);
            for cut in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
                let cut = whole[..cut].to_vec();
                assert_eq!(
                    reason(coding, cut.clone(), 1 << 20).await,
                    Reason::ValidationError,
                    "{coding:?} cut to {}",
                    cut.len()
                );
            }
            let followed = [whole.as_slice(), b"{\"more\":1}"].concat();
            assert_eq!(
                reason(coding, followed, 1 << 20).await,
                Reason::ValidationError,
                "{coding:?} followed by something"
            );
            assert_eq!(
                reason(coding, plain.clone(), 1 << 20).await,
                Reason::ValidationError,
                "{coding:?} is plain text"
            );
        }
        let mut broken = coded(Coding::Gzip, &plain);
        let end = broken.len() - 5;
        broken[end] ^= 1;
        assert_eq!(
            reason(Coding::Gzip, broken, 1 << 20).await,
            Reason::ValidationError,
            "the checksum"
        );
    }

    #[tokio::test]
    async fn gw_29_members_and_frames_in_a_row_are_one_body() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let row = [coded(coding, b"[1,"), coded(coding, b"2]")].concat();
            let back = decompress(coding, row.into(), 100, 100).await.unwrap();
            assert_eq!(back, "[1,2]");
        }
    }

    #[tokio::test]
    async fn gw_29_a_zstd_window_beyond_8_mib_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(b"{}").unwrap();
        let body = encoder.finish().unwrap();
        assert_eq!(
            reason(Coding::Zstd, body, 1 << 20).await,
            Reason::ValidationError
        );
    }

    #[test]
    fn gw_29_one_known_coding_is_taken_and_a_415_names_them_all() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, line.parse().unwrap());
            }
            of_request(&headers)
        };
        for (lines, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["GZIP"], Some(Coding::Gzip)),
            (&["x-gzip"], Some(Coding::Gzip)),
            (&["br"], Some(Coding::Brotli)),
            (&["zstd"], Some(Coding::Zstd)),
            (&["identity, gzip"], Some(Coding::Gzip)),
        ] {
            assert_eq!(of(lines).unwrap(), coding, "{lines:?}");
        }
        for lines in [
            &["deflate"][..],
            &["gzip, gzip"],
            &["gzip", "br"],
            &["gzip;q=1"],
            &["gzip br"],
            &["*"],
        ] {
            let refused = of(lines).unwrap_err();
            assert_eq!(refused.fault.reason(), Reason::UnsupportedMediaType);
            assert_eq!(refused.headers[ACCEPT_ENCODING], "gzip, br, zstd");
        }
    }
}
