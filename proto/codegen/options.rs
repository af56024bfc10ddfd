//! Reads our options (`smilefactory/api/v1/options.proto`) into plain structs.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumValueDescriptor, ExtensionDescriptor, FieldDescriptor,
    Kind, MethodDescriptor, ReflectMessage as _, Value,
};

use super::Result;

/// Our extensions, and the HTTP rule of Google's.
pub(crate) struct Options {
    rpc: ExtensionDescriptor,
    field: ExtensionDescriptor,
    word: ExtensionDescriptor,
    http: ExtensionDescriptor,
}

/// The `field` option, as `options.proto` documents it.
#[derive(Default, Clone)]
pub(crate) struct FieldRules {
    pub(crate) required: bool,
    pub(crate) min_len: u32,
    pub(crate) max_len: u32,
    pub(crate) multiline: bool,
    /// `Plain` or the variant of `validation::Format`.
    pub(crate) format: String,
    pub(crate) one_of: Vec<String>,
    pub(crate) range: Option<(i64, i64)>,
    pub(crate) min_items: u32,
    pub(crate) max_items: u32,
    pub(crate) unique: bool,
    pub(crate) json: bool,
    pub(crate) catch_all: bool,
    pub(crate) managed: Vec<String>,
    pub(crate) max_bytes: u32,
    pub(crate) alias: String,
    pub(crate) clearable: bool,
    pub(crate) dedupe: bool,
    pub(crate) verbatim: bool,
    pub(crate) json_object: bool,
}

impl Options {
    /// Finds the extensions among the compiled files.
    pub(crate) fn new(pool: &DescriptorPool) -> Result<Self> {
        let find = |name: &str| {
            pool.get_extension_by_name(name)
                .ok_or_else(|| format!("no extension {name}"))
        };
        Ok(Self {
            rpc: find("smilefactory.api.v1.rpc")?,
            field: find("smilefactory.api.v1.field")?,
            word: find("smilefactory.api.v1.word")?,
            http: find("google.api.http")?,
        })
    }

    /// The `rpc` option of a method, if it has one.
    pub(crate) fn rpc(&self, method: &MethodDescriptor) -> Option<DynamicMessage> {
        read(&method.options(), &self.rpc)
    }

    /// Whether a method has an HTTP rule.
    pub(crate) fn is_public(&self, method: &MethodDescriptor) -> bool {
        method.options().has_extension(&self.http)
    }

    /// Whether a method has a POST binding.
    pub(crate) fn has_post(&self, method: &MethodDescriptor) -> bool {
        read(&method.options(), &self.http).is_some_and(|rule| {
            let more = messages(&rule, "additional_bindings");
            more.iter()
                .chain([&rule])
                .any(|binding| !text(binding, "post").is_empty())
        })
    }

    /// The word option of an enum value: its word, if given, and its aliases.
    pub(crate) fn word(&self, value: &EnumValueDescriptor) -> (String, Vec<String>) {
        read(&value.options(), &self.word).map_or_else(Default::default, |option| {
            (text(&option, "word"), texts(&option, "aliases"))
        })
    }

    /// The rules of a field; empty ones when it has none.
    pub(crate) fn field(&self, field: &FieldDescriptor) -> FieldRules {
        let Some(option) = read(&field.options(), &self.field) else {
            return FieldRules {
                format: "Plain".to_owned(),
                ..FieldRules::default()
            };
        };
        let flag = |name: &str| flag(&option, name);
        let number = |name: &str| number(&option, name);
        FieldRules {
            required: flag("required"),
            min_len: number("min_len"),
            max_len: number("max_len"),
            multiline: flag("multiline"),
            format: variant(&enum_name(&option, "format"), "FORMAT_", "Plain"),
            one_of: texts(&option, "one_of"),
            range: message(&option, "range")
                .map(|range| (integer(&range, "min"), integer(&range, "max"))),
            min_items: number("min_items"),
            max_items: number("max_items"),
            unique: flag("unique"),
            json: flag("json") || flag("json_object") || flag("catch_all"),
            catch_all: flag("catch_all"),
            managed: texts(&option, "managed"),
            max_bytes: number("max_bytes"),
            alias: text(&option, "alias"),
            clearable: flag("clearable"),
            dedupe: flag("dedupe"),
            verbatim: flag("verbatim"),
            json_object: flag("json_object") || flag("catch_all"),
        }
    }
}

fn read(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    options
        .has_extension(extension)
        .then(|| options.get_extension(extension).as_message().cloned())?
}

fn get(message: &DynamicMessage, name: &str) -> Value {
    message
        .get_field_by_name(name)
        .map_or(Value::Bool(false), |value| value.into_owned())
}

/// A boolean of an option.
pub(crate) fn flag(message: &DynamicMessage, name: &str) -> bool {
    get(message, name).as_bool().unwrap_or_default()
}

/// A count of an option.
pub(crate) fn number(message: &DynamicMessage, name: &str) -> u32 {
    let value = get(message, name);
    value
        .as_u32()
        .or_else(|| u32::try_from(value.as_i32()?).ok())
        .unwrap_or_default()
}

fn integer(message: &DynamicMessage, name: &str) -> i64 {
    get(message, name).as_i64().unwrap_or_default()
}

/// A text of an option.
pub(crate) fn text(message: &DynamicMessage, name: &str) -> String {
    get(message, name).as_str().unwrap_or_default().to_owned()
}

/// The texts of a repeated option.
pub(crate) fn texts(message: &DynamicMessage, name: &str) -> Vec<String> {
    let value = get(message, name);
    value
        .as_list()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// A message inside an option, if it is set.
pub(crate) fn message(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    message
        .has_field_by_name(name)
        .then(|| get(message, name).as_message().cloned())?
}

/// The messages of a repeated option.
pub(crate) fn messages(message: &DynamicMessage, name: &str) -> Vec<DynamicMessage> {
    let value = get(message, name);
    value
        .as_list()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_message().cloned())
        .collect()
}

/// The declared name of an enum's value: `ACCESS_USER`.
pub(crate) fn enum_name(message: &DynamicMessage, name: &str) -> String {
    let number = get(message, name).as_enum_number().unwrap_or_default();
    let Some(Kind::Enum(kind)) = message
        .descriptor()
        .get_field_by_name(name)
        .map(|field| field.kind())
    else {
        return String::new();
    };
    kind.get_value(number)
        .map_or_else(String::new, |value| value.name().to_owned())
}

/// A Rust variant of a value's name: `ACCESS_USER` without `ACCESS_` is `User`;
/// `unspecified` is what 0 becomes.
pub(crate) fn variant(value: &str, prefix: &str, unspecified: &str) -> String {
    match value.strip_prefix(prefix).unwrap_or(value) {
        "UNSPECIFIED" | "" => unspecified.to_owned(),
        rest => rest
            .split('_')
            .map(|part| format!("{}{}", &part[..1], part[1..].to_ascii_lowercase()))
            .collect(),
    }
}
