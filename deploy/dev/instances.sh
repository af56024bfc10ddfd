# Private PostgreSQL and Redis instances. Sourced by ./dev.

# The user that PostgreSQL runs as: it refuses root.
server_user() {
  if [ "$(id -u)" -ne 0 ]; then id -un; elif id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# as_server COMMAND...: runs a command as that user, in a folder it may enter.
as_server() {
  if [ "$(id -u)" -ne 0 ]; then (cd / && "$@"); else (cd / && setpriv --reuid "$(server_user)" --regid "$(id -g "$(server_user)")" --clear-groups "$@"); fi
}

# server_folder DIR: makes DIR for that user and sets FOLDER to where it is.
# Where that user cannot reach DIR (a checkout in root's home), DIR becomes a
# link to a folder under /var/tmp.
server_folder() {
  local dir=$1 real
  [ -L "$dir" ] || mkdir -p "$dir"
  if [ "$(id -u)" -eq 0 ] && [ ! -L "$dir" ]; then
    chown "$(server_user)" "$dir"
    if ! as_server test -w "$dir/." 2>/dev/null; then
      rmdir "$dir"
      real=/var/tmp/smilefactory-$(printf '%s' "$dir" | cksum | cut -d' ' -f1)
      mkdir -p "$real"
      chown "$(server_user)" "$real"
      ln -s "$real" "$dir"
    fi
  fi
  FOLDER=$(readlink -f "$dir")
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: the first port from FIRST on that nobody listens on.
free_port() {
  local port=$1
  until port_is_free "$port"; do port=$((port + 1)); done
  echo "$port"
}

random_word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# start_postgres NAME DIR [postgres options]: sets POSTGRES_URL and stops it at the end.
start_postgres() {
  local name=$1 dir=$2 port password
  shift 2
  install_postgres
  server_folder "$dir"
  dir=$FOLDER
  if [ ! -s "$dir/password" ]; then
    (umask 077 && random_word >"$dir/password")
    [ "$(id -u)" -ne 0 ] || chown "$(server_user)" "$dir/password"
  fi
  password=$(cat "$dir/password")
  if [ ! -f "$dir/data/PG_VERSION" ]; then
    as_server rm -rf "$dir/data"
    step "making a private PostgreSQL cluster ($name)" as_server "$PG_BIN/initdb" -D "$dir/data" -U postgres \
      --encoding UTF8 --locale C.UTF-8 --auth scram-sha-256 --pwfile "$dir/password" --data-checksums
  fi
  if as_server "$PG_BIN/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    fail "PostgreSQL ($name) is running already: another ./dev works in this checkout (./dev stop ends what a killed run left)"
  fi
  port=$(free_port 54320)
  as_server "$PG_BIN/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' $*" >/dev/null ||
    { tail -n 20 "$dir/log" >&2; fail "PostgreSQL ($name) did not start"; }
  on_exit "as_server '$PG_BIN/pg_ctl' -D '$dir/data' -m fast -w stop >/dev/null"
  POSTGRES_URL=postgres://postgres:$password@127.0.0.1:$port/postgres
}

# start_redis NAME DIR [redis options]: sets REDIS_STARTED_URL and stops it at the end.
start_redis() {
  local name=$1 dir=$2 port password
  shift 2
  install_redis
  server_folder "$dir"
  dir=$FOLDER
  if [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
    fail "Redis ($name) is running already: another ./dev works in this checkout (./dev stop ends what a killed run left)"
  fi
  port=$(free_port 56370)
  password=$(random_word)
  as_server "$REDIS_SERVER" --port "$port" --bind 127.0.0.1 --dir "$dir" --daemonize yes --pidfile "$dir/pid" \
    --logfile "$dir/log" --requirepass "$password" "$@" >/dev/null
  local tries=0
  until ! port_is_free "$port"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { tail -n 20 "$dir/log" >&2; fail "Redis ($name) did not start"; }
    sleep 0.1
  done
  on_exit "stop_redis '$dir'"
  REDIS_STARTED_URL=redis://:$password@127.0.0.1:$port
}

# stop_redis DIR: by the pid it wrote, so that only ours is stopped.
stop_redis() {
  local pid
  [ -s "$1/pid" ] || return 0
  pid=$(cat "$1/pid")
  kill -TERM "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  as_server rm -f "$1/pid"
}

# What a run that was killed outright left behind.
stop_leftovers() {
  local dir
  find_postgres || true
  for dir in "$DEV/postgres" "$DEV/test-postgres"; do
    dir=$(readlink -f "$dir")
    [ -f "$dir/data/postmaster.pid" ] || continue
    say "stopping PostgreSQL in $dir"
    as_server "$PG_BIN/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null || true
  done
  for dir in "$DEV/redis" "$DEV/test-redis"; do
    dir=$(readlink -f "$dir")
    [ -s "$dir/pid" ] || continue
    say "stopping Redis in $dir"
    stop_redis "$dir"
  done
}

# A shell on the database of a running ./dev up.
psql_shell() {
  local dir port
  dir=$(readlink -f "$DEV/postgres")
  find_postgres || fail "PostgreSQL is not installed"
  [ -f "$dir/data/postmaster.pid" ] || fail "./dev up is not running"
  port=$(sed -n 4p "$dir/data/postmaster.pid")
  PGPASSWORD=$(cat "$dir/password") "$PG_BIN/psql" -h 127.0.0.1 -p "$port" -U postgres "$@"
}
