//! What feed knows of groups (`group_ref`, `group_member_ref`).

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{column, row};

/// How a profile stands to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An active member.
    Member,
    /// Not a member, but the group is public.
    Outside,
    /// There is no such group, or it is private and the profile is no member.
    Unseen,
}

/// How the profile stands to the group.
pub(crate) async fn standing(
    on: &impl ConnectionTrait,
    group: Uuid,
    profile: Uuid,
) -> Result<Standing> {
    let sql = "select g.visibility = 'public' as is_public, exists (select 1 from group_member_ref m
                 where m.group_id = g.group_id and m.profile_id = $2 and m.removed_at is null) as is_member
               from group_ref g where g.group_id = $1 and g.removed_at is null";
    let Some(found) = row(on, sql, vec![group.into(), profile.into()]).await? else {
        return Ok(Standing::Unseen);
    };
    let is_member: bool = column(&found, "is_member")?;
    let is_public: bool = column(&found, "is_public")?;
    Ok(match (is_member, is_public) {
        (true, _) => Standing::Member,
        (false, true) => Standing::Outside,
        (false, false) => Standing::Unseen,
    })
}
