# SPDX-License-Identifier: Apache-2.0
"""What the service manager is told, and that its watchdog starves when no commit reaches the disk."""
import os
import signal
import socket
import threading
import time
import unittest

import overload_test
import progressdb

PERIOD = 0.3  # of the watchdog; it is fed three times as often


@unittest.skipIf(overload_test.SANITIZED, "a preloaded object and a sanitizer do not go together")
class Notify(overload_test.Case):
    def setUp(self):
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-notify-")
        self.addCleanup(progressdb.shutil.rmtree, folder, True)
        self.peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.bind(os.path.join(folder, "notify"))
        os.environ["NOTIFY_SOCKET"] = os.path.join(folder, "notify")
        os.environ["WATCHDOG_USEC"] = str(int(PERIOD * 1e6))
        try:
            self.begin("server:\n  overload_after: 0\n")
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]

    def said(self, seconds):
        """Everything that is said in this time."""
        found = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.peer.settimeout(left)
            try:
                found.append(self.peer.recv(4096).decode())
            except TimeoutError:
                break
        return found

    def wait_for_word(self, word):
        self.peer.settimeout(progressdb.DEADLINE)
        while word not in self.peer.recv(4096).decode():
            pass

    def test_ready_reloading_stopping(self):
        self.wait_for_word("READY=1")
        self.server.process.send_signal(signal.SIGHUP)
        self.wait_for_word("RELOADING=1")
        self.wait_for_word("READY=1")
        self.server.stop()
        self.wait_for_word("STOPPING=1")

    def test_the_watchdog(self):
        self.wait_for_word("WATCHDOG=1")
        self.assertGreater(self.said(1).count("WATCHDOG=1"), 3, "fed while idle")
        self.slow(2500)
        writer = threading.Thread(target=lambda: self.reader.post("/v1/threads/t/messages", body={"body": 1}))
        writer.start()
        # one feeding may be on its way already, and one look has to find the commit waiting
        starved = progressdb.wait_for(lambda: "WATCHDOG=1" not in self.said(PERIOD * 2), "it starves")
        self.assertTrue(starved)
        self.slow(0)
        writer.join()
        self.wait_for_word("WATCHDOG=1")
        self.assertIn("no commit has reached the disk", self.server.log())


if __name__ == "__main__":
    unittest.main()
