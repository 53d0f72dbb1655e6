# SPDX-License-Identifier: Apache-2.0
"""Every cell of the access table over HTTP: route, caller, relation, state of thread and message."""
import collections
import itertools
import os
import subprocess
import sys
import unittest

from progressdb import FRONTEND, Server, build_directory, quote, sign

LIVE, DELETED, ASKED = 0, 1, 2
STANDINGS = ("user", "backend as", "backend", "admin")
RELATIONS = ("owner", "participant", "stranger")
# Which calls can be asked for what is deleted, by their query.
ASKABLE = {"THREAD_LIST", "THREAD_GET", "MESSAGE_PAGE", "MESSAGE_GET"}

Route = collections.namedtuple("Route", "action method path rules")
Cell = collections.namedtuple("Cell", "standing relation thread message asked")


def table():
    program = os.path.join(build_directory(), "tests", "access_table")
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    for line in said.splitlines():
        action, method, path, *words = line.split()
        rules = {who: (words[2 * i], words[2 * i + 1]) for i, who in enumerate(STANDINGS)}
        yield Route(action, method, path, rules)


def about(route):
    """What a call needs: nothing, a thread, or also a message, or a reaction on one."""
    if route.action in ("THREAD_CREATE", "THREAD_LIST"):
        return "nothing"
    if route.action.startswith("REACTION_") and route.action != "REACTION_LIST":
        return "reaction"
    if "{message}" in route.path or route.action == "MESSAGE_PAGE":
        return "message"
    return "thread"


def cells(route):
    """Every cell of a route. `message` is (is its own, is deleted)."""
    callers = [("user", r) for r in RELATIONS] + [("backend as", r) for r in RELATIONS]
    callers += [("backend", None), ("admin", None), ("admin", "stranger")]
    threads = ("live", "deleted", "none")
    messages = list(itertools.product((True, False), (False, True))) + [None]
    if about(route) in ("nothing", "thread"):
        messages = [None]
    if route.action == "THREAD_CREATE":
        threads = ("none",)
    for (standing, relation), thread, message in itertools.product(callers, threads, messages):
        if thread == "none" and message is not None:
            continue
        if message is not None and message[0] and relation is None:
            continue
        for asked in (False, True) if route.action in ASKABLE else (False,):
            yield Cell(standing, relation, thread, message, asked)


def state(deleted, asked):
    return (ASKED if asked else DELETED) if deleted else LIVE


def thread_allows(letter, relation):
    return {"S": True, "M": relation in ("owner", "participant"), "O": relation == "owner",
            "N": False}[letter]


def message_refusal(route, cell):
    """None, or the status and code of the refusal."""
    word = route.rules[cell.standing][1]
    own, deleted = cell.message
    letter = word[state(deleted, cell.asked)]
    if letter == "S" or (letter in "WI" and own):
        return None
    if letter == "N" or word[LIVE] == "S":
        return 404, "message_not_found"
    return 403, "reaction_not_own" if letter == "I" else "forbidden"


def thread_refusal(route, cell):
    word = route.rules[cell.standing][0]
    if word[LIVE] == "N" and cell.relation is None:
        return 400, "author_required"
    if cell.thread == "none":
        return 404, "thread_not_found"
    # an append asks for a deleted thread too, to be told that it is one
    asked = cell.asked or route.action == "MESSAGE_APPEND"
    if thread_allows(word[state(cell.thread == "deleted", asked)], cell.relation):
        return None
    if cell.thread == "deleted" or cell.relation not in ("owner", "participant"):
        return 404, "thread_not_found"
    return 403, "forbidden"


def expected(route, cell):
    """The status and code of the answer, from the words alone; (200, None) stands for any 2xx."""
    if route.action == "THREAD_CREATE":
        allowed = route.rules[cell.standing][0][LIVE] == "S" and cell.relation is not None
        return (200, None) if allowed else (400, "author_required")
    if route.action == "THREAD_LIST":
        nobody = cell.relation is None and route.rules[cell.standing][0][LIVE] != "S"
        return (400, "author_required") if nobody else (200, None)
    if route.action == "MESSAGE_APPEND" and cell.relation is None:
        return 400, "author_required"
    if route.action == "MESSAGE_APPEND" and cell.thread == "none":
        return 200, None  # it makes the thread, by the rule for that
    refusal = thread_refusal(route, cell)
    if refusal is None and route.action == "MESSAGE_APPEND" and cell.thread == "deleted":
        return 409, "thread_deleted"
    if refusal is None and about(route) in ("message", "reaction") and route.action != "MESSAGE_PAGE":
        refusal = (404, "message_not_found") if cell.message is None else message_refusal(route, cell)
    return refusal or (200, None)


