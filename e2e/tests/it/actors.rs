//! Who may do what to whose things, the same over REST, gRPC-Web and gRPC: every route with an id, from the descriptors,
//! for six actors (GW-28, CV-19, CV-20, VIS-2..VIS-4, VIS-12).

use std::sync::atomic::{AtomicU32, Ordering};

use contracts::connection::v1::ConnectionAccepted;
use e2e::{Client, Grpc, Member, World};
use events::Event;
use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage, prost::Message as _};
use serde_json::{Value, json};
use tonic::Code;
use transcode::Transcoder;
use uuid::Uuid;

use crate::routes::UNKNOWN;

const OPERATOR: &str = "operator@example.com";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Nobody,
    Stranger,
    Connected,
    Owner,
    /// The owner's account, another of its profiles active.
    Sibling,
    Operator,
}

/// Whom a thing is shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Public,
    Connections,
    Private,
    Draft,
}

/// What an RPC does to the thing its id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Read,
    React,
    Change,
    Delete,
}

/// The kinds of things that have routes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Post,
    Comment,
    Profile,
}

impl Actor {
    fn owns(self) -> bool {
        matches!(self, Self::Owner | Self::Sibling)
    }

    fn sees(self, shown: Shown) -> bool {
        match shown {
            Shown::Public => true,
            Shown::Connections => self.owns() || self == Self::Connected,
            Shown::Private | Shown::Draft => self.owns(),
        }
    }
}

/// The status, or for gRPC that of the same refusal. A success is 200 whatever it is called.
fn expected(deed: Deed, shown: Shown, actor: Actor) -> u16 {
    match deed {
        Deed::Read if actor.sees(shown) => 200,
        Deed::Read => 404,
        _ if actor == Actor::Nobody => 401,
        _ if !actor.sees(shown) => 404,
        Deed::Change | Deed::Delete if !actor.owns() => 403,
        _ => 200,
    }
}

/// An RPC that names a thing by its id, with a route of its own.
struct Way {
    rpc: String,
    method: Method,
    template: String,
    kind: Kind,
    deed: Deed,
}

/// Every route with an id of a kind known here. A new RPC has to say here what it does.
fn ways() -> Vec<Way> {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let kinds = [
        ("/api/v1/posts/{id}", Kind::Post),
        ("/api/v1/comments/{id}", Kind::Comment),
        ("/api/v1/profiles/{id}", Kind::Profile),
    ];
    let way = |route: &transcode::Route| {
        let (_, kind) = kinds
            .iter()
            .find(|(path, _)| route.template.starts_with(path))?;
        let name = route.rpc.rsplit('/').next()?;
        let deed = match name {
            "GetPost" | "ListComments" | "ListReplies" | "GetProfile" => Deed::Read,
            "LikePost" | "UnlikePost" | "CreateComment" | "LikeComment" | "UnlikeComment" => {
                Deed::React
            }
            "UpdatePost"
            | "UpdateComment"
            | "UpdateProfile"
            | "SetPrimaryProfile"
            | "SetProfileVisibility" => Deed::Change,
            "DeletePost" | "DeleteComment" | "DeleteProfile" => Deed::Delete,
            other => panic!("what does {other} do to the thing it names?"),
        };
        Some(Way {
            rpc: route.rpc.clone(),
            method: route.method.parse().ok()?,
            template: route.template.clone(),
            kind: *kind,
            deed,
        })
    };
    transcoder.routes().iter().filter_map(way).collect()
}

impl Way {
    /// What is sent beside the id, in the words of REST or in those of ProtoJSON.
    fn body(&self, shown: Shown, proto: bool) -> Value {
        match self.rpc.rsplit('/').next().unwrap_or_default() {
            "UpdatePost" | "UpdateComment" => json!({"content": "said otherwise"}),
            "CreateComment" => json!({"content": "a comment"}),
            "UpdateProfile" => json!({"headline": "another"}),
            "SetProfileVisibility" if proto => {
                let word = shown.word().to_uppercase();
                json!({"visibility": format!("PROFILE_VISIBILITY_{word}")})
            }
            "SetProfileVisibility" => json!({"visibility": shown.word()}),
            _ => json!({}),
        }
    }
}

