# SPDX-License-Identifier: Apache-2.0
"""Measures the server against a bare evhttp that answers as many bytes, and prints one table."""
import argparse
import json
import os
import subprocess
import sys
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
sys.dont_write_bytecode = True
import progressdb  # noqa: E402 (its place is known only now)
from encryption import PAIRS  # noqa: E402
from gates import Gates  # noqa: E402
from retention import Retention  # noqa: E402

TEXT = ("I would like to find a place to eat in San Jose, something moderately priced with outdoor "
        "seating, please.")
BODY = json.dumps({"text": TEXT, "services": ["Restaurants_1"]}, separators=(",", ":"))
APPEND = '{"author":"user-1","role":"user","body":' + BODY + "}"
DEEP_THREADS = 16
DEEP_MESSAGES = 10_000
PAGE = "/v1/threads/deep-{t}/messages?limit=50"


class Bench:
    """One server with data, one ceiling, and the results."""

    def __init__(self, options):
        self.options = options
        self.bin = os.path.join(os.path.abspath(options.build), "bin")
        os.environ["PDB_BUILD"] = os.path.abspath(options.build)
        self.server = progressdb.Server(log_level="info")
        self.results = []

    # -- data --------------------------------------------------------------------------------------

    def load_thread_lines(self, lines, what):
        """Feeds lines to pdbctl import."""
        began = time.monotonic()
        command = [os.path.join(self.bin, "pdbctl"), "import", "--quiet", "--batch", "1000",
                   "--batch-bytes", "900000", "--connections", "64", "-"]
        environment = dict(os.environ, PROGRESSDB_KEY=progressdb.BACKEND,
                           PROGRESSDB_URL=f"http://127.0.0.1:{self.server.port}")
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:
            count = 0
            for line in lines:
                process.stdin.write(line)
                count += 1
            process.stdin.close()
            if process.wait() != 0:
                raise SystemExit(f"the import of {what} failed")
        seconds = time.monotonic() - began
        print(f"loaded {what}: {count} messages in {seconds:.1f} s ({count / seconds:.0f}/s)",
              file=sys.stderr)

    @staticmethod
    def line(thread, author="user-1"):
        return f'{{"thread":"{thread}","author":"{author}","role":"user","body":{BODY}}}\n'.encode()

    def fill(self):
        big = self.options.big
        self.load_thread_lines((self.line(f"deep-{number}") for number in range(DEEP_THREADS)
                                for _ in range(DEEP_MESSAGES)),
                               f"{DEEP_THREADS} threads of {DEEP_MESSAGES}")
        self.load_thread_lines((self.line("small") for _ in range(1000)), "a thread of 1000")
        self.load_thread_lines((self.line("big") for _ in range(big)), f"a thread of {big}")
        self.load_thread_lines((self.line(f"mine-{number}", "lister") for number in range(100)),
                               "100 threads of one author")
        # cold and settled, as a server is that has been running for a while
        self.server.restart()

    # -- runs --------------------------------------------------------------------------------------

    def load(self, port, pid, arguments, key=progressdb.BACKEND):
        command = [os.path.join(self.bin, "bench_load"), "--port", str(port), "--pid", str(pid),
                   "--key", key, "--seconds", str(self.options.seconds), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0 or not result.stdout:
            raise SystemExit(f"bench_load failed: {result.stderr}")
        return json.loads(result.stdout)

    def ceiling(self, ours, arguments):
        """The same load on bare evhttp; its answers are as large as ours were."""
        size = str(round(ours["answer_bytes"]))
        command = [os.path.join(self.bin, "bench_ceiling"), str(os.cpu_count()), size, size]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int(process.stdout.readline())
                return self.load(port, process.pid, arguments)
            finally:
                process.kill()

    def run(self, name, connections, arguments, ceiling=True):
        arguments = ["--connections", str(connections), *arguments]
        ours = self.load(self.server.port, self.server.process.pid, arguments)
        bare = self.ceiling(ours, arguments) if ceiling else None
        self.results.append({"name": name, "connections": connections, "ours": ours, "ceiling": bare})
        self.print_row(self.results[-1])

    def run_all(self):
        self.print_head()
        for connections in (1, 64, 256):
            self.run("durable append", connections,
                     ["--post", "/v1/threads/new-{t}/messages", "--threads", "1000", "--body", APPEND,
                      "--post-percent", "100"])
        deep = ["--threads", str(DEEP_THREADS), "--seqs", str(DEEP_MESSAGES)]
        self.run("newest page of 50", 64, ["--get", PAGE, *deep])
        self.run("random page of 50", 64, ["--get", PAGE + "&before={s}", *deep])
        self.run("80 % newest page, 20 % append", 64,
                 ["--get", PAGE, "--post", "/v1/threads/deep-{t}/messages", "--body", APPEND,
                  "--post-percent", "20", *deep])
        for thread in ("small", "big"):
            self.run(f"newest page, {thread} thread", 64,
                     ["--get", f"/v1/threads/{thread}/messages?limit=50"], ceiling=False)
        self.run("random page, big thread", 64,
                 ["--get", "/v1/threads/big/messages?limit=50&before={s}", "--seqs",
                  str(self.options.big)], ceiling=False)
        self.run_lists()

    def run_lists(self):
        lists = ["--get", "/v1/threads?author=lister&limit=50"]
        self.run("threads of an author", 64, lists)
        if self.options.threads > 0:
            self.load_thread_lines((self.line(f"foreign-{number}", f"user-{number % 1000}")
                                    for number in range(self.options.threads)),
                                   f"{self.options.threads} foreign threads")
            self.run(f"the same beside {self.options.threads}", 64, lists, ceiling=False)

    # -- what is told ------------------------------------------------------------------------------

    @staticmethod
    def print_head():
        print(f"{'':32} {'conns':>5} {'ours/s':>8} {'bare/s':>8} {'ratio':>5} {'p50 us':>8} {'p99 us':>8} "
              f"{'cpu us':>7} {'bare':>6} {'bytes':>6} {'MiB':>5} {'errors':>6}")

    @staticmethod
    def print_row(row):
        ours, bare = row["ours"], row["ceiling"]
        beside = f"{bare['rps']:8.0f} {ours['rps'] / bare['rps']:5.2f}" if bare else f"{'':8} {'':5}"
        cpu = f"{bare['cpu_us']:6.1f}" if bare else f"{'':6}"
        print(f"{row['name']:32} {row['connections']:5} {ours['rps']:8.0f} {beside} {ours['p50_us']:8.0f} "
              f"{ours['p99_us']:8.0f} {ours['cpu_us']:7.1f} {cpu} {ours['answer_bytes']:6.0f} "
              f"{ours['rss_mb']:5.0f} {ours['errors']:6} {ours['first_error']}", flush=True)

    def save(self):
        folder = os.path.join(self.options.out or os.path.join(SOURCE, "build", "bench"))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, time.strftime("bench-%Y%m%d-%H%M%S.json"))
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"seconds": self.options.seconds, "cores": os.cpu_count(),
                       "results": self.results}, file, indent=1)
        print(f"written to {os.path.relpath(path)}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(SOURCE, "build", "release"),
                        help="the build directory")
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--big", type=int, default=1_000_000, help="messages of the big thread")
    parser.add_argument("--threads", type=int, default=0, help="foreign threads beside a list")
    parser.add_argument("--out", help="where the JSON goes; build/bench when not given")
    parser.add_argument("--gates", action="store_true", help="only: all gates against auth alone")
    parser.add_argument("--encryption", action="store_true", help="only: sealed bodies against clear ones")
    parser.add_argument("--retention", action="store_true", help="only: writers beside a run of retention, and alone")
    options = parser.parse_args()
    bench = Bench(options)
    for wanted, comparisons in ((options.gates, [Gates]), (options.encryption, PAIRS),
                                (options.retention, [Retention])):
        if wanted:
            bench.server.close()
            for comparison in comparisons:
                with comparison(bench) as pair:
                    pair.run()
            return
    try:
        bench.server.start()
        bench.fill()
        bench.run_all()
        bench.save()
    finally:
        bench.server.close()
    if any(row["ours"]["errors"] for row in bench.results):
        sys.exit("some requests were not answered well: see the last column")


if __name__ == "__main__":
    main()
