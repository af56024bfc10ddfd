# Saying what happens, and stopping what was started. Sourced by ./dev.

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; exit 1; }

# step NAME COMMAND...: runs a long step; shows that it lives, and its output only when it fails.
step() {
  local name=$1 log started=$SECONDS
  shift
  log=$(printf '%s' "$name" | tr -cs 'A-Za-z0-9' '-')
  log=$LOGS/${log%-}.log
  say "$name"
  "$@" >"$log" 2>&1 &
  local pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ -t 1 ]; then
      printf '\r    %ss  %.100s\033[K' $((SECONDS - started)) "$(tail -n 1 "$log" | tr -d '\r')"
    elif [ $(((SECONDS - started) % 30)) -eq 29 ]; then
      printf '    %ss\n' $((SECONDS - started))
      sleep 1
    fi
  done
  [ -t 1 ] && printf '\r\033[K'
  if ! wait "$pid"; then
    cat "$log" >&2
    fail "$name failed (log: $log)"
  fi
}

# wait_for_child PID: waits for a child that handles Ctrl-C itself.
wait_for_child() {
  CHILD=$1
  trap 'kill -TERM "$CHILD" 2>/dev/null || true' INT TERM
  local status=0
  wait "$CHILD" || status=$?
  # A signal ends `wait` early; the child still has its shutdown to finish.
  while kill -0 "$CHILD" 2>/dev/null; do wait "$CHILD" || status=$?; done
  trap - INT TERM
  case $status in 0 | 130 | 143) return 0 ;; *) return "$status" ;; esac
}

# on_exit COMMAND...: commands run in reverse order when ./dev ends, however it ends.
EXIT_COMMANDS=()
on_exit() { EXIT_COMMANDS=("$*" "${EXIT_COMMANDS[@]}"); }
run_exit_commands() {
  local command
  for command in "${EXIT_COMMANDS[@]}"; do eval "$command" || true; done
}
trap run_exit_commands EXIT

target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$ROOT/target}"; }
