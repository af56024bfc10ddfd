//! docs/api.md is true: its examples are run in order, in one shell, and print what it says they print.

use std::fmt::Write as _;
use std::path::Path;

use e2e::World;
use e2e::examples::{Example, compare, examples};

const API: &str = include_str!("../../../docs/api.md");

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_api_document_prints_what_it_says() {
    let world = World::start().await;
    let found = examples(API);
    let shell: Vec<&Example> = found.iter().filter(|it| it.language == "sh").collect();
    assert!(shell.len() > 15, "the document has examples");

    let room = std::env::temp_dir().join(format!("sf-documented-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&room).unwrap();
    let mut script = "set -eu -o pipefail\n".to_owned();
    for (index, example) in shell.iter().enumerate() {
        let code = example
            .code
            .replace("http://localhost:3000", world.client().base());
        writeln!(script, "echo '{index}' > at\n{{\n{code}\n}} > {index}.out").unwrap();
    }
    script.push_str("printf %s \"$TOKEN\" > token\n");
    let done = tokio::process::Command::new("bash")
        .arg("-c")
        .arg(script)
        .current_dir(&room)
        .output()
        .await
        .unwrap();
    let at = std::fs::read_to_string(room.join("at")).unwrap();
    assert!(
        done.status.success(),
        "line {}: {}",
        shell[at.trim().parse::<usize>().unwrap()].line,
        String::from_utf8_lossy(&done.stderr)
    );
    let mut wrong = String::new();
    for (index, example) in shell.iter().enumerate() {
        let printed = std::fs::read_to_string(room.join(format!("{index}.out"))).unwrap();
        judge(example, &printed, &mut wrong);
    }
    for example in found.iter().filter(|it| it.language == "js") {
        judge(example, &node(example, &room, &world).await, &mut wrong);
    }
    std::fs::remove_dir_all(&room).unwrap();
    assert!(wrong.is_empty(), "\n{wrong}");
    world.stop().await;
}

/// Runs an example for Node in the folder where `./dev test` installed what it imports; returns what it prints.
async fn node(example: &Example, room: &Path, world: &World) -> String {
    let contracts = room.join("contracts.binpb");
    std::fs::write(&contracts, contracts::DESCRIPTOR).unwrap();
    let code = example
        .code
        .replace("contracts.binpb", contracts.to_str().unwrap())
        .replace("http://localhost:3000", world.client().base());
    let done = tokio::process::Command::new("node")
        .args(["--input-type=module", "--eval", &code])
        .env(
            "TOKEN",
            std::fs::read_to_string(room.join("token")).unwrap(),
        )
        .current_dir(testkit::variable("SF_TEST_GRPC_WEB"))
        .output()
        .await
        .unwrap();
    [done.stdout, done.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat()
}

fn judge(example: &Example, printed: &str, wrong: &mut String) {
    if let Some((language, expected)) = &example.expected
        && let Err(why) = compare(language, expected, printed)
    {
        writeln!(wrong, "docs/api.md:{}: {why}", example.line).unwrap();
    }
}

#[test]
fn cv_9_the_document_lists_every_error_code_with_its_status() {
    for reason in fault::Reason::ALL {
        let row = format!("| `{}` | {} |", reason.code(), reason.http());
        assert!(API.contains(&row), "docs/api.md lacks {row}");
    }
}
