# SPDX-License-Identifier: Apache-2.0
"""Includes point downward, never in a circle, and plugins see nothing of the core but the SDK."""

import re

import sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# A room may include itself and these. The order is the one of core/CMakeLists.txt.
BELOW = {"base": set()}
for _room, _lower in (("measure", "base"), ("config", "measure"), ("plugin", "config"), ("store", "plugin"),
                      ("jobs", "store"), ("chat", "jobs")):
    BELOW[_room] = BELOW[_lower] | {_lower}
BELOW["backup"] = BELOW["store"] | {"store"}
BELOW["http"] = {"base", "measure", "config", "plugin"}
BELOW["api"] = BELOW["chat"] | {"chat", "http"}
BELOW["server"] = BELOW["api"] | {"api", "backup"}
ROOMS = set(BELOW)

# Headers of libc that do not lie at its top.
LIBC_FOLDERS = {"arpa/inet.h", "sys/socket.h"}

# A program of its own, no plugin: it may include these, as a room does.
PROGRAMS = {"kms-providers/daemon/": {"base", "config", "measure"}}

PLUGIN_ROOTS = ("plugins", "storage-backends", "kms-providers")


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "core" and len(parts) > 2 and parts[1] in ROOMS else None


def includes(text):
    """(bracket, target) of each include that is not in a comment."""
    return INCLUDE.findall(sources.bare(text, keep_strings=True))


def judge_room(path, room, bracket, target):
    first = target.split("/")[0]
    if first not in ROOMS or "/" not in target:
        return None
    if bracket == "<":
        return f"{path}: <{target}> is not an installed header"
    if first != room and first not in BELOW[room]:
        return f"{path}: {room} may not include {target}"
    if first != room and target.endswith("_private.h"):
        return f"{path}: {target} is private to {first}"
    return None


def judge_plugin(path, bracket, target):
    if target.startswith("pdb/"):
        return None if bracket == "<" else f'{path}: write <{target}>'
    if target.split("/")[0] in ROOMS and "/" in target:
        return f"{path}: a plugin sees <pdb/...> only, not {target}"
    if ".." in target.split("/"):
        return f"{path}: {target} leads out of the folder"
    return None


def judge_program(path, target):
    first = target.split("/")[0]
    allowed = next(rooms for folder, rooms in PROGRAMS.items() if path.startswith(folder))
    if first in ROOMS and "/" in target and (first not in allowed or target.endswith("_private.h")):
        return f"{path}: may not include {target}"
    return None


def judge_header(path, target):
    """The SDK stands by itself: libc and its own headers."""
    if "/" in target and not target.startswith("pdb/") and target not in LIBC_FOLDERS:
        return f"{path}: the SDK may not include {target}"
    return None


def judge(path, text):
    for bracket, target in includes(text):
        problem = None
        room = room_of(path)
        if path.startswith("core/include/"):
            problem = judge_header(path, target)
        elif room is not None:
            problem = judge_room(path, room, bracket, target)
        elif path.startswith(tuple(PROGRAMS)):
            problem = judge_program(path, target)
        elif path.startswith(PLUGIN_ROOTS):
            problem = judge_plugin(path, bracket, target)
        if problem:
            yield problem


def edges(texts):
    """Which file of the core includes which; private and SDK headers too."""
    for path, text in texts.items():
        for _, target in includes(text):
            for prefix in ("core/", "core/include/"):
                if prefix + target in texts:
                    yield path, prefix + target


def circle(graph):
    """One path that comes back to where it began, or None."""
    done, trail = set(), []

    def visit(node):
        if node in trail:
            return trail[trail.index(node):] + [node]
        if node in done:
            return None
        trail.append(node)
        for target in sorted(graph.get(node, ())):
            found = visit(target)
            if found:
                return found
        done.add(trail.pop())
        return None

    for node in sorted(graph):
        found = visit(node)
        if found:
            return found
    return None


def circles(texts, owner):
    graph = {}
    for path, target in edges(texts):
        if owner(path) != owner(target):
            graph.setdefault(owner(path), set()).add(owner(target))
    found = circle(graph)
    return [f"a circle: {' -> '.join(found)}"] if found else []


def folder(path):
    return path.rsplit("/", maxsplit=1)[0]


def prove():
    """The rules refuse what they are for."""
    refused = [("core/base/x.c", '#include "store/keys.h"'),
               ("core/http/x.c", '#include "chat/chat.h"'),
               ("core/chat/x.c", '#include "store/store_private.h"'),
               ("core/include/pdb/x.h", '#include "base/buf.h"'),
               ("plugins/x/x.c", '#include "base/buf.h"'),
               ("kms-providers/daemon/x.c", '#include "http/http.h"'),
               ("plugins/x/x.c", '#include "../auth/auth.h"')]
    for path, text in refused:
        assert list(judge(path, text)), (path, text)
    assert not list(judge("core/api/x.c", '#include "chat/chat.h"\n#include <jansson.h>'))
    assert not list(judge("core/base/x.c", '/* #include "store/keys.h" */'))
    texts = {"core/base/a.h": '#include "chat/b.h"', "core/chat/b.h": '#include "base/a.h"'}
    assert circles(texts, folder)
    assert not circles({**texts, "core/base/a.h": ""}, folder)


def main():
    prove()
    paths = sources.files(".c", ".h")
    texts = {sources.name(path): path.read_text(encoding="utf-8") for path in paths}
    problems = [problem for path, text in texts.items() for problem in judge(path, text)]
    core = {path: text for path, text in texts.items() if path.startswith("core/")}
    problems += circles(core, folder)
    problems += circles({path: text for path, text in core.items() if path.endswith(".h")},
                        lambda path: path)
    sources.finish(problems, f"{len(texts)} files, no include upward and no circle")


if __name__ == "__main__":
    main()
