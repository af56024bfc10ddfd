//! One target under libFuzzer: `./dev fuzz TARGET [SECONDS]`.

#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<&fuzz::Target> = OnceLock::new();

#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "libFuzzer owns the command line; a wrong name ends the run"
)]
fn chosen() -> &'static fuzz::Target {
    let name = std::env::var("SF_FUZZ_TARGET").expect("SF_FUZZ_TARGET names the target");
    fuzz::target(&name).expect("a target of this name")
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (TARGET.get_or_init(chosen).run)(input);
});
