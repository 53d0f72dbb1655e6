# SPDX-License-Identifier: Apache-2.0
"""What stands between a server and its KMS, and lets through whole messages, or does worse."""
import collections
import os
import random
import socket
import threading

from kms import free_port


class Closed(Exception):
    """One side is gone."""


def read_message(file):
    """One request or answer, as the bytes it came in."""
    head = b""
    length = 0
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line.endswith(b"\n"):
            raise Closed
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = file.read(length)
    if len(body) != length:
        raise Closed
    return head + body


def op_of(request):
    return request.split(b" ", 2)[1].rsplit(b"/", 1)[1].decode()


class Relay:
    """`listen` is the address of the KMS; `manner` says what becomes of answers: "pass", "hang",
    "nonsense", "cut" (in the middle), "again" (an older answer to the same call)."""

    def __init__(self, listen):
        self.target = listen
        if listen.startswith("unix:"):
            self.listen = listen + ".relay"
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.listen.removeprefix("unix:"))
        else:
            port = free_port()
            self.listen = f"http://127.0.0.1:{port}"
            self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.listen(128)
        self.chance = random.Random(os.urandom(8))
        self.lock = threading.Condition()
        self.manner = "pass"
        self.busy = collections.Counter()
        self.open = set()
        self.requests = []
        self.answers = {}
        self.repeated = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.change("gone")
        self.listener.close()
        with self.lock:
            for peer in self.open:
                peer.shutdown(socket.SHUT_RDWR)

    def change(self, manner):
        """What is under way ends with the old manner, before this returns."""
        with self.lock:
            self.manner = manner
            self.lock.notify_all()
            self.lock.wait_for(lambda: self.busy.total() == self.busy[manner])

    def connect(self):
        if self.target.startswith("unix:"):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(self.target.removeprefix("unix:"))
            return peer
        host, port = self.target.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)))

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile("rb") as file:
            with self.lock:
                self.open.add(peer)
            try:
                while True:
                    self.exchange(peer, read_message(file))
            except (Closed, OSError):
                pass
            finally:
                with self.lock:
                    self.open.discard(peer)

    def exchange(self, peer, request):
        with self.lock:
            manner = self.manner
            self.busy[manner] += 1
            self.requests.append(request)
        try:
            peer.sendall(self.reply(manner, request))
            if manner != "pass":
                raise Closed
        finally:
            with self.lock:
                self.busy[manner] -= 1
                self.lock.notify_all()

    def reply(self, manner, request):
        if manner == "pass":
            return self.ask(request)
        if manner == "cut":
            answer = self.ask(request)
            return answer[:self.chance.randrange(1, len(answer))]
        if manner == "nonsense":
            return self.nonsense()
        if manner == "again":
            return self.repeat(request)
        with self.lock:
            self.lock.wait_for(lambda: self.manner != "hang")
        return b""

    def ask(self, request):
        with self.connect() as target, target.makefile("rb") as file:
            target.sendall(request)
            answer = read_message(file)
        with self.lock:
            self.answers[op_of(request)] = answer
        return answer

    def repeat(self, request):
        with self.lock:
            answer = self.answers.get(op_of(request), b"")
            self.repeated += answer != b""
        return answer

    def nonsense(self):
        size = self.chance.randrange(200)
        body = self.chance.randbytes(size)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
        return self.chance.choice((body, head + body, head, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                                   head + b"\0" * size, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"))
