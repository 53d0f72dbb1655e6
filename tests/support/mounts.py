# SPDX-License-Identifier: Apache-2.0
"""File systems of a test's own, in a namespace where one may be mounted."""
import os
import subprocess
import sys
import unittest

INSIDE = "PDB_MOUNTS"


def namespace():
    """The command that runs something where it may mount; None when there is no way."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        script = "mount -t tmpfs -o size=1m none /tmp"
        if subprocess.run([*command, "sh", "-c", script], capture_output=True, check=False).returncode == 0:
            return command
    return None


def mount(path, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path], check=True)


def unmount(path):
    subprocess.run(["umount", "-l", path], check=False)


def main():
    """unittest.main() of the file that is run, inside such a namespace."""
    if os.environ.get(INSIDE):
        unittest.main()
    way = namespace()
    if way is None:
        print("skipped: a file system can be mounted neither as root nor in a user namespace")
        sys.exit(0)
    sys.exit(subprocess.run([*way, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"},
                            check=False).returncode)
