# SPDX-License-Identifier: Apache-2.0
"""Files of at most 800 lines, functions of at most 80, and the figures that people ask for."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import sources

FILE_LINES = 800
FUNCTION_LINES = 80
# The layout of the ABI is a list of numbers.
LISTS = {"tests/abi/layout.c"}


def universal_ctags():
    """The path of universal-ctags; another ctags does not tell where a function ends."""
    path = shutil.which("ctags")
    if path is None:
        return None
    said = subprocess.run([path, "--version"], text=True, capture_output=True, check=False).stdout
    return path if "Universal Ctags" in said and "json" in features(path) else None


def features(path):
    return subprocess.run([path, "--list-features"], text=True, capture_output=True,
                          check=False).stdout


def functions(ctags, paths):
    """(lines, name, path) of each function."""
    done = subprocess.run([ctags, "--languages=C", "--kinds-C=f", "--fields=+ne",
                           "--output-format=json", "-L", "-", "-f", "-"],
                          input="\n".join(map(str, paths)), text=True, capture_output=True,
                          check=True)
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag" and "end" in tag:
            yield tag["end"] - tag["line"] + 1, tag["name"], tag["path"]


def long_files(lengths):
    return [f"{path}: {lines} lines, at most {FILE_LINES}" for path, lines in lengths.items()
            if lines > FILE_LINES and path not in LISTS]


def long_functions(found):
    return [f"{path}: {name}() has {lines} lines, at most {FUNCTION_LINES}"
            for lines, name, path in found if lines > FUNCTION_LINES]


def quantile(numbers, share):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def prove(ctags):
    assert long_files({"x.c": FILE_LINES + 1}) and not long_files({"x.c": FILE_LINES})
    if ctags is None:
        return
    with tempfile.TemporaryDirectory(prefix="pdb-budgets-") as folder:
        path = pathlib.Path(folder) / "x.c"
        path.write_text("int f(void)\n{\n" + "\t;\n" * (FUNCTION_LINES - 1) + "}\n",
                        encoding="utf-8")
        assert long_functions(functions(ctags, [path]))


def report(paths, found):
    own = [lines for lines, _, path in found if not path.startswith("tests/")]
    longest = max(found, default=(0, "", ""))
    print(f"{len(own)} functions outside tests: median {quantile(own, 0.5)}, "
          f"p90 {quantile(own, 0.9)}, p99 {quantile(own, 0.99)}; "
          f"the longest of all is {longest[1]}() with {longest[0]}")
    print(f"{len(paths)} files: median {quantile(paths.values(), 0.5)} lines, "
          f"longest {max(paths.values(), default=0)}")


def main():
    ctags = universal_ctags()
    prove(ctags)
    paths = sources.files(".c", ".h", ".py")
    lengths = {sources.name(path): len(path.read_text(encoding="utf-8").splitlines())
               for path in paths}
    found = []
    if ctags is None:
        print("functions are left out: there is no universal-ctags with JSON here")
    else:
        code = [path for path in paths if path.suffix in (".c", ".h")]
        found = [(lines, name, sources.name(pathlib.Path(path)))
                 for lines, name, path in functions(ctags, code)]
    report(lengths, found)
    sources.finish(long_files(lengths) + long_functions(found), "within the budgets")


if __name__ == "__main__":
    main()
