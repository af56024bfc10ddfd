//! The service's RPCs: decode, call, encode.

mod decode;
mod encode;
mod internal;

use async_trait::async_trait;
use contracts::common::v1::Message;
use contracts::profile::v1::profile_service_server::ProfileService;
use contracts::profile::v1::{
    BatchGetCardsRequest, BatchGetCardsResponse, BatchGetRefsRequest, BatchGetRefsResponse,
    CreateProfileRequest, DeleteProfileRequest, EnsureProfileRequest, EnsureProfileResponse,
    GetProfileRequest, ListAccountProfilesRequest, ListAccountProfilesResponse,
    ListOwnProfilesRequest, ListOwnProfilesResponse, ListProfileVersionsRequest,
    ListProfileVersionsResponse, ListProfilesByUserRequest, ListProfilesByUserResponse, Profile,
    ProfileDetail, SetPrimaryProfileRequest, SetProfileVisibilityRequest, UpdateProfileRequest,
};
use fault::Fault;
use identity::Context;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::domain::Sight;
use crate::error::Error;

/// The generated trait over the operations.
#[derive(Debug)]
pub(crate) struct Rpcs(pub(crate) App);

type Reply<T> = Result<Response<T>, Status>;

#[async_trait]
impl ProfileService for Rpcs {
    async fn list_own_profiles(
        &self,
        request: Request<ListOwnProfilesRequest>,
    ) -> Reply<ListOwnProfilesResponse> {
        let own = self.0.own(&Context::of(&request)).await.map_err(status)?;
        let items = own
            .into_iter()
            .map(|whole| encode::profile(whole, Sight::Owner))
            .collect();
        Ok(Response::new(ListOwnProfilesResponse { items }))
    }

    async fn create_profile(&self, request: Request<CreateProfileRequest>) -> Reply<Profile> {
        let ctx = Context::of(&request);
        let creation = decode::creation(request.into_inner()).map_err(status)?;
        let (whole, is_new) = self.0.create(&ctx, &creation).await.map_err(status)?;
        let mut response = Response::new(encode::profile(whole, Sight::Owner));
        if !is_new {
            response
                .metadata_mut()
                .insert("x-sf-status", MetadataValue::from_static("200"));
        }
        Ok(response)
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Reply<ProfileDetail> {
        let target = decode::target(&request.get_ref().id).map_err(status)?;
        let seen = self
            .0
            .get(&Context::of(&request), target)
            .await
            .map_err(status)?;
        Ok(Response::new(encode::detail(seen)))
    }

    async fn update_profile(&self, request: Request<UpdateProfileRequest>) -> Reply<Profile> {
        let ctx = Context::of(&request);
        let target = decode::target(&request.get_ref().id).map_err(status)?;
        let changes = decode::update(request.into_inner()).map_err(status)?;
        let whole = self
            .0
            .update(&ctx, target, &changes)
            .await
            .map_err(status)?;
        Ok(Response::new(encode::profile(whole, Sight::Owner)))
    }

    async fn delete_profile(&self, request: Request<DeleteProfileRequest>) -> Reply<Message> {
        let target = decode::target(&request.get_ref().id).map_err(status)?;
        self.0
            .delete(&Context::of(&request), target)
            .await
            .map_err(status)?;
        Ok(Response::new(Message {
            message: "The profile was deleted".to_owned(),
        }))
    }

    async fn list_profiles_by_user(
        &self,
        request: Request<ListProfilesByUserRequest>,
    ) -> Reply<ListProfilesByUserResponse> {
        let account = decode::id("userId", &request.get_ref().user_id).map_err(status)?;
        let seen = self
            .0
            .of_user(&Context::of(&request), account)
            .await
            .map_err(status)?;
        let items = seen
            .into_iter()
            .map(|seen| encode::profile(seen.whole, seen.sight))
            .collect();
        Ok(Response::new(ListProfilesByUserResponse { items }))
    }

    async fn set_primary_profile(
        &self,
        request: Request<SetPrimaryProfileRequest>,
    ) -> Reply<Profile> {
        let target = decode::target(&request.get_ref().id).map_err(status)?;
        let whole = self
            .0
            .set_primary(&Context::of(&request), target)
            .await
            .map_err(status)?;
        Ok(Response::new(encode::profile(whole, Sight::Owner)))
    }

    async fn set_profile_visibility(
        &self,
        request: Request<SetProfileVisibilityRequest>,
    ) -> Reply<Profile> {
        let target = decode::target(&request.get_ref().id).map_err(status)?;
        let visibility = request.get_ref().visibility();
        let whole = self
            .0
            .set_visibility(&Context::of(&request), target, visibility)
            .await
            .map_err(status)?;
        Ok(Response::new(encode::profile(whole, Sight::Owner)))
    }

    async fn ensure_profile(
        &self,
        request: Request<EnsureProfileRequest>,
    ) -> Reply<EnsureProfileResponse> {
        internal::ensure_profile(&self.0, request)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn list_account_profiles(
        &self,
        request: Request<ListAccountProfilesRequest>,
    ) -> Reply<ListAccountProfilesResponse> {
        internal::list_account_profiles(&self.0, request)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn batch_get_cards(
        &self,
        request: Request<BatchGetCardsRequest>,
    ) -> Reply<BatchGetCardsResponse> {
        internal::batch_get_cards(&self.0, request)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn batch_get_refs(
        &self,
        request: Request<BatchGetRefsRequest>,
    ) -> Reply<BatchGetRefsResponse> {
        internal::batch_get_refs(&self.0, request)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn list_profile_versions(
        &self,
        request: Request<ListProfileVersionsRequest>,
    ) -> Reply<ListProfileVersionsResponse> {
        internal::list_profile_versions(&self.0, request)
            .await
            .map(Response::new)
            .map_err(status)
    }
}

fn status(error: Error) -> Status {
    Fault::from(error).into()
}
