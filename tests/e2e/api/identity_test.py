# SPDX-License-Identifier: Apache-2.0
"""Who calls: keys, signatures, named authors, and which role reaches what."""
from api_case import ApiCase, main
from progressdb import ADMIN, BACKEND, FRONTEND, quote, sign


class Keys(ApiCase):
    def get(self, path="/v1/threads?author=ann", **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.client().get(path, headers=names)

    def test_both_headers(self):
        for headers in ({"Authorization": "Bearer " + BACKEND}, {"Authorization": "bearer " + BACKEND},
                        {"Authorization": "BEARER   " + BACKEND}, {"X_API_Key": BACKEND},
                        {"Authorization": "Bearer " + BACKEND, "X_API_Key": BACKEND}):
            self.ok(self.get(**headers))
        self.refused(self.get(Authorization="Bearer " + BACKEND, X_API_Key=ADMIN), 400,
                     "key_conflict")

    def test_without_and_with_wrong_credentials(self):
        answer = self.get()
        self.refused(answer, 401, "unauthenticated")
        self.assertIn("bearer", answer.headers.get("www-authenticate", "").lower())
        for headers in ({"X_API_Key": "sk_nobody_has_this_key"}, {"X_API_Key": BACKEND + "x"},
                        {"X_API_Key": BACKEND[:-1]}, {"X_API_Key": BACKEND.upper()},
                        {"Authorization": "Basic " + BACKEND}, {"Authorization": BACKEND},
                        {"Authorization": "Bearer"}):
            self.refused(self.get(**headers), 401, "invalid_key")
        self.refused(self.get(X_User_ID="ann"), 401)
        self.refused(self.get(X_Role_Name="admin", X_User_ID="ann"), 401)

    def test_the_probes_need_nothing(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.get(path).status, 200)

    def test_signatures(self):
        self.ok(self.get("/v1/threads", X_User_ID="ann", X_User_Signature=sign("ann")))
        self.ok(self.get("/v1/threads", X_User_ID="ann", X_User_Signature=sign("ann").upper(),
                         X_API_Key=FRONTEND))
        for user, signature in (("bob", sign("ann")), ("ann", sign("ann")[:-1]), ("ann", ""),
                                ("ann", "0" * 64), ("ann", sign("ann", FRONTEND)),
                                ("ann", sign("ann", ADMIN)), ("ann", "v2." + sign("ann"))):
            for key in ({}, {"X_API_Key": FRONTEND}, {"X_API_Key": BACKEND}, {"X_API_Key": ADMIN}):
                self.refused(self.get("/v1/threads", X_User_ID=user, X_User_Signature=signature,
                                      **key), 401, "bad_signature")
        self.refused(self.get("/v1/threads", X_User_Signature=sign("ann")), 401, "bad_signature")

    def test_a_frontend_key_alone_is_nobody(self):
        self.refused(self.get("/v1/threads", X_API_Key=FRONTEND), 401, "signature_required")
        self.refused(self.get("/v1/threads", X_API_Key=FRONTEND, X_User_ID="ann"), 401,
                     "signature_required")


class Sign(ApiCase):
    def test_sign(self):
        for user in ("ann", "zoë", "a b", "u" * 128):
            answer = self.ok(self.server.backend().post("/v1/_sign", {"userId": user}))
            self.assertEqual(answer, {"userId": user, "signature": sign(user)})

    def test_only_backend_keys_sign(self):
        for client, status in ((self.server.frontend("ann"), 403), (self.server.admin(), 403),
                               (self.server.client(), 401), (self.server.client(FRONTEND), 403)):
            self.refused(client.post("/v1/_sign", {"userId": "ann"}), status)

    def test_bad_requests(self):
        backend = self.server.backend()
        for body, code in ((b"", "body_required"), (b"{", "invalid_json"), (b"[]", "invalid_type"),
                           (b"{}", "invalid_user_id"), (b'{"userId":""}', "invalid_user_id"),
                           (b'{"userId":"a\\nb"}', "invalid_user_id"),
                           (b'{"userId":"a","userId":"b"}', "duplicate_key"),
                           (b'{"userId":"%s"}' % (b"x" * 129), "invalid_user_id"),
                           (b'{"userId":"a","expires_in":0}', "invalid_expires_in")):
            self.refused(backend.post("/v1/_sign", body), 400, code)
        self.refused(backend.get("/v1/_sign"), 405)


class Authors(ApiCase):
    def test_the_order_of_names(self):
        backend = self.server.backend("header")
        post = lambda body, query="": self.ok(backend.post("/v1/messages" + query, body))["author"]
        self.assertEqual(post({"body": 1, "author": "body"}, "?author=query"), "body")
        self.assertEqual(post({"body": 1}, "?author=query"), "header")
        backend = self.server.backend()
        self.assertEqual(post({"body": 1}, "?author=query"), "query")
        self.refused(backend.post("/v1/messages", {"body": 1}), 400, "author_required")
        self.refused(backend.post("/v1/threads", {}), 400, "author_required")

    def test_a_signed_user_wins(self):
        for key in (None, FRONTEND, BACKEND, ADMIN):
            client = self.server.client(key, "ann", signed=True)
            self.assertEqual(self.ok(client.post("/v1/messages", {"body": 1}))["author"], "ann")
            self.ok(client.post("/v1/messages?author=ann", {"body": 1, "author": "ann"}))
            self.refused(client.post("/v1/messages", {"body": 1, "author": "bob"}), 403,
                         "author_mismatch", "/author")
            self.refused(client.post("/v1/messages?author=bob", {"body": 1}), 403,
                         "author_mismatch")
            self.refused(client.get("/v1/threads?author=bob"), 403, "author_mismatch")

    def test_authors_are_text(self):
        backend = self.server.backend()
        for author in ("zoë", "a b", "user:1", "a/b", "u" * 128, "😀"):
            thread = self.ok(backend.post("/v1/threads", {"author": author}))
            self.assertEqual(thread["author"], author)
        for author in ("", "u" * 129, "a\nb", "a\u0000", "\u0085"):
            self.refused(backend.post("/v1/threads", {"author": author}), 400, "invalid_author",
                         "/author")
        self.refused(backend.get("/v1/threads?author=%01"), 400, "invalid_author")
        self.refused(backend.get("/v1/threads?author=" + "u" * 129), 400, "invalid_author")

    def test_no_author_reaches_into_the_list_of_another(self):
        backend = self.server.backend()
        for author in ("list", "list:1", "list%3A1", "list/1", "lis", "list\u00a0"):
            made = self.ok(backend.post("/v1/threads", {"author": author}))["id"]
            listed = self.ok(backend.get("/v1/threads?author=" + quote(author)))
            self.assertEqual([t["id"] for t in listed["threads"]], [made], author)

    def test_posting_makes_a_participant(self):
        ann = self.server.frontend("ann")
        name = self.thread(ann)["id"]
        bob = self.server.frontend("bob")
        self.refused(bob.get("/v1/threads/" + name), 404)
        self.append(self.server.backend("bob"), name)
        self.assertEqual(self.ok(bob.get("/v1/threads/" + name))["participants"], ["bob"])
        self.refused(self.server.frontend("cara").post(f"/v1/threads/{name}/messages",
                                                       {"body": 1}), 404)


if __name__ == "__main__":
    main()
