//! Writes the table of RPC rules.

use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor};

use super::Result;
use super::options::{self, Options, flag, number, text, texts, variant};
use super::{names, words};

/// `static RULES: &[RpcRule]`, ordered by path. A method without the option is
/// left out: no guard lets it through, and the contract test names it.
pub(crate) fn generate(pool: &DescriptorPool, options: &Options) -> Result<String> {
    let mut rules = Vec::new();
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        if let Some(option) = options.rpc(&method) {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            rules.push((path.clone(), rule(pool, options, &method, &option, &path)?));
        }
    }
    rules.sort();
    let mut out = String::from(
        "/// Every rule, ordered by path.\npub(super) static RULES: &[RpcRule] = &[\n",
    );
    for (_, rule) in rules {
        out.push_str(&rule);
    }
    out.push_str("];\n");
    Ok(out)
}

fn rule(
    pool: &DescriptorPool,
    options: &Options,
    method: &MethodDescriptor,
    option: &DynamicMessage,
    path: &str,
) -> Result<String> {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    let value = |name: &str, prefix: &str, zero: &str| {
        variant(&options::enum_name(option, name), prefix, zero)
    };
    let access = value("access", "ACCESS_", "");
    if access.is_empty() {
        return Err(format!("{path}: the rpc option declares no access").into());
    }
    let list = match options::message(option, "list") {
        Some(list) => format!("Some({})", list_rule(pool, options, &list, path)?),
        None => "None".to_owned(),
    };
    let idempotency =
        match idempotency(options, method, option).map_err(|error| format!("{path}: {error}"))? {
            Some(rule) => format!("Some({rule})"),
            None => "None".to_owned(),
        };
    Ok(format!(
        "RpcRule {{ path: {path:?}, access: Access::{access}, callers: &{callers:?}, status: {status}, \
         effect: Effect::{effect}, deadline: Duration::from_millis({deadline}), body_limit: {body}, \
         buckets: &{buckets:?}, cache: Cache::{cache}, public: {public}, streaming: {streaming}, list: {list}, \
         reserve: {reserve}, kept: Duration::from_secs({kept}), conditional: {conditional}, idempotency: {idempotency} }},\n",
        callers = texts(option, "callers"),
        status = or(number(option, "status"), 200),
        effect = value("effect", "EFFECT_", "Unsafe"),
        deadline = or(number(option, "deadline_ms"), 5_000),
        body = or(number(option, "body_limit"), 1024 * 1024),
        buckets = texts(option, "buckets"),
        cache = value("cache", "CACHE_CLASS_", "Default"),
        public = options.is_public(method),
        streaming = method.is_server_streaming(),
        reserve = options::flag(option, "reserve"),
        conditional = options::flag(option, "conditional"),
        kept = kept(option),
    ))
}

/// How many seconds the edge keeps replies without a token.
fn kept(option: &DynamicMessage) -> u32 {
    match (
        options::enum_name(option, "cache").as_str(),
        number(option, "keep_seconds"),
    ) {
        ("CACHE_CLASS_PUBLIC", 0) => 60,
        ("CACHE_CLASS_PUBLIC", seconds) => seconds,
        _ => 0,
    }
}

/// Every RPC with a POST binding takes a key (ID-1).
fn idempotency(
    options: &Options,
    method: &MethodDescriptor,
    option: &DynamicMessage,
) -> Result<Option<String>> {
    let given = options::message(option, "idempotency");
    if !options.has_post(method) {
        return match given {
            Some(_) => Err("idempotency is for RPCs with a POST binding".into()),
            None => Ok(None),
        };
    }
    if method.is_client_streaming() || method.is_server_streaming() {
        return Err("a stream cannot have a POST binding".into());
    }
    let replay = given
        .as_ref()
        .map(|given| options::enum_name(given, "replay"));
    let replay = variant(&replay.unwrap_or_default(), "REPLAY_", "Outcome");
    let scope = given.map(|given| text(&given, "scope")).unwrap_or_default();
    let input = method.input();
    let scope = match scope.as_str() {
        "" => "|_| \"\"".to_owned(),
        name => {
            let field = input.get_field_by_name(name);
            let plain = field.is_some_and(|field| {
                field.kind() == Kind::String && !field.is_list() && !field.supports_presence()
            });
            if !plain {
                return Err(format!("the scope {name:?} is no plain text field").into());
            }
            format!("|request| &request.{}", names::field(name))
        }
    };
    let input = names::type_path(input.full_name())?;
    Ok(Some(format!(
        "Idempotency {{ replay: Replay::{replay}, read: |bytes| Keyed::read::<{input}>(bytes, {scope}) }}"
    )))
}

fn list_rule(
    pool: &DescriptorPool,
    options: &Options,
    list: &DynamicMessage,
    path: &str,
) -> Result<String> {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    let mut filters = String::new();
    for filter in options::messages(list, "filters") {
        let name = text(&filter, "name");
        let kind = variant(&options::enum_name(&filter, "kind"), "FILTER_KIND_", "Text");
        let words = match (kind.as_str(), text(&filter, "enum")) {
            ("Word", full_name) => {
                let found = pool.get_enum_by_name(&full_name);
                let found = found
                    .ok_or_else(|| format!("{path}: filter {name} names no enum: {full_name:?}"))?;
                words::spellings(&found, options)
            }
            (_, full_name) if full_name.is_empty() => Vec::new(),
            _ => {
                return Err(format!(
                    "{path}: filter {name} has an enum but is not FILTER_KIND_WORD"
                )
                .into());
            }
        };
        write!(
            filters,
            "FilterRule {{ name: {name:?}, kind: FilterKind::{kind}, words: &{words:?} }}, "
        )?;
    }
    Ok(format!(
        "ListRule {{ sort: &{sort:?}, filters: &[{filters}], cursor: {cursor}, search: {search}, \
         default_limit: {default_limit}, max_limit: {max_limit} }}",
        sort = texts(list, "sort"),
        cursor = flag(list, "cursor"),
        search = flag(list, "search"),
        default_limit = or(number(list, "default_limit"), 20),
        max_limit = or(number(list, "max_limit"), 100),
    ))
}
