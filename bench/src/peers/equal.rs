//! Whether all gateways answer the same: a comparison of different answers would mean nothing.
//!
//! What a peer cannot print as the contract says is brought to one form: absent fields and nulls are the same; enum names
//! (`POST_TYPE_GENERAL`) are read as words (`general`); `metadata`, JSON in a text, is read as JSON; the edge's envelope is
//! taken off.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use contracts::feed::v1::Post;
use contracts::feed::v1::feed_service_client::FeedServiceClient;
use http::Request;
use http::header::{AUTHORIZATION, HOST};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::transport::Channel;

use super::case::{self, Endpoint, Who};
use super::{floor, sample};
use crate::load::Template;

/// Longest a gateway may answer that it is not ready yet.
const READY: Duration = Duration::from_secs(10);

/// Asks once.
async fn ask(address: SocketAddr, template: &Template, token: &str) -> Result<(u16, Bytes)> {
    let socket = TcpStream::connect(address).await?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let mut connection = JoinSet::new();
    connection.spawn(driver);
    let target = template.targets.first().context("no target")?;
    let mut request = Request::builder()
        .method(template.method.as_str())
        .uri(target)
        .header(HOST, address.to_string());
    for (name, value) in &template.headers {
        request = request.header(name, value);
    }
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    let reply = sender
        .send_request(request.body(Full::new(Bytes::from(template.body.clone())))?)
        .await?;
    let status = reply.status().as_u16();
    Ok((status, reply.into_body().collect().await?.to_bytes()))
}

/// Asks until the gateway is ready: one that listens may not have reached what it needs.
async fn ask_ready(address: SocketAddr, template: &Template, token: &str) -> Result<(u16, Bytes)> {
    let until = Instant::now() + READY;
    loop {
        let answer = ask(address, template, token).await?;
        if answer.0 != 503 || Instant::now() > until {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Checks that the service answers an endpoint with the message the gateways are to show.
async fn check_direct(address: SocketAddr, endpoint: Endpoint) -> Result<()> {
    let channel = Channel::from_shared(format!("http://{address}"))?;
    let mut feed = FeedServiceClient::new(channel.connect().await?);
    let is_same = match endpoint {
        Endpoint::Post => feed.get_post(case::get_post()).await?.into_inner() == sample::post(),
        Endpoint::Page => feed.list_feed(case::list_feed()).await?.into_inner() == sample::page(),
        Endpoint::Create | Endpoint::GrpcWeb => bail!("it is asked of gateways only"),
    };
    ensure!(is_same, "another message");
    Ok(())
}

/// Checks that a gateway answers an endpoint as the contract says, and refuses a wrong token.
///
/// # Errors
/// It does not, with what is different.
pub(super) async fn check(
    who: Who,
    address: SocketAddr,
    endpoint: Endpoint,
    token: &str,
) -> Result<()> {
    let template = endpoint.template(who)?;
    let named = || format!("{} of {}", endpoint.name(), who.name());
    if who.is_direct() {
        return check_direct(address, endpoint).await.with_context(named);
    }
    let asked = ask_ready(address, &template, token).await;
    let (status, body) = asked.with_context(named)?;
    let shown = || {
        String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default()).into_owned()
    };
    ensure!(
        status == template.expect,
        "{}: status {status}: {}",
        named(),
        shown()
    );
    if endpoint == Endpoint::GrpcWeb {
        let length = body
            .get(1..5)
            .and_then(|four| four.try_into().ok())
            .map(u32::from_be_bytes);
        let message = length
            .and_then(|length| body.get(5..5 + length as usize))
            .with_context(named)?;
        ensure!(
            Post::decode(message)? == sample::post(),
            "{}: another post",
            named()
        );
    } else {
        let answer: Value = serde_json::from_slice(&body).with_context(shown)?;
        let expected = if endpoint == Endpoint::Page {
            floor::page_json()?
        } else {
            floor::post_json()?
        };
        let expected = form(serde_json::from_slice(&expected)?);
        same(&form(unwrapped(answer)), &expected, "").with_context(named)?;
    }
    if !matches!(who, Who::Proxy | Who::Fixed) {
        let forged: String = token.chars().rev().collect();
        let (status, _) = ask(address, &template, &forged).await?;
        ensure!(
            status == 401 || endpoint == Endpoint::GrpcWeb,
            "{}: a forged token gets {status}",
            named()
        );
    }
    Ok(())
}

/// Takes the edge's envelope off: a list's items stand under `data`, its page beside, and further facts in `meta`.
fn unwrapped(answer: Value) -> Value {
    let Value::Object(mut envelope) = answer else {
        return answer;
    };
    let Some(data) = envelope.remove("data") else {
        return Value::Object(envelope);
    };
    if !data.is_array() {
        return data;
    }
    let mut page = Map::new();
    page.insert("items".to_owned(), data);
    page.extend(
        envelope
            .remove("pagination")
            .map(|it| ("pagination".to_owned(), it)),
    );
    let capped = envelope
        .get("meta")
        .and_then(|meta| meta.get("totalCapped"));
    page.extend(capped.map(|it| ("totalCapped".to_owned(), it.clone())));
    Value::Object(page)
}

/// Brings an answer to the form all can have.
fn form(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter_map(field).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(form).collect()),
        Value::String(text) => Value::String(word(&text).unwrap_or(text)),
        other => other,
    }
}