impl Shown {
    fn word(self) -> &'static str {
        match self {
            Self::Public | Self::Draft => "public",
            Self::Connections => "connections",
            Self::Private => "private",
        }
    }
}

/// Who is there, and how they speak.
struct Stage {
    world: World,
    cast: Vec<(Actor, Client, Grpc)>,
    owner: Member,
    connected: Member,
    contracts: DescriptorPool,
    made: AtomicU32,
}

impl Stage {
    async fn set() -> Self {
        let admins = vec![OPERATOR.to_owned()];
        let world = Box::pin(World::start_with(|settings| {
            settings.auth.admin_emails = admins
        }))
        .await;
        let owner = world.newcomer().await;
        let first = json!({"profileType": "innovator", "displayName": "Author"});
        owner.client.post("/api/v1/profiles", first).await.data(200);
        let second = json!({"profileType": "mentor", "displayName": "Sibling"});
        let second = owner
            .client
            .post("/api/v1/profiles", second)
            .await
            .data(201);
        let sibling = world.sign_in(&owner.email).await;
        let switch = json!({"profileId": second["id"]});
        let switched = sibling
            .client
            .patch("/api/v1/auth/active-profile", switch)
            .await
            .data(200);
        let sibling = world
            .client()
            .with_token(switched["accessToken"].as_str().unwrap());
        let (stranger, connected) = (world.newcomer().await, world.newcomer().await);
        let operator = world.sign_in(OPERATOR).await;

        let grpc = Grpc::reflected(world.client().base()).await;
        let cast = [
            (Actor::Nobody, world.client().clone()),
            (Actor::Stranger, stranger.client),
            (Actor::Connected, connected.client.clone()),
            (Actor::Owner, owner.client.clone()),
            (Actor::Sibling, sibling),
            (Actor::Operator, operator.client),
        ];
        let cast = cast.map(|(actor, client)| {
            let grpc = match client.token() {
                Some(token) => grpc.with_token(token),
                None => grpc.clone(),
            };
            (actor, client, grpc)
        });
        let stage = Self {
            world,
            cast: cast.into(),
            contracts: DescriptorPool::decode(contracts::DESCRIPTOR).unwrap(),
            made: AtomicU32::new(0),
            owner,
            connected,
        };
        stage
            .connect(&stage.connected.profile_id, &stage.owner.profile_id)
            .await;
        stage
    }

    /// Connects two profiles as the service of connections would.
    async fn connect(&self, one: &str, other: &str) {
        let accepted = ConnectionAccepted {
            connection_id: Uuid::now_v7().to_string(),
            requester_profile_id: one.to_owned(),
            addressee_profile_id: other.to_owned(),
            version: 1,
        };
        let event = Event::of(Uuid::now_v7(), 1, &accepted);
        self.world.rig().emit("connection", event).await;
    }

    /// Makes a thing of the owner's and returns its id.
    async fn make(&self, kind: Kind, shown: Shown) -> String {
        let client = &self.owner.client;
        let nth = self.made.fetch_add(1, Ordering::Relaxed);
        let id = |thing: Value| thing["id"].as_str().unwrap().to_owned();
        match kind {
            Kind::Post => {
                let mut post = json!({"type": "general", "content": format!("post {nth}")});
                match shown {
                    Shown::Draft => post["isPublished"] = false.into(),
                    _ => post["visibility"] = shown.word().into(),
                }
                id(client.post("/api/v1/posts", post).await.data(201))
            }
            Kind::Comment => {
                let post = Box::pin(self.make(Kind::Post, shown)).await;
                let path = format!("/api/v1/posts/{post}/comments");
                let comment = json!({"content": "first"});
                id(client.post(&path, comment).await.data(201))
            }
            Kind::Profile => {
                let profile =
                    json!({"profileType": "innovator", "displayName": format!("Profile {nth}")});
                let profile = id(client.post("/api/v1/profiles", profile).await.data(201));
                let path = format!("/api/v1/profiles/{profile}/visibility");
                let visibility = json!({"visibility": shown.word()});
                client.patch(&path, visibility).await.data(200);
                profile
            }
        }
    }

