-- The counters of the posts from $1 up to $2, counted from the rows that are there, and of those who wrote them.
with written as materialized (
  select pg_temp.post(n) as id, pg_temp.profile(pg_temp.author(n)) as author, pg_temp.likes(n) * 8 + pg_temp.one_of(20, n, 61) as views
  from generate_series($1::bigint, $2::bigint - 1) n),
counted as (
  insert into feed.post_stats (post_id, likes, guarded_likes, comments, views)
  select w.id, l.likes, l.guarded,
    (select count(*) from feed.comments c where c.post_id = w.id), w.views
  from written w
  cross join lateral (select count(*) as likes, count(*) filter (where l.is_guarded) as guarded from feed.likes l where l.post_id = w.id) l)
update profile.profile_stats s set posts = s.posts + w.posts
from (select author, count(*)::integer as posts from written group by author) w where s.profile_id = w.author
