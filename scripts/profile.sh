#!/usr/bin/env bash
# Makes docker/profile/ARCH.profdata.gz anew: what the image is optimised by. docker/README.md tells when and why.
# Builds docker/Dockerfile with PGO=make, puts load on what comes of it, and merges what was counted. As root, on
# Debian or Ubuntu with Rust; RUST_IMAGE names another base than the Dockerfile's.
set -euo pipefail
cd "$(dirname "$0")/.."

arch=$(uname -m)
folder=${CARGO_TARGET_DIR:-target}/profile
image=localhost/nameplate:profile
seconds=${PROFILE_SECONDS:-10}
for command in buildah runc h2load openssl; do
    command -v "$command" >/dev/null || { echo "profile: needs $command: apt-get install buildah runc nghttp2-client openssl" >&2; exit 2; }
done
# As scripts/image-check.sh: not every machine's cgroups suit crun.
export BUILDAH_RUNTIME=${BUILDAH_RUNTIME:-runc}
rustup component add llvm-tools >/dev/null 2>&1
profdata=$(rustc --print sysroot)/lib/rustlib/$arch-unknown-linux-gnu/bin/llvm-profdata

rm -rf "$folder"
mkdir -p "$folder"
if [ -z "${PROFILE_BIN:-}" ]; then
    buildah bud --layers --format docker --isolation oci --network host --target build --build-arg PGO=make \
        ${RUST_IMAGE:+--pull-never --build-arg "RUST_IMAGE=$RUST_IMAGE"} -f docker/Dockerfile -t "$image" .
    container=$(buildah from --pull-never "$image")
    cp "$(buildah mount "$container")/image/nameplate" "$folder/nameplate"
    buildah rm "$container" >/dev/null
    PROFILE_BIN=$folder/nameplate
fi

# The load: it must not be what limits.
cargo build --release --bin compare --quiet
generator=${CARGO_TARGET_DIR:-target}/release/compare

started=()
end() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap end EXIT

cat >"$folder/mapping.yaml" <<'YAML'
APIS:
  - CUSTOM_DOMAIN_URL: orders.internal.example.com
    PRIVATE_API_URL: https://abc0000001.execute-api.eu-west-1.amazonaws.com/prod
  - CUSTOM_DOMAIN_URL: pay.internal.example.com/v1
    PRIVATE_API_URL: https://abc0000002.execute-api.eu-west-1.amazonaws.com/live
YAML
LLVM_PROFILE_FILE=/dev/null "${PROFILE_GATEWAY:-$PROFILE_BIN}" demo --gateway 127.84.0.1:18443 --authority "$folder/ca.pem" \
    --mapping "$folder/mapping.yaml" >"$folder/gateway.log" 2>&1 &
started+=($!)
for _ in $(seq 100); do [ -s "$folder/ca.pem" ] && break; sleep 0.1; done

# The certificate of the TLS listener, which is all that the load trusts.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=orders.internal.example.com \
    -addext subjectAltName=DNS:orders.internal.example.com -addext basicConstraints=critical,CA:FALSE \
    -keyout "$folder/server.key" -out "$folder/server.pem" 2>"$folder/openssl.log"

# send SECONDS CONNECTIONS HOST OPTIONS...: as many requests as there can be; what became of them, as a line of JSON.
send() {
    "$generator" load --seconds "$1" --connections "$2" --host "$3" "${@:4}"
}

# load NAME SETTINGS: one process, with SETTINGS besides the common ones.
load() {
    cat >"$folder/nameplate.yaml" <<YAML
mapping: mapping.yaml
threads: 1
listeners:
  - address: 127.84.0.10:18080
  - address: 127.84.0.10:18444
    tls: { certificate: server.pem, key: server.key }
admin: 127.84.0.10:19901
endpoint: { fixed: ['127.84.0.1:18443'], ca_file: ca.pem }
shutdown: { delay: 0s }
$2
YAML
    LLVM_PROFILE_FILE="$folder/$1.profraw" "$PROFILE_BIN" serve --config "$folder/nameplate.yaml" >/dev/null 2>"$folder/$1.log" &
    local proxy=$!
    started+=("$proxy")
    for _ in $(seq 100); do
        curl -fsS -o /dev/null http://127.84.0.10:19901/readyz 2>/dev/null && break
        sleep 0.1
    done
    local orders=orders.internal.example.com pay=pay.internal.example.com
    # Most requests are GETs; a body has 1 KiB, and now and then 100 KiB.
    {
        send "$seconds" 32 "$orders" --to 127.84.0.10:18080 --path "/orders/17?page=2"
        send "$((seconds / 2))" 16 "$pay" --to 127.84.0.10:18080 --path /v1/charges --body 1024 --large-body 102400
        send "$((seconds / 2))" 32 "$orders" --to 127.84.0.10:18444 --ca "$folder/server.pem" --path "/orders/17?page=2"
    } >"$folder/$1.load"
    h2load -t1 -c8 -m8 -D "$((seconds / 2))" -H ":authority: $orders" "https://127.84.0.10:18444/orders/17?page=2" \
        >"$folder/$1.h2load"
    if [ "$(grep -c '"failed":0,' "$folder/$1.load")" != 3 ] || grep -q '"ok":0,' "$folder/$1.load" ||
        ! grep -q " 0 errored" "$folder/$1.h2load"; then
        echo "profile: requests failed under load: $folder/$1.load, $folder/$1.h2load, $folder/$1.log" >&2
        exit 1
    fi
    kill -TERM "$proxy"
    wait "$proxy"
}
load quiet ""
load logged "access_log: { to: stdout }"

mkdir -p docker/profile
"$profdata" merge --sparse -o "$folder/$arch.profdata" "$folder/quiet.profraw" "$folder/logged.profraw"
gzip -9nc "$folder/$arch.profdata" >"docker/profile/$arch.profdata.gz"
# What it belongs to: with another compiler or other crates, functions have other names, and it fits none of them.
{
    rustc --version
    sha256sum Cargo.lock
} >"docker/profile/$arch.made-with"
echo "profile: docker/profile/$arch.profdata.gz, $(stat -c %s "docker/profile/$arch.profdata.gz") bytes; commit it"
