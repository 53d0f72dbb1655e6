# SPDX-License-Identifier: Apache-2.0
"""What a running server logs, where, and what it never logs."""
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import unittest

import progressdb

MESSAGES = "/v1/threads/t/messages"
# Words that stand in requests only, each a canary of its own.
CANARIES = ("canary-in-a-body", "canary-in-a-query", "canary-in-a-key", "canary-in-a-header",
            "canary-in-attributes", "canary-in-a-title")


def fields_of(line):
    """A logfmt line, taken apart as a shell would."""
    return dict(part.split("=", 1) for part in shlex.split(line))


class Case(unittest.TestCase):
    def begin(self, logging, **more):
        self.server = progressdb.Server(extra="logging:\n" + "".join(
            f"  {key}: {value}\n" for key, value in logging.items()), **more)
        self.addCleanup(self.server.close)
        self.folder = self.server.directory
        return self.server.start()

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()


class Access(Case):
    def setUp(self):
        self.begin({"access": "true", "format": "json"})

    def lines(self):
        found = [json.loads(line) for line in self.server.log().splitlines() if line.startswith("{")]
        return [line for line in found if line["component"] == "access"]

    def test_every_request_has_a_line(self):
        writer = self.server.backend("ann")
        answer = writer.post(MESSAGES + "?x=canary-in-a-query", body={"body": "hi"})
        writer.get("/v1/threads/none")
        self.server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        lines = [line for line in self.lines() if line.get("route") != "/readyz"]
        self.assertEqual([line["status"] for line in lines], [200, 404, 400])
        first, second, third = lines
        self.assertEqual(first["request"], answer.headers["x-request-id"])
        self.assertEqual((first["method"], first["path"], first["route"], first["role"]),
                         ("POST", MESSAGES, "/v1/threads/{thread}/messages", "backend"))
        self.assertEqual((first["peer"], first["received"], first["sent"]),
                         ("127.0.0.1", len('{"body": "hi"}'), len(answer.body)))
        self.assertGreater(first["seconds"], 0)
        self.assertRegex(first["key"], r"^\S+$")
        self.assertEqual(second["path"], "/v1/threads/none")
        self.assertNotIn("path", third)
        self.assertRegex(third["refusal"], r"^[a-z_]+$")

    def test_a_reload_switches_it_off(self):
        with open(self.server.config_path, encoding="utf-8") as file:
            text = file.read()
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(text.replace("access: true", "access: false"))
        self.server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: "configuration reloaded" in self.server.log(), "it is reloaded")
        before = len(self.lines())
        self.server.admin().get("/healthz")
        self.assertEqual(len(self.lines()), before)


