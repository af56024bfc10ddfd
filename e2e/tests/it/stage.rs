//! A system in which every documented path leads somewhere, for tests that go through all of them.

use contracts::group::v1::{GroupCreated, GroupMemberJoined};
use e2e::{Member, World};
use events::Event;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

/// A system, and one of everything in it.
pub(crate) struct Stage {
    pub(crate) world: World,
    /// Whose everything is.
    pub(crate) owner: Member,
    /// Somebody else.
    pub(crate) reader: Member,
    pub(crate) post: String,
    pub(crate) comment: String,
    /// A group the owner is in.
    pub(crate) group: String,
    /// A session of the owner that nobody uses.
    pub(crate) session: String,
}

/// A post in which everything is given.
pub(crate) fn whole_post() -> Value {
    json!({
        "type": "blog", "title": "Title", "content": "# Text\n\nof the post", "bodyFormat": "markdown",
        "imageUrl": "https://example.com/image.png", "tags": ["ai", "health"], "category": "News",
        "metadata": {"note": {"deep": [1, 2.50, null]}}, "excerpt": "In short",
        "targetProfileTypes": ["mentor"], "targetTags": ["ai"], "visibility": "public",
    })
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let world = World::start().await;
        let (owner, reader) = (world.newcomer().await, world.newcomer().await);
        let client = &owner.client;
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let post = id(&client.post("/api/v1/posts", whole_post()).await.data(201));
        let comments = format!("/api/v1/posts/{post}/comments");
        let said = client.post(&comments, json!({"content": "first"})).await;
        let comment = id(&said.data(201));
        let answer = json!({"content": "second", "parentCommentId": comment});
        reader.client.post(&comments, answer).await.data(201);
        let group = group_of(&world, &owner).await;
        let session = idle_session(&world, &owner).await;
        Self {
            world,
            owner,
            reader,
            post,
            comment,
            group,
            session,
        }
    }

    /// A documented path with the id of what there is in place of each variable.
    pub(crate) fn path(&self, template: &str) -> String {
        let mut before = "";
        let parts = template.split('/').map(|part| {
            let filled = match (part.starts_with('{'), before) {
                (false, _) => part,
                (true, "posts") => &self.post,
                (true, "comments") => &self.comment,
                (true, "profiles") => &self.owner.profile_id,
                (true, "user") => &self.owner.account_id,
                (true, "groups") => &self.group,
                (true, "sessions") => &self.session,
                (true, other) => panic!("{template}: nobody made one of the {other}"),
            };
            before = part;
            filled
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// The group service is not deployed; what it would say is what the feed knows of groups.
async fn group_of(world: &World, member: &Member) -> String {
    let group = Uuid::now_v7();
    let made = GroupCreated {
        group_id: group.to_string(),
        name: "G".to_owned(),
        visibility: "public".to_owned(),
        version: 1,
    };
    let joined = GroupMemberJoined {
        group_id: group.to_string(),
        profile_id: member.profile_id.clone(),
        account_id: member.account_id.clone(),
        role: "member".to_owned(),
        version: 1,
    };
    let rig = world.rig();
    rig.emit("group", Event::of(group, 1, &made)).await;
    rig.emit("group", Event::of(group, 1, &joined)).await;
    let known = "select 1 from feed.group_ref join feed.group_member_ref using (group_id)";
    testkit::eventually(|| async {
        let asked = Statement::from_string(DbBackend::Postgres, known);
        rig.owner().query_one_raw(asked).await.unwrap().is_some()
    })
    .await;
    group.to_string()
}

async fn idle_session(world: &World, member: &Member) -> String {
    world.sign_in(&member.email).await;
    let sessions = member.client.get("/api/v1/auth/sessions").await.data(200);
    let sessions = sessions.as_array().unwrap();
    let other = sessions
        .iter()
        .find(|session| session["isCurrent"] == false);
    other.unwrap()["id"].as_str().unwrap().to_owned()
}
