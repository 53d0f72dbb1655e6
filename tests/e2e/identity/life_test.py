# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures begin, overlap and end while requests run; a user's are revoked."""
import datetime
import hashlib
import os
import signal
import sys
import threading
import time
import unittest

from progressdb import ADMIN, BACKEND, FRONTEND, Client, Server, sign, wait_for

OLD, NEW = "sk_the_old_backend_key", "sk_the_new_backend_key"

TOP = """\
storage: {backend: wiredtiger}
security:
"""


def stamp(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sha256(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


class Load:
    """Workers that ask as long as `use()` gives them header fields; every answer is kept."""

    def __init__(self, port, use, workers=4):
        self.port, self.use = port, use
        self.stop, self.seen, self.lock = threading.Event(), [], threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = Client(self.port)
        while not self.stop.is_set():
            name, fields = self.use()
            client.headers = fields
            begun = time.time()
            status = client.get("/v1/threads").status
            with self.lock:
                self.seen.append((name, begun, time.time(), status))
        client.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return self.seen


class Case(unittest.TestCase):
    def start(self, security):
        self.server = Server(config=TOP + security)
        self.server.secrets.update((OLD, NEW))
        self.addCleanup(self.server.close)
        self.server.start()

    def rewrite(self, security):
        """Replaces the configuration and returns when it is in force."""
        done = self.server.log().count("configuration reloaded")
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(TOP + security)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.log().count("configuration reloaded") > done, "the reload")


class Rotation(Case):
    def rotate(self, fields_of, before, overlap, end):
        """Asks with the old one until it ends and with the new one from when it is known."""
        self.start(before)
        turn, names = [0], ["old"]

        def use():
            turn[0] += 1
            name = names[turn[0] % len(names)]
            return name, fields_of(name)

        load = Load(self.server.port, use)
        wait_for(lambda: len(load.seen) > 100, "requests run")
        self.rewrite(overlap)
        names.append("new")
        wait_for(lambda: time.time() > end + 1.5, "the old one has ended")
        seen = load.end()
        wrong = [s for s in seen if s[3] != 200 and (s[0] == "new" or s[2] < end)]
        self.assertEqual(wrong, [], "nobody was turned away who should not be")
        late = [s for s in seen if s[0] == "old" and s[1] >= end and s[3] == 200]
        self.assertEqual(late, [], "the old one ended when it should")
        refused = [s for s in seen if s[0] == "old" and s[3] == 401]
        self.assertTrue(refused, "the old one was tried after its end")
        first = min(s[2] for s in refused) - end
        self.assertLess(first, 1.0)
        print(f"{len(seen)} requests, none wrongly refused; the old one failed {first * 1000:.0f} "
              "ms after its end", file=sys.stderr)

    def test_api_keys(self):
        end = int(time.time()) + 4
        keys = {"old": OLD, "new": NEW}
        old = f"    - {{id: old, role: backend, key: {OLD}, expires: '{stamp(end)}'}}\n"
        new = f"    - {{id: new, role: backend, key: '{sha256(NEW)}'}}\n"
        self.rotate(lambda name: {"Authorization": "Bearer " + keys[name], "X-User-ID": "ann"},
                    "  keys:\n" + old, "  keys:\n" + old + new, end)

    def test_signing_keys(self):
        end = int(time.time()) + 4
        keys = {"old": OLD, "new": NEW}
        top = f"  api_keys: {{frontend: [{FRONTEND}]}}\n  signing:\n    keys:\n"
        old = f"      - {{id: old, key: {OLD}, expires: '{stamp(end)}'}}\n"
        new = f"      - {{id: new, key: {NEW}}}\n"
        self.rotate(lambda name: {"Authorization": "Bearer " + FRONTEND, "X-User-ID": "ann",
                                  "X-User-Signature": sign("ann", keys[name])},
                    top + old, top + old + new, end)

    def test_a_reload_drops_no_connection(self):
        self.start(f"  api_keys: {{backend: [{OLD}]}}\n")
        client = self.server.client(OLD, "ann")
        self.assertEqual(client.get("/v1/threads").status, 200)
        sock = client.connection.sock
        for i in range(10):
            self.rewrite(f"  api_keys: {{backend: [{OLD}, sk_another_key_{i}]}}\n")
            self.assertEqual(client.get("/v1/threads").status, 200)
        self.assertIs(client.connection.sock, sock)


class Kept(Case):
    """Keys that are not in the configuration."""

    def status(self, key):
        client = self.server.client(key, "ann")
        return client.get("/v1/threads").status

    def test_in_files_and_credentials(self):
        self.server = Server(config="")
        self.addCleanup(self.server.close)
        folder = os.path.join(self.server.directory, "credentials")
        os.mkdir(folder, 0o700)
        for name, key in (("old", OLD), ("new", NEW), ("later", ADMIN)):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.write(key + "\n")
        self.server.environment["CREDENTIALS_DIRECTORY"] = folder
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(TOP + f"  api_keys: {{backend: ['file:{folder}/old']}}\n"
                       "  keys: [{id: n, role: backend, key: 'credential:new'}]\n")
        self.server.secrets.update((OLD, NEW))
        self.server.start()
        self.assertEqual((self.status(OLD), self.status(NEW), self.status(BACKEND)),
                         (200, 200, 401))
        # a file that changes is read again with the next reload
        os.replace(os.path.join(folder, "later"), os.path.join(folder, "new"))
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.status(ADMIN) == 200, "the new content of the file")
        self.assertEqual((self.status(OLD), self.status(NEW)), (200, 401))

    def test_from_an_address(self):
        self.start(f"  keys:\n    - {{id: a, role: backend, key: {OLD}, addresses: [127.0.0.0/8]}}\n"
                   f"    - {{id: b, role: backend, key: {NEW}, addresses: [192.0.2.0/24]}}\n")
        self.assertEqual((self.status(OLD), self.status(NEW)), (200, 401))
        self.assertIn("comes with key a", self.server.log())


