//! The generator as a process of its own, so that its time never mixes with what is measured.

use std::io::Read as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt as _;

use super::{Plan, Report};

/// `smilefactory-bench load`: takes a plan as JSON on its input, and says what came of it as JSON on its output.
///
/// # Errors
/// The plan cannot be read or carried out.
#[allow(
    clippy::print_stdout,
    reason = "the report is what this process is for"
)]
pub fn command() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let plan: Plan = serde_json::from_str(&text).context("the plan")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(super::run(&plan))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// Runs a plan in a process of its own: this program again, on the given core if one is given.
///
/// # Errors
/// The process cannot be started or fails.
pub async fn in_process(plan: &Plan, core: Option<usize>) -> Result<Report> {
    let program = std::env::current_exe()?;
    let mut command = match core {
        Some(core) => {
            let mut taskset = tokio::process::Command::new("taskset");
            taskset.args(["-c", &core.to_string()]).arg(program);
            taskset
        }
        None => tokio::process::Command::new(program),
    };
    command
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().context("starting the load generator")?;
    let mut input = child.stdin.take().context("the generator's input")?;
    input
        .write_all(serde_json::to_string(plan)?.as_bytes())
        .await?;
    drop(input);
    let output = child.wait_with_output().await?;
    ensure!(
        output.status.success(),
        "the load generator failed: {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("the generator's report")
}
