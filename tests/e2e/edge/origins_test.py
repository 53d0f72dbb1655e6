# SPDX-License-Identifier: Apache-2.0
"""Addresses, proxies and origins over HTTP."""
import http.client
import os
import subprocess
import unittest

import progressdb
from progressdb import BACKEND

PAGE, STRANGER = "https://app.example", "https://evil.example"

CONFIG = f"""\
storage: {{backend: memory}}
security:
  cors: {{allowed_origins: ["{PAGE}"], max_age: 5m}}
  api_keys: {{backend: [{BACKEND}], admin: [{progressdb.ADMIN}]}}
"""


class OriginsCase(unittest.TestCase):
    def start(self, more=""):
        self.server = progressdb.Server(config=CONFIG + more)
        self.addCleanup(self.server.close)
        self.server.start()

    def refusal(self, config):
        """What the server says about a configuration that it does not take."""
        server = progressdb.Server(config=config)
        self.addCleanup(server.close)
        program = os.path.join(progressdb.build_directory(), "bin", "progressdb")
        done = subprocess.run([program, "--config", server.config_path, "--db", server.db],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        return done.stderr

    def ask(self, method="GET", path="/v1/threads?author=ann", fields=(), address="127.0.0.1"):
        """`fields` as pairs, in their order, the same name more than once when it is given so."""
        conn = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=progressdb.DEADLINE,
                                          source_address=(address, 0))
        self.addCleanup(conn.close)
        conn.putrequest(method, path)
        for name, value in fields:
            conn.putheader(name, value)
        conn.endheaders()
        response = conn.getresponse()
        return progressdb.Answer(response.status, {name.lower(): value for name, value in response.getheaders()},
                                 response.read())


class CorsTest(OriginsCase):
    def check_shared(self, answer, status):
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.headers["access-control-allow-origin"], PAGE)
        self.assertIn("Origin", answer.headers["vary"])

    def test_every_kind_of_answer(self):
        self.start("  rate_limit: {rps: 1, burst: 5}\n")
        key = ("Authorization", "Bearer " + BACKEND)
        origin = ("Origin", PAGE)
        self.check_shared(self.ask(fields=[origin, key]), 200)
        self.check_shared(self.ask(fields=[origin]), 401)
        self.check_shared(self.ask(fields=[origin, ("Authorization", "Bearer sk_unknown_key")]), 401)
        self.check_shared(self.ask(path="/v1/threads/none?author=ann", fields=[origin, key]), 404)
        self.check_shared(self.ask(path="/nowhere", fields=[origin]), 404)
        admin = ("Authorization", "Bearer " + progressdb.ADMIN)
        self.check_shared(self.ask("POST", "/v1/_sign", fields=[origin, admin]), 403)
        self.check_shared(self.ask("PATCH", fields=[origin, key]), 405)
        statuses = [self.ask(fields=[origin, key]) for _ in range(5)]
        self.check_shared(statuses[-1], 429)
        self.assertIn("Retry-After", statuses[-1].headers["access-control-expose-headers"])
        self.check_shared(self.ask(fields=[origin, ("Content-Length", "x")]), 400)

    def test_strangers_and_servers(self):
        self.start()
        for fields in ([("Origin", STRANGER)], [("Origin", "null")], []):
            answer = self.ask(fields=[*fields, ("Authorization", "Bearer " + BACKEND)])
            self.assertEqual(answer.status, 200)
            self.assertNotIn("access-control-allow-origin", answer.headers)
            self.assertIn("Origin", answer.headers["vary"])

    def test_preflights(self):
        self.start()
        for path in ("/v1/threads", "/v1/threads/a/messages/b/reactions", "/nowhere"):
            answer = self.ask("OPTIONS", path, [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")])
            self.check_shared(answer, 204)
            self.assertIn("PUT", answer.headers["access-control-allow-methods"])
            self.assertIn("Authorization", answer.headers["access-control-allow-headers"])
            self.assertEqual(answer.headers["access-control-max-age"], "300")
        answer = self.ask("OPTIONS", "/v1/threads",
                          [("Origin", STRANGER), ("Access-Control-Request-Method", "PUT")])
        self.assertEqual((answer.status, answer.json["code"]), (403, "origin_not_allowed"))
        self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_star_with_credentials_does_not_start(self):
        config = CONFIG.replace(f'"{PAGE}"', '"*"').replace("max_age", "allow_credentials: true, max_age")
        self.assertIn("needs origins by name", self.refusal(config))


class AddressTest(OriginsCase):
    def test_the_list_holds_for_every_method(self):
        self.start("  ip_whitelist: [127.0.0.2, 2001:db8::/32]\n")
        for method in ("GET", "POST", "OPTIONS", "PUT", "DELETE"):
            answer = self.ask(method)
            self.assertEqual((answer.status, answer.json["code"]), (403, "address_not_allowed"))
        preflight = [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")]
        self.assertEqual(self.ask("OPTIONS", fields=preflight).status, 403)
        self.assertEqual(self.ask(address="127.0.0.2").status, 401)
        self.assertEqual(self.ask(path="/healthz").status, 200)
        self.assertEqual(self.ask(path="/readyz").status, 200)
        self.assertEqual(self.ask("OPTIONS", path="/healthz").status, 403)

    def test_behind_a_proxy(self):
        self.start("  ip_whitelist: [192.0.2.0/24]\n  trusted_proxies: [127.0.0.9]\n")
        inside, outside = ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "203.0.113.1")
        ways = (([inside], "127.0.0.9", 401), ([outside], "127.0.0.9", 403), ([inside], "127.0.0.1", 403),
                ([inside, outside], "127.0.0.9", 403), ([outside, inside], "127.0.0.9", 401),
                ([("X-Forwarded-For", "192.0.2.1, 203.0.113.1")], "127.0.0.9", 403),
                ([("X-Forwarded-For", "203.0.113.1, 192.0.2.1, 127.0.0.9")], "127.0.0.9", 401),
                ([("Forwarded", "for=192.0.2.1")], "127.0.0.9", 403), ([], "127.0.0.9", 403))
        for fields, address, status in ways:
            with self.subTest(fields=fields, address=address):
                self.assertEqual(self.ask(fields=fields, address=address).status, status)

    def test_forwarded(self):
        self.start("  ip_whitelist: ['2001:db8::/32']\n  trusted_proxies: [127.0.0.9]\n  proxy_header: forwarded\n")
        for value, status in (('for="[2001:db8::1]:80";proto=https', 401), ("for=192.0.2.1", 403),
                              ('for="[2001:db8::1]", for=192.0.2.1', 403), ("for=unknown", 403)):
            self.assertEqual(self.ask(fields=[("Forwarded", value)], address="127.0.0.9").status, status, value)

    def test_a_bad_network_does_not_start(self):
        for key in ("ip_whitelist", "ip_denylist", "trusted_proxies"):
            said = self.refusal(CONFIG + f"  {key}: [10.0.0.0/8, 10.0.0.300]\n")
            self.assertIn(f'security.{key}: "10.0.0.300" is neither', said)


if __name__ == "__main__":
    unittest.main()
