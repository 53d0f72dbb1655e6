#!/bin/sh
# stage.sh BUILD DIRECTORY - lays out in DIRECTORY what the package progressdb installs, as below /.
set -eu

build=$(cd "$1" && pwd)
stage=$2
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$stage"
DESTDIR="$stage" cmake --install "$build" --prefix /usr --component Unspecified >/dev/null
find "$stage/usr/bin" "$stage/usr/lib" -type f \( -perm -100 -o -name '*.so' \) \
	-exec strip --strip-unneeded {} +
gzip -9nf "$stage"/usr/share/man/man*/*

place() # MODE FILE TARGET
{
	install -D -m "$1" "$2" "$stage/$3"
}
place 0644 "$here/systemd/progressdb.service" usr/lib/systemd/system/progressdb.service
place 0644 "$here/systemd/progressdb-kms.service" usr/lib/systemd/system/progressdb-kms.service
place 0644 "$here/systemd/progressdb.sysusers" usr/lib/sysusers.d/progressdb.conf
place 0644 "$here/systemd/progressdb.tmpfiles" usr/lib/tmpfiles.d/progressdb.conf
place 0644 "$here/systemd/progressdb.logrotate" etc/logrotate.d/progressdb
# Keys are kept in it: only its group reads it.
place 0640 "$here/../etc/progressdb.yaml" etc/progressdb/progressdb.yaml
place 0640 "$here/../etc/progressdb-kms.yaml" etc/progressdb/progressdb-kms.yaml
place 0644 "$here/completions/progressdb.bash" usr/share/bash-completion/completions/progressdb
place 0644 "$here/../etc/prometheus/progressdb.rules.yaml" usr/share/progressdb/prometheus/progressdb.rules.yaml
place 0644 "$here/../etc/grafana/progressdb.json" usr/share/progressdb/grafana/progressdb.json
place 0644 "$here/../LICENSE" usr/share/doc/progressdb/copyright