    /// What comes of a deed over REST, with what the reply says of a failure.
    async fn rest(&self, way: &Way, client: &Client, id: &str, shown: Shown) -> (u16, Value) {
        let path = way.template.replace("{id}", id);
        let body = match way.method {
            Method::GET | Method::DELETE => String::new(),
            _ => way.body(shown, false).to_string(),
        };
        let reply = client.send(way.method.clone(), &path, &[], body).await;
        let status = reply.status.as_u16();
        (
            if status == 201 { 200 } else { status },
            reply.json()["error"].clone(),
        )
    }

    /// What comes of a deed over gRPC-Web.
    async fn web(&self, way: &Way, client: &Client, id: &str, shown: Shown) -> u16 {
        let (service, name) = way.rpc.trim_start_matches('/').split_once('/').unwrap();
        let service = self.contracts.get_service_by_name(service).unwrap();
        let method = service.methods().find(|method| method.name() == name);
        let message =
            DynamicMessage::deserialize(method.unwrap().input(), message(way, id, shown)).unwrap();
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], &length[..], &message].concat();
        let headers = [("content-type", "application/grpc-web+proto")];
        let reply = client.send(Method::POST, &way.rpc, &headers, framed).await;
        assert_eq!(reply.status, 200, "{} over gRPC-Web", way.rpc);
        let code = reply.header("grpc-status").map(str::to_owned);
        let code = code.unwrap_or_else(|| {
            let trailers = String::from_utf8_lossy(&reply.body).into_owned();
            let (_, code) = trailers.rsplit_once("grpc-status:").unwrap();
            code.trim()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect()
        });
        http(Code::from(code.parse::<i32>().unwrap()))
    }

    /// What comes of a deed over gRPC.
    async fn grpc(&self, way: &Way, client: &Grpc, id: &str, shown: Shown) -> u16 {
        let answer = client.call(&way.rpc, message(way, id, shown)).await;
        answer.map_or_else(|status| http(status.code()), |_| 200)
    }
}

fn message(way: &Way, id: &str, shown: Shown) -> Value {
    let mut message = way.body(shown, true);
    message["id"] = id.into();
    message
}

