//! How the feed's statements are carried out over a community of some size.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

use std::path::Path;

use bench::system::{Stage, plans};

/// Enough that a table read whole is told from one read by its index.
const POSTS: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn k_12_what_the_feed_is_asked_most_reads_by_index_and_no_more_than_it_needs() {
    let binary = Path::new(env!("CARGO_BIN_EXE_smilefactory"));
    let careless = [
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
    ];
    let stage = Stage::start(binary, &careless).await.unwrap();
    stage.grow(POSTS).await.unwrap();
    let (complaints, seen) = plans::check(&stage).await.unwrap();
    assert_eq!(complaints, Vec::<String>::new());
    assert!(seen >= 40, "only {seen} statements were looked at");
    stage.stop().await.unwrap();
}
