# SPDX-License-Identifier: Apache-2.0
"""Every folder with sources says in a README.md who lives in it, and names no file that left."""

import pathlib
import re

import sources

SOURCES = (".c", ".h", ".py", ".sh")


def bare_folders(names):
    """Folders among these paths that hold sources and no README.md."""
    with_sources = {path.rsplit("/", maxsplit=1)[0] for path in names if path.endswith(SOURCES)}
    described = {path.rsplit("/", maxsplit=1)[0] for path in names if path.endswith("/README.md")}
    # the headers of the SDK are described where they are installed from
    described |= {"core/include/pdb"} if "core/include" in described else set()
    return sorted(with_sources - described)


def dead_links(text, folder):
    """Relative links of a page that lead nowhere."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not (folder / target).exists():
            yield target


def prove():
    assert bare_folders(["core/x/x.c"]) == ["core/x"]
    assert not bare_folders(["core/x/x.c", "core/x/README.md"])
    assert list(dead_links("[a](nowhere.md)", pathlib.Path("/nonexistent")))
    assert not list(dead_links("[a](https://example.org/x)", pathlib.Path("/nonexistent")))


def main():
    prove()
    paths = sources.files(*SOURCES, ".md")
    problems = [f"{folder}: has sources and no README.md"
                for folder in bare_folders([sources.name(path) for path in paths])]
    for path in paths:
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            if not text.strip():
                problems.append(f"{sources.name(path)}: is empty")
            problems += [f"{sources.name(path)}: the link {target} leads nowhere"
                         for target in dead_links(text, path.parent)]
    sources.finish(problems, "every folder says who lives in it")


if __name__ == "__main__":
    main()
