# SPDX-License-Identifier: Apache-2.0
"""Loads real conversations with pdbctl, and reads every one back byte for byte in every way."""
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
import unittest

import conversations
import progressdb

WORKERS = 3
PAGES = (7, 50, 1000)


def read_thread(client, thread, limit, forward):
    """The digests of a thread's messages, read by pages in one direction."""
    pages = []
    cursor = "after=0" if forward else None
    while True:
        query = f"limit={limit}" + (f"&{cursor}" if cursor else "")
        answer = client.get(f"/v1/threads/{progressdb.quote(thread)}/messages?{query}")
        if answer.status != 200:
            raise AssertionError(f"{thread}: {answer}")
        found, pagination = conversations.page_digests(answer.body)
        if len(found) > limit:
            raise AssertionError(f"{thread}: {len(found)} messages on a page of {limit}")
        pages.append(found)
        if not pagination["has_after" if forward else "has_before"]:
            break
        side = "after" if forward else "before"
        cursor = f"{side}={pagination[side]}"
    if not forward:
        pages.reverse()
    return [digest for page in pages for digest in page], len(pages)


def read_share(port, threads, limit, forward):
    """Reads some threads; returns {thread: digest} and the number of requests."""
    client = progressdb.Client(port, progressdb.ADMIN)
    found = {}
    requests = 0
    for thread in threads:
        digests, pages = read_thread(client, thread, limit, forward)
        found[thread] = conversations.digest(digests)
        requests += pages
    client.close()
    return found, requests


@unittest.skipUnless(os.path.exists(conversations.path()), f"{conversations.path()} is not here")
class LoadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        began = time.monotonic()
        threads = conversations.read(conversations.path())
        cls.messages = sum(map(len, threads.values()))
        cls.expected = {thread: conversations.digest(found) for thread, found in threads.items()}
        print(f"{cls.messages} messages in {len(cls.expected)} threads "
              f"({time.monotonic() - began:.0f} s to read)", file=sys.stderr)

    def pdbctl(self, *arguments):
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        environment = dict(os.environ, PROGRESSDB_KEY=progressdb.ADMIN,
                           PROGRESSDB_URL=f"http://127.0.0.1:{self.server.port}")
        return subprocess.Popen([tool, *arguments], env=environment, stderr=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def run_pdbctl(self, *arguments):
        with self.pdbctl(*arguments) as process:
            out, err = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, out + err)
        return out + err

    def compare(self, found, what):
        wrong = [thread for thread, digest in self.expected.items() if found.get(thread) != digest]
        self.assertEqual((wrong[:5], len(wrong)), ([], 0), what)
        self.assertEqual(len(found), len(self.expected), what)

    def load(self):
        """Imports, killed in the middle and taken up again; then all of it a second time."""
        state = os.path.join(self.server.directory, "state")
        with self.pdbctl("import", "--state", state, conversations.path()) as first:
            progressdb.wait_for(lambda: self.noted(state) > 1_000_000 or first.poll() is not None,
                                "the import notes how far it is")
            first.send_signal(signal.SIGKILL)
        resumed_at = self.noted(state)
        text = self.run_pdbctl("import", "--state", state, conversations.path())
        stored = int(re.search(r"imported (\d+) messages", text).group(1))
        self.assertGreater(resumed_at, 1_000_000)
        self.assertLess(stored, self.messages, "the import began anew instead of going on")
        self.assertFalse(os.path.exists(state), "a complete import leaves its state file")
        print(f"killed and resumed: {text.strip()}", file=sys.stderr)
        text = self.run_pdbctl("import", "--state", state, conversations.path())
        self.assertIn(f"imported {self.messages} messages in {len(self.expected)} threads "
                      f"({self.messages} replayed", text)
        print(f"again: {text.strip()}", file=sys.stderr)

    @staticmethod
    def noted(state):
        try:
            with open(state, encoding="ascii") as file:
                return int(re.search(r"^offset (\d+)$", file.read(), re.M).group(1))
        except OSError:
            return 0

    def read_back(self, limit, forward):
        began = time.monotonic()
        threads = sorted(self.expected)
        found = {}
        requests = 0
        with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
            shares = [pool.submit(read_share, self.server.port, threads[number::WORKERS], limit,
                                  forward) for number in range(WORKERS)]
            for share in shares:
                part, count = share.result()
                found.update(part)
                requests += count
        self.compare(found, f"pages of {limit}, {'forward' if forward else 'backward'}")
        seconds = time.monotonic() - began
        print(f"pages of {limit}, {'forward' if forward else 'backward'}: {len(found)} threads "
              f"identical, {requests} requests in {seconds:.0f} s", file=sys.stderr)

    def export(self):
        path = os.path.join(self.server.directory, "export.ndjson")
        text = self.run_pdbctl("export", "-o", path)
        threads = conversations.read(path)
        self.compare({thread: conversations.digest(found) for thread, found in threads.items()},
                     "the export")
        print(f"export identical: {text.strip()}", file=sys.stderr)

    def test_every_conversation_comes_back(self):
        self.server = progressdb.Server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.load()
        self.server.restart()
        for limit in PAGES:
            self.read_back(limit, forward=True)
            self.read_back(limit, forward=False)
        self.export()
        self.server.stop()
        report = self.run_pdbctl("check", "--db", self.server.db)
        self.assertIn(f"{len(self.expected)} threads, {self.messages} messages", report)
        print(report.strip(), file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
