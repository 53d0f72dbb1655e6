# SPDX-License-Identifier: Apache-2.0
"""Backups under load: what is restored is what was there when the backup was made."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from progressdb import ADMIN, BACKEND, FRONTEND, Client, Server, build_directory, wait_for

ROUNDS = int(os.environ.get("PDB_BACKUP_ROUNDS", "2"))
ROW = int(os.environ.get("PDB_BACKUP_ROW", "2"))
ROWS = int(os.environ.get("PDB_BACKUP_ROWS", "8000"))
FILL = int(os.environ.get("PDB_BACKUP_FILL", "2000"))
BYTES = int(os.environ.get("PDB_BACKUP_BYTES", "5"))
LOG = os.environ.get("PDB_BACKUP_LOG", "8MiB")
WRITERS = 4
PDBCTL = os.path.join(build_directory(), "bin", "pdbctl")


def config(sets, backend="wiredtiger", log="64MiB", **settings):
    values = dict({"directory": sets, "keep": 3}, **settings)
    engine = f", wiredtiger: {{log_file_max: {log}}}" if backend == "wiredtiger" else ""
    return f"""\
storage: {{backend: {backend}{engine}}}
plugins: {{load: [auth, backup, metrics, admin]}}
security:
  api_keys: {{frontend: [{FRONTEND}], backend: [{BACKEND}], admin: [{ADMIN}]}}
backup:
""" + "".join(f"  {key}: {value}\n" for key, value in values.items())


def pdbctl(*arguments, **more):
    return subprocess.run([PDBCTL, *arguments], capture_output=True, text=True, check=False, timeout=600,
                          **more)


class Writer(threading.Thread):
    """Appends to a thread of its own and edits what it appended before; notes when each was asked
    for and when it was answered."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.name = server, f"w{number}"
        self.ended = threading.Event()
        self.done = []  # (asked, answered, kind, argument)
        self.lost = []  # of these nobody knows

    def run(self):
        client, n = Client(self.server.port, BACKEND, "ann"), 0
        while not self.ended.is_set():
            edit = n % 5 == 4
            asked = time.monotonic()
            try:
                if edit:
                    answer = client.put(f"/v1/threads/{self.name}/messages/m{n - 2}", {"body": -n})
                else:
                    answer = client.post(f"/v1/threads/{self.name}/messages", {"id": f"m{n}", "body": n})
            except OSError:
                self.lost.append((asked, n))
                break
            if answer.status not in (200, 201):
                raise AssertionError((self.name, n, answer))
            self.done.append((asked, time.monotonic(), n))
            n += 1
        client.close()

    @staticmethod
    def model(count):
        """{id: body} after so many operations."""
        rows = {}
        for n in range(count):
            if n % 5 == 4:
                rows[f"m{n - 2}"] = -n
            else:
                rows[f"m{n}"] = n
        return rows

    @staticmethod
    def operations(rows):
        """How many there were; None when no number gives these rows."""
        first = max([int(name[1:]) for name in rows], default=-1) + 1
        for count in (first, first + 1):
            if Writer.model(count) == rows:
                return count
        return None


