#!/usr/bin/env bash
# Runs docker/compose.yaml as a reader would, but for the ports of this machine, which are free ones:
# `docker/tests/compose.sh IMAGE REACHABLE` takes an image that is built, and stands in for Prometheus's unless a
# registry can be reached.
set -euo pipefail
cd "$(dirname "$0")/../.."

export NAMEPLATE_IMAGE=$1
reachable=$2
folder=$(mktemp -d)
project="nameplate-check-$$"
file="$folder/docker/compose.yaml"
compose() { podman-compose --project-name "$project" -f "$file" "$@" >>"$folder/compose.log" 2>&1; }
end() {
    code=$?
    trap - EXIT
    if [ "$code" != 0 ]; then compose logs || true; cat "$folder/compose.log" >&2; fi
    # Those without a name stay behind otherwise.
    volumes=$(podman ps -aq --filter "label=io.podman.compose.project=$project" | xargs -r podman inspect \
        --format '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}' || true)
    compose down --volumes || true
    for volume in $volumes; do podman volume rm -f "$volume" >/dev/null 2>&1 || true; done
    rm -rf "$folder"
    exit "$code"
}
trap end EXIT

fail() { echo "image: NOT SO: compose: $*" >&2; exit 1; }

# until SECONDS WHAT COMMAND...: what it waits for comes from processes that tell nobody.
until_so() {
    local left=$(($1 * 10)) what=$2
    shift 2
    while ! "$@" >/dev/null 2>&1; do
        [ $((left -= 1)) -gt 0 ] || fail "$what"
        sleep 0.1
    done
}

if [ -z "$reachable" ]; then
    command -v prometheus >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
    mkdir -p "$folder/prometheus/bin" "$folder/prometheus/prometheus" "$folder/prometheus/tmp"
    cp "$(command -v prometheus)" "$folder/prometheus/bin/prometheus"
    ldd "$(command -v prometheus)" | grep -o '/[^ ]*' | while read -r library; do
        install -D "$library" "$folder/prometheus$library"
    done
    printf '%s\n' 'FROM scratch' 'COPY --chown=65534:65534 . /' 'USER 65534' 'VOLUME /prometheus' \
        'ENTRYPOINT ["/bin/prometheus"]' >"$folder/Prometheusfile"
    export PROMETHEUS_IMAGE=localhost/nameplate-stand-in/prometheus:debian
    buildah bud --quiet -f "$folder/Prometheusfile" -t "$PROMETHEUS_IMAGE" "$folder/prometheus" >/dev/null
    printf '\n!! image: STAND-IN: compose runs Debian'\''s %s, not the pinned image.\n\n' \
        "$(prometheus --version 2>&1 | head -1 | cut -d' ' -f1-3)" >&2
fi

# Copies, because a mapping is changed, and because another user reads it in there.
cp -r docker "$folder/docker"
mkdir -p "$folder/deploy"
cp -r deploy/observability "$folder/deploy/observability"
chmod -R a+rX "$folder"
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
http=$(port) tls=$(port) admin=$(port) prometheus=$(port)
sed -i -e "s/127.0.0.1:8080:/127.0.0.1:$http:/" -e "s/127.0.0.1:8443:/127.0.0.1:$tls:/" \
    -e "s/127.0.0.1:9901:/127.0.0.1:$admin:/" -e "s/127.0.0.1:9090:/127.0.0.1:$prometheus:/" "$file"

began=$(date +%s%N)
compose up --detach --no-build
answers() { [ "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' "$@")" = 200 ]; }
at() { answers -H "Host: $1" "http://127.0.0.1:$http/hello"; }
until_so 30 "the first domain is served" at orders.internal.example.com
ready=$((($(date +%s%N) - began) / 1000000))
until_so 5 "it is served over TLS, with HTTP/2" \
    answers --http2 --resolve "pay.internal.example.com:$tls:127.0.0.1" "https://pay.internal.example.com:$tls/hello"
compose exec -T proxy /nameplate healthcheck || fail "the health check"

sed -i s/orders.internal/parcels.internal/ "$folder/docker/compose/mapping.yaml"
until_so 10 "a changed mapping is in force" at parcels.internal.example.com
echo APIS: no >"$folder/docker/compose/mapping.yaml"
! compose exec -T proxy /nameplate reload || fail "a reload of a mapping with a fault exits with 1"
until_so 10 "a mapping with a fault is reported" \
    bash -c "curl -s http://127.0.0.1:$admin/mapping | jq -e '.trouble.reason == \"rejected\"'"
at parcels.internal.example.com || fail "a mapping with a fault changes nothing"

query() {
    curl -s "http://127.0.0.1:$prometheus/api/v1/query" --data-urlencode "query=$1" |
        jq -e '.data.result[0].value[1] | tonumber >= 1'
}
until_so 40 "Prometheus scrapes the proxy" query 'up{job="nameplate"}'
until_so 40 "Prometheus has its requests" query 'sum(nameplate_requests_total{job="nameplate"})'
rules=$(curl -s "http://127.0.0.1:$prometheus/api/v1/rules" | jq '[.data.groups[].rules[]] | length')
[ "$rules" -gt 0 ] || fail "Prometheus has no rules"
echo "image: compose: answering after $ready ms, TLS, a mapping changed, one with a fault refused, $rules rules fed"
