//! What the document is made of: RPCs with their routes, comments and rules.

use std::collections::HashMap;

use contracts::RpcRule;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, EnumValueDescriptor, ExtensionDescriptor,
    FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor, Value,
};
use serde_json::json;

use super::Error;

/// The contracts, ready to be asked.
pub(super) struct Contract {
    pool: DescriptorPool,
    rpc: ExtensionDescriptor,
    field: ExtensionDescriptor,
    word: ExtensionDescriptor,
    http: ExtensionDescriptor,
    /// Comments by file and path in the file.
    comments: HashMap<(String, Vec<i32>), String>,
}

/// One RPC that is reachable from outside.
pub(super) struct Rpc {
    pub(super) name: String,
    /// `feed`.
    pub(super) domain: &'static str,
    pub(super) comment: String,
    pub(super) rule: &'static RpcRule,
    pub(super) input: MessageDescriptor,
    pub(super) output: MessageDescriptor,
    /// Its routes, the main one first.
    pub(super) routes: Vec<Binding>,
}

/// One route of an RPC.
pub(super) struct Binding {
    /// `get`, `post` …
    pub(super) verb: String,
    /// The template with its variables in camelCase and without patterns.
    pub(super) path: String,
    /// Whether the body is read.
    pub(super) body: bool,
}

impl Binding {
    /// The variables of the path, by their JSON names.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether its method is one `If-Match` is read for (CQ-2).
    pub(super) fn is_change(&self) -> bool {
        matches!(self.verb.as_str(), "put" | "patch" | "delete")
    }
}

impl Contract {
    pub(super) fn new(descriptor: &[u8]) -> Result<Self, Error> {
        let pool = DescriptorPool::decode(descriptor).map_err(Error::Descriptor)?;
        let extension = |name| {
            pool.get_extension_by_name(name)
                .ok_or(Error::Extension(name))
        };
        let (rpc, field, word, http) = (
            extension("smilefactory.api.v1.rpc")?,
            extension("smilefactory.api.v1.field")?,
            extension("smilefactory.api.v1.word")?,
            extension("google.api.http")?,
        );
        let comments = pool.files().flat_map(|file| comments(&file)).collect();
        Ok(Self {
            pool,
            rpc,
            field,
            word,
            http,
            comments,
        })
    }

    /// Every RPC with a route, ordered by its gRPC path.
    pub(super) fn rpcs(&self) -> Vec<Rpc> {
        let methods = self
            .pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>());
        let mut rpcs: Vec<Rpc> = methods.filter_map(|method| self.rpc(&method)).collect();
        rpcs.sort_by_key(|rpc| rpc.rule.path);
        rpcs
    }

    fn rpc(&self, method: &MethodDescriptor) -> Option<Rpc> {
        let rule = contracts::rpc(&format!(
            "/{}/{}",
            method.parent_service().full_name(),
            method.name()
        ))?;
        Some(Rpc {
            name: method.name().to_owned(),
            domain: rule.domain(),
            comment: self.comment(&method.parent_file(), method.path()),
            rule,
            input: method.input(),
            output: method.output(),
            routes: self.routes(method)?,
        })
    }

    fn routes(&self, method: &MethodDescriptor) -> Option<Vec<Binding>> {
        let options = method.options();
        let reads_body =
            Rules(options.get_extension(&self.rpc).as_message().cloned()).flag("reads_body");
        if !options.has_extension(&self.http) {
            return None;
        }
        let main = options.get_extension(&self.http).as_message().cloned()?;
        let more = get(&main, "additional_bindings");
        let more = more
            .as_list()
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_message().cloned());
        let main = std::iter::once(main);
        Some(
            main.chain(more)
                .filter_map(|http| binding(&http, reads_body))
                .collect(),
        )
    }

    /// The services with what they are for.
    pub(super) fn tags(&self) -> impl Iterator<Item = serde_json::Value> + '_ {
        self.pool.services().map(|service| {
            let domain = service.package_name().split('.').nth(1).unwrap_or_default();
            json!({"name": domain, "description": self.comment(&service.parent_file(), service.path())})
        })
    }

    /// What a field's comment says.
    pub(super) fn field_comment(&self, field: &FieldDescriptor) -> String {
        self.comment(&field.parent_message().parent_file(), field.path())
    }

    /// What a message's comment says.
    pub(super) fn message_comment(&self, message: &MessageDescriptor) -> String {
        self.comment(&message.parent_file(), message.path())
    }

    fn comment(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.comments
            .get(&(file.name().to_owned(), path.to_vec()))
            .cloned()
            .unwrap_or_default()
    }

    /// Our option of a field; its defaults when the field has none.
    pub(super) fn rules(&self, field: &FieldDescriptor) -> Rules {
        Rules(
            field
                .options()
                .get_extension(&self.field)
                .as_message()
                .cloned(),
        )
    }

    /// The words of an enum, and those that are read beside them.
    pub(super) fn words(&self, of: &EnumDescriptor) -> (Vec<String>, Vec<String>) {
        let mut words = Vec::new();
        let mut aliases = Vec::new();
        for value in of.values().filter(|value| value.number() != 0) {
            let option = value
                .options()
                .get_extension(&self.word)
                .as_message()
                .cloned();
            let rules = Rules(option);
            let given = rules.text("word");
            words.push(if given.is_empty() {
                plain_word(of, &value)
            } else {
                given
            });
            aliases.extend(rules.texts("aliases"));
        }
        (words, aliases)
    }
}

