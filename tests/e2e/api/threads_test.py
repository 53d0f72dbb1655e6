# SPDX-License-Identifier: Apache-2.0
"""Threads: create, read, list, change, delete, restore."""
import time

from api_case import ApiCase, main
from progressdb import wait_for

NS = 10 ** 9


class Threads(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.bob = self.server.frontend("bob")

    def test_create_with_nothing(self):
        before = time.time_ns()
        answer = self.ann.post("/v1/threads")
        thread = self.ok(answer)
        self.assertRegex(thread["id"], r"\Athread-[A-Za-z0-9._~@+-]+\Z")
        self.assertEqual(answer.headers["location"], "/v1/threads/" + thread["id"])
        self.assertEqual(thread["title"], "New Thread")
        self.assertEqual(thread["slug"], "new-thread-" + thread["id"])
        self.assertEqual(thread["author"], "ann")
        self.assertEqual(thread["participants"], [])
        self.assertEqual(thread["attributes"], {})
        self.assertEqual(thread["last_seq"], 0)
        self.assertEqual(thread["message_count"], 0)
        self.assertNotIn("deleted", thread)
        self.assertNotIn("kms", thread)
        self.assertLess(abs(thread["created_ts"] - before), 30 * NS)
        self.assertEqual(self.ok(self.ann.get(answer.headers["location"])), thread)

    def test_create_with_everything(self):
        attributes = b'{"z":1,"a":[1.50,12345678901234567890]}'
        body = b'{"id":"t.full_1~@+-","title":"H\\u00e9llo  World!","attributes":%s,' \
               b'"participants":["bob","cara"],"slug":"ignored","created_ts":1,"deleted":true}'
        answer = self.ann.post("/v1/threads", body % attributes)
        thread = self.ok(answer)
        self.assertEqual(thread["id"], "t.full_1~@+-")
        self.assertEqual(thread["title"], "Héllo  World!")
        self.assertTrue(thread["slug"].endswith("-t.full_1~@+-"), thread["slug"])
        self.assertEqual(thread["participants"], ["bob", "cara"])
        self.assertIn(b'"attributes":' + attributes, answer.body)
        self.assertGreater(thread["created_ts"], 10 ** 18)
        self.assertNotIn("deleted", thread)

    def test_update_keeps_what_is_not_sent(self):
        thread = self.thread(self.ann, title="One", attributes={"a": 1}, participants=["bob"])
        path = "/v1/threads/" + thread["id"]
        changed = self.ok(self.ann.put(path, {"title": "Two words"}))
        self.assertEqual(changed["title"], "Two words")
        self.assertEqual(changed["slug"], "two-words-" + thread["id"])
        self.assertEqual(changed["attributes"], {"a": 1})
        self.assertEqual(changed["participants"], ["bob"])
        self.assertGreater(changed["updated_ts"], thread["updated_ts"])
        self.assertEqual(changed["created_ts"], thread["created_ts"])
        changed = self.ok(self.ann.put(path, {"participants": [], "attributes": {"b": 2}}))
        self.assertEqual(changed["title"], "Two words")
        self.assertEqual(changed["participants"], [])
        self.assertEqual(changed["attributes"], {"b": 2})
        self.refused(self.bob.get(path), 404)

    def test_delete_and_restore(self):
        thread = self.thread(self.ann, participants=["bob"])
        path = "/v1/threads/" + thread["id"]
        answer = self.ann.delete(path)
        self.ok(answer, 204)
        self.assertEqual(answer.body, b"")
        self.refused(self.ann.get(path), 404, "thread_not_found")
        self.refused(self.bob.get(path), 404)
        self.refused(self.bob.get(path + "?include_deleted=true"), 404)
        shown = self.ok(self.ann.get(path + "?include_deleted=true"))
        self.assertIs(shown["deleted"], True)
        self.assertGreater(shown["deleted_ts"], 0)
        self.refused(self.ann.get(path + "/messages"), 404)
        self.refused(self.bob.post(path + "/restore"), 404)
        restored = self.ok(self.ann.post(path + "/restore"))
        self.assertNotIn("deleted", restored)
        self.ok(self.bob.get(path))

    def test_limits(self):
        for fields, code, field in (
                ({"title": "x" * 201}, "title_too_long", "/title"),
                ({"title": ""}, "invalid_title", "/title"),
                ({"title": "a\nb"}, "invalid_title", "/title"),
                ({"attributes": {"a": "x" * 8192}}, "attributes_too_large", "/attributes"),
                ({"participants": [f"u{i}" for i in range(1001)]}, "too_many_participants",
                 "/participants"),
                ({"participants": ["ok", "a\tb"]}, "invalid_author", None),
                ({"participants": [""]}, "invalid_author", None),
                ({"id": ""}, "invalid_id", "/id"),
                ({"id": "a:b"}, "invalid_id", "/id"),
                ({"id": "a/b"}, "invalid_id", "/id"),
                ({"id": "-a"}, "invalid_id", "/id"),
                ({"id": "x" * 129}, "invalid_id", "/id"),
                ({"id": "é"}, "invalid_id", "/id"),
                ({"id": "a\u0000b"}, "invalid_id", "/id"),
        ):
            with self.subTest(fields=str(fields)[:60]):
                self.refused(self.ann.post("/v1/threads", fields), 400, code, field)
        self.thread(self.ann, title="é" * 200)
        self.thread(self.ann, participants=[f"u{i}" for i in range(1000)])
        self.thread(self.ann, id="x" * 128)

    def test_create_twice(self):
        fields = {"id": self.unique("twice"), "title": "T"}
        first = self.ann.post("/v1/threads", fields)
        again = self.ann.post("/v1/threads", fields)
        self.assertEqual(self.ok(first), self.ok(again))
        self.assertNotIn("idempotent-replayed", first.headers)
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.refused(self.ann.post("/v1/threads", dict(fields, title="U")), 409, "id_conflict")
        self.refused(self.bob.post("/v1/threads", fields), 409, "id_conflict")

    def test_create_twice_by_key(self):
        key = {"Idempotency-Key": self.unique("key")}
        first = self.ok(self.ann.post("/v1/threads", {"title": "T"}, headers=key))
        again = self.ann.post("/v1/threads", {"title": "T"}, headers=key)
        self.assertEqual(self.ok(again)["id"], first["id"])
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.refused(self.ann.post("/v1/threads", {"title": "U"}, headers=key), 409)
        other = self.ok(self.bob.post("/v1/threads", {"title": "T"}, headers=key))
        self.assertNotEqual(other["id"], first["id"])


class Lists(ApiCase):
    def test_latest_activity_comes_first(self):
        ann = self.server.frontend("lister")
        made = [self.thread(ann, title=f"T{i}")["id"] for i in range(5)]
        listed = self.ok(ann.get("/v1/threads"))
        self.assertEqual([t["id"] for t in listed["threads"]], made[::-1])
        self.assertEqual(listed["pagination"], {"has_more": False})
        self.append(ann, made[1])
        listed = self.ok(ann.get("/v1/threads"))
        self.assertEqual([t["id"] for t in listed["threads"]],
                         [made[1], made[4], made[3], made[2], made[0]])

    def test_pages_meet_without_gap(self):
        ann = self.server.frontend("pager")
        made = {self.thread(ann)["id"] for _ in range(23)}
        seen, cursor, pages = [], "", 0
        while True:
            page = self.ok(ann.get(f"/v1/threads?limit=5{cursor}"))
            seen += [t["id"] for t in page["threads"]]
            pages += 1
            if not page["pagination"]["has_more"]:
                self.assertNotIn("cursor", page["pagination"])
                break
            cursor = "&cursor=" + page["pagination"]["cursor"]
        self.assertEqual(pages, 5)
        self.assertEqual(len(seen), 23)
        self.assertEqual(set(seen), made)

    def test_filters(self):
        ann = self.server.frontend("filterer")
        one = self.thread(ann, title="Alpha Bravo")
        two = self.thread(ann, title="Charlie bravo")
        self.thread(ann, title="Delta")
        ids = [t["id"] for t in self.ok(ann.get("/v1/threads?title=BRAVO"))["threads"]]
        self.assertEqual(ids, [two["id"], one["id"]])
        ids = [t["id"] for t in self.ok(ann.get("/v1/threads?slug=" + one["slug"]))["threads"]]
        self.assertEqual(ids, [one["id"]])
        self.ok(ann.delete("/v1/threads/" + two["id"]), 204)
        ids = [t["id"] for t in self.ok(ann.get("/v1/threads?title=bravo"))["threads"]]
        self.assertEqual(ids, [one["id"]])
        ids = [t["id"] for t in
               self.ok(ann.get("/v1/threads?title=bravo&include_deleted=1"))["threads"]]
        self.assertIn(two["id"], ids)

    def test_participants_see_the_thread(self):
        owner, guest = self.server.frontend("host"), self.server.frontend("guest")
        thread = self.thread(owner, participants=["guest"])
        self.assertEqual([t["id"] for t in self.ok(guest.get("/v1/threads"))["threads"]],
                         [thread["id"]])
        self.ok(owner.put("/v1/threads/" + thread["id"], {"participants": []}))
        self.assertEqual(self.ok(guest.get("/v1/threads"))["threads"], [])

    def test_a_crowd_follows_within_seconds(self):
        owner = self.server.frontend("crowd-host")
        guests = [f"crowd-guest{i}" for i in range(40)]
        crowded = self.thread(owner, participants=guests)["id"]
        later = self.thread(owner, participants=guests[:1])["id"]
        guest = self.server.frontend(guests[0])

        def listed():
            return [t["id"] for t in self.ok(guest.get("/v1/threads"))["threads"]]

        self.assertEqual(listed(), [later, crowded])
        self.append(owner, crowded)
        wait_for(lambda: listed() == [crowded, later], "the crowd's lists follow", 15)

    def test_a_backend_names_whose_list(self):
        ann = self.server.frontend("named")
        thread = self.thread(ann)
        backend = self.server.backend()
        self.refused(backend.get("/v1/threads"), 400, "author_required")
        listed = self.ok(backend.get("/v1/threads?author=named"))
        self.assertEqual([t["id"] for t in listed["threads"]], [thread["id"]])
        listed = self.ok(backend.get("/v1/threads", headers={"X-User-ID": "named"}))
        self.assertEqual([t["id"] for t in listed["threads"]], [thread["id"]])

    def test_an_admin_sees_all(self):
        ann, bob = self.server.frontend("all-a"), self.server.frontend("all-b")
        made = {self.thread(ann)["id"], self.thread(bob)["id"]}
        listed = self.ok(self.server.admin().get("/v1/threads?limit=1000"))
        self.assertLessEqual(made, {t["id"] for t in listed["threads"]})

    def test_strict_parameters(self):
        ann = self.server.frontend("strict")
        for limit in ("0", "1001", "-1", "x", "", "1.0", "+1", "%31%00", "99999999999999999999"):
            self.assertEqual(ann.get("/v1/threads?limit=" + limit).status, 400, limit)
        for flag in ("yes", "", "TRUE", "2"):
            self.refused(ann.get("/v1/threads?include_deleted=" + flag), 400,
                         "invalid_include_deleted")
        for cursor in ("x", "%25", "1-", "../../x", "a" * 5000):
            self.assertEqual(ann.get("/v1/threads?cursor=" + cursor).status, 400, cursor)
        self.ok(ann.get("/v1/threads?unknown=1&limit=1"))


if __name__ == "__main__":
    main()
