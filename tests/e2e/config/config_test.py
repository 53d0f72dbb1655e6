# SPDX-License-Identifier: Apache-2.0
"""Ten mistakes are told in one run; a reload with mistakes changes nothing."""
import os
import signal
import subprocess
import unittest

import progressdb

# Line by line: the text, and what is said of it: the column, words of the problem, words of the way out.
MISTAKES = [
    ("server:", None),
    ("  adress: 127.0.0.1", (3, 'unknown key "server.adress"', "did you mean server.address?")),
    ("  port: 99999", (9, "server.port", "from 0 to 65535")),
    ("  max_payload_size: lots", (21, "server.max_payload_size", "a size such as 64KiB or 1MiB")),
    ("  idle_timeout: soon", (17, "server.idle_timeout", "a duration such as 250ms, 10s or 24h")),
    ("storage:", None),
    ("  backend: memory", None),
    ("  sync: allways", (9, "storage.sync", "did you mean always?")),
    ("loging:", (1, 'unknown key "loging"', "did you mean logging?")),
    ("  level: info", None),
    ("logging:", None),
    ("  level: verbose", (10, "logging.level", "one of error, warn, info, debug")),
    ("  levels: [http]", (11, "logging.levels", "component=level")),
    ("  sink: syslog", (9, "logging.sink", "stderr, journald and file:PATH")),
    ("security:", None),
    ("  cors:", None),
    ("    allowed_origin: [https://a.example]",
     (5, 'unknown key "security.cors.allowed_origin"', "did you mean security.cors.allowed_origins?")),
    ("  api_keys:", None),
    ("    backend: {a: b}", (14, "security.api_keys.backend", "a list such as [a, b]")),
    ("server: {}", (1, 'the key "server" is given twice', "first on line 1")),
]
TEXT = "".join(line + "\n" for line, _ in MISTAKES)
PROBLEMS = [(number, *said) for number, (_, said) in enumerate(MISTAKES, 1) if said is not None]


class Config(unittest.TestCase):
    def expect(self, lines, path, problems):
        """Each problem has a line of its own, at the right place, and there is no other."""
        self.assertEqual(len(lines), len(problems), "\n".join(lines))
        for line, (number, column, words, way_out) in zip(lines, problems):
            self.assertIn(f"{path}:{number}:{column}: ", line)
            self.assertIn(words, line)
            self.assertIn(way_out, line)

    def write(self, text):
        """A configuration file in a folder of its own."""
        folder = progressdb.tempfile.mkdtemp(prefix="pdb-config-")
        self.addCleanup(progressdb.shutil.rmtree, folder, True)
        path = os.path.join(folder, "progressdb.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @staticmethod
    def run_with(path, *arguments, **environment):
        program = os.path.join(progressdb.build_directory(), "bin", "progressdb")
        return subprocess.run([program, "--config", path, *arguments], cwd=os.path.dirname(path), text=True,
                              capture_output=True, timeout=60, check=False,
                              env=dict(os.environ, **environment))

    def test_ten_mistakes_in_one_run(self):
        self.assertGreaterEqual(len(PROBLEMS), 10)
        path = self.write(TEXT)
        for arguments in (["--check-config"], []):
            said = self.run_with(path, *arguments)
            self.assertEqual(said.returncode, 2)
            self.assertEqual(said.stdout, "")
            self.expect(said.stderr.splitlines(), path, PROBLEMS)
        self.assertEqual(os.listdir(os.path.dirname(path)), [os.path.basename(path)],
                         "a server that did not start left something")

    def check(self, text, **environment):
        return self.run_with(self.write(text), "--check-config", **environment)

    def test_encryption_needs_no_list_of_plugins(self):
        for text in ("security:\n  encryption: {use: true, fields: [body.a]}\n",
                     "encryption: {enabled: true, kms: {mode: embedded}}\n"):
            said = self.check(text)
            self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertEqual(self.check("", PROGRESSDB_USE_ENCRYPTION="true").returncode, 0)
        said = self.check("plugins: {load: [auth]}\nsecurity: {encryption: {use: true}}\n")
        self.assertEqual(said.returncode, 2)
        self.assertIn("needs the plugin `encryption`", said.stderr)

    def test_encryption_is_loaded_at_the_start_alone(self):
        use = "security: {encryption: {use: %s}, kms: {master_key_hex: " + os.urandom(32).hex() + "}}\n"
        keys = "server: {api_keys: {backend: [" + progressdb.BACKEND + "]}}\nstorage: {backend: memory}\n"
        for first, then, told in (("true", "false", "reloaded: security.encryption.use"),
                                  ("false", "true", "not reloaded")):
            server = progressdb.Server(config=keys + use % first)
            self.addCleanup(server.close)
            server.start()
            self.assertEqual(server.backend("ann").post("/v1/messages", {"body": 1}).status, 200)
            with open(server.config_path, "w", encoding="utf-8") as file:
                file.write(keys + use % then)
            server.process.send_signal(signal.SIGHUP)
            progressdb.wait_for(lambda: told in server.log(), told)
            self.assertEqual(server.backend("ann").post("/v1/messages", {"body": 1}).status, 200)

    def test_a_bad_reload_changes_nothing(self):
        server = progressdb.Server(backend="memory")
        self.addCleanup(server.close)
        server.start()
        before = server.backend("ann")
        self.assertEqual(before.post("/v1/threads/t/messages", body={"body": 1}).status, 200)
        with open(server.config_path, "w", encoding="utf-8") as file:
            file.write(TEXT)
        server.process.send_signal(signal.SIGHUP)
        progressdb.wait_for(lambda: "not reloaded" in server.log(), "the reload is refused")
        log = server.log()
        self.assertIn("the old one stays in force", log)
        lines = [line.replace('\\"', '"') for line in log.splitlines()
                 if "component=config" in line and "level=error" in line]
        # the flags of the test hide what the file says of these two
        self.expect(lines, server.config_path,
                    [problem for problem in PROBLEMS if problem[2] not in ("server.port", "logging.level")])
        self.assertEqual(before.get("/v1/threads/t/messages").status, 200)
        self.assertEqual(server.backend("ann").post("/v1/threads/t/messages", body={"body": 2}).status, 200)
        page = server.admin().get("/metrics").body.decode()
        self.assertIn('progressdb_config_reloads_total{result="refused"} 1\n', page)
        self.assertIn("progressdb_config_last_reload_successful 0\n", page)


if __name__ == "__main__":
    unittest.main()
