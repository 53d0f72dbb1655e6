# SPDX-License-Identifier: Apache-2.0
"""The key service is away, hangs, errs or talks nonsense: nothing is stored in clear, nobody waits long."""
import concurrent.futures
import os
import time
import unittest

import progressdb
from progressdb import wait_for
from sealed import Sealed

TTL = 1.0
# how long an answer and a recovery may take; 2 s hold on a machine that is not busy
QUICK = float(os.environ.get("PDB_QUICK", "5"))
MARK = "outage-canary"


class OutageTest(unittest.TestCase):
    def setUp(self):
        self.sealed = Sealed(more_kms=f"    prepared: 4\n    cache:\n      ttl: {TTL:g}s\n")
        self.addCleanup(self.sealed.close)
        self.sealed.start()
        self.server = self.sealed.server
        self.user = self.server.frontend("ann")
        self.acked = []
        self.number = 0

    def post(self, thread, client=None):
        """Appends; an answer of 200 is remembered."""
        self.number += 1
        message, body = f"m{self.number}", f"{MARK} {self.number} {'x' * 40}"
        began = time.monotonic()
        answer = (client or self.user).post(f"/v1/threads/{thread}/messages", {"id": message, "body": body})
        self.assertLess(time.monotonic() - began, QUICK)
        self.assertIn(answer.status, (200, 503), answer)
        if answer.status == 200:
            self.acked.append((thread, message, body))
        else:
            self.assertIn("retry-after", answer.headers)
            self.assertNotIn(b"cache", answer.body)
        return answer.status

    def get(self, thread, message):
        began = time.monotonic()
        answer = self.user.get(f"/v1/threads/{thread}/messages/{message}")
        self.assertLess(time.monotonic() - began, QUICK)
        return answer

    def read(self, thread, message):
        answer = self.get(thread, message)
        return answer.status if b"_undecryptable" not in answer.body else 0

    def begin(self):
        for thread in ("t1", "t2", "t3"):
            self.assertEqual(self.post(thread), 200)
        self.unwrapped = time.monotonic()

    def until_refused(self, act):
        """Acts until it is refused; says how long that took from the last unwrap."""
        wait_for(lambda: act() == 503, "a refusal", 2 * TTL + QUICK)
        return time.monotonic() - self.unwrapped

    def recover(self):
        self.sealed.fault("")
        began = time.monotonic()
        for act in (lambda: self.post("t1"), lambda: self.read("t2", "m2"),
                    lambda: self.post(f"fresh{self.number}")):
            wait_for(lambda act=act: act() == 200, "recovery", QUICK)
        self.assertLess(time.monotonic() - began, QUICK)

    def judge(self):
        """Every answered message is there, and nowhere in clear."""
        for thread, message, body in self.acked:
            self.assertEqual(self.get(thread, message).json["body"], body)
        self.server.stop()
        self.assertEqual(self.sealed.find([MARK.encode()]), [])
        self.server.start()

    def outage(self, fault):
        self.begin()
        self.sealed.fault(fault)
        # the cache serves until its time is over
        self.assertEqual(self.get("t1", "m1").status, 200)
        self.assertEqual(self.post("t1"), 200)
        age = self.until_refused(lambda: self.post("t1"))
        self.assertLess(age, TTL + QUICK + 0.5)
        self.until_refused(lambda: self.post("t2"))
        for number in range(8):
            self.post(f"{fault}{number}")
        self.assertEqual(self.post(f"{fault}-more"), 503)
        for _ in range(5):
            self.assertEqual(self.post("t2"), 503)
            read = self.get("t1", "m1")
            if read.status == 200:
                # opened before, or not to be opened; a wrong key opens nothing
                self.assertIn(read.json["body"], ({"_undecryptable": True}, self.acked[0][2]))
            else:
                self.assertEqual(read.status, 503)
        self.recover()
        self.judge()

    def test_away(self):
        self.outage("down")

    def test_hanging(self):
        self.outage("hang")

    def test_errors(self):
        self.outage("error")

    def test_nonsense(self):
        self.outage("nonsense")

    def test_recovery_is_no_herd(self):
        self.begin()
        self.sealed.fault("down")
        self.until_refused(lambda: self.post("t1"))
        before = len(self.sealed.calls())

        def read(number):
            client = progressdb.Client(self.server.port, progressdb.FRONTEND, "ann", signed=True)
            thread = 1 + number % 3
            end = time.monotonic() + 3 * QUICK
            while time.monotonic() < end:
                if client.get(f"/v1/threads/t{thread}/messages/m{thread}").status == 200:
                    client.close()
                    return True
            return False

        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            waiting = [pool.submit(read, number) for number in range(24)]
            self.sealed.fault("")
            self.assertTrue(all(future.result() for future in waiting))
        unwraps = [call for call in self.sealed.calls()[before:] if call[0] == "unwrap"]
        self.assertEqual(len(unwraps), len(set(unwraps)), unwraps)
        self.assertLessEqual(len(unwraps), 3)

    def test_new_threads_do_not_wait_for_the_service(self):
        self.begin()
        # a thread that came before its key lay ready has one that was made for it
        wait_for(lambda: sum(call[0] in ("claim", "create") for call in self.sealed.calls()) >= 3, "claims")
        boss = self.server.admin()
        wait_for(lambda: boss.get("/admin/encryption/status").json["prepared_keys"] == 4, "prepared keys")
        time_before = len(self.sealed.calls())
        self.sealed.fault("hang")
        for number in range(3):
            began = time.monotonic()
            self.assertEqual(self.post(f"fresh{number}"), 200)
            self.assertLess(time.monotonic() - began, 0.5)
        self.assertNotIn("create", [call[0] for call in self.sealed.calls()[time_before:]])
        # whose they have become is told when the service is back, also after a crash
        self.server.kill()
        self.sealed.fault("")
        time_after = len(self.sealed.calls())
        self.server.start()
        self.user = self.server.frontend("ann")
        self.judge()
        self.user = self.server.frontend("ann")
        for thread, message, _ in self.acked:
            self.get(thread, message)
        wait_for(lambda: len({call for call in self.sealed.calls()[time_after:] if call[0] == "claim"}) >= 3,
                 "the claims")


if __name__ == "__main__":
    unittest.main(verbosity=1)