class Case(unittest.TestCase):
    log = "4MiB"  # a small one is soon copied

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="progressdb-backup-")
        self.addCleanup(shutil.rmtree, self.work, True)
        self.sets = os.path.join(self.work, "sets")

    def start(self, **settings):
        self.server = Server(config=config(self.sets, log=self.log, **settings), log_level="info")
        self.addCleanup(self.server.close)
        self.server.start()
        self.god = self.server.admin("ann")

    def ctl(self, *arguments):
        return pdbctl(*arguments, "--url", f"http://127.0.0.1:{self.server.port}",
                      env=dict(os.environ, PROGRESSDB_KEY=ADMIN))

    def backup(self, *arguments):
        done = self.ctl("backup", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr + self.server.log()[-2000:])
        return os.path.join(self.sets, done.stdout.split(" ", 1)[0])

    def names(self):
        return sorted(name for name in os.listdir(self.sets) if name[0] != ".")

    def fill(self, count, thread="fill"):
        for at in range(0, count, 500):
            batch = [{"body": {"text": os.urandom(300).hex(), "n": n}} for n in range(at, min(at + 500, count))]
            answer = self.god.post(f"/v1/threads/{thread}/messages:batch", {"messages": batch})
            self.assertEqual(answer.status, 200, answer)

    def restore(self, path):
        target = os.path.join(self.work, "restored")
        shutil.rmtree(target, ignore_errors=True)
        done = pdbctl("restore", "--from", path, "--db", target)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = pdbctl("check", "--db", target)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 faults", done.stdout)
        return target

    def read(self, target):
        """{thread: {id: body}} of a restored database, which is used up."""
        server = Server(config=config(os.path.join(self.work, "other")))
        shutil.move(target, server.db)
        try:
            server.start()
            rows, client = {}, server.admin("ann")
            for thread in [f"w{n}" for n in range(WRITERS)] + ["fill"]:
                path, rows[thread] = f"/v1/threads/{thread}/messages?limit=1000", {}
                while path:
                    answer = client.get(path)
                    if answer.status == 404:
                        break
                    self.assertEqual(answer.status, 200, answer)
                    page = answer.json
                    rows[thread].update((m["id"], m["body"]) for m in page["messages"])
                    path = (f"/v1/threads/{thread}/messages?limit=1000&before="
                            + page["pagination"]["before"]) if page["pagination"]["has_before"] else None
            return rows
        finally:
            server.close()

    def compare(self, rows, writers, before, after):
        """All that was answered before the backup is there, nothing that was asked for after it, and
        of what lies between a part that the source was in at one moment."""
        latest_in, earliest_out = 0, float("inf")
        for writer in writers:
            count = Writer.operations(rows[writer.name])
            self.assertIsNotNone(count, f"{writer.name} is in no state it ever was in")
            surely = sum(1 for op in writer.done if op[1] <= before)
            perhaps = sum(1 for op in writer.done if op[0] <= after) + len(writer.lost)
            self.assertLessEqual(surely, count, writer.name)
            self.assertLessEqual(count, perhaps, writer.name)
            if 0 < count <= len(writer.done):
                latest_in = max(latest_in, writer.done[count - 1][0])
            if count < len(writer.done):
                earliest_out = min(earliest_out, writer.done[count][1])
        # nothing that was answered before something in the set was asked for is missing
        self.assertLessEqual(latest_in, earliest_out)


