#!/usr/bin/env bash
# Makes the golden image holdfast/host:<hash of all that goes into it> on the Docker engine of DOCKER_HOST, and prints its tag.
# There already: nothing to do. Built before on this machine: loaded from the cache. Else built, then cached.
#
# HOLDFAST_APT_DIR  folder of the *.sources and *.pref files that say where packages come from (default: apt/debian, which
#                   needs nothing but Debian's own mirrors). To take PostgreSQL from its own repository (PGDG), make a
#                   folder with: debian's holdfast.sources, without the suites that are not wanted any more; a second
#                   .sources file with the repository's URI, the suite trixie-pgdg and, as Signed-By, its key in full
#                   (lines indented by one blank, an empty line as " ."); and a .pref file that pins its origin at 900.
#                   install.sh refuses versions that are too old, wherever they come from.
#
# Exit code 3: this machine lacks something only its owner can provide; one sentence on stderr says what.
set -euo pipefail
apt_dir=$(cd "${HOLDFAST_APT_DIR:-$(dirname "${BASH_SOURCE[0]}")/apt/debian}" && pwd) || {
  echo "image: HOLDFAST_APT_DIR names no folder: $HOLDFAST_APT_DIR" >&2
  exit 3
}
cd "$(dirname "${BASH_SOURCE[0]}")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast
sha256() { if type sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
# What Docker gets to see: a folder of its own, so that the APT sources may lie anywhere.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp -R Dockerfile install.sh files "$context"
mkdir -p "$context/apt"
cp -R "$apt_dir" "$context/apt/debian"
cd "$context"
hash=$(find Dockerfile install.sh apt files -type f | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat | sha256 | cut -c1-12)
tag=holdfast/host:$hash
archive=$cache/images/$hash.tar.zst
bootstrapped=holdfast/base:trixie

phase_start=$SECONDS
phase() {
  printf 'image: %s (%d s)\n' "$*" $((SECONDS - phase_start)) >&2
  phase_start=$SECONDS
}
give_up() {
  printf 'image: %s\n' "$*" >&2
  exit 3
}
exists() { docker image inspect "$1" >/dev/null 2>&1; }
debian_root() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

# own_mirror SUFFIX: the mirror that this machine's own APT uses, so that the build asks where the machine may ask.
own_mirror() {
  apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | sed 's|/*$||' | grep -m1 -E -- "$1\$" || true
}

# A machine that reaches no registry can still make the base itself, from the mirror that its APT uses.
bootstrap_base() {
  local rootfs=$cache/base-trixie.tar.zst folder
  if [ ! -e "$rootfs" ]; then
    command -v debootstrap >/dev/null || apt-get install -qqy --no-install-recommends debootstrap zstd >&2
    folder=$cache/base-trixie
    rm -rf "$folder"
    debootstrap --variant=minbase --include=ca-certificates trixie "$folder" "$(own_mirror /debian)" >&2
    rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
    tar -C "$folder" -c . | zstd -q -T0 -3 >"$rootfs.new"
    mv "$rootfs.new" "$rootfs"
    rm -rf "$folder"
  fi
  zstd -dcq "$rootfs" | docker import - "$bootstrapped" >&2
}

choose_base() {
  base=debian:trixie-slim
  if exists "$base"; then return; fi
  if exists "$bootstrapped"; then base=$bootstrapped && return; fi
  if docker pull -q "$base" >&2; then phase "pulled $base" && return; fi
  debian_root || give_up "could not pull $base: let Docker reach its registry (network, proxy, login) and try again."
  bootstrap_base
  base=$bootstrapped
  phase 'made the base with debootstrap'
}

build() {
  local mirror=${MIRROR:-} security=${SECURITY:-}
  if debian_root; then
    mirror=${mirror:-$(own_mirror /debian)}
    security=${security:-$(own_mirror -security)}
  fi
  docker build --force-rm --tag "$tag" --build-arg "BASE=$base" --build-arg "MIRROR=$mirror" --build-arg "SECURITY=$security" . >&2
  phase 'built'
}

# The newest two archives stay: the one in use, and the one to go back to.
save() {
  type zstd >/dev/null 2>&1 || return 0
  docker save "$tag" | zstd -q -T0 -1 >"$archive.new"
  mv "$archive.new" "$archive"
  ls -t "$cache"/images/*.tar.zst | tail -n +3 | xargs rm -f
  phase "cached ($(du -h "$archive" | cut -f1))"
}

command -v docker >/dev/null ||
  give_up 'the command docker is not on the PATH: install the client of Docker (docker-cli, or Docker itself) and try again.'
docker version >/dev/null 2>&1 || give_up 'no Docker engine answers: start Docker, or set DOCKER_HOST, and try again.'
mkdir -p "$cache/images"
exec 9>"$cache/images/lock"
if type flock >/dev/null 2>&1; then flock 9; fi
if ! exists "$tag" && [ -e "$archive" ]; then
  zstd -dcq "$archive" | docker load -q >&2
  phase 'loaded from the cache'
fi
if ! exists "$tag"; then
  choose_base
  build
  save
fi
echo "$tag"
