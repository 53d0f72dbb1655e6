# SPDX-License-Identifier: Apache-2.0
"""Messages that keep the rules are taken, others answered 422 with the path that breaks one."""
import json
import signal
import unittest

from progressdb import ADMIN, BACKEND, Server, wait_for

TOP = f"""\
storage: {{backend: memory}}
plugins: {{load: [auth, validation]}}
security: {{api_keys: {{backend: [{BACKEND}], admin: [{ADMIN}]}}}}
"""

# rules, then bodies (or whole messages) with the path that is broken, None for none
TABLE = [
    ({"required": ["body.text", "body.meta.id"]},
     [({"text": "", "meta": {"id": None}}, None), ({"text": "x"}, "/body/meta/id"),
      ({"meta": {"id": 1}}, "/body/text"), ({"text": "x", "meta": []}, "/body/meta/id"),
      ("text", "/body/text"), ([], "/body/text")]),
    ({"required": ["body.items.*.id", "body.list.1"]},
     [({"items": [], "list": [0, 1]}, None), ({"items": [{"id": 1}], "list": [0, 1]}, None),
      ({"items": [{"id": 1}, {}], "list": [0, 1]}, "/body/items/*/id"),
      ({"list": [0, 1]}, "/body/items/*/id"), ({"items": [], "list": [0]}, "/body/list/1")]),
    ({"types": {"body.s": "string", "body.n": "number", "body.i": "integer", "body.b": "boolean",
                "body.o": "object", "body.a": "array", "body.z": ["string", "null"]}},
     [({"s": "", "n": 1.5, "i": 3, "b": True, "o": {}, "a": [], "z": None}, None),
      ({"n": 7, "z": ""}, None), ({}, None), ({"s": 1}, "/body/s"), ({"n": "1"}, "/body/n"),
      ({"i": 1.0}, "/body/i"), ({"i": 1e3}, "/body/i"), ({"b": 0}, "/body/b"),
      ({"o": []}, "/body/o"), ({"a": {}}, "/body/a"), ({"z": False}, "/body/z")]),
    ({"max_len": {"body.t": 3, "body.l": 2, "body.deep.*": 1}},
     [({"t": "äöü"}, None), ({"t": "äöüx"}, "/body/t"), ({"t": "\"\\\n"}, None),
      ({"t": "😀😀😀"}, None), ({"t": "😀😀😀😀"}, "/body/t"), ({"l": [1, 2]}, None),
      ({"l": [1, 2, 3]}, "/body/l"), ({"deep": {"a": "x", "b": "xy"}}, "/body/deep/*"),
      ({"t": 123456}, None)]),
    ({"enums": {"body.kind": ["a", "b\"", 7, True, None], "role": ["user", "system"]}},
     [({"kind": "a"}, None), ({"kind": "b\""}, None), ({"kind": 7}, None), ({"kind": 7.0}, None),
      ({"kind": True}, None), ({"kind": None}, None), ({"kind": "c"}, "/body/kind"),
      ({"kind": "7"}, "/body/kind"), ({"kind": False}, "/body/kind"), ({"kind": 8}, "/body/kind"),
      ({"kind": []}, "/body/kind")]),
    ({"when_then": [{"when": {"path": "body.kind", "equals": "image"},
                     "then": {"required": ["body.url"], "max_len": {"body.url": 10}}},
                    {"when": {"path": "body.kind", "in": ["text", "note"]},
                     "then": {"required": ["body.text"], "types": {"body.text": "string"}}}]},
     [({"kind": "image", "url": "u"}, None), ({"kind": "image"}, "/body/url"),
      ({"kind": "image", "url": "u" * 11}, "/body/url"), ({"kind": "note"}, "/body/text"),
      ({"kind": "text", "text": 1}, "/body/text"), ({"kind": "other"}, None), ({}, None)]),
    ({"types": [{"path": "body.a", "type": "string"}], "max_len": [{"path": "body.a", "max": 2}],
      "enums": [{"path": "body.a", "values": ["x", "xyz"]}]},
     [({"a": "x"}, None), ({"a": 1}, "/body/a"), ({"a": "xyz"}, "/body/a"), ({"a": "y"}, "/body/a")]),
]

