//! What any service does with a request before its own rules: validation (K-1) and the list grammar (K-2).

use std::fmt;
use std::sync::LazyLock;

use contracts::{RpcRule, Validate};
use fault::Fault;
use identity::Viewer;
use prost::Message;
use serde_json::{Map, Value, json};
use store::list::{Filter, ListQuery, ListRequest, Op};
use tonic::Status;
use transcode::{Dialect, Transcoder};

/// The contracts, compiled.
pub(crate) static TRANSCODER: LazyLock<Transcoder> =
    LazyLock::new(|| Transcoder::new(contracts::DESCRIPTOR).unwrap());

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A service received it.
    Received {
        status: u16,
        rpc: String,
        message: Value,
    },
    /// The door answered it itself.
    Answered { status: u16, data: Value },
    /// It was refused.
    Refused {
        status: u16,
        code: String,
        details: Vec<(String, String)>,
    },
}

impl Outcome {
    pub(crate) fn received(status: u16, (rpc, message): (String, Value)) -> Self {
        Self::Received {
            status,
            rpc,
            message,
        }
    }

    pub(crate) fn refused(fault: &Fault) -> Self {
        let details = fault
            .get_violations()
            .iter()
            .map(|each| (each.field.clone(), each.message.clone()));
        Self::Refused {
            status: fault.reason().http(),
            code: fault.reason().code().to_owned(),
            details: details.collect(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received {
                status,
                rpc,
                message,
            } => write!(f, "{status} {rpc} {message}"),
            Self::Answered { status, data } => write!(f, "{status} {data}"),
            Self::Refused {
                status,
                code,
                details,
            } => {
                write!(f, "{status} {code}")?;
                let details = details
                    .iter()
                    .map(|(field, message)| format!(" {field} ({message})"));
                f.write_str(&details.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// Reads a request as its service would: the message it would act on, as ProtoJSON, the fields of a list in their read
/// form.
pub(crate) fn read(rule: &RpcRule, wire: &[u8]) -> Result<Value, Fault> {
    let (input, _) = messages(rule.path);
    let wire = normalised(input, wire).map_err(Fault::from)?;
    let json = TRANSCODER
        .wire_to_json(input, &wire, Dialect::Standard)
        .unwrap();
    let mut message: Map<String, Value> = serde_json::from_slice(&json).unwrap();
    if let Some(list) = &rule.list {
        let number = |name: &str| {
            message
                .get(name)
                .and_then(Value::as_i64)
                .map(|number| i32::try_from(number).unwrap())
        };
        let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        let (sort, filter, search) = ["sort", "filter", "search"]
            .map(|name| text(name).unwrap_or_default())
            .into();
        let cursor = text("cursor");
        let request = ListRequest {
            page: number("page"),
            limit: number("limit"),
            cursor: cursor.as_deref(),
            sort: &sort,
            filter: &filter,
            search: &search,
        };
        let query = ListQuery::parse(list, rule.path, &Viewer::default(), &request, b"key")?;
        reading(&mut message, &query);
    }
    Ok(Value::Object(message))
}

/// Puts what a list request means in the place of how it was said.
fn reading(message: &mut Map<String, Value>, query: &ListQuery) {
    for (name, read) in [
        ("limit", json!(query.limit())),
        (
            "sort",
            query
                .sort()
                .iter()
                .map(|sort| {
                    if sort.descending {
                        format!("-{}", sort.name)
                    } else {
                        sort.name.to_owned()
                    }
                })
                .collect(),
        ),
        ("filter", conditions(query.filters())),
        (
            "search",
            json!(
                query
                    .search()
                    .map(|search| search.terms().collect::<Vec<_>>())
            ),
        ),
    ] {
        if let Some(value) = message.get_mut(name) {
            *value = read;
        }
    }
}

/// `{"name":{"op":value}}`, values in their canonical form.
fn conditions(filters: &[Filter]) -> Value {
    let mut conditions = json!({});
    for filter in filters {
        let op = match filter.op {
            Op::Eq => "eq",
            Op::Ne => "ne",
            Op::Gt => "gt",
            Op::Gte => "gte",
            Op::Lt => "lt",
            Op::Lte => "lte",
            Op::In => "in",
            Op::Nin => "nin",
            Op::Contains => "contains",
            Op::Exists => "exists",
        };
        let texts = filter.texts();
        let one = texts.len() == 1 && !matches!(filter.op, Op::In | Op::Nin);
        conditions[filter.name][op] = if one { json!(texts[0]) } else { json!(texts) };
    }
    conditions
}

/// The names of an RPC's messages.
fn messages(rpc: &str) -> (&'static str, &'static str) {
    let route = TRANSCODER
        .routes()
        .iter()
        .find(|route| route.rpc == rpc)
        .unwrap();
    (&route.input, &route.output)
}

/// The emptiest reply of an RPC: a list says where it stands, in cursor mode no page (PG-3).
pub(crate) fn reply(rule: &RpcRule, request: &Value) -> Vec<u8> {
    if rule.list.is_none() {
        return Vec::new();
    }
    let json = if request.get("cursor").is_some() {
        json!({ "pagination": { "limit": 20 } })
    } else {
        json!({ "pagination": { "page": 1, "limit": 20, "total": 0, "totalPages": 0 } })
    };
    let (_, output) = messages(rule.path);
    TRANSCODER
        .json_to_wire(output, json.to_string().as_bytes(), Dialect::Standard)
        .unwrap()
}

fn checked<T: Message + Default + Validate>(wire: &[u8]) -> Result<Vec<u8>, Status> {
    let message = T::decode(wire).unwrap();
    contracts::validation::checked(message).map(|message| message.encode_to_vec())
}

macro_rules! requests {
    ($($package:ident: $($name:ident)*;)*) => {
        /// Normalises and checks a request message as the codec of its service does.
        fn normalised(input: &str, wire: &[u8]) -> Result<Vec<u8>, Status> {
            $($(if input == concat!("smilefactory.", stringify!($package), ".v1.", stringify!($name)) {
                return checked::<contracts::$package::v1::$name>(wire);
            })*)*
            panic!("{input} is not listed")
        }
    };
}

requests! {
    auth: SendOtpRequest VerifyOtpRequest RefreshTokenRequest LogoutRequest GetMeRequest CompleteWizardRequest
        SwitchActiveProfileRequest ListSessionsRequest RevokeSessionRequest GetSettingsRequest UpdateSettingsRequest
        GetJwksRequest;
    profile: ListOwnProfilesRequest CreateProfileRequest GetProfileRequest UpdateProfileRequest DeleteProfileRequest
        ListProfilesByUserRequest SetPrimaryProfileRequest SetProfileVisibilityRequest;
    feed: ListFeedRequest CreatePostRequest GetPostRequest UpdatePostRequest DeletePostRequest LikePostRequest
        UnlikePostRequest CreateCommentRequest ListCommentsRequest ListRepliesRequest UpdateCommentRequest
        DeleteCommentRequest LikeCommentRequest UnlikeCommentRequest;
}
