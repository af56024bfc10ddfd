//! A hosted feed with its rig: people, short calls, and events of the others.

use contracts::auth::v1::AccountDeactivated;
use contracts::connection::v1::{ConnectionAccepted, ProfileBlocked, ProfileMuted};
use contracts::feed::v1::feed_service_client::FeedServiceClient;
use contracts::feed::v1::*;
use contracts::profile::v1::profile_service_server::ProfileServiceServer;
use contracts::profile::v1::{
    ProfileRef, ProfileState, ProfileType, ProfileUpdated, ProfileVisibility,
};
use events::Event;
use fault::{Fault, Reason};
use feed::{Config, Feed};
use identity::{Caller, Context};
use mesh::Channel;
use prost::{Message, Name};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetable, Value};
use testkit::Rig;
use tonic::Status;
use uuid::Uuid;

use crate::profiles::Profiles;

/// What a call comes back with.
pub(crate) type Answer<T> = Result<T, Status>;

/// A feed and those around it.
pub(crate) struct World {
    pub(crate) rig: Rig,
    pub(crate) profiles: Profiles,
}

impl World {
    /// A feed without posts, and a profile service that knows nobody.
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// The same with other settings.
    pub(crate) async fn with(config: Config) -> Self {
        Self::around(Rig::start().await, config).await
    }

    /// The same in a rig that was prepared.
    pub(crate) async fn around(rig: Rig, config: Config) -> Self {
        let profiles = Profiles::default();
        rig.fake("profile", ProfileServiceServer::new(profiles.clone()));
        rig.host::<Feed>(config).await;
        Self { rig, profiles }
    }

    /// Somebody with a public profile.
    pub(crate) fn person(&self, username: &str) -> Caller {
        let caller = self.rig.caller();
        self.profiles.know(profile(&caller, username));
        caller
    }

    /// Another profile of the same account.
    pub(crate) fn sibling(&self, of: &Caller, username: &str) -> Caller {
        let caller = Caller {
            account_id: of.account_id,
            ..self.rig.caller()
        };
        self.profiles.know(profile(&caller, username));
        caller
    }

