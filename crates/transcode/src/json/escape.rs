//! Texts as JSON strings.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Appends a quoted, escaped string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    escaped(out, text.as_bytes());
    out.push(b'"');
}

/// As [`string`], for bytes that have yet to be found UTF-8. Plain ASCII, as
/// most texts are, is looked at once only; false when the bytes are not UTF-8.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let plain = clean_prefix(bytes, HIGHS);
    out.extend_from_slice(&bytes[..plain]);
    if plain < bytes.len() {
        if std::str::from_utf8(&bytes[plain..]).is_err() {
            return false;
        }
        escaped(out, &bytes[plain..]);
    }
    out.push(b'"');
    true
}

fn escaped(out: &mut Vec<u8>, mut rest: &[u8]) {
    loop {
        let clean = clean_prefix(rest, 0);
        out.extend_from_slice(&rest[..clean]);
        let Some(&byte) = rest.get(clean) else { return };
        escape(out, byte);
        rest = &rest[clean + 1..];
    }
}

// How many bytes need no escape, eight at a time; with `HIGHS` as `stop` only
// ASCII is counted. In each word the lowest marked byte is exact; bytes above
// it may be marked wrongly by the borrow.
#[inline]
fn clean_prefix(bytes: &[u8], stop: u64) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let marked = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word)
            | (word & stop);
        let marked = marked & HIGHS;
        if marked != 0 {
            return index * 8 + (marked.trailing_zeros() / 8) as usize;
        }
    }
    let highest = if stop == 0 { 0xff } else { 0x7f };
    let special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\' || byte > highest;
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_wherever_it_stands() {
        for code in (0..0x300u32).chain([0x2028, 0xfffd, 0x1_f600]) {
            let letter = char::from_u32(code).unwrap();
            for before in 0..17 {
                let text = format!(
                    "{}{letter}{}",
                    "a".repeat(before),
                    "é\"\\".repeat(before % 4)
                );
                let mut out = Vec::new();
                string(&mut out, &text);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
                let mut again = Vec::new();
                assert!(bytes(&mut again, text.as_bytes()) && again == out);
            }
        }
    }

    #[test]
    fn what_is_not_utf_8_is_told() {
        for wrong in [&b"\xff"[..], b"aaaaaaaaa\xc3", b"\"\x80", b"\xed\xa0\x80"] {
            assert!(!bytes(&mut Vec::new(), wrong), "{wrong:?}");
        }
    }
}
