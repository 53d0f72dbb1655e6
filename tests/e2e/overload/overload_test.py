# SPDX-License-Identifier: Apache-2.0
"""Five times the capacity, and a disk that stands still."""
import os
import time
import unittest

import progressdb
from crowd import Crowd, wait_until_writable

SECONDS = float(os.environ.get("PDB_OVERLOAD_SECONDS", "2"))
RECOVERY = 5.0
SANITIZED = "san" in os.environ.get("PDB_BUILD", "")
# A sync of this time makes the capacity known: so many writers, one message each, a sync.
SYNC_MS = 50
MOST = 40
STANDSTILL = 2.0


class Case(unittest.TestCase):
    def begin(self, extra):
        self.control = os.path.join(progressdb.tempfile.mkdtemp(prefix="pdb-slow-"), "milliseconds")
        self.addCleanup(progressdb.shutil.rmtree, os.path.dirname(self.control), True)
        self.slow(0)
        os.environ["PDB_SLOW_SYNC"] = self.control
        os.environ["LD_PRELOAD"] = os.path.join(progressdb.build_directory(), "tests", "slow_sync.so")
        try:
            self.server = progressdb.Server(extra=extra)
            self.addCleanup(self.server.close)
            self.server.start()
        finally:
            del os.environ["LD_PRELOAD"]
        self.reader = self.server.backend("reader")
        self.admin = self.server.admin()
        self.assertEqual(self.reader.post("/v1/threads/calm/messages", body={"body": 1}).status, 200)

    def slow(self, milliseconds):
        with open(self.control + ".new", "w", encoding="utf-8") as file:
            file.write(str(milliseconds))
        os.rename(self.control + ".new", self.control)

    def read(self):
        """How long a read takes."""
        start = time.monotonic()
        self.assertEqual(self.reader.get("/v1/threads/calm/messages").status, 200)
        return time.monotonic() - start

    def reads(self, seconds):
        """Reads without a rest; returns the times they took, longest last."""
        times = []
        end = time.monotonic() + seconds
        while not times or time.monotonic() < end:
            times.append(self.read())
        return sorted(times)

    def metric(self, name):
        page = self.admin.get("/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name))


@unittest.skipIf(SANITIZED, "a preloaded object and a sanitizer do not go together")
class Overload(Case):
    def test_five_times_the_connections(self):
        self.begin(f"server:\n  max_connections: {MOST}\n  overload_after: 1s\n")
        self.slow(SYNC_MS)
        with Crowd(self.server, MOST // 2, "alone") as crowd:
            alone = self.reads(SECONDS)
        capacity = sum(crowd.acknowledged) / SECONDS
        with Crowd(self.server, MOST * 5, "crowd") as crowd:
            times = self.reads(SECONDS)
        took = wait_until_writable(self.server)
        print(f"capacity {capacity:.0f}/s; five times as many writers: {sum(crowd.acknowledged) / SECONDS:.0f}/s "
              f"taken, {dict(crowd.statuses)}; reads: p99 {times[len(times) * 99 // 100] * 1000:.1f} ms "
              f"(before: {alone[len(alone) * 99 // 100] * 1000:.1f} ms); recovery {took:.2f} s")
        self.assertLessEqual(set(crowd.statuses), {200, 503, 507})
        self.assertGreater(sum(crowd.acknowledged), 0)
        self.assertLess(times[len(times) * 99 // 100], 1)
        self.assertLess(took, RECOVERY)
        self.assertEqual(crowd.lost(), {})
        self.assertEqual(self.metric("progressdb_storage_writable"), 1)

    def test_a_disk_that_stands_still(self):
        self.begin("server:\n  overload_after: 300ms\n")
        with Crowd(self.server, 50, "crowd") as crowd:
            progressdb.wait_for(lambda: sum(crowd.acknowledged) > 100, "they write")
            self.slow(int(STANDSTILL * 1000))
            progressdb.wait_for(lambda: crowd.statuses[503] > 50, "new writes are refused")
            times = self.reads(3)
            self.assertEqual(self.reader.post("/v1/_sign", body={"userId": "ann"}).status, 200)
            self.assertEqual(self.admin.get("/readyz").status, 200)
            self.slow(0)
            took = wait_until_writable(self.server)
            before = sum(crowd.acknowledged)
            progressdb.wait_for(lambda: sum(crowd.acknowledged) > before + 100, "they write again", RECOVERY)
        print(f"{dict(crowd.statuses)}; {len(times)} reads meanwhile, within {times[-1] * 1000:.1f} ms; recovery {took:.2f} s")
        self.assertEqual(set(crowd.statuses), {200, 503})
        self.assertEqual(crowd.codes, {"overloaded"})
        self.assertEqual(crowd.retry_after, {"1"})
        # no read of a thread that nobody writes to waits for a sync
        self.assertLess(times[-1], STANDSTILL / 2)
        self.assertLess(took, RECOVERY)
        self.assertGreaterEqual(self.metric('progressdb_http_shed_requests_total{reason="disk"}'),
                                crowd.statuses[503])
        self.server.kill()
        self.server.start()
        self.assertEqual(crowd.lost(), {})

    def test_five_times_the_requests(self):
        self.begin("server:\n  overload_after: 10ms\n")
        self.slow(300)
        with Crowd(self.server, 100, "crowd") as crowd:
            times = self.reads(SECONDS)
        self.slow(0)
        took = wait_until_writable(self.server)
        taken, offered = sum(crowd.acknowledged), sum(crowd.statuses.values())
        print(f"{offered / SECONDS:.0f}/s offered, {taken / SECONDS:.0f}/s taken; reads: p99 "
              f"{times[len(times) * 99 // 100] * 1000:.1f} ms; recovery {took:.2f} s")
        self.assertGreater(offered, 5 * taken)
        self.assertGreater(taken, 0)
        self.assertEqual(set(crowd.statuses), {200, 503})
        # a hundred threads of this client share one core with its reader
        self.assertLess(times[len(times) * 99 // 100], 2)
        self.assertLess(took, RECOVERY)
        self.assertEqual(crowd.lost(), {})


if __name__ == "__main__":
    unittest.main()
