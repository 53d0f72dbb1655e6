# SPDX-License-Identifier: Apache-2.0
"""TLS of the real server: certificates, versions and callers may change while it answers."""
import http.client
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import unittest

import progressdb
from authority import Authority

ROTATIONS = int(os.environ.get("PDB_TLS_ROTATIONS", "5"))

CONFIG = progressdb.CONFIG.format(backend="memory") + """\
  client_certificates: {{backend: {backend}, admin: {admin}}}
server:
  tls:
    cert_file: {cert}
    key_file: {key}
    min_version: "{version}"
    client_ca_file: "{ca}"
"""

TOP = {"backend": "off", "admin": "off", "version": "1.2", "ca": ""}


class TlsServer(progressdb.Server):
    """Ready is what its log says: who may connect is what is tested."""

    def _ready(self):
        return True

    def configure(self, **settings):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(**settings))


class TlsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pdb-tls-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.authority = Authority(self.folder, "servers")
        self.clients = Authority(self.folder, "clients")
        cert, key = self.authority.issue("localhost", "serverAuth")
        self.settings = dict(TOP, cert=cert, key=key)

    def start(self, **settings):
        self.settings.update(settings)
        self.server = TlsServer(config=CONFIG.format(**self.settings))
        self.addCleanup(self.server.close)
        self.server.start()

    def reload(self, **settings):
        """Returns once the server has taken the configuration over, or refused it."""
        said = self.ended()
        self.settings.update(settings)
        self.server.configure(**self.settings)
        self.server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: self.ended() > said, "the reload")

    def ended(self):
        log = self.server.log()
        return log.count("configuration reloaded") + log.count("old one stays in force")

    def context(self, pair=None, **limits):
        context = ssl.create_default_context(cafile=self.authority.cert)
        for name, value in limits.items():
            setattr(context, name, value)
        if pair is not None:
            context.load_cert_chain(*pair)
        return context

    def connect(self, pair=None, **limits):
        conn = http.client.HTTPSConnection("127.0.0.1", self.server.port,
                                           timeout=progressdb.DEADLINE,
                                           context=self.context(pair, **limits))
        self.addCleanup(conn.close)
        return conn

    def status(self, conn, key, method="GET", path="/v1/threads/none"):
        conn.request(method, path, headers={"Authorization": "Bearer " + key, "X-User-ID": "u",
                                            "X-User-Signature": progressdb.sign("u")})
        response = conn.getresponse()
        body = response.read()
        return response.status, body

    def serial(self):
        conn = self.connect()
        conn.connect()
        serial = conn.sock.getpeercert()["serialNumber"]
        conn.close()
        return serial

    # -- the server's own certificate ---------------------------------------------------------

    def test_exchanged_under_load(self):
        self.start()
        stop = threading.Event()
        asked, faults = [0] * 4, []

        def ask(worker):
            conn = None
            try:
                while not stop.is_set():
                    if conn is None or asked[worker] % 25 == 0:
                        conn = self.connect()
                    status, body = self.status(conn, progressdb.BACKEND, path="/healthz")
                    if status != 200:
                        faults.append((status, body))
                    asked[worker] += 1
            except Exception as fault:  # pylint: disable=broad-except
                faults.append(fault)

        workers = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
        for worker in workers:
            worker.start()
        kept = self.connect()
        kept.connect()
        sock = kept.sock
        serials, slowest = {self.serial()}, 0.0
        for _ in range(ROTATIONS):
            self.authority.issue("localhost", "serverAuth")
            before = self.serial()
            began = time.monotonic()
            self.server.process.send_signal(signal.SIGHUP)
            progressdb.wait_for(lambda: self.serial() != before, "the new certificate")
            slowest = max(slowest, time.monotonic() - began)
            serials.add(self.serial())
            self.assertEqual(self.status(kept, progressdb.BACKEND, path="/healthz")[0], 200)
        stop.set()
        for worker in workers:
            worker.join()
        self.assertEqual(faults, [])
        self.assertEqual(len(serials), ROTATIONS + 1)
        self.assertIs(kept.sock, sock, "the connection of before is still the same")
        self.assertLess(slowest, 1.0)
        print(f"{ROTATIONS} certificates, {sum(asked)} requests, no fault, in use after at most "
              f"{slowest * 1000:.0f} ms", file=sys.stderr)

    def test_bad_one_changes_nothing(self):
        self.start()
        before = self.serial()
        with open(self.settings["key"], encoding="ascii") as file:
            good = file.read()
        for text in ("", "broken", good.replace("A", "B")):
            with open(self.settings["key"], "w", encoding="ascii") as file:
                file.write(text)
            self.reload()
            self.assertEqual(self.serial(), before)
        self.assertIn("TLS stays as it was", self.server.log())
        self.assertNotIn("PRIVATE KEY", self.server.log())
        with open(self.settings["key"], "w", encoding="ascii") as file:
            file.write(good)
        self.reload()
        self.assertEqual(self.serial(), before)

    def test_oldest_version(self):
        self.start()
        old = {"maximum_version": ssl.TLSVersion.TLSv1_2}
        kept = self.connect(**old)
        self.assertEqual(self.status(kept, progressdb.BACKEND, path="/healthz")[0], 200)
        self.reload(version="1.3")
        with self.assertRaises((ssl.SSLError, OSError)):
            self.status(self.connect(**old), progressdb.BACKEND, path="/healthz")
        self.assertEqual(self.status(self.connect(), progressdb.BACKEND, path="/healthz")[0], 200)
        self.assertEqual(self.status(kept, progressdb.BACKEND, path="/healthz")[0], 200)

    def test_switching_needs_a_restart(self):
        self.start()
        self.reload(cert='""', key='""')
        self.assertEqual(self.status(self.connect(), progressdb.BACKEND, path="/healthz")[0], 200)

    # -- certificates of clients --------------------------------------------------------------

    def test_required_of_a_role(self):
        pair = self.clients.issue("backend-1", "clientAuth")
        self.start(backend="required", ca=self.clients.cert)
        status, body = self.status(self.connect(), progressdb.BACKEND)
        self.assertEqual(status, 403)
        self.assertIn(b"client_certificate_required", body)
        self.assertEqual(self.status(self.connect(pair), progressdb.BACKEND)[0], 404)
        self.assertEqual(self.status(self.connect(), progressdb.FRONTEND)[0], 404,
                         "nobody else is asked")
        self.assertEqual(self.status(self.connect(), progressdb.BACKEND, path="/healthz")[0], 200)

    def test_of_another_authority_or_purpose(self):
        stranger = Authority(self.folder, "strangers").issue("backend-1", "clientAuth")
        server = self.clients.issue("backend-2", "serverAuth")
        self.start(backend="required", ca=self.clients.cert)
        for pair in (stranger, server):
            with self.assertRaises((ssl.SSLError, OSError, http.client.HTTPException)):
                self.status(self.connect(pair), progressdb.BACKEND)

    def test_authority_exchanged_while_connected(self):
        pair = self.clients.issue("backend-1", "clientAuth")
        others = Authority(self.folder, "others")
        self.start(backend="required", ca=self.clients.cert)
        conn = self.connect(pair)
        self.assertEqual(self.status(conn, progressdb.BACKEND)[0], 404)
        self.reload(ca=others.cert)
        self.assertEqual(self.status(conn, progressdb.BACKEND)[0], 403)
        fresh = self.connect(others.issue("backend-1", "clientAuth"))
        self.assertEqual(self.status(fresh, progressdb.BACKEND)[0], 404)

    def test_needs_tls_and_an_authority(self):
        self.start()
        self.reload(admin="required")
        progressdb.wait_for(lambda: "needs TLS and server.tls.client_ca_file" in self.server.log(),
                            "the problem is told")
        self.assertEqual(self.status(self.connect(), progressdb.BACKEND)[0], 404)


class AdminListenerTest(unittest.TestCase):
    """The configuration reaches the listener; what it does is tested in tests/e2e/http."""

    def test_local_socket(self):
        folder = tempfile.mkdtemp(prefix="pdb-admin-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "admin.sock")
        server = progressdb.Server("memory", extra=f"admin: {{listen: 'unix:{path}', socket_mode: '0660'}}\n")
        self.addCleanup(server.close)
        server.start()
        self.assertIn(f"administration at unix:{path}", server.log())
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 200"))
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.sendall(b"GET /v1/threads HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                         + progressdb.BACKEND.encode() + b"\r\nConnection: close\r\n\r\n")
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 404"))
        server.stop()
        self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
