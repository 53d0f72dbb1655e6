# SPDX-License-Identifier: Apache-2.0
"""progressdb-kms and a server read again who may call: nobody else waits, and mistakes change nothing."""
import hashlib
import os
import ssl
import tempfile
import unittest

from authority import Authority
from kms import NOBODY, SECRET, Caller, Daemon, Refused, free_port, private, proven, request
from served import ServedCase

OTHER = SECRET[::-1]
DENIED = -3
UNPROVEN = -2


class ReloadTest(unittest.TestCase):
    def begin(self, **settings):
        self.daemon = Daemon(**settings)
        self.addCleanup(self.daemon.close)

    def call(self, where, tls=None):
        caller = Caller(where, tls)
        self.addCleanup(caller.close)
        return caller

    def reload(self, more=None, taken=True):
        before = len(self.daemon.log())
        self.daemon.configure(more or {})
        self.assertEqual(self.daemon.reload(), taken, self.daemon.log()[before:])
        return self.daemon.log()[before:]

    def refused(self, status, act, *arguments, **more):
        with self.assertRaises(Refused) as caught:
            act(*arguments, **more)
        self.assertEqual(caught.exception.args[0], status)

    def test_users(self):
        """Who has called before is judged anew with the next call."""
        self.begin()
        me = self.daemon.settings["kms.users.server"]
        caller, other = self.call(self.daemon.socket), self.call(self.daemon.socket)
        caller.key("create", thread="t")
        other.call("health", request())
        self.assertIn("kms.users.server", self.reload({"kms.users.server": NOBODY}))
        self.refused(DENIED, caller.key, "create", thread="t")
        caller.call("health", request())
        self.reload({"kms.users.operator": NOBODY})
        self.refused(DENIED, other.call, "health", request())
        self.reload({"kms.users.server": me})
        self.call(self.daemon.socket).key("create", thread="t")

    def test_tokens(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pdb-reload-"))
        tokens = private(os.path.join(folder, "tokens"), f"server ann {SECRET}\n")
        port = free_port()
        self.begin(listen=f"http://127.0.0.1:{port}", more={"kms.token_file": tokens})
        where, body = ("127.0.0.1", port), request(thread="t", number=1)
        kept = self.call(where)
        kept.send(proven("create", body))
        private(tokens, f"server ann {SECRET}\nauditor eve {OTHER}\n")
        self.refused(UNPROVEN, self.call(where).send, proven("health", body, OTHER, "eve"))
        self.reload()
        self.call(where).send(proven("health", body, OTHER, "eve"))
        self.refused(DENIED, self.call(where).send, proven("create", body, OTHER, "eve"))
        used = proven("create", body)
        kept.send(used)
        private(tokens, f"server eve {OTHER}\n")
        self.reload()
        self.call(where).send(proven("create", body, OTHER, "eve"))
        self.refused(UNPROVEN, kept.send, proven("create", body))
        private(tokens, f"server ann {SECRET}\n")
        self.reload()
        self.refused(UNPROVEN, self.call(where).send, used)

    def test_certificates(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pdb-reload-"))
        old, new = Authority(folder, "old"), Authority(folder, "new")
        first, second = old.issue("kms", "serverAuth"), new.issue("kms", "serverAuth")
        port = free_port()
        self.begin(listen=f"https://127.0.0.1:{port}", more={
            "kms.tls.cert_file": first[0], "kms.tls.key_file": first[1], "kms.tls.client_ca_file": old.cert,
            "kms.certificates.server": ["ann"], "kms.certificates.auditor": ["eve"]})

        def caller(trusted, pair):
            tls = ssl.create_default_context(cafile=trusted.cert)
            tls.check_hostname = False
            tls.load_cert_chain(*pair)
            return self.call(("127.0.0.1", port), tls)
        ann, eve = old.issue("ann", "clientAuth"), old.issue("eve", "clientAuth")
        kept, looker = caller(old, ann), caller(old, eve)
        kept.key("create", thread="t")
        looker.call("health", request())
        self.reload({"kms.tls.cert_file": second[0], "kms.tls.key_file": second[1]})
        kept.key("create", thread="t")
        caller(new, ann).key("create", thread="t")
        with self.assertRaises(ssl.SSLError):
            caller(old, ann)
        self.reload({"kms.certificates.auditor": []})
        self.refused(DENIED, looker.call, "health", request())
        kept.key("create", thread="t")
        self.reload({"kms.tls.client_ca_file": new.cert})
        self.refused(DENIED, kept.key, "create", thread="t")
        caller(new, new.issue("ann", "clientAuth")).key("create", thread="t")
        with open(new.issue("bob", "clientAuth")[0], encoding="ascii") as file:
            shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
        self.reload({"kms.certificates.server": [shown]})
        self.refused(DENIED, caller(new, (new.issue("ann", "clientAuth"))).key, "create", thread="t")
        caller(new, (f"{folder}/new-bob.pem", f"{folder}/new-bob.key")).key("create", thread="t")

    def test_mistakes_change_nothing(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pdb-reload-"))
        authority, stranger = Authority(folder, "good"), Authority(folder, "other")
        cert, key = authority.issue("kms", "serverAuth")
        tokens = private(os.path.join(folder, "tokens"), f"server ann {SECRET}\n")
        port = free_port()
        self.begin(more={"kms.listen": [f"http://127.0.0.1:{port}", f"https://127.0.0.1:{free_port()}"],
                         "kms.token_file": tokens, "kms.tls.cert_file": cert, "kms.tls.key_file": key,
                         "kms.tls.client_ca_file": authority.cert})
        good = dict(self.daemon.settings)
        caller = self.call(("127.0.0.1", port))

        def still(what, said):
            self.assertIn("not reloaded, the old configuration stays", said, what)
            self.assertNotIn(SECRET, said, what)
            caller.send(proven("create", request(thread="t", number=1)))
        still("an unknown option", self.reload({"kms.tokens": "x"}, taken=False))
        self.daemon.settings = dict(good)
        for what, more in (("no such file", {"kms.token_file": os.path.join(folder, "absent")}),
                           ("no token file", {"kms.token_file": None}),
                           ("no certificate", {"kms.tls.cert_file": None}),
                           ("another key", {"kms.tls.key_file": stranger.key}),
                           ("no authority", {"kms.tls.client_ca_file": tokens}),
                           ("a wrong level", {"logging.level": "loud"})):
            still(what, self.reload(more, taken=False))
            self.daemon.settings = dict(good)
        self.daemon.configure({})
        for what, text in (("a short secret", "server ann short\n"), ("a wrong role", f"king ann {SECRET}\n")):
            private(tokens, text)
            still(what, self.reload(taken=False))
        private(tokens, f"server ann {SECRET}\n")
        os.chmod(tokens, 0o644)
        still("open to others", self.reload(taken=False))
        os.chmod(tokens, 0o600)
        before = len(self.daemon.log())
        private(self.daemon.config_path, "kms: [")
        self.assertFalse(self.daemon.reload())
        still("no YAML", self.daemon.log()[before:])
        self.reload()
        caller.send(proven("create", request(thread="t", number=1)))

    def test_what_needs_a_restart_is_said(self):
        self.begin()
        said = self.reload({"kms.max_connections": 7, "kms.listen": ["unix:" + self.daemon.socket + ".other"],
                            "logging.level": "debug"})
        for key in ("kms.max_connections", "kms.listen"):
            self.assertIn(f"{key} has changed, which needs a restart", said)
        self.assertIn("reloaded: logging.level", said)
        self.call(self.daemon.socket).key("create", thread="t")


class ServedReloadTest(ServedCase):
    def rotate(self, *steps):
        """The server serves at each step, with keys that it has to ask for."""
        for number, step in enumerate(steps):
            step()
            for thread in ("t0", f"fresh{number}"):
                self.assertEqual(self.post(thread, f"m{number}"), 200, step)
        self.assertNotIn("not reachable", self.server.log())
        self.server.restart()
        self.read_all()

    def daemon_reloads(self):
        self.assertTrue(self.daemon.reload())

    def test_a_token_is_exchanged_while_both_work(self):
        self.begin("token", prepared=0)
        served = self.served
        self.rotate(lambda: private(served.tokens, f"server node1 {SECRET}\nserver node2 {OTHER}\n"),
                    self.daemon_reloads,
                    lambda: private(served.own_token, f"server node2 {OTHER}\n"),
                    lambda: self.assertNotIn("keeps its settings", self.reload()),
                    lambda: private(served.tokens, f"server node2 {OTHER}\n"),
                    self.daemon_reloads)
        self.assertIn("token:node2", {line.get("who") for line in self.daemon.audited("create")})

    def test_certificates_are_exchanged_while_both_work(self):
        self.begin("tls", prepared=0)
        served = self.served
        new = Authority(served.folder, "new")

        def trust(*authorities):
            text = ""
            for authority in authorities:
                with open(authority.cert, encoding="ascii") as file:
                    text += file.read()
            private(served.trusted, text)
            self.assertNotIn("keeps its settings", self.reload())
            self.daemon_reloads()
        self.rotate(lambda: trust(served.authority, new),
                    lambda: served.place(new.issue("kms", "serverAuth"), served.certificate),
                    self.daemon_reloads,
                    lambda: served.place(new.issue("node1", "clientAuth"), served.client),
                    lambda: trust(new))

    def test_mistakes_of_the_server_change_nothing(self):
        self.begin("token", prepared=0)
        own = self.served.own_token
        for number, (text, mode) in enumerate((("no token\n", 0o600), (f"server node1 {SECRET}\n", 0o644))):
            private(own, text)
            os.chmod(own, mode)
            self.assertIn("plugin external keeps its settings", self.reload())
            self.assertEqual(self.post(f"t{number}", "m0"), 200)
            page = self.server.admin().get("/metrics").body.decode()
            self.assertIn('progressdb_plugin_healthy{plugin="external"} 0\n', page)
        os.chmod(own, 0o600)
        self.assertNotIn("keeps its settings", self.reload())
        page = self.server.admin().get("/metrics").body.decode()
        self.assertIn('progressdb_plugin_healthy{plugin="external"} 1\n', page)
        self.assertEqual(self.post("t9", "m0"), 200)


if __name__ == "__main__":
    unittest.main(verbosity=1)
