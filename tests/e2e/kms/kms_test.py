# SPDX-License-Identifier: Apache-2.0
"""progressdb-kms as a process: killed mid-work, called by strangers, asked with nonsense."""
import os
import random
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import progressdb
from authority import Authority
from kms import MASTER, NOBODY, SECRET, Caller, Daemon, Refused, clear, free_port, private, program, proven, \
    read_answer, request

KILLS = int(os.environ.get("PDB_KMS_KILLS", "10"))
NONSENSE = int(os.environ.get("PDB_KMS_NONSENSE", "500"))
SEED = int(os.environ.get("PDB_KMS_SEED", str(time.time_ns())))


class Worker(threading.Thread):
    """Makes keys, renews, destroys some, until the KMS is gone; remembers what was answered."""

    def __init__(self, path, seed):
        super().__init__()
        self.path = path
        self.random = random.Random(seed)
        self.keys = {}
        self.destroyed = set()
        self.maybe_destroyed = set()

    def run(self):
        caller = Caller(self.path)
        try:
            while True:
                self.step(caller)
        except (OSError, ConnectionError):
            caller.close()

    def step(self, caller):
        if self.keys and self.random.random() < 0.15:
            name = self.random.choice(sorted(self.keys))
            self.maybe_destroyed.add(name)
            caller.call("destroy", request(key=name))
            self.destroyed.add(name)
            del self.keys[name]
        elif self.random.random() < 0.02:
            caller.call("rotate_kek", request(actor="worker"))
            caller.call("rewrap", request(number=1000))
        else:
            name, dek = caller.key("create", thread="thread-1")
            self.keys[name] = dek


class CrashTest(unittest.TestCase):
    def test_a_kill_at_any_moment_loses_no_key(self):
        """Every key that was handed out opens to the same bytes; no destroyed one comes back."""
        print(f"seed {SEED}, {KILLS} kills")
        chance = random.Random(SEED)
        daemon = Daemon()
        self.addCleanup(daemon.close)
        keys, destroyed = {}, set()
        for bout in range(KILLS):
            workers = [Worker(daemon.socket, chance.random()) for _ in range(4)]
            for worker in workers:
                worker.start()
            time.sleep(chance.uniform(0.02, 0.3))  # the moment of death, not a wait for anything
            daemon.kill()
            for worker in workers:
                worker.join(timeout=60)
                unsure = worker.maybe_destroyed - worker.destroyed
                keys.update({name: dek for name, dek in worker.keys.items() if name not in unsure})
                destroyed |= worker.destroyed
            daemon.start()
            self.judge(daemon, keys, destroyed, chance)
            if bout % 10 == 9:
                self.assertEqual(daemon.pdbctl("kms", "rotate", "--retire")[0], 0, daemon.log())
        self.assertGreater(len(keys), KILLS)
        self.assertEqual(daemon.pdbctl("kms", "rotate", "--retire")[0], 0, daemon.log())
        self.judge(daemon, keys, destroyed, chance, every=True)
        self.assertEqual(daemon.stop(), 0)
        code, out = daemon.audit(daemon.public_key())
        self.assertEqual(code, 0, out)
        print(f"{len(keys)} keys, {len(destroyed)} destroyed")

    def judge(self, daemon, keys, destroyed, chance, every=False):
        caller = Caller(daemon.socket)
        names = sorted(keys)
        for name in names if every else chance.sample(names, min(len(names), 200)):
            self.assertEqual(caller.key("unwrap", key=name), (name, keys[name]))
        gone = sorted(destroyed)
        for name in gone if every else chance.sample(gone, min(len(gone), 50)):
            with self.assertRaises(Refused):
                caller.key("unwrap", key=name)
        caller.close()


