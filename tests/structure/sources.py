# SPDX-License-Identifier: Apache-2.0
"""The sources of this tree, and the text of a C file without its comments and strings."""

import os
import pathlib
import re

ROOT = pathlib.Path(os.environ["PDB_SOURCE"])
FOLDERS = ("core", "plugins", "storage-backends", "kms-providers", "tools", "bench", "packaging",
           "tests", "docs", "etc", "schemas", "cmake")

TOKENS = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def files(*suffixes, folders=FOLDERS):
    """Paths of all sources with one of these endings, sorted."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")
             if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts
             and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    return sorted(found)


def name(path):
    return path.relative_to(ROOT).as_posix()


def bare(text, keep_strings=False):
    """The text with comments blanked, strings too unless they are kept; lines stay lines."""
    def blank(found):
        token = found.group(0)
        if token[0] == '"' and keep_strings:
            return token
        return re.sub(r"[^\n]", " ", token)
    return TOKENS.sub(blank, text)


def finish(problems, said):
    """Ends the test: prints what is wrong, or one line about what was looked at."""
    for problem in problems:
        print(problem)
    print(said if not problems else f"failed: {len(problems)} problems")
    raise SystemExit(1 if problems else 0)
