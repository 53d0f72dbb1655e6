# SPDX-License-Identifier: Apache-2.0
"""Retries and conditions: ids, Idempotency-Key, ETag, If-Match, If-None-Match."""
import threading

from api_case import ApiCase, main


class Idempotency(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.name = self.unique("retry")
        self.path = f"/v1/threads/{self.name}/messages"

    def test_the_same_id(self):
        first = self.ann.post(self.path, {"id": "m1", "body": {"a": 1}})
        again = self.ann.post(self.path, {"id": "m1", "body": {"a": 1}})
        self.assertEqual(self.ok(first), self.ok(again))
        self.assertNotIn("idempotent-replayed", first.headers)
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.assertEqual(again.headers["location"], first.headers["location"])
        self.refused(self.ann.post(self.path, {"id": "m1", "body": {"a": 2}}), 409, "id_conflict")
        self.refused(self.ann.post(self.path, b'{"id":"m1","body":{"a":1}}'), 409, "id_conflict")
        self.refused(self.server.backend("bob").post(self.path, {"id": "m1", "body": {"a": 1}}), 409)
        self.assertEqual(len(self.page(self.ann, self.name)["messages"]), 1)

    def test_the_same_id_in_another_thread_is_another_message(self):
        self.append(self.ann, self.name, id="m1", body=1)
        self.append(self.ann, self.unique("other"), id="m1", body=2)

    def test_the_same_key(self):
        key = {"Idempotency-Key": "k-1"}
        first = self.ann.post(self.path, {"body": 1}, headers=key)
        again = self.ann.post(self.path, {"body": 1}, headers=key)
        self.assertEqual(self.ok(first), self.ok(again))
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.refused(self.ann.post(self.path, {"body": 2}, headers=key), 409)
        other = self.ok(self.ann.post(self.path, {"body": 1}, headers={"Idempotency-Key": "k-2"}))
        self.assertNotEqual(other["id"], first.json["id"])

    def test_a_key_also_finds_the_thread_it_made(self):
        key = {"Idempotency-Key": self.unique("made")}
        first = self.ok(self.ann.post("/v1/messages", {"body": 1}, headers=key))
        again = self.ok(self.ann.post("/v1/messages", {"body": 1}, headers=key))
        self.assertEqual(first, again)

    def test_an_id_also_finds_the_thread_it_made(self):
        sent = {"id": self.unique("m"), "body": 1}
        first = self.ann.post("/v1/messages", sent)
        again = self.ann.post("/v1/messages", sent)
        self.assertEqual(self.ok(first), self.ok(again))
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.refused(self.ann.post("/v1/messages", dict(sent, body=2)), 409, "id_conflict")
        other = self.ok(self.server.frontend("bob").post("/v1/messages", sent))
        self.assertNotEqual(other["thread"], first.json["thread"])

    def test_the_memory_outlives_edit_and_delete(self):
        key = {"Idempotency-Key": "k-1"}
        message = self.ok(self.ann.post(self.path, {"body": 1}, headers=key))
        path = f"{self.path}/{message['id']}"
        self.ok(self.ann.put(path, {"body": 2}))
        again = self.ann.post(self.path, {"body": 1}, headers=key)
        self.assertEqual((self.ok(again)["body"], again.headers["etag"]), (2, '"2"'))
        self.ok(self.ann.delete(path), 204)
        again = self.ok(self.ann.post(self.path, {"body": 1}, headers=key))
        self.assertIs(again["deleted"], True)
        self.assertEqual(self.page(self.ann, self.name)["messages"], [])

    def test_keys_are_judged(self):
        for key in ("", " ", "a b", "x" * 256, "é".encode("utf-8").decode("latin-1")):
            answer = self.ann.post(self.path, {"body": 1}, headers={"Idempotency-Key": key})
            self.assertEqual(answer.status, 400, key)
        self.ok(self.ann.post(self.path, {"body": 1}, headers={"Idempotency-Key": "x" * 255}))

    def test_many_at_once_store_one(self):
        answers = []

        def post():
            client = self.server.frontend("ann")
            for _ in range(10):
                answers.append(client.post(self.path, {"body": "once"},
                                           headers={"Idempotency-Key": "same"}))

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual(len({answer.body for answer in answers}), 1)
        fresh = [a for a in answers if "idempotent-replayed" not in a.headers]
        self.assertEqual(len(fresh), 1)


class Conditions(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.name = self.unique("etag")
        message = self.append(self.ann, self.name, body=1)
        self.path = f"/v1/threads/{self.name}/messages/{message['id']}"
        self.ok(self.ann.put(self.path, {"body": 2}))

    def edit(self, tag):
        return self.ann.put(self.path, {"body": 3}, headers={"If-Match": tag})

    def test_if_match(self):
        self.assertEqual(self.ann.get(self.path).headers["etag"], '"2"')
        for stale in ('"1"', '"3"', 'W/"2"', '"x"', '"02"', '"1", "3"', '"4294967295"'):
            self.refused(self.edit(stale), 412, "precondition_failed")
        self.assertEqual(self.ok(self.ann.get(self.path))["version"], 2)
        self.assertEqual(self.ok(self.edit('"2"'))["version"], 3)
        self.assertEqual(self.ok(self.edit('"1", "3"'))["version"], 4)
        self.assertEqual(self.ok(self.edit("*"))["version"], 5)
        for wrong in ("5", '"5', "", '"5",', "W/5"):
            self.refused(self.edit(wrong), 400, "invalid_if_match")
        self.refused(self.ann.delete(self.path, headers={"If-Match": '"1"'}), 412)
        self.ok(self.ann.delete(self.path, headers={"If-Match": '"5"'}), 204)

    def test_a_stale_condition_tells_a_stranger_nothing(self):
        bob = self.server.frontend("bob")
        for tag in ('"1"', '"2"', '"1", "2"', "*"):
            answer = bob.put(self.path, {"body": 3}, headers={"If-Match": tag})
            self.refused(answer, 404)

    def test_one_of_many_wins(self):
        results = []

        def edit(i):
            client = self.server.frontend("ann")
            results.append(client.put(self.path, {"body": i}, headers={"If-Match": '"2"'}).status)

        threads = [threading.Thread(target=edit, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [200] + [412] * 11)

    def test_if_none_match(self):
        for tag in ('"2"', 'W/"2"', "*", '"1", "2"'):
            answer = self.ann.get(self.path, headers={"If-None-Match": tag})
            self.assertEqual((answer.status, answer.body), (304, b""), tag)
            self.assertEqual(answer.headers["etag"], '"2"')
        for tag in ('"1"', "2", ""):
            self.ok(self.ann.get(self.path, headers={"If-None-Match": tag}))


if __name__ == "__main__":
    main()