class StrangerTest(unittest.TestCase):
    def test_a_user_without_a_role_is_turned_away(self):
        daemon = Daemon(more={"kms.users.server": NOBODY, "kms.users.operator": NOBODY})
        self.addCleanup(daemon.close)
        caller = Caller(daemon.socket)
        with self.assertRaises(Refused):
            caller.call("health", request())
        caller.close()
        with open(f"{daemon.data}/audit.log", encoding="ascii") as file:
            self.assertIn('"op":"connect"', file.read())

    def test_strangers_do_not_fill_the_disk(self):
        daemon = Daemon(more={"kms.users.server": NOBODY, "kms.users.operator": NOBODY})
        self.addCleanup(daemon.close)
        begun = time.monotonic()
        for _ in range(300):
            caller = Caller(daemon.socket)
            with self.assertRaises(Refused):
                read_answer(caller.file)
            caller.close()
        most = 10 * (time.monotonic() - begun + 2)
        self.assertLessEqual(len(daemon.audited("connect")), most)
        self.assertLessEqual(daemon.log().count("turned away"), most)

    def test_a_role_calls_what_is_its_own(self):
        for role, good, bad in (("auditor", ("health", "keks", "stats"),
                                 ("create", "destroy", "rotate_kek", "unwrap", "wrapped")),
                                ("operator", ("health", "rotate_kek", "add_kek"),
                                 ("create", "unwrap", "claim", "prepare", "encrypt", "decrypt")),
                                ("server", ("health", "rotate_kek"),
                                 ("add_kek", "retire", "set_kek", "wrapped"))):
            roles = {f"kms.users.{one}": NOBODY for one in ("server", "operator", "auditor")}
            daemon = Daemon(more=roles | {f"kms.users.{role}": [str(os.getuid())]})
            self.addCleanup(daemon.close)
            caller = Caller(daemon.socket)
            for op in good:
                caller.call(op, request(number=1))
            for op in bad:
                with self.assertRaises(Refused, msg=f"{role} {op}") as caught:
                    caller.call(op, request(thread="t", number=1, version=1))
                self.assertEqual(caught.exception.args[0], -3, f"{role} {op}")
            caller.close()

    def test_nonsense_hurts_nobody(self):
        chance = random.Random(SEED)
        daemon = Daemon()
        self.addCleanup(daemon.close)
        good = (b"POST /v1/unwrap HTTP/1.1\r\nHost: kms\r\nContent-Length: 101\r\n\r\n" +
                request(key="0" * 32)[:101])
        for _ in range(NONSENSE):
            sent = bytearray(good)
            for _ in range(chance.randint(1, 8)):
                sent[chance.randrange(len(sent))] = chance.randrange(256)
            if chance.random() < 0.3:
                sent = chance.randbytes(chance.randint(0, 4000))
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(progressdb.DEADLINE)
                peer.connect(daemon.socket)
                try:
                    peer.sendall(sent)
                    peer.shutdown(socket.SHUT_WR)
                    answer = peer.recv(65536)
                except OSError:
                    continue
                self.assertNotIn(b"HTTP/1.1 200", answer)
        caller = Caller(daemon.socket)
        caller.key("create", thread="t")
        caller.close()
        self.assertEqual(daemon.stop(), 0)

    def test_clear_text_for_others_does_not_start(self):
        for listen in ("http://0.0.0.0:6820", "http://192.0.2.1:6820", "http://[::]:6820",
                       "http://example.org:6820"):
            daemon = Daemon(listen=listen, expect_start=False)
            self.addCleanup(daemon.close)
            done = subprocess.run(daemon.command(), capture_output=True, timeout=60, check=False,
                                  env={})
            self.assertEqual(done.returncode, 2, listen)
            self.assertIn(b"in clear", done.stderr, listen)

    def test_a_socket_is_not_taken_from_another(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        second = Daemon(listen=daemon.listen, expect_start=False)
        self.addCleanup(second.close)
        done = subprocess.run(second.command(), capture_output=True, timeout=60, check=False, env={})
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"somebody listens on", done.stderr)
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.pdbctl("kms", "status")[0], 0, "what a kill leaves is replaced")

    def test_the_tool_that_opens_keys_is_closed_too(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.stop()
        key = private(os.path.join(daemon.directory, "key"), MASTER)
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if most == 0:
            self.skipTest("nothing here may dump a core")
        with subprocess.Popen([program("pdbctl"), "kms", "import", "-", "--dir", daemon.data,
                               "--master-key-file", key], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most))) as tool:
            def closed():
                self.assertIsNone(tool.poll())
                with open(f"/proc/{tool.pid}/limits", encoding="ascii") as file:
                    return re.search(r"Max core file size\s+0\s+0", file.read())
            try:
                progressdb.wait_for(closed, "it cannot be dumped")
            finally:
                tool.kill()

    def test_the_process_is_closed(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        pid = daemon.process.pid
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max core file size\s+0\s+0")
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertEqual(file.read().replace(b"NOTIFY_SOCKET=", b"").strip(b"\0"), b"")
        if os.getuid() != 0:
            with self.assertRaises(PermissionError), open(f"/proc/{pid}/mem", "rb"):
                pass
        self.assertNotIn(MASTER, daemon.log())


class TokenTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pdb-kms-token-")
        self.addCleanup(shutil.rmtree, self.folder)
        tokens = private(os.path.join(self.folder, "tokens"), f"server ann {SECRET}\nauditor eve {SECRET[::-1]}\n")
        self.port = free_port()
        self.daemon = Daemon(listen=f"http://127.0.0.1:{self.port}", more={"kms.token_file": tokens})
        self.addCleanup(self.daemon.close)

    def send(self, raw):
        caller = Caller(("127.0.0.1", self.port))
        try:
            return caller.send(raw)
        finally:
            caller.close()

    def test_a_proof_holds_once_and_for_what_it_is(self):
        body = request(thread="t", number=1)
        good = proven("create", body)
        self.send(good)
        now = int(time.time())
        for what, raw in (("again", good),
                          ("no proof", clear("health", body)),
                          ("another token", proven("create", body, secret=SECRET[::-1])),
                          ("nobody", proven("create", body, name="bob")),
                          ("too old", proven("create", body, when=now - 90)),
                          ("too early", proven("create", body, when=now + 90)),
                          ("another op", proven("unwrap", body, signed_op="create")),
                          ("another body", proven("create", body)[:-1] + b"\x01")):
            with self.assertRaises(Refused, msg=what) as caught:
                self.send(raw)
            self.assertEqual(caught.exception.args[0], -2, what)
        self.send(proven("health", request(), secret=SECRET[::-1], name="eve"))
        with self.assertRaises(Refused) as caught:
            self.send(proven("create", body, secret=SECRET[::-1], name="eve"))
        self.assertEqual(caught.exception.args[0], -3)


    def test_who_says_nothing_holds_no_place(self):
        self.daemon.stop()
        self.daemon.configure({"kms.max_connections": 1, "kms.request_timeout": "300ms"})
        self.daemon.start()
        silent = socket.create_connection(("127.0.0.1", self.port), timeout=progressdb.DEADLINE)
        self.addCleanup(silent.close)
        self.assertEqual(silent.recv(1), b"", "it is closed long before kms.idle_timeout")
        self.send(proven("create", request(thread="t", number=1)))


class TlsTest(unittest.TestCase):
    def test_both_sides_show_a_certificate(self):
        folder = tempfile.mkdtemp(prefix="pdb-kms-tls-")
        self.addCleanup(shutil.rmtree, folder)
        good, other = Authority(folder, "good"), Authority(folder, "other")
        cert, key = good.issue("kms", "serverAuth")
        port = free_port()
        daemon = Daemon(listen=f"https://127.0.0.1:{port}",
                        more={"kms.tls.cert_file": cert, "kms.tls.key_file": key,
                              "kms.tls.client_ca_file": good.cert,
                              "kms.certificates.operator": ["ann"], "kms.certificates.auditor": ["eve"]})
        self.addCleanup(daemon.close)

        def status(pair, authority=good, command="status"):
            return daemon.pdbctl("kms", command, "--tls-ca", authority.cert, "--tls-cert", pair[0],
                                 "--tls-key", pair[1])[0]
        ann, eve = good.issue("ann", "clientAuth"), good.issue("eve", "clientAuth")
        self.assertEqual(status(ann), 0)
        self.assertEqual(status(ann, command="rotate"), 0)
        self.assertEqual(status(eve), 0)
        self.assertEqual(status(eve, command="rotate"), 1, "an auditor rotates nothing")
        self.assertIn(status(good.issue("bob", "clientAuth")), (1, 3), "a name without a role")
        self.assertNotEqual(status(other.issue("ann", "clientAuth")), 0, "of another authority")
        self.assertNotEqual(status(good.issue("ann", "clientAuth", days=-1)), 0, "over")
        other_name = good.issue("annXevil", "clientAuth")
        self.assertIn(status(good.alter(other_name, b"X", b"X")), (1, 3), "signed like the others")
        self.assertIn(status(good.alter(other_name, b"annXevil", b"ann\0evil")), (1, 3), "a name with a NUL")
        self.assertNotEqual(status(ann, authority=other), 0, "the KMS is not the one")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
            peer.sendall(clear("health", b""))
            self.assertNotIn(b"HTTP", peer.recv(100), "clear text")
        self.assertEqual(daemon.stop(), 0)


class AuditTest(unittest.TestCase):
    def test_an_operator_finds_what_was_done_to_the_log(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        caller = Caller(daemon.socket)
        for _ in range(20):
            caller.key("create", thread="t")
        caller.close()
        key = daemon.public_key()
        self.assertEqual(daemon.stop(), 0)
        path = f"{daemon.data}/audit.log"
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        self.assertEqual(daemon.audit(key)[0], 0)
        cases = {"edited": (lines[:9] + [lines[9].replace(b"create", b"unwrap")] + lines[10:], 10),
                 "dropped": (lines[:9] + lines[10:], 10),
                 "inserted": (lines[:9] + [lines[3]] + lines[9:], 10),
                 "reordered": (lines[:9] + [lines[10], lines[9]] + lines[11:], 10),
                 "cut": (lines[:-2], len(lines) - 2),
                 "cut inside": (lines[:-1] + [lines[-1][:50]], len(lines))}
        for what, (changed, place) in cases.items():
            with open(path, "wb") as file:
                file.write(b"".join(changed))
            code, out = daemon.audit(key)
            self.assertEqual(code, 1, what)
            self.assertIn(f"audit.log:{place}: ", out, what)
        for what, tail, status in (("being written", lines[3][:50], 0), ("not a line", lines[3][:50] + b"\n", 1),
                                   ("nothing", b"", 0)):
            with open(path, "wb") as file:
                file.write(b"".join(lines) + tail)
            self.assertEqual(daemon.audit(key)[0], status, what)
        wrong = ("0" if key[0] != "0" else "1") + key[1:]
        self.assertEqual(daemon.audit(wrong)[0], 1)
        self.assertNotIn("anew", daemon.audit(key)[1])
        private(f"{daemon.data}/audit.reset", "")
        daemon.start()
        self.assertEqual(daemon.stop(), 0)
        code, out = daemon.audit(key)
        self.assertEqual(code, 0, out)
        self.assertIn("begun anew", out)

    def test_a_full_disk_below_the_log_stops_key_operations(self):
        daemon = Daemon(expect_start=False)
        self.addCleanup(daemon.close)
        daemon.wrapper = ["prlimit", f"--fsize={700 * 1024}"]
        daemon.start()
        caller = Caller(daemon.socket)
        name, _ = caller.key("create", thread="t")
        refused = 0
        for _ in range(5000):
            try:
                caller.key("unwrap", key=name)
            except Refused as why:
                self.assertEqual(why.args[0], -15)
                refused += 1
                if refused == 100:
                    break
        self.assertEqual(refused, 100)
        caller.close()


class ToolTest(unittest.TestCase):
    def test_the_commands_of_an_operator(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        caller = Caller(daemon.socket)
        names = [caller.key("create", thread=f"t{number}")[0] for number in range(5)]
        caller.close()
        code, out, err = daemon.pdbctl("kms", "status")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("keys 5", out)
        self.assertEqual(len(daemon.pdbctl("kms", "keys", "--quiet")[1].splitlines()), 5)
        self.assertEqual(daemon.pdbctl("kms", "hold", names[0])[0], 0)
        self.assertEqual(daemon.pdbctl("kms", "destroy", names[0])[0], 2)
        self.assertEqual(daemon.pdbctl("kms", "destroy", names[0], "--confirm", names[0])[0], 1)
        self.assertEqual(daemon.pdbctl("kms", "release", names[0])[0], 0)
        self.assertEqual(daemon.pdbctl("kms", "shred-status", names[0])[0], 1)
        self.assertEqual(daemon.pdbctl("kms", "destroy", names[0], "--confirm", names[0])[0], 0)
        self.assertIn("logical", daemon.pdbctl("kms", "shred-status", names[0])[1])
        self.assertEqual(daemon.pdbctl("kms", "retire", "1")[0], 1)
        code, out, err = daemon.pdbctl("kms", "rotate", "--retire", "--actor", "ann")
        self.assertEqual(code, 0, err)
        self.assertIn("KEK version 1 is destroyed", out)
        self.assertIn("final", daemon.pdbctl("kms", "shred-status", names[0])[1])
        receipt = daemon.pdbctl("kms", "receipt", names[0])[1]
        path = os.path.join(daemon.directory, "receipt")
        with open(path, "w", encoding="ascii") as file:
            file.write(receipt)
        check = [program("pdbctl"), "kms", "verify-receipt", path, "--public-key"]
        self.assertEqual(subprocess.run([*check, daemon.public_key()], capture_output=True,
                                        check=False).returncode, 0)
        self.assertEqual(subprocess.run([*check, "1" * 64], capture_output=True,
                                        check=False).returncode, 1)
        self.assertEqual(daemon.pdbctl("kms", "disable", "2")[0], 1)
        self.assertEqual(daemon.pdbctl("kms", "verify")[0], 0)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.pdbctl("kms", "status")[0], 3)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    unittest.main()
