# SPDX-License-Identifier: Apache-2.0
"""Whatever is configured later, what was written before can be read."""
import unittest

from progressdb import wait_for
from sealed import EMBEDDED, Sealed

FIELDS = ["body.text", "body.card.*"]
OTHERS = ["body.other"]


class ModesTest(unittest.TestCase):
    def setUp(self):
        self.expected = {}
        self.number = 0

    def begin(self, **settings):
        self.sealed = Sealed(**settings)
        self.addCleanup(self.sealed.close)
        self.sealed.start()
        self.write()
        self.read()

    def body(self, note):
        return {"text": f"the text {note}", "card": {"number": note, "n": 1.5}, "other": [note, None]}

    def write(self):
        """A new message in an old and a new thread, and a change of every older message."""
        user = self.sealed.server.frontend("ann")
        for path, versions in self.expected.items():
            body = self.body(f"edit {len(versions)} of {path}")
            answer = user.put(path, {"body": body})
            self.assertEqual(answer.status, 200, answer)
            versions.append(body)
        for thread in ("t1", f"t{self.number + 2}"):
            self.number += 1
            message = f"m{self.number}"
            body = self.body(f"first of {message}")
            answer = user.post(f"/v1/threads/{thread}/messages", {"id": message, "body": body})
            self.assertEqual(answer.status, 200, answer)
            self.expected[f"/v1/threads/{thread}/messages/{message}"] = [body]

    def read(self):
        user = self.sealed.server.frontend("ann")
        for path, versions in self.expected.items():
            self.assertEqual(user.get(path).json["body"], versions[-1])
            answer = user.get(path + "/versions").json["versions"]
            self.assertEqual([version["body"] for version in answer], versions)

    def step(self, **changes):
        self.sealed.restart(**changes)
        self.read()
        self.write()
        self.read()

    def walk(self, **provider):
        self.begin(plugin=False, **provider)
        self.step(plugin=True, fields=FIELDS)
        self.step()
        self.step(fields=OTHERS)
        self.step(fields=None)
        self.step(fields=FIELDS + OTHERS)
        self.step(use=False)
        self.step(use=True)

    def test_every_way_of_switching_leaves_old_messages_readable(self):
        self.walk()

    def test_the_same_with_keys_of_ones_own_process(self):
        self.walk(**EMBEDDED)

    def test_without_the_plugin_nothing_sealed_is_shown_and_nothing_is_lost(self):
        self.begin(fields=FIELDS)
        self.sealed.restart(plugin=False)
        user = self.sealed.server.frontend("ann")
        for path in self.expected:
            self.assertEqual(user.get(path).json["body"], {"_undecryptable": True})
        clear = user.post("/v1/threads/t1/messages", {"id": "clear", "body": "clear"})
        self.assertEqual(clear.status, 200)
        self.sealed.restart(plugin=True)
        self.read()
        self.assertEqual(self.sealed.server.frontend("ann").get("/v1/threads/t1/messages/clear").json["body"],
                         "clear")

    def test_a_reload_takes_the_new_list(self):
        self.begin(fields=FIELDS, backend="memory")
        self.sealed.configure(fields=OTHERS)
        self.sealed.server.process.send_signal(1)
        wait_for(lambda: "configuration reloaded" in self.sealed.server.log(), "the reload")
        self.write()
        self.read()
        self.sealed.configure(fields=["text"])
        self.sealed.server.process.send_signal(1)
        wait_for(lambda: "does not start with `body`" in self.sealed.server.log(), "the refusal")
        self.write()
        self.read()


if __name__ == "__main__":
    unittest.main(verbosity=1)
