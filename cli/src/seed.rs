//! The demo community: people of every profile type who post, comment and like.
//!
//! It is made through the services' own RPCs, sign-in codes included, so it holds whatever real use would hold. What is
//! there already is left alone; running it again changes nothing.

mod community;
pub mod scale;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::{SendOtpRequest, VerifyOtpRequest};
use contracts::feed::v1::feed_service_client::FeedServiceClient;
use contracts::feed::v1::{CreateCommentRequest, CreatePostRequest, LikePostRequest, PostType};
use contracts::profile::v1::CreateProfileRequest;
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use edge::inbox::Inbox;
use identity::internal::ServiceKeys;
use identity::{Caller, Context, Role};
use mesh::Peers;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use uuid::Uuid;

use crate::settings::Settings;
use crate::smtp::newest_code;
use crate::up::{Up, say};
use community::{Community, Person};

/// The address of one of the community's people, to sign in with.
pub const EXAMPLE_EMAIL: &str = "ada.brandt@demo.smilefactory.example";

/// Time one call may take.
const CALL: Duration = Duration::from_secs(10);
/// Time a mail may take to arrive.
const MAIL: Duration = Duration::from_secs(20);
/// Minutes between two posts of the community.
const BETWEEN_POSTS: i32 = 47;
/// Comments each person writes.
const COMMENTS: usize = 3;

/// What the seed works with.
#[derive(Debug)]
pub struct Seed {
    /// Calls services as the edge does.
    pub peers: Peers,
    /// Signs the identities of the community's people.
    pub keys: Arc<ServiceKeys>,
    /// Where the sign-in codes arrive.
    pub inbox: Inbox,
    /// The database as its owner: to see what is there, and to spread the posts over the past weeks.
    pub owner: DatabaseConnection,
}

/// What a run made.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Accounts with their profile.
    pub people: usize,
    /// Posts.
    pub posts: usize,
    /// Comments and answers.
    pub comments: usize,
}

/// Somebody of the community who has an account.
struct Member {
    caller: Caller,
    posts: Vec<Uuid>,
    comments: i64,
}

impl Seed {
    /// Brings the community to its full size; returns what was missing and is there now.
    ///
    /// # Errors
    /// The first call that fails, with the person it was made for.
    pub async fn run(&self) -> Result<Made> {
        let community = Community::read()?;
        let mut made = Made::default();
        let mut members = Vec::with_capacity(community.people.len());
        for person in &community.people {
            let member = match self.find(person).await? {
                Some(member) => member,
                None => {
                    made.people += 1;
                    let member = self.join(person).await;
                    member.with_context(|| format!("making the account of {}", person.name))?
                }
            };
            members.push(member);
        }
        for (index, person) in community.people.iter().enumerate() {
            let written = self.write(&community, person, &mut members[index]).await;
            made.posts += written.with_context(|| format!("posting as {}", person.name))?;
        }
        if made.posts > 0 {
            self.spread(&members).await?;
        }
        for index in 0..members.len() {
            let said = self.react(&community, &members, index).await;
            made.comments +=
                said.with_context(|| format!("commenting as {}", community.people[index].name))?;
        }
        Ok(made)
    }

