-- Who likes the posts from $1 up to $2, the newest post at $3. Steps of a prime choose different people for one post.
insert into feed.likes (id, profile_id, account_id, likeable_type, post_id, is_guarded, created_at)
select pg_temp.like_of(n, k), pg_temp.profile(who), pg_temp.account(who), 'post', pg_temp.post(n), r.is_guarded,
  $3::timestamptz - n * interval '47 seconds' + pg_temp.chance(n, 42 + k) * interval '40 seconds'
from generate_series($1::bigint, $2::bigint - 1) n
cross join lateral generate_series(0, pg_temp.likes(n) - 1) k
cross join lateral (select (n * 31 + k * 1000003) % pg_temp.people(n) as who) as person
join feed.profile_ref r on r.profile_id = pg_temp.profile(who)
on conflict (profile_id, post_id) do nothing
