# SPDX-License-Identifier: Apache-2.0
"""Hostile input: each gets its own answer, and leaves the database as it was."""
from api_case import ApiCase, main
from progressdb import BACKEND, sign

DEEP = 65

BROKEN = [
    (b"", "body_required"), (b" ", "invalid_json"), (b"{", "invalid_json"), (b"}", "invalid_json"),
    (b'{"body":1', "invalid_json"), (b'{"body":1}}', "invalid_json"), (b'{"body":1},', "invalid_json"),
    (b'{"body":1}{"body":1}', "invalid_json"), (b"{'body':1}", "invalid_json"),
    (b'{body:1}', "invalid_json"), (b'{"body":01}', "invalid_json"), (b'{"body":+1}', "invalid_json"),
    (b'{"body":.5}', "invalid_json"), (b'{"body":5.}', "invalid_json"), (b'{"body":1e}', "invalid_json"),
    (b'{"body":0x10}', "invalid_json"), (b'{"body":NaN}', "invalid_json"),
    (b'{"body":Infinity}', "invalid_json"), (b'{"body":-}', "invalid_json"),
    (b'{"body":"\x01"}', "invalid_json"), (b'{"body":"\n"}', "invalid_json"),
    (b'{"body":"\\x41"}', "invalid_json"), (b'{"body":"\\u12"}', "invalid_json"),
    (b'{"body":"a}', "invalid_json"), (b'{"body":[1,]}', "invalid_json"),
    (b'{"body":{"a":1,}}', "invalid_json"), (b'{"body":[1 2]}', "invalid_json"),
    (b'{"body":{"a"}}', "invalid_json"), (b'{"body":tru}', "invalid_json"),
    (b'{"body":TRUE}', "invalid_json"), (b'{"body":1,}', "invalid_json"),
    (b'{"body":1/*c*/}', "invalid_json"), (b'\xef\xbb\xbf{"body":1}', "invalid_json"),
    (b'{"body":1}\x00', "invalid_json"), (b'\x00{"body":1}', "invalid_json"),
    (b'{"body":"\xff"}', "invalid_utf8"), (b'{"body":"\xc0\x80"}', "invalid_utf8"),
    (b'{"body":"\xed\xa0\x80"}', "invalid_utf8"), (b'{"body":"\xf4\x90\x80\x80"}', "invalid_utf8"),
    (b'{"body":"\xe2\x82"}', "invalid_utf8"), (b'{"\xff":1,"body":1}', "invalid_utf8"),
    (b'{"body":"\\ud800"}', "lone_surrogate"), (b'{"body":"\\udc00"}', "lone_surrogate"),
    (b'{"body":"\\ud800\\u0041"}', "lone_surrogate"), (b'{"body":"\\ud800\\ud800"}', "lone_surrogate"),
    (b'{"body":1,"body":2}', "duplicate_key"), (b'{"body":1,"\\u0062ody":2}', "duplicate_key"),
    (b'{"body":{"a":{"b":1,"c":2,"b":3}}}', "duplicate_key"), (b'{"x":1,"x":1,"body":1}', "duplicate_key"),
    (b'{"body":' + b"[" * DEEP + b"]" * DEEP + b"}", "too_deep"),
    (b'{"body":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", "too_deep"),
    (b"[" * 100000, "too_deep"), (b'{"body":[' + b"1," * 60000 + b"1]}", "too_many_values"),
    (b"[]", "invalid_type"), (b'"x"', "invalid_type"), (b"1", "invalid_type"), (b"null", "invalid_type"),
    (b"{}", "field_required"), (b'{"body":null}', "invalid_type"), (b'{"Body":1}', "field_required"),
]

SEPARATORS = ["a%3Ab", "a%2Fb", "..%2F..", "%2e%2e", "a%5Cb", "a%20b", "a%0Ab", "a%00b", "%C3%A9", "%FF",
              "a%2525b", "thread%3Ax%3Ameta", "-a", ".a", "%7Ea", "x" * 129, "a;b", "a,b", "a=b", "a$b"]


class Hostile(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.admin = self.server.admin()

    def all_threads(self):
        return self.ok(self.admin.get("/v1/threads?limit=1000&include_deleted=true"))["threads"]

    def test_broken_json(self):
        name = self.thread(self.ann)["id"]
        message = self.append(self.ann, name, body="kept")
        before = self.all_threads()
        paths = [("POST", "/v1/messages"), ("POST", f"/v1/threads/{name}/messages"),
                 ("POST", f"/v1/threads/{name}/messages:batch"),
                 ("PUT", f"/v1/threads/{name}/messages/{message['id']}"),
                 ("POST", f"/v1/threads/{name}/messages/{message['id']}/reactions"),
                 ("PUT", f"/v1/threads/{name}")]
        for body, code in BROKEN:
            with self.subTest(body=body[:60]):
                self.refused(self.ann.post("/v1/messages", body), 400, code)
            if code in ("field_required", "invalid_type"):
                continue
            for method, path in paths[1:]:
                with self.subTest(path=path, body=body[:60]):
                    self.refused(self.ann.request(method, path, body), 400, code)
        self.assertEqual(self.all_threads(), before)
        self.assertEqual(self.page(self.ann, name)["messages"], [message])

    def test_where_utf8_breaks_is_told(self):
        error = self.refused(self.ann.post("/v1/messages", b'{"body":"abc\xff"}'), 400, "invalid_utf8")
        self.assertIn("at byte 12:", error["error"])

    def test_compressed_bodies(self):
        for path, client in (("/v1/messages", self.ann), ("/v1/_sign", self.server.backend())):
            for coding in ("gzip", "br", "identity, gzip"):
                answer = client.post(path, b"\x1f\x8b", headers={"Content-Encoding": coding})
                self.refused(answer, 415, "content_coding_unknown")
                self.assertEqual(answer.headers.get("accept-encoding"), "identity")
        self.ok(self.ann.post("/v1/messages", {"body": 1}, headers={"Content-Encoding": "Identity"}))

    def test_ids_in_paths(self):
        name = self.thread(self.ann)["id"]
        self.append(self.ann, name)
        before = self.all_threads()
        for part in SEPARATORS:
            for method, path in (("GET", f"/v1/threads/{part}"), ("PUT", f"/v1/threads/{part}"),
                                 ("POST", f"/v1/threads/{part}/messages"),
                                 ("GET", f"/v1/threads/{part}/messages"),
                                 ("GET", f"/v1/threads/{name}/messages/{part}"),
                                 ("GET", f"/v1/threads/{name}/messages/{part}/versions"),
                                 ("DELETE", f"/v1/threads/{name}/messages/{part}"),
                                 ("GET", f"/v1/messages?thread={part}")):
                with self.subTest(method=method, path=path):
                    body = {"body": 1, "title": "x"} if method in ("PUT", "POST") else None
                    answer = self.ann.request(method, path, body)
                    self.assertIn(answer.status, (400, 404), answer)
                    self.refused(answer, answer.status)
        self.assertEqual(self.all_threads(), before)

    def test_ids_in_bodies(self):
        before = self.all_threads()
        for name in ("a:b", "a/b", "", "a b", "é", "x" * 129, "a\u0000", "-a", "a\n", "%41", "a%2Fb",
                     "thread:x:meta"):
            for fields in ({"thread": name}, {"id": name}, {"reply_to": name}):
                with self.subTest(fields=fields):
                    self.refused(self.ann.post("/v1/messages", dict(fields, body=1)), 400)
            self.refused(self.ann.post("/v1/threads", {"id": name}), 400, "invalid_id", "/id")
        self.assertEqual(self.all_threads(), before)

    def test_types_of_bodies(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/json; charset=utf-16", "application/jsonx", "json"):
            self.refused(self.ann.post("/v1/messages", b'{"body":1}', headers={"Content-Type": kind}),
                         415, "unsupported_media_type")
        for kind in ("application/json; charset=utf-8", "Application/JSON", None):
            self.ok(self.ann.post("/v1/messages", b'{"body":1}', headers={"Content-Type": kind}))

    def test_methods(self):
        name = self.thread(self.ann)["id"]
        answer = self.ann.request("PATCH", f"/v1/threads/{name}", {"title": "x"})
        self.refused(answer, 405, "method_not_allowed")
        allowed = {method.strip() for method in answer.headers["allow"].split(",")}
        self.assertLessEqual({"GET", "PUT", "DELETE"}, allowed)
        self.assertNotIn("POST", allowed)
        self.refused(self.ann.post(f"/v1/threads/{name}", {}), 405)
        self.refused(self.ann.delete("/v1/threads"), 405)
        for path in ("/v1", "/v1/", "/v1/threads/", "/v2/threads", "/v1/threads//messages",
                     "/v1/thread", "/v1/threads/a/b"):
            self.assertIn(self.ann.get(path).status, (400, 404), path)

    def test_head(self):
        name = self.thread(self.ann)["id"]
        got = self.ann.get("/v1/threads/" + name)
        head = self.ann.request("HEAD", "/v1/threads/" + name)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers.get("content-length"), got.headers.get("content-length"))

    def test_queries(self):
        name = self.thread(self.ann)["id"]
        for query in ("limit=%zz", "limit=%", "limit=%0", "include_deleted=%ff", "title=%ff",
                      "before=%00"):
            answer = self.ann.get(f"/v1/threads/{name}/messages?{query}")
            listed = self.ann.get(f"/v1/threads?{query}")
            for one in (answer, listed):
                self.assertLess(one.status, 500, (query, one))
        self.refused(self.ann.get("/v1/threads?limit=%zz"), 400)

    def test_a_list_of_deep_bodies_is_a_page(self):
        """Each body is as deep as may be; a page of them is still given."""
        name = self.unique("deep")
        for _ in range(3):
            self.ok(self.ann.post(f"/v1/threads/{name}/messages",
                                  b'{"body":' + b"[" * 63 + b"]" * 63 + b"}"))
        self.assertEqual(len(self.page(self.ann, name)["messages"]), 3)

    def test_no_answer_tells_of_the_inside(self):
        for answer in (self.ann.post("/v1/messages", b"{"), self.ann.get("/v1/threads/none"),
                       self.ann.get("/v1/threads?cursor=bad")):
            for word in (b"WiredTiger", b"wiredtiger", b"/tmp", b".c:", b"errno", BACKEND.encode(),
                         sign("ann").encode()):
                self.assertNotIn(word, answer.body)

    def test_logs_hold_no_secrets(self):
        text = "a-text-that-nobody-should-log"
        self.append(self.ann, self.unique("quiet"), body=text)
        self.ann.post("/v1/messages", b'{"body":"' + text.encode() + b'"')
        log = self.server.log()
        for secret in (text, BACKEND, sign("ann")):
            self.assertNotIn(secret, log)


if __name__ == "__main__":
    main()
