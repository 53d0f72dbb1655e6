# SPDX-License-Identifier: Apache-2.0
"""Keys are rotated while clients write and read, and one of the daemons is killed again and again."""
import json
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import progressdb
from kms import Daemon, private, program
from progressdb import wait_for
from sealed import Sealed

THREADS = int(os.environ.get("PDB_ROTATION_THREADS", "300"))
MESSAGES = int(os.environ.get("PDB_ROTATION_MESSAGES", "100"))
KILLS = int(os.environ.get("PDB_ROTATION_KILLS", "2"))
CLIENTS = int(os.environ.get("PDB_ROTATION_CLIENTS", "2"))
SEED = int(os.environ.get("PDB_ROTATION_SEED", str(time.time_ns())))
# how long the server may refuse what needs a key after its key service is back
QUICK = float(os.environ.get("PDB_QUICK", progressdb.DEADLINE))
MAKERS = 16
STEP = 500  # keys that a step of the job takes
DONE = 3


class Wire:
    """One connection, without what a library would spend on it: a test of scale sends many requests."""

    def __init__(self, port, key, user):
        self.head = f"Host: a\r\nAuthorization: Bearer {key}\r\nX-User-ID: {user}\r\n"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=progressdb.DEADLINE)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def ask(self, method, path, body=None, more=""):
        """The status, and the JSON of the answer."""
        data = json.dumps(body).encode() if body is not None else b""
        kind = "Content-Type: application/json\r\n" if data else ""
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{self.head}{kind}{more}"
                            f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        status, length = self.file.readline().split(b" ", 2)[1:2], 0
        if not status:
            raise ConnectionError("closed")
        while (line := self.file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answer = self.file.read(length)
        if len(answer) != length:
            raise ConnectionError("cut")
        return int(status[0]), json.loads(answer) if answer else None


class Ground:
    """A server and its key service, one of which may have just been killed."""

    def __init__(self, external):
        self.daemon = Daemon() if external else None
        self.master = tempfile.mkdtemp(prefix="pdb-master-")
        key = os.path.join(self.master, "key")
        private(key, os.urandom(16).hex()[:32])
        self.sealed = Sealed(kms="external", more_kms=f"    endpoint: {self.daemon.listen}\n") if external \
            else Sealed(kms="embedded", more_kms=f"    master_key_file: {key}\n")
        self.place = ["--endpoint", self.daemon.listen] if external \
            else ["--dir", self.sealed.kms_directory, "--master-key-file", key]
        self.server = self.sealed.server
        self.server.environment["PROGRESSDB_LOGGING_LEVEL"] = "info"
        self.generation, self.trouble = 0, 0.0
        self.server.start()

    def close(self):
        self.sealed.close()
        if self.daemon is not None:
            self.daemon.close()
        os.unlink(os.path.join(self.master, "key"))
        os.rmdir(self.master)

    def kill(self, who):
        """Kills and starts again. What fails from here until the end of the trouble is due to it."""
        self.trouble = float("inf")
        if who == "kms":
            self.daemon.kill()
            self.daemon.start()
            self.trouble = time.monotonic() + QUICK
        else:
            self.server.kill()
            self.server.start()
            self.generation += 1
            self.trouble = time.monotonic()

    def pdbctl(self, *words):
        done = subprocess.run([program("pdbctl"), "kms", *words, *self.place], capture_output=True,
                              timeout=600, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()


class Client(threading.Thread):
    """Writes and reads until it is told to stop. It tries again when the other side was killed just
    now, as one in earnest would; whatever else fails is remembered."""

    def __init__(self, ground, number, threads=THREADS, known=()):
        super().__init__()
        self.ground, self.number, self.threads = ground, number, threads
        self.chance = random.Random(f"{SEED} {number}")
        self.wire, self.generation = None, -1
        self.known = list(known)  # of messages that nobody changes: their place and the body
        self.expected = {}  # place of a message: the bodies of its versions
        self.places = []
        self.requests = self.retries = self.made = 0
        self.longest = 0.0
        self.failures = []
        self.stopping = threading.Event()

    def exchange(self, *words):
        if self.wire is None or self.generation != self.ground.generation:
            self.hang_up()
            self.generation = self.ground.generation
            self.wire = Wire(self.ground.server.port, progressdb.BACKEND, "ann")
        return self.wire.ask(*words)

    def hang_up(self):
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def ask(self, *words):
        """Status, JSON, and whether an earlier try may have been carried out."""
        again, first = False, time.monotonic()
        while True:
            began = time.monotonic()
            try:
                status, answer = self.exchange(*words)
            except (OSError, IndexError) as error:
                self.hang_up()
                status, answer = 0, repr(error)
            self.requests += 1
            if status in (200, 412) or began > self.ground.trouble:
                break
            self.retries += 1
            again = True
            self.stopping.wait(0.02)
        self.longest = max(self.longest, time.monotonic() - first)
        if status not in (200, 412):
            self.failures.append((words[:2], status, answer))
        return status, answer, again

    def thread(self):
        return f"t{self.chance.randrange(self.threads)}"

    def post(self, thread):
        self.made += 1
        message = f"c{self.number}-{self.made}"
        body = body_of(thread, message, 1)
        if self.ask("POST", f"/v1/threads/{thread}/messages", {"id": message, "body": body})[0] == 200:
            self.places.append(f"/v1/threads/{thread}/messages/{message}")
            self.expected[self.places[-1]] = [body]

    def edit(self):
        path = self.chance.choice(self.places)
        versions = self.expected[path]
        body = body_of(path, "edit", len(versions) + 1)
        status, answer, again = self.ask("PUT", path, {"body": body}, f"If-Match: \"{len(versions)}\"\r\n")
        if status == 200 or (status == 412 and again):
            versions.append(body)
        elif status == 412:
            self.failures.append((path, status, answer))

    def read(self):
        path, body = self.chance.choice(self.known)
        status, answer, _ = self.ask("GET", path)
        if status == 200 and answer["body"] != body:
            self.failures.append((path, status, answer))

    def run(self):
        self.post(self.thread())
        while not self.stopping.is_set():
            lot = self.chance.random()
            if lot < 0.5:
                self.read()
            elif lot < 0.8:
                self.post(self.thread())
            elif lot < 0.9:
                self.edit()
            else:
                self.post(f"x{self.number}-{self.made}")
        self.hang_up()


def body_of(thread, message, version):
    return {"text": f"rotation of {thread} {message} {version}", "n": version}


def base(number):
    """The first message of a thread: its place and its body."""
    return f"/v1/threads/t{number}/messages/m", body_of(f"t{number}", "m", 1)


def in_parallel(port, count, work):
    """Has some connections do a piece of work for every number."""
    numbers = iter(range(count))
    lock, faults = threading.Lock(), []

    def run():
        wire = Wire(port, progressdb.BACKEND, "ann")
        while True:
            with lock:
                number = next(numbers, None)
            if number is None or faults:
                break
            try:
                work(wire, number)
            except (AssertionError, OSError) as fault:
                faults.append(fault)
        wire.close()
    makers = [threading.Thread(target=run) for _ in range(min(MAKERS, count))]
    began = time.monotonic()
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    if faults:
        raise faults[0]
    return count / (time.monotonic() - began)


class RotationTest(unittest.TestCase):
    def begin(self, external):
        self.ground = Ground(external)
        self.addCleanup(self.ground.close)
        self.server = self.ground.server
        self.chance = random.Random(SEED)
        self.kills = 0
        print(f"seed {SEED}, {'progressdb-kms' if external else 'embedded'}")

    def admin(self, method, path, body=None):
        answer = self.server.admin().request(method, path, body)
        self.assertIn(answer.status, (200, 202), answer)
        return answer.json

    def status(self):
        return self.admin("GET", "/admin/encryption/status")

    def view(self, job):
        return self.admin("GET", f"/admin/test-jobs/{job}")

    def submit(self, name, **params):
        return self.admin("POST", f"/admin/encryption/{name}", params)["id"]

    def finish(self, job):
        view = wait_for(lambda: (lambda v: v["state"] >= DONE and v)(self.view(job)), "the job", 600)
        self.assertEqual(view["state"], DONE, view)
        return view

    # -- threads ---------------------------------------------------------------------------------

    def make(self, wire, number):
        path, body = base(number)
        status, answer = wire.ask("POST", path[:-2], {"id": "m", "body": body})
        self.assertEqual(status, 200, answer)

    def judge(self, wire, number):
        path, body = base(number)
        status, answer = wire.ask("GET", path)
        self.assertEqual((status, answer.get("body")), (200, body))

    def read_all(self, clients):
        expected = [item for client in clients for item in client.expected.items()]

        def judge(wire, number):
            path, versions = expected[number]
            status, answer = wire.ask("GET", path + "/versions")
            self.assertEqual(status, 200, answer)
            self.assertEqual([version["body"] for version in answer["versions"]], versions, path)
        in_parallel(self.server.port, len(expected), judge)
        return len(expected)

    # -- killing ---------------------------------------------------------------------------------

    def kill_while(self, job, killed):
        """Kills until the job is done or there were enough; most times only after it has moved."""
        seen = -1
        while self.kills < KILLS:
            moved = self.chance.random() < 0.8
            view = wait_for(lambda: (lambda v: (not moved or v["done"] != seen or v["state"] >= DONE) and v)(
                self.view(job)), "the job moves", 120)
            if view["state"] >= DONE:
                break
            seen = view["done"]
            threading.Event().wait(self.chance.uniform(0, 0.2))  # the moment of death
            self.ground.kill(killed[self.kills % len(killed)])
            self.kills += 1
        return self.finish(job)

    def under_load(self, clients, work):
        for client in clients:
            client.start()
        try:
            work()
        finally:
            for client in clients:
                client.stopping.set()
            for client in clients:
                client.join()
        self.assertEqual([client.failures[:3] for client in clients if client.failures], [])
        print(f"{self.kills} kills, {sum(client.requests for client in clients)} requests, "
              f"{sum(client.retries for client in clients)} tried again, 0 failed, "
              f"{max(client.longest for client in clients):.1f} s the longest")

    # -- the key of all keys ---------------------------------------------------------------------

    def rotate_all(self, killed):
        while self.kills < KILLS:
            version = self.admin("POST", "/admin/encryption/generate-kek")["kek_version"]
            self.judge_kept(version - 1)
            # as slow as it takes for the kills to fall into it, two passes over the keys
            rate = max(STEP, 2 * self.status()["outdated_keys"] // max(1, KILLS // 2))
            result = self.kill_while(self.submit("rewrap-deks", all=True, per_second=rate), killed)["result"]
            self.assertGreaterEqual(result["keys"], THREADS)
            self.assertEqual((result["not_rewrapped"], result["not_verified"]), (0, 0))
            self.judge_keks(version)

    def judge_kept(self, version):
        """What wraps keys is destroyed by nobody."""
        if self.ground.daemon is not None:
            code, text = self.ground.pdbctl("retire", str(version))
            self.assertEqual(code, 1, text)
            self.assertIn("still wraps", text)

    def judge_keks(self, version):
        status = self.status()
        self.assertEqual(status["outdated_keys"], 0)
        for kek in status["keks"]:
            self.assertEqual(kek["state"] == "active", kek["version"] == version, kek)
            self.assertTrue(kek["version"] == version or kek["keys"] == 0, kek)

    def measure(self):
        """One rotation that nothing slows down."""
        version = self.admin("POST", "/admin/encryption/generate-kek")["kek_version"]
        keys = self.status()["outdated_keys"]
        began = time.monotonic()
        job = self.submit("rewrap-deks", all=True)
        wait_for(lambda: self.status()["outdated_keys"] == 0, "all are wrapped anew", 600)
        print(f"{keys} keys rewrapped, {keys / (time.monotonic() - began):.0f} a second")
        self.finish(job)
        self.judge_keks(version)
        return version

    def retire_all(self, active):
        """What is not used any more can be destroyed, and nothing needs it."""
        external = self.ground.daemon is not None
        if not external:
            self.server.stop()
        for version in range(1, active):
            self.assertEqual(self.ground.pdbctl("retire", str(version))[0], 0, version)
        self.assertEqual(self.ground.pdbctl("retire", str(active))[0], 1, "it is in use")
        self.assertEqual(self.ground.pdbctl("verify")[0], 0)
        if external:
            self.server.stop()
            self.assertEqual(self.ground.daemon.stop(), 0)
            code, text = self.ground.daemon.audit(self.ground.daemon.public_key())
            self.assertEqual(code, 0, text)
            self.ground.daemon.start()
        self.server.start()

    def rotation_of_all(self, external):
        self.begin(external)
        print(f"{THREADS} threads made, {in_parallel(self.server.port, THREADS, self.make):.0f} a second")
        known = [base(number) for number in range(THREADS)]
        clients = [Client(self.ground, number, known=known) for number in range(CLIENTS)]
        self.under_load(clients, lambda: self.rotate_all(["server", "kms"] if external else ["server"]))
        self.retire_all(self.measure())
        print(f"{THREADS} threads read, {in_parallel(self.server.port, THREADS, self.judge):.0f} a second; "
              f"{self.read_all(clients)} messages with their versions")

    def test_all_keys_of_ones_own_process(self):
        self.rotation_of_all(False)

    def test_all_keys_of_progressdb_kms(self):
        self.rotation_of_all(True)

    # -- the key of one thread -------------------------------------------------------------------

    def rotate_one(self, killed):
        while self.kills < KILLS:
            rate = max(64, MESSAGES // max(1, KILLS // 4))
            self.kill_while(self.submit("rotate-thread-dek", thread_id="t0", per_second=rate), killed)
            self.turns += 1

    def judge_versions(self):
        """The service has as many versions of the key as there were rotations, and no more."""
        key = self.admin("GET", "/admin/encryption/shred-status?thread_id=t0")["key_id"]
        self.server.stop()
        code, text = self.ground.pdbctl("keys")
        self.server.start()
        self.assertEqual(code, 0, text)
        (line,) = [line.split() for line in text.splitlines() if line.startswith(key)]
        self.assertEqual(line[1:3], ["bound", str(self.turns + 1)])

    def rotation_of_one(self, external):
        self.begin(external)
        self.turns = 0
        first = Client(self.ground, "first", 1)
        for _ in range(MESSAGES):
            first.post("t0")
            if self.chance.random() < 0.3:
                first.edit()
        first.hang_up()
        known = [(path, versions[-1]) for path, versions in first.expected.items()]
        clients = [Client(self.ground, number, 1, known) for number in range(CLIENTS)]
        self.under_load(clients, lambda: self.rotate_one(["server", "kms"] if external else ["server"]))
        self.judge_versions()
        print(f"{self.turns} rotations, {self.read_all([first, *clients])} messages with their versions")

    def test_a_hot_thread_by_ones_own_process(self):
        self.rotation_of_one(False)

    def test_a_hot_thread_by_progressdb_kms(self):
        self.rotation_of_one(True)


if __name__ == "__main__":
    unittest.main(verbosity=1)
