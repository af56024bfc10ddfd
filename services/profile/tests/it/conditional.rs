//! `If-Match` on profiles: CQ-2, K-4.

use contracts::profile::v1::*;
use fault::{Fault, Reason};
use futures_util::future::join_all;
use tonic::{Request, Status};

use crate::world::{World, reason};

/// A request that expects a version.
fn expecting<T>(message: T, version: i32) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("\"{version}-0123456789abcdef\"").parse().unwrap();
    request.metadata_mut().insert("if-match", value);
    request
}

fn headed(headline: &str) -> UpdateProfileRequest {
    UpdateProfileRequest {
        id: "me".into(),
        headline: Some(headline.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn cq_2_a_profile_changes_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let mut client = world.of(&ada);
    let first = world.update(&ada, "me", headed("one")).await.unwrap();
    let answer = client.update_profile(expecting(headed("no"), first.version + 1));
    assert_eq!(reason(answer.await), Reason::PreconditionFailed);
    let answer = client.update_profile(expecting(headed("one"), first.version + 1));
    assert_eq!(
        reason(answer.await),
        Reason::PreconditionFailed,
        "also when nothing changes"
    );
    let answer = client.update_profile(expecting(headed("two"), first.version));
    let second = answer.await.unwrap().into_inner();
    assert_eq!(second.version, first.version + 1);

    let hidden = SetProfileVisibilityRequest {
        id: "me".into(),
        visibility: ProfileVisibility::Private.into(),
    };
    let answer = client.set_profile_visibility(expecting(hidden.clone(), first.version));
    assert_eq!(reason(answer.await), Reason::PreconditionFailed);
    let answer = client.set_profile_visibility(expecting(hidden, second.version));
    assert_eq!(
        answer.await.unwrap().into_inner().version,
        second.version + 1
    );
}

#[tokio::test]
async fn cq_2_a_profile_is_made_primary_and_deleted_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let other = world.another(&ada, "Other").await;
    let mut client = world.of(&ada);
    let primary = SetPrimaryProfileRequest {
        id: other.id.clone(),
    };
    let answer = client.set_primary_profile(expecting(primary.clone(), other.version + 1));
    assert_eq!(reason(answer.await), Reason::PreconditionFailed);
    let answer = client.set_primary_profile(expecting(primary, other.version));
    let marked = answer.await.unwrap().into_inner();
    assert!(marked.is_primary && marked.version > other.version);

    let gone = DeleteProfileRequest {
        id: other.id.clone(),
    };
    let answer = client.delete_profile(expecting(gone.clone(), other.version));
    assert_eq!(reason(answer.await), Reason::PreconditionFailed);
    assert!(world.get(&ada, &other.id).await.is_ok());
    let answer = client.delete_profile(expecting(gone, marked.version));
    assert!(answer.await.is_ok());
    assert_eq!(reason(world.get(&ada, &other.id).await), Reason::NotFound);
}

#[tokio::test]
async fn cq_2_what_would_fail_anyway_fails_for_its_own_reason() {
    let world = World::start().await;
    let (ada, eve) = (world.member("Ada").await, world.member("Eve").await);
    let last = DeleteProfileRequest { id: "me".into() };
    let answer = world.of(&ada).delete_profile(expecting(last, 99)).await;
    assert_eq!(reason(answer), Reason::LastProfile);
    let foreign = DeleteProfileRequest {
        id: ada.profile_id.to_string(),
    };
    let answer = world.of(&eve).delete_profile(expecting(foreign, 99)).await;
    assert_eq!(reason(answer), Reason::Forbidden);
}

#[tokio::test]
async fn k_4_of_fifty_parallel_writes_with_one_tag_one_wins() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let version = world.own(&ada).await[0].version;
    let writes = (0..50).map(|number| {
        let mut client = world.of(&ada);
        async move {
            let request = expecting(headed(&format!("head {number}")), version);
            client.update_profile(request).await
        }
    });
    let answers: Vec<Result<_, Status>> = join_all(writes).await;
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1);
    for lost in answers.into_iter().filter_map(Result::err) {
        assert_eq!(Fault::from(lost).reason(), Reason::PreconditionFailed);
    }
}
