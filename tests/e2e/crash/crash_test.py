# SPDX-License-Identifier: Apache-2.0
"""Kills the server at random moments under eight writers: nothing answered may be lost, nothing half there."""
import os
import random
import subprocess
import sys
import time
import unittest

import progressdb
from ledger import Ledger
from writer import Writer, message_of

CYCLES = int(os.environ.get("PDB_CRASH_CYCLES", "20"))
CONTROL_CYCLES = 10
WRITERS = 8
THREADS = 6
SEED = int(os.environ.get("PDB_CRASH_SEED", str(time.time_ns())))


class Fight:
    """One server, killed and started again, and the ledger of all its writers."""

    def __init__(self, arguments=()):
        self.server = progressdb.Server(arguments=arguments, log_level="info")
        self.ledger = Ledger()
        self.random = random.Random(SEED)
        self.cycle = 0
        self.answered = 0

    def close(self):
        self.server.close()

    def bout(self):
        """Starts the server and the writers, kills it; returns what a writer was told wrongly."""
        self.cycle += 1
        names = [f"c{self.cycle}-t{number}" for number in range(THREADS)]
        writers = [Writer(self.server.port, f"c{self.cycle}-w{number}", names, self.ledger,
                          self.random.random()) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(self.random.uniform(0.05, 0.8))  # the moment of death, not a wait for anything
        self.server.kill()
        for writer in writers:
            writer.join(timeout=60)
        self.answered += sum(writer.answered for writer in writers)
        return names, [fault for writer in writers for fault in writer.faults]

    def read(self, thread):
        """All messages of a thread, tombstones too, and the thread; ([], None) when there is none."""
        admin = self.server.admin()
        info = admin.get(f"/v1/threads/{thread}")
        if info.status == 404:
            return [], None
        messages = []
        more = True
        while more:
            page = admin.get(f"/v1/threads/{thread}/messages?limit=1000&include_deleted=true"
                             f"&after={len(messages)}").json
            messages += page["messages"]
            more = page["pagination"]["has_after"]
        return messages, info.json

    def verify(self, threads):
        faults = []
        for thread in threads:
            messages, info = self.read(thread)
            faults += self.ledger.settle(thread, messages, info)
        return faults

    def retry(self):
        """What nobody answered and is not there is sent again, twice: it is stored once."""
        client = self.server.backend()
        faults = []
        for entry in self.ledger.unanswered():
            entry.group = None
            entry.intend((entry.first, 1, False))
            replayed = []
            for _ in range(2):
                got = client.post(f"/v1/threads/{entry.thread}/messages", message_of(entry))
                replayed.append(got.headers.get("idempotent-replayed") == "true")
                if got.status != 200:
                    faults.append(f"a retry of {entry.ident} gave {got}")
            if replayed != [False, True]:
                faults.append(f"retries of {entry.ident} replayed: {replayed}")
            entry.acknowledge()
        return faults

    def check(self):
        """`pdbctl check` on the stopped database: its complaints, or an empty list."""
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        result = subprocess.run([tool, "check", "--db", self.server.db], capture_output=True,
                                text=True, timeout=300, check=False)
        return [] if result.returncode == 0 else [f"check: {result.stdout}{result.stderr}"]


class CrashTest(unittest.TestCase):
    def fight(self, arguments=()):
        fight = Fight(arguments)
        self.addCleanup(fight.close)
        fight.server.start()
        return fight

    def test_nothing_answered_is_lost(self):
        fight = self.fight()
        for cycle in range(CYCLES):
            threads, faults = fight.bout()
            if cycle % 5 == 4:
                # every fifth time the check recovers the database, else the server does
                faults += fight.check()
            fight.server.start()
            faults += fight.verify(threads)
            faults += fight.retry()
            faults += fight.verify(threads)
            self.assertEqual(faults[:20], [], f"seed {SEED}, cycle {cycle + 1}: {len(faults)} faults")
        faults = fight.verify(fight.ledger.threads())
        fight.server.stop()
        faults += fight.check()
        self.assertEqual(faults[:20], [], f"seed {SEED}, at the end")
        self.assertGreater(fight.answered, CYCLES * 20, "too few writes to mean anything")
        print(f"{CYCLES} kills, {fight.answered} answered requests, "
              f"{len(fight.ledger.entries)} messages: nothing lost (seed {SEED})")

    def test_a_missing_sync_is_found(self):
        """The test can fail: without the sync before the answer, answered writes are found missing."""
        fight = self.fight(["--set", "storage.sync=interval", "--set", "storage.sync_interval=60s"])
        for cycle in range(CONTROL_CYCLES):
            threads, _ = fight.bout()
            fight.server.start()
            lost = [fault for fault in fight.verify(threads) if fault.startswith("lost:")]
            if lost:
                print(f"without sync: {len(lost)} answered writes lost in cycle {cycle + 1}, as it must be")
                return
        self.fail(f"no write lost in {CONTROL_CYCLES} kills without sync: the test sees nothing")


if __name__ == "__main__":
    print(f"seed {SEED}", file=sys.stderr)
    unittest.main()
