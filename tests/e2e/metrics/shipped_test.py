# SPDX-License-Identifier: Apache-2.0
"""Alerts, dashboard and the page of metrics in docs/ speak of metrics that exist, and of all of them."""
import json
import os
import re
import shutil
import subprocess
import unittest

import progressdb
from page import scrape

SOURCE = os.environ.get("PDB_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..", "..")
NAME = re.compile(r"\b(?:progressdb|process)_[a-z0-9_]+\b")
PROMETHEUS = os.path.join(SOURCE, "etc", "prometheus")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, text=True, capture_output=True,
                          timeout=60, check=False)


def expressions(panels):
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", []))
        yield from expressions(panel.get("panels", []))


class Shipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = progressdb.Server(backend="memory")
        try:
            server.start()
            client = server.backend("ann")
            client.post("/v1/threads/t/messages", body={"body": 1})
            cls.page = scrape(server.admin())
        finally:
            server.close()
        cls.names = set(cls.page.kinds)
        for name, kind in cls.page.kinds.items():
            if kind == "histogram":
                cls.names |= {name + end for end in ("_bucket", "_sum", "_count")}

    def expect_known(self, text, where):
        unknown = set(NAME.findall(text)) - self.names
        self.assertEqual(unknown, set(), f"{where} speaks of metrics that are not there")

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool")
    def test_the_alerts_do_what_their_tests_say(self):
        for arguments in (("check", "rules", "progressdb.rules.yaml"), ("test", "rules", "progressdb.test.yaml")):
            said = promtool(*arguments)
            self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_every_alert_has_tests(self):
        alerts = re.findall(r"- alert: (\w+)", read("etc", "prometheus", "progressdb.rules.yaml"))
        tested = re.findall(r"alertname: (\w+)", read("etc", "prometheus", "progressdb.test.yaml"))
        self.assertGreaterEqual(len(alerts), 10)
        for alert in alerts:
            self.assertEqual(tested.count(alert), 2, f"{alert}: once when it is one, once when it is none")

    def test_alerts_and_dashboard_use_what_is_there(self):
        self.expect_known(read("etc", "prometheus", "progressdb.rules.yaml"), "the rules")
        panels = json.loads(read("etc", "grafana", "progressdb.json"))["panels"]
        texts = list(expressions(panels))
        self.assertGreater(len(texts), 20)
        self.expect_known("\n".join(texts), "the dashboard")

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool")
    def test_the_dashboard_is_promql(self):
        rules = [{"record": f"panel:{place}", "expr": text.replace("$__rate_interval", "5m")}
                 for place, text in enumerate(expressions(json.loads(read("etc", "grafana", "progressdb.json"))["panels"]))]
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-rules-")
        self.addCleanup(shutil.rmtree, folder, True)
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        said = promtool("check", "rules", "--lint=none", path)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_the_documentation_has_all_of_them(self):
        table = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", read("docs", "operations.md"), re.M))
        missing = {name: kind for name, kind in self.page.kinds.items() if table.get(name) != kind}
        self.assertEqual(missing, {}, "metrics that docs/operations.md does not have: run make docs")


if __name__ == "__main__":
    unittest.main()
