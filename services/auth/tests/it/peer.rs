//! The profile service as scripted: it knows the profiles it is given, and can fail or hang.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use contracts::common::v1::Message;
use contracts::profile::v1::profile_service_server::{ProfileService, ProfileServiceServer};
use contracts::profile::v1::*;
use fault::Fault;
use identity::Context;
use testkit::Rig;
use tonic::{Request, Response, Status};

/// How `EnsureProfile` is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    #[default]
    Well,
    /// UNAVAILABLE.
    Failing,
    /// Never.
    Hanging,
}

#[derive(Debug, Default)]
struct Script {
    mood: Mood,
    ensured: Vec<EnsureProfileRequest>,
    /// Profiles by account.
    own: HashMap<String, Vec<Profile>>,
    /// Profiles everybody may see.
    visible: Vec<String>,
}

/// The scripted service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    script: Arc<Mutex<Script>>,
}

impl Peer {
    /// Puts it into the mesh.
    pub(crate) fn host(rig: &Rig) -> Self {
        let peer = Self::default();
        rig.fake("profile", ProfileServiceServer::new(peer.clone()));
        peer
    }

    fn with<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.script.lock().expect("not poisoned"))
    }

    /// Changes how `EnsureProfile` is answered.
    pub(crate) fn mood(&self, mood: Mood) {
        self.with(|script| script.mood = mood);
    }

    /// What `EnsureProfile` was asked.
    pub(crate) fn ensured(&self) -> Vec<EnsureProfileRequest> {
        self.with(|script| script.ensured.clone())
    }

    /// Gives an account a profile.
    pub(crate) fn give(&self, account_id: &str, profile_id: &str, name: &str) {
        let profile = Profile {
            id: profile_id.to_owned(),
            user_account_id: Some(account_id.to_owned()),
            display_name: name.to_owned(),
            profile_type: ProfileType::Mentor.into(),
            ..Profile::default()
        };
        self.with(|script| {
            script
                .own
                .entry(account_id.to_owned())
                .or_default()
                .push(profile)
        });
    }

    /// Lets everybody see a profile.
    pub(crate) fn show(&self, profile_id: &str) {
        self.with(|script| script.visible.push(profile_id.to_owned()));
    }
}

fn beside<T>() -> Result<Response<T>, Status> {
    Err(Fault::internal("the script has no such scene").into())
}

#[tonic::async_trait]
impl ProfileService for Peer {
    async fn ensure_profile(
        &self,
        request: Request<EnsureProfileRequest>,
    ) -> Result<Response<EnsureProfileResponse>, Status> {
        let request = request.into_inner();
        let mood = self.with(|script| {
            script.ensured.push(request.clone());
            script.mood
        });
        match mood {
            Mood::Well => {}
            Mood::Failing => return Err(Fault::unavailable("scripted").into()),
            Mood::Hanging => std::future::pending().await,
        }
        let profile = ProfileRef {
            profile_id: request.profile_id,
            account_id: request.account_id,
            display_name: request.display_name,
            profile_type: ProfileType::Innovator.into(),
            visibility: ProfileVisibility::Public.into(),
            state: ProfileState::Live.into(),
            version: 1,
            ..ProfileRef::default()
        };
        let summary = ProfileSummary {
            status: ProfileStatus::Draft.into(),
            is_primary: true,
            completion_percentage: 20,
            is_placeholder: true,
            ..ProfileSummary::default()
        };
        Ok(Response::new(EnsureProfileResponse {
            profile: Some(AccountProfile {
                profile: Some(profile),
                summary: Some(summary),
            }),
            created: true,
        }))
    }

    async fn list_own_profiles(
        &self,
        request: Request<ListOwnProfilesRequest>,
    ) -> Result<Response<ListOwnProfilesResponse>, Status> {
        let account = Context::of(&request)
            .require_caller()?
            .account_id
            .to_string();
        let items = self.with(|script| script.own.get(&account).cloned().unwrap_or_default());
        Ok(Response::new(ListOwnProfilesResponse { items }))
    }

    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<ProfileDetail>, Status> {
        let id = request.into_inner().id;
        if self.with(|script| script.visible.contains(&id)) {
            Ok(Response::new(ProfileDetail {
                id,
                ..ProfileDetail::default()
            }))
        } else {
            Err(Fault::not_found("profile").into())
        }
    }

    async fn create_profile(
        &self,
        _: Request<CreateProfileRequest>,
    ) -> Result<Response<Profile>, Status> {
        beside()
    }

    async fn update_profile(
        &self,
        _: Request<UpdateProfileRequest>,
    ) -> Result<Response<Profile>, Status> {
        beside()
    }

    async fn delete_profile(
        &self,
        _: Request<DeleteProfileRequest>,
    ) -> Result<Response<Message>, Status> {
        beside()
    }

    async fn list_profiles_by_user(
        &self,
        _: Request<ListProfilesByUserRequest>,
    ) -> Result<Response<ListProfilesByUserResponse>, Status> {
        beside()
    }

    async fn set_primary_profile(
        &self,
        _: Request<SetPrimaryProfileRequest>,
    ) -> Result<Response<Profile>, Status> {
        beside()
    }

    async fn set_profile_visibility(
        &self,
        _: Request<SetProfileVisibilityRequest>,
    ) -> Result<Response<Profile>, Status> {
        beside()
    }

    async fn list_account_profiles(
        &self,
        _: Request<ListAccountProfilesRequest>,
    ) -> Result<Response<ListAccountProfilesResponse>, Status> {
        beside()
    }

    async fn batch_get_cards(
        &self,
        _: Request<BatchGetCardsRequest>,
    ) -> Result<Response<BatchGetCardsResponse>, Status> {
        beside()
    }

    async fn batch_get_refs(
        &self,
        _: Request<BatchGetRefsRequest>,
    ) -> Result<Response<BatchGetRefsResponse>, Status> {
        beside()
    }

    async fn list_profile_versions(
        &self,
        _: Request<ListProfileVersionsRequest>,
    ) -> Result<Response<ListProfileVersionsResponse>, Status> {
        beside()
    }
}
