# SPDX-License-Identifier: Apache-2.0
"""Everything out of one database and into another, byte for byte."""
import itertools
import json
import os
import random
import re
import sys
import unittest

import progressdb
from exchange_case import SEALING, SEED, THREADS, ExchangeCase

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "load"))
import conversations  # noqa: E402

LINES = int(os.environ.get("PDB_EXCHANGE_LINES", "300"))
MUTATIONS = int(os.environ.get("PDB_EXCHANGE_MUTATIONS", "150"))


class ExchangeTest(ExchangeCase):
    # -- there and back ----------------------------------------------------------------------------

    def test_from_an_engine_to_another(self):
        source = self.filled(backend="wiredtiger")
        target = self.server()
        path, first = self.round_trip(source, target)
        kinds = [json.loads(line).get("type") for line in first.splitlines()]
        self.assertEqual(kinds.count("thread"), THREADS + 1)
        self.assertIn(b'"body_text":', first)
        self.assertIn(b'"deleted":true', first)
        self.assertIn(b'"reactions":', first)
        self.assertRegex(first, rb'"id":"m","thread":"much".*"version":9')
        # a second time changes nothing
        self.assertIn(f"({len(kinds) - 2} replayed", self.tool(target, "import", "--restart", path))
        memory = self.server(backend="memory")
        self.tool(memory, "import", "--batch", "2", path)
        self.same(first, self.export(memory, "third.ndjson")[1])
        self.check(target)
        self.check(source)

    def test_clients_see_the_same(self):
        source, target = self.filled(), self.server()
        self.round_trip(source, target)
        for number in range(THREADS):
            for path in (f"/v1/threads/t{number}?include_deleted=true",
                         f"/v1/threads/t{number}/messages?limit=100&include_deleted=true",
                         "/v1/threads?limit=100&include_deleted=true"):
                answers = [server.admin().get(path) for server in (source, target)]
                self.assertEqual(answers[0].body, answers[1].body, path)
        # and the thread goes on
        answer = target.admin().post("/v1/threads/t1/messages", {"body": 1, "author": "ann"})
        self.assertEqual(answer.status, 200, answer)
        progressdb.wait_for(lambda: target.admin().get("/admin/stats").json["messages"] ==
                            source.admin().get("/admin/stats").json["messages"] + 1, "the counts")
        self.check(target)

    def test_into_a_server_that_seals(self):
        source, sealed, plain = self.filled(), self.server(extra=SEALING), self.server(backend="memory")
        path, first = self.round_trip(source, sealed)
        for folder, _, names in os.walk(sealed.db):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"long long long", file.read(), name)
        self.round_trip(sealed, plain)
        self.tool(sealed, "import", "--restart", path)
        sealed.restart()
        self.same(first, self.export(sealed, "late.ndjson", "--restart")[1])
        self.check(sealed)

    @unittest.skipUnless(os.path.exists(conversations.path()), "the conversations are not there")
    def test_real_conversations(self):
        source, target = self.server(backend="memory"), self.server()
        lines = itertools.islice(conversations.lines(conversations.path()), LINES)
        self.tool(source, "import", self.write(source, b"".join(lines), "real.ndjson"))
        self.round_trip(source, target)
        self.check(target)

    # -- refusals -------------------------------------------------------------------------------------

    def test_other_content_is_refused(self):
        source, target = self.filled(3), self.server()
        path, first = self.round_trip(source, target)
        target.admin().post("/v1/threads/t1/messages", {"body": "more", "author": "ann"})
        before = self.export(target, "before.ndjson")[1]
        err = self.tool(target, "import", "--restart", path, code=1)
        self.assertRegex(err, r"first\.ndjson:\d+ \(thread t1, \d+ lines\): .*The thread exists, and with "
                              r'another \\?"')
        changed = re.sub(rb'"role":"assistant"', b'"role":"tool"', first, count=1)
        err = self.tool(target, "import", self.write(target, changed), code=1)
        self.assertRegex(err, r'changed\.ndjson:\d+ .*has version 1 of message t1-m0 with another "role"')
        self.same(before, self.export(target, "after.ndjson")[1])

    def test_damaged_files_are_refused(self):
        source = self.filled(3)
        _, first = self.export(source, "first.ndjson")
        lines = first.splitlines(keepends=True)
        m = next(i for i, line in enumerate(lines) if b'"type":"message"' in line)
        at = next(i for i, line in enumerate(lines) if b'"version":2' in line)
        last = max(i for i, line in enumerate(lines) if b'"type":"message"' in line)
        future = re.sub(rb'"ts":\d+', b'"ts":9000000000000000000', lines[m])
        cases = [
            (b"".join(lines[:-1]), 2, r":\d+: the last line, the end, is missing"),
            (b"".join(lines[:2] + lines[3:]), 2, r"the file has \d+ lines of threads and should have"),
            (first + lines[1], 2, "nothing may follow the end"),
            (first.replace(b'"version":1}', b'"version":7}', 1), 2, ":1: the file is of another version"),
            (b"".join(lines[:at] + [lines[at].replace(b'"version":2', b'"version":3')] + lines[at + 1:]), 1,
             r"does not follow the one before"),
            (b"".join(lines[:m] + lines[m:m + 2][::-1] + lines[m + 2:]), 1, "does not come behind|does not follow"),
            (b"".join(lines[:m] + [future] + lines[m + 1:]), 1, f":{m + 1} .*a time in the future"),
            (b"".join(lines[:m] + [lines[m].replace(b'"seq":', b'"sequence":')] + lines[m + 1:]), 1,
             f":{m + 1} .*sequence.* is nothing that such a line has"),
            (b"".join(lines[:m] + [re.sub(rb'"author":".*?","role"', rb'"author":"","role"', lines[m])] + lines[m + 1:]), 1,
             f":{m + 1} .*An author is"),
            (b"".join(lines[:last] + lines[last + 1:-1] + [b'{"type":"end","lines":%d}\n' % (len(lines) - 3)]),
             1, r"The thread tells of \d+ messages"),
            (first.replace(b"{", b"[", 2), 2, "a line must be|type|expected|JSON"),
        ]
        for number, (text, code, why) in enumerate(cases):
            with self.subTest(number):
                target = self.server(backend="memory")
                err = self.tool(target, "import", self.write(target, text), code=code)
                self.assertRegex(err, why)
                target.close()

    def test_lines_that_lie_are_refused(self):
        target = self.server(backend="memory")
        admin = target.admin()
        message = {"type": "message", "stored_ts": 5, "id": "m", "thread": "t", "seq": 1, "author": "ann",
                   "role": "user", "ts": 5, "version": 1, "body": 1}
        thread = {"type": "thread", "activity_ts": 5, "id": "t", "title": "T", "author": "ann", "participants": [],
                  "attributes": {}, "created_ts": 5, "updated_ts": 5, "last_ts": 5, "last_seq": 1, "message_count": 1}
        second = dict(message, version=2, edited_ts=6)
        deep = json.loads("[" * 65 + "]" * 65)
        cases = [
            ([message, dict(message, seq=2, stored_ts=6)], 400, "/lines/1/id", "duplicate_id"),
            ([message, dict(message, seq=2, stored_ts=6, id="m2"), dict(message, seq=3, stored_ts=7)],
             400, "/lines/2/id", "duplicate_id"),
            ([message, dict(message, id="m2", stored_ts=6)], 400, "/lines/1/seq", "out_of_order"),
            ([message, dict(message, id="m2", seq=2)], 400, "/lines/1/seq", "out_of_order"),
            ([second], 400, "/lines/0/version", "version_missing"),
            ([dict(message, version=3, edited_ts=6)], 400, "/lines/0/version", "version_missing"),
            ([message, dict(second, author="bob")], 400, "/lines/1/version", "invalid_version"),
            ([message, dict(second, deleted=True)], 400, "/lines/1/deleted", "invalid_version"),
            ([dict(message, edited_ts=6)], 400, "/lines/0/edited_ts", "invalid_version"),
            ([dict(message, deleted=False)], 400, "/lines/0/deleted", "invalid_type"),
            ([dict(message, seq=10 ** 10)], 400, "/lines/0/seq", "invalid_number"),
            ([dict(message, seq=0)], 400, "/lines/0/version", "invalid_number"),
            ([dict(message, seq=1.0)], 400, "/lines/0/seq", "invalid_number"),
            ([dict(message, ts=-1)], 400, "/lines/0/ts", "invalid_number"),
            ([dict(message, stored_ts=2 ** 64)], 400, "/lines/0/stored_ts", "invalid_number"),
            ([dict(message, thread="u")], 400, "/lines/0/thread", "other_thread"),
            ([dict(message, id="a:b")], 400, "/lines/0/id", "invalid_id"),
            ([dict(message, author="a\n")], 400, "/lines/0/author", "invalid_author"),
            ([dict(message, role="x" * 65)], 400, "/lines/0/role", None),
            ([dict(message, body=deep)], 400, None, "too_deep"),
            ([dict(message, reactions=[{"id": "a", "reaction": "x"}] * 2)], 400, "/lines/0/reactions", "invalid_reaction"),
            ([dict(message, reactions=[{"id": "a"}])], 400, "/lines/0/reactions", "invalid_reaction"),
            ([dict(message, more=1)], 400, "/lines/0", "unknown_member"),
            ([{"type": "message"}], 400, "/lines/0", "member_missing"),
            ([{}], 400, "/lines/0/type", "invalid_line"),
            ([1], 400, "/lines/0/type", "invalid_line"),
            ([], 400, "/lines", "invalid_batch"),
            ([message] * 1001, 400, "/lines", "invalid_batch"),
            ([message, thread, dict(message, id="m2", seq=2, stored_ts=6)], 400, "/lines/2/type", "out_of_order"),
            ([message, dict(thread, message_count=2)], 400, "/lines/1/last_seq", "incomplete_thread"),
            ([message, dict(thread, last_seq=0)], 400, "/lines/1/last_seq", "incomplete_thread"),
            ([thread], 400, "/lines/0/last_seq", "incomplete_thread"),
            ([message, dict(thread, deleted=True)], 400, "/lines/1/deleted_ts", "invalid_thread"),
            ([message, dict(thread, participants=["bob", 1])], 400, "/lines/1/participants", "invalid_type"),
            ([message, dict(thread, participants=[f"u{n}" for n in range(1001)])], 400, "/lines/1/participants", None),
            ([message, dict(thread, title="x" * 201)], 400, "/lines/1/title", None),
            ([message, dict(thread, attributes={"a": "x" * 9000})], 400, "/lines/1/attributes", None),
        ]
        for number, (lines, status, field, code) in enumerate(cases):
            with self.subTest(number):
                answer = admin.post("/admin/threads/t/import", {"lines": lines})
                self.assertEqual((answer.status, answer.json.get("field")), (status, field), answer)
                self.assertIn(code, (None, answer.json["code"]))
                self.assertEqual(admin.get("/admin/threads/t").status, 404, "nothing of it is stored")
        for text in (b'{"lines":[{"type":"thread","type":"message"}]}', b'{"lines":[', b"", b'{"lines":[{"id":"\xff"}]}'):
            self.assertEqual(admin.post("/admin/threads/t/import", text).status, 400, text)
        self.assertEqual(admin.post("/admin/threads/t/import", {"lines": [message, second, thread]}).json, {"stored": 3})

    def test_a_line_may_be_too_large_for_the_server(self):
        source, small = self.server(backend="memory"), self.server(backend="memory")
        large = self.server(backend="memory", PROGRESSDB_SERVER_MAX_PAYLOAD_SIZE="2MiB")
        body = b'"' + b"x" * ((1 << 20) - 60) + b'"'
        self.assertEqual(source.admin().post("/v1/threads/t/messages", b'{"id":"m","author":"a","body":' + body + b"}").status, 200)
        path, first = self.export(source, "first.ndjson")
        self.assertRegex(self.tool(small, "import", path, code=1), r"first\.ndjson:2 .*too large")
        self.tool(large, "import", "--restart", path)
        self.same(first, self.export(large, "second.ndjson")[1])

    @staticmethod
    def unless_busy(answer):
        return None if answer.status == 503 and answer.json["code"] == "audit_unavailable" else answer

    def test_mutations_never_break_the_database(self):
        source, target = self.filled(2), self.server()
        _, first = self.export(source, "first.ndjson")
        lines = [line for line in first.splitlines() if json.loads(line).get("type") == "message" and
                 b"_text" not in line and len(line) < 2000]
        dice = random.Random(SEED)
        admin = target.admin()
        for number in range(MUTATIONS):
            chosen = dice.sample(lines, dice.randint(1, 3))
            text = bytearray(b'{"lines":[' + b",".join(chosen) + b"]}")
            for _ in range(dice.randrange(4)):
                text[dice.randrange(len(text))] = dice.choice(b'0123456789"{}[],:antm\\-')
            path = f"/admin/threads/t{dice.randrange(3)}/import"
            # the audit log may be slower than the requests
            answer = progressdb.wait_for(lambda: self.unless_busy(admin.post(path, bytes(text))), "an answer")
            self.assertIn(answer.status, (200, 400, 409, 413, 422), (number, text, answer))
        self.check(target)

    def test_only_admins_may(self):
        server = self.filled(2)
        for client in (server.backend(), server.frontend("ann")):
            self.assertEqual(client.get("/admin/threads/t1/export").status, 403)
            self.assertEqual(client.post("/admin/threads/t1/import", {"lines": []}).status, 403)


if __name__ == "__main__":
    unittest.main()
