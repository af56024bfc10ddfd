-- The people from $1 up to $2, and what auth, profile and feed know of them. They are older than every post before $3.
with person as materialized (
  select p, pg_temp.account(p) as account, pg_temp.profile(p) as profile,
    'scale.' || p || '@scale.smilefactory.example' as email, 'scale.' || p as username,
    ($4::text[])[pg_temp.one_of(cardinality($4::text[]), p, 21)] || ' '
      || ($5::text[])[pg_temp.one_of(cardinality($5::text[]), p, 22)] as name,
    ($6::text[])[pg_temp.one_of(cardinality($6::text[]), p, 23)] as headline,
    ($7::text[])[pg_temp.one_of(cardinality($7::text[]), p, 24)] as location,
    ($8::text[])[pg_temp.one_of(cardinality($8::text[]), p, 25)] as topic,
    (enum_range(null::profile.profile_type))[pg_temp.one_of(8, p, 26)] as kind,
    (case when pg_temp.chance(p, 27) > 0.02 then 'public' when pg_temp.chance(p, 28) > 0.25 then 'connections'
      else 'private' end)::profile.profile_visibility as visibility,
    $3::timestamptz - interval '8 years' - p * interval '1 minute' as at
  from generate_series($1::bigint, $2::bigint - 1) p),
accounts as (
  insert into account.user_accounts
    (id, created_at, updated_at, email, email_verified, first_login, last_login_at, initial_profile_id)
  select account, at, at, email, true, false, at, profile from person),
settings as (
  insert into account.account_settings (account_id, updated_at) select account, at from person),
listed as (
  insert into account.account_profiles
    (profile_id, account_id, display_name, profile_type, bio, status, is_primary, completion, version)
  select profile, account, name, kind::text, headline, 'complete', true, 20, 1 from person),
profiles as (
  insert into profile.profiles (id, created_at, updated_at, user_account_id, profile_type, display_name, username, bio,
    location, headline, tags, is_primary, status, visibility, effective_visibility)
  select profile, at, at, account, kind, name, username, headline, location, headline, array[topic], true, 'complete',
    visibility, visibility from person),
private as (
  insert into profile.profile_private (profile_id) select profile from person),
answers as (
  insert into profile.profile_metadata (profile_id, key, value, class, created_at, updated_at)
  select profile, 'city', to_json(split_part(location, ', ', 1)), 'public', at, at from person),
counters as (
  insert into profile.profile_stats (profile_id) select profile from person)
insert into feed.profile_ref
  (profile_id, account_id, display_name, username, profile_type, headline, location, tags, visibility, state, version, is_guarded)
select profile, account, name, username, kind::text, headline, location, array[topic], visibility::text, 'live', 1, visibility <> 'public'
from person
