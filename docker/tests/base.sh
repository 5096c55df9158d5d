#!/usr/bin/env bash
# A stand-in for the image that docker/Dockerfile builds in, for machines that reach no registry: Debian 12 from its
# package mirrors, with what rust:slim has in it, and this machine's own Rust. `docker/tests/base.sh TAG` makes and tags it.
set -euo pipefail

tag=$1
# What the Docker Official Image rust:1.95-slim-bookworm installs; the rest the Dockerfile brings itself.
packages=ca-certificates,gcc,libc6-dev,wget
target=$(uname -m)-unknown-linux-musl
toolchain=$(rustc --print sysroot)
rustup target add "$target" >/dev/null 2>&1 || true
[ -d "$toolchain/lib/rustlib/$target" ] || {
    echo "base: this machine's Rust has no $target: run rustup target add $target" >&2
    exit 2
}

container=$(buildah from scratch)
end() { buildah rm "$container" >/dev/null; }
trap end EXIT
root=$(buildah mount "$container")

# Documentation and translations are most of the files, and syncing each is most of the time.
mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt='Acquire::Languages "none"' \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' bookworm "$root"
# Where this machine's way out has an authority of its own, the build needs it, too.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

rustup="$root/usr/local/rustup"
name="$(rustc --version | cut -d' ' -f2)-$(uname -m)-unknown-linux-gnu"
mkdir -p "$rustup/toolchains/$name" "$root/usr/local/cargo/bin"
tar -C "$toolchain" -c --exclude=./share --exclude='./lib/rustlib/*/bin/llvm-*' \
    ./bin ./lib | tar -C "$rustup/toolchains/$name" -x
for other in "$rustup/toolchains/$name"/lib/rustlib/*-unknown-*; do
    case ${other##*/} in "$target" | "$(uname -m)-unknown-linux-gnu") ;; *) rm -rf "$other" ;; esac
done
printf 'version = "12"\nprofile = "minimal"\ndefault_toolchain = "%s"\n\n[overrides]\n' "$name" >"$rustup/settings.toml"
cp "$(command -v rustup)" "$root/usr/local/cargo/bin/rustup"
for proxy in cargo rustc; do ln -s rustup "$root/usr/local/cargo/bin/$proxy"; done

buildah config --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo \
    --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah unmount "$container" >/dev/null
buildah commit --quiet --disable-compression "$container" "$tag" >/dev/null
