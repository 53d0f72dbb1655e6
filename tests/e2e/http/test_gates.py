# SPDX-License-Identifier: Apache-2.0
"""Gates: what they learn of a request, and that each is told of the end of what it saw."""
import os
import socket
import struct
import unittest

from raw_http import Server, eventually

GET = "GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
ROUNDS = int(os.environ.get("PDB_HTTP_ROUNDS", "40"))


class Gates(unittest.TestCase):
    def setUp(self):
        self.server = Server(loops=2)
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))

    def ask(self, method, target, headers=()):
        with self.server.connect() as conn:
            return conn.ask(method, target, list(headers))

    def test_route_is_known_before_its_absence_is_answered(self):
        known = (("GET", "/items/7", "/items/{id}"), ("HEAD", "/items/7", "/items/{id}"),
                 ("GET", "/files/a/b", "/files/{*id}"), ("GET", "/private", "/private"),
                 ("GET", "/none", ""), ("PUT", "/items/7", ""), ("OPTIONS", "/items/7", ""),
                 ("OPTIONS", "*", ""))
        for method, target, route in known:
            with self.subTest((method, target)):
                self.assertEqual(self.ask(method, target).header("X-Gate-Route"), route)
                denied = self.ask(method, target, [("X-Deny", "1")])
                self.assertEqual((denied.status, denied.header("X-Gate-Route")), (429, route))
        self.assertEqual(self.ask("GET", "/files/a/b").json()["route"], "/files/{*id}")

    def test_status_is_known_when_the_answer_leaves(self):
        for target, status in (("/items/1", 200), ("/none", 404), ("/private", 401),
                               ("/fail?how=1", 500), ("/fail?how=2", 400)):
            self.assertEqual(self.ask("GET", target).header("X-Gate-Status"), str(status))
        with self.server.connect() as conn:
            conn.send("GET /bad path HTTP/1.1\r\n\r\n")
            answer = conn.answer()
            self.assertEqual((answer.status, answer.header("X-Gate-Status")), (400, "400"))

    def test_key_and_addresses(self):
        seen = self.ask("GET", "/").json()
        self.assertEqual((seen["key"], seen["peer"], seen["socket_peer"]),
                         ("", "127.0.0.1", "127.0.0.1"))
        seen = self.ask("GET", "/", [("X-Role", "backend"), ("X-Peer", "2001:db8::7")]).json()
        self.assertEqual((seen["key"], seen["peer"], seen["socket_peer"]),
                         ("test", "2001:db8::7", "127.0.0.1"))
        for bad in ("", "a b", "x" * 64):
            self.assertEqual(self.ask("GET", "/", [("X-Peer", bad)]).status, 400)
        self.assertEqual(self.ask("GET", "/", [("X-Peer", "x" * 63)]).json()["peer"], "x" * 63)
        self.assertEqual((seen["certificate"], seen["name"]), ("", ""))

    def all_left(self, entered):
        """True when everything but the question itself has left, once for each gate."""
        stats = self.server.stats()
        return (stats["entered"] - 1 == entered + self.asked and
                stats["left_first"] == stats["left_last"] == stats["entered"] - 1)

    def leaves(self, count, act):
        """`act` brings in `count` requests and asks for the numbers `self.asked` times."""
        before = self.server.stats()["entered"]
        self.asked = 0
        act()

        def settled():
            done = self.all_left(before + count)
            self.asked += 1
            return done
        self.assertTrue(eventually(settled), self.server.stats())

    def test_each_answered_request_leaves(self):
        def act():
            for target in ("/items/1", "/none", "/private", "/fail?how=1", "/big?size=3000000"):
                self.ask("GET", target)
            self.ask("OPTIONS", "*")
        self.leaves(6, act)

    def test_a_pipeline_leaves(self):
        def act():
            with self.server.connect() as conn:
                conn.send("".join(GET % ("/items/%d" % i) for i in range(100)))
                for _ in range(100):
                    conn.answer()
        self.leaves(100, act)

    def test_refused_by_a_later_gate(self):
        """Only the gates that saw it are told: here all, the last one refuses."""
        self.leaves(1, lambda: self.ask("GET", "/", [("X-Deny", "1")]))
        before = self.server.stats()
        asked = []

        def settled():
            """The end of an answered request may be told a moment later, and asking is a request."""
            asked.append(self.server.stats())
            return asked[-1]["left_first"] - before["left_first"] == 1 + len(asked)
        self.ask("GET", "/", [("X-Peer", "a b")])  # refused by the first gate
        self.assertTrue(eventually(settled), asked[-1])
        self.assertEqual(asked[-1]["left_last"] - before["left_last"], len(asked))

        def told():
            self.ask("GET", "/", [("X-Peer", "a b")])
            return self.server.stats()["last_left"] == 400
        self.assertTrue(eventually(told))

    def test_what_the_guard_refused_was_not_seen(self):
        def act():
            with self.server.connect() as conn:
                conn.send("GET /bad path HTTP/1.1\r\n\r\n")
                self.assertEqual(conn.answer().status, 400)
        self.leaves(0, act)

    def waiting(self):
        self.asked += 1
        return int(self.ask("POST", "/release?count=0").body)

    def release(self, count=1):
        self.asked += 1
        self.ask("POST", "/release?count=%d" % count)

    def reset(self, conn):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    def test_client_gone_while_a_worker_has_it(self):
        for leave in (lambda conn: conn.close(), self.reset):
            def act():
                conn = self.server.connect()
                conn.send(GET % "/slow")
                self.assertTrue(eventually(lambda: self.waiting() == 1))
                leave(conn)
                before = self.server.stats()
                self.asked += 1
                self.release()
                self.assertGreaterEqual(before["entered"], before["left_first"] + 2)
            self.leaves(1, act)

    def test_client_gone_while_its_answer_is_held(self):
        def act():
            conns = [self.server.connect() for _ in range(5)]
            for i, conn in enumerate(conns):
                conn.send(GET % ("/hold?ticket=%d" % (i + 1)))
            for i, conn in enumerate(conns):
                (self.reset if i % 2 else type(conn).close)(conn)
            self.ask("POST", "/publish?ticket=9")
        # a client that has gone before its request was read may have left nothing to read
        before = self.server.stats()["entered"]
        act()

        def settled():
            stats = self.server.stats()
            return (stats["left_first"] == stats["left_last"] == stats["entered"] - 1 and
                    stats["entered"] > before)
        self.assertTrue(eventually(settled))

    def test_client_gone_in_the_middle_of_a_large_answer(self):
        def act():
            conn = self.server.connect()
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            conn.send(GET % "/big?size=20000000")
            conn.exactly(1000)
            self.reset(conn)
        self.leaves(1, act)

    def test_many_that_go_at_any_time(self):
        """Requests of every kind, cut off at any byte: none is left twice or never."""
        targets = ("/items/1", "/none", "/big?size=300000", "/hold?ticket=0", "/private")
        for i in range(ROUNDS):
            conn = self.server.connect()
            data = "".join(GET % target for target in targets).encode()
            conn.send(data[:1 + i * 7 % len(data)])
            (self.reset if i % 3 else type(conn).close)(conn)

        def settled():
            stats = self.server.stats()
            return stats["left_first"] == stats["left_last"] == stats["entered"] - 1
        self.assertTrue(eventually(settled))


if __name__ == "__main__":
    unittest.main()
