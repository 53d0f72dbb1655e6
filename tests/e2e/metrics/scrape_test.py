# SPDX-License-Identifier: Apache-2.0
"""A scrape stays cheap while many connections are open."""
import os
import resource
import socket
import time
import unittest

import progressdb
from page import scrape

CONNECTIONS = int(os.environ.get("PDB_SCRAPE_CONNECTIONS", "500"))
SCRAPES = 50
# of the server's own time for a page; a sanitizer's build is another matter
LIMIT = 0.005 if "san" not in os.environ.get("PDB_BUILD", "") else 0.5


class Scrape(unittest.TestCase):
    def setUp(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.server = progressdb.Server(extra="server:\n  idle_timeout: 10m\n  max_connections: 20000\n"
                                              "  header_timeout: 10m\n")
        self.addCleanup(self.server.close)
        self.server.start()

    def test_with_many_connections(self):
        peers = []
        self.addCleanup(lambda: [peer.close() for peer in peers])
        for _ in range(CONNECTIONS):
            peers.append(socket.create_connection(("127.0.0.1", self.server.port)))
        admin = self.server.admin()
        progressdb.wait_for(
            lambda: scrape(admin).value("progressdb_http_connections") > CONNECTIONS,
            "every connection is accepted")
        before = scrape(admin)
        start = time.monotonic()
        for _ in range(SCRAPES):
            after = scrape(admin)
        whole = (time.monotonic() - start) / SCRAPES
        name = "progressdb_scrape_duration_seconds"
        count = after.value(name + "_count") - before.value(name + "_count")
        own = (after.value(name + "_sum") - before.value(name + "_sum")) / count
        print(f"{CONNECTIONS} connections, {len(after.samples)} samples: {own * 1000:.3f} ms in the server, "
              f"{whole * 1000:.3f} ms for this client")
        self.assertEqual(count, SCRAPES)
        self.assertLess(own, LIMIT)


if __name__ == "__main__":
    unittest.main()
