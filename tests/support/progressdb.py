# SPDX-License-Identifier: Apache-2.0
"""A running server in a directory of its own, and a client for it; for end-to-end tests."""
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

FRONTEND = "pk_frontend_key_for_tests"
BACKEND = "sk_backend_key_for_tests"
ADMIN = "ak_admin_key_for_tests"

# Tests have reason to fail more often than a stranger may.
CONFIG = f"""\
storage:
  backend: {{backend}}
security:
  failed_auth:
    per_minute: 0
  api_keys:
    frontend: [{FRONTEND}]
    backend: [{BACKEND}]
    admin: [{ADMIN}]
"""

DEADLINE = 30.0 if "asan" not in os.environ.get("PDB_BUILD", "") else 90.0


def build_directory():
    """The build to test: PDB_BUILD, or build/dev of this tree."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("PDB_BUILD") or os.path.join(here, "..", "..", "build", "dev")


def wait_for(condition, what, deadline=DEADLINE):
    """Polls until `condition` returns something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.01)


def sign(user, key=BACKEND):
    """The signature of a user id, as a client of a backend computes it."""
    return hmac.new(key.encode(), user.encode(), hashlib.sha256).hexdigest()


def quote(text):
    """A path segment."""
    return urllib.parse.quote(text, safe="")


class Answer:
    """Status, header fields (lower-case names) and body of an answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """One connection that stays open, with the credentials of one caller."""

    def __init__(self, port, key=None, user=None, signed=False):
        self.port = port
        self.headers = {}
        if key is not None:
            self.headers["Authorization"] = "Bearer " + key
        if user is not None:
            self.headers["X-User-ID"] = user
        if signed:
            self.headers["X-User-Signature"] = sign(user)
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None):
        """`body` is bytes, or anything that becomes JSON."""
        fields = dict(self.headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
            try:
                return self._exchange(method, path, body, fields)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # an idle connection may be closed by the server; a fresh one may not
                self.close()
                if fresh or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _exchange(self, method, path, body, fields):
        self.connection.request(method, path, body=body, headers=fields)
        response = self.connection.getresponse()
        data = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return Answer(response.status, headers, data)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.request("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)


class Server:
    """`config` replaces the whole file; `extra` is more YAML behind the usual one. It logs all it
    can, unless told otherwise, and close() looks for secrets in that."""

    def __init__(self, backend="wiredtiger", extra="", config=None, arguments=(), log_level="debug"):
        self.directory = tempfile.mkdtemp(prefix="progressdb-test-")
        self.db = os.path.join(self.directory, "db")
        self.log_path = os.path.join(self.directory, "log")
        self.config_path = os.path.join(self.directory, "progressdb.yaml")
        self.arguments = list(arguments)
        self.process = None
        self.port = None
        self.clients = []
        self.environment = dict(os.environ, PROGRESSDB_LOGGING_LEVEL=log_level)
        self.secrets = {FRONTEND, BACKEND, ADMIN}
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config if config is not None else CONFIG.format(backend=backend) + extra)
        os.chmod(self.config_path, 0o600)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self):
        program = os.path.join(build_directory(), "bin", "progressdb")
        offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program, "--config", self.config_path, "--addr", "127.0.0.1:0", "--db", self.db]
                + self.arguments,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=self.environment)
        self.port = int(wait_for(lambda: self._port(offset), "the server listens"))
        wait_for(self._ready, "the server is ready")
        return self

    def _port(self, offset):
        with open(self.log_path, "rb") as file:
            file.seek(offset)
            text = file.read().decode("utf-8", "replace")
        found = re.search(r"listening on https?://[^\s\"]*:(\d+)", text)
        if not found and self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{text}")
        return found and found.group(1)

    def _ready(self):
        client = Client(self.port)
        try:
            return client.get("/readyz").status == 200
        except OSError:
            return False
        finally:
            client.close()

    def stop(self, how=signal.SIGTERM, status=0):
        """Stops it in order, and expects it to end with `status`."""
        self._close_clients()
        self.process.send_signal(how)
        ended = self.process.wait(timeout=DEADLINE)
        self.process = None
        if ended != status:
            raise AssertionError(f"ended with {ended}, not {status}:\n{self.log()[-4000:]}")

    def kill(self):
        """Ends it without a chance to do anything."""
        self._close_clients()
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """For tearDown: ends it in whatever state it is, and removes its directory."""
        try:
            if self.process is not None:
                self.stop()
        finally:
            if self.process is not None:
                self.kill()
            leaked = self.leaked()
            shutil.rmtree(self.directory, ignore_errors=True)
        if leaked:
            raise AssertionError(f"in the log: {leaked}")

    def leaked(self):
        """The secrets that this server was told and its log holds."""
        if not os.path.exists(self.log_path):
            return []
        log = self.log()
        return [secret for secret in self.secrets if secret in log]

    def _close_clients(self):
        for client in self.clients:
            client.close()
        self.clients = []

    def client(self, key=None, user=None, signed=False):
        made = Client(self.port, key, user, signed)
        self.secrets.update(filter(None, (key, signed and sign(user))))
        self.clients.append(made)
        return made

    def frontend(self, user):
        return self.client(FRONTEND, user, signed=True)

    def backend(self, user=None):
        return self.client(BACKEND, user)

    def admin(self, user=None):
        return self.client(ADMIN, user)

    def raw(self, data, deadline=DEADLINE):
        """Sends bytes as they are and returns all that comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=deadline) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            parts = []
            while True:
                part = peer.recv(65536)
                if not part:
                    return b"".join(parts)
                parts.append(part)