fn field((name, value): (String, Value)) -> Option<(String, Value)> {
    let value = match value {
        Value::Null => return None,
        Value::String(text) if name == "metadata" => serde_json::from_str(&text).ok()?,
        // The zero value of an enum has no word.
        Value::String(text) if text.ends_with("_UNSPECIFIED") => return None,
        other => other,
    };
    Some((name, form(value)))
}

fn word(text: &str) -> Option<String> {
    const PREFIXES: [&str; 5] = [
        "POST_TYPE_",
        "POST_VISIBILITY_",
        "POST_STATUS_",
        "BODY_FORMAT_",
        "PROFILE_TYPE_",
    ];
    PREFIXES
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .map(str::to_lowercase)
}

/// Finds the first difference.
fn same(answer: &Value, expected: &Value, path: &str) -> Result<()> {
    match (answer, expected) {
        (Value::Object(a), Value::Object(b)) => {
            if let Some(name) = a.keys().find(|name| !b.contains_key(*name)) {
                bail!("{path}/{name} should not be there");
            }
            b.iter().try_for_each(|(name, expected)| {
                let answer = a
                    .get(name)
                    .with_context(|| format!("{path}/{name} is missing"))?;
                same(answer, expected, &format!("{path}/{name}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .try_for_each(|(at, (a, b))| same(a, b, &format!("{path}/{at}"))),
        _ if answer == expected => Ok(()),
        _ => bail!("{path} is {answer}, not {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_equal_whatever_form_a_gateway_is_bound_to() {
        let ours = json!({"success": true, "meta": {"requestId": "x", "totalCapped": false},
            "data": [{"type": "general", "title": null, "metadata": {"a": 1.5}, "tags": []}], "pagination": {"limit": 20}});
        let theirs = json!({"totalCapped": false, "pagination": {"limit": 20, "page": null},
            "items": [{"type": "POST_TYPE_GENERAL", "visibility": "POST_VISIBILITY_UNSPECIFIED", "metadata": "{\"a\":1.5}", "tags": []}]});
        same(&form(unwrapped(ours)), &form(theirs), "").unwrap();
    }

    #[test]
    fn what_differs_is_named() {
        let of =
            |a: Value, b: Value| same(&form(a), &form(b), "").map_err(|error| error.to_string());
        assert_eq!(
            of(json!({"a": [{"b": 1}]}), json!({"a": [{"b": 2}]})),
            Err("/a/0/b is 1, not 2".to_owned())
        );
        assert_eq!(
            of(json!({}), json!({"a": 0})),
            Err("/a is missing".to_owned())
        );
        assert_eq!(
            of(json!({"a": 0}), json!({})),
            Err("/a should not be there".to_owned())
        );
        assert!(of(json!([1]), json!([1, 2])).is_err());
    }
}
