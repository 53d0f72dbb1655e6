# SPDX-License-Identifier: Apache-2.0
"""The life of connections: order, deadlines, workers, held answers, TLS, stopping."""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

from raw_http import Conn, Server, eventually

GET = "GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


class Life(unittest.TestCase):
    flags = {}

    def start(self, **flags):
        self.server = Server(**flags)
        self.addCleanup(self.end)
        return self.server

    def end(self):
        if self.server.process.poll() is None:
            self.assertEqual(self.server.stop(), 0)

    def slow_waiting(self):
        with self.server.connect() as conn:
            return int(conn.ask("POST", "/release?count=0").body)

    def release(self, count=1):
        with self.server.connect() as conn:
            conn.ask("POST", "/release?count=%d" % count)

    def publish(self, ticket):
        with self.server.connect() as conn:
            conn.ask("POST", "/publish?ticket=%d" % ticket)


class Order(Life):
    def test_keep_alive(self):
        self.start()
        with self.server.connect() as conn:
            for i in range(200):
                self.assertEqual(conn.ask("GET", "/items/%d" % i).json()["id"], str(i))

    def test_pipeline_keeps_its_order(self):
        self.start()
        with self.server.connect() as conn:
            data = "".join(GET % ("/items/%d" % i) for i in range(300))
            conn.send(data)
            for i in range(300):
                self.assertEqual(conn.answer().json()["id"], str(i))

    def test_pipeline_with_bodies_cut_anywhere(self):
        self.start()
        data = "".join("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" %
                       (i, "b" * i) for i in range(40)).encode()
        with self.server.connect() as conn:
            for start in range(0, len(data), 97):
                conn.send(data[start:start + 97])
            for i in range(40):
                self.assertEqual(conn.answer().body, b"b" * i)

    def test_slow_one_holds_up_those_behind_it(self):
        self.start()
        with self.server.connect() as conn:
            conn.send(GET % "/slow" + GET % "/items/2" + "GET /bad path HTTP/1.1\r\n\r\n")
            self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
            conn.sock.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                conn.fill()
            conn.sock.settimeout(20)
            self.release()
            self.assertEqual(conn.answer().body, b"slow")
            self.assertEqual(conn.answer().json()["id"], "2")
            self.assertEqual(conn.answer().status, 400)
            conn.half_close()
            self.assertTrue(conn.closed())

    def test_half_close_still_gets_the_answer(self):
        self.start()
        for target in ("/items/1", "/big?size=3000000", "/hold?ticket=0"):
            with self.subTest(target), self.server.connect() as conn:
                conn.send(GET % target)
                conn.half_close()
                self.assertEqual(conn.answer().status, 200)
                self.assertTrue(conn.closed())
        with self.server.connect() as conn:
            conn.send(GET % "/slow")
            conn.half_close()
            self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
            self.release()
            self.assertEqual(conn.answer().body, b"slow")

    def test_half_request_then_end(self):
        self.start()
        for data in ("", "GET", "GET / HTTP/1.1\r\nHost:", "POST /echo HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 5\r\n\r\nab"):
            with self.subTest(data), self.server.connect() as conn:
                conn.send(data)
                conn.half_close()
                self.assertTrue(conn.closed())
        self.assertEqual(self.server.stats()["handled"], 0)

    def test_continue(self):
        self.start()
        with self.server.connect() as conn:
            for _ in range(3):
                conn.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                          "Content-Length: 3\r\n\r\n")
                self.assertEqual(conn.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
                conn.send("abc")
                self.assertEqual(conn.answer().body, b"abc")


class Workers(Life):
    def test_offloaded_and_blocking(self):
        self.start()
        for target in ("/slow", "/blocking"):
            with self.server.connect() as conn:
                conn.send(GET % target)
                self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
                self.release()
                answer = conn.answer()
                self.assertEqual(answer.body, b"slow")
                self.assertEqual(answer.all("X-Tried"), ["1"])
                self.assertEqual(conn.ask("GET", "/items/1").status, 200)

    def test_full_pool(self):
        self.start()
        conns = [self.server.connect() for _ in range(8)]
        for conn in conns:
            conn.send(GET % "/slow")
        self.assertTrue(eventually(lambda: self.slow_waiting() == 8))
        with self.server.connect() as conn:
            answer = conn.ask("GET", "/slow")
            self.assertEqual((answer.status, answer.json()["code"]), (503, "overloaded"))
            self.assertEqual(answer.header("Retry-After"), "1")
        self.release(8)
        for conn in conns:
            self.assertEqual(conn.answer().status, 200)
            conn.close()

    def reset(self, conn):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    def test_client_leaves_while_on_a_worker(self):
        self.start()
        for leave in (lambda conn: conn.close(), self.reset):
            conn = self.server.connect()
            conn.send(GET % "/slow")
            self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
            leave(conn)
            self.release()
            self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))

    def test_client_leaves_while_held(self):
        self.start()
        for ticket, leave in ((10, lambda conn: conn.close()), (11, self.reset)):
            conn = self.server.connect()
            conn.send(GET % ("/hold?ticket=%d" % ticket))
            self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 2))
            leave(conn)
            self.publish(ticket)
            self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))