/// The status REST has for what these codes say here.
fn http(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_28_each_route_and_its_twins_admit_the_same_actors_to_the_same_things() {
    let stage = Box::pin(Stage::set()).await;
    let ways = ways();
    let mut wrong = Vec::new();
    for kind in [Kind::Post, Kind::Comment, Kind::Profile] {
        for shown in [
            Shown::Public,
            Shown::Connections,
            Shown::Private,
            Shown::Draft,
        ] {
            if (kind, shown) == (Kind::Profile, Shown::Draft) {
                continue;
            }
            let id = stage.make(kind, shown).await;
            if (kind, shown) == (Kind::Profile, Shown::Connections) {
                stage.connect(&stage.connected.profile_id, &id).await;
            }
            let read = ways
                .iter()
                .find(|way| way.kind == kind && way.deed == Deed::Read);
            let seen = || async {
                let seen = stage
                    .rest(read.unwrap(), &stage.connected.client, &id, shown)
                    .await
                    .0;
                seen == expected(Deed::Read, shown, Actor::Connected)
            };
            tokio::time::timeout(testkit::LONGEST, testkit::eventually(seen))
                .await
                .unwrap_or_else(|_| panic!("{kind:?} {shown:?}: connected ones"));
            for way in ways.iter().filter(|way| way.kind == kind) {
                wrong.extend(admits(&stage, way, &id, shown).await);
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    stage.world.stop().await;
}

/// Tries one RPC on one thing as every actor over every protocol, and returns what was not as it should be.
async fn admits(stage: &Stage, way: &Way, id: &str, shown: Shown) -> Vec<String> {
    let mut wrong = Vec::new();
    for (actor, client, grpc) in &stage.cast {
        let expected = expected(way.deed, shown, *actor);
        for protocol in ["REST", "gRPC-Web", "gRPC"] {
            // What is deleted is deleted once.
            let own = match (way.deed, expected) {
                (Deed::Delete, 200) => Some(stage.make(way.kind, shown).await),
                _ => None,
            };
            let id = own.as_deref().unwrap_or(id);
            let status = match protocol {
                "REST" => {
                    let (status, error) = stage.rest(way, client, id, shown).await;
                    if status == 404 {
                        let (_, unknown) = stage.rest(way, client, UNKNOWN, shown).await;
                        if error != unknown {
                            wrong.push(format!("{actor:?} tells {error} from {unknown}"));
                        }
                    }
                    status
                }
                "gRPC-Web" => stage.web(way, client, id, shown).await,
                _ => stage.grpc(way, grpc, id, shown).await,
            };
            if status != expected {
                let Way {
                    rpc,
                    method,
                    template,
                    ..
                } = way;
                wrong.push(format!(
                    "{protocol} {rpc} ({method} {template}) of what is {shown:?} by {actor:?}: {status} and not {expected}"
                ));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn vis_8_gw_28_lists_hold_for_each_actor_exactly_what_it_may_read() {
    let stage = Box::pin(Stage::set()).await;
    let mut posts = Vec::new();
    let mut profiles = vec![(Shown::Public, stage.owner.profile_id.clone())];
    for shown in [Shown::Public, Shown::Connections, Shown::Private] {
        posts.push((shown, stage.make(Kind::Post, shown).await));
        profiles.push((shown, stage.make(Kind::Profile, shown).await));
    }
    let connected = &stage.connected.profile_id;
    stage.connect(connected, &profiles[2].1).await;
    for (actor, client, grpc) in &stage.cast {
        let may = |things: &[(Shown, String)]| {
            let seen = things.iter().filter(|(shown, _)| actor.sees(*shown));
            let mut ids: Vec<String> = seen.map(|(_, id)| id.clone()).collect();
            ids.sort();
            ids
        };
        let of = |items: &Value, known: &[(Shown, String)]| {
            let items = items.as_array().cloned().unwrap_or_default();
            let ids = items.iter().filter_map(|item| item["id"].as_str());
            let mut ids: Vec<String> = ids
                .filter(|id| known.iter().any(|(_, it)| it == id))
                .map(str::to_owned)
                .collect();
            ids.sort();
            ids
        };
        let account = &stage.owner.account_id;
        let path = format!("/api/v1/profiles/user/{account}");
        let rpc = "/smilefactory.profile.v1.ProfileService/ListProfilesByUser";
        testkit::eventually(|| async {
            let listed = client.get(&path).await.data(200);
            let called = grpc.call(rpc, json!({"userId": account})).await.unwrap();
            [&listed, &called["items"]].map(|it| of(it, &profiles))
                == [may(&profiles), may(&profiles)]
        })
        .await;
        let feed = client.get("/api/v1/feed").await.json();
        let rpc = "/smilefactory.feed.v1.FeedService/ListFeed";
        let called = grpc.call(rpc, json!({})).await.unwrap();
        assert_eq!(of(&feed["data"], &posts), may(&posts), "{actor:?}");
        assert_eq!(of(&called["items"], &posts), may(&posts), "{actor:?}");
        let total = may(&posts).len();
        assert_eq!(feed["pagination"]["total"], total, "{actor:?}");
        assert_eq!(called["pagination"]["total"], total, "{actor:?}");
    }
    stage.world.stop().await;
}
