//! Holds the workspace to its own rules: dependencies point one way, nobody
//! sees more than it should, and the lock file is above every known advisory.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// What a package of the workspace is, by the folder it lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Contracts,
    Fault,
    Shared,
    Testkit,
    Service,
    Edge,
    Entity,
    Migration,
    Cli,
    EndToEnd,
    Bench,
    Fuzz,
}

impl Layer {
    fn of(folder: &str) -> Self {
        match folder {
            "" => Self::Contracts,
            "crates/fault" => Self::Fault,
            "crates/testkit" => Self::Testkit,
            "edge" => Self::Edge,
            "entity" => Self::Entity,
            "migration" => Self::Migration,
            "cli" => Self::Cli,
            "e2e" => Self::EndToEnd,
            "bench" | "bench/instructions" => Self::Bench,
            "fuzz" => Self::Fuzz,
            folder if folder.starts_with("crates/") => Self::Shared,
            folder if folder.starts_with("services/") => Self::Service,
            folder => panic!("{folder} is no folder of the layout"),
        }
    }

    /// The layers it may depend on: cli → edge, services → crates → contracts.
    fn may_see(self) -> &'static [Self] {
        use Layer::{Cli, Contracts, Edge, Entity, Fault, Migration, Service, Shared};
        match self {
            Self::Contracts | Self::Fault | Self::Entity => &[],
            Self::Shared => &[Contracts, Fault, Shared],
            Self::Migration => &[Fault, Shared],
            Self::Testkit => &[Contracts, Fault, Shared, Migration],
            Self::Service => &[Contracts, Fault, Shared, Entity],
            Self::Edge | Self::Fuzz => &[Contracts, Fault, Shared],
            Self::Cli => &[Contracts, Fault, Shared, Entity, Migration, Service, Edge],
            Self::EndToEnd | Self::Bench => &[
                Contracts,
                Fault,
                Shared,
                Migration,
                Service,
                Edge,
                Cli,
                Self::Testkit,
            ],
        }
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

/// The folder of a package, from the root of the workspace; empty for the root.
fn folder(metadata: &Metadata, package: &Package) -> String {
    let folder = package
        .manifest_path
        .parent()
        .expect("a manifest has a folder");
    folder
        .strip_prefix(&metadata.workspace_root)
        .expect("in the workspace")
        .as_str()
        .replace('\\', "/")
}

/// Every dependency between packages of the workspace: from, to, kind.
fn edges(metadata: &Metadata) -> Vec<(String, String, DependencyKind)> {
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let to = metadata
                .workspace_packages()
                .into_iter()
                .find(|other| other.name.as_str() == dependency.name);
            if let Some(to) = to {
                edges.push((
                    folder(metadata, package),
                    folder(metadata, to),
                    dependency.kind,
                ));
            }
        }
    }
    edges
}

/// Who names an external crate among its dependencies, tests aside.
fn users(metadata: &Metadata, name: &str) -> Vec<String> {
    let packages = metadata.workspace_packages().into_iter();
    packages
        .filter(|package| {
            let mut dependencies = package.dependencies.iter();
            dependencies.any(|d| d.name == name && d.kind != DependencyKind::Development)
        })
        .map(|package| folder(metadata, package))
        .collect()
}

#[track_caller]
fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for (from, to, kind) in edges(&metadata) {
        if kind != DependencyKind::Development
            && !Layer::of(&from).may_see().contains(&Layer::of(&to))
        {
            wrong.push(format!("{from} must not depend on {to}"));
        }
    }
    assert!(edges(&metadata).len() > 20, "the workspace was read");
    none_wrong(&wrong);
}

#[test]
fn the_edge_sees_no_data_and_services_do_not_see_each_other() {
    // Tests included: a test that needs another service uses a scripted peer.
    let mut wrong = Vec::new();
    for (from, to, _) in edges(&metadata()) {
        let (layer, seen) = (Layer::of(&from), Layer::of(&to));
        let data = matches!(seen, Layer::Entity | Layer::Migration) || to == "crates/store";
        if (layer == Layer::Edge && data) || (layer == Layer::Service && seen == Layer::Service) {
            wrong.push(format!("{from} must not see {to}"));
        }
    }
    none_wrong(&wrong);
}

