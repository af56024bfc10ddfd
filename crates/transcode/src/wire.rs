//! The protobuf wire format: varints, tags, length-delimited chunks, skipping.
//!
//! Readers take `&mut &[u8]` and leave it after what they read. Failures are
//! plain sentences, because a malformed reply is a defect of a service and is
//! only ever logged.

/// The outcome of reading wire bytes.
pub(crate) type Result<T> = std::result::Result<T, &'static str>;

/// Wire type of varints.
pub(crate) const VARINT: u32 = 0;
/// Wire type of eight fixed bytes.
pub(crate) const FIXED64: u32 = 1;
/// Wire type of length-delimited chunks.
pub(crate) const CHUNK: u32 = 2;
/// Wire type of four fixed bytes.
pub(crate) const FIXED32: u32 = 5;

const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;

/// How deep messages may nest, as in prost.
pub(crate) const DEPTH: usize = 100;

/// Reads a varint of at most ten bytes.
#[inline(always)]
pub(crate) fn varint(bytes: &mut &[u8]) -> Result<u64> {
    match bytes.split_first() {
        Some((&first, rest)) if first < 0x80 => {
            *bytes = rest;
            Ok(u64::from(first))
        }
        _ => long_varint(bytes),
    }
}

fn long_varint(bytes: &mut &[u8]) -> Result<u64> {
    // Most lengths of texts and most tags of wide messages.
    if let [first, second @ 0..0x80, ref rest @ ..] = **bytes {
        *bytes = rest;
        return Ok(u64::from(first & 0x7f) | u64::from(second) << 7);
    }
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            if index == 9 && byte > 1 {
                return Err("a varint exceeds 64 bits");
            }
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < 10 {
        "a varint is cut short"
    } else {
        "a varint exceeds 64 bits"
    })
}

/// Reads a tag: field number above wire type, at most five bytes.
#[inline(always)]
pub(crate) fn tag(bytes: &mut &[u8]) -> Result<u32> {
    // The tags of fields up to 15, as most are.
    if let [tag @ 8..0x80, ref rest @ ..] = **bytes {
        *bytes = rest;
        return Ok(u32::from(tag));
    }
    long_tag(bytes)
}

fn long_tag(bytes: &mut &[u8]) -> Result<u32> {
    let before = bytes.len();
    let tag = varint(bytes)?;
    if before - bytes.len() > 5 {
        return Err("a tag is longer than five bytes");
    }
    let tag = u32::try_from(tag).map_err(|_| "a tag exceeds 32 bits")?;
    if tag >> 3 == 0 {
        return Err("field number zero");
    }
    Ok(tag)
}

/// Reads a length and as many bytes.
#[inline]
pub(crate) fn chunk<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).map_err(|_| "a length exceeds memory")?;
    let (chunk, rest) = bytes
        .split_at_checked(length)
        .ok_or("a chunk is cut short")?;
    *bytes = rest;
    Ok(chunk)
}

/// Reads four little-endian bytes.
pub(crate) fn fixed32(bytes: &mut &[u8]) -> Result<u32> {
    let (value, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or("a fixed32 is cut short")?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*value))
}

/// Reads eight little-endian bytes.
pub(crate) fn fixed64(bytes: &mut &[u8]) -> Result<u64> {
    let (value, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or("a fixed64 is cut short")?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*value))
}

/// Reads a chunk that must be UTF-8.
pub(crate) fn text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(chunk(bytes)?).map_err(|_| "a string is not UTF-8")
}

/// Skips the value that follows `tag`.
pub(crate) fn skip(bytes: &mut &[u8], tag: u32, depth: usize) -> Result<()> {
    match tag & 7 {
        VARINT => varint(bytes).map(drop),
        FIXED64 => fixed64(bytes).map(drop),
        CHUNK => chunk(bytes).map(drop),
        FIXED32 => fixed32(bytes).map(drop),
        GROUP_START => loop {
            if depth >= DEPTH {
                return Err("nested too deeply");
            }
            let inner = self::tag(bytes)?;
            if inner & 7 == GROUP_END {
                return if inner >> 3 == tag >> 3 {
                    Ok(())
                } else {
                    Err("a group ends under another number")
                };
            }
            skip(bytes, inner, depth + 1)?;
        },
        GROUP_END => Err("a group ends that never began"),
        _ => Err("an unknown wire type"),
    }
}

/// The bytes of the last occurrence of a field: its whole value as encoded,
/// length prefix included. Looks at the top level only.
pub(crate) fn last(mut bytes: &[u8], number: u32) -> Result<Option<(u32, &[u8])>> {
    let mut found = None;
    while !bytes.is_empty() {
        let tag = tag(&mut bytes)?;
        let before = bytes;
        skip(&mut bytes, tag, 0)?;
        if tag >> 3 == number {
            found = Some((tag & 7, &before[..before.len() - bytes.len()]));
        }
    }
    Ok(found)
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        put_long_varint(out, value);
    }
}

fn put_long_varint(out: &mut Vec<u8>, mut value: u64) {
    let mut bytes = [0; 10];
    let mut used = 0;
    for byte in &mut bytes {
        used += 1;
        if value < 0x80 {
            *byte = value as u8;
            break;
        }
        *byte = value as u8 | 0x80;
        value >>= 7;
    }
    out.extend_from_slice(&bytes[..used]);
}

/// Begins a length-delimited chunk: one byte is kept free for the length.
pub(crate) fn open(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Ends the chunk that began at `start`; content longer than 127 bytes moves
/// up to make room for its length.
pub(crate) fn close(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
        return;
    }
    let mut prefix = [0u8; 10];
    let mut used = 0;
    let mut rest = length;
    while rest >= 0x80 {
        prefix[used] = rest as u8 | 0x80;
        rest >>= 7;
        used += 1;
    }
    prefix[used] = rest as u8;
    let extra = used;
    let end = out.len();
    out.resize(end + extra, 0);
    out.copy_within(start..end, start + extra);
    out[start - 1..start + extra].copy_from_slice(&prefix[..=used]);
}

/// Appends a length-delimited chunk without its tag.
pub(crate) fn put_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    put_varint(out, chunk.len() as u64);
    out.extend_from_slice(chunk);
}

/// Maps small magnitudes to small numbers.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_survive_the_round_trip() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut bytes = out.as_slice();
            assert_eq!(varint(&mut bytes), Ok(value));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn varints_and_tags_beyond_their_size_are_refused() {
        let mut eleven: &[u8] = &[0xff; 11];
        assert!(varint(&mut eleven).is_err());
        let mut high: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert!(varint(&mut high).is_err());
        let mut long_tag: &[u8] = &[0x88, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert!(tag(&mut long_tag).is_err());
        let mut zero: &[u8] = &[0x00];
        assert!(tag(&mut zero).is_err());
    }

    #[test]
    fn chunks_of_any_length_get_their_prefix() {
        for length in [0usize, 1, 127, 128, 16_383, 16_384, 70_000] {
            let mut out = vec![9];
            let start = open(&mut out);
            out.extend(std::iter::repeat_n(7u8, length));
            close(&mut out, start);
            let mut bytes = &out[1..];
            let read = chunk(&mut bytes).unwrap();
            assert_eq!(read.len(), length);
            assert!(read.iter().all(|&byte| byte == 7) && bytes.is_empty());
        }
    }

    #[test]
    fn zigzag_is_its_own_inverse() {
        for value in [0, 1, -1, i64::MAX, i64::MIN, i64::from(i32::MIN)] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
