# SPDX-License-Identifier: Apache-2.0
"""The README's commands, run as they stand there."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import progressdb

SOURCE = os.environ.get("PDB_SOURCE", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PATIENCE = 20


def blocks():
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        tour = file.read().split("## Five minutes")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", tour, re.S)


class Tour(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pdb-tour-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.bin = os.path.join(progressdb.build_directory(), "bin")
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        """As `make run` does it, but on a free port: no configuration, data in ./data."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PROGRESSDB_")}
        self.output = open(os.path.join(self.folder, "said"), "w+", encoding="utf-8")
        self.addCleanup(self.output.close)
        self.process = subprocess.Popen([os.path.join(self.bin, "progressdb"), "--addr", "127.0.0.1:0"],
                                        cwd=self.folder, env=environment, stdout=self.output,
                                        stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE
        while "curl" not in self.said():
            self.assertIsNone(self.process.poll(), self.said())
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def said(self):
        with open(self.output.name, encoding="utf-8") as file:
            return file.read()

    def key(self, prefix):
        return re.search(rf"\b{prefix}_[0-9a-f]+", self.said()).group(0)

    def shell(self, script):
        result = subprocess.run(["bash", "-ec", script], cwd=self.folder, capture_output=True, text=True,
                                timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result.stdout

    def localized(self, script):
        port = re.search(r"127\.0\.0\.1:(\d+)", self.said()).group(1)
        return (script.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
                .replace("sk_…", self.key("sk")).replace("ak_…", self.key("ak"))
                .replace("build/release/bin", self.bin)
                .replace("pdbctl import", f"pdbctl import --url http://127.0.0.1:{port}")
                .replace("pdbctl export", f"pdbctl export --url http://127.0.0.1:{port}"))

    def test_the_printed_line_works_when_pasted(self):
        line = re.search(r"^\s*(curl .*)$", self.said(), re.M).group(1)
        answer = json.loads(self.shell(line))
        self.assertEqual(answer["body"], {"text": "Hello!"})
        self.assertEqual(answer["seq"], 1)
        mode = os.stat(os.path.join(self.folder, "data", "dev-keys.yaml")).st_mode & 0o777
        self.assertEqual(mode, 0o600)

    def test_keys_are_made_once(self):
        first = self.key("sk")
        self.assertEqual(self.stop(), 0)
        self.start()
        self.assertEqual(self.key("sk"), first)

    def test_what_others_may_use_is_refused(self):
        self.assertEqual(self.stop(), 0)
        data = os.path.join(self.folder, "data")
        for place, mode, status, repair in ((os.path.join(data, "dev-keys.yaml"), 0o644, 2, "chmod 600"),
                                            (data, 0o777, 1, "chmod o-w")):
            before = os.stat(place).st_mode
            os.chmod(place, mode)
            said = subprocess.run([os.path.join(self.bin, "progressdb"), "--addr", "127.0.0.1:0"],
                                  cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
            os.chmod(place, before)
            self.assertEqual(said.returncode, status, said.stderr)
            self.assertIn(f"run: {repair} {place}", said.stderr)

    def test_the_tour(self):
        lines = "".join(json.dumps({"thread": f"old-{n // 10}", "author": "user-9", "role": "user",
                                    "ts": 1546300807000000000 + n, "body": {"text": str(n)}}) + "\n"
                        for n in range(50))
        with open(os.path.join(self.folder, "chats.ndjson"), "w", encoding="utf-8") as file:
            file.write(lines)
        self.shell("zstd -q chats.ndjson")
        steps = blocks()
        self.assertGreaterEqual(len(steps), 8)
        said = self.shell(self.localized("\n".join(steps[:-1])))
        self.assertNotIn('"error"', said)
        self.assertIn("Idempotent-Replayed: true", said)
        self.assertIn('"text":"Soup!"', said)
        self.assertIn('"reactions":[{"id":"user-2"', said)
        self.assertRegex(said, r'"signature":"[0-9a-f]{64}"')
        with open(os.path.join(self.folder, "copy.ndjson"), encoding="utf-8") as file:
            threads = [json.loads(line)["thread"] for line in file]
        self.assertEqual(len(threads), 52)
        self.assertEqual(set(threads), {"lunch", *(f"old-{n}" for n in range(5))})
        self.assertEqual(self.stop(), 0)
        self.shell(self.localized(steps[-1]))


if __name__ == "__main__":
    unittest.main()
