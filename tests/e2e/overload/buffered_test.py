# SPDX-License-Identifier: Apache-2.0
"""Large bodies that never end and large answers that nobody reads: memory stays within its bound."""
import json
import os
import socket
import time
import unittest

import progressdb

SANITIZED = "san" in os.environ.get("PDB_BUILD", "")
# How many connections hold on to something large; several times what the bound lets in.
COUNT = int(os.environ.get("PDB_BUFFERED_CONNECTIONS", "300"))
MIB = 1 << 20
MOST = 16 * MIB
UNCOUNTED = 32 * 1024  # of each request
RECOVERY = 5.0


class Buffered(unittest.TestCase):
    def setUp(self):
        # memory is the only reason to refuse here; how long a turn of the loop takes is judged elsewhere
        self.server = progressdb.Server(
            extra=f"server:\n  max_buffered: {MOST}\n  overload_after: 0\n  body_timeout: 5m\n  idle_timeout: 5m\n",
            log_level="info")
        self.addCleanup(self.server.close)
        self.server.start()
        self.ann, self.admin = self.server.backend("ann"), self.server.admin()
        self.peers = []
        self.addCleanup(self.leave)

    def leave(self):
        for peer in self.peers:
            peer.close()
        self.peers = []

    def connect(self):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(progressdb.DEADLINE)
        peer.connect(("127.0.0.1", self.server.port))
        self.peers.append(peer)
        return peer

    def begin(self, method, path, more=""):
        """Sends the head of a request on a connection of its own."""
        peer = self.connect()
        peer.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {progressdb.BACKEND}\r\n"
                     f"X-User-ID: ann\r\n{more}\r\n".encode())
        return peer

    def resident(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def metric(self, name):
        page = self.admin.get("/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name))

    def settle(self, each):
        """Waits until each body that is not held, of as many bytes, was refused."""
        def settled():
            shed = self.metric('progressdb_http_shed_requests_total{reason="memory"}')
            held = self.metric("progressdb_http_buffered_bytes") / each
            return abs(len(self.peers) - shed - held) < 0.5
        progressdb.wait_for(settled, "all are held or refused")

    def status(self, peer):
        """The status line and the head of the answer that a peer was given; None without one."""
        peer.setblocking(False)
        try:
            return peer.recv(4096).decode("latin-1")
        except (BlockingIOError, ConnectionResetError):
            return None

    def expect_service(self):
        """What is small is served, whoever holds what."""
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.server.client().get(path).status, 200)
        for n in range(20):
            start = time.monotonic()
            for answer in (self.ann.post("/v1/threads/small/messages", {"body": n}),
                           self.ann.get("/v1/threads/small/messages?limit=5")):
                self.assertEqual(answer.status, 200, answer.body)
            self.assertLess(time.monotonic() - start, 10)

    def expect_recovery(self, ask):
        """The room is there again when the others have gone, without a word."""
        start = time.monotonic()
        self.leave()
        progressdb.wait_for(lambda: self.metric("progressdb_http_buffered_bytes") == 0, "all is given back", RECOVERY)
        self.assertEqual(ask().status, 200)
        return time.monotonic() - start

    def judge(self, before, answers, ask):
        refused = [answer for answer in answers if answer]
        grown = self.resident() - before
        held = self.metric("progressdb_http_buffered_bytes")
        self.expect_service()
        took = self.expect_recovery(ask)
        print(f"{len(answers)} connections: {len(refused)} refused, {held / MIB:.1f} MiB held, "
              f"resident +{grown / MIB:.1f} MiB, recovery {took:.2f} s")
        for answer in refused:
            self.assertTrue(answer.startswith("HTTP/1.1 503 "), answer)
            self.assertIn("Retry-After: 1", answer)
        self.assertLessEqual(held, MOST)
        self.assertGreater(held, MOST / 2)
        self.assertEqual(self.metric("progressdb_http_buffered_max_bytes"), MOST)
        self.assertGreaterEqual(self.metric('progressdb_http_shed_requests_total{reason="memory"}'), len(refused))
        if not SANITIZED:
            # a buffer grows by doubling, and an allocator keeps some of what it was given back
            self.assertLess(grown, 2.5 * MOST + len(answers) * 64 * 1024)
        return refused

    def test_bodies_that_never_end(self):
        whole = json.dumps({"body": "x" * (MIB - 1000)}).encode()
        self.assertEqual(self.ann.post("/v1/threads/t/messages", whole).status, 200)
        before, half = self.resident(), b'{"body":"' + b"x" * (MIB // 2)
        for _ in range(COUNT):
            peer = self.begin("POST", "/v1/threads/t/messages",
                              f"Content-Type: application/json\r\nContent-Length: {MIB}\r\n")
            try:
                peer.sendall(half)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was answered, and what still came was thrown away for long enough
        each = len(half) - UNCOUNTED
        fit = MOST // each
        self.settle(each)
        # a chunked body says nothing of its size, and is held to the same; what was refused in the crowd may have left room
        for _ in range(fit + 1):
            chunked = self.begin("POST", "/v1/threads/t/messages",
                                 "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n")
            chunked.sendall(b"80009\r\n" + half)
            self.settle(each)
            answer = self.status(chunked)
            if answer:
                break
        self.assertTrue((answer or "").startswith("HTTP/1.1 503 "), answer)
        self.assertEqual(self.ann.post("/v1/threads/t/messages", whole).json["code"], "overloaded")
        refused = self.judge(before, [self.status(peer) for peer in self.peers[:COUNT]],
                             lambda: self.ann.post("/v1/threads/t/messages", whole))
        self.assertGreaterEqual(len(refused), COUNT - fit)

    def test_answers_that_nobody_reads(self):
        for n in range(8):
            self.assertEqual(self.ann.post("/v1/threads/t/messages", {"body": "x" * (MIB - 1000)}).status, 200)
        count = COUNT // 5  # of 8 MiB each, of which the kernel takes some
        before = self.resident()
        for _ in range(count):
            self.begin("GET", "/v1/threads/t/messages?limit=8")
        progressdb.wait_for(lambda: self.metric('progressdb_http_requests_total{route="/v1/threads/{thread}/messages",method="GET"')
                            >= count, "all are answered")
        answers = [self.status(peer) for peer in self.peers]
        given = [answer for answer in answers if answer.startswith("HTTP/1.1 200 ")]
        self.assertGreater(len(given), 0)
        self.assertEqual(self.ann.get("/v1/threads/t/messages?limit=8").json["code"], "overloaded")
        self.assertEqual(self.admin.get("/metrics").status, 200)
        self.judge(before, [None if answer in given else answer for answer in answers],
                   lambda: self.ann.get("/v1/threads/t/messages?limit=8"))


if __name__ == "__main__":
    unittest.main()
