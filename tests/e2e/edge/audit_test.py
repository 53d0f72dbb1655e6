# SPDX-License-Identifier: Apache-2.0
"""The audit log of a real server: calls of administration, and nothing else."""
import json
import os
import unittest

import progressdb


class AuditTest(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server(backend="memory")
        self.addCleanup(self.server.close)
        self.server.start()

    def lines(self):
        with open(os.path.join(self.server.db, "state", "audit", "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().splitlines()]

    def calls(self):
        return [line for line in self.lines() if line["event"].startswith("admin_")]

    def test_calls_are_written_down(self):
        answer = self.server.admin().get("/admin/there-is-no-such-thing?thread=soup")
        self.assertEqual(answer.status, 404)
        (call,) = progressdb.wait_for(self.calls, "the line is written")
        self.assertEqual((call["event"], call["method"], call["path"], call["status"], call["peer"]),
                         ("admin_call", "GET", "/admin/there-is-no-such-thing", 404, "127.0.0.1"))
        self.assertEqual(call["request_id"], answer.headers["x-request-id"])
        self.assertEqual(len(call["key"]), 8)
        self.assertGreater(call["ts"], 10 ** 18)

    def test_tries_of_others_do_not_fill_the_disk(self):
        stranger, user = self.server.client("pk_unknown_key"), self.server.frontend("ann")
        for _ in range(200):
            self.assertEqual(stranger.get("/admin/stats").status, 401)
            self.assertIn(user.get("/admin/stats").status, (403, 404))
        self.server.admin().get("/v1/threads?author=ann")
        self.server.stop()
        calls = self.calls()
        self.assertEqual({call["event"] for call in calls}, {"admin_refused"})
        self.assertLess(len(calls), 20)

    def test_what_is_queued_is_written_before_the_end(self):
        admin = self.server.admin()
        for number in range(100):
            admin.post(f"/admin/none-{number}")
        self.server.stop()
        self.assertEqual([call["path"] for call in self.calls()], [f"/admin/none-{number}" for number in range(100)])
        with open(self.server.log_path, encoding="utf-8") as file:
            self.assertNotIn("lost", file.read())


if __name__ == "__main__":
    unittest.main()
