# SPDX-License-Identifier: Apache-2.0
"""progressdb-kms is killed, hangs, is misheard or cut off: what a server goes on with, and how it comes back."""
import collections
import concurrent.futures
import datetime
import os
import signal
import threading
import time
import unittest

from served import QUICK, ServedCase

SECONDS, COUNT = (int(part) for part in os.environ.get("PDB_KMS_OUTAGE", "1x4").split("x"))
KINDS = ("killed", "hung", "nonsense", "cut")
KEPT, SHORT = 86400, max(1, SECONDS // 6)
PREPARED, WORKERS, READERS, MESSAGES = 8, 4, 24, 20 + 6 * SECONDS
# a key is asked for again when most of its time is over, not sooner
AGAIN = 0.6 * SHORT
# the times of the audit log and of the server are not taken at the same moment
SLACK = 0.1


def moment(line):
    """When a line of the audit log was written, in seconds."""
    whole = datetime.datetime.fromisoformat(line["ts"][:19]).replace(tzinfo=datetime.timezone.utc)
    return whole.timestamp() + float(line["ts"][19:].removesuffix("Z"))


class Outage(ServedCase):
    """`warm` threads have a key in the server when the service goes, `cold` ones have none."""

    def setUp(self):
        self.counts = collections.Counter()
        self.every = {}
        self.number = 0

    # -- the service goes, and comes ---------------------------------------------------------------

    def go(self, kind):
        if kind == "killed":
            self.daemon.kill()
        elif kind == "hung":
            self.daemon.process.send_signal(signal.SIGSTOP)
        else:
            self.served.relay.change(kind)

    def come(self, kind):
        """Returns how many keys had been handed out just before."""
        if kind in ("nonsense", "cut"):
            self.served.relay.change("hang")
        before = len(self.daemon.audited("unwrap", "end"))
        if kind == "killed":
            self.daemon.start()
        elif kind == "hung":
            self.daemon.process.send_signal(signal.SIGCONT)
        else:
            self.served.relay.change("pass")
        return before

    # -- before it -----------------------------------------------------------------------------------

    def prepare(self, kind, ttl):
        """Threads with messages that nobody has opened since the server was started."""
        self.number += 1
        self.warm, self.cold = ([f"o{self.number}-{what}{n}" for n in range(4)] for what in ("warm", "cold"))
        self.said = {}
        for thread in self.warm + self.cold:
            for number in range(MESSAGES if thread in self.warm else 2):
                self.assertEqual(self.post(thread, f"m{number}"), 200)
        self.served.endpoint = (self.daemon if kind in ("killed", "hung") else self.served.relay).listen
        self.served.sealed.restart(more_kms=self.served.asking(prepared=PREPARED, ttl=f"{ttl}s"))
        self.unread = {thread: iter(range(1, MESSAGES)) for thread in self.warm}
        self.until_ready()
        self.before = len(self.daemon.audited("unwrap", "end"))
        for thread in self.warm:
            self.until_served(thread, "m0")
        self.assertEqual(len({line["key"] for line in self.handed_out()}), len(self.warm))

    def handed_out(self):
        """The keys since the server was started, in order."""
        return [line for line in self.daemon.audited("unwrap", "end")[self.before:] if line["result"] == "OK"]

    # -- during it -----------------------------------------------------------------------------------

    def judged(self, act, thread, message):
        """What needs a key that is in memory is done, and what needs one that is over is not."""
        began = time.time()
        status = act(thread, message)
        if time.time() < self.sure:
            self.assertEqual(status, 200)
            self.counts["kept"] += 1
        elif began > self.gone:
            self.assertEqual(status, 503)
            self.counts["over"] += 1

    def work(self, place, over):
        """Reads and writes until it is over, and with keys that live for a short time until these are over."""
        thread, number = self.warm[place], 0
        while not over.is_set() or time.time() < self.gone < time.time() + KEPT / 2:
            self.judged(self.post, thread, f"w{number}")
            unread = next(self.unread[thread], None)
            if unread is not None:
                self.judged(self.read, thread, f"m{unread}")
            self.assertEqual(self.read(self.cold[place], "m0"), 503)
            self.counts["cold"] += 1
            fresh = self.post(f"o{self.number}-new{place}-{number}", "m0")
            self.counts["new kept" if fresh == 200 else "new refused"] += 1
            number += 1
            over.wait(0.1)
        self.judged(self.post, thread, "last")

    def suffer(self, kind, ttl):
        over = threading.Event()
        self.counts.clear()
        self.slowest = 0
        self.sure = min(map(moment, self.handed_out())) + ttl
        began = time.monotonic()
        self.go(kind)
        self.gone = max(map(moment, self.handed_out())) + ttl + SLACK
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            working = [pool.submit(self.work, place, over) for place in range(WORKERS)]
            try:
                self.until_ready(keys=False)
                concurrent.futures.wait(working, max(0, SECONDS - (time.monotonic() - began)),
                                        concurrent.futures.FIRST_EXCEPTION)
            finally:
                over.set()
            for future in working:
                future.result()
        self.assertLessEqual(self.counts["new kept"], PREPARED)
        self.assertGreater(self.counts["cold"], 0)
        self.assertGreater(self.counts["kept" if ttl == KEPT else "over"], 0)

    # -- after it ------------------------------------------------------------------------------------

    def ask_until_answered(self, thread):
        while self.read(thread, "m0") != 200:
            time.sleep(0.02)  # as a client that comes again
        return time.monotonic()

    def recover(self, kind, ttl):
        with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
            threads = (self.warm + self.cold) * (READERS // 8)
            asking = [pool.submit(self.ask_until_answered, thread) for thread in threads]
            before = self.come(kind)
            began = time.monotonic()
            took = max(future.result() for future in asking) - began
        self.assertLess(took, QUICK)
        self.until_ready()
        unwraps = collections.defaultdict(list)
        for line in self.daemon.audited("unwrap", "end")[before:]:
            if line["result"] == "OK":
                unwraps[line["key"], line.get("version")].append(moment(line))
        self.assertGreaterEqual(len(unwraps), len(self.cold))
        for key, times in unwraps.items():
            if ttl == KEPT:
                self.assertEqual(len(times), 1, key)
            self.assertTrue(all(b - a > AGAIN for a, b in zip(times, times[1:])), (key, times))
        return took, sum(map(len, unwraps.values())), len(unwraps)

    def outage(self, kind, ttl):
        self.prepare(kind, ttl)
        self.suffer(kind, ttl)
        took, unwraps, keys = self.recover(kind, ttl)
        self.read_all()
        self.every.update(self.said)
        # slow ones may be those of a busy machine
        print(f"{self.number:3} {kind:8} {SECONDS} s, keys live {ttl} s: {dict(self.counts)}; "
              f"slowest answer {self.slowest:.2f} s, back in {took:.2f} s, {unwraps} unwraps of {keys} keys", flush=True)

    def outages(self, kinds):
        for number in range(COUNT):
            self.outage(kinds[number % len(kinds)], (SHORT, KEPT)[(number + number // len(kinds)) % 2])
        self.said = self.every
        self.read_all()
        self.server.stop()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.daemon.audit(self.daemon.public_key())[0], 0)
        self.nothing_in_clear()

    def test_over_a_unix_socket(self):
        self.begin("unix", relay=True, prepared=PREPARED)
        self.outages(KINDS)

    def test_over_tls(self):
        self.begin("tls", prepared=PREPARED)
        self.outages(("killed", "hung"))

    def test_a_server_starts_without_its_service(self):
        self.begin("unix")
        self.assertEqual(self.post("t0", "m0"), 200)
        self.daemon.kill()
        self.server.restart()
        self.until_ready(keys=False)
        self.assertEqual(self.read("t0", "m0"), 503)
        self.assertEqual(self.post("t1", "m0"), 503)
        self.daemon.start()
        self.until_served("t0", "m0")
        self.until_served("t1", "m0")
        self.until_ready()


if __name__ == "__main__":
    unittest.main(verbosity=1)
