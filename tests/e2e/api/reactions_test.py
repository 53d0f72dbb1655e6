# SPDX-License-Identifier: Apache-2.0
"""Reactions: one for each identity, in stable order, without a version."""
import threading

from api_case import ApiCase, main
from progressdb import quote


class Reactions(ApiCase):
    def setUp(self):
        self.ann = self.server.frontend("ann")
        self.bob = self.server.frontend("bob")
        self.name = self.thread(self.ann, participants=["bob"])["id"]
        self.message = self.append(self.ann, self.name)
        self.message_path = f"/v1/threads/{self.name}/messages/{self.message['id']}"
        self.path = self.message_path + "/reactions"

    def test_set_change_remove(self):
        self.assertEqual(self.ok(self.ann.get(self.path)),
                         {"id": self.message["id"], "reactions": []})
        self.ok(self.bob.post(self.path, {"id": "bob", "reaction": "👍"}))
        answer = self.ok(self.ann.post(self.path, {"reaction": "x"}))
        wanted = [{"id": "bob", "reaction": "👍"}, {"id": "ann", "reaction": "x"}]
        self.assertEqual(answer, {"id": self.message["id"], "reactions": wanted})
        wanted[0]["reaction"] = "👎"
        self.assertEqual(self.ok(self.bob.post(self.path, {"reaction": "👎"}))["reactions"], wanted)
        message = self.ok(self.ann.get(self.message_path))
        self.assertEqual(message["reactions"], wanted)
        self.assertEqual((message["version"], message["ts"]), (1, self.message["ts"]))
        self.assertNotIn("edited_ts", message)
        self.ok(self.bob.delete(self.path + "/bob"), 204)
        self.assertEqual(self.ok(self.ann.get(self.path))["reactions"], wanted[1:])
        self.refused(self.bob.delete(self.path + "/bob"), 404, "reaction_not_found")

    def test_a_frontend_caller_reacts_only_as_itself(self):
        self.refused(self.bob.post(self.path, {"id": "ann", "reaction": "x"}), 403,
                     "reaction_not_own")
        self.ok(self.ann.post(self.path, {"reaction": "x"}))
        self.refused(self.bob.delete(self.path + "/ann"), 403, "reaction_not_own")
        self.assertEqual(len(self.ok(self.ann.get(self.path))["reactions"]), 1)

    def test_a_backend_reacts_for_anybody(self):
        backend = self.server.backend()
        self.ok(backend.post(self.path, {"id": "ann", "reaction": "x"}))
        self.ok(backend.post(self.path, {"id": "zoë/1", "reaction": "y"}))
        self.ok(backend.delete(self.path + "/" + quote("zoë/1")), 204)
        self.assertEqual(self.ok(backend.get(self.path))["reactions"],
                         [{"id": "ann", "reaction": "x"}])

    def test_bad_input(self):
        for body in ({}, {"reaction": None}, {"reaction": 1}, {"reaction": ""},
                     {"reaction": "x" * 65}, {"reaction": "a\nb"}, {"id": 1, "reaction": "x"},
                     {"id": "", "reaction": "x"}, []):
            self.assertIn(self.ann.post(self.path, body).status, (400, 403), body)
        self.refused(self.ann.post(self.path), 400, "body_required")
        self.assertEqual(self.ok(self.ann.get(self.path))["reactions"], [])

    def test_edits_keep_reactions(self):
        self.ok(self.bob.post(self.path, {"reaction": "x"}))
        edited = self.ok(self.ann.put(self.message_path, {"body": "two"}))
        self.assertEqual(edited["reactions"], [{"id": "bob", "reaction": "x"}])

    def test_no_update_is_lost(self):
        users = [f"crowd{i}" for i in range(24)]
        self.ok(self.ann.put(f"/v1/threads/{self.name}", {"participants": users}))
        failed = []

        def react(user):
            client = self.server.frontend(user)
            for text in ("a", "b", user):
                answer = client.post(self.path, {"reaction": text})
                if answer.status != 200:
                    failed.append(answer)

        threads = [threading.Thread(target=react, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        stored = {r["id"]: r["reaction"] for r in self.ok(self.ann.get(self.path))["reactions"]}
        self.assertEqual(stored, {user: user for user in users})


if __name__ == "__main__":
    main()
