# SPDX-License-Identifier: Apache-2.0
"""Routing, gates, errors and the headers of answers."""
import email.utils
import time
import unittest

from raw_http import Server


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def setUp(self):
        self.conn = self.server.connect()

    def tearDown(self):
        self.conn.close()

    def ask(self, *args, **kwargs):
        return self.conn.ask(*args, **kwargs)

    def check_error(self, answer, status, code):
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        error = answer.json()
        self.assertEqual(error["code"], code)
        self.assertEqual(error["request_id"], answer.header("X-Request-Id"))
        self.assertEqual(set(error) - {"field"}, {"error", "code", "request_id"})
        self.assertIsNone(answer.header("Connection"))
        return error

    def test_headers_of_every_answer(self):
        for args in (("GET", "/"), ("GET", "/none"), ("PATCH", "/"), ("GET", "/fail?how=1")):
            with self.subTest(args):
                answer = self.ask(*args)
                when = email.utils.parsedate_to_datetime(answer.header("Date")).timestamp()
                self.assertLess(abs(when - time.time()), 60)
                self.assertEqual(len(answer.all("X-Request-Id")), 1)
                self.assertEqual(len(answer.all("Content-Type")), 1)
                self.assertEqual(len(answer.all("Content-Length")), 1)
                self.assertEqual(answer.all("X-Gate"), ["seen"])

    def test_request_ids_differ(self):
        ids = {self.ask("GET", "/").header("X-Request-Id") for _ in range(50)}
        self.assertEqual(len(ids), 50)
        self.assertTrue(all(8 < len(one) < 32 for one in ids))

    def test_parameters_are_decoded(self):
        self.assertEqual(self.ask("GET", "/items/a%2Fb%20c+d").json()["id"], "a/b c+d")
        self.assertEqual(self.ask("GET", "/items/a%2Fb").json()["path"], "/items/a%2Fb")
        self.assertEqual(self.ask("GET", "/files/a/b/%C3%BC").json()["id"], "a/b/\u00fc")
        self.assertEqual(self.ask("GET", "/files/").json()["id"], "")

    def test_query(self):
        for query, value in (("q=1", "1"), ("a=2&q=a+b%2B", "a b+"), ("q", ""), ("q=", ""),
                             ("x=1", ""), ("q=1&q=2", "1"), ("%71=3", "3"), ("&&q=4", "4"),
                             ("q=a=b", "a=b")):
            with self.subTest(query):
                self.assertEqual(self.ask("GET", "/items/1?" + query).json()["q"], value)

    def test_header_names_have_no_case(self):
        for name in ("X-Show", "x-show", "X-SHOW"):
            self.assertEqual(self.ask("GET", "/", [(name, "\t v w ")]).json()["header"], "v w")

    def test_unknown_paths(self):
        for target in ("/none", "/items", "/items/", "/items/1/2", "/items//", "//items/1",
                       "/%69tems/1", "/ITEMS/1", "/items/.", "/items/..", "/./items/1"):
            with self.subTest(target):
                self.check_error(self.ask("GET", target), 404, "not_found")

    def test_known_paths_with_another_method(self):
        answer = self.ask("PUT", "/items/1")
        self.check_error(answer, 405, "method_not_allowed")
        self.assertEqual(answer.header("Allow"), "GET, HEAD, DELETE, OPTIONS")
        answer = self.ask("GET", "/release")
        self.assertEqual((answer.status, answer.header("Allow")), (405, "POST, OPTIONS"))

    def test_options(self):
        answer = self.ask("OPTIONS", "/items/1")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.header("Allow"), "GET, HEAD, DELETE, OPTIONS")
        self.assertIsNone(answer.header("Content-Length"))
        answer = self.ask("OPTIONS", "*")
        self.assertEqual(answer.status, 204)
        self.assertIn("PATCH", answer.header("Allow"))
        self.check_error(self.ask("OPTIONS", "/none"), 404, "not_found")
        self.assertIsNone(self.ask("OPTIONS", "/items/1", [("X-Answer", "1")]).header("Allow"))

    def test_head(self):
        full = self.ask("GET", "/items/1")
        head = self.ask("HEAD", "/items/1")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.header("Content-Length"), full.header("Content-Length"))
        self.assertEqual(head.header("Content-Type"), "application/json")
        self.assertEqual(self.ask("HEAD", "/none").status, 404)
        self.assertEqual(self.ask("HEAD", "/big?size=100000").header("Content-Length"), "100000")
        self.assertEqual(self.ask("GET", "/items/2").json()["id"], "2")

    def test_no_content_has_no_body(self):
        answer = self.ask("DELETE", "/items/1")
        self.assertEqual(answer.status, 204)
        self.assertIsNone(answer.header("Content-Length"))
        self.assertIsNone(answer.header("Content-Type"))
        self.assertEqual(self.ask("GET", "/items/2").status, 200)

    def test_bodies_come_through(self):
        for size in (0, 1, 1023, 1024, 4096, 65537, 1048576):
            body = bytes(i * 7 % 256 for i in range(size % 4096)) + b"z" * (size - size % 4096)
            for method in ("POST", "PUT", "DELETE", "GET"):
                with self.subTest((size, method)):
                    answer = self.ask(method, "/echo", body=body)
                    self.assertEqual(answer.status, 200)
                    self.assertTrue(answer.body == body)
                    self.assertEqual(answer.header("Content-Type"), "application/octet-stream")

    def test_chunked_bodies_come_through(self):
        self.conn.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = b""
        for size in (1, 10, 300, 70000):
            part = bytes(size * [size % 251])
            self.conn.send(b"%x;x=1\r\n%s\r\n" % (size, part))
            sent += part
        self.conn.send("0\r\nX-Role: backend\r\n\r\n")
        self.assertTrue(self.conn.answer().body == sent)

    def test_trailers_are_not_headers(self):
        self.conn.send("GET /private HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "0\r\nX-Role: backend\r\n\r\n")
        self.assertEqual(self.conn.answer().status, 401)

    def test_roles(self):
        answer = self.ask("GET", "/private")
        self.check_error(answer, 401, "unauthenticated")
        self.assertEqual(answer.header("WWW-Authenticate"), "Bearer")
        self.check_error(self.ask("GET", "/private", [("X-Role", "frontend")]), 403, "forbidden")
        self.assertEqual(self.ask("GET", "/private", [("X-Role", "backend")]).status, 200)
        self.check_error(self.ask("GET", "/private"), 401, "unauthenticated")

    def test_gates_come_first(self):
        for target in ("/items/1", "/none", "/private"):
            answer = self.ask("GET", target, [("X-Deny", "1")])
            error = self.check_error(answer, 429, "rate_limited")
            self.assertEqual(error["error"], "Slow down.")
            self.assertEqual(answer.all("Retry-After"), ["7"])
            self.assertEqual(self.ask("GET", target, [("X-Answer", "1")]).status, 204)

    def test_errors(self):
        secret = self.ask("GET", "/fail?how=1")
        self.check_error(secret, 500, "internal")
        self.assertNotIn(b"secret", secret.body)
        error = self.check_error(self.ask("GET", "/fail?how=2"), 400, "bad_thing")
        self.assertEqual((error["error"], error["field"]), ("The thing is bad.", "/thing/0"))
        answer = self.ask("GET", "/fail?how=3")
        self.check_error(answer, 503, "kms_down")
        self.assertEqual(answer.header("Retry-After"), "1")
        self.assertNotIn(b"key service", answer.body)
        self.check_error(self.ask("GET", "/fail?how=4"), 500, "internal")
        self.check_error(self.ask("GET", "/fail?how=5"), 500, "internal")
        self.check_error(self.ask("GET", "/fail"), 404, "not_found")

    def test_large_answers(self):
        for size in (100000, 5000000):
            self.assertEqual(len(self.ask("GET", "/big?size=%d" % size).body), size)

    def test_peer(self):
        self.assertEqual(self.ask("GET", "/").json()["peer"], "127.0.0.1")


if __name__ == "__main__":
    unittest.main()
