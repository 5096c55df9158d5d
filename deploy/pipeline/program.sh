#!/usr/bin/env bash
# Takes the program out of NAMEPLATE_IMAGE, an image in ECR for this machine's architecture, and puts it where
# NAMEPLATE_BIN says: what checks the mapping is then what serves it.
set -euo pipefail

image=${NAMEPLATE_IMAGE:-}
if [ -z "$image" ]; then
    echo "error: NAMEPLATE_IMAGE is not set" >&2
    echo "  help: the image, for example 123456789012.dkr.ecr.eu-west-1.amazonaws.com/reverse-proxy-dev:0.1.0" >&2
    exit 2
fi
program=${NAMEPLATE_BIN:-.pipeline/nameplate}
case $image in
    *.dkr.ecr.*) aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}" ;;
esac
mkdir -p "$(dirname "$program")"
container=$(docker create "$image")
docker cp "$container:/nameplate" "$program"
docker rm "$container" >/dev/null
"$program" --version
