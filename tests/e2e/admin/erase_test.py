# SPDX-License-Identifier: Apache-2.0
"""A user erased by way of the index, killed at any moment; and the index made for an older database."""
import os
import random
import re
import subprocess
import time
import unittest

import progressdb
from progressdb import quote

THREADS = int(os.environ.get("PDB_ERASE_THREADS", "36"))
KILLS = int(os.environ.get("PDB_ERASE_KILLS", "1"))
SEED = int(os.environ.get("PDB_ERASE_SEED", str(time.time_ns())))
# A server that knows no traces; without one the rows are taken out of the database.
OLD_BUILD = os.environ.get("PDB_ERASE_OLD_BUILD")
USER = "user-bobby"
TOUCHED = ("takes part", "left", "reacted", "edited", "deleted", "own")
KINDS = TOUCHED + ("none",) * 6


class EraseTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.server = progressdb.Server(log_level="info")
        self.addCleanup(self.server.close)
        self.kinds = {f"t{number:06}": KINDS[number % len(KINDS)] for number in range(THREADS)}

    # -- what is there --

    def send(self, method, path, body):
        answer = self.backend.request(method, path, body)
        self.assertIn(answer.status, (200, 201, 204), f"{method} {path}: {answer}")

    def fill_thread(self, thread, kind):
        place = f"/v1/threads/{thread}"
        owner = USER if kind == "own" else "ann"
        messages = [{"id": f"m{number}", "body": number, "author": "ann"} for number in range(4)]
        if kind in ("takes part", "left"):
            messages.append({"id": "m4", "body": 4, "author": USER})
        self.send("POST", "/v1/threads", {"id": thread, "title": thread, "author": owner})
        self.send("POST", place + "/messages:batch", {"messages": messages, "author": owner})
        if kind == "left":
            self.send("PUT", place, {"participants": [], "author": "ann"})
        if kind in ("reacted", "edited", "deleted"):
            self.send("POST", place + "/messages/m1/reactions", {"id": USER, "reaction": "x", "author": "ann"})
            self.send("POST", place + "/messages/m1/reactions", {"id": "ann", "reaction": "y", "author": "ann"})
        if kind in ("edited", "deleted"):
            self.send("PUT", place + "/messages/m1", {"body": "edited", "author": "ann"})
        if kind == "edited":
            self.send("DELETE", place + f"/messages/m1/reactions/{USER}?author=ann", None)
        if kind == "deleted":
            self.send("DELETE", place + "/messages/m1?author=ann", None)

    def fill(self):
        for thread, kind in self.kinds.items():
            self.fill_thread(thread, kind)

    def start(self):
        self.server.start()
        self.admin = self.server.admin()
        self.backend = self.server.backend()

    def age(self):
        """Leaves the database as an older program does."""
        if OLD_BUILD is None:
            self.server.stop()
            tool = os.path.join(progressdb.build_directory(), "tests", "forget_traces")
            subprocess.run([tool, os.path.join(self.server.db, "store")], timeout=300, check=True)
        else:
            self.server.kill()

    def make(self, old):
        ours = os.environ.get("PDB_BUILD")
        if old and OLD_BUILD is not None:
            os.environ["PDB_BUILD"] = OLD_BUILD
        self.start()
        self.fill()
        if old:
            self.age()
        else:
            self.server.stop()
        if ours is not None:
            os.environ["PDB_BUILD"] = ours
        self.start()

    # -- what is seen --

    def ask(self, method, path):
        """Asks as an admin, and again when the audit log is behind."""
        def asked():
            answer = self.admin.request(method, path)
            return answer if answer.status != 503 else None
        return progressdb.wait_for(asked, f"{method} {path} is answered")

    def check(self):
        """`pdbctl check` on the stopped database."""
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        result = subprocess.run([tool, "check", "--db", self.server.db], capture_output=True, text=True, timeout=600,
                                check=False)
        self.assertEqual(result.returncode, 0, f"seed {SEED}: {result.stdout}{result.stderr}")

    def kill(self):
        """At a moment that nobody chose; then the check judges, and the server goes on."""
        time.sleep(self.random.uniform(0.0, 0.3))
        self.server.kill()
        self.check()
        self.start()

    def keys(self, prefix):
        found, cursor = [], ""
        while cursor is not None:
            page = self.ask("GET", f"/admin/keys?prefix={quote(prefix)}&limit=1000{cursor}").json
            found += page["keys"]
            cursor = page["pagination"].get("cursor")
            cursor = "&cursor=" + quote(cursor) if cursor is not None else None
        return found

    def value(self, key):
        answer = self.ask("GET", "/admin/value?key=" + quote(key))
        return answer.body.decode() if answer.status == 200 else ""

    def rows_of_the_user(self):
        whole = re.compile(rf"(^|:){USER}([:-]|$)")
        rows = [key for key in self.keys("") if not key.startswith("meta:job:")]
        return [key for key in rows if whole.search(key) or f'"{USER}"' in self.value(key)]

    def heads(self):
        return {thread: self.value(f"thread:{thread}:head") for thread, kind in self.kinds.items() if kind == "none"}

    def complete(self):
        progressdb.wait_for(lambda: self.ask("GET", "/admin/value?key=meta:untraced").status == 404,
                            "the index is complete", deadline=600)

    def expect_index(self):
        wanted = {thread for thread, kind in self.kinds.items() if kind in TOUCHED}
        self.assertEqual({key.rsplit(":", 1)[1] for key in self.keys(f"trace:{USER}:")}, wanted)
        guests = {thread for thread in wanted if self.kinds[thread] not in ("own", "takes part")}
        self.assertEqual({key.split(":")[1] for key in self.keys("guest:")}, guests)

    # -- the erasure --

    def erase(self, kills):
        progressdb.wait_for(lambda: not self.keys("lag:"), "the lists have caught up")
        before = self.heads()
        job = self.ask("POST", f"/admin/users/{USER}/erase")
        self.assertEqual(job.status, 202, job)
        for _ in range(kills):
            self.kill()
        place = "/admin/jobs/" + job.json["id"]
        ended = progressdb.wait_for(lambda: self.ended(place), "the job ends", deadline=600)
        self.assertEqual(ended["state"], "done", ended)
        self.assertEqual(self.heads(), before, "threads without the user are left alone")
        return ended["result"]

    def ended(self, place):
        job = self.ask("GET", place).json
        return job if job["state"] in ("done", "failed", "cancelled") else None

    def expect_nothing_left(self):
        self.assertEqual(self.rows_of_the_user(), [], f"seed {SEED}")
        for thread, kind in list(self.kinds.items())[: 4 * len(KINDS)]:
            messages = self.admin.get(f"/v1/threads/{thread}/messages?include_deleted=true")
            if kind == "own":
                self.assertEqual(messages.status, 404)
                continue
            self.assertEqual([message["id"] for message in messages.json["messages"]], ["m0", "m1", "m2", "m3"])
            if kind == "deleted":
                self.send("POST", f"/v1/threads/{thread}/messages/m1/restore", {"author": "ann"})
            reactions = self.admin.get(f"/v1/threads/{thread}/messages/m1").json.get("reactions", [])
            wanted = [{"id": "ann", "reaction": "y"}] if kind in ("reacted", "edited", "deleted") else []
            self.assertEqual(reactions, wanted, f"{thread}: {kind}")
        self.server.stop()
        self.check()

    def test_killed_on_the_way(self):
        self.make(old=False)
        self.expect_index()
        result = self.erase(KILLS)
        self.assertEqual(result["held"], 0)
        self.expect_nothing_left()

    def test_an_older_database(self):
        self.make(old=True)
        for _ in range(KILLS):
            self.kill()
        self.complete()
        self.expect_index()
        self.erase(0)
        self.expect_nothing_left()

    def test_before_the_index_is_there(self):
        self.make(old=True)
        job = self.ask("POST", f"/admin/users/{USER}/erase")
        for _ in range(KILLS):
            self.kill()
        progressdb.wait_for(lambda: self.ended("/admin/jobs/" + job.json["id"]), "the job ends", deadline=600)
        self.complete()
        self.expect_nothing_left()


if __name__ == "__main__":
    unittest.main()
