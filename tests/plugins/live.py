# SPDX-License-Identifier: Apache-2.0
"""The template in a running server, named in its YAML; and what a server says that may not start
with a plugin."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from progressdb import DEADLINE, Server

BUILD = pathlib.Path(os.environ["PDB_BUILD"])
MODULES = BUILD / "tests/plugins/modules"

SETTINGS = """\
plugins:
  load: [auth, {name}]
  directory: {directory}
"""
ACME = """\
  acme:
    greeting: Good day
    max_body: 100
"""


class Plugins(unittest.TestCase):
    """A plugin directory with the shipped ones and one more."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pdb-plugins-"))
        self.addCleanup(shutil.rmtree, self.directory)
        for path in (BUILD / "lib/progressdb/plugins-1").glob("*.so"):
            shutil.copy(path, self.directory)

    def server(self, name, more=""):
        settings = SETTINGS.format(name=name, directory=self.directory)
        server = Server(backend="memory", extra=settings + more)
        self.addCleanup(server.close)
        return server


class Template(Plugins):
    """The installed template does what its README says."""

    def setUp(self):
        super().setUp()
        shutil.copy(BUILD / "tests/plugins/template/acme.so", self.directory)
        self.running = self.server("acme", ACME).start()

    def test_answers_on_its_route(self):
        answer = self.running.backend().get("/acme/hello/Ada%20L")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body, b"Good day, Ada L!\n")
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")

    def test_refuses_on_its_route(self):
        answer = self.running.backend().get("/acme/hello/" + "x" * 65)
        self.assertEqual((answer.status, answer.json["code"]), (400, "bad_name"))

    def test_decorates_every_answer(self):
        for client, status in ((self.running.backend(), 200), (self.running.client(), 401)):
            answer = client.get("/acme/hello/Ada")
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(answer.headers["x-acme"], "1")

    def test_judges_records(self):
        client = self.running.backend("ada")
        answer = client.post("/v1/threads/t/messages", {"body": "x" * 50})
        self.assertEqual(answer.status, 200, answer)
        answer = client.post("/v1/threads/t/messages", {"body": "x" * 101})
        self.assertEqual(answer.status, 422, answer)
        self.assertEqual(answer.json["code"], "acme_body_too_long")
        self.assertEqual(answer.json["field"], "/body")
        page = client.get("/v1/threads/t/messages").json
        self.assertEqual([message["body"] for message in page["messages"]], ["x" * 50])

    def test_ends_in_order(self):
        self.running.stop()
        self.assertNotIn("level=error", self.running.log())


class Older(Plugins):
    """A plugin that was built against the first minor version still works."""

    def test_gate_without_what_came_later(self):
        shutil.copy(MODULES / "older_minor.so", self.directory)
        running = self.server("older_minor").start()
        for _ in range(3):
            self.assertEqual(running.backend("ada").get("/v1/threads").status, 200)
        running.stop()


class Refusals(Plugins):
    """A server that may not have a plugin does not start without it."""

    def refusal(self, name):
        server = self.server(name)
        program = BUILD / "bin/progressdb"
        done = subprocess.run(
            [program, "--config", server.config_path, "--addr", "127.0.0.1:0", "--db", server.db],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stdout + done.stderr

    def test_another_abi(self):
        shutil.copy(MODULES / "other_major.so", self.directory)
        self.assertIn("built for ABI 2.0, this server speaks 1.1", self.refusal("other_major"))

    def test_no_such_plugin(self):
        self.assertIn("nowhere.so cannot be opened", self.refusal("nowhere"))

    def test_a_file_that_others_may_write(self):
        shutil.copy(MODULES / "good.so", self.directory)
        os.chmod(self.directory / "good.so", 0o666)
        self.assertIn("good.so may be written by others", self.refusal("good"))

    def test_a_directory_that_others_may_write(self):
        shutil.copy(MODULES / "good.so", self.directory)
        os.chmod(self.directory, 0o777)
        self.assertIn("may be written by others", self.refusal("good"))


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
