//! `profiles`: the public identities of accounts.

use sea_orm::entity::prelude::*;

/// The kinds of profile (`profile_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "profile_type")]
pub enum ProfileType {
    /// Somebody with an idea under way.
    #[sea_orm(string_value = "innovator")]
    Innovator,
    /// Somebody who guides others.
    #[sea_orm(string_value = "mentor")]
    Mentor,
    /// Somebody who funds.
    #[sea_orm(string_value = "investor")]
    Investor,
    /// A student.
    #[sea_orm(string_value = "academic_student")]
    AcademicStudent,
    /// A university, college or school.
    #[sea_orm(string_value = "academic_institution")]
    AcademicInstitution,
    /// A company or other organisation.
    #[sea_orm(string_value = "organization")]
    Organization,
    /// Somebody in work.
    #[sea_orm(string_value = "professional")]
    Professional,
    /// Somebody known for deep knowledge of a field.
    #[sea_orm(string_value = "industry_expert")]
    IndustryExpert,
}

/// Whether the wizard was finished (`profile_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "profile_status")]
pub enum Status {
    /// Begun.
    #[sea_orm(string_value = "draft")]
    Draft,
    /// Finished.
    #[sea_orm(string_value = "complete")]
    Complete,
}

/// Who may see a profile (`profile_visibility`), the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "profile_visibility")]
pub enum Visibility {
    /// Everyone.
    #[sea_orm(string_value = "public")]
    Public,
    /// Profiles with an accepted connection.
    #[sea_orm(string_value = "connections")]
    Connections,
    /// The owner's account.
    #[sea_orm(string_value = "private")]
    Private,
}

/// One row of `profiles`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub struct Model {
    /// The profile.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it was made.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When its content last changed.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change of its content.
    pub version: i32,
    /// Its account.
    pub user_account_id: Uuid,
    /// Its kind.
    pub profile_type: ProfileType,
    /// The name it goes by.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub display_name: String,
    /// The user name, lower case and without `@`.
    #[sea_orm(column_type = "String(StringLen::N(100))", nullable)]
    pub username: Option<String>,
    /// A text about it.
    #[sea_orm(column_type = "Text", nullable)]
    pub bio: Option<String>,
    /// The picture.
    #[sea_orm(column_type = "Text", nullable)]
    pub avatar_url: Option<String>,
    /// The picture at the head of the page.
    #[sea_orm(column_type = "Text", nullable)]
    pub cover_image_url: Option<String>,
    /// Where it is.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub location: Option<String>,
    /// Its site.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub website: Option<String>,
    /// One line about it.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub headline: Option<String>,
    /// What it does, from its answers.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub role: Option<String>,
    /// What it knows, from its answers.
    pub expertise: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it is the account's primary profile.
    pub is_primary: bool,
    /// Whether staff confirmed who it is.
    pub is_verified: bool,
    /// Whether staff put it forward.
    pub is_featured: bool,
    /// Whether it is the untouched profile made at the first sign-in.
    pub is_placeholder: bool,
    /// Whether the wizard was finished.
    pub status: Status,
    /// Who may see it, as its owner chose.
    pub visibility: Visibility,
    /// Who may see it in effect: the account may narrow it.
    pub effective_visibility: Visibility,
    /// `live`, `suspended` or `deleted`.
    #[sea_orm(column_type = "Text")]
    pub account_state: String,
    /// Share of the questionnaire that is answered, in percent.
    pub completion_percentage: i32,
    /// Keyed hash of the POST that finished it last.
    #[sea_orm(column_type = "VarBinary(StringLen::None)", nullable)]
    pub final_hash: Option<Vec<u8>>,
    /// When that POST was answered.
    pub final_at: Option<TimeDateTimeWithTimeZone>,
    /// When it was deleted; nothing personal is left then.
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
