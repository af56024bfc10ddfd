//! People with profiles, and what they ask of the service.

use contracts::connection::v1::{
    ConnectionAccepted, ConnectionRemoved, ProfileBlocked, ProfileUnblocked,
};
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{
    CreateProfileRequest, DeleteProfileRequest, EnsureProfileRequest, GetProfileRequest,
    ListOwnProfilesRequest, ListProfilesByUserRequest, Profile as Reply, ProfileDetail,
    ProfileType, ProfileVisibility, SetPrimaryProfileRequest, SetProfileVisibilityRequest,
    UpdateProfileRequest,
};
use events::Event;
use fault::{Fault, Reason};
use identity::{Caller, Context};
use mesh::Channel;
use profile::{Config, Profile};
use prost::{Message, Name};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use testkit::Rig;
use tonic::Status;
use uuid::Uuid;

/// A rig with the profile service in it.
pub(crate) struct World {
    pub(crate) rig: Rig,
}

/// A row of the service's outbox.
#[derive(FromQueryResult)]
pub(crate) struct Said {
    pub(crate) r#type: String,
    pub(crate) aggregate_version: i32,
    payload: Vec<u8>,
}

impl Said {
    pub(crate) fn read<M: Message + Name + Default>(&self) -> M {
        assert_eq!(self.r#type, M::full_name());
        M::decode(self.payload.as_slice()).unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let rig = Rig::start().await;
        rig.host::<Profile>(config).await;
        Self { rig }
    }

    /// The RPCs as the edge calls them for somebody.
    pub(crate) fn of(&self, caller: &Caller) -> ProfileServiceClient<Channel> {
        self.for_context(&self.rig.user(caller))
    }

    /// The RPCs as the edge calls them for nobody.
    pub(crate) fn nobody(&self) -> ProfileServiceClient<Channel> {
        self.for_context(&self.rig.anonymous())
    }

    pub(crate) fn for_context(&self, ctx: &Context) -> ProfileServiceClient<Channel> {
        ProfileServiceClient::new(self.rig.channel("profile", ctx))
    }

    /// The RPCs as another service calls them.
    pub(crate) fn peer(&self, service: &str) -> ProfileServiceClient<Channel> {
        ProfileServiceClient::new(
            self.rig
                .channel_from(service, "profile", &self.rig.anonymous()),
        )
    }

    /// Somebody new without a profile.
    pub(crate) fn stranger(&self) -> Caller {
        self.rig.caller()
    }

    /// Somebody new with a placeholder of that name.
    pub(crate) async fn newcomer(&self, name: &str) -> Caller {
        let caller = self.rig.caller();
        let request = EnsureProfileRequest {
            account_id: caller.account_id.to_string(),
            profile_id: caller.profile_id.to_string(),
            display_name: name.into(),
        };
        self.peer("auth").ensure_profile(request).await.unwrap();
        caller
    }

    /// Somebody new with a finished mentor's profile of that name.
    pub(crate) async fn member(&self, name: &str) -> Caller {
        let caller = self.newcomer(name).await;
        let request = CreateProfileRequest {
            display_name: Some(name.into()),
            ..mentor()
        };
        self.create(&caller, request).await.unwrap();
        caller
    }

    /// One more finished profile of the caller's account.
    pub(crate) async fn another(&self, caller: &Caller, name: &str) -> Reply {
        let request = CreateProfileRequest {
            display_name: Some(name.into()),
            ..mentor()
        };
        self.create(caller, request).await.unwrap().0
    }

    /// Posts a profile; returns it and whether it is new.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        request: CreateProfileRequest,
    ) -> Result<(Reply, bool), Status> {
        let reply = self.of(caller).create_profile(request).await?;
        let is_new = reply.metadata().get("x-sf-status").is_none();
        if !is_new {
            assert_eq!(reply.metadata().get("x-sf-status").unwrap(), "200");
        }
        Ok((reply.into_inner(), is_new))
    }

