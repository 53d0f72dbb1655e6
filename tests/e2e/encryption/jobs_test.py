# SPDX-License-Identifier: Apache-2.0
"""Jobs over keys and sealed messages: killed in the middle, under load, and what they leave behind."""
import os
import threading
import unittest

import progressdb
from progressdb import wait_for
from sealed import EMBEDDED, Sealed

MESSAGES = int(os.environ.get("PDB_JOB_MESSAGES", "160"))
KILLS = int(os.environ.get("PDB_JOB_KILLS", "2"))
MARK = "job-canary"
DONE, FAILED = 3, 4


class JobsTest(unittest.TestCase):
    def begin(self, **settings):
        self.sealed = Sealed(**settings)
        self.addCleanup(self.sealed.close)
        self.sealed.start()
        self.server = self.sealed.server
        self.expected = {}

    def body(self, thread, message, version):
        return {"text": f"{MARK} {thread} {message} {version}", "n": version}

    def post(self, user, thread, message):
        body = self.body(thread, message, 1)
        answer = user.post(f"/v1/threads/{thread}/messages", {"id": message, "body": body})
        self.assertEqual(answer.status, 200, answer)
        self.expected[(thread, message)] = [body]

    def edit(self, user, thread, message):
        versions = self.expected[(thread, message)]
        body = self.body(thread, message, len(versions) + 1)
        answer = user.put(f"/v1/threads/{thread}/messages/{message}", {"body": body})
        self.assertEqual(answer.status, 200, answer)
        versions.append(body)

    def fill(self, threads, messages):
        user = self.server.frontend("ann")
        for number in range(messages):
            self.post(user, f"t{number % threads}", f"m{number}")
            if number % 4 == 0:
                self.edit(user, f"t{number % threads}", f"m{number}")
            if number % 20 == 0:
                user.delete(f"/v1/threads/t{number % threads}/messages/m{number}")
                user.post(f"/v1/threads/t{number % threads}/messages/m{number}/restore")
                self.expected[(f"t{number % threads}", f"m{number}")] += [None, self.expected[
                    (f"t{number % threads}", f"m{number}")][-1]]

    def read_all(self):
        user = self.server.frontend("ann")
        for (thread, message), versions in self.expected.items():
            answer = user.get(f"/v1/threads/{thread}/messages/{message}/versions")
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual([version["body"] for version in answer.json["versions"]], versions)

    def submit(self, job, params):
        answer = self.server.admin().post(f"/admin/encryption/{job}", params)
        self.assertEqual(answer.status, 202, answer)
        return answer.json["id"]

    def view(self, job):
        return self.server.admin().get(f"/admin/test-jobs/{job}").json

    def finish(self, job):
        view = wait_for(lambda: (lambda v: v if v["state"] >= DONE else None)(self.view(job)), "the job", 60)
        self.assertEqual(view["state"], DONE, view)
        return view

    def kill_on_the_way(self, job):
        for _ in range(KILLS):
            seen = self.view(job)["state"]
            if seen >= DONE:
                break
            self.server.kill()
            self.server.start()
        return self.finish(job)

    def key_of(self, thread):
        answer = self.server.admin().get(f"/admin/encryption/shred-status?thread_id={thread}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json["key_id"]

    # -- converting ------------------------------------------------------------------------------

    def test_what_was_there_is_sealed_by_a_job_that_is_killed(self):
        self.begin(use=False)
        self.fill(7, MESSAGES)
        self.sealed.restart(use=True)
        self.read_all()
        job = self.submit("encrypt-existing", {"all": True, "per_second": 2 * MESSAGES})
        user = self.server.frontend("ann")
        self.post(user, "t1", "late")
        self.kill_on_the_way(job)
        self.read_all()
        # what a client could not read is not there: the rows that were replaced aside
        keys = self.server.admin()
        self.assertEqual(keys.get("/admin/encryption/status").json["use"], True)
        self.sealed.restart(plugin=False)
        user = self.server.frontend("ann")
        for thread, message in self.expected:
            for version in user.get(f"/v1/threads/{thread}/messages/{message}/versions").json["versions"]:
                self.assertIn(version["body"], ({"_undecryptable": True}, None))
        self.sealed.restart(plugin=True)
        self.read_all()

    def test_named_threads_alone_and_not_without_use(self):
        self.begin(use=False)
        self.fill(3, 9)
        job = self.submit("encrypt-existing", {"all": True})
        view = wait_for(lambda: (lambda v: v if v["state"] >= DONE else None)(self.view(job)), "the job")
        self.assertEqual(view["state"], FAILED)
        self.sealed.restart(use=True)
        self.finish(self.submit("encrypt-existing", {"thread_ids": ["t1", "unknown"]}))
        self.sealed.restart(plugin=False)
        user = self.server.frontend("ann")
        for thread, message in self.expected:
            body = user.get(f"/v1/threads/{thread}/messages/{message}").json["body"]
            self.assertEqual(body == {"_undecryptable": True}, thread == "t1", (thread, body))

    # -- rotating --------------------------------------------------------------------------------

    def test_a_thread_gets_a_new_key_under_writes_and_kills(self):
        self.begin()
        self.fill(1, MESSAGES)
        job = self.submit("rotate-thread-dek", {"thread_id": "t0", "per_second": 2 * MESSAGES})
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                try:
                    user = progressdb.Client(self.server.port, progressdb.FRONTEND, "ann", signed=True)
                    while not stop.is_set():
                        self.post(user, "t0", f"w{number}")
                        number += 1
                except (OSError, progressdb.http.client.HTTPException):
                    number += 1000

        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.kill_on_the_way(job)
        finally:
            stop.set()
            writer.join()
        self.read_all()
        # without the first version everything still reads: nothing needs it any more
        key = self.key_of("t0")
        path = os.path.join(self.sealed.kms_directory, f"key-{key}")
        self.server.stop()
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            self.assertEqual(int.from_bytes(data[4:8], "little"), 2)
            data[144:144 + 72] = bytes(72)
            file.seek(0)
            file.write(data)
        self.server.start()
        self.read_all()

    def test_rewrapping_all_keys(self):
        self.begin(**EMBEDDED)
        self.fill(20, 60)
        admin = self.server.admin()
        version = admin.post("/admin/encryption/generate-kek").json["kek_version"]
        self.assertGreater(admin.get("/admin/encryption/status").json["outdated_keys"], 0)
        view = self.finish(self.submit("rewrap-deks", {"all": True}))
        self.assertEqual(view["result"]["not_rewrapped"] + view["result"]["not_verified"], 0)
        status = admin.get("/admin/encryption/status").json
        self.assertEqual(status["outdated_keys"], 0)
        self.assertEqual([kek["version"] for kek in status["keks"] if kek["state"] == "active"], [version])
        self.finish(self.submit("rewrap-deks", {"thread_ids": ["t1", "t2"]}))
        self.server.restart()
        self.read_all()

    # -- erasing ---------------------------------------------------------------------------------

    def test_a_destroyed_key_opens_nothing_and_seals_nothing(self):
        self.begin(**EMBEDDED)
        self.fill(2, 6)
        admin, user = self.server.admin(), self.server.frontend("ann")
        path = "/admin/encryption/destroy-thread-dek"
        user.put("/v1/threads/t0", {"attributes": {"legal_hold": True}})
        self.assertEqual(admin.post(path, {"thread_id": "t0"}).status, 400)
        refused = admin.post(path, {"thread_id": "t0", "confirm": "t0"})
        self.assertEqual((refused.status, refused.json["code"]), (403, "legal_hold"))
        user.put("/v1/threads/t0", {"attributes": {}})
        key = self.key_of("t0")
        receipt = f"/admin/encryption/receipt?key_id={key}"
        self.assertEqual(admin.get(receipt).status, 404)
        answer = admin.post(path, {"thread_id": "t0", "confirm": "t0"})
        self.assertEqual((answer.status, answer.json["state"], answer.json["key_id"]), (200, "logical", key))
        self.assertEqual(admin.get(receipt).status, 200)
        for thread, message in self.expected:
            body = user.get(f"/v1/threads/{thread}/messages/{message}").json["body"]
            self.assertEqual(body == {"_undecryptable": True}, thread == "t0")
        answer = user.post("/v1/threads/t0/messages", {"body": 1})
        self.assertEqual((answer.status, answer.json["code"]), (409, "key_destroyed"))
        self.server.restart()
        self.assertEqual(self.server.frontend("ann").get("/v1/threads/t0/messages/m0").json["body"],
                         {"_undecryptable": True})

    def test_a_key_that_the_service_does_not_know_is_not_called_destroyed(self):
        self.begin()
        self.fill(2, 2)
        path = os.path.join(self.sealed.kms_directory, f"key-{self.key_of('t0')}")
        self.server.stop()
        os.rename(path, path + ".away")
        self.server.start()
        user = self.server.frontend("ann")
        answer = user.post("/v1/threads/t0/messages", {"body": 1})
        self.assertEqual((answer.status, answer.json["code"]), (503, "kms_unavailable"))
        self.assertEqual(user.post("/v1/threads/t1/messages", {"body": 1}).status, 200)
        self.server.stop()
        os.rename(path + ".away", path)
        self.server.start()
        self.read_all()

    def test_only_administrators_and_only_good_requests(self):
        self.begin(backend="memory")
        routes = ["rotate-thread-dek", "rewrap-deks", "encrypt-existing", "generate-kek", "destroy-thread-dek"]
        for route in routes:
            for client in (self.server.frontend("ann"), self.server.backend(), self.server.client()):
                self.assertIn(client.post(f"/admin/encryption/{route}", {"all": True}).status, (401, 403))
        admin = self.server.admin()
        for route in routes[:3] + routes[4:]:
            for body in ({}, {"thread_ids": []}, {"thread_id": ""}, {"thread_ids": [1]}, [], {"all": 1},
                         {"thread_ids": ["a"] * 1001}):
                self.assertEqual(admin.post(f"/admin/encryption/{route}", body).status, 400, (route, body))
        self.assertEqual(admin.get("/admin/encryption/shred-status").status, 400)
        self.assertEqual(admin.get("/admin/encryption/shred-status?thread_id=none").status, 404)
        self.assertEqual(admin.get("/admin/encryption/receipt?key_id=none").status, 404)


if __name__ == "__main__":
    unittest.main(verbosity=1)
