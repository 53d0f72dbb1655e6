# SPDX-License-Identifier: Apache-2.0
"""Every example of the OpenAPI page: it fits its schema, is sent to a real server, and the answer is what the page says."""
import os
import unittest
import urllib.parse

import openapi
import progressdb
from progressdb import ADMIN, BACKEND, FRONTEND

PAGE = openapi.load()
OPERATIONS = {(op.method, op.path): op for op in openapi.operations(PAGE)}

# What `thread-1` and its messages are before each call; see scene().
THREAD = "/v1/threads/thread-1"
MESSAGES = THREAD + "/messages"
CONFIG = """\
storage: {{backend: wiredtiger}}
plugins: {{load: [address, auth, cors, ratelimit, audit, metrics, retention, encryption, validation, backup, admin, viewer, docs]}}
backup: {{directory: {backups}}}
retention: {{enabled: true, period: 90d}}
security:
  api_keys: {{frontend: [{frontend}], backend: [{backend}], admin: [{admin}]}}
  encryption: {{use: true}}
  kms: {{data_dir: {kms}, master_key_hex: {key}}}
"""
# Members of an answer that depend on what happened before, and those that hold whatever a client or a job likes.
OPTIONAL = {"cursor", "before", "after", "started_ts", "ended_ts", "result", "error", "last", "next_ts", "total", "params",
            "created_ts", "body", "attributes"}
ANYTHING = {"body", "attributes", "params", "result"}
# Calls that must be given one of their parameters, whichever.
EITHER = {"showShred", "showReceipt"}


def examples_of(content):
    """The examples of a parameter, a header, or a content type."""
    if "example" in content:
        yield content["example"]
    for one in content.get("examples", {}).values():
        yield one["value"]


def contents(operation):
    """Everything in an operation that may have examples: a place to tell, and what has them."""
    here = f"{operation.method} {operation.path}"
    for parameter in operation.parameters:
        yield f"{here} {parameter['name']}", parameter
    for kind, content in ((operation.body or {}).get("content") or {}).items():
        yield f"{here} {kind}", content
    for status, answer in operation.responses.items():
        for name, header in answer.get("headers", {}).items():
            yield f"{here} {status} {name}", header
        for kind, content in answer.get("content", {}).items():
            yield f"{here} {status} {kind}", content


def missing(example, value, place=""):
    """A member that the example has and the answer has not, None when there is none."""
    if isinstance(example, list) and isinstance(value, list):
        found = [missing(example[0], one, place + "/0") for one in value] if example else []
        return None if None in found else next(iter(found), None)
    if not isinstance(example, dict) or not isinstance(value, dict):
        return None if isinstance(example, dict) == isinstance(value, dict) else place
    for name, part in example.items():
        if name not in value and name not in OPTIONAL:
            return f"{place}/{name}"
        deeper = name in value and name not in ANYTHING
        found = missing(part, value[name], f"{place}/{name}") if deeper else None
        if found is not None:
            return found
    return None


class Examples(unittest.TestCase):
    def test_they_fit_their_schemas(self):
        count = 0
        for operation in OPERATIONS.values():
            for place, content in contents(operation):
                for example in examples_of(content):
                    count += 1
                    faults = list(openapi.validator(content["schema"]).iter_errors(example))
                    self.assertEqual([fault.message for fault in faults], [], place)
        self.assertGreater(count, 150)

    def test_every_call_has_one(self):
        """Of its body, and of what it answers when it succeeds."""
        for (method, path), operation in OPERATIONS.items():
            for status, answer in operation.responses.items():
                kinds = answer.get("content", {})
                if status < "300" and kinds:
                    self.assertTrue(any(list(examples_of(content)) for content in kinds.values()), f"{method} {path}")
            for content in ((operation.body or {}).get("content") or {}).values():
                self.assertTrue(list(examples_of(content)), f"{method} {path}")


