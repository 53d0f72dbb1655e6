# SPDX-License-Identifier: Apache-2.0
"""The routes below /admin: who may, what they say, their pages and their errors."""
import json
import os
import re
import unittest

import openapi
import progressdb
from progressdb import ADMIN, BACKEND, FRONTEND, quote

PAGE = openapi.load()
OPERATIONS = {(op.method, op.path): op for op in openapi.operations(PAGE)}
ADMIN_ROUTES = sorted(key for key in OPERATIONS if key[1].startswith("/admin"))
USERS = ["a", "ann", "ann-2", "bob:x", "b/c%", "zoë", "x" * 128, "ann;"]


def concrete(path):
    return re.sub(r"\{\w+\}", "none", path)


class AdminTest(unittest.TestCase):
    BACKEND = "wiredtiger"

    def setUp(self):
        self.server = progressdb.Server(backend=self.BACKEND)
        self.addCleanup(self.server.close)
        self.server.start()
        self.admin = self.server.admin()
        self.backend = self.server.backend()

    def ask(self, method, path, body=None, status=200, route=None):
        """Asks as an admin; the answer must be what the OpenAPI page says."""
        answer = self.admin.request(method, path, body)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
        route = route or path.split("?")[0]
        self.assertIsNone(openapi.fault(OPERATIONS[method, route], answer), f"{method} {path}: {answer}")
        return answer

    def post(self, thread, author="ann", body=1, **more):
        answer = self.backend.post(f"/v1/threads/{thread}/messages", {"body": body, "author": author, **more})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def pages(self, path, name, limit):
        """All items, read `limit` at a time."""
        found, cursor = [], None
        while True:
            mark = "&" if "?" in path else "?"
            url = f"{path}{mark}limit={limit}" + (f"&cursor={quote(cursor)}" if cursor else "")
            route = re.sub(r"/users/[^/?]+/", "/users/{user}/", path.split("?")[0])
            page = self.ask("GET", url, route=route).json
            self.assertLessEqual(len(page[name]), limit)
            found += page[name]
            cursor = page["pagination"].get("cursor")
            self.assertEqual(page["pagination"]["has_more"], cursor is not None)
            if cursor is None:
                return found

    def finished(self, started):
        """The job that was started, when it has ended."""
        place = started.headers["location"]
        self.assertEqual(place, "/admin/jobs/" + started.json["id"])

        def ended():
            job = self.ask("GET", place, route="/admin/jobs/{job}").json
            return job if job["state"] in ("done", "failed", "cancelled") else None
        return progressdb.wait_for(ended, "the job ends")

    # -- who may --

    def test_admin_keys_only(self):
        self.assertGreater(len(ADMIN_ROUTES), 15)
        callers = {"frontend": self.server.frontend("ann"), "backend": self.backend,
                   "backend as": self.server.backend("ann"), "nobody": self.server.client(),
                   "a frontend key": self.server.client(FRONTEND)}
        for method, path in ADMIN_ROUTES:
            for who, client in callers.items():
                answer = client.request(method, concrete(path), {} if method != "GET" else None)
                self.assertIn(answer.status, (401, 403, 404), f"{who} {method} {path}")
                self.assertEqual(set(answer.json) - {"field"}, {"error", "code", "request_id"})
        self.assertEqual(self.server.process.poll(), None)

    def test_no_secret_is_shown(self):
        self.post("t1")
        secrets = [key.encode() for key in (ADMIN, BACKEND, FRONTEND)]
        keys = self.pages("/admin/keys", "keys", 1000)
        seen = [self.ask("GET", "/admin/value?key=" + quote(key), route="/admin/value").body for key in keys]
        for path in ("/admin/health", "/admin/stats", "/admin/config", "/admin/routes", "/admin/jobs"):
            seen.append(self.ask("GET", path).body)
        for body in seen:
            for secret in secrets:
                self.assertNotIn(secret, body)
        secret = [value for value in map(json.loads, seen) if value.get("kind") == "secret"]
        self.assertTrue(secret)
        for row in secret:
            self.assertEqual(set(row), {"key", "size", "kind"})
        options = {one["key"]: one for one in self.ask("GET", "/admin/config").json["options"]}
        self.assertIn("***", options["security.api_keys.admin"]["value"])
        self.assertEqual(options["storage.backend"]["value"].strip('"'), self.BACKEND)

    # -- the server --

    def test_health_and_stats(self):
        health = self.ask("GET", "/admin/health").json
        self.assertEqual((health["status"], health["service"], health["log_level"]), ("ok", "progressdb", "debug"))
        for number in range(3):
            self.post(f"t{number}")
        self.post("t0")

        def counted():
            stats = self.ask("GET", "/admin/stats").json
            return (stats["threads"], stats["messages"]) == (3, 4)
        progressdb.wait_for(counted, "the counters have caught up")

    def test_routes_are_those_of_the_page(self):
        routes = {(route["method"], route["path"]): route for route in self.ask("GET", "/admin/routes").json["routes"]}
        served = {key for key, route in routes.items() if route["owner"] == "admin"}
        self.assertGreater(len(served), 15)
        self.assertEqual(served - set(ADMIN_ROUTES), set())
        for key, route in routes.items():
            self.assertEqual(route["roles"] == ["admin"], key[1].startswith("/admin"), key)
        self.assertEqual(routes["GET", "/healthz"]["roles"], ["public"])

    def test_log_level(self):
        self.assertEqual(self.ask("PUT", "/admin/log-level", {"level": "error"}).json, {"level": "error"})
        self.assertEqual(self.ask("GET", "/admin/log-level").json, {"level": "error"})
        for bad in ({}, {"level": "loud"}, {"level": 1}, [], {"level": None}):
            self.ask("PUT", "/admin/log-level", bad, status=400)
        self.ask("PUT", "/admin/log-level", b"{", status=400)
        self.ask("PUT", "/admin/log-level", b"[" * 70 + b"]" * 70, status=400)
        self.ask("PUT", "/admin/log-level", {"level": "x" * 70000}, status=413)
        answer = self.admin.put("/admin/log-level", {"level": "info"}, headers={"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)
        self.assertEqual(self.ask("GET", "/admin/log-level").json, {"level": "error"})

    def test_reload(self):
        with open(self.server.config_path, encoding="utf-8") as file:
            before = file.read()

        def write(text):
            with open(self.server.config_path, "w", encoding="utf-8") as file:
                file.write(before + text)
        self.assertEqual(self.ask("POST", "/admin/reload").json, {"changed": [], "kept": [], "refused": []})
        write("limits:\n  title: 100\nlogging:\n  format: json\n")
        found = self.ask("POST", "/admin/reload").json
        self.assertEqual(found["changed"], ["logging.format"])
        self.assertEqual(found["kept"], ["limits.title"])
        self.assertEqual(self.ask("POST", "/admin/reload").json, {"changed": [], "kept": ["limits.title"], "refused": []})
        write("logging:\n  lewel: info\n  format: xml\n")
        answer = self.ask("POST", "/admin/reload", status=422)
        self.assertEqual(answer.json["code"], "invalid_configuration")
        self.assertIn("2 problems", answer.json["error"])
        options = {one["key"]: one for one in self.ask("GET", "/admin/config").json["options"]}
        self.assertEqual(options["logging.format"]["value"].strip('"'), "json")
        self.assertEqual(options["limits.title"]["value"], "200", "in force is what the server began with")
        write("logging:\n  format: json\n")
        self.assertEqual(self.ask("POST", "/admin/reload").json, {"changed": [], "kept": [], "refused": []})

    # -- what is stored --

    def test_threads(self):
        names = [f"t{number:02}" for number in range(25)]
        for name in names:
            self.post(name)
        self.backend.delete("/v1/threads/t07?author=ann")
        self.admin.put("/v1/threads/t09", {"attributes": {"legal_hold": True}})
        for limit in (1, 7, 25, 1000):
            found = self.pages("/admin/threads", "threads", limit)
            self.assertEqual([thread["id"] for thread in found], names[::-1])
        by_id = {thread["id"]: thread for thread in found}
        self.assertTrue(by_id["t07"]["deleted"])
        self.assertTrue(by_id["t09"]["legal_hold"])
        for name in ("t07", "t09", "t10"):
            one = self.ask("GET", f"/admin/threads/{name}", route="/admin/threads/{thread}").json
            self.assertEqual(one, by_id[name])
        self.ask("GET", "/admin/threads/none", status=404, route="/admin/threads/{thread}")
        self.ask("GET", "/admin/threads/a:b", status=400, route="/admin/threads/{thread}")
        for bad in ("limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "limit=99999999999999999999",
                    "cursor=" + "x" * 300, "cursor=%00", "cursor=%0a"):
            self.ask("GET", "/admin/threads?" + bad, status=400, route="/admin/threads")
        self.assertEqual(self.ask("GET", "/admin/threads?cursor=zzz").json["threads"], [])

    def test_many_threads_take_many_chunks(self):
        for number in range(300):
            self.post(f"t{number:03}")
        found = self.pages("/admin/threads", "threads", 299)
        self.assertEqual([thread["id"] for thread in found], [f"t{number:03}" for number in range(299, -1, -1)])
        self.assertEqual(len(self.pages("/admin/users/ann/threads", "threads", 1000)), 300)

    def test_users_and_their_threads(self):
        for number, user in enumerate(USERS):
            for thread in range(3):
                self.post(f"t-{number}-{thread}", author=user)
        self.post("t-0-0", author="ann")
        for limit in (1, 3, 8, 100):
            found = self.pages("/admin/users", "users", limit)
            self.assertEqual({user["id"] for user in found}, set(USERS))
            self.assertEqual(len(found), len(USERS))
        for number, user in enumerate(USERS):
            wanted = {f"t-{number}-{thread}" for thread in range(3)} | ({"t-0-0"} if user == "ann" else set())
            threads = self.pages(f"/admin/users/{quote(user)}/threads", "threads", 2)
            self.assertEqual({thread["id"] for thread in threads}, wanted)
            (row,) = [one for one in found if one["id"] == user]
            self.assertGreaterEqual(row["last_ts"], max(thread["last_ts"] for thread in threads))
        self.assertEqual(self.pages("/admin/users/nobody/threads", "threads", 2), [])
        for bad in ("x" * 129, "%00", "a%0Ab"):
            self.ask("GET", f"/admin/users/{bad}/threads", status=400, route="/admin/users/{user}/threads")
        self.ask("GET", "/admin/users?cursor=" + "x" * 400, status=400, route="/admin/users")

    def test_keys_and_values(self):
        self.post("t1", body={"text": "soup"}, id="m1")
        self.post("t2", id="m2")
        keys = self.pages("/admin/keys", "keys", 1000)
        self.assertEqual(keys, sorted(keys))
        for limit in (1, 2, 5):
            self.assertEqual(self.pages("/admin/keys", "keys", limit), keys)
        part = self.pages("/admin/keys?prefix=thread:t1:", "keys", 1)
        self.assertEqual(part, [key for key in keys if key.startswith("thread:t1:")])
        self.assertEqual(len(part), 3)
        record = next(key for key in part if ":msg:" in key)
        value = self.ask("GET", "/admin/value?key=" + quote(record), route="/admin/value").json
        self.assertEqual((value["key"], value["kind"], value["value"]["body"]), (record, "message", {"text": "soup"}))
        self.ask("GET", "/admin/value?key=none", status=404, route="/admin/value")
        for bad in ("", "?key=", "?key=%00", "?key=" + "x" * 3000):
            self.ask("GET", "/admin/value" + bad, status=400, route="/admin/value")
        self.ask("GET", "/admin/keys?prefix=" + "x" * 3000, status=400, route="/admin/keys")
        self.assertEqual(self.ask("GET", "/admin/keys?prefix=%FF%FE").json["keys"], [])

    # -- jobs and purges --

    def test_jobs(self):
        names = {job["id"] for job in self.ask("GET", "/admin/jobs").json["jobs"]}
        self.assertIn("purge-thread", names)
        self.post("t1")
        job = self.finished(self.ask("POST", "/admin/threads/t1/purge", status=202, route="/admin/threads/{thread}/purge"))
        self.assertEqual((job["state"], job["name"], job["params"]), ("done", "purge-thread", {"thread": "t1"}))
        self.assertIn(job["id"], {one["id"] for one in self.ask("GET", "/admin/jobs").json["jobs"]})
        route = "/admin/jobs/{job}/cancel"
        self.assertEqual(self.ask("POST", f"/admin/jobs/{job['id']}/cancel", status=409, route=route).json["code"],
                         "job_ended")
        for bad in ("none", "purge-thread", "x" * 300, "a%0Ab", "%FF"):
            self.ask("POST", f"/admin/jobs/{bad}/cancel", status=404, route=route)
        self.ask("POST", "/admin/jobs/%00/cancel", status=400, route=route)
        self.ask("GET", "/admin/jobs/" + "x" * 300, status=404, route="/admin/jobs/{job}")

    def test_purge_a_thread(self):
        for number in range(450):
            self.post("big", body=number)
        self.post("other")
        self.finished(self.ask("POST", "/admin/threads/big/purge", status=202, route="/admin/threads/{thread}/purge"))
        self.assertEqual([key for key in self.pages("/admin/keys", "keys", 1000) if "big" in key
                          and not key.startswith("meta:job:")], [])
        self.assertEqual([thread["id"] for thread in self.pages("/admin/threads", "threads", 5)], ["other"])
        self.ask("POST", "/admin/threads/big/purge", status=404, route="/admin/threads/{thread}/purge")

    def test_a_held_thread_stays(self):
        self.post("held", id="m1")
        self.admin.put("/v1/threads/held", {"attributes": {"legal_hold": True}})
        answer = self.ask("POST", "/admin/threads/held/purge", status=403, route="/admin/threads/{thread}/purge")
        self.assertEqual(answer.json["code"], "legal_hold")
        route = "/admin/threads/{thread}/messages/{message}/purge"
        self.assertEqual(self.ask("POST", "/admin/threads/held/messages/m1/purge", status=403, route=route).json["code"],
                         "legal_hold")
        self.assertEqual(self.admin.get("/v1/threads/held/messages/m1").status, 200)

    def test_purge_a_message(self):
        self.post("t1", id="m1")
        self.post("t1", id="m2", body="stays")
        self.backend.put("/v1/threads/t1/messages/m1", {"body": 2, "author": "ann"})
        route = "/admin/threads/{thread}/messages/{message}/purge"
        self.ask("POST", "/admin/threads/t1/messages/m1/purge", status=204, route=route)
        self.ask("POST", "/admin/threads/t1/messages/m1/purge", status=404, route=route)
        self.ask("POST", "/admin/threads/none/messages/m1/purge", status=404, route=route)
        self.ask("POST", "/admin/threads/t1/messages/a:b/purge", status=400, route=route)
        page = self.admin.get("/v1/threads/t1/messages?include_deleted=true").json
        self.assertEqual([message["body"] for message in page["messages"]], ["stays"])

    # -- a user's data --

    def conversations(self):
        """ann has a thread with bob, bob one with ann, cat one that ann has left."""
        self.post("ann-1", id="m1")
        self.post("ann-1", author="bob", id="m2")
        self.post("ann-2", id="m1")
        self.post("bob-1", author="bob", id="m1", body="bob's")
        self.post("bob-1", id="m2", body={"text": "ann's", "n": 12345678901234567890})
        self.backend.put("/v1/threads/bob-1/messages/m2", {"body": "edited", "author": "ann"})
        self.backend.post("/v1/threads/bob-1/messages/m1/reactions", {"id": "ann", "reaction": "x", "author": "bob"})
        self.post("cat-1", author="cat", id="m1")
        self.post("cat-1", id="m2", body="left behind")
        self.backend.put("/v1/threads/cat-1", {"participants": [], "author": "cat"})
        for number in range(150):
            self.post("dog-1", author="dog", body=number)

    def start(self, user, what):
        return self.ask("POST", f"/admin/users/{quote(user)}/{what}", status=202, route="/admin/users/{user}/" + what)

    def rows_about(self, user):
        rows = []
        for key in self.pages("/admin/keys", "keys", 1000):
            # a list row may have moved meanwhile
            value = self.admin.get("/admin/value?key=" + quote(key)).body.decode()
            # as a part of the key: an id that is made may hold the letters by chance
            named = re.search(rf"(^|:){re.escape(user)}([:-]|$)", key)
            if not key.startswith("meta:job:") and (named or f'"{user}"' in value):
                rows.append(key)
        return rows

    def test_erase_a_user(self):
        self.conversations()
        self.assertGreater(len(self.rows_about("ann")), 10)
        job = self.finished(self.start("ann", "erase"))
        self.assertEqual((job["state"], job["result"]), ("done", {"threads": 2, "messages": 3, "held": 0}), job)
        self.assertEqual(self.rows_about("ann"), [])
        self.assertEqual({user["id"] for user in self.pages("/admin/users", "users", 9)}, {"bob", "cat", "dog"})
        page = self.admin.get("/v1/threads/bob-1/messages?include_deleted=true").json["messages"]
        self.assertEqual([message["body"] for message in page], ["bob's"])
        job = self.finished(self.start("ann", "erase"))
        self.assertEqual(job["result"], {"threads": 0, "messages": 0, "held": 0})

    def test_erasure_leaves_what_is_held(self):
        self.conversations()
        self.admin.put("/v1/threads/bob-1", {"attributes": {"legal_hold": True}})
        job = self.finished(self.start("ann", "erase"))
        self.assertEqual(job["result"], {"threads": 2, "messages": 1, "held": 1})
        self.assertEqual(self.admin.get("/v1/threads/bob-1/messages/m2").json["body"], "edited")

    def export(self, user):
        job = self.finished(self.start(user, "export"))
        self.assertEqual(job["state"], "done", job)
        answer = self.ask("GET", "/admin/exports/" + job["id"], route="/admin/exports/{job}")
        self.assertEqual(int(answer.headers["export-size"]), len(answer.body))
        self.assertEqual(job["result"]["size"], len(answer.body))
        return job, answer.body

    def test_export_a_user(self):
        self.conversations()
        job, text = self.export("ann")
        lines = [json.loads(line) for line in text.splitlines()]
        threads = [line["thread"]["id"] for line in lines if line["type"] == "thread"]
        self.assertEqual(sorted(threads), ["ann-1", "ann-2", "bob-1"])
        messages = {(line["versions"][0]["thread"], line["versions"][0]["id"]): [one["body"] for one in line["versions"]]
                    for line in lines if line["type"] == "message"}
        self.assertEqual(messages, {("ann-1", "m1"): [1], ("ann-2", "m1"): [1], ("cat-1", "m2"): ["left behind"],
                                    ("bob-1", "m2"): [{"text": "ann's", "n": 12345678901234567890}, "edited"]})
        self.assertEqual([line for line in lines if line["type"] == "reaction"],
                         [{"type": "reaction", "thread": "bob-1", "message": "m1", "reaction": "x"}])
        self.assertEqual(job["result"], {"threads": 3, "messages": 4, "reactions": 1, "size": len(text)})
        self.assertEqual(os.stat(os.path.join(self.server.db, "exports")).st_mode & 0o777, 0o700)
        path = os.path.join(self.server.db, "exports", job["id"] + ".ndjson")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        route = "/admin/exports/{job}"
        part = self.ask("GET", f"/admin/exports/{job['id']}?offset=10", route=route).body
        self.assertEqual(part, text[10:])
        self.assertEqual(self.ask("GET", f"/admin/exports/{job['id']}?offset=99999999", route=route).body, b"")
        for bad in ("x", "", "-1", "9" * 16):
            self.ask("GET", f"/admin/exports/{job['id']}?offset={bad}", status=400, route=route)
        for bad in ("none", "..", "%2e%2e%2fdev-keys", "a%00b"):
            self.assertIn(self.admin.get(f"/admin/exports/{bad}").status, (400, 404))
            self.assertIn(self.admin.delete(f"/admin/exports/{bad}").status, (400, 404))
        self.ask("DELETE", "/admin/exports/" + job["id"], status=204, route=route)
        self.ask("DELETE", "/admin/exports/" + job["id"], status=404, route=route)
        self.assertFalse(os.path.exists(path))

    def test_a_long_export_is_read_in_parts(self):
        for number in range(6):
            self.post("big", body="x" * 500000)
        job = self.finished(self.start("ann", "export"))
        size, text = job["result"]["size"], b""
        while len(text) < size:
            text += self.ask("GET", f"/admin/exports/{job['id']}?offset={len(text)}", route="/admin/exports/{job}").body
        self.assertEqual(len([json.loads(line) for line in text.splitlines()]), 7)

    def test_nobody_has_nothing(self):
        self.post("t1")
        self.assertEqual(self.export("nobody")[1], b"")
        for what in ("erase", "export"):
            for bad in ("x" * 129, "%FF", "a%0Ab"):
                self.ask("POST", f"/admin/users/{bad}/{what}", status=400, route="/admin/users/{user}/" + what)

    def test_jobs_that_are_killed_go_on(self):
        if self.BACKEND == "memory":
            return
        for number in range(200):
            batch = {"messages": [{"body": [number, place], "author": "ann"} for place in range(10)], "author": "bob"}
            self.assertEqual(self.backend.post(f"/v1/threads/t{number}/messages:batch", batch).status, 200)
        for what, wanted in (("export", {"threads": 200, "messages": 2000}), ("erase", {"threads": 0, "messages": 2000})):
            started = self.start("ann", what)
            for _ in range(3):
                self.server.kill()
                self.server.start()
                self.admin = self.server.admin()
            job = self.finished(started)
            self.assertEqual(job["state"], "done", job)
            if what == "export":
                self.assertEqual({name: job["result"][name] for name in wanted}, wanted)
                with open(os.path.join(self.server.db, "exports", job["id"] + ".ndjson"), encoding="utf-8") as file:
                    lines = [json.loads(line) for line in file]
                bodies = [tuple(line["versions"][0]["body"]) for line in lines if line["type"] == "message"]
                self.assertEqual(len(bodies), 2000)
                self.assertEqual(set(bodies), {(number, place) for number in range(200) for place in range(10)})
        self.assertEqual(self.rows_about("ann"), [])

    # -- audit --

    def test_calls_are_audited(self):
        self.post("t1")
        self.finished(self.ask("POST", "/admin/threads/t1/purge", status=202, route="/admin/threads/{thread}/purge"))
        self.post("t2", author="bob")
        self.finished(self.start("bob", "erase"))
        self.server.stop()
        with open(os.path.join(self.server.db, "state", "audit", "audit.log"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        ended = [line for line in lines if line["event"] == "user_erased"]
        self.assertEqual([(line["user"], line["result"]["threads"]) for line in ended], [("bob", 1)])
        (call,) = [line for line in lines if line.get("route") == "/admin/threads/{thread}/purge"]
        self.assertEqual((call["params"], call["status"]), ({"thread": "t1"}, 202))


class OnTheMemoryBackend(AdminTest):
    BACKEND = "memory"


if __name__ == "__main__":
    unittest.main()
