//! What the known keys of a post's facts must be. Null is allowed everywhere and means absent.

use std::borrow::Cow;

use contracts::feed::v1::PostType;
use contracts::validation::format;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime};

/// The largest price (N-28), in hundredths.
const LARGEST_PRICE: u64 = 9_999_999_999;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A text of at most so many characters.
    Text(usize),
    /// An http or https address.
    Url,
    /// An RFC 3339 time, or a date.
    Time,
    /// An IANA time zone.
    TimeZone,
    /// True or false.
    Flag,
    /// An integer from 1.
    Count,
    /// An amount of money: a decimal text or number with at most two decimals.
    Price,
    /// A currency in ISO 4217 letters.
    Currency,
    /// One of these words.
    Words(&'static [&'static str]),
    /// At most so many texts of at most 100 characters.
    Texts(usize),
}

/// The rule of a key in posts of this type; none when the author may put anything there.
pub(super) fn rule(kind: PostType, key: &str) -> Option<Rule> {
    Some(match (kind, key) {
        (_, "location") => Rule::Text(500),
        (_, "ctaLabel") => Rule::Text(60),
        (_, "ctaUrl") => Rule::Url,
        (PostType::Event, "startDate" | "endDate") => Rule::Time,
        (PostType::Event, "dateText") | (PostType::Marketplace, "priceText") => Rule::Text(255),
        (PostType::Event, "isVirtual") | (PostType::Marketplace, "negotiable") => Rule::Flag,
        (PostType::Event, "maxAttendees") => Rule::Count,
        (PostType::Event, "eventType" | "format" | "category") => Rule::Text(100),
        (PostType::Event, "timezone") => Rule::TimeZone,
        (PostType::Marketplace, "price") => Rule::Price,
        (PostType::Marketplace, "currency") => Rule::Currency,
        (PostType::Marketplace, "priceUnit") => {
            Rule::Words(&["once", "hour", "day", "week", "month", "year"])
        }
        (PostType::Marketplace, "itemType" | "category") => Rule::Text(100),
        (PostType::Opportunity, "company" | "salaryText") => Rule::Text(255),
        (PostType::Opportunity, "employmentType") => Rule::Words(&[
            "full_time",
            "part_time",
            "contract",
            "internship",
            "volunteer",
            "other",
        ]),
        (PostType::Opportunity, "applyUrl") => Rule::Url,
        (PostType::Opportunity, "deadline") => Rule::Time,
        (PostType::Project, "stage") => Rule::Text(100),
        (PostType::Project, "lookingFor") => Rule::Texts(20),
        (PostType::Blog, "coverAlt") => Rule::Text(500),
        _ => return None,
    })
}

impl Rule {
    /// Checks the JSON text of a value.
    ///
    /// # Errors
    /// What the value must be.
    pub(super) fn check(self, json: &str) -> Result<(), Cow<'static, str>> {
        if json == "null" {
            return Ok(());
        }
        let text = serde_json::from_str::<String>(json).ok();
        let holds = match (self, text) {
            (Self::Url, Some(text)) => return format::url(&text),
            (Self::TimeZone, Some(mut text)) => return format::time_zone(&mut text),
            (Self::Text(most), Some(text)) => text.chars().count() <= most,
            (Self::Time, Some(text)) => is_time(&text),
            (Self::Currency, Some(text)) => is_currency(&text),
            (Self::Words(words), Some(text)) => words.contains(&text.as_str()),
            (Self::Price, text) => is_price(text.as_deref().unwrap_or(json)),
            (Self::Flag, _) => json == "true" || json == "false",
            (Self::Count, _) => json.parse::<i32>().is_ok_and(|count| count > 0),
            (Self::Texts(most), _) => is_texts(json, most),
            (_, None) => false,
        };
        if holds { Ok(()) } else { Err(self.message()) }
    }

    fn message(self) -> Cow<'static, str> {
        match self {
            Self::Text(most) => format!("must be a text of at most {most} characters").into(),
            Self::Url => "must be an http or https URL".into(),
            Self::Time => "must be an RFC 3339 timestamp or a date".into(),
            Self::TimeZone => "must be an IANA time zone".into(),
            Self::Flag => "must be true or false".into(),
            Self::Count => "must be an integer of at least 1".into(),
            Self::Price => {
                "must be an amount from 0 to 99999999.99 with two decimals at most".into()
            }
            Self::Currency => "must be an ISO 4217 currency in capitals".into(),
            Self::Words(words) => format!("must be one of {}", words.join(", ")).into(),
            Self::Texts(most) => {
                format!("must be a list of at most {most} texts of at most 100 characters").into()
            }
        }
    }
}

fn is_time(text: &str) -> bool {
    OffsetDateTime::parse(text, &Rfc3339).is_ok() || Date::parse(text, &Iso8601::DATE).is_ok()
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_price(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return false;
    }
    format!("{whole}{decimals:0<2}")
        .parse::<u64>()
        .is_ok_and(|hundredths| hundredths <= LARGEST_PRICE)
}

fn is_texts(json: &str, most: usize) -> bool {
    serde_json::from_str::<Vec<String>>(json).is_ok_and(|texts| {
        texts.len() <= most && texts.iter().all(|text| text.chars().count() <= 100)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_6_prices_have_two_decimals_at_most() {
        for good in ["0", "1.5", "\"299.00\"", "99999999.99"] {
            assert!(Rule::Price.check(good).is_ok(), "{good}");
        }
        for bad in [
            "-1",
            "1.505",
            "\"1,50\"",
            "100000000",
            "1e2",
            "\"\"",
            "true",
        ] {
            assert!(Rule::Price.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fd_6_times_are_rfc_3339_or_dates() {
        for good in [
            "\"2027-03-25T10:00:00Z\"",
            "\"2027-03-25T10:00:00+02:00\"",
            "\"2027-03-25\"",
            "null",
        ] {
            assert!(Rule::Time.check(good).is_ok(), "{good}");
        }
        for bad in ["\"March 25\"", "1700000000", "\"2027-02-30\""] {
            assert!(Rule::Time.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cv_25_addresses_are_http_without_credentials() {
        for bad in [
            "\"javascript:alert(1)\"",
            "\"data:text/html,x\"",
            "\"https://user:pw@x.example\"",
            "\"//x\"",
            "{}",
        ] {
            assert!(Rule::Url.check(bad).is_err(), "{bad}");
        }
        assert!(
            Rule::Url
                .check("\"https://example.com/apply?id=1\"")
                .is_ok()
        );
    }
}
