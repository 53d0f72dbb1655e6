#!/bin/sh
# build.sh BUILD OUTPUT - makes OUTPUT/progressdb_<version>_<arch>.deb and progressdb-dev_….deb of a build directory.
set -eu

build=$(cd "$1" && pwd)
mkdir -p "$2"
output=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the programs and plugins link against, as dpkg-shlibdeps finds it.
dependencies()
{
	mkdir -p "$work/shlibs/debian"
	printf 'Source: progressdb\n\nPackage: progressdb\nArchitecture: any\n' >"$work/shlibs/debian/control"
	(cd "$work/shlibs" && find "$1/usr/bin" "$1/usr/lib" -type f \( -perm -100 -o -name '*.so' \) -print0 |
		xargs -0 dpkg-shlibdeps -O --ignore-missing-info 2>/dev/null) | sed 's/^shlibs:Depends=//'
}

control() # NAME DEPENDS DESCRIPTION
{
	cat <<-END
		Package: $1
		Version: $version
		Architecture: $architecture
		Maintainer: ProgressDB <packages@progressdb.invalid>
		Section: database
		Priority: optional
		Installed-Size: $(du -sk "$work/$1" | cut -f1)
		Depends: $2
		Description: $3
	END
}

pack() # NAME
{
	dpkg-deb --root-owner-group -Zxz -z1 --build "$work/$1" "$output/$1_${version}_$architecture.deb" >/dev/null
	echo "$output/$1_${version}_$architecture.deb"
}

"$here/../stage.sh" "$build" "$work/progressdb"
mkdir "$work/progressdb/DEBIAN"
control progressdb "$(dependencies "$work/progressdb"), adduser | systemd" \
	"database made for chat: threads and their messages" >"$work/progressdb/DEBIAN/control"
printf '/etc/progressdb/progressdb.yaml\n/etc/progressdb/progressdb-kms.yaml\n/etc/logrotate.d/progressdb\n' >"$work/progressdb/DEBIAN/conffiles"
install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$work/progressdb/DEBIAN/"
pack progressdb

DESTDIR="$work/progressdb-dev" cmake --install "$build" --prefix /usr --component dev >/dev/null
mkdir "$work/progressdb-dev/DEBIAN"
control progressdb-dev "libc6-dev" "headers and template for plugins of ProgressDB" \
	>"$work/progressdb-dev/DEBIAN/control"
pack progressdb-dev
