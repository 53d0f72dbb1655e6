# SPDX-License-Identifier: Apache-2.0
"""Limits over HTTP: how often a key may be guessed, how much may be asked, and what that costs."""
import http.client
import os
import re
import signal
import socket
import sys
import threading
import time
import unittest

import progressdb
from progressdb import BACKEND, FRONTEND, sign

TRIES = int(os.environ.get("PDB_BAD_KEYS", "10000"))
STRANGERS = int(os.environ.get("PDB_STRANGERS", "20000"))
SECONDS = float(os.environ.get("PDB_RATE_SECONDS", "3"))
# KiB. A sanitizer keeps what is freed for a while.
GROWTH = 1024 if not os.environ.get("PDB_BUILD", "").endswith(("asan", "tsan")) else 1024 * 1024

CONFIG = f"""\
storage: {{backend: memory}}
security:
  trusted_proxies: [127.0.0.9]
  api_keys:
    frontend: [{FRONTEND}]
    backend: [{BACKEND}]
    admin: [{progressdb.ADMIN}]
"""

# RFC 8941: a list of strings with integer parameters.
MEMBER = r'"[a-z]+"(?:;[a-z]+=\d{1,15})+'
LIST = re.compile(rf"{MEMBER}(?:, ?{MEMBER})*")


class Caller:
    """One connection from an address of its own."""

    def __init__(self, server, address="127.0.0.1"):
        self.conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=progressdb.DEADLINE,
                                               source_address=(address, 0))

    def ask(self, key=None, path="/v1/threads?author=ann", method="GET", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            fields["Authorization"] = "Bearer " + key
        self.conn.request(method, path, headers=fields)
        response = self.conn.getresponse()
        return progressdb.Answer(response.status, {name.lower(): value for name, value in response.getheaders()},
                                 response.read())

    def close(self):
        self.conn.close()


class LimitsCase(unittest.TestCase):
    def start(self, more=""):
        self.server = progressdb.Server(config=CONFIG + more)
        self.addCleanup(self.server.close)
        self.server.start()

    def caller(self, address="127.0.0.1"):
        made = Caller(self.server, address)
        self.addCleanup(made.close)
        return made

    def reload(self, more):
        done = self.server.log().count("configuration reloaded")
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(CONFIG + more)
        self.server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: self.server.log().count("configuration reloaded") > done, "the reload")

    def memory(self):
        """Resident KiB."""
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))