class Held(Life):
    def test_held_until_published(self):
        self.start(loops=2)
        tickets = [5, 3, 9, 7, 3]
        conns = {}
        for i, ticket in enumerate(tickets):
            conns[i] = self.server.connect()
            conns[i].send(GET % ("/hold?ticket=%d" % ticket))
        self.assertTrue(eventually(lambda: self.server.stats()["handled"] == len(tickets)))
        for published in (2, 3, 5, 8, 9):
            self.publish(published)
            for i, ticket in enumerate(tickets):
                if ticket <= published and i in conns:
                    with conns.pop(i) as conn:
                        self.assertEqual(conn.answer().body, b"held")
            for conn in conns.values():
                conn.sock.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    conn.sock.recv(1)
                conn.sock.settimeout(20)
        self.assertEqual(conns, {})
        with self.server.connect() as conn:
            self.assertEqual(conn.ask("GET", "/hold?ticket=9").body, b"held")

    def test_held_from_a_worker(self):
        self.start()
        with self.server.connect() as late, self.server.connect() as early:
            late.send(GET % "/hold?ticket=4")
            early.send(GET % "/slow?ticket=2")
            self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
            self.release()
            self.assertTrue(eventually(lambda: self.server.stats()["handled"] == 2))
            self.publish(3)
            self.assertEqual(early.answer().body, b"slow")
            self.publish(4)
            self.assertEqual(late.answer().body, b"held")


class Deadlines(Life):
    def timed(self, act):
        start = time.monotonic()
        act()
        return time.monotonic() - start

    def test_fresh_connection(self):
        self.start(header_timeout=300)
        with self.server.connect() as conn:
            taken = self.timed(lambda: self.assertTrue(conn.closed()))
            self.assertTrue(0.2 < taken < 1.5, taken)

    def test_header_that_trickles(self):
        """A byte now and then must not move the deadline."""
        self.start(header_timeout=400)
        with self.server.connect() as conn:
            conn.sock.settimeout(0.05)
            start = time.monotonic()
            data = b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000
            for byte in data:
                conn.send(bytes([byte]))
                try:
                    conn.fill()
                except TimeoutError:
                    pass
                if conn.data:
                    break
            conn.sock.settimeout(20)
            answer = conn.answer()
            self.assertLess(time.monotonic() - start, 10)  # far less than a byte every 50 ms takes
            self.assertEqual((answer.status, answer.json()["code"]), (408, "request_timeout"))
            self.assertEqual(answer.header("Connection"), "close")

    def test_body(self):
        self.start(body_timeout=300)
        with self.server.connect() as conn:
            self.assertEqual(conn.ask("GET", "/").status, 200)
            conn.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            self.assertEqual(conn.answer().status, 408)
            conn.half_close()
            self.assertTrue(conn.closed())
        self.assertEqual(self.server.stats()["handled"], 1)

    def test_idle(self):
        self.start(idle_timeout=300)
        with self.server.connect() as conn:
            self.assertEqual(conn.ask("GET", "/").status, 200)
            taken = self.timed(lambda: self.assertTrue(conn.closed()))
            self.assertTrue(0.2 < taken < 1.5, taken)

    def test_work_has_no_deadline_of_ours(self):
        self.start(idle_timeout=100, header_timeout=100, body_timeout=100)
        with self.server.connect() as conn:
            conn.send(GET % "/hold?ticket=1")
            with self.server.connect() as other:
                self.assertTrue(other.closed())
            with self.server.connect() as other:
                self.assertTrue(other.closed())
            self.publish(1)
            self.assertEqual(conn.answer().body, b"held")

    def test_reader_that_does_not_read(self):
        self.start(idle_timeout=300)
        conn = self.server.connect()
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        conn.send(GET % "/big?size=20000000")
        self.assertTrue(eventually(lambda: self.server.stats()["handled"] == 1))
        self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))
        conn.close()

    def test_reader_that_reads_slowly_enough(self):
        self.start(idle_timeout=300)
        with self.server.connect() as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            conn.send(GET % "/big?size=8000000")
            start = time.monotonic()
            while time.monotonic() - start < 1.0:
                conn.exactly(2000)
                time.sleep(0.01)  # the slowness itself is what is tested
            self.assertEqual(self.server.stats()["connections"], 2)

    def test_reader_of_a_small_rest(self):
        self.start(idle_timeout=300)
        with self.server.connect() as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(4000):
                conn.send(GET % "/big?size=1000")
            self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))


