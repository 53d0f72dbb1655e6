#!/bin/sh
# Builds with a sanitizer (asan, tsan) or the second compiler (clang) and runs the tests under it.
set -eu
cd "$(dirname "$0")/.."
preset=$1

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp"
# Failing allocations are not about threads, and a fork for each is slow there.
skip=slow
if [ "$preset" = tsan ]; then
	skip='slow|fault'
fi
# The thread sanitizer wants its addresses where it expects them.
exec setarch -R ctest --preset "$preset" --label-exclude "$skip" -j 2
