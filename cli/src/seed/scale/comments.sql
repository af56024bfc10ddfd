-- What is said about the posts from $1 up to $2, the newest post at $3: every fourth comment answers the first, every
-- fifth is liked by somebody.
with said as materialized (
  select n, k, pg_temp.comment(n, k) as id, pg_temp.post(n) as post,
    case when k % 4 = 3 then pg_temp.comment(n, 0) end as parent,
    (n * 17 + k * 1000003) % pg_temp.people(n) as who, (n * 13 + k * 1000003) % pg_temp.people(n) as fan,
    $3::timestamptz - n * interval '47 seconds' + k * interval '1 millisecond' as at
  from generate_series($1::bigint, $2::bigint - 1) n
  cross join lateral generate_series(0, pg_temp.comments(n) - 1) k),
comments as (
  insert into feed.comments
    (id, created_at, updated_at, post_id, profile_id, account_id, parent_comment_id, depth, content)
  select id, at, at, post, pg_temp.profile(who), pg_temp.account(who), parent, case when parent is null then 1 else 2 end,
    replace(($4::text[])[pg_temp.one_of(cardinality($4::text[]), n * 512 + k, 51)], '{topic}', 'it') from said),
likes as (
  insert into feed.likes (id, profile_id, account_id, likeable_type, comment_id, created_at)
  select pg_temp.id('like of a comment', 1767225600000 - n * 47000 + k, n || '.' || k), pg_temp.profile(fan),
    pg_temp.account(fan), 'comment', id, at from said where k % 5 = 0)
insert into feed.comment_stats (comment_id, likes, replies)
select id, case when k % 5 = 0 then 1 else 0 end, case when k = 0 then count(*) filter (where parent is not null)
  over (partition by n) else 0 end
from said
