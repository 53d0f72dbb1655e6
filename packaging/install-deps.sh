#!/bin/sh
# Installs what building, running and testing need, by Debian package name. Does nothing when all is there.
set -eu

packages="build-essential cmake ninja-build pkg-config python3 python3-yaml curl openssl zstd
libevent-dev libwiredtiger-dev libjansson-dev libsodium-dev libyaml-dev libssl-dev
libcurl4-openssl-dev libzstd-dev libjemalloc-dev libcriterion-dev"

# --all adds what the checks use: a second compiler, linters, sanitizer run-times, a browser.
if [ "${1:-}" = "--all" ]; then
	packages="$packages clang clang-tidy clang-format libclang-rt-14-dev universal-ctags"
	packages="$packages python3-jsonschema prometheus python3-prometheus-client chromium"
	packages="$packages rpm cpio logrotate systemd"
fi

missing=""
for package in $packages; do
	if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed"; then
		missing="$missing $package"
	fi
done
if [ -z "$missing" ]; then
	exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
	echo "Please install the equivalents of:$missing" >&2
	exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
	as_root="sudo"
fi
echo "Installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the list is meant to be split
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
