//! Timestamps and durations as ProtoJSON texts.

use std::ops::RangeInclusive;

/// Seconds of 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const TIMESTAMP: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Ten thousand years of 365.2425 days, either way.
const DURATION: RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;
const NANOS: i32 = 1_000_000_000;

/// How many fraction digits a timestamp has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fraction {
    /// Three, always (CV-8); what is finer is cut.
    Millis,
    /// None, three, six or nine, as needed.
    Needed,
}

/// Appends `2026-01-02T03:04:05.678Z`; false when out of range.
pub(crate) fn put_timestamp(
    out: &mut Vec<u8>,
    seconds: i64,
    nanos: i32,
    fraction: Fraction,
) -> bool {
    if !TIMESTAMP.contains(&seconds) || !(0..NANOS).contains(&nanos) {
        return false;
    }
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400) as u32;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, value: u32| {
        text[at..at + 2].copy_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
    };
    put(0, year as u32 / 100);
    put(2, year as u32 % 100);
    put(5, month);
    put(8, day);
    put(11, second / 3_600);
    put(14, second / 60 % 60);
    put(17, second % 60);
    match fraction {
        Fraction::Millis => {
            let millis = nanos as u32 / 1_000_000;
            put(20, millis / 10);
            text[22] = b'0' + (millis % 10) as u8;
            out.extend_from_slice(&text);
        }
        Fraction::Needed => {
            out.extend_from_slice(&text[..19]);
            put_fraction(out, nanos as u32);
            out.push(b'Z');
        }
    }
    true
}

/// Appends `-1.500s`; false when out of range or of mixed sign.
pub(crate) fn put_duration(out: &mut Vec<u8>, seconds: i64, nanos: i32) -> bool {
    let mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    if !DURATION.contains(&seconds) || nanos.unsigned_abs() >= NANOS as u32 || mixed {
        return false;
    }
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(
        itoa::Buffer::new()
            .format(seconds.unsigned_abs())
            .as_bytes(),
    );
    put_fraction(out, nanos.unsigned_abs());
    out.push(b's');
    true
}

fn put_fraction(out: &mut Vec<u8>, nanos: u32) {
    if nanos == 0 {
        return;
    }
    out.push(b'.');
    if nanos.is_multiple_of(1_000_000) {
        padded(out, nanos / 1_000_000, 3);
    } else if nanos.is_multiple_of(1_000) {
        padded(out, nanos / 1_000, 6);
    } else {
        padded(out, nanos, 9);
    }
}

#[inline]
fn padded(out: &mut Vec<u8>, mut value: u32, width: usize) {
    let mut digits = [b'0'; 9];
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}

/// Reads an RFC 3339 timestamp into seconds and nanoseconds.
pub(crate) fn timestamp(text: &str) -> Option<(i64, i32)> {
    let bytes = text.as_bytes();
    let (&date, rest) = bytes.split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = date
    else {
        return None;
    };
    let year = pair(y1, y2)? * 100 + pair(y3, y4)?;
    let (month, day) = (pair(mo1, mo2)?, pair(d1, d2)?);
    let (hour, minute, second) = (pair(h1, h2)?, pair(mi1, mi2)?, pair(s1, s2)?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > month_days(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = match *rest {
        // Milliseconds in UTC, as everybody writes them.
        [b'.', m1, m2, m3 @ b'0'..=b'9', b'Z'] => {
            let millis = pair(m1, m2)? * 10 + u32::from(m3 - b'0');
            (millis * 1_000_000, &rest[4..])
        }
        _ => fraction(rest)?,
    };
    let offset = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours * 3_600 + minutes * 60);
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let clock = i64::from(hour * 3_600 + minute * 60 + second);
    let seconds = days(year, month, day) * 86_400 + clock - offset;
    TIMESTAMP
        .contains(&seconds)
        .then_some((seconds, nanos as i32))
}

/// Reads `1.5s` into seconds and nanoseconds.
pub(crate) fn duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (whole, rest) = text.as_bytes().split_at(end);
    if whole.is_empty() || whole.len() > 12 {
        return None;
    }
    let seconds = whole
        .iter()
        .fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let (nanos, rest) = fraction(rest)?;
    if !rest.is_empty() || !DURATION.contains(&seconds) {
        return None;
    }
    let sign = if negative { -1 } else { 1 };
    Some((sign * seconds, sign as i32 * nanos as i32))
}

