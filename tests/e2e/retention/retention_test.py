# SPDX-License-Identifier: Apache-2.0
"""What retention purges is what a model says, whatever happens meanwhile."""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

from progressdb import ADMIN, BACKEND, FRONTEND, Client, Server, build_directory, wait_for

THREADS = int(os.environ.get("PDB_RETENTION_THREADS", "60"))
MESSAGES = int(os.environ.get("PDB_RETENTION_MESSAGES", "20"))
KILLS = int(os.environ.get("PDB_RETENTION_KILLS", "3"))
# A run rests most of the time: a larger one needs larger batches, and longer.
BATCH = max(5, THREADS * MESSAGES // 2000)
PATIENCE = 600 + THREADS * MESSAGES // 500

CONFIG = f"""\
storage: {{backend: wiredtiger}}
plugins: {{load: [auth, retention, metrics]}}
security:
  api_keys: {{frontend: [{FRONTEND}], backend: [{BACKEND}], admin: [{ADMIN}]}}
"""


def retention(**settings):
    values = dict({"enabled": "true", "cron": "'0 0 1 1 *'", "period": "0s", "min_period": "0s",
                   "grace": "0s"}, **settings)
    return CONFIG + "retention:\n" + "".join(f"  {k}: {v}\n" for k, v in values.items())


class Case(unittest.TestCase):
    def start(self, **settings):
        self.server = Server(config=retention(**settings), log_level="info")
        self.addCleanup(self.server.close)
        self.server.start()
        self.god = self.server.admin()

    def ok(self, answer, *statuses):
        self.assertIn(answer.status, statuses or (200, 202, 204), answer)
        return answer.json if answer.body else None

    def thread(self, name, **fields):
        self.ok(self.god.post("/v1/threads", dict(fields, id=name, author="ann")))

    def append(self, thread, count, first=0):
        for at in range(first, first + count, 500):
            batch = [{"id": f"m{i}", "body": {"n": i}, "author": "ann"}
                     for i in range(at, min(at + 500, first + count))]
            self.ok(self.god.post(f"/v1/threads/{thread}/messages:batch", {"messages": batch}))

    def delete(self, thread, message=None):
        path = f"/v1/threads/{thread}" + (f"/messages/{message}" if message else "")
        self.ok(self.god.delete(path))

    def messages(self, thread):
        """The ids that are there, deleted ones too; None for no thread."""
        seen, path = [], f"/v1/threads/{thread}/messages?limit=1000&include_deleted=true"
        while path:
            answer = self.god.get(path)
            if answer.status == 404:
                return None
            page = self.ok(answer)
            seen = [m["id"] for m in page["messages"]] + seen
            more = page["pagination"]
            path = (f"/v1/threads/{thread}/messages?limit=1000&include_deleted=true&before="
                    + more["before"] if more.get("has_before") else None)
        return seen

    def run_now(self, **body):
        job = self.ok(self.god.post("/admin/retention/run", body or None), 202)["id"]
        return job

    def ended(self, runs):
        """Waits until so many runs have ended, and returns the figures of the last."""
        def look():
            log = self.server.log()
            return log.count("a run has ended") >= runs and log
        log = wait_for(look, "the run ends", deadline=PATIENCE)
        text = log.split("a run has ended: ")[-1].split("\n")[0]
        return json.loads(text[:text.index("}") + 1].replace('\\"', '"'))

    def check(self):
        self.server.stop()
        done = subprocess.run([os.path.join(build_directory(), "bin", "pdbctl"), "check", "--db",
                               self.server.db], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 faults", done.stdout)
        return done.stdout

    def audit(self):
        path = os.path.join(self.server.db, "state", "audit", "audit.log")
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


class Rules(Case):
    def test_what_goes_and_what_stays(self):
        self.start()
        for name, fields in (("live", {}), ("gone", {}), ("held", {"attributes": {"legal_hold": True}}),
                             ("back", {})):
            self.thread(name, **fields)
            self.append(name, 3)
        self.delete("live", "m1")
        self.delete("held", "m1")
        self.delete("gone")
        self.delete("back")
        self.ok(self.god.post("/v1/threads/back/restore", {}))
        self.delete("live", "m2")
        self.ok(self.god.post("/v1/threads/live/messages/m2/restore", {}))
        dry = self.run_now(dry_run=True)
        self.assertEqual(self.ended(1), {"threads": 1, "messages": 2, "held": 0, "dry_run": True})
        self.assertEqual(self.messages("live"), ["m0", "m1", "m2"])
        self.run_now()
        self.assertEqual(self.ended(2), {"threads": 1, "messages": 1, "held": 1, "dry_run": False})
        self.assertEqual(self.messages("live"), ["m0", "m2"])
        self.assertEqual(self.messages("held"), ["m0", "m1", "m2"])
        self.assertEqual(self.messages("back"), ["m0", "m1", "m2"])
        self.assertIsNone(self.messages("gone"))
        shown = self.ok(self.god.get("/admin/retention"))
        self.assertEqual((shown["last"]["messages"], shown["enabled"]), (1, True))
        lines = [line for line in self.audit() if line.get("job", "") not in ("", dry)]
        self.assertEqual([line["event"] for line in lines],
                         ["retention_started", "retention_purges", "retention_ended"])
        self.assertIn(["live", "m1"], lines[1]["items"])
        self.assertIn(["gone"], lines[1]["items"])
        self.assertIn("progressdb_retention_purged_total{kind=\"message\"} 1",
                      self.god.get("/metrics").body.decode())
        self.check()

    def test_not_before_the_period(self):
        self.start(period="1h")
        self.thread("t")
        self.append("t", 2)
        self.delete("t", "m0")
        self.run_now()
        self.assertEqual(self.ended(1)["messages"], 0)
        self.assertEqual(self.messages("t"), ["m0", "m1"])

    def test_who_may_and_what_is_asked(self):
        self.start()
        self.assertEqual(self.server.backend().post("/admin/retention/run").status, 403)
        self.assertEqual(self.server.client().get("/admin/retention").status, 401)
        for body in (b"[]", b"{", b'{"dry_run":1}', b'{"dry":true}'):
            self.assertEqual(self.god.post("/admin/retention/run", body).status, 400, body)

    def test_wrong_settings_are_refused(self):
        for settings, words in (({"cron": "'61 * * * *'"}, "no schedule"),
                                ({"period": "1m", "min_period": "1h"}, "shorter than")):
            server = Server(config=retention(**settings))
            self.addCleanup(server.close)
            with self.assertRaises(AssertionError) as caught:
                server.start()
            self.assertIn(words, str(caught.exception))
            server.process = None

    def test_by_schedule_and_paused(self):
        """Every minute: the first run begins at the next full one."""
        self.start(cron="'* * * * *'", paused="true")
        self.thread("t")
        self.append("t", 2)
        self.delete("t", "m0")
        wait_for(lambda: self.ok(self.god.get("/admin/retention"))["next_ts"] > 0, "a due time")
        due = self.ok(self.god.get("/admin/retention"))["next_ts"] / 1e9
        if due - time.time() > 20:
            print("skipped waiting for a full minute", file=sys.stderr)
            return
        wait_for(lambda: time.time() > due + 1.5, "the time has come", deadline=90)
        self.assertEqual(self.messages("t"), ["m0", "m1"])
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(retention(cron="'* * * * *'"))
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.messages("t") == ["m1"], "it is resumed")


class Model(Case):
    def fill(self, rnd):
        """Threads with messages, some of them deleted, and what of all that must stay."""
        stay = {}
        for t in range(THREADS):
            name, held = f"t{t}", rnd.random() < 0.2
            self.thread(name, attributes={"legal_hold": held})
            self.append(name, MESSAGES)
            stay[name] = [f"m{i}" for i in range(MESSAGES)]
            for i in rnd.sample(range(MESSAGES), rnd.randrange(MESSAGES // 2)):
                self.delete(name, f"m{i}")
                if rnd.random() < 0.3:
                    self.ok(self.god.post(f"/v1/threads/{name}/messages/m{i}/restore", {}))
                elif not held:
                    stay[name].remove(f"m{i}")
            if rnd.random() < 0.3:
                self.delete(name)
                if not held:
                    stay[name] = None
        return stay

    def write(self, port, stop, rates):
        client, written = Client(port, BACKEND, "bob"), 0
        begun = time.monotonic()
        while not stop.is_set():
            try:
                written += client.post("/v1/threads/busy/messages", {"body": written}).status == 200
            except OSError:
                client.close()
        rates.append(written / (time.monotonic() - begun))
        client.close()

    def test_killed_in_the_middle(self):
        seed = int(os.environ.get("PDB_RETENTION_SEED", random.randrange(1 << 32)))
        rnd = random.Random(seed)
        self.start(batch_size=str(BATCH), batch_sleep_ms="1")
        begun = time.monotonic()
        stay = self.fill(rnd)
        self.thread("busy", participants=["bob"])
        filled = time.monotonic() - begun
        self.run_now()
        kills = 0
        for _ in range(KILLS):
            time_to_kill = time.monotonic() + rnd.random() * 0.3 * max(1, BATCH // 50)
            wait_for(lambda: time.monotonic() > time_to_kill, "the moment")
            if "a run has ended" in self.server.log():
                break
            self.server.kill()
            kills += 1
            self.server.start()
            self.god = self.server.admin()
        self.ended(1)
        self.god = self.server.admin()
        for name, expected in stay.items():
            if expected is None:
                self.assertIsNone(self.messages(name), (name, seed))
                continue
            got = self.messages(name)
            if got is None:  # a deleted thread under hold is read with include_deleted alone
                answer = self.ok(self.god.get(f"/v1/threads/{name}?include_deleted=true"))
                self.assertTrue(answer["deleted"])
                continue
            self.assertEqual(got, expected, (name, seed))
        said = self.check()
        print(f"{THREADS * MESSAGES} messages filled in {filled:.0f} s, {kills} kills, purged as the "
              f"model says; {said.strip().splitlines()[-1]} (seed {seed})", file=sys.stderr)

    def test_writers_go_on(self):
        """Rates of the same writers without and with a run beside them; no time is asserted."""
        self.start()
        self.thread("busy", participants=["bob"])
        for t in range(max(4, THREADS // 10)):
            self.thread(f"t{t}")
            self.append(f"t{t}", MESSAGES * 10)
            self.delete(f"t{t}")
        rates = []
        for purging in (False, True):
            if purging:
                self.run_now()
            stop, found = threading.Event(), []
            workers = [threading.Thread(target=self.write, args=(self.server.port, stop, found))
                       for _ in range(4)]
            for worker in workers:
                worker.start()
            until = time.monotonic() + 2
            wait_for(lambda: (time.monotonic() > until) if not purging
                     else "a run has ended" in self.server.log(), "the measured time", deadline=600)
            stop.set()
            for worker in workers:
                worker.join()
            rates.append(sum(found))
        self.assertTrue(all(rates), "writers were served throughout")
        print(f"writers: {rates[0]:.0f}/s alone, {rates[1]:.0f}/s beside a run: "
              f"{rates[1] / rates[0]:.2f}", file=sys.stderr)
        self.check()


if __name__ == "__main__":
    unittest.main()
