# The system as it is deployed: two edges and two replicas of every service, each a process. Sourced by ./dev.

CLUSTER_PIDS=()

# start_process NAME COMMAND...: starts the binary and shows where it is; its log goes to a file.
start_process() {
  local name=$1
  shift
  "$BINARY" "$@" >"$LOGS/cluster-$name.log" 2>&1 &
  CLUSTER_PIDS+=($!)
  printf '    %-12s pid %-8s log %s\n' "$name" $! ".dev/logs/cluster-$name.log"
}

stop_cluster() {
  local pid
  for pid in "${CLUSTER_PIDS[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${CLUSTER_PIDS[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do wait "$pid" 2>/dev/null || true; done
  done
}

# take_port FIRST: sets PORT to the next free port and remembers it, since nobody listens on it yet.
take_port() {
  PORT=$1
  while [[ " ${TAKEN_PORTS:-} " == *" $PORT "* ]] || ! port_is_free "$PORT"; do PORT=$((PORT + 1)); done
  TAKEN_PORTS="${TAKEN_PORTS:-} $PORT"
}

cluster() {
  prepare_stack
  export SF__DEVELOPMENT__DATA_DIR=${SF__DEVELOPMENT__DATA_DIR:-$DEV}
  # Migrates, makes what all processes share, and the demo community; `serve` does none of it.
  step "migrating, making secrets and a demo community" "$BINARY" seed
  if [ -z "${SF__SECRET:-}" ]; then SF__SECRET=$(cat "$SF__DEVELOPMENT__DATA_DIR/secret"); fi
  if [ -z "${SF__AUTH__SIGNING__ACTIVE:-}" ]; then
    SF__AUTH__SIGNING__ACTIVE=$(cat "$SF__DEVELOPMENT__DATA_DIR/signing-key.pem")
  fi
  export SF__SECRET SF__AUTH__SIGNING__ACTIVE

  local replica service upper inbox smtp edge edges=()
  declare -A mesh
  for replica in 1 2; do
    for service in auth profile feed; do
      take_port 4100
      mesh[$service$replica]=127.0.0.1:$PORT
    done
  done
  for service in auth profile feed; do
    upper=${service^^}
    export "SF__MESH__PEERS__$upper=${mesh[${service}1]},${mesh[${service}2]}"
  done
  take_port 8025; inbox=127.0.0.1:$PORT
  take_port 1025; smtp=127.0.0.1:$PORT
  # Every replica of auth hands its mail to the one process that captures it.
  export SF__AUTH__SMTP__HOST=127.0.0.1 SF__AUTH__SMTP__PORT=${smtp##*:} SF__AUTH__SMTP__TLS=none
  export SF__EDGE__HOST=127.0.0.1 SF__EDGE__REFLECTION=true

  say "starting nine processes"
  on_exit stop_cluster
  SF__DEVELOPMENT__SMTP_ADDRESS=$smtp SF__DEVELOPMENT__INBOX_ADDRESS=$inbox start_process inbox inbox
  for replica in 1 2; do
    for service in auth profile feed; do
      take_port 9000
      SF__ADMIN__ADDRESS=127.0.0.1:$PORT SF__LISTEN__ADDRESS=${mesh[$service$replica]} \
        start_process "$service-$replica" serve "$service"
    done
    take_port 3000; edge=$PORT
    take_port 9000
    edges+=("$edge")
    SF__ADMIN__ADDRESS=127.0.0.1:$PORT SF__EDGE__PORT=$edge start_process "edge-$replica" serve edge
  done
  wait_for_edges "${edges[@]}"
  say "the cluster is up: two edges, choose either
    API        http://localhost:${edges[0]}/api/v1   http://localhost:${edges[1]}/api/v1
    inbox      http://$inbox/        as JSON at /mails
    metrics    at each admin port, see docs/operations.md

    Try        kill -9 or kill -TERM any pid above; the others go on. What was killed stays dead.
    Ctrl-C stops everything."
  trap 'exit 0' INT TERM
  wait
}

# wait_for_edges PORT...: until each says that it is ready; shows what the processes said when that takes too long.
wait_for_edges() {
  local port tries=0
  for port in "$@"; do
    until curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$port/readyz"; do
      tries=$((tries + 1))
      [ $tries -lt 240 ] || { tail -n 5 "$LOGS"/cluster-*.log >&2; fail "the cluster is not ready after two minutes"; }
      sleep 0.5
    done
  done
}
