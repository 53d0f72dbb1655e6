# SPDX-License-Identifier: Apache-2.0
"""Exports and imports that end too early, and those that go on with them."""
import json
import os
import random
import subprocess
import unittest

import progressdb
from exchange_case import SEED, THREADS, ExchangeCase

KILLS = int(os.environ.get("PDB_EXCHANGE_KILLS", "2"))


class ResumeTest(ExchangeCase):
    def test_killed_and_taken_up_again(self):
        source = self.filled(2 * THREADS)
        target = self.server()
        path, first = self.export(source, "first.ndjson")
        dice = random.Random(SEED)
        for kill in range(KILLS):
            # a state file is of one server; what it tells is found out again when that has a new port
            for again in ((), ("--restart",))[::-1]:
                with self.start(target, "import", "--batch", "3", "--connections", "2", *again, path) as process:
                    progressdb.time.sleep(dice.uniform(0.01, 0.1))
                    process.kill()
                    process.communicate()
            target.kill()
            tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
            done = subprocess.run([tool, "check", "--db", target.db], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, (kill, done.stdout, done.stderr))
            target.start()
        self.tool(target, "import", "--restart", path)
        self.same(first, self.export(target, "second.ndjson")[1])
        self.check(target)

    def test_an_export_goes_on_where_it_was(self):
        source = self.filled()
        _, first = self.export(source, "first.ndjson")
        path = os.path.join(source.directory, "slow.ndjson")
        for _ in range(KILLS):
            with self.start(source, "export", "--full", "--page", "1", "-o", path) as process:
                progressdb.time.sleep(0.05)
                process.kill()
                process.communicate()
        self.tool(source, "export", "--full", "--page", "1", "-o", path)
        with open(path, "rb") as file:
            self.same(first, file.read())

    def test_a_thread_is_not_seen_before_its_end(self):
        source, target = self.filled(3), self.server()
        path, first = self.export(source, "first.ndjson")
        lines = [line for line in first.splitlines() if json.loads(line).get("thread") == "t1"]
        self.assertGreater(len(lines), 3)
        admin = target.admin()
        body = b'{"lines":[' + b",".join(line for line in lines[:3] if b"_text" not in line) + b"]}"
        answer = admin.post("/admin/threads/t1/import", body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(admin.get("/v1/threads/t1?include_deleted=true").status, 404)
        self.assertEqual(admin.get("/v1/threads?include_deleted=true").json["threads"], [])
        self.assertEqual(admin.get("/admin/threads/t1/export").status, 404)
        answer = admin.post("/v1/threads/t1/messages", {"body": 1, "author": "ann"})
        self.assertEqual((answer.status, answer.json["code"]), (409, "thread_importing"))
        self.assertEqual(admin.get("/admin/threads/t1").status, 200)
        # whether the thread is held is not known yet
        message = json.loads(lines[0])["id"]
        answer = admin.post(f"/admin/threads/t1/messages/{message}/purge")
        self.assertEqual((answer.status, answer.json["code"]), (403, "thread_importing"))
        target.restart()
        admin = target.admin()
        self.assertEqual(admin.post("/admin/threads/t1/purge").status, 202)
        progressdb.wait_for(lambda: admin.get("/admin/threads/t1").status == 404, "the purge")
        self.tool(target, "import", path)
        self.same(first, self.export(target, "second.ndjson")[1])
        self.check(target)

if __name__ == "__main__":
    unittest.main()
