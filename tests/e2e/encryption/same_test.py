# SPDX-License-Identifier: Apache-2.0
"""A client cannot tell whether messages are sealed: every answer is the same, byte for byte."""
import os
import random
import re
import unittest

import progressdb
from sealed import EMBEDDED, Sealed

FIELDS = ["body.text", "body.card.*", "body.list.0", "body.\"a.b\".c"]
DOCUMENTS = int(os.environ.get("PDB_DOCUMENTS", "60"))
TIMES = re.compile(rb'"(created_ts|updated_ts|edited_ts|last_ts|before|after)":("[^"]*"|[0-9]+)')
REQUEST = re.compile(rb'"request_id":"[^"]*"')

TRICKY = [
    b'"text"', b"1.0e+10", b"12345678901234567890123", b"true", b"[]", b"{}", b'""', b"[null]",
    b'{"text":"one","card":{"number":"4111-canary-1111","cvc": 1.50 , "x":null},"other":"clear"}',
    b'{ "card" : [1, {"a":[2 ,3]}, "x"] , "text" : null }',
    b'{"te\\u0078t":"escaped key","TEXT":"not it"}',
    b'{"list":[{"deep":{"text":1}},2],"text":{"text":{"text":0.1}}}',
    b'{"a.b":{"c":"dotted","d":"clear"},"a":{"b":{"c":"clear"}}}',
    b'{"_enc":"x","SEAL":"y","$ref":"#/body","_undecryptable":true,"text":"\\u0000\\ud83d\\ude00"}',
    '{"text":"żółć 😀 \\" \\\\ \\/","card":{"ключ":"значение"}}'.encode(),
    b'{"text":-0.0,"card":{"a":1E400,"b":-9223372036854775809}}',
]


def document(chance, depth=0):
    """A random JSON text that often has the covered paths."""
    kind = chance.random()
    if depth > 4 or kind < 0.35:
        return chance.choice(['"s"', "0.10", "null", "-1e-7", "true", '"\\u00e9\\n"', "[]", "{}"])
    if kind < 0.5:
        return "[" + ", ".join(document(chance, depth + 1) for _ in range(chance.randrange(4))) + "]"
    names = chance.sample(["text", "card", "list", "a.b", "c", "other", "1", "0"], chance.randrange(1, 5))
    return "{" + ",".join(f'"{name}" :{document(chance, depth + 1)}' for name in names) + "}"


def plain(answer):
    """Status and bytes without what no two runs have in common."""
    body = TIMES.sub(rb'"\1":0', answer.body)
    return answer.status, REQUEST.sub(b'"request_id":0', body)


class Script:
    """The same requests for every server."""

    def __init__(self, server):
        self.user = server.frontend("ann")
        self.admin = server.admin("ann")
        self.said = []

    def ask(self, *request, client=None, **more):
        answer = (client or self.user).request(*request, **more)
        self.said.append((request[:2], plain(answer)))
        return answer

    def message(self, thread, number, body):
        path = f"/v1/threads/{thread}/messages"
        head = b'{"id":"m%d","ts":%d,"body":' % (number, 1700000000000000000 + number)
        return self.ask("POST", path, head + body + b"}")

    def run(self):
        bodies = TRICKY + [document(random.Random(i)).encode() for i in range(DOCUMENTS)]
        for number, body in enumerate(bodies):
            if body != b"null":
                self.message("t1", number, body)
        for number in range(0, len(TRICKY), 2):
            self.change(f"/v1/threads/t1/messages/m{number}", TRICKY[-1 - number])
        self.batch()
        self.read("t1", len(bodies))
        self.read("t2", 3)
        return self.said

    def change(self, path, body):
        self.ask("PUT", path, b'{"body":' + body + b"}")
        self.ask("PUT", path, b'{"role":"assistant"}', headers={"If-Match": '"2"'})
        self.ask("PUT", path, b'{"body":1}', headers={"If-Match": '"1"'})
        self.ask("POST", path + "/reactions", {"id": "ann", "reaction": "+1"})
        self.ask("DELETE", path)
        self.ask("GET", path)
        self.ask("GET", path + "?include_deleted=true")
        self.ask("POST", path + "/restore")
        self.ask("POST", path + "/restore", {"version": 1})
        self.ask("GET", path + "/versions")

    def batch(self):
        many = b",".join(b'{"id":"b%d","ts":%d,"body":%s}' % (i, 1700000000000000000 + i, TRICKY[8 + i])
                         for i in range(3))
        self.ask("POST", "/v1/threads/t2/messages:batch", b'{"messages":[' + many + b"]}")
        self.ask("POST", "/v1/threads/t2/messages:batch", b'{"messages":[' + many + b"]}")
        self.ask("POST", "/v1/threads/t2/messages", b'{"id":"b1","body":"another"}')
        self.ask("POST", "/v1/threads/t2/messages", b'{"id":"b1","body":' + TRICKY[9] + b"}")

    def read(self, thread, count):
        path = f"/v1/threads/{thread}"
        self.ask("GET", path)
        self.ask("GET", path + "/messages?limit=1000&include_deleted=true")
        self.ask("GET", path + "/messages?limit=7&around=3")
        for number in range(count):
            self.ask("GET", path + f"/messages/m{number}")
            self.ask("GET", path + f"/messages/m{number}/versions")
        self.ask("GET", "/v1/threads?limit=10")
        self.ask("GET", path + "/messages", client=self.admin)


class SameTest(unittest.TestCase):
    maxDiff = 2000

    def said(self, **settings):
        sealed = Sealed(**settings)
        self.addCleanup(sealed.close)
        sealed.start()
        said = Script(sealed.server).run()
        self.assertIn((200,), {pair[1][:1] for pair in said})
        return sealed, said

    def compare(self, said, expected):
        self.assertEqual(len(said), len(expected))
        for (request, answer), (_, wanted) in zip(said, expected):
            self.assertEqual(answer, wanted, request)

    def test_answers_are_the_same_in_every_mode(self):
        clear, expected = self.said(plugin=False)
        self.assertTrue(clear.find([b"4111-canary-1111"]))
        for fields, provider in ((FIELDS, {}), (None, {}), (None, EMBEDDED)):
            sealed, said = self.said(fields=fields, **provider)
            self.compare(said, expected)
            sealed.server.stop()
            self.assertEqual(sealed.find([b"4111-canary-1111", "значение".encode(), b"escaped key"]), [])
            if fields is None:
                self.assertEqual(sealed.find([b"not it", b'"other"']), [])
            else:
                self.assertTrue(sealed.find([b"not it"]))

    def test_a_body_is_not_taken_for_a_sealed_one(self):
        sealed, _ = self.said(fields=FIELDS)
        user = sealed.server.frontend("ann")
        body = {"_undecryptable": True}
        user.post("/v1/threads/t9/messages", {"id": "x", "body": body})
        self.assertEqual(user.get("/v1/threads/t9/messages/x").json["body"], body)


if __name__ == "__main__":
    unittest.main(verbosity=1)