class Executed(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server(log_level="info")
        self.addCleanup(self.server.close)
        places = {name: os.path.join(self.server.directory, name) for name in ("backups", "kms")}
        for place in places.values():
            os.mkdir(place, 0o700)
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(frontend=FRONTEND, backend=BACKEND, admin=ADMIN, key=os.urandom(32).hex(), **places))
        self.server.start()
        self.admin = self.server.admin()
        self.ann = self.server.backend("ann")
        self.backend = self.server.backend()
        self.known = {}  # what stands for examples that only the server can make

    # -- what is there --

    def settle(self, answer):
        """Waits for the job that an answer started."""
        if answer.status == 202:
            place = "/admin/jobs/" + answer.json["id"]
            ends = ("done", "failed", "cancelled")
            job = progressdb.wait_for(lambda: (lambda one: one if one["state"] in ends or one["id"][:4] != "job-" else None)(
                self.admin.get(place).json), "the job ends")
            self.assertNotEqual(job["state"], "failed", job)
        return answer

    def done(self, answer, *statuses):
        self.assertIn(answer.status, statuses or (200, 201, 204), answer)
        return answer

    def scene(self, operation):
        """`thread-1` with `msg-0` and three versions of `msg-1`, to which ann has reacted."""
        self.settle(self.done(self.admin.post("/admin/threads/thread-1/purge"), 202, 404))
        self.settle(self.done(self.admin.post("/admin/threads/thread-2/purge"), 202, 404))
        for name in ("thread-2", "thread-1"):
            self.done(self.ann.post("/v1/threads", {"id": name, "title": name, "participants": ["bob"]}))
        for name in ("msg-0", "msg-1"):
            self.done(self.ann.post(MESSAGES, {"id": name, "body": {"text": "1"}}))
        for number in (2, 3):
            self.done(self.ann.put(MESSAGES + "/msg-1", {"body": {"text": str(number)}}))
        self.done(self.ann.post(MESSAGES + "/msg-1/reactions", {"id": "ann", "reaction": "x"}))
        prepare = getattr(self, "before_" + operation, None)
        if prepare is not None:
            prepare()

    def before_restoreThread(self):
        self.done(self.ann.delete(THREAD))

    def before_appendThreadMessage(self):
        self.done(self.admin.post("/admin/threads/thread-1/messages/msg-1/purge"))

    before_appendMessage = before_appendThreadMessage

    def before_adminReadExport(self):
        started = self.settle(self.done(self.admin.post("/admin/users/ann/export"), 202))
        self.known["job"] = started.json["id"]

    before_adminRemoveExport = before_adminReadExport

    def before_adminCancelJob(self):
        """One that is slow, so that there is something to end."""
        for number in range(20):
            self.done(self.ann.post(MESSAGES, {"id": f"more-{number}", "body": number}))
        started = self.done(self.admin.post("/admin/encryption/encrypt-existing", {"all": True, "per_second": 1}), 202)
        self.known["job"] = started.json["id"]

    def before_adminImportThread(self):
        self.settle(self.done(self.admin.post("/admin/threads/thread-1/purge"), 202))

    def before_showReceipt(self):
        destroyed = self.done(self.admin.post("/admin/encryption/destroy-thread-dek",
                                              {"thread_id": "thread-1", "confirm": "thread-1"}))
        self.known["key_id"] = destroyed.json["key_id"]

    before_showShred = before_showReceipt

    # -- a call --

    def target(self, operation, chosen):
        """Path with query, and header fields."""
        path, query, headers = operation.path, [], {}
        for parameter in operation.parameters:
            name = parameter["name"]
            given = next(examples_of(parameter), next(examples_of(parameter.get("schema", {})), None))
            if not parameter.get("required") and parameter is not chosen:
                continue
            self.assertIsNotNone(given, f"{operation.path}: {name} has no example")
            value = str(self.known.get(name, given))
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
            elif parameter["in"] == "query":
                query.append(name + "=" + urllib.parse.quote(value, safe=""))
            else:
                headers[name] = value
        return path + ("?" + "&".join(query) if query else ""), headers

    def caller(self, operation):
        if operation.path.startswith("/v1/_"):
            return self.backend
        return self.ann if operation.path.startswith("/v1/") else self.admin

    def execute(self, operation, name, body, chosen):
        self.known = {}
        self.scene(name)
        path, headers = self.target(operation, chosen)
        answer = self.caller(operation).request(operation.method, path, body, headers)
        told = f"{operation.method} {path} {headers} {body}: {answer}"
        self.assertLess(answer.status, 400, told)
        self.assertIsNone(openapi.fault(operation, answer), told)
        described = operation.responses[str(answer.status)]
        for kind, content in described.get("content", {}).items():
            for example in examples_of(content):
                if kind == "application/json" and answer.body:
                    self.assertIsNone(missing(example, answer.json), told)
        for header in described.get("headers", {}):
            if header != "Idempotent-Replayed":
                self.assertIn(header.lower(), answer.headers, told)
        self.settle(answer)

    def runs(self, operation, name):
        """A body, and a parameter that need not be given, for each call to make."""
        content = ((operation.body or {}).get("content") or {}).get("application/json", {})
        bodies = list(examples_of(content)) or [None]
        for body in bodies if name not in EITHER else []:
            yield body, None
        for parameter in operation.parameters:
            if not parameter.get("required") and list(examples_of(parameter)):
                yield bodies[0], parameter

    def test_on_a_server(self):
        count = 0
        for (method, path), operation in OPERATIONS.items():
            name = PAGE["paths"][path][method.lower()]["operationId"]
            for body, chosen in self.runs(operation, name):
                with self.subTest(operation=name, body=body, parameter=chosen and chosen["name"]):
                    self.execute(operation, name, body, chosen)
                    count += 1
        self.assertGreater(count, 60)


if __name__ == "__main__":
    unittest.main()
