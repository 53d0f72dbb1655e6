# SPDX-License-Identifier: Apache-2.0
"""No descriptors left: those who are in are served, the others wait, and come in when there is room."""
import resource
import socket
import time
import unittest

import progressdb
from crowd import Crowd, wait_until_writable

RECOVERY = 5.0
FEW = 200


class Descriptors(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.reader = self.server.backend("reader")
        self.assertEqual(self.reader.post("/v1/threads/calm/messages", body={"body": 1}).status, 200)
        self.peers = []
        self.addCleanup(self.leave)

    def leave(self):
        for peer in self.peers:
            peer.close()
        self.peers = []

    def come(self, count):
        for _ in range(count):
            self.peers.append(socket.create_connection(("127.0.0.1", self.server.port)))

    def limit(self, count):
        resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, (count, count))

    def open_descriptors(self):
        return len(progressdb.os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_it_runs_out(self):
        client = self.server.backend("ann")
        with Crowd(self.server, 8, "crowd") as crowd:
            progressdb.wait_for(lambda: sum(crowd.acknowledged) > 100, "they write")
            self.limit(self.open_descriptors() + FEW)
            self.come(2 * FEW)
            progressdb.wait_for(lambda: "cannot accept connections just now" in self.server.log(),
                                "it says so")
            before = sum(crowd.acknowledged)
            for _ in range(100):
                self.assertEqual(self.reader.get("/v1/threads/calm/messages").status, 200)
            progressdb.wait_for(lambda: sum(crowd.acknowledged) > before + 100, "those who are in write on")
            start = time.monotonic()
            self.leave()
            late = self.server.backend("late")
            self.assertEqual(late.post("/v1/threads/late/messages", body={"body": 1}).status, 200)
            took = time.monotonic() - start + wait_until_writable(self.server)
        print(f"{dict(crowd.statuses)}; recovery {took:.2f} s")
        self.assertEqual(set(crowd.statuses), {200})
        self.assertLess(took, RECOVERY)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(crowd.lost(), {})
        self.assertEqual(client.get("/readyz").status, 200)
        page = self.server.admin().get("/metrics").body.decode()
        self.assertRegex(page, r'progressdb_http_accept_pauses_total{reason="descriptors"} [1-9]')


if __name__ == "__main__":
    unittest.main()
