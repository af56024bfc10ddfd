//! A reply of the door, looked at whole: every one has its shape, whatever the request.

use serde_json::Value;

use crate::cases::Case;
use crate::service::Outcome;

/// What `pagination` always has (CV-5).
const PAGINATION: [&str; 7] = [
    "page",
    "limit",
    "total",
    "totalPages",
    "hasNext",
    "hasPrev",
    "nextCursor",
];

/// A reply, taken apart.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Some(Self {
            status,
            headers,
            body: body.to_owned(),
        })
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header; the name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(given, _)| given == name);
        header.map(|(_, value)| value.as_str())
    }

    /// What became of a case, when this is the reply and `received` what a service got.
    pub(crate) fn outcome(&self, case: &Case, received: Option<(String, Value)>) -> Outcome {
        let status = self.status;
        // Only these are empty (CV-11).
        if case.method == "HEAD" || case.is_preflight() {
            assert_eq!(self.body, "", "{}", case.place());
            if status >= 400 {
                return Outcome::Refused {
                    status,
                    code: String::new(),
                    details: Vec::new(),
                };
            }
            return received.map_or(
                Outcome::Answered {
                    status,
                    data: Value::Null,
                },
                |received| Outcome::received(status, received),
            );
        }
        let answer: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| {
            panic!("{}: {error} in {status} {:?}", case.place(), self.body)
        });
        assert!(
            answer["meta"]["requestId"].is_string() && answer["meta"]["version"] == "1.0",
            "{}",
            case.place()
        );
        if status >= 400 {
            return refused(case, status, &answer);
        }
        assert_eq!(answer["success"], true, "{}", case.place());
        let data = answer
            .get("data")
            .unwrap_or_else(|| panic!("{}: {answer}", case.place()));
        if let Some(pagination) = answer.get("pagination") {
            self.paged(case, data, pagination);
        }
        match received {
            Some(received) => Outcome::received(status, received),
            None => Outcome::Answered {
                status,
                data: data.clone(),
            },
        }
    }

    fn paged(&self, case: &Case, data: &Value, pagination: &Value) {
        assert!(data.is_array(), "{}", case.place());
        assert!(
            PAGINATION.iter().all(|name| pagination.get(name).is_some()),
            "{}: {pagination}",
            case.place()
        );
        // PG-3, PG-5.
        let shown =
            ["x-total-count", "x-page", "x-page-size"].map(|name| self.header(name).is_some());
        assert_eq!(
            shown,
            [pagination["page"].is_number(); 3],
            "{}: {pagination}",
            case.place()
        );
    }
}

/// The refusal, which must be in the error shape (CV-3, CV-4).
fn refused(case: &Case, status: u16, answer: &Value) -> Outcome {
    let place = case.place();
    assert_eq!(answer["success"], false, "{place}");
    assert_eq!(answer["statusCode"], status, "{place}");
    assert!(answer["message"].is_string(), "{place}");
    assert_eq!(answer["message"], answer["error"]["message"], "{place}");
    assert!(answer["meta"]["requestId"].is_string(), "{place}");
    let text = |value: &Value| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{place}: {answer}"))
            .to_owned()
    };
    let details = answer["error"]["details"]
        .as_array()
        .unwrap_or_else(|| panic!("{place}: {answer}"));
    Outcome::Refused {
        status,
        code: text(&answer["error"]["code"]),
        details: details
            .iter()
            .map(|each| (text(&each["field"]), text(&each["message"])))
            .collect(),
    }
}
