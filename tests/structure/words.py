# SPDX-License-Identifier: Apache-2.0
"""Words and functions that have no place in the sources, and the licence line that has."""

import re

import sources

SPDX = "SPDX-License-Identifier: Apache-2.0"
# This file has to spell them.
SELF = "tests/structure/words.py"

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|\bstubs?\b|not (?:yet )?implemented",
                        re.IGNORECASE)
BANNED = re.compile(r"\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|"
                    r"alloca|setlocale|strncpy|tmpnam|mktemp)\s*\(")
# Places that only one machine has.
PLACES = re.compile(r"(?<![\w.}\"'-])/(?:work|root|home/\w+)/")
# Comparisons that stop at the first difference tell how much of a secret was guessed.
HASTY = re.compile(r"\b(strcmp|strncmp|memcmp|strcasecmp|pdb_slice_equal|pdb_slice_is)\s*\(")
SECRET_FOLDERS = ("plugins/auth/", "kms-providers/")
# A comparison with a word of the source is no comparison with a secret.
CONSTANT = re.compile(r'\(\s*"|,\s*"|\bPDB_SLICE\(|\b[A-Z][A-Z0-9_]{2,}\b|\b\w+_prefix\b')


def line_of(text, place):
    return text.count("\n", 0, place) + 1


def argument_text(text, place):
    """From the bracket at `place` to the one that closes it."""
    depth = 0
    for end in range(place, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[place:end + 1]
    return text[place:]


def unfinished(path, text):
    for found in UNFINISHED.finditer(text):
        yield f"{path}:{line_of(text, found.start())}: the word {found.group(0)}"


def places(path, text):
    for found in PLACES.finditer(text):
        yield f"{path}:{line_of(text, found.start())}: {found.group(0)} is one machine's own place"


def banned(path, text):
    code = sources.bare(text)
    for found in BANNED.finditer(code):
        yield f"{path}:{line_of(code, found.start())}: {found.group(1)}() is not used here"


def hasty(path, text):
    if not path.startswith(SECRET_FOLDERS):
        return
    code = sources.bare(text, keep_strings=True)
    for found in HASTY.finditer(code):
        arguments = argument_text(code, found.end() - 1)
        if not CONSTANT.search(arguments):
            yield (f"{path}:{line_of(code, found.start())}: {found.group(1)}{arguments} may "
                   "compare a secret; use sodium_memcmp")


def licence(path, text):
    if SPDX not in "\n".join(text.splitlines()[:3]):
        yield f"{path}: lacks the line {SPDX}"


def prove():
    assert list(unfinished("x.c", "/* TODO: later */"))
    assert list(unfinished("x.c", "/* a stub */"))
    assert not list(unfinished("x.c", "int stubborn;"))
    own = "/" + "work" + "/x"
    assert list(places("x.c", f"see {own}")) and not list(places("x.c", f"a{own}"))
    assert list(banned("x.c", "strcpy(a, b);"))
    assert not list(banned("x.c", '/* strcpy(a, b) */ "gets(x)" snprintf(a, 1, b); my_gets(x);'))
    assert list(hasty("plugins/auth/x.c", "if (strcmp(key, given) == 0)"))
    assert not list(hasty("plugins/auth/x.c", 'if (strncmp(item, "sha256:", 7) == 0)'))
    assert not list(hasty("core/base/x.c", "if (strcmp(key, given) == 0)"))
    assert list(licence("x.c", "int x;\n"))


def main():
    prove()
    problems = []
    paths = sources.files(".c", ".h", ".py", ".sh", ".md", ".txt", ".yaml")
    for path in paths:
        name = sources.name(path)
        text = path.read_text(encoding="utf-8")
        if name != SELF:
            problems += unfinished(name, text)
            problems += places(name, text)
        if path.suffix in (".c", ".h"):
            problems += licence(name, text)
            problems += banned(name, text)
            problems += hasty(name, text)
    sources.finish(problems, f"{len(paths)} files without a word out of place")


if __name__ == "__main__":
    main()