class Sets(Case):
    def test_a_set_is_restored(self):
        self.start()
        self.fill(300)
        path = self.backup()
        self.fill(10, "later")
        shown = self.god.get("/admin/backup").json
        self.assertEqual(shown["last"]["set"], os.path.basename(path))
        self.assertIn("progressdb_backup_runs_total{result=\"done\"} 1",
                      self.god.get("/metrics").body.decode())
        rows = self.read(self.restore(path))
        self.assertEqual(len(rows["fill"]), 300)
        again = pdbctl("restore", "--from", path, "--db", self.work)
        self.assertEqual((again.returncode, "not empty" in again.stderr), (2, True), again)
        for name in (path, os.path.join(path, "data")):
            self.assertEqual(os.stat(name).st_mode & 0o777, 0o700)

    def test_what_is_the_same_is_linked(self):
        self.start(keep=2)
        self.fill(ROWS)
        self.server.restart()  # a checkpoint, so that the rows are in the table
        self.god = self.server.admin("ann")
        first = self.backup()
        self.fill(10, "later")
        second = self.backup()
        full = self.backup("--full")
        self.assertEqual(self.names(), [os.path.basename(second), os.path.basename(full)])

        def shared(path):
            data = os.path.join(path, "data")
            return [os.stat(os.path.join(data, name)).st_nlink for name in os.listdir(data)]
        self.assertFalse(os.path.exists(first))
        self.assertEqual(set(shared(full)), {1})
        jobs = [line
                for line in self.server.log().splitlines() if "is complete" in line]
        self.assertEqual(len(jobs), 3)
        written = [int(line.split(" bytes, ")[1].split(" ")[0]) for line in jobs]
        self.assertLess(written[1], written[0] / 2, "the second wrote little")
        self.assertGreaterEqual(written[2], written[0] / 2)
        self.assertEqual(len(self.read(self.restore(second))["fill"]), ROWS)

    def test_a_damaged_set_is_not_relied_on(self):
        self.start()
        self.fill(3000)
        self.server.restart()
        self.god = self.server.admin("ann")
        data = os.path.join(self.backup(), "data")
        for name in os.listdir(data):
            with open(os.path.join(data, name), "r+b") as file:
                byte = file.read(1)[0]
                file.seek(0)
                file.write(bytes([byte ^ 1]))
        second = self.backup()
        self.assertEqual(pdbctl("verify", second).returncode, 0)
        self.assertEqual(len(self.read(self.restore(second))["fill"]), 3000)

    def test_damage_is_refused(self):
        self.start()
        self.fill(200)
        path = self.backup()
        self.assertEqual(pdbctl("verify", path).returncode, 0)
        rnd, target = random.Random(1), os.path.join(self.work, "never")
        names = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
        self.assertGreater(len(names), 3)
        for name in names:
            size = os.path.getsize(name)
            places = {0, size - 1, rnd.randrange(size)} if size else set()
            if name.endswith("manifest"):
                places |= set(rnd.sample(range(size), min(size, BYTES)))
            for place in places:
                with open(name, "r+b") as file:
                    file.seek(place)
                    byte = file.read(1)[0]
                    file.seek(place)
                    file.write(bytes([byte ^ (1 << rnd.randrange(8))]))
                done = pdbctl("verify", path)
                self.assertEqual(done.returncode, 1, (name, place, done))
                with open(name, "r+b") as file:
                    file.seek(place)
                    file.write(bytes([byte]))
        for name in names:
            os.rename(name, name + ".away")
            done = pdbctl("restore", "--from", path, "--db", target)
            self.assertEqual(done.returncode, 1, (name, done))
            self.assertEqual(os.listdir(target) if os.path.exists(target) else [], [])
            os.rename(name + ".away", name)
            with open(name, "ab") as file:
                file.write(b"x")
            self.assertEqual(pdbctl("verify", path).returncode, 1, name)
            os.truncate(name, os.path.getsize(name) - 1)
        self.assertEqual(pdbctl("verify", path).returncode, 0)
        self.assertEqual(pdbctl("verify", path, "--database", "0" * 32).returncode, 1)
        self.assertEqual(pdbctl("verify", self.work).returncode, 1)
        self.assertEqual(pdbctl("verify", os.path.join(self.work, "none")).returncode, 2)

    def test_signed(self):
        """A set of who can write to the directory, but has not the key, is refused where the key is known."""
        self.start()
        self.fill(50)
        mine, state = self.backup(), os.path.join(self.server.db, "state")
        public, secret = os.path.join(state, "backup.pub"), os.path.join(state, "backup.key")
        with open(public, encoding="ascii") as file:
            key = file.read().strip()
        self.assertEqual(self.god.get("/admin/backup").json["last"]["key"], key)
        self.assertEqual([os.stat(name).st_mode & 0o777 for name in (public, secret)], [0o600, 0o600])
        with open(secret, "rb") as file:
            kept = file.read()
        for folder, _, names in os.walk(mine):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(kept.strip(), file.read())
        os.rename(secret, secret + ".away")
        foreign = self.backup()
        with open(public, encoding="ascii") as file:
            self.assertNotEqual(file.read().strip(), key)
        done = pdbctl("verify", "--public-key", key, mine)
        self.assertEqual((done.returncode, f"signed by {key}" in done.stdout), (0, True), done)
        self.assertEqual(pdbctl("verify", "-p", public, mine).returncode, 1)
        self.assertEqual(pdbctl("verify", foreign).returncode, 0)
        self.assertEqual(pdbctl("verify", "-p", public, foreign).returncode, 0)
        target = os.path.join(self.work, "never")
        for done in (pdbctl("verify", "-p", key, foreign),
                     pdbctl("restore", "-p", key, "--from", foreign, "--db", target)):
            self.assertEqual((done.returncode, f"not by {key}" in done.stderr), (1, True), done)
        self.assertFalse(os.path.exists(target))
        # the name of the key is signed, too
        manifest = os.path.join(foreign, "manifest")
        with open(manifest, encoding="ascii") as file:
            lines = file.read().splitlines(True)
        with open(manifest, "w", encoding="ascii") as file:
            file.writelines(f"key {key}\n" if line.startswith("key ") else line for line in lines)
        self.assertEqual(pdbctl("verify", "-p", key, foreign).returncode, 1)
        for given in ("", key[1:], key + "0", "/dev/null"):
            self.assertEqual(pdbctl("verify", "-p", given, mine).returncode, 2, given)
        self.expect_bad_keys(secret, kept)
        self.assertEqual(pdbctl("verify", "-p", key, self.backup()).returncode, 0)

    def expect_bad_keys(self, secret, good):
        """No key is made where there is one that cannot be used; the last one left is good."""
        for text, mode, words in ((good, 0o640, "for its owner alone"), (b"x" + good[1:], 0o600, "64 hex digits")):
            with open(secret, "wb") as file:
                file.write(text)
            os.chmod(secret, mode)
            before = self.names()
            done = self.ctl("backup")
            self.assertEqual((done.returncode, words in done.stderr), (1, True), done)
            self.assertEqual(self.names(), before)
        with open(secret, "wb") as file:
            file.write(good)

    def test_who_may_and_what_is_asked(self):
        self.start()
        self.assertEqual(self.server.backend().post("/admin/backup").status, 403)
        self.assertEqual(self.server.client().get("/admin/backup").status, 401)
        for body in (b"[]", b"{", b'{"full":1}', b'{"directory":"/tmp"}'):
            self.assertEqual(self.god.post("/admin/backup", body).status, 400, body)

    def test_an_engine_that_cannot(self):
        self.start(backend="memory")
        done = self.ctl("backup")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("cannot be backed up", done.stderr)

    def test_the_directory_must_be_said(self):
        for sets, period, words in (("relative", "0s", "must be an absolute path"),
                                    ("''", "1h", "needs backup.directory")):
            server = Server(config=config(sets, period=period))
            self.addCleanup(server.close)
            with self.assertRaises(AssertionError) as caught:
                server.start()
            self.assertIn(words, str(caught.exception))
            server.process = None
        self.sets = "''"
        self.start()
        self.assertEqual(self.god.post("/admin/backup").json["code"], "no_backup_directory")

    def test_by_schedule(self):
        self.start(period="1s", keep=1)
        wait_for(lambda: os.path.isdir(self.sets) and "removing the old set" in self.server.log(),
                 "a second set")
        wait_for(lambda: len(self.names()) == 1, "the oldest is removed")


