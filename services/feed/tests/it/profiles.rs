//! The profile service as scripted: it knows the profiles it is given and counts how often it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use contracts::common::v1::Message;
use contracts::profile::v1::profile_service_server::ProfileService;
use contracts::profile::v1::*;
use tonic::{Request, Response, Status, async_trait};

/// The scripted service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    known: Arc<Mutex<HashMap<String, ProfileRef>>>,
    asked: Arc<AtomicUsize>,
}

impl Profiles {
    /// Lets it know a profile.
    pub(crate) fn know(&self, profile: ProfileRef) {
        self.known
            .lock()
            .unwrap()
            .insert(profile.profile_id.clone(), profile);
    }

    /// How often it was asked for projections.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

type Reply<T> = Result<Response<T>, Status>;

fn never<T>() -> Reply<T> {
    panic!("feed never asks this")
}

#[async_trait]
impl ProfileService for Profiles {
    async fn batch_get_refs(
        &self,
        request: Request<BatchGetRefsRequest>,
    ) -> Reply<BatchGetRefsResponse> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let profiles = request
            .get_ref()
            .ids
            .iter()
            .filter_map(|id| known.get(id).cloned())
            .collect();
        Ok(Response::new(BatchGetRefsResponse { profiles }))
    }

    async fn list_own_profiles(
        &self,
        _: Request<ListOwnProfilesRequest>,
    ) -> Reply<ListOwnProfilesResponse> {
        never()
    }
    async fn create_profile(&self, _: Request<CreateProfileRequest>) -> Reply<Profile> {
        never()
    }
    async fn get_profile(&self, _: Request<GetProfileRequest>) -> Reply<ProfileDetail> {
        never()
    }
    async fn update_profile(&self, _: Request<UpdateProfileRequest>) -> Reply<Profile> {
        never()
    }
    async fn delete_profile(&self, _: Request<DeleteProfileRequest>) -> Reply<Message> {
        never()
    }
    async fn list_profiles_by_user(
        &self,
        _: Request<ListProfilesByUserRequest>,
    ) -> Reply<ListProfilesByUserResponse> {
        never()
    }
    async fn set_primary_profile(&self, _: Request<SetPrimaryProfileRequest>) -> Reply<Profile> {
        never()
    }
    async fn set_profile_visibility(
        &self,
        _: Request<SetProfileVisibilityRequest>,
    ) -> Reply<Profile> {
        never()
    }
    async fn ensure_profile(
        &self,
        _: Request<EnsureProfileRequest>,
    ) -> Reply<EnsureProfileResponse> {
        never()
    }
    async fn list_account_profiles(
        &self,
        _: Request<ListAccountProfilesRequest>,
    ) -> Reply<ListAccountProfilesResponse> {
        never()
    }
    async fn batch_get_cards(
        &self,
        _: Request<BatchGetCardsRequest>,
    ) -> Reply<BatchGetCardsResponse> {
        never()
    }

    async fn list_profile_versions(
        &self,
        _: Request<ListProfileVersionsRequest>,
    ) -> Reply<ListProfileVersionsResponse> {
        never()
    }
}
