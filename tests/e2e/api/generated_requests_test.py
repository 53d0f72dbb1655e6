# SPDX-License-Identifier: Apache-2.0
"""Requests made up from the OpenAPI page: whatever is asked, the answer is one that the page has.

PDB_OPENAPI_REQUESTS says how many (3,000), PDB_OPENAPI_SEED from where (1), PDB_OPENAPI_BACKEND over what (memory).
"""
import collections
import json
import os
import random
import sys
import unittest
import urllib.parse

import openapi
from progressdb import ADMIN, BACKEND, FRONTEND, Server, sign, wait_for

COUNT = int(os.environ.get("PDB_OPENAPI_REQUESTS", "3000"))
SEED = int(os.environ.get("PDB_OPENAPI_SEED", "1"))
STORE = os.environ.get("PDB_OPENAPI_BACKEND", "memory")

USERS = ["ann", "bob", "zoë", "a b", "x" * 100, "c:d", "%41"]
THREADS = [f"t{number}" for number in range(8)]
MESSAGES = [f"m{number}" for number in range(8)]
# What stands for a parameter or a member of this name, when it is to be found.
POOLS = {
    "thread": THREADS, "thread_id": THREADS, "message": MESSAGES, "reply_to": MESSAGES, "author": USERS[:3],
    "user": USERS, "userId": ["dave", "eve"], "identity": USERS[:2], "X-User-ID": USERS[:3], "before": MESSAGES + ["1", "3"],
    "after": MESSAGES + ["1", "3"], "around": MESSAGES + ["2", "1760000000000"], "If-Match": ['"1"', '"2"', "*", '"1", "2"'],
    "If-None-Match": ['"1"', '"2"', "*"], "Idempotency-Key": ["k1", "k2", "k3"], "job": ["purge-thread", "retention"],
    "prefix": ["thread:", "msg:t1:", "meta:", "author:"], "key": ["thread:t1:meta", "thread:t2:head", "msg:t1:m1", "meta:secret"],
    "level": ["debug"], "title": ["Soup", "New"], "slug": ["new-thread-t1"],
}
HOSTILE_TEXT = ["", " ", "a:b", "../..", "a/b", "a%2Fb", "%", "\x00", "a\nb", "\r\nX: y", "\u202e", "💥", "é" * 64, "x" * 129,
                "x" * 3000, "-1", "0", "1e9", "99999999999999999999", "null", "true", "{}", "'", "\"", "\\", "\x7f", "ÿþ", "*", "."]
HOSTILE_JSON = [None, True, -1, 0, 1.5, 2 ** 63, -(2 ** 70), 10 ** 400, "", [], {}, [[]], [None], {"": None}, {"a": {"b": [1]}}, "\x00",
                "\ud800", "x" * 300, "x" * 9000, ["x"] * 1100]
HOSTILE_BODY = [b"", b"{", b"nul", b"\xff\xfe", b"{\"a\":1,\"a\":2}", b"[" * 100 + b"]" * 100, b"\xef\xbb\xbf{}", b"{}x", b"\x00",
                b"{\"body\":\"\\ud800\"}", b"{\"body\":1e999}", b"{\"body\":-}", b"{\"body\":01}", b"{\"body\":\"\x01\"}", b"[]", b"1",
                b"\"x\"", b"null", b"{\"body\":1}" + b" " * 5000, b"{\"body\":" + b"9" * 5000 + b"}", b"{\"\xc3\x28\":1}"]
# A job must be caught while it runs; a backup needs a place that is configured; an import
# needs lines that fit each other and the path.
RARE = {("POST", "/admin/jobs/{job}/cancel"), ("POST", "/admin/backup"), ("POST", "/admin/threads/{thread}/import")}
TYPES = ["application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded",
         "application/json; charset=latin1", "", "application/jsonx"]


