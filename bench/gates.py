# SPDX-License-Identifier: Apache-2.0
"""What the gates cost: the same load on a server with all of them and on one with auth alone."""
import os
import statistics

import progressdb

KEYS = f"""\
storage: {{backend: wiredtiger}}
plugins: {{load: [%s]}}
security:
  api_keys: {{backend: [{progressdb.BACKEND}]}}
"""

ALONE = KEYS % "auth"

# Each gate has something to do, and refuses nothing.
ALL = KEYS % "address, auth, cors, ratelimit, audit, metrics" + """\
  ip_whitelist: [10.0.0.0/8, 192.0.2.0/24]
  ip_denylist: [198.51.100.0/24, 203.0.113.0/24]
  trusted_proxies: [127.0.0.0/8]
  cors: {allowed_origins: [https://app.example, https://admin.example]}
  rate_limit:
    rps: 10_000_000
    per_key: {rps: 10_000_000}
    per_address: {rps: 10_000_000}
  concurrency: {total: 100_000, per_address: 100_000}
"""

# Both servers get the same requests: those of a page, through a proxy. The fields ride behind the key.
FIELDS = "\r\nOrigin: https://app.example\r\nX-Forwarded-For: 203.0.113.77, 192.0.2.7"


class Gates:
    """Two servers, asked in turns, so that whatever else the machine does hits both."""

    configs = {"auth": ALONE, "all": ALL}
    fields = FIELDS
    turns = 4

    def __init__(self, bench):
        self.bench = bench
        self.servers = {name: progressdb.Server(config=config, log_level="info") for name, config in self.configs.items()}
        self.ratios = {}

    def __enter__(self):
        for server in self.servers.values():
            server.start()
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.close()

    def load(self, which, arguments):
        server = self.servers[which]
        result = self.bench.load(server.port, server.process.pid,
                                 ["--connections", "64", *arguments], progressdb.BACKEND + self.fields)
        if result["errors"]:
            raise SystemExit(f"{which}: {result['errors']} errors, the first {result['first_error']}")
        return result

    def compare(self, name, arguments):
        seen = {which: [] for which in self.servers}
        for which in self.servers:
            self.load(which, arguments)
        one, other = self.configs
        for turn in range(self.turns):
            for which in (one, other) if turn % 2 == 0 else (other, one):
                seen[which].append(self.load(which, arguments))
        rps = {which: statistics.mean(run["rps"] for run in runs) for which, runs in seen.items()}
        cpu = {which: statistics.mean(run["cpu_us"] for run in runs) for which, runs in seen.items()}
        self.ratios[name] = rps[other] / rps[one]
        print(f"{name:32} {rps[one]:9.0f} {rps[other]:9.0f} {self.ratios[name]:6.3f} "
              f"{cpu[one]:8.1f} {cpu[other]:8.1f}", flush=True)

    def print_head(self):
        one, other = self.configs
        print(f"{'':32} {one + '/s':>9} {other + '/s':>9} {'ratio':>6} {'cpu us':>8} {other:>8}   "
              f"({self.turns} turns of {self.bench.options.seconds:g} s, {os.cpu_count()} cores)")

    def run(self):
        self.print_head()
        append = ["--post", "/v1/threads/t-{t}/messages", "--threads", "1000", "--body",
                  '{"author":"user-1","body":{"text":"Is the soup still warm?"}}', "--post-percent", "100"]
        self.compare("durable append", append)
        self.compare("one thread", ["--get", "/v1/threads/t-{t}?author=user-1", "--threads", "1000"])
        self.compare("newest page of 50", ["--get", "/v1/threads/t-{t}/messages?limit=50", "--threads", "1000"])
        self.compare("80 % newest page, 20 % append",
                     ["--get", "/v1/threads/t-{t}/messages?limit=50", *append[:-1], "20"])
