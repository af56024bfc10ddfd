-- The posts from $1 up to $2, the newest at $3. They were published before streams knew by which transaction, so that
-- they are nobody's news.
with place as materialized (
  select n, pg_temp.author(n) as author, pg_temp.chance(n, 31) as kind, pg_temp.chance(n, 32) as seen,
    $3::timestamptz - n * interval '47 seconds' - pg_temp.chance(n, 33) * interval '40 seconds' as at,
    case when pg_temp.chance(n, 31) <= 0.03 then 12 else pg_temp.one_of(6, n, 34) end as sentences
  from generate_series($1::bigint, $2::bigint - 1) n)
insert into feed.posts (id, created_at, updated_at, profile_id, account_id, post_type, title, content, tags, visibility,
  status, published_at, slug, category, published_xid)
select pg_temp.post(n), at, at, pg_temp.profile(author), pg_temp.account(author),
  (case when kind <= 0.03 then 'blog' when kind <= 0.11 then 'opportunity' when kind <= 0.19 then 'project'
    when kind <= 0.29 then 'update' else 'general' end)::feed.post_type,
  case when kind <= 0.03 then 'Notes on ' || replace(topic, '-', ' ') end,
  (select string_agg(replace(($4::text[])[1 + (first + k * 7) % cardinality($4::text[])], '{topic}', replace(topic, '-', ' ')), ' ')
    from generate_series(1, sentences) k, pg_temp.one_of(cardinality($4::text[]), n, 35) first),
  case when pg_temp.chance(n, 36) > 0.15 then array[topic] else '{}' end,
  (case when seen > 0.04 then 'public' when seen > 0.01 then 'connections' else 'private' end)::feed.post_visibility,
  'published', at,
  case when kind <= 0.03 then 'scale-' || n end,
  case when kind <= 0.03 then 'community' end,
  null
from place cross join lateral (
  select ($5::text[])[1 + floor((cardinality($5::text[]) - 1) * power(pg_temp.chance(n, 37), 2))::integer] as topic) as about
