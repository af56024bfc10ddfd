//! `posts`: what people publish.

use sea_orm::entity::prelude::*;

/// The kinds of post (`post_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "post_type")]
pub enum PostType {
    /// Anything.
    #[sea_orm(string_value = "general")]
    General,
    /// Something to apply for.
    #[sea_orm(string_value = "opportunity")]
    Opportunity,
    /// A project under way.
    #[sea_orm(string_value = "project")]
    Project,
    /// Something offered.
    #[sea_orm(string_value = "marketplace")]
    Marketplace,
    /// Something that takes place.
    #[sea_orm(string_value = "event")]
    Event,
    /// An article.
    #[sea_orm(string_value = "blog")]
    Blog,
    /// News of something posted before.
    #[sea_orm(string_value = "update")]
    Update,
}

/// Who may see a post (`post_visibility`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "post_visibility")]
pub enum Visibility {
    /// Everyone who may see the author.
    #[sea_orm(string_value = "public")]
    Public,
    /// Profiles connected to the author.
    #[sea_orm(string_value = "connections")]
    Connections,
    /// Profiles of the target types with a target tag.
    #[sea_orm(string_value = "targeted")]
    Targeted,
    /// The author's account.
    #[sea_orm(string_value = "private")]
    Private,
    /// Those who may read the group.
    #[sea_orm(string_value = "group")]
    Group,
}

/// Where a post stands (`post_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "post_status")]
pub enum Status {
    /// Kept by its author.
    #[sea_orm(string_value = "draft")]
    Draft,
    /// Published at `publish_at`.
    #[sea_orm(string_value = "scheduled")]
    Scheduled,
    /// Published.
    #[sea_orm(string_value = "published")]
    Published,
    /// Hidden by moderation.
    #[sea_orm(string_value = "hidden")]
    Hidden,
    /// Deleted.
    #[sea_orm(string_value = "archived")]
    Archived,
}

/// How a text is written (`body_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "body_format")]
pub enum BodyFormat {
    /// Plain text.
    #[sea_orm(string_value = "plain")]
    Plain,
    /// Markdown.
    #[sea_orm(string_value = "markdown")]
    Markdown,
}

/// One row. `is_published`, `published_xid` and `search` are made by the database and not mapped.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "posts")]
pub struct Model {
    /// `UUIDv7`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When the row was made.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When the row was changed last.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change of the content.
    pub version: i32,
    /// The author's profile.
    pub profile_id: Uuid,
    /// The author's account.
    pub account_id: Uuid,
    /// Its kind.
    pub post_type: PostType,
    /// Its title.
    pub title: Option<String>,
    /// Its whole text.
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// How the text is written.
    pub body_format: BodyFormat,
    /// Its picture.
    pub image_url: Option<String>,
    /// JSON object, verbatim.
    #[sea_orm(column_type = "custom(\"json\")", select_as = "text", save_as = "json")]
    pub metadata: String,
    /// Folded tags.
    pub tags: Vec<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Words of profile types.
    pub target_profile_types: Vec<String>,
    /// Folded tags.
    pub target_tags: Vec<String>,
    /// The group it is in.
    pub group_id: Option<Uuid>,
    /// Where it stands.
    pub status: Status,
    /// When it was published first.
    pub published_at: Option<TimeDateTimeWithTimeZone>,
    /// When it is going to be published.
    pub publish_at: Option<TimeDateTimeWithTimeZone>,
    /// Its name in addresses, blog only.
    pub slug: Option<String>,
    /// Its category, blog only.
    pub category: Option<String>,
    /// What it is about, as its author put it, blog only.
    pub excerpt: Option<String>,
    /// Profiles named in the text.
    pub mentions: Vec<Uuid>,
    /// Whether staff put it forward.
    pub is_featured: bool,
    /// When its content was changed after publication.
    pub edited_at: Option<TimeDateTimeWithTimeZone>,
    /// When it was deleted.
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