    /// Calls as somebody, or as nobody.
    pub(crate) fn client<'a>(
        &self,
        who: impl Into<Option<&'a Caller>>,
    ) -> FeedServiceClient<Channel> {
        FeedServiceClient::new(self.rig.channel("feed", &self.context(who)))
    }

    pub(crate) fn context<'a>(&self, who: impl Into<Option<&'a Caller>>) -> Context {
        who.into()
            .map_or_else(|| self.rig.anonymous(), |caller| self.rig.user(caller))
    }

    pub(crate) async fn create(&self, who: &Caller, request: CreatePostRequest) -> Answer<Post> {
        Ok(self.client(who).create_post(request).await?.into_inner())
    }

    /// A public post of type general.
    pub(crate) async fn post(&self, who: &Caller, content: &str) -> Post {
        self.create(who, general(content)).await.unwrap()
    }

    pub(crate) async fn get<'a>(
        &self,
        who: impl Into<Option<&'a Caller>>,
        id: &str,
    ) -> Answer<Post> {
        Ok(self
            .client(who)
            .get_post(GetPostRequest { id: id.to_owned() })
            .await?
            .into_inner())
    }

    pub(crate) async fn update(&self, who: &Caller, request: UpdatePostRequest) -> Answer<Post> {
        Ok(self.client(who).update_post(request).await?.into_inner())
    }

    pub(crate) async fn delete(&self, who: &Caller, id: &str) -> Answer<()> {
        self.client(who)
            .delete_post(DeletePostRequest { id: id.to_owned() })
            .await
            .map(drop)
    }

    pub(crate) async fn feed<'a>(
        &self,
        who: impl Into<Option<&'a Caller>>,
        request: ListFeedRequest,
    ) -> Answer<ListFeedResponse> {
        Ok(self.client(who).list_feed(request).await?.into_inner())
    }

    /// The ids of everything the feed shows somebody.
    pub(crate) async fn shown<'a>(&self, who: impl Into<Option<&'a Caller>>) -> Vec<String> {
        let page = self
            .feed(
                who,
                ListFeedRequest {
                    limit: Some(100),
                    ..Default::default()
                },
            )
            .await
            .unwrap();
        page.items.into_iter().map(|post| post.id).collect()
    }

    pub(crate) async fn like(&self, who: &Caller, post: &str) -> Answer<LikeState> {
        Ok(self
            .client(who)
            .like_post(LikePostRequest {
                id: post.to_owned(),
            })
            .await?
            .into_inner())
    }

    pub(crate) async fn unlike(&self, who: &Caller, post: &str) -> Answer<LikeState> {
        Ok(self
            .client(who)
            .unlike_post(UnlikePostRequest {
                id: post.to_owned(),
            })
            .await?
            .into_inner())
    }

    pub(crate) async fn like_comment(&self, who: &Caller, comment: &str) {
        let request = LikeCommentRequest {
            id: comment.to_owned(),
        };
        self.client(who).like_comment(request).await.unwrap();
    }

    pub(crate) async fn comment(
        &self,
        who: &Caller,
        post: &str,
        parent: &str,
        content: &str,
    ) -> Answer<Comment> {
        let request = CreateCommentRequest {
            id: post.to_owned(),
            content: content.to_owned(),
            parent_comment_id: parent.to_owned(),
            profile_id: String::new(),
        };
        Ok(self.client(who).create_comment(request).await?.into_inner())
    }

    pub(crate) async fn uncomment(&self, who: &Caller, id: &str) -> Answer<DeleteCommentResponse> {
        Ok(self
            .client(who)
            .delete_comment(DeleteCommentRequest { id: id.to_owned() })
            .await?
            .into_inner())
    }

    pub(crate) async fn comments<'a>(
        &self,
        who: impl Into<Option<&'a Caller>>,
        request: ListCommentsRequest,
    ) -> Answer<ListCommentsResponse> {
        Ok(self.client(who).list_comments(request).await?.into_inner())
    }

    /// The comments of a post as a tree, oldest first.
    pub(crate) async fn tree<'a>(
        &self,
        who: impl Into<Option<&'a Caller>>,
        post: &str,
    ) -> Vec<Comment> {
        let request = ListCommentsRequest {
            id: post.to_owned(),
            sort: "createdAt".into(),
            ..Default::default()
        };
        self.comments(who, request).await.unwrap().items
    }

    /// One value of the database, as its owner sees it.
    pub(crate) async fn value<T: TryGetable>(&self, sql: &str, values: Vec<Value>) -> T {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let row = self
            .rig
            .owner()
            .query_one_raw(statement)
            .await
            .unwrap()
            .expect("a row");
        row.try_get_by_index(0).unwrap()
    }

    /// Changes the database behind the service's back.
    pub(crate) async fn run(&self, sql: &str) {
        self.rig.owner().execute_unprepared(sql).await.unwrap();
    }

    /// Waits until a count in the database is this.
    pub(crate) async fn wait_for(&self, sql: &str, count: i64) {
        self.rig
            .eventually(async || self.value::<i64>(sql, vec![]).await == count)
            .await;
    }

    /// How often an event of this type is in the outbox.
    pub(crate) async fn published(&self, name: &str) -> i64 {
        let sql = "select count(*) from feed.outbox where type = 'smilefactory.feed.v1.' || $1";
        self.value(sql, vec![name.into()]).await
    }

    /// The last event of this type.
    pub(crate) async fn last<M: Message + Name + Default>(&self) -> M {
        let sql = "select payload from feed.outbox where type = $1 order by seq desc limit 1";
        let payload: Vec<u8> = self.value(sql, vec![M::full_name().into()]).await;
        M::decode(payload.as_slice()).unwrap()
    }

    /// Lets the profile service say how a profile is from now on, and waits until the feed knows.
    pub(crate) async fn becomes(&self, profile: ProfileRef) {
        self.profiles.know(profile.clone());
        let id: Uuid = profile.profile_id.parse().unwrap();
        let version = profile.version;
        let event = ProfileUpdated {
            profile: Some(profile),
            summary: None,
            changed: Vec::new(),
        };
        self.rig
            .emit("profile", Event::of(id, version, &event))
            .await;
        self.wait_for(&format!("select count(*) from feed.profile_ref where profile_id = '{id}' and version = {version}"), 1).await;
    }

    /// Suspends an account and waits until the feed knows.
    pub(crate) async fn suspend(&self, who: &Caller) {
        let account_id = who.account_id.to_string();
        let known =
            format!("select count(*) from feed.account_ref where account_id = '{account_id}'");
        let event = AccountDeactivated {
            account_id,
            until: None,
            version: 2,
        };
        self.rig
            .emit("auth", Event::of(who.account_id, 2, &event))
            .await;
        self.wait_for(&known, 1).await;
    }

    /// Connects two profiles and waits until the feed knows.
    pub(crate) async fn connect(&self, one: &Caller, other: &Caller) {
        let before: i64 = self
            .value("select count(*) from feed.connection_ref", vec![])
            .await;
        let event = ConnectionAccepted {
            connection_id: Uuid::now_v7().to_string(),
            requester_profile_id: one.profile_id.to_string(),
            addressee_profile_id: other.profile_id.to_string(),
            version: 1,
        };
        self.rig
            .emit("connection", Event::of(Uuid::now_v7(), 1, &event))
            .await;
        self.wait_for("select count(*) from feed.connection_ref", before + 1)
            .await;
    }

    /// Lets an account block another and waits until the feed knows.
    pub(crate) async fn block(&self, blocker: &Caller, blocked: &Caller) {
        let before: i64 = self
            .value("select count(*) from feed.block_ref", vec![])
            .await;
        let event = ProfileBlocked {
            blocker_account_id: blocker.account_id.to_string(),
            blocked_account_id: blocked.account_id.to_string(),
            blocked_profile_id: blocked.profile_id.to_string(),
            version: 1,
        };
        self.rig
            .emit("connection", Event::of(Uuid::now_v7(), 1, &event))
            .await;
        self.wait_for("select count(*) from feed.block_ref", before + 1)
            .await;
    }

    /// Lets an account mute a profile and waits until the feed knows.
    pub(crate) async fn mute(&self, account: &Caller, muted: &Caller) {
        let event = ProfileMuted {
            account_id: account.account_id.to_string(),
            muted_profile_id: muted.profile_id.to_string(),
            version: 1,
        };
        self.rig
            .emit("connection", Event::of(Uuid::now_v7(), 1, &event))
            .await;
        self.wait_for("select count(*) from feed.mute_ref", 1).await;
    }
}

