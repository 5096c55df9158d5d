#!/bin/bash
# Runs `make demo` as a reader would, then every curl line it prints, as printed, and holds each
# answer against what the line's comment promises. Ends the demo with SIGINT, as Ctrl-C does.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
make demo >"$log" 2>&1 &
make_pid=$!
demo_pid=""
end() {
    [ -n "$demo_pid" ] && kill -INT "$demo_pid" 2>/dev/null || true
    wait "$make_pid" 2>/dev/null || true
    rm -f "$log"
}
trap end EXIT

# The first build takes minutes; what ends the wait is the demo's last line, or its death.
for _ in $(seq 1800); do
    grep -q '/metrics$' "$log" && break
    kill -0 "$make_pid" 2>/dev/null || { echo "make demo ended early:"; cat "$log"; exit 1; }
    sleep 1
done
demo_pid=$(pgrep -P "$make_pid" -x nameplate || pgrep -P "$make_pid" | head -1)

passed=0
comment=""
while IFS= read -r line; do
    case $line in
        '# '*) comment=$line ;;
        'curl '*)
            # -i shows the status, whatever the printed line asks for.
            answer=$(bash -c "${line/curl /curl -i --max-time 10 }")
            status=$(sed -n '1s/^HTTP\/[0-9.]* \([0-9]*\).*/\1/p' <<<"$answer")
            want=$(grep -o ': [2-5][0-9][0-9]\b' <<<"$comment" | grep -o '[0-9]*' | head -1 || true)
            if [ "$status" != "${want:-200}" ]; then
                printf 'demo: %s\n  %s\n  answered %s, the comment promises %s\n%s\n' "$comment" "$line" "$status" "${want:-200}" "$answer"
                exit 1
            fi
            passed=$((passed + 1))
            ;;
    esac
done <"$log"

kill -INT "$demo_pid"
for _ in $(seq 100); do
    kill -0 "$demo_pid" 2>/dev/null || break
    sleep 0.1
done
if kill -0 "$demo_pid" 2>/dev/null || ! wait "$make_pid"; then
    echo "demo: did not end cleanly on SIGINT"; cat "$log"; exit 1
fi
demo_pid=""
[ "$passed" -ge 5 ] || { echo "demo: only $passed curl lines were printed"; cat "$log"; exit 1; }
echo "demo: $passed printed curl lines answered as promised, and it stopped cleanly"
