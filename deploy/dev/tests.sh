# Every test of the workspace, each failure looked at twice. Sourced by ./dev.

# test_workspace: runs all tests; what failed is run once more by itself, and what passes then is named as unsteady.
#
# Some tests hold a whole system to its promises on a machine that may do other work. One that fails twice is broken;
# one that fails once is shown at the end of the run, to be looked into, and fails nobody's unrelated change.
test_workspace() {
  local log=$LOGS/tests.log targets names ends failures
  if cargo test --locked --workspace --no-fail-fast 2>&1 | tee "$log"; then return; fi
  # Cargo ends with a list of the targets that failed, `-p PACKAGE --test NAME`; each of them ended with its failures by
  # name and then their number. Where these do not agree, something else went wrong.
  targets=$(sed -n 's/^    `-p [^ ]* \(.*\)`$/\1/p' "$log")
  names=$(sed -n '/^failures:$/,/^test result:/s/^    \([A-Za-z0-9_:]*\)$/\1/p' "$log")
  ends=$(grep -c '^test result: FAILED' "$log" || true)
  failures=$(sed -n 's/^test result: FAILED\..* \([0-9]*\) failed;.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum }')
  if [ "$(wc -l <<<"$targets")" -ne "$ends" ] || [ "$(wc -w <<<"$names")" -ne "${failures:-0}" ]; then
    fail "the tests did not end as tests do"
  fi
  if [ "$failures" -gt 5 ]; then fail "$failures tests failed"; fi
  say "once more, by themselves:
$names"
  local target
  while read -r target; do
    # Words of cargo's own list and names without spaces. The whole workspace, as before, so that nothing is built anew.
    # shellcheck disable=SC2086
    cargo test --locked --workspace $target -- --exact --test-threads=1 $names </dev/null
  done < <(sort -u <<<"$targets")
  say "passed at the second try, and to be looked into:
$names"
}