class Load(Case):
    log = LOG

    def begin_writers(self):
        writers = [Writer(self.server, n) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        wait_for(lambda: all(len(w.done) > 20 for w in writers), "they write")
        return writers

    def end_writers(self, writers):
        for writer in writers:
            writer.ended.set()
        for writer in writers:
            writer.join()

    def fresh(self):
        """A server with rows in its table, and no thread of the writers."""
        self.start()
        self.fill(FILL)
        self.server.restart()
        self.god = self.server.admin("ann")

    def judge(self, path, writers, before, after):
        rows = self.read(self.restore(path))
        self.assertEqual(len(rows["fill"]), FILL)
        self.compare(rows, writers, before, after)
        return sum(Writer.operations(rows[w.name]) for w in writers)

    def kill_client(self, rnd):
        """pdbctl is killed after it asked: the set is made all the same."""
        before = time.monotonic()
        child = subprocess.Popen(
            [PDBCTL, "backup", "--url", f"http://127.0.0.1:{self.server.port}"],
            env=dict(os.environ, PROGRESSDB_KEY=ADMIN), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.isdir(self.sets) and os.listdir(self.sets), "it has begun")
        moment = time.monotonic() + rnd.random() * 0.05
        wait_for(lambda: time.monotonic() >= moment, "the moment")
        child.kill()
        child.wait()
        wait_for(lambda: self.names() and "is complete" in self.server.log(), "the set is complete")
        return before, time.monotonic()

    def kill_server(self, rnd):
        """The server is killed while it makes a set: nothing half made looks like one, and the run is
        taken up again."""
        before = time.monotonic()
        self.assertEqual(self.god.post("/admin/backup").status, 202)
        wait_for(lambda: os.path.isdir(self.sets) and os.listdir(self.sets), "it has begun")
        moment = time.monotonic() + rnd.random() * 0.1
        wait_for(lambda: time.monotonic() >= moment, "the moment")
        self.server.kill()
        whole = self.names()
        killed = time.monotonic()
        for name in whole:
            self.assertEqual(pdbctl("verify", os.path.join(self.sets, name)).returncode, 0)
        self.server.start()
        self.god = self.server.admin("ann")
        wait_for(lambda: len(self.names()) > len(whole) or "is complete" in self.server.log(),
                 "it is taken up again")
        wait_for(lambda: not [n for n in os.listdir(self.sets) if n[0] == "."], "nothing is left over")
        return before, killed

    def test_under_load_with_kills(self):
        seed = int(os.environ.get("PDB_BACKUP_SEED", random.randrange(1 << 32)))
        rnd, counts = random.Random(seed), []
        for at in range(ROUNDS):
            with self.subTest(round=at, seed=seed):
                shutil.rmtree(self.sets, ignore_errors=True)
                self.fresh()
                writers = self.begin_writers()
                how = (self.kill_client, self.kill_server)[at % 2]
                before, after = how(rnd)
                self.end_writers(writers)
                for name in self.names():
                    counts.append(self.judge(os.path.join(self.sets, name), writers, before, after))
                self.server.stop()
                done = pdbctl("check", "--db", self.server.db)
                self.assertEqual(done.returncode, 0, done.stdout)
        print(f"{ROUNDS} rounds, {len(counts)} sets with {min(counts)} to {max(counts)} operations of "
              f"{WRITERS} writers, each as the source was (seed {seed})", file=sys.stderr)

    def test_a_row_of_sets_under_load(self):
        self.fresh()
        writers = self.begin_writers()
        made = []
        for _ in range(ROW):
            before = time.monotonic()
            made.append((self.backup(), before, time.monotonic()))
        self.end_writers(writers)
        counts = [self.judge(path, writers, before, after) for path, before, after in made]
        self.assertEqual(counts, sorted(counts))

    def test_a_restore_that_is_killed(self):
        self.fresh()
        path, target = self.backup(), os.path.join(self.work, "killed")
        child = subprocess.Popen([PDBCTL, "restore", "--from", path, "--db", target],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.isdir(target) and os.listdir(target), "it has begun")
        child.kill()
        child.wait()
        if not os.path.exists(os.path.join(target, "store")):
            self.assertEqual(pdbctl("check", "--db", target).returncode, 2)
            self.assertEqual(pdbctl("restore", "--from", path, "--db", target).returncode, 0)
        self.assertEqual(pdbctl("check", "--db", target).returncode, 0)
        self.assertEqual(os.listdir(target), ["store"])


if __name__ == "__main__":
    unittest.main()
