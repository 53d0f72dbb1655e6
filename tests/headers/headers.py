# SPDX-License-Identifier: Apache-2.0
"""Every header of the SDK compiles alone, strictly, with every compiler that is here."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

INCLUDE = pathlib.Path(os.environ["PDB_SOURCE"]) / "core/include"
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wundef", "-Wshadow", "-Wconversion",
          "-Wsign-conversion", "-Wcast-qual", "-Werror", "-fsyntax-only"]
DIALECTS = [("gcc", ["-x", "c", "-std=c11"]), ("clang", ["-x", "c", "-std=c11"]),
            ("g++", ["-x", "c++", "-std=c++11"]), ("clang++", ["-x", "c++", "-std=c++11"])]

# Twice, for the guard; a translation unit must declare something.
ALONE = """
#include <{header}>
#include <{header}>
typedef int alone;
"""

# What only breaks when it is used: the macros.
USES = ["""
#include <pdb/abi.h>
struct table { unsigned size; int (*op)(void); };
int use(const struct table *table);
int use(const struct table *table) { return PDB_HAS(table, op); }
""", """
#include <pdb/pdb.h>
bool use(pdb_err *err);
bool use(pdb_err *err) { return PDB_SLICE("x").len == 1 && pdb_err_at(err, "/x") == PDB_OK; }
"""]


def compiles(compiler, dialect, text, folder):
    source = folder / "alone"
    source.write_text(text, encoding="utf-8")
    done = subprocess.run([compiler, *STRICT, f"-I{INCLUDE}", *dialect, str(source)], text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        print(f"{compiler} {' '.join(dialect)}:\n{text}\n{done.stderr}")
    return done.returncode == 0


def main():
    headers = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.h"))
    if "pdb/pdb.h" not in headers:
        sys.exit(f"failed: no headers in {INCLUDE}")
    texts = [ALONE.format(header=header) for header in headers] + USES
    good = True
    with tempfile.TemporaryDirectory(prefix="pdb-headers-") as folder:
        for compiler, dialect in DIALECTS:
            if shutil.which(compiler) is None:
                print(f"{compiler} is not here: left out")
                continue
            for text in texts:
                good = compiles(compiler, dialect, text, pathlib.Path(folder)) and good
            print(f"{compiler}: {len(texts)} texts")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
