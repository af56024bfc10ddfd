//! What feed tells the others, and what it does on what they tell.

mod consumed;

use contracts::Word;
use contracts::feed::v1 as facts;
use fault::Result;
use identity::Context;
use store::Tx;
use uuid::Uuid;

pub(crate) use consumed::tasks;

use crate::domain::comment::Comment;
use crate::domain::post::Post;
use crate::domain::text;
use crate::store::removal;

/// Where a comment stands.
#[derive(Debug)]
pub(crate) struct Thread<'a> {
    /// Its post.
    pub(crate) post: &'a Post,
    /// The comment it answers.
    pub(crate) parent: Option<&'a Comment>,
    /// Whom it mentions.
    pub(crate) mentions: Vec<Uuid>,
}

/// A post was published for the first time.
pub(crate) async fn post_created(tx: &mut Tx, ctx: &Context, post: &Post) -> Result<()> {
    let kind = post.kind.word().unwrap_or_default();
    tx.after_commit(move || {
        metrics::counter!("sf_posts_created_total", "type" => kind).increment(1)
    });
    publish(
        tx,
        ctx,
        post.id,
        post.version,
        &facts::PostCreated {
            post: Some(post_facts(post)),
        },
    )
    .await
}

/// A post was changed: the others learn of published posts only, and that one is no longer published.
pub(crate) async fn post_changed(
    tx: &mut Tx,
    ctx: &Context,
    before: &Post,
    post: &Post,
    changed: &[&'static str],
) -> Result<()> {
    if post.is_published() && post.standing.is_first_publication(&before.standing) {
        return post_created(tx, ctx, post).await;
    }
    if post.is_published() {
        let changed = changed.iter().map(|field| (*field).to_owned()).collect();
        let event = facts::PostUpdated {
            post: Some(post_facts(post)),
            changed,
        };
        return publish(tx, ctx, post.id, post.version, &event).await;
    }
    if before.is_published() {
        return post_archived(tx, ctx, post).await;
    }
    Ok(())
}

/// A published post was deleted or taken back to draft.
pub(crate) async fn post_archived(tx: &mut Tx, ctx: &Context, post: &Post) -> Result<()> {
    let gone = removal::Post {
        id: post.id,
        profile_id: post.profile_id,
        account_id: post.account_id,
        version: post.version,
        was_published: true,
    };
    archived(tx, ctx, &gone).await
}

/// A published post went with its author.
pub(crate) async fn archived(tx: &mut Tx, ctx: &Context, post: &removal::Post) -> Result<()> {
    let event = facts::PostArchived {
        post_id: post.id.to_string(),
        profile_id: post.profile_id.to_string(),
        account_id: post.account_id.to_string(),
        version: post.version,
    };
    publish(tx, ctx, post.id, post.version, &event).await
}

/// A post was liked. Events of likes are ordered by the row of the like, not by the post's, which nobody waits for; and
/// that row is stored by the statement that appends this.
pub(crate) fn post_liked(post: &Post, profile: Uuid) -> ::events::Event {
    let event = facts::PostLiked {
        post_id: post.id.to_string(),
        author_profile_id: post.profile_id.to_string(),
        author_account_id: post.account_id.to_string(),
        profile_id: profile.to_string(),
    };
    ::events::Event::of(post.id, post.version, &event)
}

/// A like of a post was taken back, as above.
pub(crate) fn post_unliked(post: &Post, profile: Uuid) -> ::events::Event {
    let event = facts::PostUnliked {
        post_id: post.id.to_string(),
        profile_id: profile.to_string(),
    };
    ::events::Event::of(post.id, post.version, &event)
}

/// A comment was written, on a post or in answer to another.
pub(crate) async fn comment_created(
    tx: &mut Tx,
    ctx: &Context,
    comment: &Comment,
    thread: &Thread<'_>,
) -> Result<()> {
    tx.after_commit(|| metrics::counter!("sf_comments_total").increment(1));
    let said = Some(comment_facts(comment, thread));
    if thread.parent.is_some() {
        publish(
            tx,
            ctx,
            comment.id,
            comment.version,
            &facts::CommentReplied { comment: said },
        )
        .await
    } else {
        publish(
            tx,
            ctx,
            comment.id,
            comment.version,
            &facts::CommentCreated { comment: said },
        )
        .await
    }
}

/// The text of a comment was changed.
pub(crate) async fn comment_updated(
    tx: &mut Tx,
    ctx: &Context,
    comment: &Comment,
    thread: &Thread<'_>,
) -> Result<()> {
    let event = facts::CommentUpdated {
        comment: Some(comment_facts(comment, thread)),
    };
    publish(tx, ctx, comment.id, comment.version, &event).await
}

/// A comment was deleted.
pub(crate) async fn comment_deleted(
    tx: &mut Tx,
    ctx: &Context,
    comment: &removal::Comment,
) -> Result<()> {
    let event = facts::CommentDeleted {
        comment_id: comment.id.to_string(),
        post_id: comment.post_id.to_string(),
        profile_id: text_of(comment.profile_id),
    };
    publish(tx, ctx, comment.id, comment.version, &event).await
}

/// A comment was liked.
pub(crate) async fn comment_liked(
    tx: &mut Tx,
    ctx: &Context,
    comment: &Comment,
    profile: Uuid,
) -> Result<()> {
    tx.after_commit(|| metrics::counter!("sf_likes_total").increment(1));
    let event = facts::CommentLiked {
        comment_id: comment.id.to_string(),
        post_id: comment.post_id.to_string(),
        author_profile_id: text_of(comment.profile_id),
        author_account_id: text_of(comment.account_id),
        profile_id: profile.to_string(),
    };
    publish(tx, ctx, comment.id, comment.version, &event).await
}

async fn publish<M: prost::Message + prost::Name>(
    tx: &mut Tx,
    ctx: &Context,
    aggregate: Uuid,
    version: i32,
    payload: &M,
) -> Result<()> {
    events::publish(tx, ctx, events::Event::of(aggregate, version, payload)).await
}

fn post_facts(post: &Post) -> facts::PostFacts {
    facts::PostFacts {
        post_id: post.id.to_string(),
        profile_id: post.profile_id.to_string(),
        account_id: post.account_id.to_string(),
        post_type: post.kind.word().unwrap_or_default().to_owned(),
        title: post.title.clone(),
        content: text::card(&post.content).0.to_owned(),
        visibility: post.visibility.word().unwrap_or_default().to_owned(),
        target_profile_types: post
            .target_types
            .iter()
            .filter_map(|kind| kind.word())
            .map(str::to_owned)
            .collect(),
        target_tags: post.target_tags.clone(),
        group_id: text_of(post.group_id),
        tags: post.tags.clone(),
        mentioned_profile_ids: post.mentions.iter().map(Uuid::to_string).collect(),
        image_url: post.image_url.clone(),
        status: post.standing.status.word().unwrap_or_default().to_owned(),
        version: post.version,
    }
}

fn comment_facts(comment: &Comment, thread: &Thread<'_>) -> facts::CommentFacts {
    facts::CommentFacts {
        comment_id: comment.id.to_string(),
        post_id: comment.post_id.to_string(),
        parent_comment_id: text_of(comment.parent),
        profile_id: text_of(comment.profile_id),
        account_id: text_of(comment.account_id),
        excerpt: text::beginning(&comment.content).to_owned(),
        mentioned_profile_ids: thread.mentions.iter().map(Uuid::to_string).collect(),
        post_author_profile_id: thread.post.profile_id.to_string(),
        post_author_account_id: thread.post.account_id.to_string(),
        parent_author_profile_id: text_of(thread.parent.and_then(|parent| parent.profile_id)),
        parent_author_account_id: text_of(thread.parent.and_then(|parent| parent.account_id)),
    }
}

/// An id that may be missing, which events write as an empty text.
fn text_of(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
