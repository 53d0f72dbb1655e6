# SPDX-License-Identifier: Apache-2.0
"""What a run of retention costs those who write: the same server while the run works and while it is paused, in turns."""
import os
import signal
import statistics

import progressdb

CONFIG = f"""\
storage: {{backend: wiredtiger}}
plugins: {{load: [auth, retention, metrics]}}
security:
  api_keys: {{backend: [{progressdb.BACKEND}], admin: [{progressdb.ADMIN}]}}
retention: {{enabled: true, cron: '* * * * *', period: 0s, min_period: 0s, grace: 0s, paused: PAUSED}}
"""
MESSAGES = 100  # of each thread that is purged
THREADS = 4000
ROUNDS = 24
APPEND = ["--connections", "64", "--post", "/v1/threads/t-{t}/messages", "--threads", "1000", "--body",
          '{"author":"user-1","body":{"text":"Is the soup still warm?"}}', "--post-percent", "100"]


class Retention:
    """One server, so that both halves have the same data; which of them comes first changes each turn."""

    def __init__(self, bench):
        self.bench = bench
        self.server = bench.server = progressdb.Server(config=CONFIG.replace("PAUSED", "true"), log_level="info")

    def __enter__(self):
        self.server.start()
        self.god = self.server.admin()
        return self

    def __exit__(self, *_):
        self.server.close()

    def fill(self):
        self.bench.load_thread_lines((self.bench.line(f"old-{number}") for number in range(THREADS)
                                      for _ in range(MESSAGES)), "what is to be purged")
        for number in range(THREADS):
            if self.god.delete(f"/v1/threads/old-{number}").status != 204:
                raise SystemExit("a thread is not deleted")
        # one by schedule, because one that was asked for is not paused
        self.pause(False)
        progressdb.wait_for(lambda: "a run begins" in self.server.log(), "the next full minute", 90)

    def pause(self, paused):
        """Has the run wait or go on, by a reload."""
        before = self.server.log().count("configuration reloaded")
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(CONFIG.replace("PAUSED", "true" if paused else "false"))
        self.server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: self.server.log().count("configuration reloaded") > before, "a reload")

    def purged(self):
        page = self.god.get("/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                   if line.startswith("progressdb_retention_purged_total{"))

    def load(self, paused):
        self.pause(paused)
        before = self.purged()
        result = self.bench.load(self.server.port, self.server.process.pid, APPEND)
        if result["errors"]:
            raise SystemExit(f"{result['errors']} errors, the first {result['first_error']}")
        result["purged"] = (self.purged() - before) / self.bench.options.seconds
        return result

    def run(self):
        self.fill()
        self.load(True)
        alone, beside, ratios = [], [], []
        for turn in range(ROUNDS):
            pair = {paused: self.load(paused) for paused in ((True, False) if turn % 2 == 0 else (False, True))}
            if "a run has ended" in self.server.log():
                raise SystemExit("all is purged: too little for so many seconds")
            alone.append(pair[True])
            beside.append(pair[False])
            ratios.append(pair[False]["rps"] / pair[True]["rps"])
        print(f"{'':14} {'append/s':>9} {'p50 us':>8} {'p99 us':>8} {'cpu us':>7} {'threads/s':>9}   "
              f"({ROUNDS} turns of {self.bench.options.seconds:g} s, {os.cpu_count()} cores)")
        for name, runs in (("paused", alone), ("beside a run", beside)):
            mean = {key: statistics.mean(run[key] for run in runs)
                    for key in ("rps", "p50_us", "p99_us", "cpu_us", "purged")}
            print(f"{name:14} {mean['rps']:9.0f} {mean['p50_us']:8.0f} {mean['p99_us']:8.0f} {mean['cpu_us']:7.1f} "
                  f"{mean['purged']:9.0f}")
        rate = sum(run["rps"] for run in beside) / sum(run["rps"] for run in alone)
        print(f"rate kept: {rate:.3f}; turn by turn the median is {statistics.median(ratios):.3f}, "
              f"from {min(ratios):.2f} to {max(ratios):.2f}", flush=True)
