# SPDX-License-Identifier: Apache-2.0
"""Keys over their life: hashed in the configuration, rotated by a reload, judged before use."""
import hashlib
import os
import signal
import subprocess
import tempfile
import unittest

from api_case import BACKEND_NAME
from progressdb import Server, build_directory, sign, wait_for

OLD, NEW, SIGNER = "sk_the_old_backend_key", "sk_the_new_backend_key", "signing-key-of-its-own"


def hashed(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def config(backend, more=""):
    return (f"storage:\n  backend: {BACKEND_NAME}\nsecurity:\n"
            "  failed_auth: {per_minute: 0}\n  api_keys:\n"
            f"    backend: [{', '.join(backend)}]\n    admin: [ak_admin_key_for_tests]\n{more}")


class Rotation(unittest.TestCase):
    def rewrite(self, text):
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(text)
        self.server.process.send_signal(signal.SIGHUP)

    def status(self, key):
        client = self.server.client(key)
        try:
            return client.get("/v1/threads?author=ann").status
        finally:
            client.close()

    def setUp(self):
        self.server = Server(config=config([OLD]))
        self.addCleanup(self.server.close)
        self.server.start()

    def test_a_rotation_overlaps(self):
        self.assertEqual((self.status(OLD), self.status(NEW)), (200, 401))
        self.rewrite(config([OLD, NEW]))
        wait_for(lambda: self.status(NEW) == 200, "the new key is known")
        self.assertEqual(self.status(OLD), 200)
        self.rewrite(config([NEW]))
        wait_for(lambda: self.status(OLD) == 401, "the old key is forgotten")
        self.assertEqual(self.status(NEW), 200)

    def test_a_bad_file_changes_nothing(self):
        self.rewrite(config([NEW, "short"]))
        wait_for(lambda: "short" not in self.server.log() and "8 characters" in self.server.log(),
                 "the refusal is logged, without the key")
        self.assertEqual((self.status(OLD), self.status(NEW)), (200, 401))


class Hashed(unittest.TestCase):
    def test_a_digest_identifies_and_does_not_sign(self):
        server = Server(config=config([hashed(OLD)]))
        self.addCleanup(server.close)
        server.start()
        self.assertEqual(server.client(OLD).get("/v1/threads?author=ann").status, 200)
        self.assertEqual(server.client(hashed(OLD)).get("/v1/threads?author=ann").status, 401)
        answer = server.client(OLD).post("/v1/_sign", {"userId": "ann"})
        self.assertEqual((answer.status, answer.json["code"]), (403, "signing_key_missing"))

    def test_a_signing_key_signs_for_it(self):
        server = Server(config=config([hashed(OLD)], f"  signing_keys: [{SIGNER}]\n"))
        self.addCleanup(server.close)
        server.start()
        answer = server.client(OLD).post("/v1/_sign", {"userId": "ann"})
        self.assertEqual(answer.json, {"userId": "ann", "signature": sign("ann", SIGNER)})
        signed = {"X-User-ID": "ann", "X-User-Signature": answer.json["signature"]}
        self.assertEqual(server.client().get("/v1/threads", headers=signed).status, 200)
        self.assertEqual(server.client(SIGNER).get("/v1/threads?author=ann").status, 401)


class Judged(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory(prefix="progressdb-test-") as directory:
            path = os.path.join(directory, "c.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run(
                [os.path.join(build_directory(), "bin", "progressdb"), "--config", path,
                 "--check-config"], capture_output=True, text=True, timeout=30, cwd=directory,
                check=False)
            return done.returncode, done.stdout + done.stderr

    def test_problems_of_keys(self):
        self.assertEqual(self.check(config([OLD]))[0], 0)
        for keys, more in ((["short"], ""), (["sha256:abc"], ""),
                           ([hashed("ak_admin_key_for_tests")], ""), (['"with space"'], ""),
                           ([OLD], f"  signing_keys: ['{hashed(NEW)}']\n")):
            status, text = self.check(config(keys, more))
            self.assertEqual(status, 2, (keys, text))
            self.assertIn("security.", text)
            for key in keys:
                self.assertNotIn(key.strip('"'), text.replace('"sha256:" needs', ""))


if __name__ == "__main__":
    unittest.main()
