# SPDX-License-Identifier: Apache-2.0
"""The commands of pdbctl against a real server."""
import json
import os
import re
import subprocess
import unittest

import progressdb

BODIES = [
    '"plain"', "0", "false", "[]", "{}", '""',
    '{"z":1,"a":2,"m":{"y":[3,2,1]}}',
    "12345678901234567890123456789", "-0.0", "1E400", "0.1000000000000000055511151231257827",
    '"\\u00e9\\ud83d\\ude00\\u0000 \\/ é😀"', '{"":{"\\u0061":null}}',
    "[" * 40 + "]" * 40, '[ 1 ,\t2 , {"k" : "v" } ]',
]


class PdbctlTest(unittest.TestCase):
    def setUp(self):
        self.server = progressdb.Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def path(self, name):
        return os.path.join(self.server.directory, name)

    def write(self, name, lines):
        with open(self.path(name), "wb") as file:
            file.write(b"".join(line.encode() + b"\n" for line in lines))
        return self.path(name)

    def start(self, *arguments, key=progressdb.ADMIN):
        tool = os.path.join(progressdb.build_directory(), "bin", "pdbctl")
        environment = dict(os.environ, PROGRESSDB_KEY=key,
                           PROGRESSDB_URL=f"http://127.0.0.1:{self.server.port}")
        return subprocess.Popen([tool, *arguments], env=environment, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_tool(self, *arguments, code=0, data=b"", key=progressdb.ADMIN):
        with self.start(*arguments, key=key) as process:
            out, err = process.communicate(data, timeout=120)
        self.assertEqual(process.returncode, code, (out, err))
        return out, err.decode()

    @staticmethod
    def line(thread, body='"x"', **more):
        head = json.dumps({"thread": thread, "author": "ann", **more})
        return head[:-1] + f', "body": {body}}}'

    # -- bytes -------------------------------------------------------------------------------------

    def test_bodies_come_back_byte_for_byte(self):
        path = self.write("in", [self.line("t", body) for body in BODIES])
        self.run_tool("import", path)
        out, _ = self.run_tool("export")
        lines = out.decode().splitlines()
        self.assertEqual(len(lines), len(BODIES))
        for line, body in zip(lines, BODIES):
            self.assertIn(f'"body":{body}', line)
        again = self.write("again", lines)
        _, err = self.run_tool("import", again)
        self.assertIn(f"({len(BODIES)} replayed", err)

    def test_a_body_of_several_lines_is_one_line(self):
        body = b'{"author":"ann","body":{\n "a":1,\r\n "b":"x\\ny"\n}}'
        answer = self.server.admin().post("/v1/threads/t/messages", body)
        self.assertEqual(answer.status, 200, answer)
        out, _ = self.run_tool("export")
        self.assertEqual(out.count(b"\n"), 1)
        self.assertEqual(json.loads(out)["body"], {"a": 1, "b": "x\ny"})

    def test_fields_and_order_survive(self):
        lines = [self.line("t", f'"{n}"', id=f"m-{n}", role="system", ts=1546300800 + n,
                           **({"reply_to": f"m-{n - 1}"} if n else {})) for n in range(1500)]
        self.run_tool("import", "--batch", "7", self.write("in", lines))
        out, _ = self.run_tool("export", "--thread", "t", "--page", "11")
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([message["seq"] for message in found], list(range(1, 1501)))
        self.assertEqual([message["body"] for message in found], [str(n) for n in range(1500)])
        self.assertEqual(found[7]["ts"], (1546300800 + 7) * 10**9)
        self.assertEqual((found[7]["role"], found[7]["reply_to"]), ("system", "m-6"))

    # -- refusals ----------------------------------------------------------------------------------

    def test_a_refused_message_is_named_by_its_line(self):
        lines = [self.line("a"), self.line("b"), self.line("a", role="NOT A ROLE"), self.line("a")]
        path = self.write("in", lines)
        _, err = self.run_tool("import", path, code=1)
        self.assertIn(f"{path}:3 (thread a, 3 messages): the server answered 400", err)
        self.assertEqual(self.server.admin().get("/v1/threads/a").status, 404, "all or none")
        lines[2] = self.line("a", role="user")
        self.write("in", lines)
        self.run_tool("import", path)
        self.assertEqual(self.server.admin().get("/v1/threads/a").json["last_seq"], 3)

    def test_another_message_under_the_same_id_is_a_conflict(self):
        self.run_tool("import", "-", data=self.line("t", "1", id="m").encode())
        _, err = self.run_tool("import", "-", data=self.line("t", "2", id="m").encode(), code=1)
        self.assertIn("409", err)

    def test_a_key_that_may_not_is_told_what_to_do(self):
        _, err = self.run_tool("export", key="sk_nobody_knows_this", code=1)
        self.assertIn("401", err)
        self.assertIn("--key-file", err)
        _, err = self.run_tool("export", key=progressdb.FRONTEND, code=1)
        self.assertRegex(err, "the server answered 40[13]")
        self.run_tool("export", "--thread", "unknown", code=1)

    def test_jobs_are_shown_and_followed(self):
        admin = self.server.admin()
        admin.post("/v1/threads/t1/messages", {"body": 1, "author": "ann"})
        listed, _ = self.run_tool("jobs")
        self.assertIn(b"purge-thread", listed)
        job = admin.post("/admin/users/ann/erase").json["id"]
        shown, _ = self.run_tool("jobs", "--wait", job)
        self.assertRegex(shown.decode(), rf"{job} +erase-user +done +1\n{{\"threads\":1,\"messages\":0,\"held\":0}}\n")
        self.assertIn(job.encode(), self.run_tool("jobs")[0])
        _, error = self.run_tool("jobs", "none", code=1)
        self.assertIn("no job", error)
        self.run_tool("jobs", code=1, key=progressdb.BACKEND)

    def test_check_refuses_a_running_server(self):
        self.run_tool("import", "-", data=self.line("t").encode())
        out, err = self.run_tool("check", "--db", self.server.db, code=2)
        self.assertEqual(out, b"")
        self.assertIn("Stop the server", err)
        self.server.stop()
        out, _ = self.run_tool("check", "--db", self.server.db)
        self.assertRegex(out, rb"^1 threads, 1 messages, .*: 0 faults\n$")

    # -- interruptions -----------------------------------------------------------------------------

    def test_an_import_outlives_the_server(self):
        """Killed and started again in the middle: everything is there once, in order."""
        count = 40_000
        path = self.write("in", [self.line(f"t-{n % 20}", str(n)) for n in range(count)])
        state = self.path("state")
        with self.start("import", "--batch", "20", "--state", state, path) as process:
            progressdb.wait_for(lambda: os.path.exists(state) or process.poll() is not None,
                                "the import has begun")
            port = self.server.port
            self.server.kill()
            self.server.arguments = ["--addr", f"127.0.0.1:{port}"]
            self.server.start()
            _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(self.server.port, port)
        self.assertIn(b"imported 40000 messages in 20 threads", err)
        out, _ = self.run_tool("export")
        found = {}
        for line in out.splitlines():
            message = json.loads(line)
            found.setdefault(message["thread"], []).append(message["body"])
        self.assertEqual(found, {f"t-{t}": list(range(t, count, 20)) for t in range(20)})

    def test_an_export_goes_on_where_its_state_says(self):
        lines = [self.line(f"t-{n // 10:02}", str(n)) for n in range(200)]
        self.run_tool("import", self.write("in", lines))
        self.run_tool("export", "-o", self.path("whole"))
        with open(self.path("whole"), "rb") as file:
            whole = file.read()
        self.assertEqual(whole.count(b"\n"), 200)
        self.assertEqual(os.stat(self.path("whole")).st_mode & 0o777, 0o600)
        # as if it had been killed in the middle of a line behind the fourth message of t-03
        kept = b"".join(whole.splitlines(keepends=True)[:34])
        with open(self.path("part"), "wb") as file:
            file.write(kept + b'{"id":"half a li')
        with open(self.path("part.export-state"), "w", encoding="ascii") as file:
            file.write("progressdb state 1\n"
                       f"what export from http://127.0.0.1:{self.server.port} to {self.path('part')}\n"
                       f"offset {len(kept)}\ncount 34\nseq 4\nthread t-03\n")
        _, err = self.run_tool("export", "-o", self.path("part"))
        self.assertIn("exported 200 messages", err)
        with open(self.path("part"), "rb") as file:
            self.assertEqual(file.read(), whole)
        self.assertFalse(os.path.exists(self.path("part.export-state")))

    def test_a_state_of_something_else_is_not_followed(self):
        path = self.write("in", [self.line("t")])
        with open(path + ".import-state", "w", encoding="ascii") as file:
            file.write("progressdb state 1\nwhat import of another to http://elsewhere\noffset 9\n")
        _, err = self.run_tool("import", path, code=2)
        self.assertIn("--restart", err)
        self.run_tool("import", "--restart", path)
        self.assertEqual(self.server.admin().get("/v1/threads/t").json["last_seq"], 1)

    # -- what is left out --------------------------------------------------------------------------

    def test_tombstones_are_exported_on_demand_and_not_imported(self):
        self.run_tool("import", "-", data="\n".join(
            self.line("t", str(n), id=f"m-{n}") for n in range(3)).encode())
        self.assertEqual(self.server.admin().delete("/v1/threads/t/messages/m-1").status, 204)
        out, _ = self.run_tool("export")
        self.assertEqual([json.loads(line)["id"] for line in out.splitlines()], ["m-0", "m-2"])
        out, _ = self.run_tool("export", "--include-deleted")
        self.assertEqual([json.loads(line).get("deleted", False) for line in out.splitlines()],
                         [False, True, False])
        other = re.sub(rb'"thread":"t"', b'"thread":"u"', out)
        _, err = self.run_tool("import", "-", data=other)
        self.assertIn("imported 2 messages", err)
        self.assertIn("1 deleted ones left out", err)


if __name__ == "__main__":
    unittest.main()
