# SPDX-License-Identifier: Apache-2.0
"""A server over progressdb-kms, by each way that a server may reach it, and what tests do with it."""
import os
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest

from authority import Authority
from kms import MASTER, SECRET, Daemon, free_port, private
from progressdb import wait_for
from relay import Relay
from sealed import Sealed

WAYS = ("unix", "tls", "token")
MARK = "kms-canary"
# how long an answer may take; 2 s hold on a machine that is not busy
QUICK = float(os.environ.get("PDB_QUICK", "20"))
DONE = 3


class Served:
    """The daemon runs from the start, the server is started by the test. `role` is the server's,
    `more` are options of the daemon, `asking` are some of the server."""

    def __init__(self, way="unix", role="server", more=None, relay=False, environment=None, **asking):
        self.folder = tempfile.mkdtemp(prefix="pdb-served-")
        listen, options, self.credentials = getattr(self, way)(role)
        self.daemon = Daemon(listen, {**options, **(more or {})}, environment=environment)
        self.relay = Relay(self.daemon.listen) if relay else None
        self.endpoint = (self.relay or self.daemon).listen
        self.sealed = Sealed(kms="external", more_kms=self.asking(**asking))
        self.server = self.sealed.server
        self.server.secrets.update((SECRET, SECRET[::-1]))

    def asking(self, prepared=8, ttl="60s", timeout="1500ms"):
        return f"    endpoint: {self.endpoint}\n    prepared: {prepared}\n    timeout: {timeout}\n" \
               f"    cache:\n      ttl: {ttl}\n" + self.credentials

    def unix(self, role):
        roles = {f"kms.users.{one}": [] for one in ("server", "operator", "auditor")}
        return None, roles | {f"kms.users.{role}": [str(os.getuid())]}, ""

    def tls(self, role):
        self.authority = Authority(self.folder, "good")
        self.trusted, self.certificate, self.client = (
            os.path.join(self.folder, name) for name in ("trusted.pem", "kms", "client"))
        shutil.copy(self.authority.cert, self.trusted)
        self.place(self.authority.issue("kms", "serverAuth"), self.certificate)
        self.place(self.authority.issue("node1", "clientAuth"), self.client)
        options = {"kms.tls.cert_file": self.certificate + ".pem", "kms.tls.key_file": self.certificate + ".key",
                   "kms.tls.client_ca_file": self.trusted, f"kms.certificates.{role}": ["node1"]}
        credentials = f"    ca_file: {self.trusted}\n    cert_file: {self.client}.pem\n" \
                      f"    key_file: {self.client}.key\n"
        return f"https://127.0.0.1:{free_port()}", options, credentials

    def token(self, role):
        self.tokens = private(os.path.join(self.folder, "tokens"), f"{role} node1 {SECRET}\n")
        self.own_token = private(os.path.join(self.folder, "token"), f"{role} node1 {SECRET}\n")
        return f"http://127.0.0.1:{free_port()}", {"kms.token_file": self.tokens}, \
            f"    token_file: {self.own_token}\n"

    @staticmethod
    def place(pair, base):
        """Puts a certificate and its key where they are read."""
        for path, ending in zip(pair, (".pem", ".key")):
            shutil.copy(path, base + ending)

    def close(self):
        try:
            self.sealed.close()
        finally:
            if self.relay is not None:
                self.relay.close()
            self.daemon.close()
            shutil.rmtree(self.folder)

    def files(self):
        """All that the server and the daemon have written."""
        yield from self.sealed.files()
        for folder, _, names in os.walk(self.daemon.data):
            yield from (os.path.join(folder, name) for name in names)


class ServedCase(unittest.TestCase):
    """A test with a server over its daemon. What was answered with 200 is in `said`."""

    def begin(self, *ways, start=True, **settings):
        self.served = Served(*ways, **settings)
        self.addCleanup(self.served.close)
        self.daemon, self.server = self.served.daemon, self.served.server
        self.said = {}
        self.slowest = 0
        self.kept = threading.local()
        if start:
            self.server.start()

    def reload(self):
        """The server reads its files again; what its log says of that."""
        before = len(self.server.log())
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: re.search("configuration reloaded|not reloaded", self.server.log()[before:]), "a reload")
        return self.server.log()[before:]

    def user(self):
        """A client of the thread that calls."""
        if getattr(self.kept, "client", None) not in self.server.clients:
            self.kept.client = self.server.frontend("ann")
        return self.kept.client

    def timed(self, method, path, body=None):
        """200, or in time a 503 that says when to come again."""
        began = time.monotonic()
        answer = self.user().request(method, path, body)
        took = time.monotonic() - began
        self.assertLess(took, QUICK)
        self.slowest = max(self.slowest, took)
        if answer.status != 200:
            self.assertEqual((answer.status, answer.json["code"]), (503, "kms_unavailable"), answer)
            self.assertIn("retry-after", answer.headers)
        return answer

    def post(self, thread, message):
        body = {"text": f"{MARK} {thread} {message}"}
        answer = self.timed("POST", f"/v1/threads/{thread}/messages", {"id": message, "body": body})
        if answer.status == 200:
            self.said[(thread, message)] = [body]
        return answer.status

    def edit(self, thread, message):
        body = {"text": f"{MARK} {thread} {message} {len(self.said[(thread, message)])}"}
        answer = self.timed("PUT", f"/v1/threads/{thread}/messages/{message}", {"body": body})
        if answer.status == 200:
            self.said[(thread, message)].append(body)
        return answer.status

    def read(self, thread, message):
        answer = self.timed("GET", f"/v1/threads/{thread}/messages/{message}")
        if answer.status == 200:
            self.assertEqual(answer.json["body"], self.said[(thread, message)][-1])
        return answer.status

    def until_served(self, thread, message):
        """That a key could not be had is remembered for a second."""
        wait_for(lambda: (self.post if (thread, message) not in self.said else self.read)(thread, message) == 200,
                 "a key")

    def read_all(self, destroyed=()):
        user = self.user()
        for (thread, message), bodies in self.said.items():
            answer = user.get(f"/v1/threads/{thread}/messages/{message}/versions")
            self.assertEqual(answer.status, 200, answer)
            wanted = [{"_undecryptable": True}] * len(bodies) if thread in destroyed else bodies
            self.assertEqual([version["body"] for version in answer.json["versions"]], wanted)

    def ready(self):
        answer = self.server.client().get("/readyz")
        self.assertEqual(answer.status, 200)
        return answer.json

    def until_ready(self, keys=True):
        """/readyz says whether the keys can be had."""
        wait_for(lambda: self.ready().get("keys", True) == keys, "/readyz")
        self.assertEqual(self.ready()["status"], "ok" if keys else "degraded")

    def admin(self, method, path, body=None, status=200):
        answer = self.server.admin().request(method, "/admin/encryption/" + path, body)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def job(self, path, params):
        job = self.admin("POST", path, params, 202)["id"]
        look = self.server.admin()
        view = wait_for(lambda: (lambda v: v if v["state"] >= DONE else None)(
            look.get(f"/admin/test-jobs/{job}").json), "the job", 60)
        self.assertEqual(view["state"], DONE, view)
        return view["result"]

    def nothing_in_clear(self):
        for path in self.served.files():
            with open(path, "rb") as file:
                data = file.read()
            for needle in (MARK.encode(), MASTER.encode(), bytes.fromhex(MASTER), SECRET.encode()):
                self.assertNotIn(needle, data, path)
