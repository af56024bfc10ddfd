//! The formats a text can be required to have. Each function takes a text that
//! is already normalised, brings it to the form it is stored in, and says what
//! is wrong otherwise.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use url::Url;

use super::text::Wrong;
use super::time_zone;

/// The formats of `smilefactory.api.v1.Format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Any text.
    Plain,
    /// An e-mail address; see [`email`].
    Email,
    /// A UUID; see [`uuid`].
    Uuid,
    /// An http or https URL; see [`url()`].
    Url,
    /// A URL whose scheme may be left out; see [`web_address`].
    WebAddress,
    /// Six decimal digits; see [`code`].
    Code,
    /// A user name; see [`username`].
    Username,
    /// A tag; see [`tag`].
    Tag,
    /// An IANA time zone name; see [`time_zone()`].
    TimeZone,
}

/// What is wrong with a text.
type Checked = Result<(), Wrong>;

pub(super) fn apply(format: Format, text: &mut String) -> Checked {
    match format {
        Format::Plain => Ok(()),
        Format::Email => email(text),
        Format::Uuid => uuid(text),
        Format::Url => url(text),
        Format::WebAddress => web_address(text),
        Format::Code => code(text),
        Format::Username => username(text),
        Format::Tag => tag(text),
        Format::TimeZone => time_zone(text),
    }
}

/// An e-mail address: an RFC 5321 mailbox without quoting, comments, display
/// name or address literal; 3..255 characters, of which at most 64 stand before
/// the `@`. A domain in other scripts becomes its ASCII form (UTS 46), and the
/// whole is lower-cased (D7).
///
/// # Errors
/// Anything else, the domain's labels included.
pub fn email(text: &mut String) -> Checked {
    const WRONG: Wrong = Wrong::Borrowed("must be an e-mail address");
    let (local, domain) = text.rsplit_once('@').ok_or(WRONG)?;
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.len() > 64 || !local.split('.').all(is_atom) {
        return Err(WRONG);
    }
    let domain = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| WRONG)?;
    // A last label of digits is an IPv4 address, which stands in brackets or nowhere.
    if domain
        .rsplit('.')
        .next()
        .is_none_or(|label| label.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(WRONG);
    }
    let address = format!("{}@{domain}", local.to_ascii_lowercase());
    if address.len() > 255 {
        return Err("must have at most 255 characters".into());
    }
    *text = address;
    Ok(())
}

/// A UUID in its hyphenated form, any case; stored lower-case (CV-8).
///
/// # Errors
/// Anything else: braces, URNs and the form without hyphens included.
pub fn uuid(text: &mut str) -> Checked {
    let fits = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if text.len() != 36 || !text.bytes().enumerate().all(fits) {
        return Err("must be a UUID".into());
    }
    text.make_ascii_lowercase();
    Ok(())
}

/// An http or https URL of at most 2048 characters, with a host and without
/// credentials (CV-25); stored as given.
///
/// # Errors
/// Anything else; `data:` URLs are told where files go.
pub fn url(text: &str) -> Checked {
    const WRONG: Wrong = Wrong::Borrowed("must be an http or https URL");
    let begins = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins("data:") {
        return Err(
            "must not be a data: URL; upload the file with POST /api/v1/media and give its URL"
                .into(),
        );
    }
    if text.chars().count() > 2048 {
        return Err("must have at most 2048 characters".into());
    }
    let prefix = ["https://", "http://"]
        .into_iter()
        .find(|scheme| begins(scheme))
        .ok_or(WRONG)?;
    // The parser is as lenient as browsers are: it reads over these.
    let rest = &text[prefix.len()..];
    if rest.starts_with(['/', '?', '#']) || text.contains(|c: char| c.is_whitespace() || c == '\\')
    {
        return Err(WRONG);
    }
    let parsed = Url::parse(text).map_err(|_| WRONG)?;
    if !parsed.has_host() {
        return Err(WRONG);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not contain a user name or password".into());
    }
    Ok(())
}

/// A URL whose scheme may be left out; then `https://` is put before it (PR-9).
///
/// # Errors
/// What [`url()`] refuses, and host names without a dot where the scheme is missing.
pub fn web_address(text: &mut String) -> Checked {
    let is_port = |rest: &str| {
        rest.split(['/', '?', '#'])
            .next()
            .is_some_and(|port| port.parse::<u16>().is_ok())
    };
    let has_scheme = match text.split_once(':') {
        Some((before, after)) => !before.contains(['/', '?', '#']) && !is_port(after),
        None => false,
    };
    if !has_scheme {
        let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
        if !host.trim_matches('.').contains('.') {
            return Err("must be a web address".into());
        }
        text.insert_str(0, "https://");
    }
    url(text)
}

/// A code: six decimal digits (N-1).
///
/// # Errors
/// Anything else.
pub fn code(text: &str) -> Checked {
    let good = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
    if good {
        Ok(())
    } else {
        Err("must have six digits".into())
    }
}

/// A user name: one leading `@` is removed, the rest lower-cased; 3..100 of
/// `[a-z0-9._]` (PR-19). Reserved words are the profile service's to refuse.
///
/// # Errors
/// Anything else.
pub fn username(text: &mut String) -> Checked {
    let name = text.strip_prefix('@').unwrap_or(text).to_ascii_lowercase();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_');
    if !(3..=100).contains(&name.len()) || !name.bytes().all(fits) {
        return Err("must have 3 to 100 of the characters a-z, 0-9, . and _".into());
    }
    *text = name;
    Ok(())
}

/// A tag: leading `#` removed, lower-cased, white space inside to `-`; 1..30
/// letters of any script with their marks, digits, `-`, `_` (FD-4).
///
/// # Errors
/// Anything else.
pub fn tag(text: &mut String) -> Checked {
    let words: Vec<&str> = text.trim_start_matches('#').split_whitespace().collect();
    // Lower-casing can take a text out of NFC.
    let tag: String = words.join("-").to_lowercase().nfc().collect();
    let fits = |c: char| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '-' | '_');
    if tag.is_empty() || tag.chars().count() > 30 || !tag.chars().all(fits) {
        return Err("must have 1 to 30 letters, digits, - or _".into());
    }
    *text = tag;
    Ok(())
}

/// An IANA time zone name in any case, stored in its own spelling; `utc`,
/// `est`, `pst` and `cet` are read as the zones people mean by them (CV-27).
///
/// # Errors
/// Anything else.
pub fn time_zone(text: &mut String) -> Checked {
    let name =
        time_zone::find(text).ok_or("must be an IANA time zone name such as Europe/Paris")?;
    name.clone_into(text);
    Ok(())
}

#[cfg(test)]
mod tests;
