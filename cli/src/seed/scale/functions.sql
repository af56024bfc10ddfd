-- What everything is derived from, for one session: the same number gives the same row in every run.

-- A number above 0 and at most 1 that looks like chance.
create or replace function pg_temp.chance(n bigint, salt bigint) returns double precision language sql immutable
  as $$ select ((hashint8extended(n, salt) & 2147483647) + 1) / 2147483648.0::double precision $$;

-- One of `many`, counted from 1.
create or replace function pg_temp.one_of(many integer, n bigint, salt bigint) returns integer language sql immutable
  as $$ select 1 + ((hashint8extended(n, salt) & 2147483647) % many)::integer $$;

-- An id in the form of UUIDv7, whose time is only there to order the ids as the things are ordered.
create or replace function pg_temp.id(kind text, at bigint, n text) returns uuid language sql immutable
  as $$ select (lpad(to_hex(at), 12, '0') || '7' || substr(md5(kind || n), 1, 3) || 'a' || substr(md5(kind || n), 4, 15))::uuid $$;

-- People there are when the community has n posts.
create or replace function pg_temp.people(n bigint) returns bigint language sql immutable
  as $$ select 20 + n / 20 $$;

create or replace function pg_temp.account(p bigint) returns uuid language sql immutable
  as $$ select pg_temp.id('account', 1600000000000 + p, p::text) $$;

create or replace function pg_temp.profile(p bigint) returns uuid language sql immutable
  as $$ select pg_temp.id('profile', 1600000000000 + p, p::text) $$;

-- Posts are numbered from the newest, 47 seconds apart.
create or replace function pg_temp.post(n bigint) returns uuid language sql immutable
  as $$ select pg_temp.id('post', 1767225600000 - n * 47000, n::text) $$;

create or replace function pg_temp.comment(n bigint, k bigint) returns uuid language sql immutable
  as $$ select pg_temp.id('comment', 1767225600000 - n * 47000 + k, n || '.' || k) $$;

create or replace function pg_temp.like_of(n bigint, k bigint) returns uuid language sql immutable
  as $$ select pg_temp.id('like', 1767225600000 - n * 47000 + k, n || '.' || k) $$;

-- Few write most: the first people are the busiest.
create or replace function pg_temp.author(n bigint) returns bigint language sql immutable
  as $$ select least(pg_temp.people(n) - 1, floor(pg_temp.people(n) * power(pg_temp.chance(n, 11), 2))::bigint) $$;

-- Few posts get most likes (mean 3) and most comments (mean 0.9).
create or replace function pg_temp.likes(n bigint) returns bigint language sql immutable
  as $$ select least(pg_temp.people(n) / 2, floor(2 * (power(pg_temp.chance(n, 12), -0.6) - 1))::bigint) $$;

create or replace function pg_temp.comments(n bigint) returns bigint language sql immutable
  as $$ select least(500, floor(0.9 * (power(pg_temp.chance(n, 13), -0.5) - 1) + pg_temp.chance(n, 14))::bigint) $$;
