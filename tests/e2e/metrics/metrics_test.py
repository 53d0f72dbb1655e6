# SPDX-License-Identifier: Apache-2.0
"""What /metrics says of a running server."""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

import progressdb
from page import OPEN, scrape

SOURCE = os.environ.get("PDB_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..", "..")
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e", "api"))
from openapi_test import routes_of  # noqa: E402  (the tables of routes, as the OpenAPI test reads them)

MESSAGES = "/v1/threads/{thread}/messages"


def tables(plugins):
    """Method and pattern of every route that a server with these plugins has."""
    found = set()
    patterns = ["core/chat/access.h", "core/server/*.c"]
    patterns += [f"plugins/{name}/*.c" for name in plugins]
    for pattern in patterns:
        for path in glob.glob(os.path.join(SOURCE, pattern)):
            with open(path, encoding="utf-8") as file:
                found |= routes_of(file.read())
    return {(method.upper(), path) for method, path in found}


class Metrics(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.admin = self.server.admin()

    def page(self, **fields):
        return scrape(self.admin, **fields)

    def test_who_may_read(self):
        for client, status in ((self.server.client(), 401), (self.server.frontend("ann"), 403),
                               (self.server.backend(), 200), (self.admin, 200)):
            self.assertEqual(client.get("/metrics").status, status)

    def test_promtool_finds_nothing(self):
        if not shutil.which("promtool"):
            self.skipTest("needs promtool")
        self.server.backend("ann").post(MESSAGES.format(thread="t"), body={"body": 1})
        said = subprocess.run(["promtool", "check", "metrics"], input=self.page().text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))

    def test_openmetrics_is_parsed(self):
        answer = self.admin.get("/metrics", headers={"Accept": OPEN})
        self.assertEqual(answer.headers["content-type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("needs prometheus_client")
        families = list(text_string_to_metric_families(answer.body.decode()))
        self.assertGreater(len(families), 30)
        for family in families:
            self.assertTrue(family.documentation.endswith("."), family.name)

    def test_every_route_plugin_and_job(self):
        page = self.page()
        plugins = page.values_of("progressdb_plugin_info", "plugin")
        self.assertLessEqual({"auth", "metrics", self.server_backend(page)}, plugins)
        self.assertEqual(plugins, page.values_of("progressdb_plugin_healthy", "plugin"))
        shown = {(dict(labels)["method"], dict(labels)["route"])
                 for name, labels in page.samples
                 if name == "progressdb_http_request_duration_seconds_count"}
        self.assertEqual(tables(plugins) - shown, set(), "routes that are not shown")
        self.assertIn("chat_lists", page.values_of("progressdb_job_runs_total", "job"))
        self.assertEqual(page.value("progressdb_build_info"), 1)

    @staticmethod
    def server_backend(page):
        return next(dict(labels)["plugin"] for name, labels in page.samples
                    if name == "progressdb_plugin_info" and ("kind", "storage") in labels)

    def test_what_was_done_is_what_is_counted(self):
        writer = self.server.backend("ann")
        before = self.page()
        for number in range(7):
            self.assertEqual(writer.post(MESSAGES.format(thread="t"), body={"body": number}).status,
                             200)
        batch = {"messages": [{"body": 1}] * 5}
        self.assertEqual(writer.post(MESSAGES.format(thread="t") + ":batch", body=batch).status, 200)
        for _ in range(3):
            self.assertEqual(writer.get("/v1/threads/none").status, 404)
        self.assertEqual(writer.get("/no/such/path").status, 404)
        after = self.page()

        def grown(name, **labels):
            return after.value(name, **labels) - before.value(name, **labels)

        requests = "progressdb_http_requests_total"
        self.assertEqual(grown(requests, route=MESSAGES, method="POST", status="200"), 7)
        self.assertEqual(grown(requests, route="/v1/threads/{thread}", status="404"), 3)
        self.assertEqual(grown(requests, route="other", status="404"), 1)
        self.assertEqual(grown("progressdb_http_request_duration_seconds_count", route=MESSAGES), 7)
        self.assertEqual(grown("progressdb_append_messages_count"), 8)
        self.assertEqual(grown("progressdb_append_messages_sum"), 12)
        self.assertEqual(grown("progressdb_messages"), 12)
        self.assertEqual(grown("progressdb_threads"), 1)
        self.assertEqual(grown("progressdb_storage_commits_total", result="ok"), 8)
        self.assertEqual(grown("progressdb_storage_sync_batch_commits_sum"), 8)
        self.assertGreater(grown("progressdb_storage_sync_duration_seconds_sum"), 0)
        self.assertEqual(after.value("progressdb_storage_unsynced_commits"), 0)

    def test_a_stranger_cannot_make_it_grow(self):
        before = len(self.page().samples)
        caller = self.server.client()
        for number in range(300):
            self.assertEqual(caller.get(f"/x{number}").status, 404)
            self.assertEqual(caller.get(f"/v1/threads/t{number}").status, 401)
        self.assertLess(len(self.page().samples), before + 60)

    def test_refusals_before_a_route(self):
        self.server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        codes = self.page().values_of("progressdb_http_refusals_total", "code")
        self.assertEqual(len(codes), 1)

    def test_reloads(self):
        ok = "progressdb_config_last_reload_successful"
        with open(self.server.config_path, encoding="utf-8") as file:
            good = file.read()

        def reloaded(text, result, count):
            with open(self.server.config_path, "w", encoding="utf-8") as file:
                file.write(text)
            self.server.process.send_signal(signal.SIGHUP)
            return progressdb.wait_for(lambda: self.counted(result, count), "the reload is counted")

        self.assertEqual(self.page().value(ok), 1)
        page = reloaded("server: {nonsense: 1}\n", "refused", 1)
        self.assertEqual(page.value(ok), 0)
        page = reloaded(good, "ok", 1)
        self.assertEqual(page.value(ok), 1)
        self.assertRegex(self.server.log(), "the old one stays in force")

    def counted(self, result, count):
        page = self.page()
        return page if page.value("progressdb_config_reloads_total", result=result) == count else None

    def test_nothing_secret_or_personal(self):
        self.server.backend("ann-the-person").post(MESSAGES.format(thread="their-thread"),
                                                   body={"body": "their words"})
        text = self.page().text
        for word in (progressdb.FRONTEND, progressdb.BACKEND, progressdb.ADMIN, "ann-the-person",
                     "their-thread", "their words"):
            self.assertNotIn(word, text)

    def test_names_end_as_people_expect(self):
        for name, kind in self.page(Accept=OPEN).kinds.items():
            self.assertRegex(name, r"^(progressdb|process)_[a-z0-9_]+$")
            self.assertIsNone(re.search(r"_(ms|millis|minutes|kb|mb|percent)$", name), name)
            self.assertIn(kind, ("counter", "gauge", "histogram"))


if __name__ == "__main__":
    unittest.main()