class Limits(Life):
    def test_connection_cap(self):
        self.start(connections=3)
        conns = [self.server.connect() for _ in range(3)]
        for conn in conns:
            self.assertEqual(conn.ask("GET", "/").status, 200)
        with self.server.connect() as waiting:
            waiting.send(GET % "/items/4")
            waiting.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                waiting.fill()
            waiting.sock.settimeout(20)
            conns.pop().close()
            self.assertEqual(waiting.answer().json()["id"], "4")
        for conn in conns:
            self.assertEqual(conn.ask("GET", "/").status, 200)
            conn.close()

    def test_out_of_descriptors(self):
        self.start(descriptors=400, waste=350)
        conns = [self.server.connect() for _ in range(80)]
        for conn in conns:
            conn.send(GET % "/")
        self.assertEqual(conns[0].answer().status, 200)
        for conn in conns[:60]:
            conn.close()
        for conn in conns[60:]:
            self.assertEqual(conn.answer().status, 200)
            conn.close()
        self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))

    def test_descriptors_are_left_for_others(self):
        self.start(descriptors=80)
        conns = [self.server.connect() for _ in range(61)]
        for conn in conns:
            conn.send(GET % "/")
        for conn in conns[:60]:
            self.assertEqual(conn.answer().status, 200)
        conns[60].sock.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            conns[60].fill()
        for conn in conns:
            conn.close()

    def test_settings(self):
        self.start(body_max=1024, header_max=1024)
        with self.server.connect() as conn:
            self.assertEqual(conn.ask("POST", "/echo", body=b"a" * 1024).status, 200)
            self.assertEqual(conn.ask("GET", "/", [("X-A", "a" * 1100)]).status, 431)
        with self.server.connect() as conn:
            self.assertEqual(conn.ask("POST", "/echo", body=b"a" * 1025).status, 413)

    def test_many_connections(self):
        self.start(loops=2)
        conns = [self.server.connect() for _ in range(300)]
        for i, conn in enumerate(conns):
            conn.send(GET % ("/items/%d" % i))
        for i, conn in enumerate(conns):
            self.assertEqual(conn.answer().json()["id"], str(i))
        for conn in conns:
            conn.close()
        self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))

    def test_port_taken(self):
        self.start()
        with self.assertRaises(RuntimeError):
            Server(port=self.server.port)


