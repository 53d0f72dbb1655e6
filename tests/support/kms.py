# SPDX-License-Identifier: Apache-2.0
"""A running progressdb-kms in a directory of its own, and what its callers say on the wire."""
import glob
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import progressdb

MASTER = "9f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914"
SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
NOBODY = ["4294967000"]


def program(name):
    return os.path.join(progressdb.build_directory(), "bin", name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def private(path, text):
    """A file of secrets, replaced as a whole."""
    with open(path + ".new", "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    os.rename(path + ".new", path)
    return path


def nested(settings):
    """{"a.b": 1} as {"a": {"b": 1}}."""
    tree = {}
    for key, value in settings.items():
        *folders, name = key.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return tree


class Daemon:
    """A KMS. `more` are options by their dotted names; None leaves one out."""

    def __init__(self, listen=None, more=None, expect_start=True, environment=None):
        self.directory = tempfile.mkdtemp(prefix="pdb-kms-")
        self.data = os.path.join(self.directory, "keys")
        self.socket = os.path.join(self.directory, "kms.sock")
        self.listen = listen or f"unix:{self.socket}"
        self.config_path = os.path.join(self.directory, "kms.yaml")
        self.wrapper = []
        self.environment = environment or {}
        self.notified = None
        self.process = None
        me = [str(os.getuid())]
        self.settings = {"kms.data_dir": self.data, "kms.listen": [self.listen], "kms.users.server": me,
                         "kms.users.operator": me, "kms.master_key_hex": MASTER, "kms.locked_memory": "warn"}
        self.configure(more or {})
        if expect_start:
            self.start()

    def configure(self, more):
        """JSON is YAML, too."""
        self.settings.update(more)
        given = {key: value for key, value in self.settings.items() if value is not None}
        private(self.config_path, json.dumps(nested(given), indent=1))

    def command(self):
        return [*self.wrapper, program("progressdb-kms"), "--config", self.config_path]

    def start(self):
        path = os.path.join(self.directory, "notify")
        if self.notified is not None:
            self.notified.close()
            os.unlink(path)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(path)
        self.notified.settimeout(progressdb.DEADLINE)
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log,
                                            env={**self.environment, "NOTIFY_SOCKET": path})
        self.expect(b"READY=1")
        return self

    def expect(self, state):
        said = self.notified.recv(64)
        assert said == state, said

    def reload(self):
        """True when it has taken over what its files say now."""
        before = self.log().count("configuration reloaded")
        self.process.send_signal(signal.SIGHUP)
        self.expect(b"RELOADING=1")
        self.expect(b"READY=1")
        return self.log().count("configuration reloaded") > before

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=progressdb.DEADLINE)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.notified is not None:
            self.notified.close()
        shutil.rmtree(self.directory)

    def log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8") as file:
            return file.read()

    def pdbctl(self, *words):
        result = subprocess.run([program("pdbctl"), *words, "--endpoint", self.listen],
                                capture_output=True, timeout=120, check=False)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def audit(self, key=None):
        """What pdbctl finds: its status and its words."""
        words = ["kms", "verify-audit", self.data]
        words += ["--public-key", key] if key else ["--quiet"]
        result = subprocess.run([program("pdbctl"), *words], capture_output=True, timeout=120,
                                check=False)
        return result.returncode, result.stdout.decode() + result.stderr.decode()

    def audited(self, op=None, phase="begin"):
        """The lines of the audit log in order, as objects."""
        lines = []
        for path in sorted(glob.glob(os.path.join(self.data, "audit-*.log"))) + \
                [os.path.join(self.data, "audit.log")]:
            with open(path, encoding="ascii") as file:
                lines += [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines if op is None or (line.get("op"), line.get("phase")) == (op, phase)]

    def done(self, *ops):
        """The numbers of the lines that say that one of these was done for a caller."""
        return [line["seq"] for op in ops for line in self.audited(op, "end")
                if line["result"] == "OK" and line["who"] != "start"]

    def public_key(self):
        with open(os.path.join(self.data, "audit.pub"), encoding="ascii") as file:
            return file.read().strip()


# -- on the wire ---------------------------------------------------------------------------------


def text(value):
    value = value.encode()
    return struct.pack("<I", len(value)) + value


def request(key="", thread="", actor="", version=0, number=0, cursor=""):
    progress = struct.pack("<IQQQ", 0, 0, 0, 0) + text(cursor)
    return (struct.pack("<I", 0x31515250) + text(key) + text(thread) + text(actor) +
            struct.pack("<II", version, number) + progress + text("") + text(""))


def clear(op, body):
    """A request as it is."""
    return f"POST /v1/{op} HTTP/1.1\r\nHost: kms\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def proven(op, body, secret=SECRET, name="ann", when=None, nonce=None, signed_op=None):
    """A request with the proof of a token."""
    when = int(time.time()) if when is None else when
    nonce = nonce or os.urandom(16).hex()
    message = f"pdb/kms-request1\n{signed_op or op}\n{when} 0\n{nonce}\n".encode() + body
    mac = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return (f"POST /v1/{op} HTTP/1.1\r\nHost: kms\r\nContent-Length: {len(body)}\r\n"
            f"X-KMS-Time: {when}\r\nX-KMS-Nonce: {nonce}\r\nX-KMS-MAC: {mac}\r\n"
            f"X-KMS-Token: {name}\r\n\r\n").encode() + body


class Refused(Exception):
    """The KMS said no: its status."""


class Caller:
    """One connection, and its requests in order. `where` is a path or (host, port)."""

    def __init__(self, where, tls=None):
        if isinstance(where, str):
            self.connection = socket.socket(socket.AF_UNIX)
            self.connection.settimeout(progressdb.DEADLINE)
            self.connection.connect(where)
        else:
            self.connection = socket.create_connection(where, timeout=progressdb.DEADLINE)
        if tls is not None:
            self.connection = tls.wrap_socket(self.connection)
        self.file = self.connection.makefile("rb")

    def close(self):
        self.file.close()
        self.connection.close()

    def send(self, raw):
        self.connection.sendall(raw)
        return read_answer(self.file)

    def call(self, op, body):
        return self.send(clear(op, body))

    def key(self, op, **fields):
        """The id and the DEK."""
        body = self.call(op, request(number=1, **fields))
        at = rows_at(body)
        at += 4 + 5 * 4 + 8
        length = struct.unpack_from("<I", body, at)[0]
        name = body[at + 4:at + 4 + length].decode()
        at += 4 + length
        for _ in range(2):
            at += 4 + struct.unpack_from("<I", body, at)[0]
        return name, body[at + 4:at + 36]


def read_answer(file):
    line = file.readline()
    if not line:
        raise ConnectionError("closed")
    length = 0
    while True:
        field = file.readline()
        if field in (b"\r\n", b""):
            break
        if field.lower().startswith(b"content-length:"):
            length = int(field.split(b":")[1])
    body = file.read(length)
    if len(body) != length:
        raise ConnectionError("cut")
    if line.split()[1] != b"200":
        raise Refused(struct.unpack_from("<i", body, 4)[0])
    return body


def rows_at(body):
    """Where the count of keys stands in an answer."""
    at = 8
    for _ in range(2):
        at += 4 + struct.unpack_from("<I", body, at)[0]
    at += 4 + 4 + 24
    at += 4 + struct.unpack_from("<I", body, at)[0]
    return at + 28 + 24
