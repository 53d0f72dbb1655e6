#!/bin/sh
# Runs every fuzz target for a while, from its committed corpus; new inputs go to build/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzzers
for target in build/fuzz/fuzz/fuzz_*; do
	name=${target##*/fuzz_}
	found=build/fuzz/corpus/$name
	mkdir -p "$found"
	dictionary=""
	if [ -f "tests/fuzz/$name.dict" ]; then
		dictionary="-dict=tests/fuzz/$name.dict"
	fi
	echo "== $name, $seconds s"
	# shellcheck disable=SC2086 # one option or none
	"$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
		$dictionary "$found" "tests/fuzz/corpus/$name" 2>&1 |
		grep -E "^stat::number_of_executed|ERROR|SUMMARY|^==" || exit 1
done
