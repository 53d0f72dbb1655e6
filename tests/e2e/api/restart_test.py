# SPDX-License-Identifier: Apache-2.0
"""What was answered is there after a stop, and after a kill."""
import json
import signal
import unittest

from api_case import BACKEND_NAME
from progressdb import Server


@unittest.skipIf(BACKEND_NAME == "memory", "needs a storage that survives")
class Restart(unittest.TestCase):
    def setUp(self):
        self.server = Server(backend=BACKEND_NAME)
        self.addCleanup(self.server.close)
        self.server.start()

    def write(self, round_number):
        ann = self.server.frontend("ann")
        path = f"/v1/threads/t{round_number}/messages"
        stored = []
        for i in range(20):
            answer = ann.post(path, {"id": f"m{i}", "body": {"n": i, "round": round_number}})
            self.assertEqual(answer.status, 200, answer)
            stored.append(answer.json)
        self.assertEqual(ann.put(f"{path}/m0", {"body": "edited"}).status, 200)
        self.assertEqual(ann.delete(f"{path}/m1").status, 204)
        self.assertEqual(ann.post(f"{path}/m2/reactions", {"reaction": "x"}).status, 200)
        return self.read(round_number)

    def read(self, round_number):
        ann = self.server.frontend("ann")
        path = f"/v1/threads/t{round_number}"
        paths = (path, path + "/messages?limit=1000&include_deleted=true",
                 path + "/messages/m0/versions", path + "/messages/m2/reactions")
        answers = [ann.get(one) for one in paths]
        for answer in answers:
            self.assertEqual(answer.status, 200, answer)
        return [answer.body for answer in answers]

    def test_everything_survives(self):
        worlds = [self.write(0)]
        self.server.restart()
        worlds.append(self.write(1))
        self.server.kill()
        self.server.start()
        worlds.append(self.write(2))
        self.server.stop(signal.SIGINT)
        self.server.start()
        for i, world in enumerate(worlds):
            self.assertEqual(self.read(i), world)
        listed = self.server.frontend("ann").get("/v1/threads").json["threads"]
        self.assertEqual([t["id"] for t in listed], ["t2", "t1", "t0"])

    def test_replays_survive(self):
        key = {"Idempotency-Key": "over-restarts"}
        first = self.server.frontend("ann").post("/v1/messages", {"body": 1}, headers=key)
        self.assertEqual(first.status, 200, first)
        self.server.kill()
        self.server.start()
        again = self.server.frontend("ann").post("/v1/messages", {"body": 1}, headers=key)
        self.assertEqual(json.loads(again.body), json.loads(first.body))
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")


if __name__ == "__main__":
    unittest.main()