class Maker:
    """Makes requests; `how` is "valid", "near" (one thing is wrong) or "hostile"."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.jobs = []
        self.ended = []  # jobs that have what they were asked for

    def chance(self, part):
        return self.random.random() < part

    def pick(self, items):
        return self.random.choice(items)

    # -- values of a schema --

    def value(self, schema, name=""):
        if name in POOLS and schema.get("type") == "string" and self.chance(0.9):
            return self.pick(POOLS[name])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.pick(schema["enum"])
        kind = schema.get("type", "any")
        if isinstance(kind, list):
            kind = self.pick(kind)
        return getattr(self, "make_" + kind)(schema, name)

    def make_any(self, _schema, _name):
        return self.pick([1, "text", {"text": "soup", "n": 12345678901234567890}, [1, 2.50, None], True, {"deep": {"er": [{}]}}, ""])

    def make_null(self, _schema, _name):
        return None

    def make_boolean(self, _schema, _name):
        return self.chance(0.5)

    def make_integer(self, schema, name):
        if name == "ts":
            return self.pick([1700000000, 1700000000000, 1700000000000000, 1700000000000000000])
        if name == "version":
            return self.pick([1, 1, 2, 3])
        low = schema.get("minimum", 0)
        return self.random.randint(low, min(schema.get("maximum", low + 1000), low + 1000))

    def make_number(self, schema, name):
        return self.make_integer(schema, name) / 2

    def make_string(self, schema, name):
        if "A-Za-z0-9" in schema.get("pattern", "") or name == "id":
            return self.pick(MESSAGES + THREADS + ["new-" + str(self.random.randrange(10 ** 9))])
        if "a-z" in schema.get("pattern", ""):
            return self.pick(["user", "assistant", "system", "tool"])
        longest = schema.get("maxLength", 40)
        text = self.pick(["soup", "Ünïcode", "x" * min(longest, 200), "a b", "1"])
        return text[:longest].ljust(schema.get("minLength", 0), "x")

    def make_array(self, schema, name):
        least = schema.get("minItems", 0)
        count = self.random.randint(least, max(least, 3))
        return [self.value(schema.get("items", {}), {"participants": "author"}.get(name, "")) for _ in range(count)]

    def make_object(self, schema, _name):
        wanted = schema.get("required", [])
        made = {name: self.value(part, name) for name, part in schema.get("properties", {}).items()
                if name in wanted or self.chance(0.3)}
        if not schema.get("properties") and self.chance(0.5):
            made["plan"] = "pro"
        return made

    # -- what is wrong --

    def spoil(self, value):
        """Changes one place of a JSON value."""
        if isinstance(value, dict) and value and self.chance(0.8):
            name = self.pick(sorted(value))
            made = dict(value)
            what = self.random.randrange(4)
            if what == 0:
                del made[name]
            elif what == 1:
                made["unknown"] = 1
            else:
                made[name] = self.spoil(made[name])
            return made
        if isinstance(value, list) and value and self.chance(0.8):
            place = self.random.randrange(len(value))
            return value[:place] + [self.spoil(value[place])] + value[place + 1:]
        return self.pick(HOSTILE_JSON)

    def text(self, parameter, how):
        if how == "hostile" and self.chance(0.6):
            return self.pick(HOSTILE_TEXT)
        if parameter["name"] == "job" and self.chance(0.8):
            return self.pick(self.ended if not self.jobs or self.chance(0.5) else self.jobs)
        if how == "near" and self.chance(0.5):
            return str(self.spoil(self.value(parameter["schema"], parameter["name"])))[:4000]
        return str(self.value(parameter["schema"], parameter["name"]))

    # -- requests --

    def caller(self, how):
        name = self.pick(USERS)
        user = name.encode().decode("latin-1")
        callers = [{"Authorization": "Bearer " + ADMIN}] * 4
        callers += [{"Authorization": "Bearer " + BACKEND, "X-User-ID": user}, {"X-API-Key": BACKEND}]
        callers += [{"Authorization": "Bearer " + FRONTEND, "X-User-ID": user, "X-User-Signature": sign(name)},
                    {"X-User-ID": user, "X-User-Signature": sign(name)}]
        if how == "hostile":
            callers += [{}, {"Authorization": "Bearer sk_unknown"}, {"Authorization": "Basic eDp5"}, {"X-API-Key": "x" * 5000},
                        {"Authorization": "Bearer " + FRONTEND}, {"Authorization": "Bearer " + ADMIN, "X-API-Key": BACKEND},
                        {"X-User-ID": "ann", "X-User-Signature": "0" * 64}, {"Authorization": "Bearer " + BACKEND, "X-User-ID": "\xff"}]
        return dict(self.pick(callers))

    def body(self, operation, how, headers):
        if operation.body is None or (not operation.body.get("required") and self.chance(0.3)):
            return None
        headers["Content-Type"] = "application/json"
        if how == "hostile" and self.chance(0.5):
            headers["Content-Type"] = self.pick(TYPES)
            return self.pick(HOSTILE_BODY)
        schema = operation.body["content"]["application/json"]["schema"]
        value = self.value(schema)
        if how != "valid":
            value = self.spoil(value)
        return json.dumps(value, ensure_ascii=self.chance(0.5)).encode("utf-8", "surrogatepass")

    def request(self, operation, how):
        path, query = operation.path, []
        headers = self.caller(how)
        for parameter in operation.parameters:
            name, place = parameter["name"], parameter["in"]
            if place == "path":
                value = self.text(parameter, how) or "x"
                path = path.replace("{" + name + "}", urllib.parse.quote(value.encode("utf-8", "replace"), safe=""))
            elif parameter.get("required") or self.chance(0.25 if how == "valid" else 0.4):
                if place == "query":
                    query.append(f"{name}={urllib.parse.quote(self.text(parameter, how).encode('utf-8', 'replace'), safe='')}")
                else:
                    text = self.text(parameter, how).encode("utf-8", "replace").decode("latin-1")
                    headers.setdefault(name, text.replace("\r", " ").replace("\n", " ").strip() or "x")
        if how == "hostile" and self.chance(0.1):
            query.append(self.pick(["%zz", "a=%00", "=", "&&", "limit=1&limit=2", "x" * 2000]))
        body = self.body(operation, how, headers)
        return path + ("?" + "&".join(query) if query else ""), body, headers


class GeneratedRequests(unittest.TestCase):
    def setUp(self):
        self.server = Server(backend=STORE, log_level="info")
        self.addCleanup(self.server.close)
        self.server.start()
        admin = self.server.admin()
        served = {(route["method"], route["path"]) for route in admin.get("/admin/routes").json["routes"]}
        self.operations = [one for one in openapi.operations(openapi.load()) if (one.method, one.path) in served]
        self.maker = Maker(SEED)
        self.fill()
        self.export(admin)

    def export(self, admin):
        """An export that is there, whatever becomes of those that are asked for by chance."""
        job = admin.post("/admin/users/ann/export").json["id"]
        wait_for(lambda: admin.get(f"/admin/jobs/{job}").json["state"] == "done", "the export")
        self.maker.ended.append(job)

    def fill(self):
        """So that something is found; purges take it away, creates bring it back."""
        backend = self.server.backend()
        for thread in THREADS:
            for message in MESSAGES:
                backend.post(f"/v1/threads/{thread}/messages", {"id": message, "body": message, "author": "ann"})
            backend.post(f"/v1/threads/{thread}/messages", {"body": 1, "author": "bob"})
            for message in MESSAGES[:4]:
                for user in USERS[:2]:
                    backend.post(f"/v1/threads/{thread}/messages/{message}/reactions", {"id": user, "reaction": "x", "author": "ann"})

    def ask(self, number, client, tally):
        operation = self.maker.pick(self.operations)
        how = self.maker.pick(["valid", "valid", "near", "hostile"])
        path, body, headers = self.maker.request(operation, how)
        answer = client.request(operation.method, path, body, headers)
        tally[operation.method, operation.path][answer.status] += 1
        if answer.status == 202 and "id" in answer.json:
            self.maker.jobs = self.maker.jobs[-20:] + [answer.json["id"]]
        problem = openapi.fault(operation, answer)
        if answer.status >= 500:
            problem = f"status {answer.status}"
        if problem is None:
            return None
        shown = {name: value[:60] for name, value in headers.items()}
        return f"#{number} {how} {operation.method} {path[:300]} {shown} {(body or b'')[:200]!r}: {problem}; {answer}"

    def test_answers_are_those_of_the_page(self):
        client = self.server.client()
        tally = collections.defaultdict(collections.Counter)
        problems = []
        for number in range(COUNT):
            if number % 500 == 499:
                self.fill()
            problem = self.ask(number, client, tally)
            if problem is not None:
                problems.append(problem)
        statuses = collections.Counter()
        for counts in tally.values():
            statuses.update(counts)
        print(f"seed {SEED}: {COUNT} requests to {len(tally)} operations: {dict(sorted(statuses.items()))}", file=sys.stderr)
        self.assertFalse(problems, f"{len(problems)} of {COUNT}:\n" + "\n".join(problems[:20]))
        if COUNT >= 3000:
            never = [key for key, counts in tally.items() if not any(status < 300 for status in counts)]
            self.assertLessEqual(set(never), RARE, "operations that never succeeded")
            self.assertEqual(len(tally), len(self.operations))
        self.assertIn(b"\"status\":\"ok\"", client.get("/readyz").body)


if __name__ == "__main__":
    unittest.main()
