# SPDX-License-Identifier: Apache-2.0
"""The administrators' listener: what is there and what is not, over TCP and a local socket."""
import os
import shutil
import signal
import socket
import stat
import tempfile
import unittest

from raw_http import Server, eventually

ADMIN = [("X-Role", "admin")]
GET = "GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


class Admin(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pdb-admin-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "admin.sock")

    def start(self, loops=2, **flags):
        self.server = Server(loops=loops, **flags)
        self.addCleanup(self.end, self.server)
        return self.server

    def end(self, server):
        if server.process.poll() is None:
            self.assertEqual(server.stop(), 0)

    def places(self):
        yield "127.0.0.1:0"
        yield "unix:" + self.path

    def test_without_one_everything_is_in_one_place(self):
        self.start()
        self.assertEqual(self.server.admin, "")
        with self.server.connect() as conn:
            answer = conn.ask("GET", "/admin/7", ADMIN)
            self.assertEqual((answer.status, answer.json()["admin"]), (200, False))
            self.assertEqual(conn.ask("GET", "/admin/7").status, 401)
            self.assertEqual(conn.ask("GET", "/admin/7", [("X-Role", "backend")]).status, 403)

    def test_what_is_where(self):
        for place in self.places():
            with self.subTest(place):
                self.start(admin_listen=place)
                with self.server.connect() as main, self.server.connect_admin() as admin:
                    answer = admin.ask("GET", "/admin/7", ADMIN)
                    self.assertEqual((answer.status, answer.json()["admin"]), (200, True))
                    self.assertEqual(admin.ask("GET", "/admin/7").status, 401)
                    answer = admin.ask("GET", "/healthz")
                    self.assertEqual((answer.status, answer.json()["admin"]), (200, True))
                    self.assertEqual(main.ask("GET", "/healthz").json()["admin"], False)
                    for target in ("/items/1", "/", "/none", "/private", "/stats", "/adminx"):
                        answer = admin.ask("GET", target, ADMIN)
                        self.assertEqual((target, answer.status), (target, 404))
                        self.assertEqual(answer.header("X-Gate-Route"), "")
                    for target in ("/admin/7", "/admin", "/admin/", "/admin/7/8"):
                        answer = main.ask("GET", target, ADMIN)
                        self.assertEqual((target, answer.status), (target, 404))
                        self.assertEqual(answer.header("X-Gate-Route"), "")
                    # not even that other methods are known there
                    self.assertEqual(main.ask("PUT", "/admin/7", ADMIN).status, 404)
                    self.assertEqual(admin.ask("PUT", "/admin/7", ADMIN).status, 405)
                    self.assertEqual(main.ask("OPTIONS", "/admin/7").status, 404)
                    self.assertEqual(admin.ask("PUT", "/items/7", ADMIN).status, 404)
                    self.assertEqual(main.ask("GET", "/items/1").status, 200)
                self.assertEqual(self.server.stop(), 0)

    def test_peer_of_a_local_socket(self):
        self.start(admin_listen="unix:" + self.path)
        with self.server.connect_admin() as conn:
            seen = conn.ask("GET", "/healthz").json()
            self.assertEqual((seen["peer"], seen["socket_peer"]), ("unix", "unix"))

    def test_bound_client_of_a_local_socket(self):
        """A client with a long name of its own."""
        self.start(admin_listen="unix:" + self.path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        name = os.path.join(self.folder, "c" * (105 - len(self.folder)))
        sock.bind(name)
        sock.connect(self.path)
        sock.sendall((GET % "/healthz").encode())
        self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 200"))
        sock.close()

    def test_file_mode(self):
        for flags, mode in (({}, 0o600), ({"socket_mode": "0660"}, 0o660),
                            ({"socket_mode": "666"}, 0o666)):
            self.start(admin_listen="unix:" + self.path, **flags)
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), mode)
            self.assertEqual(self.server.stop(), 0)
        for bad in ("0999", "66", "1777", "rw"):
            with self.assertRaises(RuntimeError):
                Server(admin_listen="unix:" + self.path, socket_mode=bad)

    def test_file_group(self):
        groups = [g for g in os.getgroups() + [os.getgid()] if g != os.getgid()] or [os.getgid()]
        self.start(admin_listen="unix:" + self.path, socket_group=str(groups[0]))
        self.assertEqual(os.stat(self.path).st_gid, groups[0])
        with self.assertRaises(RuntimeError):
            Server(admin_listen="unix:" + self.path + "2", socket_group="no-such-group")

    def test_file_is_gone_after_the_end(self):
        self.start(admin_listen="unix:" + self.path)
        self.assertTrue(os.path.exists(self.path))
        self.assertEqual(self.server.stop(), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_file_left_by_a_kill_is_replaced(self):
        self.start(admin_listen="unix:" + self.path)
        self.server.process.send_signal(signal.SIGKILL)
        self.server.wait()
        self.assertTrue(os.path.exists(self.path))
        self.start(admin_listen="unix:" + self.path)
        with self.server.connect_admin() as conn:
            self.assertEqual(conn.ask("GET", "/admin/1", ADMIN).status, 200)

    def test_second_process_takes_nothing_away(self):
        self.start(admin_listen="unix:" + self.path)
        for _ in range(3):
            with self.assertRaises(RuntimeError):
                Server(admin_listen="unix:" + self.path)
        with self.server.connect_admin() as conn:
            self.assertEqual(conn.ask("GET", "/admin/1", ADMIN).status, 200)

    def test_strangers_socket_and_file_are_left_alone(self):
        other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        other.bind(self.path)
        other.listen()
        with self.assertRaises(RuntimeError):
            Server(admin_listen="unix:" + self.path)
        other.close()
        os.unlink(self.path)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("mine")
        with self.assertRaises(RuntimeError):
            Server(admin_listen="unix:" + self.path)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_bad_places(self):
        for bad in ("127.0.0.1", "127.0.0.1:99999", "unix:", "unix:" + "x" * 108,
                    "unix:/no/such/folder/s", "no.such.host.invalid:1"):
            with self.subTest(bad), self.assertRaises(RuntimeError):
                Server(admin_listen=bad)

    def test_port_taken(self):
        self.start(admin_listen="127.0.0.1:0")
        with self.assertRaises(RuntimeError):
            Server(admin_listen=self.server.admin.split("//", 1)[1])

    def test_one_cap_over_all_listeners(self):
        # with one loop the cap is exact; each further one may take one more before it knows
        self.start(admin_listen="unix:" + self.path, connections=3, loops=1)
        conns = [self.server.connect_admin(), self.server.connect_admin()]
        for conn in conns:
            self.assertEqual(conn.ask("GET", "/healthz").status, 200)
        main = self.server.connect()
        self.assertEqual(main.ask("GET", "/").status, 200)
        late = self.server.connect_admin()
        late.send(GET % "/healthz")
        late.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            late.fill()
        late.sock.settimeout(20)
        main.close()
        self.assertEqual(late.answer().status, 200)
        for conn in conns + [late]:
            conn.close()

    def test_stop_ends_both(self):
        self.start(admin_listen="unix:" + self.path)
        with self.server.connect() as main, self.server.connect_admin() as admin:
            self.assertEqual(main.ask("GET", "/").status, 200)
            self.assertEqual(admin.ask("GET", "/healthz").status, 200)
            self.server.terminate()
            self.assertTrue(main.closed())
            self.assertTrue(admin.closed())
        self.assertEqual(self.server.wait(), 0)

    def test_many_on_a_local_socket(self):
        self.start(admin_listen="unix:" + self.path)
        conns = [self.server.connect_admin() for _ in range(200)]
        for i, conn in enumerate(conns):
            conn.send(GET.replace("\r\n\r\n", "\r\nX-Role: admin\r\n\r\n") % ("/admin/%d" % i))
        for i, conn in enumerate(conns):
            self.assertEqual(conn.answer().json()["id"], str(i))
            conn.close()
        self.assertTrue(eventually(lambda: self.server.stats()["connections"] == 1))


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
