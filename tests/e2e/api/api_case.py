# SPDX-License-Identifier: Apache-2.0
"""What the tests of the API share: one server for each class, and short ways to say things."""
import os
import unittest

from progressdb import Server, quote

BACKEND_NAME = os.environ.get("PDB_TEST_STORAGE", "wiredtiger")


class ApiCase(unittest.TestCase):
    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(backend=BACKEND_NAME, extra=cls.extra)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.next = 0

    def unique(self, prefix):
        type(self).next += 1
        return f"{prefix}{type(self).next}"

    def ok(self, answer, status=200):
        self.assertEqual(answer.status, status, answer)
        if status == 200:
            self.assertEqual(answer.headers.get("content-type"), "application/json")
            return answer.json
        return None

    def refused(self, answer, status, code=None, field=None):
        """The one shape of errors."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get("content-type"), "application/json")
        error = answer.json
        self.assertLessEqual({"error", "code", "request_id"}, set(error))
        self.assertLessEqual(set(error), {"error", "code", "request_id", "field"})
        self.assertRegex(error["code"], r"\A[a-z][a-z0-9_]*\Z")
        if code is not None:
            self.assertEqual(error["code"], code, answer)
        if field is not None:
            self.assertEqual(error.get("field"), field, answer)
        return error

    def thread(self, client, **fields):
        return self.ok(client.post("/v1/threads", fields))

    def append(self, client, thread, body="hello", **fields):
        return self.ok(client.post(f"/v1/threads/{quote(thread)}/messages", dict(fields, body=body)))

    def page(self, client, thread, query=""):
        return self.ok(client.get(f"/v1/threads/{quote(thread)}/messages{query}"))


def main():
    unittest.main(verbosity=1)
