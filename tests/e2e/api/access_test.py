# SPDX-License-Identifier: Apache-2.0
"""Who may touch what: every call, by every caller, on a live and on a deleted thread."""
from api_case import ApiCase, main
from progressdb import FRONTEND

# The callers, in the order of the columns below.
CALLERS = ("owner", "guest", "stranger", "backend as owner", "backend as guest",
           "backend as stranger", "backend", "admin", "unsigned", "nobody")

# What each call answers to each caller. {t} and {m} are a thread of "owner" with "guest" in it and
# a message of "owner" there. A row is asked afresh for each caller.
LIVE = """
GET    /v1/threads/{t}                              200 200 404 200 200 404 200 200 401 401
GET    /v1/threads/{t}/messages                     200 200 404 200 200 404 200 200 401 401
GET    /v1/messages?thread={t}                      200 200 404 200 200 404 200 200 401 401
GET    /v1/threads/{t}/messages/{m}                 200 200 404 200 200 404 200 200 401 401
GET    /v1/threads/{t}/messages/{m}/versions        200 200 404 200 200 404 200 200 401 401
GET    /v1/threads/{t}/messages/{m}/reactions       200 200 404 200 200 404 200 200 401 401
PUT    /v1/threads/{t}                              200 403 404 200 403 404 400 200 401 401
POST   /v1/threads/{t}/messages                     200 200 404 200 200 200 400 400 401 401
POST   /v1/threads/{t}/messages:batch               200 200 404 200 200 200 400 400 401 401
PUT    /v1/threads/{t}/messages/{m}                 200 403 404 200 403 404 400 200 401 401
POST   /v1/threads/{t}/messages/{m}/restore         200 403 404 200 403 404 400 200 401 401
POST   /v1/threads/{t}/messages/{m}/reactions       200 403 404 200 200 404 200 200 401 401
DELETE /v1/threads/{t}/messages/{m}/reactions/owner 204 403 404 204 204 404 204 204 401 401
DELETE /v1/threads/{t}/messages/{m}                 204 403 404 204 403 404 400 204 401 401
DELETE /v1/threads/{t}                              204 403 404 204 403 404 400 204 401 401
"""

# The same for a thread that its owner deleted.
DELETED = """
GET    /v1/threads/{t}                              404 404 404 404 404 404 404 404 401 401
GET    /v1/threads/{t}?include_deleted=true         200 404 404 200 404 404 200 200 401 401
GET    /v1/threads/{t}/messages                     404 404 404 404 404 404 404 404 401 401
GET    /v1/threads/{t}/messages/{m}                 404 404 404 404 404 404 404 404 401 401
GET    /v1/threads/{t}/messages/{m}/versions        404 404 404 404 404 404 404 404 401 401
GET    /v1/threads/{t}/messages/{m}/reactions       404 404 404 404 404 404 404 404 401 401
POST   /v1/threads/{t}/messages                     409 404 404 409 409 409 400 400 401 401
PUT    /v1/threads/{t}                              404 404 404 404 404 404 400 404 401 401
PUT    /v1/threads/{t}/messages/{m}                 404 404 404 404 404 404 400 404 401 401
POST   /v1/threads/{t}/messages/{m}/reactions       404 404 404 404 404 404 404 404 401 401
DELETE /v1/threads/{t}/messages/{m}                 404 404 404 404 404 404 400 404 401 401
DELETE /v1/threads/{t}                              404 404 404 404 404 404 400 404 401 401
POST   /v1/threads/{t}/restore                      200 404 404 200 404 404 400 200 401 401
"""

BODIES = {
    "messages": {"body": "more"}, "messages:batch": {"messages": [{"body": "more"}]},
    "reactions": {"id": "owner", "reaction": "x"}, "restore": {},
}


