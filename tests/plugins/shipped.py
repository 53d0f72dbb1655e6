# SPDX-License-Identifier: Apache-2.0
"""Every plugin of the build exports its manifest and nothing else, wants nothing of the host, and
carries the line that tools read."""

import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["PDB_SOURCE"])
BUILD = pathlib.Path(os.environ["PDB_BUILD"])


def run(*command):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          check=False).stdout


def symbols(path, which):
    """Names of dynamic symbols, without those of the toolchain."""
    names = [line.split()[-1] for line in run("nm", "-D", which, path).splitlines() if line]
    return [name for name in names if not name.startswith("__")]


def problems_of(path):
    defined = [name for name in symbols(path, "--defined-only") if not name.startswith("_")]
    if defined != ["pdb_plugin_manifest"]:
        yield f"{path.name} exports {defined}"
    wanted = [name for name in symbols(path, "-u") if name.startswith("pdb_")]
    if wanted:
        yield f"{path.name} wants {wanted}"
    line = run("readelf", "-p", ".pdb.manifest", path)
    if not re.search(rf"name={path.stem} kind=(EXTENSION|STORAGE|KMS) version=\S+ license=\S+ abi=",
                     line):
        yield f"{path.name} has no line of its own: {line.strip()}"


def main():
    folders = list((BUILD / "lib/progressdb").glob("plugins-*"))
    paths = sorted(path for folder in folders for path in folder.glob("*.so"))
    if not paths:
        sys.exit(f"failed: no plugins in {BUILD}")
    # the proof that a stray export is seen: an object that exports something else
    stray = BUILD / "tests/plugins/modules/no_symbol.so"
    if not list(problems_of(stray)):
        sys.exit(f"failed: {stray} passed")
    problems = [problem for path in paths for problem in problems_of(path)]
    print("\n".join(problems) or f"{len(paths)} plugins: {', '.join(p.stem for p in paths)}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
