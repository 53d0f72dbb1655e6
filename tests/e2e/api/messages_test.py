# SPDX-License-Identifier: Apache-2.0
"""Messages: append, read, edit, delete, restore, versions, and the bytes of bodies."""
import json
import time

from api_case import ApiCase, main

NS = 10 ** 9


class Messages(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.bob = self.server.frontend("bob")
        self.thread_id = self.thread(self.ann, participants=["bob"])["id"]
        self.path = f"/v1/threads/{self.thread_id}/messages"

    def test_append(self):
        before = time.time_ns()
        answer = self.ann.post(self.path, {"body": {"text": "hi"}})
        message = self.ok(answer)
        self.assertRegex(message["id"], r"\Amsg-")
        self.assertEqual(answer.headers["location"], f"{self.path}/{message['id']}")
        self.assertEqual(answer.headers["etag"], '"1"')
        self.assertLess(abs(message["ts"] - before), 30 * NS)
        ts = message.pop("ts")
        self.assertEqual(message, {
            "id": message["id"], "thread": self.thread_id, "seq": 1, "author": "ann",
            "role": "user", "version": 1, "body": {"text": "hi"}})
        thread = self.ok(self.ann.get("/v1/threads/" + self.thread_id))
        self.assertEqual(thread["last_seq"], 1)
        self.assertEqual(thread["last_ts"], ts)
        self.assertEqual(thread["message_count"], 1)

    def test_append_makes_threads(self):
        message = self.ok(self.ann.post("/v1/messages", {"body": 1}))
        self.assertRegex(message["thread"], r"\Athread-")
        self.ok(self.ann.get("/v1/threads/" + message["thread"]))
        name = self.unique("made")
        message = self.ok(self.ann.post("/v1/messages", {"body": 1, "thread": name}))
        self.assertEqual(message["thread"], name)
        name = self.unique("made")
        message = self.ok(self.ann.post(f"/v1/threads/{name}/messages", {"body": 1}))
        self.assertEqual((message["thread"], message["seq"]), (name, 1))
        self.assertEqual(self.ok(self.ann.get("/v1/threads/" + name))["author"], "ann")

    def test_seq_has_no_gaps(self):
        for i in range(1, 11):
            self.assertEqual(self.append(self.ann, self.thread_id)["seq"], i)
            self.refused(self.ann.post(self.path, {"body": None}), 400)

    def test_times(self):
        now = time.time_ns()
        base = now - 3600 * NS
        for given, stored in ((base // NS, base // NS * NS),
                              (base // 10 ** 6, base // 10 ** 6 * 10 ** 6),
                              (base // 1000, base // 1000 * 1000), (base, base)):
            self.assertEqual(self.append(self.ann, self.thread_id, ts=given)["ts"], stored)
        self.append(self.ann, self.thread_id, ts=now // NS + 30)
        for given in (now // NS + 3600, now + 3600 * NS, -1, 9223372036854775807):
            error = self.refused(self.ann.post(self.path, {"body": 1, "ts": given}), 400)
            self.assertEqual(error["field"], "/ts")
        for given in (9223372036854775808, 1.5, "1", [], True):
            self.refused(self.ann.post(self.path, {"body": 1, "ts": given}), 400, "invalid_type", "/ts")

    def test_a_client_clock_decides_no_order(self):
        now = time.time_ns()
        for back in (0, 5, 1, 3):
            self.append(self.ann, self.thread_id, body=back, ts=now - back * NS)
        page = self.page(self.ann, self.thread_id)
        self.assertEqual([m["body"] for m in page["messages"]], [0, 5, 1, 3])

    def test_roles(self):
        for role in ("user", "assistant"):
            self.assertEqual(self.append(self.ann, self.thread_id, role=role)["role"], role)
        for role in ("system", "tool"):
            self.refused(self.ann.post(self.path, {"body": 1, "role": role}), 400,
                         "role_not_allowed", "/role")
            backend = self.server.backend("ann")
            self.assertEqual(self.append(backend, self.thread_id, role=role)["role"], role)
        for role in ("", "User", "a b", "x" * 33, "a:b"):
            self.refused(self.ann.post(self.path, {"body": 1, "role": role}), 400, "invalid_role")

    def test_reply_to(self):
        first = self.append(self.ann, self.thread_id)
        reply = self.append(self.bob, self.thread_id, reply_to=first["id"])
        self.assertEqual(reply["reply_to"], first["id"])
        self.refused(self.ann.post(self.path, {"body": 1, "reply_to": "msg-nowhere"}), 400,
                     "reply_to_unknown", "/reply_to")
        self.refused(self.ann.post(self.path, {"body": 1, "reply_to": "a/b"}), 400, "invalid_id",
                     "/reply_to")

    def test_what_the_server_decides_cannot_be_sent(self):
        message = self.ok(self.ann.post(self.path, {
            "body": 1, "seq": 77, "version": 9, "deleted": True, "edited_ts": 1,
            "reactions": [{"id": "bob", "reaction": "x"}], "metadata": {"a": 1}}))
        self.assertEqual(message["version"], 1)
        self.assertLess(message["seq"], 77)
        self.assertFalse({"deleted", "reactions", "edited_ts", "metadata"} & set(message))

    def test_edit(self):
        message = self.append(self.ann, self.thread_id, body="one")
        path = f"{self.path}/{message['id']}"
        answer = self.ann.put(path, {"body": "two"})
        edited = self.ok(answer)
        self.assertEqual(answer.headers["etag"], '"2"')
        self.assertEqual((edited["body"], edited["version"], edited["seq"], edited["ts"]),
                         ("two", 2, message["seq"], message["ts"]))
        self.assertGreater(edited["edited_ts"], message["ts"])
        edited = self.ok(self.ann.put(path, {"role": "assistant"}))
        self.assertEqual((edited["body"], edited["role"], edited["version"]), ("two", "assistant", 3))
        edited = self.ok(self.ann.put(path, dict(edited, body="four", seq=9, version=90)))
        self.assertEqual((edited["body"], edited["version"], edited["seq"]),
                         ("four", 4, message["seq"]))
        self.refused(self.ann.put(path, {"body": None}), 400, field="/body")
        self.refused(self.bob.put(path, {"body": "bob's"}), 403)
        self.assertEqual(self.ok(self.bob.get(path))["body"], "four")

    def test_versions(self):
        message = self.append(self.ann, self.thread_id, body="one")
        path = f"{self.path}/{message['id']}"
        self.ok(self.ann.put(path, {"body": "two"}))
        self.ok(self.ann.delete(path), 204)
        self.ok(self.ann.post(path + "/restore"))
        answer = self.ok(self.ann.get(path + "/versions"))
        self.assertEqual(answer["id"], message["id"])
        self.assertEqual([v["version"] for v in answer["versions"]], [1, 2, 3, 4])
        self.assertEqual([v.get("body") for v in answer["versions"]], ["one", "two", None, "two"])
        self.assertIs(answer["versions"][2]["deleted"], True)
        self.assertEqual(answer["versions"][0], message)

    def test_delete_and_restore(self):
        message = self.append(self.ann, self.thread_id, body={"secret": 1})
        path = f"{self.path}/{message['id']}"
        self.refused(self.bob.delete(path), 403)
        self.ok(self.ann.delete(path), 204)
        self.refused(self.ann.get(path), 404, "message_not_found")
        tombstone = self.ok(self.bob.get(path + "?include_deleted=true"))
        self.assertEqual((tombstone["deleted"], tombstone["body"], tombstone["version"]),
                         (True, None, 2))
        self.assertEqual(self.page(self.ann, self.thread_id)["messages"], [])
        page = self.page(self.ann, self.thread_id, "?include_deleted=true")
        self.assertEqual([m["id"] for m in page["messages"]], [message["id"]])
        self.assertEqual(self.ok(self.ann.get("/v1/threads/" + self.thread_id))["message_count"], 0)
        self.refused(self.bob.post(path + "/restore"), 403)
        answer = self.ann.post(path + "/restore")
        self.assertEqual(self.ok(answer)["body"], {"secret": 1})
        self.assertEqual(answer.headers["etag"], '"3"')
        self.assertEqual(self.ok(self.ann.get("/v1/threads/" + self.thread_id))["message_count"], 1)

    def test_bring_back_a_version(self):
        message = self.append(self.ann, self.thread_id, body="one")
        path = f"{self.path}/{message['id']}"
        self.ok(self.ann.put(path, {"body": "two"}))
        restored = self.ok(self.ann.post(path + "/restore", {"version": 1}))
        self.assertEqual((restored["body"], restored["version"]), ("one", 3))
        self.refused(self.ann.post(path + "/restore", {"version": 9}), 404, "version_not_found")
        for version in (0, -1, "1", 1.5):
            self.refused(self.ann.post(path + "/restore", {"version": version}), 400,
                         "invalid_type", "/version")

    def test_the_thread_may_not_be_contradicted(self):
        self.refused(self.ann.post(self.path, {"body": 1, "thread": "another"}), 400,
                     "thread_mismatch", "/thread")
        self.ok(self.ann.post(self.path, {"body": 1, "thread": self.thread_id}))

    def test_unknown_messages(self):
        for path in (self.path + "/msg-none", self.path + "/msg-none/versions",
                     self.path + "/msg-none/reactions"):
            self.refused(self.ann.get(path), 404)
        self.refused(self.ann.put(self.path + "/msg-none", {"body": 1}), 404)
        self.refused(self.ann.delete(self.path + "/msg-none"), 404)
        self.refused(self.ann.post(self.path + "/msg-none/restore"), 404)


BODIES = [
    b'{"z":1,"a":2,"m":{"y":[],"b":{}}}',
    b'12345678901234567890123456789',
    b'-0', b'0.1', b'1.50', b'1E400', b'1e-7', b'0.10000000000000001', b'9007199254740993',
    b'"\\u00e9\\u000a\\/\\ud83d\\ude00"', '"é😀"'.encode(), b'"\\u0000"', b'""', b'" "',
    b'[ 1 ,\t2 ,\n3 ]', b'{ "a" : [ ] }', b'true', b'false', b'[null]', b'{"a":null}', b'{}', b'[]',
    b'{"deleted":true,"seq":1,"body":{"id":"x"}}', b'{"_undecryptable":true}',
    '"\u2028\u2029\u200b\ufeff"'.encode(), b'"\x7f"',
    b'[' * 62 + b']' * 62,
]


class Bytes(ApiCase):
    def test_bodies_come_back_as_they_were_sent(self):
        ann = self.server.frontend("ann")
        name = self.thread(ann)["id"]
        for body in BODIES:
            with self.subTest(body=body):
                answer = ann.post(f"/v1/threads/{name}/messages", b'{"body": ' + body + b'\n}')
                message = self.ok(answer)
                self.assertIn(b'"body":' + body + b"}", answer.body)
                path = f"/v1/threads/{name}/messages/{message['id']}"
                self.assertIn(b'"body":' + body + b"}", ann.get(path).body)
                page = ann.get(f"/v1/threads/{name}/messages?limit=1")
                self.assertIn(b'"body":' + body + b"}", page.body)
                edited = ann.put(path, b'{"body":' + body + b"}")
                self.assertIn(b'"body":' + body + b",", edited.body)
                self.assertEqual(ann.get(path + "/versions").body.count(b'"body":' + body), 2)
        self.assertEqual(len(self.page(ann, name, "?limit=1000")["messages"]), len(BODIES))

    def test_a_large_body(self):
        ann = self.server.frontend("ann")
        text = "x" * (1024 * 1024 - 200)
        message = self.append(ann, self.unique("large"), body=text)
        path = f"/v1/threads/{message['thread']}/messages/{message['id']}"
        self.assertEqual(self.ok(ann.get(path))["body"], text)
        self.refused(ann.post("/v1/messages", {"body": "x" * (1024 * 1024)}), 413,
                     "payload_too_large")

    def test_escaped_names_of_fields(self):
        ann = self.server.frontend("ann")
        message = self.ok(ann.post("/v1/messages", b'{"\\u0062ody":7,"rol\\u0065":"assistant"}'))
        self.assertEqual((message["body"], message["role"]), (7, "assistant"))


class Batches(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.name = self.unique("batch")
        self.path = f"/v1/threads/{self.name}/messages:batch"

    def test_all_in_order(self):
        answer = self.ok(self.ann.post(self.path, {"messages": [{"body": i} for i in range(1000)]}))
        self.assertEqual(answer["thread"], self.name)
        self.assertEqual([m["seq"] for m in answer["messages"]], list(range(1, 1001)))
        self.assertEqual([m["body"] for m in answer["messages"]], list(range(1000)))
        page = self.page(self.ann, self.name, "?limit=1000")
        self.assertEqual(page["messages"], answer["messages"])

    def test_all_or_none(self):
        self.append(self.ann, self.name, id="taken", body="x")
        good = [{"body": i} for i in range(5)]
        for bad, status, field in (
                ({"body": None}, 400, "/messages/5/body"),
                ({"body": 1, "id": "a b"}, 400, "/messages/5/id"),
                ({"body": 1, "role": "root"}, 400, "/messages/5/role"),
                ({"body": 1, "author": "bob"}, 403, "/messages/5/author"),
                ({"body": 1, "thread": "other"}, 400, "/messages/5/thread"),
                ({"body": 1, "reply_to": "none"}, 400, "/messages/5/reply_to"),
                ({"body": "not x", "id": "taken"}, 409, None), (7, 400, "/messages/5")):
            with self.subTest(bad=bad):
                answer = self.ann.post(self.path, {"messages": good + [bad]})
                error = self.refused(answer, status)
                if field is not None:
                    self.assertEqual(error.get("field"), field)
                page = self.page(self.ann, self.name)
                self.assertEqual([m["id"] for m in page["messages"]], ["taken"])
        self.assertEqual(self.append(self.ann, self.name)["seq"], 2)

    def test_one_at_fault_in_a_batch_of_one(self):
        error = self.refused(self.ann.post(self.path, {"messages": [{"body": 1, "id": "?"}]}), 400)
        self.assertEqual(error["field"], "/messages/0/id")

    def test_shapes(self):
        for body, code in (({}, "field_required"), ({"messages": []}, "empty_batch"),
                           ({"messages": {}}, "invalid_type"),
                           ({"messages": [{"body": 1}] * 1001}, "batch_too_large")):
            self.refused(self.ann.post(self.path, body), 400, code, "/messages")
        self.refused(self.ann.get("/v1/threads/" + self.name), 404)

    def test_replies_inside_a_batch(self):
        answer = self.ok(self.ann.post(self.path, {"messages": [
            {"id": "b1", "body": 1}, {"id": "b2", "body": 2, "reply_to": "b1"}]}))
        self.assertEqual(answer["messages"][1]["reply_to"], "b1")

    def test_a_replayed_batch(self):
        body = {"messages": [{"body": i} for i in range(10)]}
        key = {"Idempotency-Key": self.unique("key")}
        first = self.ann.post(self.path, body, headers=key)
        again = self.ann.post(self.path, body, headers=key)
        self.assertEqual(self.ok(first), self.ok(again))
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.assertEqual(len(self.page(self.ann, self.name)["messages"]), 10)

    def test_a_backend_posts_for_many(self):
        backend = self.server.backend("cara")
        answer = self.ok(backend.post(self.path, {"messages": [
            {"body": 1, "author": "dora"}, {"body": 2}, {"body": 3, "author": "emil"}]}))
        self.assertEqual([m["author"] for m in answer["messages"]], ["dora", "cara", "emil"])
        self.ok(self.server.frontend("dora").get(f"/v1/threads/{self.name}"))
        self.ok(self.server.frontend("emil").get(f"/v1/threads/{self.name}"))


if __name__ == "__main__":
    main()
