# SPDX-License-Identifier: Apache-2.0
"""A server over progressdb-kms: all that keys are for, by each way to reach it, and what each role may."""
import os
import subprocess
import unittest

from kms import private, program
from served import WAYS, ServedCase


class WholeTest(ServedCase):
    def work(self, way):
        self.begin(way)
        for number in range(12):
            self.assertEqual(self.post(f"t{number % 4}", f"m{number}"), 200)
        self.assertEqual(self.edit("t0", "m0"), 200)
        self.server.restart()
        self.read_all()
        self.daemon.kill()
        self.daemon.start()
        self.server.restart()
        self.read_all()
        self.keys()
        self.erase()
        self.judge(way)

    def keys(self):
        status = self.admin("GET", "status")
        self.assertGreaterEqual(status["keys"], 4)
        self.assertIs(status["refuses"], False)
        self.assertEqual([kek["state"] for kek in status["keks"]], ["active"])
        self.assertEqual(self.admin("POST", "generate-kek"), {"kek_version": 2, "state": "active"})
        self.assertGreaterEqual(self.admin("GET", "status")["outdated_keys"], 4)
        result = self.job("rewrap-deks", {"all": True})
        self.assertEqual((result["not_rewrapped"], result["not_verified"]), (0, 0))
        self.job("rotate-thread-dek", {"thread_id": "t0"})
        self.assertEqual(self.post("t0", "after"), 200)
        self.assertEqual(self.admin("GET", "status")["outdated_keys"], 0)
        self.server.restart()
        self.read_all()

    def erase(self):
        answer = self.admin("POST", "destroy-thread-dek", {"thread_id": "t1", "confirm": "t1"})
        self.assertEqual(answer["state"], "logical")
        self.read_all(destroyed=("t1",))
        late = self.server.frontend("ann").post("/v1/threads/t1/messages", {"body": "late"})
        self.assertEqual(late.status, 409, late)
        receipt = self.server.admin().get(f"/admin/encryption/receipt?key_id={answer['key_id']}")
        path = private(os.path.join(self.served.folder, "receipt"), receipt.body.decode())
        self.assertEqual(self.verified(path, self.daemon.public_key()), 0)
        self.assertEqual(self.verified(path, "1" * 64), 1)
        private(path, receipt.body.decode().replace(answer["key_id"], answer["key_id"][::-1]))
        self.assertEqual(self.verified(path, self.daemon.public_key()), 1, "another key in it")
        self.daemon.kill()
        self.daemon.start()
        self.server.restart()
        self.read_all(destroyed=("t1",))

    @staticmethod
    def verified(path, key):
        return subprocess.run([program("pdbctl"), "kms", "verify-receipt", path, "--public-key", key],
                              capture_output=True, check=False).returncode

    def judge(self, way):
        who = {"unix": f"uid:{os.getuid()}", "tls": "cert:node1:", "token": "token:node1"}[way]
        ops = {line["op"] for line in self.daemon.audited() if line.get("who", "").startswith(who)}
        self.assertLessEqual({"prepare", "claim", "unwrap", "rotate_kek", "rewrap_all", "add_version", "destroy"}, ops)
        self.server.stop()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.daemon.audit(self.daemon.public_key())[0], 0)
        self.nothing_in_clear()

    def test_over_a_unix_socket(self):
        self.work("unix")

    def test_over_tls(self):
        self.work("tls")

    def test_over_loopback_with_a_token(self):
        self.work("token")


class RoleTest(ServedCase):
    def refused(self, method, path, body=None):
        answer = self.server.admin().request(method, "/admin/encryption/" + path, body)
        self.assertIn(answer.status, (403, 503), answer)

    def closed(self):
        """Nothing is written, and no key made or opened."""
        self.assertEqual(self.post("t0", "m0"), 503)
        self.assertEqual(self.server.frontend("ann").get("/v1/threads/t0").status, 404)
        self.assertEqual(self.daemon.done("create", "prepare", "unwrap"), [])

    def test_an_auditor_only_looks(self):
        for way in WAYS:
            with self.subTest(way=way):
                self.begin(way, role="auditor")
                self.closed()
                self.assertEqual(len(self.admin("GET", "status")["keks"]), 1)
                self.refused("POST", "generate-kek")
                self.assertEqual(self.daemon.done("rotate_kek"), [])

    def test_an_operator_opens_no_key(self):
        for way in WAYS:
            with self.subTest(way=way):
                self.begin(way, role="operator")
                self.closed()
                self.assertEqual(self.admin("POST", "generate-kek")["kek_version"], 2)

    def test_a_server_adds_no_kek(self):
        for way in WAYS:
            with self.subTest(way=way):
                self.begin(way)
                self.assertEqual(self.post("t0", "m0"), 200)
                self.refused("POST", "generate-kek", {"standby": True})
                self.assertEqual(len(self.admin("GET", "status")["keks"]), 1)
                self.assertEqual(len(self.daemon.audited("add_kek", "end")), 1)
                self.assertEqual(self.daemon.done("add_kek"), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