// Reads `.123` into nanoseconds, when there is one.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b".") else {
        return Some((0, bytes));
    };
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    if end == 0 || end > 9 {
        return None;
    }
    let scale = 10u32.pow(9 - end as u32);
    Some((digits(&rest[..end])? * scale, &rest[end..]))
}

// Two digits as a number.
#[inline]
fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens * 10 + ones))
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

fn month_days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Days since 1970-01-01 of a date of year 1 or later, in years that begin in
// March so that the leap day is the last of its year.
fn days(year: u32, month: u32, day: u32) -> i64 {
    let year = year - u32::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    i64::from(year * 365 + year / 4 - year / 100 + year / 400 + of_year) - 719_468
}

// The inverse of `days`.
fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(seconds: i64, nanos: i32, fraction: Fraction) -> String {
        let mut out = Vec::new();
        assert!(put_timestamp(&mut out, seconds, nanos, fraction));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cv_8_timestamps_print_milliseconds_and_z_and_offsets_are_converted() {
        assert_eq!(printed(0, 0, Fraction::Millis), "1970-01-01T00:00:00.000Z");
        assert_eq!(printed(0, 0, Fraction::Needed), "1970-01-01T00:00:00Z");
        assert_eq!(
            printed(-1, 999_999_999, Fraction::Millis),
            "1969-12-31T23:59:59.999Z"
        );
        assert_eq!(
            timestamp("2026-03-01T01:30:00+02:00"),
            timestamp("2026-02-28T23:30:00Z")
        );
        for (fraction, nanos) in [
            (".5", 500_000_000),
            (".05", 50_000_000),
            (".678", 678_000_000),
            (".0000001", 100),
        ] {
            for (zone, offset) in [("Z", 0), ("+01:00", -3_600), ("-00:01", 60)] {
                let text = format!("1970-01-01T00:00:00{fraction}{zone}");
                assert_eq!(timestamp(&text), Some((offset, nanos)), "{text}");
            }
        }
    }

    #[test]
    fn cv_27_years_outside_0001_to_9999_and_impossible_dates_are_refused() {
        let wrong = [
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1 0Z",
            "2026-01-01T00:00:00.12:Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+0100",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00é",
            "",
        ];
        for text in wrong {
            assert_eq!(timestamp(text), None, "{text}");
        }
        assert!(!put_timestamp(
            &mut Vec::new(),
            253_402_300_800,
            0,
            Fraction::Millis
        ));
        assert!(!put_timestamp(&mut Vec::new(), 0, -1, Fraction::Millis));
    }

    #[test]
    fn every_day_of_ten_thousand_years_survives_the_round_trip() {
        for day in (-719_162..=2_932_896)
            .step_by(13)
            .chain([-719_162, 2_932_896])
        {
            let text = printed(day * 86_400 + 1, 1_000, Fraction::Needed);
            assert_eq!(timestamp(&text), Some((day * 86_400 + 1, 1_000)), "{text}");
        }
    }

    #[test]
    fn durations_keep_their_sign_and_range() {
        for (text, value) in [
            ("1.5s", (1, 500_000_000)),
            ("-0.000000001s", (0, -1)),
            ("0s", (0, 0)),
            ("-3s", (-3, 0)),
        ] {
            assert_eq!(duration(text), Some(value));
        }
        for text in [
            "1",
            "s",
            "1.s",
            "-s",
            "315576000001s",
            "1.0000000000s",
            "1 s",
            "+1s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        let mut out = Vec::new();
        assert!(put_duration(&mut out, -1, -500_000_000) && out == b"-1.500s");
        assert!(!put_duration(&mut Vec::new(), 1, -1));
    }
}
