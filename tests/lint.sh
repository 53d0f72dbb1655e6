#!/bin/sh
# Format and static analysis over the project's own sources.
set -eu
cd "$(dirname "$0")/.."

echo "format"
git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror

echo "static analysis"
cmake --preset clang >/dev/null
# Generated sources and the test plugins' manifests have to exist before they are read.
cmake --build --preset clang >build/clang.log || { cat build/clang.log; exit 1; }
git ls-files 'core/*.c' 'plugins/*.c' 'storage-backends/*.c' 'kms-providers/*.c' 'tools/*.c' |
	xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/clang
echo "clean"
