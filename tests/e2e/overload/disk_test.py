# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up: a small file system of its own, in a namespace where one may be mounted."""
import os
import subprocess
import threading
import unittest

import mounts
import progressdb
from crowd import Crowd, wait_until_writable

MEGABYTE = 1 << 20
SIZE = 400 * MEGABYTE
RECOVERY = 5.0


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server(arguments=["--set", "storage.reserve=32MiB"])
        os.mkdir(self.server.db, 0o700)
        mounts.mount(self.server.db, SIZE)
        self.addCleanup(mounts.unmount, self.server.db)
        self.addCleanup(self.server.close)
        self.server.start()
        self.reader = self.server.backend("reader")
        self.assertEqual(self.reader.post("/v1/threads/calm/messages", body={"body": "kept"}).status, 200)
        self.filler = os.path.join(self.server.db, "filler")

    def fill(self, leave):
        """Another program takes the disk, but for `leave` bytes, while the server takes some, too."""
        while True:
            info = os.statvfs(self.server.db)
            with open(self.filler, "wb") as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, info.f_bavail * info.f_frsize - leave)
                    return
                except OSError:
                    leave += MEGABYTE

    def free(self):
        os.remove(self.filler)

    def read_on(self):
        answer = self.reader.get("/v1/threads/calm/messages")
        self.assertEqual((answer.status, len(answer.json["messages"])), (200, 1))

    def test_another_program_fills_it(self):
        with Crowd(self.server, 8, "crowd") as crowd:
            progressdb.wait_for(lambda: sum(crowd.acknowledged) > 100, "they write")
            self.fill(16 * MEGABYTE)
            progressdb.wait_for(lambda: crowd.statuses[507] > 50, "writes are refused")
            for _ in range(100):
                self.read_on()
            self.assertEqual(self.reader.get("/readyz").json, {"status": "degraded", "writes": False})
            self.free()
            took = wait_until_writable(self.server)
        print(f"{dict(crowd.statuses)}; recovery {took:.2f} s")
        self.assertLessEqual(set(crowd.statuses), {200, 503, 507})
        self.assertLess(took, RECOVERY)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(crowd.lost(), {})
        self.server.kill()
        self.server.start()
        self.assertEqual(crowd.lost(), {})

    def test_the_database_fills_it(self):
        body = {"body": "x" * 200_000}
        stop = threading.Event()
        statuses = set()

        def write(place):
            client = progressdb.Client(self.server.port, progressdb.BACKEND, f"w{place}")
            while not stop.is_set():
                statuses.add(client.post(f"/v1/threads/w{place}/messages", body=body).status)
            client.close()

        threads = [threading.Thread(target=write, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        try:
            progressdb.wait_for(lambda: 507 in statuses, "writes are refused")
            for _ in range(100):
                self.read_on()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(statuses, {200, 503, 507})
        self.assertIsNone(self.server.process.poll())
        # an operator makes the file system larger: no restart is needed
        subprocess.run(["mount", "-o", f"remount,size={3 * SIZE}", self.server.db], check=True)
        took = wait_until_writable(self.server)
        self.assertLess(took, RECOVERY)
        self.read_on()


if __name__ == "__main__":
    mounts.main()
