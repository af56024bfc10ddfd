//! `app.viewer_profile()`: which profile a client with a user's token acts as (DB-4).

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000021_profile_viewer", up, down)
}

/// A claim that is no UUID, or names another account's or a deleted profile, counts as absent.
fn up() -> String {
    "create function app.viewer_profile() returns uuid language sql stable security definer set search_path = '' as $$
       select p.id from profile.profiles p
       where p.user_account_id = auth.uid() and p.deleted_at is null
         and (p.is_primary or p.id::text = lower(
           nullif(current_setting('request.jwt.claims', true), '')::json ->> 'profileId'))
       order by p.is_primary limit 1 $$;
     revoke all on function app.viewer_profile() from public;
     grant execute on function app.viewer_profile() to authenticated;"
        .to_owned()
}

fn down() -> String {
    "drop function app.viewer_profile();".to_owned()
}