#[test]
fn the_test_kit_never_ships() {
    let edges = edges(&metadata());
    let ships = edges.iter().filter(|(from, to, kind)| {
        to == "crates/testkit"
            && *kind != DependencyKind::Development
            && !matches!(Layer::of(from), Layer::EndToEnd | Layer::Bench)
    });
    none_wrong(
        &ships
            .map(|(from, ..)| format!("{from} ships the test kit"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn only_redis_sees_its_client() {
    assert_eq!(users(&metadata(), "fred"), ["crates/redis"]);
}

#[test]
fn only_data_layers_see_the_database_client() {
    let allowed = |folder: &str| match Layer::of(folder) {
        Layer::Entity
        | Layer::Migration
        | Layer::Service
        | Layer::Testkit
        | Layer::Cli
        | Layer::Bench
        | Layer::Fuzz => true,
        _ => matches!(folder, "crates/store" | "crates/events" | "crates/chassis"),
    };
    let metadata = metadata();
    let users = ["sea-orm", "sqlx", "sea-orm-migration"]
        .into_iter()
        .flat_map(|name| users(&metadata, name));
    none_wrong(
        &users
            .filter(|folder| !allowed(folder))
            .map(|f| format!("{f} sees SQL"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_package_takes_the_workspace_lints_and_versions() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest =
            std::fs::read_to_string(&package.manifest_path).expect("a readable manifest");
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{}: no workspace lints", package.name));
        }
        for line in manifest
            .lines()
            .skip_while(|line| !line.starts_with("[dependencies]"))
        {
            let is_text = line
                .split_once(" = ")
                .is_some_and(|(_, value)| value.starts_with('"'));
            let own_version = is_text || line.contains("version = ");
            let settings = [
                "name",
                "path",
                "harness",
                "test",
                "doctest",
                "required-features",
            ];
            if own_version && !settings.iter().any(|key| line.starts_with(key)) {
                wrong.push(format!(
                    "{}: the version belongs to the workspace: {line}",
                    package.name
                ));
            }
        }
    }
    none_wrong(&wrong);
}

/// The least versions that are free of the advisories named.
const FLOORS: [(&str, (u64, u64, u64), &str); 13] = [
    (
        "tonic",
        (0, 14, 3),
        "RUSTSEC-2024-0376; the limit of local resets",
    ),
    (
        "h2",
        (0, 4, 16),
        "RUSTSEC-2026-0258, 2024-0332, 2024-0003, 2023-0034",
    ),
    (
        "hyper",
        (1, 0, 0),
        "RUSTSEC-2020-0008, 2021-0020, 2021-0078, 2021-0079",
    ),
    (
        "rustls",
        (0, 23, 45),
        "RUSTSEC-2026-0285, 2024-0336, 2024-0399",
    ),
    (
        "rustls-webpki",
        (0, 103, 13),
        "RUSTSEC-2026-0049, -0098, -0099, -0104",
    ),
    ("jsonwebtoken", (10, 3, 0), "CVE-2026-25537"),
    ("tungstenite", (0, 20, 1), "RUSTSEC-2023-0065"),
    ("axum-core", (0, 2, 8), "RUSTSEC-2022-0055"),
    ("sqlx-core", (0, 8, 1), "RUSTSEC-2024-0363"),
    ("prost", (0, 6, 1), "stack overflow on nested messages"),
    ("prost-types", (0, 8, 0), "panics on extreme timestamps"),
    ("tracing-subscriber", (0, 3, 20), "RUSTSEC-2025-0055"),
    ("lettre", (0, 10, 0), "RUSTSEC-2021-0069"),
];

/// Crates that must not be in the lock file at all.
const ABSENT: [(&str, &str); 3] = [
    ("openssl-sys", "TLS is rustls with aws-lc-rs"),
    ("native-tls", "TLS is rustls with aws-lc-rs"),
    ("rsa", "RUSTSEC-2023-0071"),
];

/// Every package of the lock file with its version.
fn locked() -> Vec<(String, (u64, u64, u64))> {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))
        .expect("a lock file");
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut locked = Vec::new();
    let mut name = String::new();
    for line in lock.lines() {
        if let Some(found) = value(line, "name = ") {
            name = found;
        } else if let Some(version) = value(line, "version = ") {
            locked.push((std::mem::take(&mut name), version_of(&version)));
        }
    }
    locked
}

/// The three numbers of a version; a pre-release counts as below its release.
fn version_of(text: &str) -> (u64, u64, u64) {
    let (plain, pre) = text
        .split_once('-')
        .map_or((text, false), |(plain, _)| (plain, true));
    let mut parts = plain
        .split(['.', '+'])
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let (major, minor, patch): (u64, u64, u64) = (next(), next(), next());
    (
        major,
        minor,
        if pre { patch.saturating_sub(1) } else { patch },
    )
}

#[test]
fn the_lock_file_is_above_every_floor() {
    let locked = locked();
    assert!(locked.len() > 200, "the lock file was read");
    let mut wrong = Vec::new();
    for (name, floor, why) in FLOORS {
        for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
            if *version < floor {
                wrong.push(format!("{name} {version:?} is below {floor:?}: {why}"));
            }
        }
    }
    for (name, why) in ABSENT {
        wrong.extend(
            locked
                .iter()
                .filter(|(locked, _)| locked == name)
                .map(|_| format!("{name} is linked: {why}")),
        );
    }
    wrong.extend(
        locked
            .iter()
            .filter(|(name, version)| name.starts_with("hickory-") && *version < (0, 26, 0))
            .map(|(name, version)| {
                format!("{name} {version:?} is below 0.26: RUSTSEC-2026-0118, -0119")
            }),
    );
    none_wrong(&wrong);
}

#[test]
fn floors_are_compared_as_numbers() {
    assert!(version_of("0.4.9") < version_of("0.4.16"));
    assert!(version_of("0.23.45-rc.1") < version_of("0.23.45"));
    assert_eq!(version_of("0.9.0+spec-1.1.0"), (0, 9, 0));
}
