# SPDX-License-Identifier: Apache-2.0
"""A page of an allowed origin uses the server from a real browser; one of another origin cannot."""
import http.server
import json
import sys
import threading
import unittest

import browser
import progressdb
from progressdb import FRONTEND, sign

SKIPPED = 77

PAGE = b"<!doctype html><meta charset=utf-8><title>An app</title><link rel=icon href=data:,>"

# What an app does with an answer: its status, its body, and a field that it may read.
ASK = """
(async () => {
  const answer = await fetch(%s, %s);
  const text = await answer.text();
  return {status: answer.status, body: text ? JSON.parse(text) : null,
          etag: answer.headers.get("ETag"), id: answer.headers.get("X-Request-Id"),
          retry: answer.headers.get("Retry-After")};
})()
"""


class Site(http.server.ThreadingHTTPServer):
    """An origin of its own, with one page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Site.Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def end(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site, cls.stranger = Site(), Site()
        cls.addClassCleanup(cls.site.end)
        cls.addClassCleanup(cls.stranger.end)
        cls.server = progressdb.Server(config=f"""\
storage: {{backend: memory}}
security:
  cors: {{allowed_origins: ["{cls.site.origin}"]}}
  rate_limit: {{rps: 1, burst: 20, costs: {{'GET /v1/threads/{{thread}}': 20}}}}
  api_keys: {{frontend: [{FRONTEND}], backend: [{progressdb.BACKEND}]}}
""")
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def ask(self, page, method, path, body=None, user="ann", key=FRONTEND, **more):
        headers = {"Authorization": "Bearer " + key, "X-User-ID": user, "X-User-Signature": sign(user)}
        options = {"method": method, "headers": headers, **more}
        if body is not None:
            headers["Content-Type"] = "application/json"
            options["body"] = json.dumps(body)
        url = f"http://127.0.0.1:{self.server.port}{path}"
        return page.run(ASK % (json.dumps(url), json.dumps(options)))

    def threads(self, user):
        """As the server has them."""
        return self.server.backend(user).get("/v1/threads").json["threads"]

    def test_an_allowed_origin(self):
        page = self.browser.open(self.site.origin + "/")
        made = self.ask(page, "POST", "/v1/threads/soup/messages", {"body": {"text": "Hello"}})
        self.assertEqual((made["status"], made["body"]["seq"]), (200, 1))
        self.assertIsNotNone(made["id"])
        listed = self.ask(page, "GET", "/v1/threads/soup/messages")
        self.assertEqual([m["body"] for m in listed["body"]["messages"]], [{"text": "Hello"}])
        path = f"/v1/threads/soup/messages/{made['body']['id']}"
        read = self.ask(page, "GET", path)
        self.assertIsNotNone(read["etag"])
        edited = self.ask(page, "PUT", path, {"body": {"text": "Hello again"}})
        self.assertEqual((edited["status"], edited["body"]["version"]), (200, 2))
        self.assertEqual(self.ask(page, "DELETE", path)["status"], 204)

    def test_errors_can_be_read(self):
        page = self.browser.open(self.site.origin + "/")
        wrong = self.ask(page, "GET", "/v1/threads", key="pk_unknown_key")
        self.assertEqual((wrong["status"], wrong["body"]["code"]), (401, "invalid_key"))
        unknown = self.ask(page, "GET", "/v1/threads/none/messages", user="eve")
        self.assertEqual((unknown["status"], unknown["body"]["code"]), (404, "thread_not_found"))
        bad = self.ask(page, "POST", "/v1/threads/stew/messages", {"body": None}, user="eve")
        self.assertEqual((bad["status"], bad["body"]["field"]), (400, "/body"))
        self.ask(page, "GET", "/v1/threads/none", user="bob")
        busy = self.ask(page, "GET", "/v1/threads/none", user="bob")
        self.assertEqual((busy["status"], busy["body"]["code"]), (429, "rate_limited"))
        self.assertGreater(int(busy["retry"]), 0)

    def test_another_origin(self):
        page = self.browser.open(self.stranger.origin + "/")
        self.assertEqual(page.run("location.origin"), self.stranger.origin)
        for method, path, body in (("GET", "/v1/threads", None), ("GET", "/v1/threads/none/messages", None),
                                   ("POST", "/v1/threads/mine/messages", {"body": "x"}),
                                   ("DELETE", "/v1/threads/mine", None)):
            with self.assertRaises(browser.Failure) as refused:
                self.ask(page, method, path, body, user="dan")
            self.assertIn("Failed to fetch", str(refused.exception))
        self.assertEqual(self.threads("dan"), [], "nothing has happened either")
        with self.assertRaises(browser.Failure):
            self.ask(page, "GET", "/healthz", user="dan")
        opaque = page.run(f"fetch('http://127.0.0.1:{self.server.port}/healthz', {{mode: 'no-cors'}})"
                          ".then(async a => [a.type, a.status, await a.text()])")
        self.assertEqual(opaque, ["opaque", 0, ""])


if __name__ == "__main__":
    if browser.find() is None:
        print("skipped: there is no chromium here; packaging/install-deps.sh --all brings it")
        sys.exit(SKIPPED)
    unittest.main()
