# SPDX-License-Identifier: Apache-2.0
"""The layout of the SDK is pinned as a whole, and the pins hold."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PDB_SOURCE"])
INCLUDE = SOURCE / "core/include"
LAYOUT = SOURCE / "tests/abi/layout.c"


def fields_of(body):
    for declaration in body.split(";"):
        found = (re.search(r"\(\*(\w+)\)", declaration)
                 or re.search(r"(\w+)(\[[^\]]*\])?\s*$", declaration))
        if found:
            yield found.group(1)


def transparent():
    """Every struct whose fields the headers show, as (struct, field, field, …)."""
    for header in sorted(INCLUDE.rglob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"PDB_PRINTF\([^)]*\)", "", text)
        for found in re.finditer(r"typedef struct (pdb_\w+) \{(.*?)\n\} \1;", text, re.DOTALL):
            yield [found.group(1), *fields_of(found.group(2))]


def unpinned(layout):
    for struct, *fields in transparent():
        if f"SIZE({struct}, " not in layout:
            yield struct
        yield from (f"{struct}.{field}" for field in fields
                    if f"AT({struct}, {field}, " not in layout)


def compiles(include):
    done = subprocess.run(["cc", "-std=c11", "-fsyntax-only", f"-I{include}", str(LAYOUT)],
                          text=True, capture_output=True, check=False)
    return done.returncode == 0, done.stderr


def notices_a_moved_field():
    """Puts a field in front of another in a copy of the headers, which must not compile then."""
    with tempfile.TemporaryDirectory(prefix="pdb-abi-") as folder:
        copy = pathlib.Path(folder) / "include"
        shutil.copytree(INCLUDE, copy)
        header = copy / "pdb/job.h"
        text = header.read_text(encoding="utf-8")
        moved = text.replace("\tint64_t period;", "\tint64_t early;\n\tint64_t period;")
        header.write_text(moved, encoding="utf-8")
        good, said = compiles(copy)
        return moved != text and not good and "pdb_job.period moved" in said


def main():
    missing = list(unpinned(LAYOUT.read_text(encoding="utf-8")))
    if missing:
        sys.exit(f"failed: tests/abi/layout.c does not pin {', '.join(missing)}")
    good, said = compiles(INCLUDE)
    if not good:
        sys.exit(f"failed: the ABI has changed\n{said}")
    if not notices_a_moved_field():
        sys.exit("failed: a field that moved was not noticed")
    print(f"{sum(1 for _ in transparent())} structs pinned")


if __name__ == "__main__":
    main()
