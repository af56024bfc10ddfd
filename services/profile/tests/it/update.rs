//! PUT and PATCH of a profile.

use contracts::profile::v1::{
    CreateProfileRequest, ProfileType, ProfileUpdated, ProfileVisibility, UpdateProfileRequest,
};
use fault::Reason;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::world::{World, answering, clearing, fields, mentor, reason, refusal};

#[tokio::test]
async fn cv_14_absent_stays_null_clears_and_lists_are_replaced() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let all = UpdateProfileRequest {
        bio: Some("line\nline".into()),
        headline: Some("Head".into()),
        phone: Some("+1".into()),
        username: Some("@Ada".into()),
        tags: vec!["#Open Source".into(), "ai".into(), "AI".into()],
        ..Default::default()
    };
    let first = world.update(&ada, "me", all).await.unwrap();
    assert_eq!(first.tags, ["open-source", "ai"]);
    assert_eq!(first.username.as_deref(), Some("ada"));

    let second = world
        .update(
            &ada,
            "me",
            UpdateProfileRequest {
                bio: Some("other".into()),
                ..Default::default()
            },
        )
        .await;
    let second = second.unwrap();
    assert_eq!(
        (second.headline.as_deref(), second.phone.as_deref()),
        (Some("Head"), Some("+1"))
    );
    assert_eq!(second.version, first.version + 1);

    let cleared = world
        .update(
            &ada,
            "me",
            clearing(&["bio", "headline", "phone", "username", "tags"]),
        )
        .await
        .unwrap();
    assert_eq!(
        (
            cleared.bio,
            cleared.headline,
            cleared.phone,
            cleared.username
        ),
        (None, None, None, None)
    );
    assert!(cleared.tags.is_empty());
    for field in ["display_name", "profile_type", "visibility"] {
        let json = match field {
            "display_name" => "displayName",
            "profile_type" => "profileType",
            other => other,
        };
        assert_eq!(
            fields(world.update(&ada, "me", clearing(&[field])).await),
            [json]
        );
    }
}

#[tokio::test]
async fn cq_3_only_a_change_raises_the_version_and_is_said() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let id = ada.profile_id.to_string();
    let change = || UpdateProfileRequest {
        bio: Some("b".into()),
        ..answering(r#"{"city":"Oslo"}"#)
    };
    let first = world.update(&ada, &id, change()).await.unwrap();
    let said = world.said_of(&id).await;
    let last = said.last().unwrap();
    assert_eq!(last.aggregate_version, first.version);
    let updated: ProfileUpdated = last.read();
    assert_eq!(updated.changed, ["bio", "location", "metadata"]);
    assert_eq!(updated.profile.unwrap().version, first.version);

    let again = world.update(&ada, &id, change()).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(world.said_of(&id).await.len(), said.len());
    let read = world.get(&ada, &id).await.unwrap();
    assert_eq!(
        (read.updated_at, read.version),
        (first.updated_at, first.version)
    );
}

#[tokio::test]
async fn pr_6_answers_come_back_word_for_word_and_null_deletes_one() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let json = r#"{"years_of_experience":7.50,"zeta":1e2,"availability":"café","mentorship_topics":["b","a"],"yes":true}"#;
    let profile = world.update(&ada, "me", answering(json)).await.unwrap();
    assert_eq!(profile.metadata, json);
    assert_eq!(world.get(&ada, "me").await.unwrap().metadata, json);
    let change = r#"{"zeta":null,"availability":"","years_of_experience":8,"alpha":"x"}"#;
    let expected =
        r#"{"years_of_experience":8,"mentorship_topics":["b","a"],"yes":true,"alpha":"x"}"#;
    assert_eq!(
        world
            .update(&ada, "me", answering(change))
            .await
            .unwrap()
            .metadata,
        expected
    );
    assert_eq!(world.get(&ada, "me").await.unwrap().metadata, expected);
}