/// An option message, read by the names of its fields.
pub(super) struct Rules(Option<DynamicMessage>);

impl Rules {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.as_ref().map(|option| get(option, name))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name)
            .and_then(|value| value.as_bool())
            .unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> u32 {
        self.get(name)
            .and_then(|value| value.as_u32())
            .unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.get(name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let value = self.get(name);
        let items = value
            .as_ref()
            .and_then(Value::as_list)
            .into_iter()
            .flatten();
        items
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    }

    /// The number of an enum's value.
    pub(super) fn choice(&self, name: &str) -> i32 {
        self.get(name)
            .and_then(|value| value.as_enum_number())
            .unwrap_or_default()
    }

    pub(super) fn range(&self) -> Option<(i64, i64)> {
        let option = self
            .0
            .as_ref()
            .filter(|option| option.has_field_by_name("range"))?;
        let range = get(option, "range");
        let end = |name| Some(get(range.as_message()?, name).as_i64().unwrap_or_default());
        Some((end("min")?, end("max")?))
    }
}

fn get(message: &DynamicMessage, name: &str) -> Value {
    message
        .get_field_by_name(name)
        .map_or(Value::Bool(false), std::borrow::Cow::into_owned)
}

/// One binding; `reads_body` is the option that lets a DELETE read its body (TR-20).
fn binding(http: &DynamicMessage, reads_body: bool) -> Option<Binding> {
    let verbs = ["get", "put", "post", "delete", "patch"];
    let verb = verbs
        .into_iter()
        .find(|verb| http.has_field_by_name(verb))?;
    let template = get(http, verb).as_str()?.to_owned();
    let named = get(http, "body")
        .as_str()
        .is_some_and(|body| !body.is_empty());
    let body = named || (verb == "delete" && reads_body);
    Some(Binding {
        verb: verb.to_owned(),
        path: plain_path(&template),
        body,
    })
}

/// `/users/{user_id=*}` as `/users/{userId}`.
fn plain_path(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, variable)) = rest.split_once('{') {
        let (variable, after) = variable.split_once('}').unwrap_or((variable, ""));
        let name = variable.split('=').next().unwrap_or_default();
        out.push_str(before);
        out.push('{');
        out.push_str(&camel(name));
        out.push('}');
        rest = after;
    }
    out + rest
}

/// `user_id` as `userId`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (head, tail) = word.split_at(word.len().min(1));
        out.push_str(&head.to_ascii_uppercase());
        out.push_str(tail);
    }
    out
}

/// `PROFILE_TYPE_MENTOR` of `ProfileType` as `mentor`.
fn plain_word(of: &EnumDescriptor, value: &EnumValueDescriptor) -> String {
    let mut prefix = String::new();
    for letter in of.name().chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_lowercase());
    }
    let name = value.name().to_ascii_lowercase();
    name.strip_prefix(&(prefix + "_"))
        .unwrap_or(&name)
        .to_owned()
}

/// The comments of one file, lines joined to paragraphs.
fn comments(file: &FileDescriptor) -> Vec<((String, Vec<i32>), String)> {
    let locations = file
        .file_descriptor_proto()
        .source_code_info
        .iter()
        .flat_map(|info| &info.location);
    locations
        .filter_map(|location| {
            let text = paragraphs(location.leading_comments.as_deref()?);
            Some(((file.name().to_owned(), location.path.clone()), text))
        })
        .collect()
}

/// Joins the lines of a comment; an empty line and a line that begins with
/// `Errors:` begin a paragraph.
fn paragraphs(comment: &str) -> String {
    let mut out = String::new();
    for line in comment.lines().map(str::trim) {
        let begins = line.is_empty() || line.starts_with("Errors:");
        if begins && !out.is_empty() && !out.ends_with("\n\n") {
            out.push_str("\n\n");
        }
        if !line.is_empty() {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push(' ');
            }
            out.push_str(line);
        }
    }
    out.trim_end().to_owned()
}
