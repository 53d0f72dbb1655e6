# SPDX-License-Identifier: Apache-2.0
"""A server under test and sockets that say exactly what they are told to."""
import json
import os
import resource
import signal
import socket
import subprocess
import time

DEADLINE = 20.0
BINARY = os.path.join(os.environ["PDB_BUILD"], "tests", "http_echo_server")


class Server:
    def __init__(self, descriptors=None, **flags):
        words = [BINARY]
        limit = None
        if descriptors is not None:
            def limit():
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        for name, value in flags.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, preexec_fn=limit)
        line = self.process.stdout.readline()
        if not line.strip():
            self.process.stdout.close()
            raise RuntimeError("the server did not start: exit %s" % self.process.wait())
        port, self.admin = line.decode().rstrip("\n").split(" ", 1)
        self.port = int(port)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return code

    def reload(self):
        """Reads the certificate again; the status that this gave."""
        self.process.send_signal(signal.SIGHUP)
        return int(self.process.stdout.readline())

    def stop(self):
        """Ends the server; its exit code also tells of sanitizer reports."""
        if self.process.poll() is None:
            self.terminate()
        return self.wait()

    def connect(self):
        return Conn(socket.create_connection(("127.0.0.1", self.port), DEADLINE))

    def connect_admin(self):
        """To the listener of its own, wherever that is."""
        if not self.admin.startswith("unix:"):
            return Conn(socket.create_connection(
                ("127.0.0.1", int(self.admin.rsplit(":", 1)[1])), DEADLINE))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(self.admin[len("unix:"):])
        return Conn(sock)

    def stats(self):
        with self.connect() as conn:
            return json.loads(conn.ask("GET", "/stats").body)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Conn:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def fill(self):
        """One more piece; False at the end."""
        try:
            piece = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            piece = b""
        self.data += piece
        return bool(piece)

    def until(self, mark):
        while mark not in self.data:
            if not self.fill():
                raise EOFError("closed after %r" % self.data)
        part, self.data = self.data.split(mark, 1)
        return part

    def exactly(self, size):
        while len(self.data) < size:
            if not self.fill():
                raise EOFError("closed after %d of %d bytes" % (len(self.data), size))
        part, self.data = self.data[:size], self.data[size:]
        return part

    def answer(self, head=False):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        result = Answer(status, headers, b"")
        length = result.header("content-length")
        if length is not None and not head:
            result.body = self.exactly(int(length))
        return result

    def ask(self, method, target, headers=(), body=None):
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: test"]
        lines += ["%s: %s" % pair for pair in headers]
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        self.send("\r\n".join(lines) + "\r\n\r\n")
        if body:
            self.send(body)
        return self.answer(head=method == "HEAD")

    def closed(self):
        """True when the server closes without another byte."""
        while not self.data and self.fill():
            pass
        return not self.data

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)


def eventually(condition):
    """Polls a real condition, with a deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False