class Access(ApiCase):
    def callers(self):
        server = self.server
        return dict(zip(CALLERS, (
            server.frontend("owner"), server.frontend("guest"), server.frontend("stranger"),
            server.backend("owner"), server.backend("guest"), server.backend("stranger"),
            server.backend(), server.admin(), server.client(FRONTEND, "owner"), server.client())))

    def world(self, deleted):
        """A thread with a message, two versions, a reaction."""
        owner = self.server.frontend("owner")
        thread = self.thread(owner, participants=["guest"])["id"]
        message = self.append(owner, thread)["id"]
        path = f"/v1/threads/{thread}/messages/{message}"
        self.ok(owner.put(path, {"body": "two"}))
        self.ok(owner.post(path + "/reactions", {"reaction": "o"}))
        if deleted:
            self.ok(owner.delete("/v1/threads/" + thread), 204)
        return thread, message

    def body_of(self, method, path):
        if method == "PUT":
            return {"body": "edited"} if "/messages/" in path else {"title": "changed"}
        if method == "POST":
            last = path.rsplit("/", 1)[1]
            return {"version": 1} if last == "restore" and "/messages/" in path else BODIES[last]
        return None

    def state(self, thread, message):
        admin = self.server.admin()
        path = f"/v1/threads/{thread}"
        answers = [admin.get(path + "?include_deleted=true"),
                   admin.get(path + "/messages?include_deleted=true"),
                   admin.get(f"{path}/messages/{message}/versions")]
        return [answer.body if answer.status == 200 else answer.status for answer in answers]

    def ask_all(self, table, deleted):
        callers = self.callers()
        for row in table.strip().splitlines():
            method, pattern, *wanted = row.split()
            self.assertEqual(len(wanted), len(CALLERS), row)
            for name, status in zip(CALLERS, wanted):
                with self.subTest(call=f"{method} {pattern}", caller=name, deleted=deleted):
                    self.ask(callers[name], (method, pattern), int(status), deleted)

    def ask(self, client, call, status, deleted):
        method, pattern = call
        thread, message = self.world(deleted)
        before = self.state(thread, message)
        path = pattern.format(t=thread, m=message)
        answer = client.request(method, path, self.body_of(method, path))
        self.assertEqual(answer.status, status, answer)
        if status >= 400:
            self.refused(answer, status)
            self.assertEqual(self.state(thread, message), before, "nothing may have changed")
            self.assertNotIn(b"two", answer.body)
        elif method != "GET":
            self.assertNotEqual(self.state(thread, message), before, "something must have changed")

    def test_live(self):
        self.ask_all(LIVE, deleted=False)

    def test_deleted(self):
        self.ask_all(DELETED, deleted=True)

    def test_unknown_and_forbidden_look_alike(self):
        thread, message = self.world(deleted=False)
        stranger = self.server.frontend("stranger")
        for method, pattern in (line.split()[:2] for line in LIVE.strip().splitlines()):
            if method == "POST" and pattern.endswith(("messages", "messages:batch")):
                continue  # an unknown thread is created
            answers = []
            for names in ({"t": thread, "m": message}, {"t": "thread-none", "m": message}):
                path = pattern.format(**names)
                answer = stranger.request(method, path, self.body_of(method, path)).json
                answer.pop("request_id")
                answers.append(answer)
            self.assertEqual(answers[0], answers[1], (method, pattern))

    def test_the_versions_of_a_deleted_message_are_its_authors(self):
        thread, message = self.world(deleted=False)
        path = f"/v1/threads/{thread}/messages/{message}"
        self.ok(self.server.frontend("owner").delete(path), 204)
        self.ok(self.server.frontend("owner").get(path + "/versions"))
        self.refused(self.server.frontend("guest").get(path + "/versions"), 404)

    def test_a_message_is_found_only_in_its_thread(self):
        thread, message = self.world(deleted=False)
        other = self.thread(self.server.frontend("owner"))["id"]
        for client in (self.server.frontend("owner"), self.server.admin(), self.server.backend()):
            self.refused(client.get(f"/v1/threads/{other}/messages/{message}"), 404)
            self.refused(client.get(f"/v1/threads/{other}/messages/{message}/versions"), 404)
        self.ok(self.server.admin().get(f"/v1/threads/{thread}/messages/{message}"))

    def test_roles_and_routes(self):
        callers = self.callers()
        for path, wanted in (("/v1/_sign", {"owner": 403, "admin": 403, "backend": 200,
                                            "unsigned": 403, "nobody": 401}),):
            for name, status in wanted.items():
                answer = callers[name].post(path, {"userId": "ann"})
                self.assertEqual(answer.status, status, (path, name, answer))


if __name__ == "__main__":
    main()
