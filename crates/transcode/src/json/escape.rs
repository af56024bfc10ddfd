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

/// As [`string`], for bytes that have yet to be found UTF-8. ASCII, as most
/// texts are, is looked at once only; false when the bytes are not UTF-8.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut rest = bytes;
    loop {
        let clean = clean_prefix::<true>(rest);
        out.extend_from_slice(&rest[..clean]);
        match rest.get(clean) {
            None => break,
            Some(&byte) if byte.is_ascii() => {
                escape(out, byte);
                rest = &rest[clean + 1..];
            }
            Some(_) if std::str::from_utf8(&rest[clean..]).is_err() => return false,
            Some(_) => {
                escaped(out, &rest[clean..]);
                break;
            }
        }
    }
    out.push(b'"');
    true
}

fn escaped(out: &mut Vec<u8>, mut rest: &[u8]) {
    loop {
        let clean = clean_prefix::<false>(rest);
        out.extend_from_slice(&rest[..clean]);
        let Some(&byte) = rest.get(clean) else { return };
        escape(out, byte);
        rest = &rest[clean + 1..];
    }
}

// How many bytes need no escape and, with `ASCII`, are that, eight at a time.
#[inline]
fn clean_prefix<const ASCII: bool>(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marked = marked::<ASCII>(*word);
        if marked != 0 {
            return index * 8 + (marked.trailing_zeros() / 8) as usize;
        }
    }
    // The last eight bytes overlap what was clean.
    if let Some(last) = bytes.last_chunk()
        && marked::<ASCII>(*last) == 0
    {
        return bytes.len();
    }
    let special =
        |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\' || (ASCII && byte > 0x7f);
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

// The high bit of each byte that is not clean. The lowest is exact; bytes above it may be marked wrongly by the borrow.
#[inline]
fn marked<const ASCII: bool>(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let (quotes, slashes) = (quote.wrapping_sub(ONES), slash.wrapping_sub(ONES));
    let controls = word.wrapping_sub(ONES * 0x20);
    let marked = if ASCII {
        // What a subtraction marks beyond its own are bytes above ASCII, marked anyway.
        quotes | slashes | controls | word
    } else {
        (quotes & !quote) | (slashes & !slash) | (controls & !word)
    };
    marked & HIGHS
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
