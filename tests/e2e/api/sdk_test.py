# SPDX-License-Identifier: Apache-2.0
"""What existing clients send and expect, call by call."""
from api_case import ApiCase, main
from progressdb import BACKEND, FRONTEND, sign

JSON_TYPE = {"Content-Type": "application/json"}


class BackendClient(ApiCase):
    """Sends a bearer key, a JSON content type on every call, and the author as a header."""

    def call(self, method, path, body=None, author=None):
        headers = dict(JSON_TYPE, Authorization="Bearer " + BACKEND)
        if author is not None:
            headers["X-User-ID"] = author
        return self.server.client().request(method, path, body, headers=headers)

    def test_a_day_in_its_life(self):
        signed = self.ok(self.call("POST", "/v1/_sign", {"userId": "u1"}))
        self.assertEqual(signed, {"userId": "u1", "signature": sign("u1")})
        thread = self.ok(self.call("POST", "/v1/threads",
                                   {"title": "Talk", "metadata": {"x": 1}}, "u1"))
        path = "/v1/threads/" + thread["id"]
        self.assertLessEqual({"id", "title", "slug", "author", "created_ts", "updated_ts"},
                             set(thread))
        listed = self.ok(self.call("GET", "/v1/threads?author=u1&title=Talk", author="u1"))
        self.assertEqual([t["id"] for t in listed["threads"]], [thread["id"]])
        self.assertEqual(self.ok(self.call("GET", path, author="u1")), thread)
        self.assertEqual(self.ok(self.call("PUT", path, {"title": "Walk"}, "u1"))["title"], "Walk")
        message = self.ok(self.call("POST", "/v1/messages",
                                    {"thread": thread["id"], "body": {"text": "hi"}}, "u1"))
        self.assertEqual((message["thread"], message["author"]), (thread["id"], "u1"))
        for query in (f"/v1/messages?thread={thread['id']}&limit=10", path + "/messages?limit=10",
                      path + "/messages"):
            page = self.ok(self.call("GET", query))
            self.assertEqual((page["thread"], page["messages"]), (thread["id"], [message]))
        one = f"{path}/messages/{message['id']}"
        self.assertEqual(self.ok(self.call("GET", one)), message)
        edited = self.ok(self.call("PUT", one, {"body": {"text": "ho"}}, "u1"))
        self.assertEqual(edited["body"], {"text": "ho"})
        versions = self.ok(self.call("GET", one + "/versions"))
        self.assertEqual((versions["id"], len(versions["versions"])), (message["id"], 2))
        reactions = self.ok(self.call("POST", one + "/reactions", {"id": "u1", "reaction": "like"}))
        self.assertEqual(reactions, {"id": message["id"],
                                     "reactions": [{"id": "u1", "reaction": "like"}]})
        self.assertEqual(self.ok(self.call("GET", one + "/reactions")), reactions)
        self.ok(self.call("DELETE", one + "/reactions/u1"), 204)
        self.ok(self.call("DELETE", one, author="u1"), 204)
        self.ok(self.call("DELETE", path, author="u1"), 204)
        self.refused(self.call("GET", path, author="u1"), 404)


class FrontendClient(ApiCase):
    """Sends X-API-Key with X-User-ID and X-User-Signature, and the author nowhere else."""

    def call(self, method, path, body=None, user="u2"):
        headers = dict(JSON_TYPE)
        headers.update({"X-API-Key": FRONTEND, "X-User-ID": user, "X-User-Signature": sign(user)})
        return self.server.client().request(method, path, body, headers=headers)

    def test_a_day_in_its_life(self):
        self.ok(self.call("GET", "/healthz"))
        thread = self.ok(self.call("POST", "/v1/threads", {"title": "Mine"}))
        self.assertEqual(self.ok(self.call("GET", "/v1/threads"))["threads"], [thread])
        path = "/v1/threads/" + thread["id"]
        message = self.ok(self.call("POST", path + "/messages",
                                    {"body": {"text": "hi"}, "role": "user"}))
        alone = self.ok(self.call("POST", "/v1/messages", {"body": "no thread"}))
        self.assertNotEqual(alone["thread"], thread["id"])
        page = self.ok(self.call("GET", "/v1/messages?thread=" + thread["id"]))
        self.assertEqual(page["messages"], [message])
        one = f"{path}/messages/{message['id']}"
        # clients send back what they were given, with a change
        edited = self.ok(self.call("PUT", one, dict(message, body={"text": "ho"})))
        self.assertEqual(edited["version"], 2)
        self.ok(self.call("POST", one + "/reactions", {"id": "u2", "reaction": "❤️"}))
        answer = self.call("DELETE", one + "/reactions/u2")
        self.assertEqual((answer.status, answer.body), (204, b""))
        changed = self.ok(self.call("PUT", path, dict(thread, title="Ours")))
        self.assertEqual((changed["title"], changed["id"]), ("Ours", thread["id"]))
        self.assertEqual(self.ok(self.call("GET", one + "/versions"))["versions"][0], message)
        self.ok(self.call("DELETE", one), 204)
        self.ok(self.call("DELETE", path), 204)

    def test_errors_are_json(self):
        for answer in (self.call("GET", "/v1/threads/none"), self.call("GET", "/nowhere"),
                       self.call("POST", "/v1/messages"), self.call("DELETE", "/v1/threads/none")):
            self.refused(answer, answer.status)
            self.assertIn("error", answer.json)


if __name__ == "__main__":
    main()