/// A public profile of a mentor in its first version.
pub(crate) fn profile(caller: &Caller, username: &str) -> ProfileRef {
    ProfileRef {
        profile_id: caller.profile_id.to_string(),
        account_id: caller.account_id.to_string(),
        display_name: format!("Name of {username}"),
        username: Some(username.to_owned()),
        profile_type: ProfileType::Mentor.into(),
        tags: vec!["ai".to_owned(), "health".to_owned()],
        visibility: ProfileVisibility::Public.into(),
        state: ProfileState::Live.into(),
        version: 1,
        ..ProfileRef::default()
    }
}

/// A post of type general.
pub(crate) fn general(content: &str) -> CreatePostRequest {
    CreatePostRequest {
        r#type: PostType::General.into(),
        content: content.to_owned(),
        ..Default::default()
    }
}

/// The reason a call was refused with.
#[track_caller]
pub(crate) fn reason<T: std::fmt::Debug>(answer: Answer<T>) -> Reason {
    Fault::from(answer.expect_err("it was not refused")).reason()
}

/// The fields a call was refused for.
#[track_caller]
pub(crate) fn fields<T: std::fmt::Debug>(answer: Answer<T>) -> Vec<String> {
    let fault = Fault::from(answer.expect_err("it was not refused"));
    assert_eq!(fault.reason(), Reason::ValidationError, "{fault:?}");
    fault
        .get_violations()
        .iter()
        .map(|violation| violation.field.clone())
        .collect()
}
