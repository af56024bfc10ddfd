//! The RPCs of other services.

use contracts::profile::v1::{
    AccountProfile, BatchGetCardsRequest, BatchGetCardsResponse, BatchGetRefsRequest,
    BatchGetRefsResponse, EnsureProfileRequest, EnsureProfileResponse, ListAccountProfilesRequest,
    ListAccountProfilesResponse, ListProfileVersionsRequest, ListProfileVersionsResponse,
    ProfileVersion,
};
use identity::{Context, Viewer};
use tonic::Request;
use uuid::Uuid;

use super::{decode, encode};
use crate::app::App;
use crate::domain::Profile;
use crate::error::Result;
use crate::events::publish::{reference, summary};

pub(super) async fn ensure_profile(
    app: &App,
    request: Request<EnsureProfileRequest>,
) -> Result<EnsureProfileResponse> {
    let ctx = Context::of(&request);
    let asked = request.into_inner();
    let account = decode::id("accountId", &asked.account_id)?;
    let id = decode::id("profileId", &asked.profile_id)?;
    let (profile, created) = app.ensure(&ctx, account, id, &asked.display_name).await?;
    Ok(EnsureProfileResponse {
        profile: Some(account_profile(&profile)),
        created,
    })
}

pub(super) async fn list_account_profiles(
    app: &App,
    request: Request<ListAccountProfilesRequest>,
) -> Result<ListAccountProfilesResponse> {
    let account = decode::id("accountId", &request.get_ref().account_id)?;
    let profiles = app.of_account(account).await?;
    Ok(ListAccountProfilesResponse {
        profiles: profiles.iter().map(account_profile).collect(),
    })
}

pub(super) async fn batch_get_cards(
    app: &App,
    request: Request<BatchGetCardsRequest>,
) -> Result<BatchGetCardsResponse> {
    let asked = request.get_ref();
    let ids = decode::ids(&asked.ids)?;
    let viewer = asked
        .viewer
        .as_ref()
        .map(decode::viewer)
        .transpose()?
        .unwrap_or_else(Viewer::default);
    let profiles = app.cards(&viewer, &ids).await?;
    Ok(BatchGetCardsResponse {
        cards: profiles.iter().map(encode::card).collect(),
    })
}

pub(super) async fn batch_get_refs(
    app: &App,
    request: Request<BatchGetRefsRequest>,
) -> Result<BatchGetRefsResponse> {
    let ids = decode::ids(&request.get_ref().ids)?;
    let profiles = app.known(&ids).await?;
    Ok(BatchGetRefsResponse {
        profiles: profiles.iter().map(reference).collect(),
    })
}

pub(super) async fn list_profile_versions(
    app: &App,
    request: Request<ListProfileVersionsRequest>,
) -> Result<ListProfileVersionsResponse> {
    let after = match request.get_ref().after_id.as_str() {
        "" => Uuid::nil(),
        after => decode::id("afterId", after)?,
    };
    let (versions, more) = app.versions(after).await?;
    let profiles = versions.into_iter().map(|(id, version)| ProfileVersion {
        profile_id: id.to_string(),
        version,
    });
    Ok(ListProfileVersionsResponse {
        profiles: profiles.collect(),
        more,
    })
}

fn account_profile(profile: &Profile) -> AccountProfile {
    AccountProfile {
        profile: Some(reference(profile)),
        summary: Some(summary(profile)),
    }
}