BAD = [
    ({"required": ["text"]}, "does not begin"), ({"required": ["body..x"]}, "empty segment"),
    ({"required": {"body.x": 1}}, "list of paths"), ({"required": [7]}, "no path"),
    ({"types": {"body.x": "text"}}, "the type is"), ({"max_len": {"body.x": -1}}, "from 0 on"),
    ({"max_len": {"body.x": "many"}}, "from 0 on"), ({"enums": {"body.x": []}}, "the values are"),
    ({"enums": {"body.x": [{}]}}, "the values are"), ({"types": "x"}, "mapping"),
    ({"required": ["role.x"]}, "no members"), ({"when_then": [{"then": {}}]}, "needs when"),
    ({"when_then": [{"when": {"path": "body.x", "equals": 1}, "then": {"must": []}}]}, "is not required"),
]


def config(rules):
    return TOP + "validation: " + json.dumps(rules, ensure_ascii=False) + "\n"


class Validation(unittest.TestCase):
    def start(self, rules):
        self.server = Server(config=config(rules))
        self.addCleanup(self.server.close)
        self.server.start()
        self.client = self.server.backend("ann")

    def post(self, body, **more):
        return self.client.post("/v1/threads/t/messages", dict(more, body=body))

    def reload(self, rules, word="configuration reloaded"):
        before = self.server.log().count(word)
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(config(rules))
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.log().count(word) > before, word)

    def test_table(self):
        """One server, reloaded for each row."""
        self.start({})
        self.assertEqual(self.post({}).status, 200)
        for rules, cases in TABLE:
            self.reload(rules)
            for body, broken in cases:
                answer = self.post(body)
                if broken is None:
                    self.assertEqual(answer.status, 200, (rules, body, answer))
                else:
                    self.assertEqual((answer.status, answer.json["code"], answer.json["field"]),
                                     (422, "rule_violated", broken), (rules, body, answer))

    def test_roles_and_authors(self):
        self.start({"enums": {"role": ["user", "system"], "author": ["ann", "b\"o\\b"]}})
        self.assertEqual(self.post(1, role="system").status, 200)
        self.assertEqual(self.post(1, role="tool").json["field"], "/role")
        self.assertEqual(self.post(1, author="b\"o\\b").status, 200)
        self.assertEqual(self.post(1, author="eve").json["field"], "/author")

    def test_edits_and_batches(self):
        self.start({"required": ["body.text"]})
        message = self.post({"text": "x"}).json["id"]
        path = f"/v1/threads/t/messages/{message}"
        self.assertEqual(self.client.put(path, {"body": {}}).status, 422)
        self.assertEqual(self.client.get(path).json["version"], 1)
        batch = [{"body": {"text": "a"}}, {"body": {}}]
        self.assertEqual(self.client.post("/v1/threads/t/messages:batch", {"messages": batch}).status, 422)
        self.assertEqual(len(self.client.get("/v1/threads/t/messages").json["messages"]), 1)
        self.assertEqual(self.client.post("/v1/threads/new/messages", {"body": {}}).status, 422)
        self.assertEqual(self.client.get("/v1/threads/new").status, 404, "no thread was made")

    def test_bad_rules(self):
        for rules, words in BAD:
            server = Server(config=config(rules))
            self.addCleanup(server.close)
            with self.assertRaises(AssertionError) as caught:
                server.start()
            server.process = None
            self.assertIn(words, str(caught.exception), rules)

    def test_a_bad_reload_keeps_the_rules(self):
        self.start({"required": ["body.text"]})
        self.reload({"required": ["nothing"]}, "old one stays in force")
        self.assertEqual(self.post({}).status, 422)


if __name__ == "__main__":
    unittest.main()
