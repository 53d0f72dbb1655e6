#!/bin/sh
# machine.sh LOWER WORK CGROUP - becomes systemd in namespaces of its own, whose root is LOWER with a layer above it that takes what is
# written and is gone with the namespaces. See install_test.py.
set -eu

if [ "${PDB_MACHINE:-}" != inside ]; then
	echo $$ >"$3/cgroup.procs"
	PDB_MACHINE=inside exec unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child=KILL "$0" "$@"
fi

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$2"
cd "$2"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$1,upperdir=upper,workdir=work" root
cd root
mkdir -p proc sys run dev tmp
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for place in run dev tmp; do
	mount -t tmpfs -o mode=755 tmpfs "$place"
done
chmod 1777 tmp
for node in null zero full random urandom tty; do
	: >"dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/shm dev/pts dev/mqueue
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
# Not only chroot: systemd makes roots for services out of this one.
pivot_root . mnt
umount -l mnt
# A mount that a helper of systemd makes, as of credentials, must be seen by the rest.
mount --make-rshared /
exec /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=basic.target --show-status=no
