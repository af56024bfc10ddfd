//! Layers of settings, and what is refused.

use serde::Deserialize;

use super::*;
use crate::Secret;

const DEFAULTS: &str = r#"
secret = ""
[edge]
port = 3000
origins = ["http://localhost:5173"]
debug = false
name = "x"
"#;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    secret: Secret<String>,
    edge: Edge,
    #[serde(default)]
    database: Database,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edge {
    port: u16,
    origins: Vec<String>,
    debug: bool,
    name: String,
    seconds: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Database {
    url: Secret<String>,
}

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    super::load(DEFAULTS, None, environment).map_err(|error| error.to_string())
}

#[test]
fn dl_3_the_environment_beats_the_file_which_beats_the_defaults() {
    let path = std::env::temp_dir().join(format!("sf-settings-{}.toml", std::process::id()));
    std::fs::write(&path, "[edge]\nport = 4000\nname = \"file\"\n").unwrap();
    let environment = [("SF__EDGE__PORT".to_owned(), "5000".to_owned())];
    let settings: Settings = super::load(DEFAULTS, Some(&path), environment).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        (settings.edge.port, settings.edge.name.as_str()),
        (5000, "file")
    );
    assert_eq!(settings.edge.origins, ["http://localhost:5173"]);
    assert!(
        super::load::<Settings>(DEFAULTS, Some(&path), []).is_err(),
        "a file that is not there"
    );
}

#[test]
fn dl_3_variables_are_read_as_their_setting_wants_them() {
    let settings = load(&[
        ("SF__SECRET", "0123"),
        ("SF__EDGE__NAME", "007"),
        ("SF__EDGE__DEBUG", "true"),
        ("SF__EDGE__SECONDS", "30"),
        ("SF__EDGE__ORIGINS", "https://a.example, https://b.example"),
        ("DATABASE_URL", "postgres://well-known"),
        ("HOME", "/root"),
        ("SFX", "not ours"),
    ])
    .unwrap();
    assert_eq!(settings.secret.expose(), "0123", "text stays text");
    assert_eq!(
        (settings.edge.name.as_str(), settings.edge.debug),
        ("007", true)
    );
    assert_eq!(settings.edge.seconds, Some(30));
    assert_eq!(
        settings.edge.origins,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(settings.database.url.expose(), "postgres://well-known");
    let own = [("SF__DATABASE__URL", "own"), ("DATABASE_URL", "well-known")];
    for variables in [own, [own[1], own[0]]] {
        assert_eq!(load(&variables).unwrap().database.url.expose(), "own");
    }
}

#[test]
fn dl_3_what_cannot_be_used_is_named() {
    for (name, value, words) in [
        ("SF__EDGE__PROT", "3000", "prot"),
        ("SF__EGDE__PORT", "3000", "egde"),
        ("SF__EDGE__PORT", "many", "port"),
        ("SF__EDGE__PORT", "70000", "port"),
        ("SF__EDGE__DEBUG", "perhaps", "debug"),
        ("SF__", "x", "SF__"),
        ("SF__EDGE__", "x", "SF__EDGE__"),
    ] {
        let error = load(&[("SF__EDGE__NAME", "fine"), (name, value)]).unwrap_err();
        assert!(
            error.contains(name) && error.contains(words),
            "{name}: {error}"
        );
    }
    let unknown = super::load::<Settings>(&format!("{DEFAULTS}\nfoo = 1\n"), None, []).unwrap_err();
    assert!(unknown.to_string().contains("foo"), "{unknown}");
}

#[test]
fn dl_3_printed_settings_keep_their_secrets() {
    let settings = load(&[
        ("SF__SECRET", "hunter2"),
        ("DATABASE_URL", "postgres://u:hunter3@h/d"),
    ])
    .unwrap();
    let text = print(&settings).unwrap();
    assert!(
        text.contains("secret = \"[redacted]\"") && text.contains("port = 3000"),
        "{text}"
    );
    assert!(!text.contains("hunter"), "{text}");
}