    /// The person's account and what it wrote so far.
    async fn find(&self, person: &Person) -> Result<Option<Member>> {
        let account = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select a.id, a.initial_profile_id, \
               (select count(*) from feed.comments c where c.account_id = a.id) as comments \
             from account.user_accounts a where lower(a.email) = $1 and a.deleted_at is null",
            [person.email().into()],
        );
        let Some(row) = self.owner.query_one_raw(account).await? else {
            return Ok(None);
        };
        let caller = Caller {
            account_id: row.try_get("", "id")?,
            profile_id: row.try_get("", "initial_profile_id")?,
            session_id: Uuid::now_v7(),
            role: Role::User,
        };
        let posts = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select id from feed.posts where account_id = $1 and deleted_at is null order by id",
            [caller.account_id.into()],
        );
        let posts = self.owner.query_all_raw(posts).await?;
        let posts = posts
            .iter()
            .map(|row| row.try_get("", "id"))
            .collect::<Result<_, _>>()?;
        let comments = row.try_get("", "comments")?;
        Ok(Some(Member {
            caller,
            posts,
            comments,
        }))
    }

    /// Signs the person in with a code from the mail, and turns the placeholder into their profile.
    async fn join(&self, person: &Person) -> Result<Member> {
        let email = person.email();
        let ctx = self.anonymous();
        AuthServiceClient::new(self.peers.call("auth", &ctx))
            .send_otp(SendOtpRequest {
                email: email.clone(),
            })
            .await?;
        let verify = VerifyOtpRequest {
            code: self.code_for(&email).await?,
            email,
            device_name: Some("demo".to_owned()),
        };
        let ctx = self.anonymous();
        let reply = AuthServiceClient::new(self.peers.call("auth", &ctx))
            .verify_otp(verify)
            .await?;
        let reply = reply.into_inner();
        let user = reply.user.context("a sign-in without its user")?;
        let caller = Caller {
            account_id: user.id.parse()?,
            profile_id: reply.active_profile_id.parse()?,
            session_id: Uuid::now_v7(),
            role: Role::User,
        };
        let ctx = self.acting_as(&caller);
        ProfileServiceClient::new(self.peers.call("profile", &ctx))
            .create_profile(CreateProfileRequest {
                profile_type: person.profile_type()?.into(),
                display_name: Some(person.name.clone()),
                headline: Some(person.headline.clone()),
                location: Some(person.location.clone()),
                username: Some(person.username()),
                bio: Some(format!(
                    "{}. Based in {}.",
                    person.headline, person.location
                )),
                tags: person.topics.clone(),
                answers: person.answers(),
                ..CreateProfileRequest::default()
            })
            .await?;
        Ok(Member {
            caller,
            posts: Vec::new(),
            comments: 0,
        })
    }

    /// The code of the newest mail to `email`.
    async fn code_for(&self, email: &str) -> Result<String> {
        let arrives = async {
            loop {
                if let Some(code) = newest_code(&self.inbox, email) {
                    return code;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(MAIL, arrives).await {
            Ok(code) => Ok(code),
            Err(_) => bail!("no code for {email} arrived within {} s", MAIL.as_secs()),
        }
    }

    /// Writes the posts that the person has not written yet.
    async fn write(
        &self,
        community: &Community,
        person: &Person,
        member: &mut Member,
    ) -> Result<usize> {
        let texts = community.posts_of(person);
        let missing = texts.iter().skip(member.posts.len());
        let mut written = 0;
        for text in missing {
            let ctx = self.acting_as(&member.caller);
            let post = FeedServiceClient::new(self.peers.call("feed", &ctx))
                .create_post(CreatePostRequest {
                    r#type: text.kind.into(),
                    content: text.content.clone(),
                    tags: vec![text.topic.clone()],
                    ..CreatePostRequest::default()
                })
                .await?;
            member.posts.push(post.into_inner().id.parse()?);
            written += 1;
        }
        Ok(written)
    }

    /// Spreads the posts over the past, so that the feed is not of one minute.
    async fn spread(&self, members: &[Member]) -> Result<()> {
        let accounts: Vec<Uuid> = members
            .iter()
            .map(|member| member.caller.account_id)
            .collect();
        let spread = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with placed as ( \
               select id, now() - row_number() over (order by md5(id::text)) * $2 * interval '1 minute' as at \
               from feed.posts where account_id = any($1)) \
             update feed.posts p set published_at = placed.at, created_at = placed.at from placed where p.id = placed.id",
            [accounts.into(), BETWEEN_POSTS.into()],
        );
        self.owner.execute_raw(spread).await?;
        Ok(())
    }

    /// Likes and comments on what others wrote, unless the person has commented before.
    async fn react(
        &self,
        community: &Community,
        members: &[Member],
        index: usize,
    ) -> Result<usize> {
        let member = &members[index];
        if member.comments > 0 {
            return Ok(0);
        }
        let posts: Vec<Uuid> = members
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, other)| other.posts.iter().copied())
            .collect();
        if posts.is_empty() {
            return Ok(0);
        }
        let ctx = self.acting_as(&member.caller);
        let mut feed = FeedServiceClient::new(self.peers.call("feed", &ctx));
        // Primes spread the choices without chance, so that every run makes the same community.
        for nth in 0..7 {
            let post = posts[(index * 13 + nth * 29) % posts.len()];
            feed.like_post(LikePostRequest {
                id: post.to_string(),
            })
            .await?;
        }
        for nth in 0..COMMENTS {
            let post = posts[(index * 17 + nth * 37) % posts.len()];
            let comment = CreateCommentRequest {
                id: post.to_string(),
                content: community.comment(index + nth * 3, &community.people[index]),
                ..CreateCommentRequest::default()
            };
            let comment = feed.create_comment(comment).await?.into_inner();
            if nth == 0 {
                let author = members.iter().find(|other| other.posts.contains(&post));
                let author = author.context("a post without its author")?;
                let ctx = self.acting_as(&author.caller);
                FeedServiceClient::new(self.peers.call("feed", &ctx))
                    .create_comment(CreateCommentRequest {
                        id: post.to_string(),
                        content: community.reply(index),
                        parent_comment_id: comment.id,
                        ..CreateCommentRequest::default()
                    })
                    .await?;
            }
        }
        Ok(COMMENTS + 1)
    }

    fn anonymous(&self) -> Context {
        let loopback = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Context::for_anonymous(&self.keys, loopback, "seed", CALL)
    }

    fn acting_as(&self, caller: &Caller) -> Context {
        let loopback = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Context::for_caller(&self.keys, caller.clone(), loopback, "seed", CALL)
    }
}

/// `smilefactory seed`: starts the system on free ports, makes the community, ends.
///
/// # Errors
/// When the system cannot start or a call fails.
pub async fn command(mut settings: Settings) -> Result<()> {
    telemetry::init(&settings.log)?;
    settings.edge.host = Ipv4Addr::LOCALHOST.into();
    settings.edge.port = 0;
    settings.admin.address = (Ipv4Addr::LOCALHOST, 0).into();
    let up = Up::start(settings).await?;
    let made = up.seed().await;
    up.stop().await;
    let made = made?;
    say(&format!(
        "made {} people, {} posts, {} comments",
        made.people, made.posts, made.comments
    ));
    Ok(())
}

/// The type of a post from its place among the writer's posts.
fn kind_of(profile_type: &str, place: usize) -> PostType {
    match (profile_type, place) {
        (_, 0) => PostType::General,
        ("organization" | "academic_institution" | "investor", 1) => PostType::Opportunity,
        ("innovator" | "academic_student", 1) => PostType::Project,
        (_, 2) => PostType::Update,
        _ => PostType::General,
    }
}