class World:
    """The thread and the message that a cell is about."""

    def __init__(self, test, cell, number):
        self.test, self.cell = test, cell
        self.thread, self.message = f"t{number}", None
        self.me = {"owner": f"o{number}", "participant": f"p{number}"}.get(cell.relation,
                                                                           f"s{number}")
        self.owner = f"o{number}"
        if cell.thread != "none":
            self.make(number)

    def make(self, number):
        god = self.test.god
        people = [f"p{number}", f"w{number}", f"s{number}"]
        self.ok(god.post("/v1/threads", {"id": self.thread, "participants": people,
                                         "author": self.owner}))
        if self.cell.message is not None:
            own, deleted = self.cell.message
            self.message = "m1"
            self.ok(god.post(f"/v1/threads/{self.thread}/messages",
                             {"id": "m1", "body": "x", "author": self.me if own else f"w{number}"}))
            self.ok(god.post(f"/v1/threads/{self.thread}/messages/m1/reactions",
                             {"id": self.identity(), "reaction": "y"}))
            if deleted:
                self.ok(god.delete(f"/v1/threads/{self.thread}/messages/m1"))
        # who wrote and was sent away since is a stranger
        self.ok(god.put("/v1/threads/" + self.thread, {"participants": people[:2]}))
        if self.cell.thread == "deleted":
            self.ok(god.delete("/v1/threads/" + self.thread))

    def ok(self, answer):
        self.test.assertLess(answer.status, 300, answer)

    def identity(self):
        """Whose reaction it is: one's own goes with a message of one's own."""
        own = self.cell.message is None or self.cell.message[0]
        return self.me if own else self.owner + "x"

    def headers(self):
        test, cell = self.test, self.cell
        if cell.standing == "user":
            return test.user, {"X-User-ID": self.me, "X-User-Signature": sign(self.me)}
        client = test.god if cell.standing == "admin" else test.backend
        return client, {"X-User-ID": self.me} if cell.relation is not None else {}

    def ask(self, route):
        client, headers = self.headers()
        identity = self.identity()
        path = route.path.format(thread=self.thread, message=self.message or "none",
                                 identity=quote(identity))
        if "{thread}" not in route.path and route.action.startswith("MESSAGE_"):
            path += "?thread=" + self.thread
        if self.cell.asked:
            path += ("&" if "?" in path else "?") + "include_deleted=true"
        return client.request(route.method, path, self.body(route, path, identity),
                              headers=headers)

    def body(self, route, path, identity):
        if route.action == "REACTION_SET":
            return {"id": identity, "reaction": "x"}
        if route.action == "THREAD_UPDATE":
            return {"title": "new"}
        if path.endswith("messages:batch"):
            return {"messages": [{"body": "new"}]}
        if route.action == "MESSAGE_APPEND":
            return {"body": "new", "thread": self.thread} if route.path == "/v1/messages" \
                else {"body": "new"}
        if route.method in ("POST", "PUT"):
            return {"body": "new"} if route.action == "MESSAGE_EDIT" else {}
        return None


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("memory")
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.god = cls.server.admin()
        cls.backend = cls.server.backend()
        cls.user = cls.server.client(FRONTEND)
        cls.routes = list(table())

    def seen(self, answer):
        return (200, None) if answer.status < 300 else (answer.status, answer.json["code"])

    def shown(self, route, cell, world, answer):
        """What a list has to hold back, or to show."""
        if answer.status != 200:
            return
        thread_word, message_word = route.rules[cell.standing]
        if route.action == "THREAD_LIST" and cell.relation is not None and cell.thread != "none":
            letter = thread_word[state(cell.thread == "deleted", cell.asked)]
            shows = thread_allows("M" if letter == "S" else letter, cell.relation)
            self.assertEqual(any(t["id"] == world.thread for t in answer.json["threads"]), shows,
                             (route, cell))
        if route.action == "MESSAGE_PAGE" and cell.message is not None:
            shows = message_word[state(cell.message[1], cell.asked)] == "S"
            self.assertEqual(any(m["id"] == "m1" for m in answer.json["messages"]), shows,
                             (route, cell))

    def test_every_cell(self):
        number, refused, wrong = 0, 0, []
        for route in self.routes:
            for cell in cells(route):
                number += 1
                world = World(self, cell, number)
                answer = world.ask(route)
                want = expected(route, cell)
                refused += want[0] != 200
                if self.seen(answer) != want:
                    wrong.append((route[:3], cell, want, answer))
                self.shown(route, cell, world, answer)
        self.assertEqual(wrong[:20], [], f"{len(wrong)} cells")
        self.assertGreater(number, 1400)
        print(f"{number} cells of {len(self.routes)} routes, {refused} of them refused",
              file=sys.stderr)

    def test_without_a_key_or_a_signature(self):
        """The same 401 on every route, whether what it names is there or not."""
        key = {"Authorization": "Bearer " + FRONTEND}
        strangers = [{}, {"Authorization": "Bearer nothing"}, key,
                     dict(key, **{"X-User-ID": "a", "X-User-Signature": "0" * 64})]
        world = World(self, Cell("admin", "owner", "live", (True, False), False), "key")
        nobody = self.server.client()
        for route in self.routes:
            for headers in strangers:
                seen = set()
                for thread, message in ((world.thread, "m1"), ("none", "none")):
                    path = route.path.format(thread=thread, message=message, identity="a")
                    answer = nobody.request(route.method, path, world.body(route, path, "a"),
                                            headers=headers)
                    self.assertEqual(answer.status, 401, (route[:3], headers, answer))
                    seen.add((answer.json["code"], answer.json["error"]))
                self.assertEqual(len(seen), 1)

    def test_unknown_and_forbidden_are_alike(self):
        """To a stranger, all but the request's id: status, header fields, bytes of the body."""
        for route in self.routes:
            if about(route) == "nothing" or route.action == "MESSAGE_APPEND":
                continue
            seen = set()
            for thread in ("live", "deleted", "none"):
                cell = Cell("user", "stranger", thread, (False, False), False)
                world = World(self, cell, f"alike{route.action}{thread}{len(route.path)}")
                answer = world.ask(route)
                body = answer.json
                body.pop("request_id")
                fields = {k: v for k, v in answer.headers.items() if k not in ("date", "x-request-id")}
                seen.add(repr((answer.status, body, sorted(fields.items()))))
            self.assertEqual(len(seen), 1, (route[:3], seen))


if __name__ == "__main__":
    unittest.main()
