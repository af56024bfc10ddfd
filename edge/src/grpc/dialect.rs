//! Which dialect of gRPC a request speaks: its content type alone says so.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What every content type of gRPC begins with.
const PREFIX: &str = "application/grpc";

/// A dialect of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// gRPC itself, over HTTP/2.
    Native,
    /// gRPC-Web, over any HTTP.
    Web(Form),
    /// A message format, or a dialect, that is not spoken here.
    Foreign,
}

/// How gRPC-Web writes its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Binary,
    /// In base64.
    Text,
}

impl Dialect {
    /// Returns the dialect of a request, `None` when it is not gRPC.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let media_type = media_type(headers, &CONTENT_TYPE)?;
        media_type.starts_with(PREFIX).then(|| {
            if matches!(&*media_type, "application/grpc" | "application/grpc+proto") {
                return Self::Native;
            }
            Form::named(&media_type).map_or(Self::Foreign, Self::Web)
        })
    }
}

impl Form {
    fn named(media_type: &str) -> Option<Self> {
        match media_type {
            "application/grpc-web" | "application/grpc-web+proto" => Some(Self::Binary),
            "application/grpc-web-text" | "application/grpc-web-text+proto" => Some(Self::Text),
            _ => None,
        }
    }

    /// Returns the form a client wants its answer in: the one it names in `Accept`, otherwise its own.
    pub(super) fn answered(self, headers: &HeaderMap) -> Self {
        media_type(headers, &ACCEPT)
            .and_then(|accepted| Self::named(&accepted))
            .unwrap_or(self)
    }

    pub(super) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Binary => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text+proto",
        })
    }
}

/// Returns a media type in lower case and without its parameters.
fn media_type(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(content_type: &str) -> Option<Dialect> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Dialect::of(&headers)
    }

    #[test]
    fn gw_28_the_content_type_names_the_dialect() {
        assert_eq!(spoken("application/json"), None);
        assert_eq!(spoken("text/application/grpc"), None);
        assert_eq!(Dialect::of(&HeaderMap::new()), None);
        for (content_type, dialect) in [
            ("application/grpc", Dialect::Native),
            ("Application/gRPC+proto", Dialect::Native),
            ("application/grpc-web", Dialect::Web(Form::Binary)),
            (
                "application/grpc-web+proto; charset=utf-8",
                Dialect::Web(Form::Binary),
            ),
            ("application/grpc-web-text", Dialect::Web(Form::Text)),
            ("application/grpc-web-text+proto", Dialect::Web(Form::Text)),
            ("application/grpc+json", Dialect::Foreign),
            ("application/grpc-web+thrift", Dialect::Foreign),
            ("application/grpc-webtext", Dialect::Foreign),
        ] {
            assert_eq!(spoken(content_type), Some(dialect), "{content_type}");
        }
    }

    #[test]
    fn gw_28_the_answer_has_the_form_that_is_accepted_or_else_the_requests_own() {
        let answered = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            Form::Text.answered(&headers)
        };
        assert_eq!(Form::Text.answered(&HeaderMap::new()), Form::Text);
        assert_eq!(answered("*/*"), Form::Text);
        assert_eq!(answered("application/grpc-web+proto"), Form::Binary);
        assert_eq!(answered("application/grpc-web-text"), Form::Text);
    }
}
