# SPDX-License-Identifier: Apache-2.0
"""What is shown of a thread's key, and to whom."""
import unittest

from progressdb import wait_for
from sealed import EMBEDDED, Sealed


class ShownTest(unittest.TestCase):
    def begin(self, **settings):
        self.sealed = Sealed(**settings)
        self.addCleanup(self.sealed.close)
        self.server = self.sealed.start().server
        user = self.server.frontend("ann")
        user.post("/v1/threads", {"id": "bare"})
        self.assertEqual(user.post("/v1/threads/t1/messages", {"id": "m1", "body": 1}).status, 200)
        self.restart()  # from then on the key service knows whose the key is

    def restart(self):
        self.server.restart()
        self.user, self.boss = self.server.frontend("ann"), self.server.admin()

    def shown(self, client=None, path="/v1/threads/t1"):
        answer = (client or self.boss).get(path)
        self.assertEqual(answer.status, 200, answer)
        return answer.json.get("kms")

    def test_an_administrator_sees_what_wraps_the_key_now(self):
        self.begin(**EMBEDDED)
        key = self.boss.get("/admin/encryption/shred-status?thread_id=t1").json["key_id"]
        keks = self.boss.get("/admin/encryption/status").json["keks"]
        before = {"key_id": key, "kek_id": keks[0]["id"], "kek_version": 1}
        self.assertEqual(self.shown(), before)
        self.assertIsNone(self.shown(path="/v1/threads/bare"), "nothing in it is sealed")
        listed = {thread["id"]: thread.get("kms") for thread in self.boss.get("/v1/threads").json["threads"]}
        self.assertEqual(listed, {"t1": before, "bare": None})
        self.boss.post("/admin/encryption/generate-kek")
        self.assertEqual(self.shown(), before)
        self.boss.post("/admin/encryption/rewrap-deks", {"thread_ids": ["t1"]})
        after = wait_for(lambda: (lambda kms: kms["kek_version"] == 2 and kms)(self.shown()), "the new version")
        keks = self.boss.get("/admin/encryption/status").json["keks"]
        self.assertEqual(after, {"key_id": key, "kek_id": keks[1]["id"], "kek_version": 2})
        changed = self.boss.put("/v1/threads/t1", {"title": "new"}).json
        self.assertEqual((changed["title"], changed["kms"]), ("new", after))
        self.user.delete("/v1/threads/t1")
        self.assertEqual(self.shown(path="/v1/threads/t1?include_deleted=true"), after)
        self.assertEqual(self.boss.post("/v1/threads/t1/restore").json["kms"], after)

    def test_nobody_else_sees_it(self):
        self.begin(**EMBEDDED)
        for client in (self.user, self.server.backend(), self.server.backend("ann")):
            self.assertIsNone(self.shown(client))
        for client in (self.user, self.server.backend("ann")):
            for answer in (client.get("/v1/threads"), client.put("/v1/threads/t1", {"title": "new"}),
                           client.post("/v1/threads", {"id": "t2"}), client.post("/v1/threads/t1/restore")):
                self.assertEqual(answer.status, 200, answer)
                self.assertNotIn(b"kms", answer.body)

    def test_without_the_key_service_threads_are_shown_all_the_same(self):
        self.begin()
        key = self.shown()["key_id"]
        self.sealed.fault("down")
        self.assertEqual(self.shown()["key_id"], key)
        self.restart()
        self.assertEqual(self.shown(), {"key_id": key})
        self.sealed.fault("")
        wait_for(lambda: "kek_version" in self.shown(), "the key service is back")


if __name__ == "__main__":
    unittest.main(verbosity=1)