class Sinks(Case):
    def test_two_files_and_a_rotation(self):
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-log-")
        self.addCleanup(progressdb.shutil.rmtree, folder, True)
        log, access = os.path.join(folder, "log"), os.path.join(folder, "access")
        self.server = progressdb.Server(extra=f"logging:\n  access: true\n  access_sink: file:{access}\n")
        self.addCleanup(self.server.close)
        self.server.start()
        client = self.server.admin()
        client.get("/healthz")
        self.assertNotIn("component=access", self.server.log())
        os.rename(access, access + ".1")
        client.get("/healthz")
        self.server.process.send_signal(signal.SIGUSR1)
        progressdb.wait_for(lambda: os.path.exists(access), "the file is there again")
        progressdb.wait_for(lambda: "log files opened again" in self.server.log(), "it says so")
        client.get("/healthz")
        for path, count in ((access + ".1", 2), (access, 1)):
            with open(path, encoding="utf-8") as file:
                lines = [fields_of(line) for line in file if "route=/healthz" in line]
            self.assertEqual(len(lines), count)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        del log

    def test_journald(self):
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-log-")
        self.addCleanup(progressdb.shutil.rmtree, folder, True)
        path = os.path.join(folder, "socket")
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.bind(path)
        program = os.path.join(progressdb.build_directory(), "bin", "progressdb")
        config = os.path.join(folder, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"logging: {{sink: 'journald:{path}', level: debug}}\nplugins: {{load: []}}\n")
        process = subprocess.Popen([program, "--config", config, "--db", os.path.join(folder, "db"),
                                    "--addr", "127.0.0.1:0"], stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        peer.settimeout(progressdb.DEADLINE)
        entries = []
        while not entries or "listening on" not in entries[-1]:
            entries.append(peer.recv(65536).decode())
        process.terminate()
        self.assertEqual(process.wait(progressdb.DEADLINE), 0)
        self.assertEqual(process.stderr.read(), b"")
        for entry in entries:
            self.assertRegex(entry, r"\APRIORITY=[3467]\nSYSLOG_IDENTIFIER=progressdb\n"
                                    r"PDB_COMPONENT=\w+\n(?:PDB_\w+=.*\n)*MESSAGE=.*\n")

    def test_a_sink_that_cannot_be_opened(self):
        program = os.path.join(progressdb.build_directory(), "bin", "progressdb")
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-log-")
        self.addCleanup(progressdb.shutil.rmtree, folder, True)
        for sink, status, words in (("file:/nowhere/log", 1, "cannot open the log"),
                                    ("journald:/nowhere/socket", 1, "cannot reach journald"),
                                    ("syslog", 2, "none of stderr, journald and file:PATH")):
            said = subprocess.run([program, "--db", os.path.join(folder, "db"), "--addr", "127.0.0.1:0"],
                                  env={"PROGRESSDB_LOGGING_SINK": sink}, text=True, cwd=folder,
                                  capture_output=True, timeout=30, check=False)
            self.assertEqual(said.returncode, status, said.stderr)
            self.assertIn(words, said.stderr)


class Slow(Case):
    def test_slow_requests(self):
        self.begin({"slow_request": "20ms"}, backend="chaos",
                   arguments=["--set", "storage.inner=memory", "--set", "storage.chaos.latency=200ms"])
        writer = self.server.backend("ann")
        for number in range(10):
            writer.post(MESSAGES, body={"body": number})
        lines = [fields_of(line) for line in self.server.log().splitlines()
                 if 'msg="slow request"' in line]
        self.assertGreater(len(lines), 0)
        self.assertEqual(lines[0]["level"], "warn")
        self.assertGreaterEqual(float(lines[0]["seconds"]), 0.02)
        self.assertRegex(lines[0]["request"], r"^[0-9a-f]{8}-[0-9a-f]+$")


class Levels(Case):
    def test_a_component_of_its_own(self):
        self.begin({"levels": "[http=debug]"})
        answer = self.server.admin().get("/healthz")
        lines = [line for line in self.server.log().splitlines() if "level=debug" in line]
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertIn("component=http", line)
        mine = [line for line in lines if answer.headers["x-request-id"] in line]
        self.assertRegex(mine[0], r"request=[0-9a-f-]+ msg=\"comes with key ")


class Secrets(Case):
    def test_nothing_of_what_clients_send(self):
        self.begin({"level": "debug", "access": "true", "slow_request": "1us"})
        writer = self.server.backend("ann")
        self.assertEqual(writer.post("/v1/threads", body={
            "id": "t", "title": CANARIES[5], "attributes": {"a": CANARIES[4]}}).status, 200)
        self.assertEqual(writer.post(MESSAGES + "?note=" + CANARIES[1], body={"body": CANARIES[0]},
                                     headers={"X-Note": CANARIES[3]}).status, 200)
        signed = self.server.frontend("ann")
        signed.get("/v1/threads")
        self.server.client(CANARIES[2]).get("/v1/threads")
        writer.post(MESSAGES, body=b'{"body": "' + CANARIES[0].encode())
        self.server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: "configuration reloaded" in self.server.log(), "it is reloaded")
        log = self.server.log()
        self.assertIn("component=access", log)
        for word in (*CANARIES, progressdb.FRONTEND, progressdb.BACKEND, progressdb.ADMIN,
                     progressdb.sign("ann")):
            self.assertNotIn(word, log)
        for line in log.splitlines():
            self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f]", line))


if __name__ == "__main__":
    unittest.main()