class Tls(Life):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pdb-tls-")
        cls.cert = os.path.join(cls.folder, "cert.pem")
        cls.key = os.path.join(cls.folder, "key.pem")
        cls.make_cert()

    @classmethod
    def make_cert(cls):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", cls.key, "-out", cls.cert,
                        "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def wrap(self, **limits):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.cert)
        for name, value in limits.items():
            setattr(context, name, value)
        raw = socket.create_connection(("127.0.0.1", self.server.port), 20)
        return Conn(context.wrap_socket(raw))

    def start_tls(self, **flags):
        return self.start(cert=self.cert, key=self.key, **flags)

    def test_requests(self):
        self.start_tls()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.wrap(maximum_version=version) as conn:
                for i in range(20):
                    self.assertEqual(conn.ask("GET", "/items/%d" % i).json()["id"], str(i))
                self.assertEqual(len(conn.ask("GET", "/big?size=3000000").body), 3000000)
                body = b"b" * 300000
                self.assertEqual(conn.ask("POST", "/echo", body=body).body, body)
                conn.send("".join(GET % ("/items/%d" % i) for i in range(100)))
                for i in range(100):
                    self.assertEqual(conn.answer().json()["id"], str(i))

    def test_old_versions(self):
        self.start_tls()
        with self.assertRaises((ssl.SSLError, OSError)):
            self.wrap(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)

    def test_refusal(self):
        self.start_tls()
        with self.wrap() as conn:
            conn.send(GET % "/items/1" + "GET /bad path HTTP/1.1\r\n\r\n" + "x" * 50000)
            self.assertEqual(conn.answer().status, 200)
            self.assertEqual(conn.answer().status, 400)
            self.assertTrue(conn.closed())

    def test_continue_held_and_worker(self):
        self.start_tls()
        with self.wrap() as conn, self.wrap() as other:
            conn.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      "Content-Length: 3\r\n\r\n")
            self.assertEqual(conn.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
            conn.send("abc")
            self.assertEqual(conn.answer().body, b"abc")
            conn.send(GET % "/hold?ticket=1" + GET % "/slow")
            other.ask("POST", "/publish?ticket=1")
            self.assertEqual(conn.answer().body, b"held")
            self.assertTrue(eventually(
                lambda: other.ask("POST", "/release?count=0").body == b"1"))
            other.ask("POST", "/release?count=1")
            self.assertEqual(conn.answer().body, b"slow")

    def test_plain_text_and_silence(self):
        self.start_tls(header_timeout=300)
        with self.server.connect() as conn:
            conn.send(GET % "/")
            while conn.fill():
                pass
            self.assertNotIn(b"HTTP/1.1", conn.data)
        with self.server.connect() as conn:
            self.assertTrue(conn.closed())

    def serial(self):
        with self.wrap() as conn:
            self.assertEqual(conn.ask("GET", "/").status, 200)
            return conn.sock.getpeercert()["serialNumber"]

    def test_reload(self):
        self.start_tls()
        first = self.serial()
        with self.wrap() as old:
            self.make_cert()
            self.assertEqual(self.server.reload(), 0)
            self.assertNotEqual(self.serial(), first)
            self.assertEqual(old.ask("GET", "/items/1").status, 200)
            second = self.serial()
            with open(self.key, "w") as file:
                file.write("broken")
            self.assertNotEqual(self.server.reload(), 0)
            self.assertEqual(self.serial(), second)
            self.make_cert()

    def test_half_a_pair(self):
        with self.assertRaises(RuntimeError):
            Server(cert=self.cert)
        with self.assertRaises(RuntimeError):
            Server(cert=self.cert, key=self.cert)


class Stop(Life):
    def test_idle_server(self):
        self.start(loops=2)
        conns = [self.server.connect() for _ in range(5)]
        for conn in conns[:3]:
            self.assertEqual(conn.ask("GET", "/").status, 200)
        start = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - start, 4)
        for conn in conns:
            self.assertTrue(conn.closed())
            conn.close()

    def test_work_in_flight_is_answered(self):
        self.start()
        with self.server.connect() as slow, self.server.connect() as idle:
            self.assertEqual(idle.ask("GET", "/").status, 200)
            control = self.server.connect()
            control.send("POST /release?count=1 HTTP/1.1\r\nHost: a\r\n")
            slow.send(GET % "/slow")
            self.assertTrue(eventually(lambda: self.slow_waiting() == 1))
            self.server.terminate()
            self.assertTrue(idle.closed())
            with self.assertRaises(OSError):
                self.server.connect()
            control.send("\r\n")  # the rest of a request that had begun
            answer = control.answer()
            self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))
            answer = slow.answer()
            self.assertEqual((answer.body, answer.header("Connection")), (b"slow", "close"))
            self.assertTrue(slow.closed())
            control.close()
        self.assertEqual(self.server.wait(), 0)

    def test_gives_up(self):
        self.start(stop=300)
        with self.server.connect() as held:
            held.send(GET % "/hold?ticket=1")
            self.assertTrue(eventually(lambda: self.server.stats()["handled"] == 1))
            self.server.terminate()
            self.assertTrue(held.closed())
            self.assertEqual(self.server.wait(), 3)


if __name__ == "__main__":
    unittest.main()
