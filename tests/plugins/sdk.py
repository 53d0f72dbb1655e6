# SPDX-License-Identifier: Apache-2.0
"""The SDK as a stranger has it: installed into a scratch prefix, the template built against it
with CMake and with a bare compiler, and what comes out loaded and called."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PDB_SOURCE"])
BUILD = pathlib.Path(os.environ["PDB_BUILD"])
CALLER = BUILD / "tests" / "test_plugins_template"
FLAGS = "-std=c11 -Wall -Wextra -pedantic -Werror -shared -fPIC -fvisibility=hidden".split()


def run(*command, **env):
    """Runs a command and returns what it printed; its output is shown when it fails."""
    done = subprocess.run([str(part) for part in command], env={**os.environ, **env}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def check(truth, sentence):
    if not truth:
        sys.exit(f"failed: {sentence}")


def abi_of_header():
    text = (SOURCE / "core/include/pdb/abi.h").read_text(encoding="utf-8")
    return ".".join(re.search(rf"define PDB_ABI_{part} (\d+)", text).group(1)
                    for part in ("MAJOR", "MINOR"))


def install(scratch, libdir):
    """Installs the SDK below a prefix that its configuration did not know of."""
    tree = scratch / "tree"
    prefix = scratch / "prefix"
    run("cmake", "-S", SOURCE, "-B", tree, "-DBUILD_TESTING=OFF",
        f"-DCMAKE_INSTALL_LIBDIR={libdir}")
    run("cmake", "--install", tree, "--component", "dev", "--prefix", prefix)
    return prefix


def pkg_config(prefix, libdir, *question):
    return run("pkg-config", *question, "pdb-sdk",
               PKG_CONFIG_PATH=str(prefix / libdir / "pkgconfig")).strip()


def build_with_cmake(scratch, prefix):
    built = scratch / "by-cmake"
    run("cmake", "-S", prefix / "share/progressdb/plugin-template", "-B", built,
        f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_C_FLAGS=-Wall -Wextra -pedantic -Werror")
    run("cmake", "--build", built)
    run("cmake", "--install", built)


def build_with_cc(scratch, prefix, libdir):
    folder = scratch / "by-cc"
    folder.mkdir()
    cflags = pkg_config(prefix, libdir, "--cflags").split()
    run("cc", *FLAGS, *cflags, prefix / "share/progressdb/plugin-template/acme.c",
        "-o", folder / "acme.so")
    return folder


def symbols(path, which):
    lines = run("nm", "-D", which, path).splitlines()
    names = [line.split()[-1] for line in lines if line.strip()]
    return [name for name in names if not name.startswith("__")]


def judge(folder, abi):
    """One symbol out, none of ours wanted, the line readable, and it works; also when stripped."""
    path = folder / "acme.so"
    for strip in (False, True):
        if strip:
            run("strip", path)
        check(symbols(path, "--defined-only") == ["pdb_plugin_manifest"],
              f"{path} exports {symbols(path, '--defined-only')}")
        wanted = [name for name in symbols(path, "-u") if name.startswith("pdb_")]
        check(not wanted, f"{path} wants {wanted}")
        check(f"name=acme kind=EXTENSION version=0.1.0 license=Apache-2.0 abi={abi}"
              in run("readelf", "-p", ".pdb.manifest", path), f"{path} has no line")
        said = run(CALLER, PDB_TEST_TEMPLATE_DIR=str(folder))
        check(re.search(r"Failing: 0 .*Crashing: 0", said), said)
        check(not re.search(r"Tested: 0 ", said), "no test ran")


def judge_layout(scratch, libdir):
    scratch.mkdir()
    abi = abi_of_header()
    prefix = install(scratch, libdir)
    plugins = prefix / libdir / "progressdb" / f"plugins-{abi.split('.', maxsplit=1)[0]}"
    check(pkg_config(prefix, libdir, "--variable=abi") == abi, "pdb-sdk.pc has another ABI")
    told = pathlib.Path(pkg_config(prefix, libdir, "--variable=plugindir"))
    build_with_cmake(scratch, prefix)
    check((plugins / "acme.so").is_file(), f"CMake did not install to {plugins}")
    check(told.resolve() == plugins.resolve(), f"plugindir is {told}, not {plugins}")
    judge(plugins, abi)
    judge(build_with_cc(scratch, prefix, libdir), abi)
    print(f"{libdir}: built, loaded and called twice")


def main():
    os.umask(0o022)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="pdb-sdk-"))
    try:
        for number, libdir in enumerate(("lib", "lib/x86_64-linux-gnu")):
            judge_layout(scratch / str(number), libdir)
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
