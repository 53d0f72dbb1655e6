#!/bin/sh
# build.sh BUILD OUTPUT - makes OUTPUT/progressdb-<version>-1.<arch>.rpm of a build directory.
set -eu

build=$(cd "$1" && pwd)
mkdir -p "$2"
output=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/../stage.sh" "$build" "$work/stage"
# Only files and the directories of its own: those of the system belong to others.
(cd "$work/stage" && find usr \( -type f -o -type l \) -printf '/%p\n') >"$work/files"
(cd "$work/stage" && find usr/lib/progressdb usr/share/progressdb usr/share/doc/progressdb etc/progressdb -type d -printf '%%dir /%p\n') >>"$work/files"
rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $output" \
	--define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
	--define "pdb_version $version" --define "pdb_stage $work/stage" --define "pdb_files $work/files" "$here/progressdb.spec" >&2
ls "$output/progressdb-$version-1."*.rpm
