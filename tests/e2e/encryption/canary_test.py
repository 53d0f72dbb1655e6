# SPDX-License-Identifier: Apache-2.0
"""What is covered lies nowhere in clear: not in the database, its logs, the audit, a backup or a core."""
import ctypes
import os
import random
import re
import shutil
import signal
import threading
import unittest

import progressdb
from sealed import EMBEDDED, MASTER_KEY, Sealed

CANARIES = int(os.environ.get("PDB_CANARIES", "400"))
THREADS = 12
FIELDS = ["body.text", "body.card.*"]
# rows are not compressed, so that a canary is found when it is there
EXTRA = "  wiredtiger:\n    compressor: none\n"


def canary(number):
    """32 bytes that occur nowhere else."""
    return f"canary-{random.Random(number).getrandbits(96):024x}-"


class CanaryTest(unittest.TestCase):
    def begin(self, **settings):
        self.sealed = Sealed(level="debug", storage_more=EXTRA, **settings)
        self.addCleanup(self.sealed.close)
        self.sealed.start()
        self.server = self.sealed.server
        self.backups = []

    def work(self, user, number):
        thread = f"t{number % THREADS}"
        path = f"/v1/threads/{thread}/messages"
        body = {"text": canary(2 * number), "card": {"number": canary(2 * number + 1)}, "n": number}
        answer = user.post(path, {"id": f"m{number}", "body": body})
        self.assertEqual(answer.status, 200, answer)
        if number % 3 == 0:
            body["text"] = canary(number + 10_000_000)
            self.assertEqual(user.put(f"{path}/m{number}", {"body": body}).status, 200)
        if number % 5 == 0:
            answer = user.post(f"{path}/m{number}/reactions", {"id": "ann", "reaction": "+1"})
            self.assertEqual(answer.status, 200, answer)
        if number % 7 == 0:
            self.assertEqual(user.delete(f"{path}/m{number}").status, 204)
        if number % 14 == 0:
            self.assertEqual(user.post(f"{path}/m{number}/restore").status, 200)
        if number % 50 == 0:
            user.get(path + "?limit=50")
            user.get(f"{path}/m{number}/versions")
            user.post(path, b'{"id":"broken","body":{"text":"' + canary(number).encode() + b'"')

    def write(self, first, last):
        user = self.server.frontend("ann")
        for number in range(first, last):
            self.work(user, number)

    def crash(self, first, last):
        """Ends the server in the middle of writes."""
        def write():
            try:
                self.write(first, last)
            except (OSError, progressdb.http.client.HTTPException):
                pass

        writer = threading.Thread(target=write)
        writer.start()
        writer.join(0.2)
        self.server.process.kill()
        writer.join()
        self.server.kill()
        self.server.start()

    def backup(self):
        """By the server, and as a copy of its files."""
        admin = self.server.admin()
        job = admin.post("/admin/backup", {})
        self.assertEqual(job.status, 202, job)
        path = f"/admin/test-jobs/{job.json['id']}"
        progressdb.wait_for(lambda: admin.get(path).json["state"] == 3, "the backup")
        shutil.copytree(self.server.db, os.path.join(self.server.directory, "copy"))

    def needles(self):
        numbers = set(range(2 * CANARIES)) | {n + 10_000_000 for n in range(0, CANARIES, 3)}
        return [canary(number).encode() for number in numbers]

    def find(self, needles):
        """Looks for what all canaries begin with, and then for each."""
        found = []
        for path in self.sealed.files():
            with open(path, "rb") as file:
                data = file.read()
            if b"canary-" in data:
                found += [(needle, path) for needle in needles if needle in data]
        return found

    def run_all(self):
        half = CANARIES // 2
        self.write(0, half)
        self.crash(half, CANARIES)
        self.write(CANARIES, CANARIES + 1)
        self.backup()

    def test_no_canary_in_any_file(self):
        for fields in (FIELDS, None):
            with self.subTest(fields=fields):
                self.begin(fields=fields, **EMBEDDED)
                self.run_all()
                self.server.stop()
                self.assertEqual(self.find(self.needles())[:3], [])
                key = bytes.fromhex(MASTER_KEY)
                self.assertEqual(self.sealed.find([key, MASTER_KEY.encode()]), [])

    def test_the_search_finds_canaries_where_they_are(self):
        self.begin(plugin=False)
        self.write(0, 20)
        self.server.stop()
        found = {needle for needle, _ in self.find([canary(number).encode() for number in range(40)])}
        self.assertEqual(len(found), 40)

    def test_a_core_image_would_have_no_key(self):
        self.begin()
        self.write(0, 2 * THREADS)
        self.assertRegex(self.proc("limits"), r"Max core file size\s+0\s+0")
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            hidden, image = self.memory()
            deks, derived = self.keys()
        finally:
            self.server.process.send_signal(signal.SIGCONT)
        # where they are, and where they are not; nothing is printed of what may be a key
        self.assertGreaterEqual(self.among(hidden, derived), 3 * THREADS)
        self.assertEqual(self.among(image, deks + derived), 0)

    def among(self, parts, keys):
        heads = {key[:8] for key in keys}
        return sum(part[at:at + 8] in heads for part in parts for at in range(0, len(part) - 8, 8))

    def proc(self, name):
        with open(f"/proc/{self.server.process.pid}/{name}", encoding="ascii") as file:
            return file.read()

    def memory(self):
        """What is left out of a core image, and what it would have."""
        hidden, image = [], []
        with open(f"/proc/{self.server.process.pid}/mem", "rb") as memory:
            for part in re.split(r"\n(?=[0-9a-f]+-)", self.proc("smaps")):
                place, mode, _, device, _ = part.split("\n")[0].split()[:5]
                if not mode.startswith("rw") or device != "00:00" or "\nRss:                   0 kB" in part:
                    continue
                begin, end = (int(text, 16) for text in place.split("-"))
                if end - begin > 1 << 30:
                    continue  # the shadow memory of a sanitizer; no allocation of ours is so large
                memory.seek(begin)
                data = memory.read(end - begin)
                (hidden if " dd" in part.split("VmFlags:")[-1] else image).append(data)
        return hidden, image

    def keys(self):
        """The DEKs that the key service of the tests has made, and what is derived from them."""
        sodium = ctypes.CDLL("libsodium.so.23")
        dek, part = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
        deks, derived = [], []
        for name in os.listdir(self.sealed.kms_directory):
            if not name.startswith("key-") or name.endswith(".new"):
                continue
            with open(os.path.join(self.sealed.kms_directory, name), "rb") as file:
                box = file.read()[144:144 + 72]
            if sodium.crypto_secretbox_open_easy(dek, box[24:], ctypes.c_ulonglong(48), box[:24], b"\x5a" * 32):
                continue
            deks.append(dek.raw)
            for number in (1, 2, 3):
                sodium.crypto_kdf_derive_from_key(part, ctypes.c_size_t(32), ctypes.c_uint64(number), b"pdbfield", dek)
                derived.append(part.raw)
        return deks, derived


if __name__ == "__main__":
    unittest.main(verbosity=1)