class Revocation(Case):
    def setUp(self):
        self.start(f"  api_keys: {{frontend: [{FRONTEND}], backend: [{BACKEND}], admin: [{ADMIN}]}}\n"
                   "  failed_auth: {per_minute: 0}\n")
        self.backend = self.server.backend()

    def sign(self, user, **more):
        answer = self.backend.post("/v1/_sign", dict(more, userId=user))
        self.assertEqual(answer.status, 200, answer)
        signature = answer.json["signature"]
        self.server.secrets.add(signature)
        return signature

    def status(self, user, signature):
        client = self.server.client(FRONTEND, user)
        client.headers["X-User-Signature"] = signature
        answer = client.get("/v1/threads")
        return answer.status, answer.json.get("code")

    def test_ends_at_once_and_stays_so(self):
        bare, token = self.sign("ann"), self.sign("ann", expires_in=3600)
        other = self.sign("bob", expires_in=3600)
        for signature in (bare, token):
            self.assertEqual(self.status("ann", signature), (200, None))
        self.assertEqual(self.server.frontend("ann").post("/v1/_revoke", {"userId": "bob"}).status, 403)
        self.assertEqual(self.server.admin().post("/v1/_revoke", {"userId": "ann"}).status, 200)
        for _ in range(2):
            for signature in (bare, token):
                self.assertEqual(self.status("ann", signature), (401, "bad_signature"))
            self.assertEqual(self.status("bob", other), (200, None))
            again = self.sign("ann", expires_in=3600)
            self.assertEqual(self.status("ann", again), (200, None))
            self.server.restart()
            self.backend = self.server.backend()
            self.assertEqual(self.status("ann", again), (200, None))

    def test_survives_a_kill(self):
        """An answered revocation is on disk."""
        tokens = {f"user-{i}": self.sign(f"user-{i}", expires_in=3600) for i in range(20)}
        for user in tokens:
            self.assertEqual(self.backend.post("/v1/_revoke", {"userId": user}).status, 200)
        self.server.kill()
        self.server.start()
        for user, token in tokens.items():
            self.assertEqual(self.status(user, token), (401, "bad_signature"))

    def test_of_another_database(self):
        """A signature with an end names its database; the same keys elsewhere do not take it."""
        token = self.sign("ann", expires_in=3600)
        other = Server(config=TOP + f"  api_keys: {{frontend: [{FRONTEND}], backend: [{BACKEND}]}}\n")
        self.addCleanup(other.close)
        other.start()
        client = other.client(FRONTEND, "ann")
        client.headers["X-User-Signature"] = token
        self.assertEqual(client.get("/v1/threads").status, 401)


if __name__ == "__main__":
    unittest.main()
