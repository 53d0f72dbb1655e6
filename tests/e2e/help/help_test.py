# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves, and the manual pages with them."""
import os
import re
import socket
import subprocess
import tempfile
import unittest

import progressdb

SOURCE = os.environ.get("PDB_SOURCE", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SHUT = "http://127.0.0.1:1"


def run(program, *arguments, env=None, data=b""):
    path = os.path.join(progressdb.build_directory(), "bin", program)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PROGRESSDB_")}
    result = subprocess.run([path, *arguments], input=data, capture_output=True, timeout=60,
                            env=dict(environment, **(env or {})), check=False)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def page(name):
    with open(os.path.join(SOURCE, "packaging", "man", name), encoding="utf-8") as file:
        text = re.sub(r"\\f[A-Z]", "", file.read())
    return text.replace(r"\-", "-")


class HelpTest(unittest.TestCase):
    def commands(self):
        _, text, _ = run("pdbctl", "--help")
        found = re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  +\w", text.split("Options")[0], re.M)
        self.assertGreaterEqual(len(found), 5)
        return found

    def test_every_command_explains_itself_with_examples(self):
        for command in self.commands():
            code, text, err = run("pdbctl", *command.split(), "--help")
            self.assertEqual((code, err), (0, ""), command)
            self.assertIn(f"Usage: pdbctl {command}", text)
            self.assertIn(f"  pdbctl {command}", text.split("Examples:")[1])

    def test_pdbctl_and_its_manual_agree(self):
        text = page("pdbctl.1")
        told = set()
        for command in self.commands():
            help_text = run("pdbctl", *command.split(), "--help")[1]
            told |= options_of(help_text)
            section = re.search(rf"^\.SS {command}(?![a-z-])(.*?)(?=^\.S[SH] )", text, re.M | re.S)
            self.assertIsNotNone(section, f"{command} is not in the manual")
            own = help_text.split("Options of every command:")[0]
            for option in options_of(own.split("\nOptions:", 1)[1] if "\nOptions:" in own else ""):
                self.assertIn(option, options_of(section.group(1)), command)
        self.assertEqual(told, options_of(text))

    def test_progressdb_and_its_manual_agree(self):
        code, text, _ = run("progressdb", "--help")
        self.assertEqual(code, 0)
        self.assertEqual(options_of(text), options_of(page("progressdb.8")))

    def test_progressdb_kms_and_its_manual_agree(self):
        code, text, _ = run("progressdb-kms", "--help")
        self.assertEqual(code, 0)
        self.assertEqual(options_of(text), options_of(page("progressdb-kms.8")))

    def test_exit_codes_are_in_the_manual_and_in_the_help(self):
        help_text = run("pdbctl", "--help")[1]
        for code in ("0", "1", "2", "3", "130"):
            self.assertRegex(help_text, rf"\b{code}\b")
            self.assertIn(f"\n.B {code}\n", page("pdbctl.1"))

    def test_a_wrong_command_line_says_what_is_wrong(self):
        for words, wanted in (((), "which command"), (("impotr",), "impotr"),
                              (("kms",), 'which command of "kms"'), (("kms", "shred"), '"kms shred"'),
                              (("import",), "import [options] FILE|-"),
                              (("import", "--batch", "0", "x"), "--batch wants a number"),
                              (("export", "--nothing"), "there is no option --nothing"),
                              (("health", "--url", "nonsense"), "no URL"),
                              (("health", "--key-file", "/nowhere"), "/nowhere"),
                              (("check",), "--db"),
                              (("check", "--db", "/nowhere"), "/nowhere"),
                              (("import", "/nowhere"), "/nowhere")):
            code, out, err = run("pdbctl", *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(wanted, err)
            self.assertTrue(err.startswith("pdbctl: "), err)

    def test_what_cannot_be_printed_is_not_done(self):
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        with open("/dev/full", "wb") as full:
            said = subprocess.run([tool, "key", "new", "backend"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        self.assertEqual(said.returncode, 2)
        self.assertIn("cannot be written", said.stderr)

    def test_a_server_that_is_not_there_is_told(self):
        for words in (("health",), ("export", "--retry", "0"), ("import", "--retry", "0", "-")):
            code, _, err = run("pdbctl", "--url", SHUT, *words,
                               data=b'{"thread":"t","author":"a","body":1}\n')
            self.assertEqual(code, 3, err)
            self.assertIn("--url", err)

    def test_a_bad_line_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "in.ndjson")
            with open(path, "wb") as file:
                file.write(b"\n{\"thread\":\"t\"}\n")
            code, _, err = run("pdbctl", "import", path)
            self.assertEqual(code, 2)
            self.assertIn(f"{path}:2: ", err)

    def test_the_key_is_never_shown(self):
        """Not in the list of processes while it runs, not in what it prints."""
        secret = "sk_never_to_be_shown"
        with socket.create_server(("127.0.0.1", 0)) as silent:
            tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
            with subprocess.Popen([tool, "--key", secret, "health", "--url",
                                   f"http://127.0.0.1:{silent.getsockname()[1]}"],
                                  stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
                peer, _ = silent.accept()  # the request is on its way: the arguments were read
                with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                    shown = file.read()
                peer.close()
                process.terminate()
                out, err = process.communicate(timeout=30)
        self.assertNotIn(secret.encode(), shown + out + err)
        self.assertIn(b"--key", shown)

    def test_a_plugin_is_inspected_without_running_it(self):
        folder = os.path.join(progressdb.build_directory(), "lib", "progressdb", "plugins-1")
        code, out, err = run("pdbctl", "plugin", "inspect", os.path.join(folder, "memory.so"))
        self.assertEqual(code, 0, err)
        self.assertIn("name=memory kind=STORAGE", out)
        self.assertEqual(run("pdbctl", "plugin", "inspect", "/etc/hostname")[0], 2)


if __name__ == "__main__":
    unittest.main()
