//! The interactive API page and its assets, all from this binary: the page downloads nothing from elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG};
use http::{HeaderValue, StatusCode};
use utoipa_swagger_ui::Config;

use crate::conditional;
use crate::respond::{self, Reply};

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>SmileFactory API</title>\
<link rel=\"icon\" type=\"image/png\" href=\"/api/docs/favicon-32x32.png\">\
<link rel=\"stylesheet\" href=\"/api/docs/swagger-ui.css\"></head><body><div id=\"swagger-ui\"></div>\
<script src=\"/api/docs/swagger-ui-bundle.js\"></script><script src=\"/api/docs/start.js\"></script></body></html>\n";

const START: &str = "window.ui = SwaggerUIBundle({url: '/api/docs/openapi.json', dom_id: '#swagger-ui', deepLinking: true, \
persistAuthorization: true, tryItOutEnabled: true, displayRequestDuration: true, filter: true, docExpansion: 'none', validatorUrl: null});\n";

const CSS: &str = "swagger-ui.css";
const BUNDLE: &str = "swagger-ui-bundle.js";
const ICON: &str = "favicon-32x32.png";

/// Everything from here, styles also inline because Swagger UI sets them so, images also as data because its style sheet
/// carries its icons so.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// The page and its assets by name: they do not change while the process runs.
static FILES: LazyLock<HashMap<&'static str, Document>> = LazyLock::new(|| {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let own = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    [
        ("", "text/html; charset=utf-8", own(PAGE)),
        ("start.js", SCRIPT, own(START)),
        (CSS, "text/css; charset=utf-8", vendored(CSS)),
        (BUNDLE, SCRIPT, vendored(BUNDLE)),
        (ICON, "image/png", vendored(ICON)),
    ]
    .into_iter()
    .filter_map(|(name, content_type, body)| Some((name, Document::new(content_type, body?))))
    .collect()
});

/// Something the door itself serves and that does not change while it is open.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    content_type: HeaderValue,
    body: Bytes,
    tag: HeaderValue,
}

impl Document {
    pub(crate) fn new(content_type: &'static str, body: Bytes) -> Self {
        Self {
            content_type: HeaderValue::from_static(content_type),
            tag: conditional::tag(0, &[&body]),
            body,
        }
    }

    /// Returns the reply that brings it, with its tag (CQ-1).
    pub(crate) fn reply(&self) -> Reply {
        let (content_type, body) = (self.content_type.clone(), self.body.clone());
        let mut reply = respond::raw(StatusCode::OK, content_type, body);
        reply.headers_mut().insert(ETAG, self.tag.clone());
        reply
    }
}

/// Returns the page, or the asset of this name.
pub(crate) fn file(name: &str) -> Option<Reply> {
    let mut reply = FILES.get(name)?.reply();
    let headers = reply.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // The assets change with the binary only, the page with every version of the contracts.
    let age = if name.is_empty() {
        "public, max-age=0, must-revalidate"
    } else {
        "public, max-age=3600"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(age));
    Some(reply)
}

fn vendored(name: &str) -> Option<Bytes> {
    let file =
        utoipa_swagger_ui::serve(name, Arc::new(Config::from("/api/docs/openapi.json"))).ok()??;
    Some(match file.bytes {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_assets_are_here_and_name_no_other_host() {
        for name in [
            "",
            "start.js",
            "swagger-ui.css",
            "swagger-ui-bundle.js",
            "favicon-32x32.png",
        ] {
            assert!(file(name).is_some(), "{name}");
        }
        for page in [PAGE, START] {
            assert!(!page.contains("//"), "{page}");
        }
        assert!(file("../Cargo.toml").is_none());
    }
}