#[tokio::test]
async fn pr_6_limits_hold_over_all_answers_together() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let many = |from: usize, to: usize| {
        let entries: Vec<_> = (from..to).map(|n| format!(r#""k{n}":{n}"#)).collect();
        format!("{{{}}}", entries.join(","))
    };
    world
        .update(&ada, "me", answering(&many(0, 199)))
        .await
        .unwrap();
    assert_eq!(
        fields(world.update(&ada, "me", answering(&many(199, 202))).await),
        ["k200"]
    );
    world
        .update(&ada, "me", answering(r#"{"k199":1}"#))
        .await
        .unwrap();
    assert_eq!(
        fields(world.update(&ada, "me", answering(r#"{"k200":1}"#)).await),
        ["k200"]
    );
    world
        .update(&ada, "me", answering(r#"{"k0":null,"k200":1}"#))
        .await
        .unwrap();

    let bob = world.member("Bob").await;
    let text = "x".repeat(5000);
    for n in 0..13 {
        world
            .update(&bob, "me", answering(&format!(r#"{{"k{n}":"{text}"}}"#)))
            .await
            .unwrap();
    }
    let outcome = world
        .update(&bob, "me", answering(&format!(r#"{{"last":"{text}"}}"#)))
        .await;
    assert_eq!(fields(outcome), ["last"]);
}

#[tokio::test]
async fn t29_an_update_cannot_set_what_the_server_manages() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let before = world.get(&ada, "me").await.unwrap();
    for name in [
        "isVerified",
        "isPrimary",
        "isFeatured",
        "userAccountId",
        "version",
        "role",
        "createdAt",
        "status",
    ] {
        let outcome = world
            .update(&ada, "me", answering(&format!(r#"{{"{name}":true}}"#)))
            .await;
        assert_eq!(fields(outcome), [name]);
    }
    assert_eq!(world.get(&ada, "me").await.unwrap(), before);
}

#[tokio::test]
async fn pr_13_a_new_name_or_type_clears_the_verification() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let verify = || async {
        let sql = "update profile.profiles set is_verified = true where id = $1";
        let statement =
            Statement::from_sql_and_values(DbBackend::Postgres, sql, [ada.profile_id.into()]);
        world.rig.owner().execute_raw(statement).await.unwrap();
        assert!(world.get(&ada, "me").await.unwrap().is_verified);
    };
    verify().await;
    let name = UpdateProfileRequest {
        display_name: Some("Grace".into()),
        ..Default::default()
    };
    assert!(!world.update(&ada, "me", name).await.unwrap().is_verified);
    verify().await;
    let bio = UpdateProfileRequest {
        bio: Some("b".into()),
        ..Default::default()
    };
    assert!(world.update(&ada, "me", bio).await.unwrap().is_verified);
    let kind = UpdateProfileRequest {
        profile_type: Some(ProfileType::Investor.into()),
        ..Default::default()
    };
    assert!(!world.update(&ada, "me", kind).await.unwrap().is_verified);
}

#[tokio::test]
async fn pr_10_pr_14_pr_16_a_new_type_keeps_answers_and_counts_anew() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let answers = r#"{"mentor_current_role":"CTO","expertise_areas":["ml"],"firm_type":"fund","investment_focus":["health"],"contact_email":"a@b.c","city":"Oslo","country":"Norway","company":"x","education":["y"],"mentorship_style":"z"}"#;
    let mentor = world.update(&ada, "me", answering(answers)).await.unwrap();
    assert_eq!(
        (mentor.role.as_deref(), mentor.expertise.as_slice()),
        (Some("CTO"), &["ml".to_owned()][..])
    );
    assert_eq!(mentor.completion_percentage, 27, "8 of 30");
    let kind = UpdateProfileRequest {
        profile_type: Some(ProfileType::Investor.into()),
        ..Default::default()
    };
    let investor = world.update(&ada, "me", kind).await.unwrap();
    assert_eq!(investor.metadata, mentor.metadata);
    assert_eq!(
        (investor.role.as_deref(), investor.expertise.as_slice()),
        (Some("fund"), &["health".to_owned()][..])
    );
    assert_eq!(
        investor.completion_percentage, 20,
        "5 of 31 is below the floor"
    );
}

#[tokio::test]
async fn pr_19_of_parallel_changes_to_one_user_name_one_wins() {
    let world = World::start().await;
    let mut people = Vec::new();
    for n in 0..5 {
        people.push(world.member(&format!("n{n}")).await);
    }
    let claims = people.iter().map(|caller| {
        let claim = UpdateProfileRequest {
            username: Some("same.name".into()),
            ..Default::default()
        };
        world.update(caller, "me", claim)
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(
        lost.into_iter()
            .all(|outcome| reason(outcome) == Reason::UsernameTaken)
    );
}

#[tokio::test]
async fn pr_8_only_a_draft_keeps_draft_data() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let data = || UpdateProfileRequest {
        draft_data: Some(r#"{"step":2}"#.into()),
        ..Default::default()
    };
    assert_eq!(
        reason(world.update(&ada, "me", data()).await),
        Reason::InvalidState
    );
    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    let draft = world.create(&ada, request).await.unwrap().0;
    let updated = world.update(&ada, &draft.id, data()).await.unwrap();
    assert_eq!(updated.draft_data.as_deref(), Some(r#"{"step":2}"#));

    let other = CreateProfileRequest {
        profile_type: ProfileType::Innovator.into(),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    world.create(&ada, other).await.unwrap();
    let same = UpdateProfileRequest {
        profile_type: Some(ProfileType::Innovator.into()),
        ..Default::default()
    };
    assert_eq!(
        reason(world.update(&ada, &draft.id, same).await),
        Reason::Conflict
    );
}

#[tokio::test]
async fn cv_20_foreign_is_forbidden_hidden_is_unknown() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let id = ada.profile_id.to_string();
    let change = || UpdateProfileRequest {
        bio: Some("b".into()),
        ..Default::default()
    };
    assert_eq!(
        reason(world.update(&bob, &id, change()).await),
        Reason::Forbidden
    );
    world.show_to(&ada, ProfileVisibility::Private).await;
    let hidden = world.update(&bob, &id, change()).await;
    let unknown = world
        .update(&bob, &bob.session_id.to_string(), change())
        .await;
    assert_eq!(refusal(hidden), refusal(unknown));
    assert_eq!(world.get(&ada, "me").await.unwrap().bio, None);
}

#[tokio::test]
async fn cv_8_a_malformed_id_names_its_field() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    assert_eq!(fields(world.get(&ada, "nonsense").await), ["id"]);
    assert_eq!(
        fields(world.update(&ada, "nonsense", answering("{}")).await),
        ["id"]
    );
    assert_eq!(fields(world.delete(&ada, "nonsense").await), ["id"]);
    assert_eq!(
        reason(world.get_as_nobody("me").await),
        Reason::Unauthorized
    );
    assert_eq!(
        world.get(&ada, "current-user").await.unwrap().id,
        ada.profile_id.to_string()
    );
}
