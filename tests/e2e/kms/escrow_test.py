# SPDX-License-Identifier: Apache-2.0
"""Wrapped keys out of a keyring, and back into an older copy of it."""
import json
import os
import random
import shutil
import subprocess
import time
import unittest

from kms import MASTER, Caller, Daemon, Refused, program, request

KEYS = int(os.environ.get("PDB_ESCROW_KEYS", "60"))
KILLS = int(os.environ.get("PDB_ESCROW_KILLS", "4"))
SEED = int(os.environ.get("PDB_SEED", "1"))


class EscrowTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def keys(self, count, first=0):
        """Ids and DEKs; some keys are renewed, which changes what unwrap of the newest gives."""
        caller = Caller(self.daemon.socket)
        made = {}
        for number in range(first, first + count):
            name, dek = caller.key("create", thread=f"thread-{number}")
            for after in range(1, 1 + number % 3):
                _, dek = caller.key("add_version", key=name, version=after)
            made[name] = dek
        caller.close()
        return made

    def kms(self, *words, code=0):
        got, out, err = self.daemon.pdbctl("kms", *words)
        self.assertEqual(got, code, (words, out, err))
        return out if code == 0 else err

    def directory(self):
        return os.path.join(self.daemon.directory, "keys")

    def copy(self):
        self.daemon.stop()
        copy = os.path.join(self.daemon.directory, "copy")
        shutil.copytree(self.directory(), copy)
        self.daemon.start()
        return copy

    def put_back(self, copy):
        self.daemon.stop()
        shutil.rmtree(self.directory())
        shutil.copytree(copy, self.directory())
        self.daemon.start()

    def write(self, text, name="keys.ndjson"):
        path = os.path.join(self.daemon.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def open_all(self, keys):
        caller = Caller(self.daemon.socket)
        for name, dek in keys.items():
            self.assertEqual(caller.key("unwrap", key=name), (name, dek))
        caller.close()

    def audited(self):
        self.assertEqual(self.daemon.stop(), 0)
        code, out = self.daemon.audit(self.daemon.public_key())
        self.assertEqual(code, 0, out)
        self.daemon.start()

    def test_an_older_copy_gets_what_it_lacks(self):
        made = self.keys(5)
        copy = self.copy()
        made.update(self.keys(4, first=5))
        held = sorted(made)[-1]
        self.kms("hold", held)
        exported = self.kms("export")
        self.assertEqual(len(exported.splitlines()), 2 + sum(1 + number % 3 for number in range(9)))
        # the same without the daemon
        self.daemon.stop()
        master = self.write(MASTER, "master.key")
        os.chmod(master, 0o600)
        done = subprocess.run([program("pdbctl"), "kms", "export", "--dir", self.directory(), "--master-key-file", master],
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, exported), done.stderr)
        self.daemon.start()
        self.put_back(copy)
        path = self.write(exported)
        self.assertIn(" 9 were new, 0 are", self.kms("import", path))
        self.assertIn(" 0 were new, 0 are", self.kms("import", path))
        self.assertEqual(self.kms("export"), exported)
        self.open_all(made)
        self.kms("verify")
        self.kms("destroy", held, "--confirm", held, code=1)
        self.audited()

    def test_no_destroyed_key_comes_back(self):
        made = self.keys(3)
        exported = self.kms("export")
        path = self.write(exported)
        gone = sorted(made)[0]
        self.kms("destroy", gone, "--confirm", gone)
        self.assertIn(" 0 were new, ", self.kms("import", path))
        caller = Caller(self.daemon.socket)
        with self.assertRaises(Refused):
            caller.call("unwrap", request(key=gone, number=1))
        caller.close()
        self.assertNotIn(gone, self.kms("export"))
        self.kms("rotate", "--retire")
        self.assertIn("final", self.kms("shred-status", gone))
        path = self.write("\n".join(line for line in exported.splitlines() if gone not in line))
        self.assertIn(":2: KEK version 1 is destroyed", self.kms("import", path, code=1))

    def test_killed_and_run_again(self):
        copy = self.copy()
        made = self.keys(KEYS)
        exported = self.kms("export")
        path = self.write(exported)
        self.put_back(copy)
        dice = random.Random(SEED)
        for kill in range(KILLS):
            with subprocess.Popen([program("pdbctl"), "kms", "import", path, "--endpoint", self.daemon.listen],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(dice.uniform(0.02, 0.2))  # the moment of death, not a wait for anything
                (self.daemon if kill % 2 else process).kill()
                process.wait()
            if kill % 2:
                self.daemon.start()
        self.kms("import", path)
        self.assertEqual(self.kms("export"), exported)
        self.open_all(made)
        self.audited()

    def test_bad_files_are_refused(self):
        self.keys(3)
        lines = self.kms("export").splitlines()
        other = Daemon()
        self.addCleanup(other.close)
        caller = Caller(other.socket)
        caller.key("create", thread="thread-0")
        caller.close()
        foreign = other.pdbctl("kms", "export")[1].splitlines()
        twice = next(number for number, line in enumerate(lines) if '"version":2' in line)
        changed = json.loads(lines[1])
        changed["wrapped"] = changed["wrapped"][:-48] + "AAAAAAAA" + changed["wrapped"][-40:]
        cases = [
            (lines[1:], 2, ":1: the first line must be"),
            (["{}"] + lines[1:], 2, ":1: the first line must be"),
            ([lines[0].replace("1}", "2}")] + lines[1:], 2, ":1: the first line must be"),
            (lines[:-1], 2, ": the last line, the end, is missing"),
            (lines[:2] + lines[3:], 2, "is not whole"),
            (lines + lines[1:2], 2, f":{len(lines) + 1}: nothing may follow the end"),
            ([lines[0], json.dumps(changed)], 1, ":2: a wrapped key does not open"),
            ([lines[0], foreign[1]], 1, ":2: a wrapped key does not open"),
            ([lines[0], lines[1].replace('"wrapped":"', '"wrapped":"*')], 2, ":2: \"wrapped\" is not in base64"),
            ([lines[0], '{"type":"key","wrapped":"AAAA"}'], 2, ":2: it is not a wrapped key"),
            ([lines[0], '{"type":"key","wrapped":1}'], 2, ":2: \"wrapped\" must be"),
            ([lines[0], '{"type":"key","wrapped":"%s"}' % ("A" * 5000)], 2, ":2: \"wrapped\" must be"),
            ([lines[0], '{"type":"lock"}'], 2, ":2: \"type\" must be"),
            ([lines[0], "[]"], 2, ":2: \"type\" must be"),
            ([lines[0], "{"], 2, ":2: The JSON"),
        ]
        for number, (text, code, why) in enumerate(cases):
            with self.subTest(number):
                self.assertIn(why, self.kms("import", self.write("\n".join(text) + "\n"), code=code))
        # versions of a key come in their order
        got, _, err = other.pdbctl("kms", "import", self.write("\n".join([lines[0], lines[twice]]), "order"))
        self.assertEqual(got, 2, err)
        self.assertIn("version 2 of the key cannot come before version 1", err)
        self.assertEqual(self.kms("export").splitlines(), lines)


if __name__ == "__main__":
    unittest.main()
