# SPDX-License-Identifier: Apache-2.0
"""What tests of exports and imports share: a database in which everything has happened, and the tool."""
import json
import os
import random
import subprocess
import unittest

import progressdb

THREADS = int(os.environ.get("PDB_EXCHANGE_THREADS", "8"))
SEED = int(os.environ.get("PDB_SEED", "1"))
SEALING = f"""\
  encryption:
    use: true
    fields: [body.text, body.card.*]
  kms:
    mode: embedded
    data_dir: {{}}
    master_key_hex: {os.urandom(32).hex()}
plugins:
  load: [auth, admin, encryption]
"""
BODIES = [
    b'"plain"', b"0", b"false", b"[]", b"{}", b'""', b'{"text":"secret","card":{"n":"4111"}}',
    b'{"z":1,"a":2,"m":{"y":[3,2,1]}}', b"12345678901234567890123456789", b"-0.0", b"1E400",
    '"\\u00e9\\ud83d\\ude00\\u0000 \\/ é😀\u2028"'.encode(), b'{"":{"\\u0061":null}}',
    b"[" * 40 + b"]" * 40, b'[ 1 ,\t2 , {"k" : "v" } ]', b'{\n "text":\r\n\t"x\\ny"\n,"n" : 1\r}',
    b'{"text" : "' + b"long " * 20000 + b'"}', b'{"body_text":"no","text":null}',
]
AUTHORS = ["ann", "bob:x", "b/c%", "zoë", 'q"\\', "x" * 128]


class Maker:
    """Fills a database with all that can happen to a thread."""

    def __init__(self, test, server):
        self.test = test
        self.random = random.Random(SEED)
        self.client = server.admin()

    def ask(self, method, path, body=None, status=(200, 201, 204)):
        answer = self.client.request(method, path, body)
        self.test.assertIn(answer.status, status, f"{method} {path}: {answer}")
        return answer

    def body(self):
        return self.random.choice(BODIES)

    def change(self, thread, message):
        """One thing that may happen to a message, whatever its state."""
        path = f"/v1/threads/{thread}/messages/{message}"
        act = self.random.randrange(7)
        if act == 0:
            self.ask("PUT", path, b'{"body":' + self.body() + b"}", (200, 404))
        elif act == 1:
            self.ask("PUT", path, {"role": "system", "reply_to": f"{thread}-m0"}, (200, 404, 400))
        elif act == 2:
            self.ask("DELETE", path, None, (204, 404))
        elif act == 3:
            self.ask("POST", path + "/restore", None, (200, 404))
        elif act in (4, 5):
            reaction = {"id": self.random.choice(AUTHORS), "reaction": self.random.choice(["+1", "😀", '"'])}
            self.ask("POST", path + "/reactions", reaction, (200, 404))
        else:
            self.ask("POST", f"/admin/threads/{thread}/messages/{message}/purge", None, (204, 404))

    def thread(self, number):
        thread = f"t{number}"
        attributes = b'{"legal_hold":true}' if number % 5 == 4 else b'{ "a":\n1e2, "\\u00e9": [ ] }'
        head = json.dumps({"id": thread, "title": f"Über {number} “x”\u2028", "participants": AUTHORS[number % 6:]})
        client = self.client
        client.headers["X-User-ID"] = AUTHORS[number % 6].encode()
        answer = client.post("/v1/threads", head[:-1].encode() + b',"attributes":' + attributes + b"}")
        del client.headers["X-User-ID"]
        self.test.assertIn(answer.status, (200, 201), answer)
        for at in range(self.random.randrange(25) if number % 6 else 0):
            more = {"id": f"{thread}-m{at}", "author": self.random.choice(AUTHORS), "role": "assistant"}
            if at and self.random.random() < 0.3:
                more["ts"] = 1546300800 + at
            text = json.dumps(more)[:-1].encode() + b',"body":' + self.body() + b"}"
            self.ask("POST", f"/v1/threads/{thread}/messages", text)
            if number % 5 != 4:
                for _ in range(self.random.randrange(5)):
                    self.change(thread, f"{thread}-m{self.random.randrange(at + 1)}")
        if number % 4 == 3:
            self.ask("DELETE", f"/v1/threads/{thread}")

    def much(self):
        """A message of which all is told: many versions, every mark, reactions."""
        path = "/v1/threads/much/messages/m"
        self.ask("POST", "/v1/threads", {"id": "much", "author": "ann"})
        self.ask("POST", "/v1/threads/much/messages", {"id": "m", "author": "ann", "body": 0})
        for number in range(6):
            self.ask("PUT", path, {"body": number, "role": "system"})
            self.ask("POST", path + "/reactions", {"id": AUTHORS[number], "reaction": "+1"})
        self.ask("DELETE", path)
        self.ask("POST", path + "/restore")
        self.ask("PUT", path, b'{"body":{"text":"secret"}}')
        self.ask("POST", "/v1/threads/much/messages", {"id": "gone", "author": "ann", "body": "x"})
        self.ask("DELETE", "/v1/threads/much/messages/gone")
        self.ask("POST", "/v1/threads/much/messages", {"id": "purged", "author": "ann", "body": "x"})
        self.ask("POST", "/admin/threads/much/messages/purged/purge")

    def all(self, count):
        self.much()
        for number in range(count):
            self.thread(number)


class ExchangeCase(unittest.TestCase):
    def server(self, backend="wiredtiger", extra="", **environment):
        server = progressdb.Server(backend=backend, extra=extra)
        server.environment.update(environment)
        if extra == SEALING:
            with open(server.config_path, "a+", encoding="utf-8") as file:
                file.seek(0)
                text = file.read().format(os.path.join(server.directory, "kms"))
                file.truncate(0)
                file.write(text)
        self.addCleanup(server.close)
        return server.start()

    def filled(self, count=THREADS, backend="memory"):
        server = self.server(backend=backend)
        Maker(self, server).all(count)
        return server

    def start(self, server, *arguments):
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        environment = dict(os.environ, PROGRESSDB_KEY=progressdb.ADMIN,
                           PROGRESSDB_URL=f"http://127.0.0.1:{server.port}")
        return subprocess.Popen([tool, *arguments], env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def tool(self, server, *arguments, code=0):
        with self.start(server, *arguments) as process:
            out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, (arguments, out[-2000:], err))
        return err.decode()

    def export(self, server, name, *more):
        path = os.path.join(server.directory, name)
        self.tool(server, "export", "--full", "-o", path, *more)
        with open(path, "rb") as file:
            return path, file.read()

    def check(self, server):
        server.stop()
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        done = subprocess.run([tool, "check", "--db", server.db], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def same(self, first, second):
        for a, b in zip(first.split(b"\n"), second.split(b"\n")):
            self.assertEqual(a, b)
        self.assertEqual(first, second)

    def round_trip(self, source, target, *more):
        path, first = self.export(source, "first.ndjson", *more)
        self.assertEqual(self.export(source, "again.ndjson", "--page", "3")[1], first)
        self.tool(target, "import", path, *more)
        self.same(first, self.export(target, "second.ndjson")[1])
        return path, first

    def write(self, server, text, name="changed.ndjson"):
        path = os.path.join(server.directory, name)
        with open(path, "wb") as file:
            file.write(text)
        return path