    pub(crate) async fn update(
        &self,
        caller: &Caller,
        id: &str,
        request: UpdateProfileRequest,
    ) -> Result<Reply, Status> {
        let request = UpdateProfileRequest {
            id: id.into(),
            ..request
        };
        self.of(caller)
            .update_profile(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn get(&self, caller: &Caller, id: &str) -> Result<ProfileDetail, Status> {
        get(self.of(caller), id).await
    }

    pub(crate) async fn get_as_nobody(&self, id: &str) -> Result<ProfileDetail, Status> {
        get(self.nobody(), id).await
    }

    pub(crate) async fn delete(&self, caller: &Caller, id: &str) -> Result<(), Status> {
        self.of(caller)
            .delete_profile(DeleteProfileRequest { id: id.into() })
            .await
            .map(drop)
    }

    pub(crate) async fn set_primary(&self, caller: &Caller, id: &str) -> Result<Reply, Status> {
        let request = SetPrimaryProfileRequest { id: id.into() };
        self.of(caller)
            .set_primary_profile(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn show_to(&self, caller: &Caller, visibility: ProfileVisibility) -> Reply {
        let request = SetProfileVisibilityRequest {
            id: "me".into(),
            visibility: visibility.into(),
        };
        self.of(caller)
            .set_profile_visibility(request)
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) async fn own(&self, caller: &Caller) -> Vec<Reply> {
        self.of(caller)
            .list_own_profiles(ListOwnProfilesRequest::default())
            .await
            .unwrap()
            .into_inner()
            .items
    }

    pub(crate) async fn by_user(
        &self,
        client: ProfileServiceClient<Channel>,
        account: Uuid,
    ) -> Vec<Reply> {
        let request = ListProfilesByUserRequest {
            user_id: account.to_string(),
            ..Default::default()
        };
        let mut client = client;
        client
            .list_profiles_by_user(request)
            .await
            .unwrap()
            .into_inner()
            .items
    }

    /// Connects two profiles and waits until the service knows.
    pub(crate) async fn connect(&self, one: &Caller, other: &Caller, version: i32) {
        let event = ConnectionAccepted {
            connection_id: Uuid::now_v7().to_string(),
            requester_profile_id: one.profile_id.to_string(),
            addressee_profile_id: other.profile_id.to_string(),
            version,
        };
        self.rig
            .emit("connection", Event::of(one.profile_id, version, &event))
            .await;
        self.until(
            "select 1 from connection_ref where version = $1 and removed_at is null",
            version,
        )
        .await;
    }

    /// Ends the connection of two profiles and waits until the service knows.
    pub(crate) async fn disconnect(&self, one: &Caller, other: &Caller, version: i32) {
        let event = ConnectionRemoved {
            connection_id: Uuid::now_v7().to_string(),
            requester_profile_id: one.profile_id.to_string(),
            addressee_profile_id: other.profile_id.to_string(),
            version,
        };
        self.rig
            .emit("connection", Event::of(one.profile_id, version, &event))
            .await;
        self.until(
            "select 1 from connection_ref where version = $1 and removed_at is not null",
            version,
        )
        .await;
    }

    /// Lets one account block another and waits until the service knows.
    pub(crate) async fn block(&self, blocker: &Caller, blocked: &Caller, version: i32) {
        let event = ProfileBlocked {
            blocker_account_id: blocker.account_id.to_string(),
            blocked_account_id: blocked.account_id.to_string(),
            blocked_profile_id: blocked.profile_id.to_string(),
            version,
        };
        self.rig
            .emit("connection", Event::of(blocker.account_id, version, &event))
            .await;
        self.until(
            "select 1 from block_ref where version = $1 and removed_at is null",
            version,
        )
        .await;
    }

    /// Lifts the block and waits until the service knows.
    pub(crate) async fn unblock(&self, blocker: &Caller, blocked: &Caller, version: i32) {
        let event = ProfileUnblocked {
            blocker_account_id: blocker.account_id.to_string(),
            blocked_account_id: blocked.account_id.to_string(),
            version,
        };
        self.rig
            .emit("connection", Event::of(blocker.account_id, version, &event))
            .await;
        self.until(
            "select 1 from block_ref where version = $1 and removed_at is not null",
            version,
        )
        .await;
    }

    /// Waits until a query over the service's tables has a row.
    pub(crate) async fn until(&self, sql: &str, value: impl Into<sea_orm::Value> + Clone) {
        let db = self.rig.db("profile");
        self.rig
            .eventually(|| async {
                let statement = Statement::from_sql_and_values(
                    DbBackend::Postgres,
                    sql,
                    [value.clone().into()],
                );
                db.connection()
                    .query_one_raw(statement)
                    .await
                    .unwrap()
                    .is_some()
            })
            .await;
    }

    /// How many rows a query over the service's tables has.
    pub(crate) async fn rows(&self, sql: &str, value: impl Into<sea_orm::Value>) -> usize {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [value.into()]);
        self.rig
            .db("profile")
            .connection()
            .query_all_raw(statement)
            .await
            .unwrap()
            .len()
    }

    /// What the service has said of one profile, in order.
    pub(crate) async fn said_of(&self, profile: &str) -> Vec<Said> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select type, aggregate_version, payload from outbox where aggregate_id = $1 order by seq",
            [profile.parse::<Uuid>().unwrap().into()],
        );
        Said::find_by_statement(statement)
            .all(self.rig.db("profile").connection())
            .await
            .unwrap()
    }

    /// The last words of the types of what was said of one profile.
    pub(crate) async fn types_of(&self, profile: &str) -> Vec<String> {
        let said = self.said_of(profile).await;
        said.iter()
            .map(|said| said.r#type.rsplit('.').next().unwrap().to_owned())
            .collect()
    }
}

async fn get(mut client: ProfileServiceClient<Channel>, id: &str) -> Result<ProfileDetail, Status> {
    client
        .get_profile(GetProfileRequest { id: id.into() })
        .await
        .map(tonic::Response::into_inner)
}

/// A mentor's profile with nothing but its type.
pub(crate) fn mentor() -> CreateProfileRequest {
    CreateProfileRequest {
        profile_type: ProfileType::Mentor.into(),
        ..Default::default()
    }
}

/// A change of answers only.
pub(crate) fn answering(json: &str) -> UpdateProfileRequest {
    UpdateProfileRequest {
        answers: json.into(),
        ..Default::default()
    }
}

/// A change that names its fields, so that those without a value are cleared.
pub(crate) fn clearing(fields: &[&str]) -> UpdateProfileRequest {
    let paths = fields.iter().map(|field| (*field).to_owned()).collect();
    UpdateProfileRequest {
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    }
}

/// The reason a call was refused for.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Reason {
    Fault::from(outcome.unwrap_err()).reason()
}

/// The fields a call was refused for.
pub(crate) fn fields<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Vec<String> {
    let fault = Fault::from(outcome.unwrap_err());
    assert_eq!(fault.reason(), Reason::ValidationError, "{fault:?}");
    fault
        .get_violations()
        .iter()
        .map(|violation| violation.field.clone())
        .collect()
}

/// The body a refusal is answered with, but for what differs with every request.
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (u16, Vec<u8>) {
    let fault = Fault::from(outcome.unwrap_err());
    (
        fault.reason().http(),
        fault::http::body(&fault, "request", "time"),
    )
}
