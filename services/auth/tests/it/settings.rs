//! Account settings: SET-1, CV-14, CQ-3.

use contracts::auth::v1::*;
use fault::{Fault, Reason};
use prost_types::FieldMask;

use crate::world::{Guest, World, fresh_address};

async fn get(world: &World, guest: &Guest) -> Settings {
    let reply = world
        .client(&guest.ctx)
        .get_settings(GetSettingsRequest {})
        .await;
    reply.expect("settings").into_inner()
}

async fn update(
    world: &World,
    guest: &Guest,
    request: UpdateSettingsRequest,
) -> Result<Settings, Fault> {
    Ok(world
        .client(&guest.ctx)
        .update_settings(request)
        .await?
        .into_inner())
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    })
}

#[tokio::test]
async fn set_1_settings_begin_with_their_defaults() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let settings = get(&world, &guest).await;
    assert!(!settings.private_account && settings.show_activity_status);
    assert_eq!(settings.allow_messages(), AllowMessages::Everyone);
    assert_eq!(settings.contact_visibility(), ContactVisibility::Owner);
    assert_eq!(
        (settings.theme(), settings.language()),
        (Theme::System, Language::En)
    );
    assert_eq!(
        (settings.timezone.as_str(), settings.date_format.clone()),
        ("UTC", None)
    );
    assert_eq!(settings.version, 1);
}

#[tokio::test]
async fn cv_14_absent_settings_stay_and_given_ones_change() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let stranger = world.sign_in(&fresh_address()).await;
    let request = UpdateSettingsRequest {
        private_account: Some(true),
        show_activity_status: Some(false),
        allow_messages: Some(AllowMessages::None.into()),
        contact_visibility: Some(ContactVisibility::Connections.into()),
        theme: Some(Theme::Dark.into()),
        language: Some(Language::De.into()),
        timezone: Some("Europe/Berlin".to_owned()),
        date_format: Some("DD.MM.YYYY".to_owned()),
        update_mask: None,
    };
    let changed = update(&world, &guest, request).await.expect("changed");
    assert_eq!(changed.version, 2);
    assert_eq!(get(&world, &guest).await, changed);
    assert!(changed.private_account && !changed.show_activity_status);
    assert_eq!(changed.date_format.as_deref(), Some("DD.MM.YYYY"));
    let one = UpdateSettingsRequest {
        theme: Some(Theme::Light.into()),
        ..Default::default()
    };
    let second = update(&world, &guest, one).await.expect("changed");
    assert_eq!(
        (second.theme(), second.language(), second.version),
        (Theme::Light, Language::De, 3)
    );
    assert_eq!(get(&world, &stranger).await.version, 1);
    let [told, _] = world
        .events::<AccountSettingsChanged>()
        .await
        .try_into()
        .expect("two events");
    assert_eq!(told.account_id, guest.account_id());
    assert!(told.private_account && !told.show_activity_status);
    assert_eq!(
        (
            told.allow_messages.as_str(),
            told.contact_visibility.as_str()
        ),
        ("none", "connections")
    );
    assert_eq!(
        (told.language.as_str(), told.timezone.as_str(), told.version),
        ("de", "Europe/Berlin", 2)
    );
}

#[tokio::test]
async fn cv_14_null_clears_the_date_format_and_nothing_else() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let set = UpdateSettingsRequest {
        date_format: Some("D/M".to_owned()),
        ..Default::default()
    };
    update(&world, &guest, set).await.expect("set");
    let clear = UpdateSettingsRequest {
        update_mask: mask(&["date_format"]),
        ..Default::default()
    };
    assert_eq!(
        update(&world, &guest, clear)
            .await
            .expect("cleared")
            .date_format,
        None
    );
    for field in ["theme", "timezone", "private_account"] {
        let clear = UpdateSettingsRequest {
            update_mask: mask(&[field]),
            ..Default::default()
        };
        let refused = update(&world, &guest, clear)
            .await
            .expect_err("cannot be empty");
        assert_eq!(refused.reason(), Reason::ValidationError, "{field}");
    }
    assert_eq!(get(&world, &guest).await.version, 3);
}

#[tokio::test]
async fn tr_5_a_mask_limits_the_change_to_what_it_names() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let request = UpdateSettingsRequest {
        theme: Some(Theme::Dark.into()),
        language: Some(Language::Fr.into()),
        update_mask: mask(&["theme"]),
        ..Default::default()
    };
    let changed = update(&world, &guest, request).await.expect("changed");
    assert_eq!(
        (changed.theme(), changed.language()),
        (Theme::Dark, Language::En)
    );
}

#[tokio::test]
async fn cq_3_a_change_to_what_already_is_changes_nothing_and_is_no_news() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let same = UpdateSettingsRequest {
        theme: Some(Theme::System.into()),
        ..Default::default()
    };
    assert_eq!(update(&world, &guest, same).await.expect("fine").version, 1);
    assert_eq!(
        update(&world, &guest, UpdateSettingsRequest::default())
            .await
            .expect("fine")
            .version,
        1
    );
    assert!(world.events::<AccountSettingsChanged>().await.is_empty());
}

#[tokio::test]
async fn set_1_bad_settings_are_refused_by_their_fields_and_none_is_stored() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let bad = UpdateSettingsRequest {
        private_account: Some(true),
        theme: Some(77),
        timezone: Some("Mars/Olympus".to_owned()),
        date_format: Some("x".repeat(21)),
        ..Default::default()
    };
    let refused = update(&world, &guest, bad).await.expect_err("bad");
    assert_eq!(refused.reason(), Reason::ValidationError);
    let mut fields: Vec<&str> = refused
        .get_violations()
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["dateFormat", "theme", "timezone"]);
    assert_eq!(get(&world, &guest).await.version, 1);
}

#[tokio::test]
async fn cq_3_of_parallel_changes_each_has_its_version() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let changes = (0..20).map(|n| {
        let request = UpdateSettingsRequest {
            date_format: Some(format!("f{n}")),
            ..Default::default()
        };
        update(&world, &guest, request)
    });
    let mut versions: Vec<i32> = futures_util::future::join_all(changes)
        .await
        .into_iter()
        .map(|reply| reply.expect("changed").version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=21).collect::<Vec<i32>>());
}

#[tokio::test]
async fn cq_2_settings_change_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let change = |theme: Theme, version: &str| {
        let mut request = tonic::Request::new(UpdateSettingsRequest {
            theme: Some(theme.into()),
            ..Default::default()
        });
        let value = version.parse().expect("metadata");
        request.metadata_mut().insert("if-match", value);
        let mut client = world.client(&guest.ctx);
        async move { client.update_settings(request).await.map_err(Fault::from) }
    };
    for (theme, stale) in [
        (Theme::Dark, "2"),
        (Theme::System, "\"0-0123456789abcdef\""),
    ] {
        let refused = change(theme, stale).await.expect_err("another version");
        assert_eq!(refused.reason(), Reason::PreconditionFailed, "{stale}");
    }
    assert_eq!(get(&world, &guest).await.theme(), Theme::System);
    for (theme, expected) in [(Theme::Dark, "1"), (Theme::Light, "*")] {
        let changed = change(theme, expected).await.expect("this version");
        assert_eq!(changed.into_inner().theme(), theme, "{expected}");
    }
}
