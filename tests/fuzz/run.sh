#!/usr/bin/env bash
# Runs every fuzz target for a while, from its committed corpus; new inputs go to build/fuzz/corpus,
# an input that breaks one to build/fuzz/broken, and then the run fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzzers
mkdir -p build/fuzz/broken
for target in build/fuzz/fuzz/fuzz_*; do
	name=${target##*/fuzz_}
	found=build/fuzz/corpus/$name
	options=(-max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1
		-artifact_prefix="build/fuzz/broken/$name-")
	mkdir -p "$found"
	if [ -f "tests/fuzz/$name.dict" ]; then
		options+=(-dict="tests/fuzz/$name.dict")
	fi
	echo "== $name, $seconds s"
	"$target" "${options[@]}" "$found" "tests/fuzz/corpus/$name" 2>&1 |
		grep -E "^stat::number_of_executed|ERROR|SUMMARY|Test unit written"
done
