# SPDX-License-Identifier: Apache-2.0
"""What an export writes is sealed where messages are, and its key ends with it."""
import json
import os
import unittest

import progressdb
from progressdb import ADMIN, BACKEND, FRONTEND

HEAD = 48
CANARY = "canary-7f1d0c3b9a52"
CONFIG = """\
storage: {{backend: wiredtiger}}
plugins: {{load: [auth, audit, encryption, admin]}}
admin: {{export_keep: 24h}}
security:
  api_keys: {{frontend: [{frontend}], backend: [{backend}], admin: [{admin}]}}
  encryption: {{use: true}}
  kms: {{master_key_hex: {key}}}
"""


class SealedTest(unittest.TestCase):
    def setUp(self):
        config = CONFIG.format(frontend=FRONTEND, backend=BACKEND, admin=ADMIN, key=os.urandom(32).hex())
        self.server = progressdb.Server(config=config, log_level="info")
        self.addCleanup(self.server.close)
        self.start()

    def start(self):
        self.server.start()
        self.admin = self.server.admin()

    def fill(self, threads, size):
        """Messages of ann, each with the canary, and one that ends so that frames and parts do not."""
        backend = self.server.backend()
        for number in range(threads):
            messages = [{"id": f"m{place}", "body": f"{CANARY}-{number}-{place}-" + "x" * (size + place), "author": "ann"}
                        for place in range(8)]
            answer = backend.post(f"/v1/threads/t{number}/messages:batch", {"messages": messages, "author": "bob"})
            self.assertEqual(answer.status, 200, answer)

    def begin(self):
        answer = self.admin.post("/admin/users/ann/export")
        self.assertEqual(answer.status, 202, answer)
        return answer.json["id"]

    def ended(self, job):
        def look():
            found = self.admin.get("/admin/jobs/" + job).json
            return found if found["state"] in ("done", "failed", "cancelled") else None
        found = progressdb.wait_for(look, "the job ends")
        self.assertEqual(found["state"], "done", found)
        return found["result"]

    def read(self, job):
        text, size = b"", 1
        while len(text) < size:
            answer = self.admin.get(f"/admin/exports/{job}?offset={len(text)}")
            self.assertEqual(answer.status, 200, answer)
            size = int(answer.headers["export-size"])
            text += answer.body
        self.assertEqual(len(text), size)
        return text

    def file_of(self, job):
        return os.path.join(self.server.db, "exports", job + ".sealed")

    def key_of(self, job):
        with open(self.file_of(job), "rb") as file:
            return file.read(HEAD)[8:40].decode()

    def expect_no_canary(self):
        """In any file, whoever wrote it."""
        for directory, _, names in os.walk(self.server.directory):
            for name in names:
                with open(os.path.join(directory, name), "rb") as file:
                    self.assertNotIn(CANARY.encode(), file.read(), name)

    def expect_all(self, text, threads):
        lines = [json.loads(line) for line in text.splitlines()]
        bodies = {line["versions"][0]["body"].rsplit("-", 1)[0] for line in lines if line["type"] == "message"}
        self.assertEqual(bodies, {f"{CANARY}-{number}-{place}" for number in range(threads) for place in range(8)})
        self.assertEqual(len(lines), 9 * threads)

    def test_it_is_sealed_and_read_in_clear(self):
        self.fill(30, 10000)
        job = self.begin()
        result = self.ended(job)
        text = self.read(job)
        self.assertEqual(len(text), result["size"])
        self.assertGreater(len(text), 2 * 1024 * 1024)
        self.expect_all(text, 30)
        for offset in (1, 65535, 65536, 65537, 1048576, len(text) - 1, len(text), len(text) + 5):
            part = self.admin.get(f"/admin/exports/{job}?offset={offset}")
            self.assertEqual(part.body, text[offset:offset + 1048576], offset)
        self.assertEqual(os.listdir(os.path.join(self.server.db, "exports")), [job + ".sealed"])
        self.assertEqual(os.stat(self.file_of(job)).st_mode & 0o777, 0o600)
        self.server.stop()
        self.expect_no_canary()

    def test_its_key_ends_with_it(self):
        self.fill(1, 10)
        job = self.begin()
        self.ended(job)
        key = self.key_of(job)
        state = "/admin/encryption/shred-status?key_id=" + key
        self.assertEqual(self.admin.get(state).json["state"], "live")
        self.assertEqual(self.admin.delete("/admin/exports/" + job).status, 204)
        self.assertEqual(self.admin.get(state).json["state"], "logical")
        self.assertEqual(self.admin.get("/admin/exports/" + job).status, 404)

    def test_what_was_changed_does_not_open(self):
        self.fill(2, 40000)
        job = self.begin()
        self.ended(job)
        with open(self.file_of(job), "rb") as file:
            good = file.read()
        frame = 4 + 24 + 65536 + 16
        self.assertGreater(len(good), HEAD + 2 * frame)
        swapped = good[:HEAD] + good[HEAD + frame:HEAD + 2 * frame] + good[HEAD:HEAD + frame] + good[HEAD + 2 * frame:]
        for bad in (good[:100] + bytes([good[100] ^ 1]) + good[101:], swapped, b"PX" + good[2:HEAD], b"PX", b""):
            with open(self.file_of(job), "wb") as file:
                file.write(bad)
            answer = self.admin.get("/admin/exports/" + job)
            self.assertNotIn(CANARY.encode(), answer.body)
            self.assertTrue(answer.status == 500 or answer.body == b"", answer)
        with open(self.file_of(job), "wb") as file:
            file.write(good)
        self.expect_all(self.read(job), 2)

    def test_killed_on_the_way(self):
        self.fill(40, 3000)
        job = self.begin()
        for _ in range(3):
            self.server.kill()
            self.expect_no_canary()
            self.start()
        self.assertEqual(self.ended(job)["size"], len(self.read(job)))
        self.expect_all(self.read(job), 40)


if __name__ == "__main__":
    unittest.main()
