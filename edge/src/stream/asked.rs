//! What a stream's request says to the door itself, beside what it says to the service (ST-3, ST-4).

use std::time::Duration;

use fault::Violation;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::form::Form;

/// Where a stream goes on, as a query parameter of every stream.
const AFTER: &str = "after";

/// When an array ends; a request may say otherwise within the bounds (N-52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// After this many items.
    pub(crate) items: usize,
    /// After this time.
    pub(crate) wait: Duration,
}

/// A bound of [`Window`] that a request may set.
struct Bound {
    name: &'static str,
    also: &'static str,
    most: u16,
    default: u16,
}

const ITEMS: Bound = Bound {
    name: "maxItems",
    also: "max_items",
    most: 1000,
    default: 100,
};

const WAIT: Bound = Bound {
    name: "waitSeconds",
    also: "wait_seconds",
    most: 60,
    default: 25,
};

/// A stream's request, its parts told apart.
#[derive(Debug)]
pub(crate) struct Asked {
    /// For the array: when it ends.
    pub(crate) window: Option<Window>,
    /// The query for the service.
    pub(crate) query: String,
    /// What is wrong with the door's own part.
    pub(crate) wrong: Vec<Violation>,
}

impl Asked {
    /// Takes the door's own parameters out of a query. `last` is the `Last-Event-ID`: where it is given it stands for
    /// `after`, because a reader that connects again repeats the query it began with.
    pub(crate) fn read(form: Form, query: &str, last: Option<&str>) -> Self {
        let (mut own, mut rest) = (Vec::new(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let bound = [&ITEMS, &WAIT]
                .into_iter()
                .find(|bound| name == bound.name || name == bound.also);
            match bound {
                Some(bound) => own.push((bound.name, value)),
                None if last.is_some() && name == AFTER => {}
                None => rest.push(pair.to_owned()),
            }
        }
        if let Some(last) = last {
            let last = utf8_percent_encode(last, NON_ALPHANUMERIC);
            rest.push(format!("{AFTER}={last}"));
        }
        let mut wrong = Vec::new();
        let window = if form == Form::Array {
            let mut value = |bound: &Bound| bound.value(&own, &mut wrong);
            Some(Window {
                items: value(&ITEMS).into(),
                wait: Duration::from_secs(value(&WAIT).into()),
            })
        } else {
            wrong.extend(own.iter().map(|(name, _)| Violation {
                field: (*name).to_owned(),
                message: "belongs to the array: Accept: application/json".to_owned(),
            }));
            None
        };
        Self {
            window,
            query: rest.join("&"),
            wrong,
        }
    }
}

impl Bound {
    /// Returns what a query says of this bound, or the default.
    fn value(&self, own: &[(&'static str, &str)], wrong: &mut Vec<Violation>) -> u16 {
        let mut given = own.iter().filter(|(name, _)| *name == self.name);
        let Some((_, text)) = given.next() else {
            return self.default;
        };
        let mut refuse = |message: String| {
            wrong.push(Violation {
                field: self.name.to_owned(),
                message,
            });
            self.default
        };
        if given.next().is_some() {
            return refuse("is given more than once".to_owned());
        }
        let text = percent_decode_str(text).decode_utf8_lossy();
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(value) if plain && (1..=self.most).contains(&value) => value,
            _ => refuse(format!("must be a whole number from 1 to {}", self.most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(query: &str) -> Result<(usize, u64), Vec<String>> {
        let asked = Asked::read(Form::Array, query, None);
        let window = asked.window.unwrap();
        if asked.wrong.is_empty() {
            return Ok((window.items, window.wait.as_secs()));
        }
        Err(asked.wrong.into_iter().map(|it| it.field).collect())
    }

    #[test]
    fn st_4_an_array_ends_as_asked_within_the_bounds() {
        assert_eq!(window(""), Ok((100, 25)));
        assert_eq!(window("maxItems=%31&type=a&wait_seconds=60"), Ok((1, 60)));
        assert_eq!(window("max%49tems=1000&waitSeconds=1"), Ok((1000, 1)));
        for bad in ["0", "1001", "-1", "1.5", "", "a", "1e2", "+1"] {
            let query = format!("maxItems={bad}");
            assert_eq!(window(&query), Err(vec!["maxItems".to_owned()]), "{bad}");
        }
        assert_eq!(
            window("waitSeconds=61&maxItems=1&max_items=1"),
            Err(vec!["maxItems".to_owned(), "waitSeconds".to_owned()])
        );
    }

    #[test]
    fn st_4_the_bounds_belong_to_the_array() {
        for form in [Form::Lines, Form::Events] {
            let asked = Asked::read(form, "maxItems=5&type=a", None);
            assert_eq!((asked.window, asked.query.as_str()), (None, "type=a"));
            assert_eq!(asked.wrong[0].field, "maxItems");
        }
    }

    #[test]
    fn st_3_last_event_id_stands_for_after() {
        let query = |query, last| Asked::read(Form::Events, query, last).query;
        assert_eq!(query("after=a&type=b", None), "after=a&type=b");
        assert_eq!(
            query("after=a&type=b", Some("c/+1&")),
            "type=b&after=c%2F%2B1%26"
        );
        assert_eq!(query("", Some("c")), "after=c");
    }
}