class GuessingTest(LimitsCase):
    def test_bad_keys_from_one_address(self):
        self.start()
        guesser, other = self.caller(), self.caller("127.0.0.2")
        self.assertEqual(other.ask(BACKEND).status, 200)
        for _ in range(200):
            guesser.ask(path="/healthz")
        before, reached, began = self.memory(), [], time.monotonic()
        for number in range(TRIES):
            answer = guesser.ask(f"sk_guess_{number:012}")
            if answer.status == 401:
                reached.append(time.monotonic())
                continue
            self.assertEqual((answer.status, answer.json["code"]), (429, "too_many_failures"))
            self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        took, grown = time.monotonic() - began, self.memory() - before
        for first in reached:
            self.assertLessEqual(sum(first <= when < first + 60 for when in reached), 20)
        self.assertGreaterEqual(len(reached), 10)
        self.assertEqual(guesser.ask(progressdb.ADMIN).status, 429, "a good key is not even looked at")
        self.assertEqual(guesser.ask(BACKEND).status, 200, "one that was good before goes on")
        self.assertEqual(guesser.ask(path="/healthz").status, 200)
        self.assertEqual(other.ask(BACKEND).status, 200)
        self.assertLess(grown, GROWTH)
        self.assertIn("too many failed tries to identify from 127.0.0.1", self.server.log())
        self.assertLess(self.server.log().count("too many failed tries"), took + 2)
        print(f"{TRIES} bad keys in {took:.1f} s: {len(reached)} reached the key; "
              f"{grown} KiB more memory", file=sys.stderr)

    def test_many_at_once_are_no_way_around(self):
        self.start()
        statuses = []

        def guess(worker):
            caller = Caller(self.server)
            statuses.extend(caller.ask(f"sk_guess_{worker}_{number:04}").status for number in range(100))
            caller.close()

        workers = [threading.Thread(target=guess, args=(worker,)) for worker in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(len(statuses), 800)
        self.assertLessEqual(statuses.count(401), 20)
        self.assertEqual(set(statuses), {401, 429})

    def test_signatures_and_both_headers_count(self):
        self.start()
        guesser = self.caller()
        statuses = [guesser.ask(X_User_ID="ann", X_User_Signature=f"{number:064x}").status
                    for number in range(50)]
        self.assertLessEqual(statuses.count(401), 20)
        self.assertEqual(guesser.ask(X_API_Key="sk_another_guess").status, 429)

    def test_strangers_take_no_memory(self):
        self.start()
        proxy = self.caller("127.0.0.9")
        proxy.ask(BACKEND, X_Forwarded_For="192.0.2.1")
        for number in range(500):
            proxy.ask("sk_guess_of_a_stranger", X_Forwarded_For=f"2001:db8:ffff:{number:x}::1")
        before = self.memory()
        for number in range(STRANGERS):
            answer = proxy.ask("sk_guess_of_a_stranger",
                               X_Forwarded_For=f"2001:db8:{number >> 16:x}:{number & 0xffff:x}::1")
            self.assertEqual(answer.status, 401)
        grown = self.memory() - before
        self.assertLess(grown, GROWTH)
        print(f"{STRANGERS} addresses: {grown} KiB more memory", file=sys.stderr)

    def test_switched_off(self):
        self.start("  failed_auth: {per_minute: 0}\n")
        guesser = self.caller()
        self.assertEqual({guesser.ask(f"sk_guess_{number:04}").status for number in range(100)}, {401})


class RateTest(LimitsCase):
    def spend(self, caller, key, seconds):
        """How many were admitted, and what there may have been at most."""
        admitted, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            admitted += caller.ask(key).status == 200
        return admitted, time.monotonic() - began

    def test_admits_what_it_says(self):
        # the bucket takes two seconds to fill: a caller that rests for less than that loses nothing
        rate, burst = 50, 100
        self.start(f"  rate_limit: {{rps: {rate}, burst: {burst}}}\n")
        admitted, took = self.spend(self.caller(), BACKEND, SECONDS)
        most = burst + rate * took
        self.assertLessEqual(admitted, most + 1)
        self.assertGreater(admitted, 0.97 * most)
        print(f"{took:.1f} s: {admitted} admitted of {most:.0f}", file=sys.stderr)

    def test_fields_are_structured(self):
        self.start("  rate_limit:\n    rps: 5\n    burst: 8\n    per_key: {rps: 50}\n"
                   "    per_address: {rps: 100, burst: 300}\n")
        caller, seen = self.caller(), set()
        for _ in range(20):
            answer = caller.ask(BACKEND)
            seen.add(answer.status)
            for name in ("ratelimit", "ratelimit-policy"):
                self.assertIsNotNone(LIST.fullmatch(answer.headers[name]), answer.headers[name])
            if answer.status == 429:
                self.assertEqual(answer.json["code"], "rate_limited")
                self.assertEqual(answer.headers["retry-after"], "1")
        self.assertEqual(seen, {200, 429})

    def test_users_of_one_key_do_not_disturb_each_other(self):
        self.start("  rate_limit: {rps: 1, burst: 3}\n")
        caller = self.caller()

        def as_user(user):
            return caller.ask(FRONTEND, "/v1/threads", X_User_ID=user, X_User_Signature=sign(user)).status

        self.assertEqual([as_user("ann") for _ in range(4)], [200, 200, 200, 429])
        self.assertEqual(as_user("bob"), 200)

    def test_reload(self):
        self.start()
        caller = self.caller()
        self.assertNotIn("ratelimit", caller.ask(BACKEND).headers)
        self.reload("  rate_limit: {rps: 1, burst: 2}\n")
        self.assertEqual([caller.ask(BACKEND).status for _ in range(3)], [200, 200, 429])
        self.reload("  rate_limit: {rps: 1, burst: 2, costs: {GET /v1/threads: 0}}\n")
        self.assertEqual({caller.ask(BACKEND).status for _ in range(5)}, {200})
        self.reload("")
        self.assertNotIn("ratelimit", caller.ask(BACKEND).headers)

    def test_refusals_are_counted(self):
        self.start("  rate_limit: {rps: 1, burst: 1}\n")
        caller = self.caller()
        self.assertEqual([caller.ask(BACKEND).status for _ in range(3)], [200, 429, 429])
        text = self.caller("127.0.0.3").ask(progressdb.ADMIN, path="/metrics").body.decode()
        self.assertIn('progressdb_ratelimit_refusals_total{limit="caller"} 2', text)


class CrowdTest(LimitsCase):
    def fill(self):
        """A page that no socket's buffers hold."""
        caller = Caller(self.server, "127.0.0.8")
        for _ in range(16):
            caller.conn.request("POST", "/v1/threads/long/messages",
                                b'{"author":"ann","body":"' + b"x" * 1_000_000 + b'"}',
                                {"Authorization": "Bearer " + BACKEND, "Content-Type": "application/json"})
            response = caller.conn.getresponse()
            self.assertEqual((response.status, bool(response.read())), (200, True))
        caller.close()

    def hang(self, address):
        """A request that goes on running. One that was answered before may count a moment longer."""
        return progressdb.wait_for(lambda: self.try_to_hang(address), "there is room")

    def try_to_hang(self, address):
        """Asks for the page and does not read it; its first bytes say whether it is running."""
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(progressdb.DEADLINE)
        peer.bind((address, 0))
        peer.connect(("127.0.0.1", self.server.port))
        peer.sendall(b"GET /v1/threads/long/messages?author=ann HTTP/1.1\r\nHost: a\r\n"
                     b"Authorization: Bearer " + BACKEND.encode() + b"\r\n\r\n")
        return peer if peer.recv(15) == b"HTTP/1.1 200 OK" else None

    def test_too_many_at_once(self):
        self.start("  concurrency: {total: 3, per_address: 2}\n")
        self.fill()
        first, second = self.hang("127.0.0.1"), self.hang("127.0.0.1")
        self.assertEqual(self.refused("127.0.0.1"), (429, "too_many_at_once"))
        progressdb.wait_for(lambda: self.caller("127.0.0.2").ask(BACKEND).status == 200, "others may go on")
        third = self.hang("127.0.0.2")
        self.assertEqual(self.refused("127.0.0.3"), (503, "overloaded"))
        self.assertEqual(self.caller("127.0.0.3").ask(path="/readyz").status, 200)
        third.close()
        progressdb.wait_for(lambda: self.caller("127.0.0.3").ask(BACKEND).status == 200, "one has left")
        self.assertEqual(self.refused("127.0.0.1"), (429, "too_many_at_once"))
        first.close()
        second.close()
        progressdb.wait_for(lambda: self.caller("127.0.0.1").ask(BACKEND).status == 200, "two have left")

    def refused(self, address):
        answer = self.caller(address).ask(BACKEND)
        self.assertEqual(answer.headers["retry-after"], "1")
        return answer.status, answer.json["code"]


if __name__ == "__main__":
    unittest.main()
