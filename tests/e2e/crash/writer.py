# SPDX-License-Identifier: Apache-2.0
"""A writer: one connection, one request at a time, every intent noted before it is sent."""
import json
import random
import socket
import threading

from ledger import Entry
from progressdb import BACKEND


class Gone(Exception):
    """The server went away."""


class Writer(threading.Thread):
    """Writes until the server is gone. `faults` is what it was told wrongly while it lived."""

    def __init__(self, port, name, threads, ledger, seed):
        super().__init__(daemon=True)
        self.port = port
        self.label = name
        self.threads = threads
        self.ledger = ledger
        self.random = random.Random(seed)
        self.mine = []
        self.faults = []
        self.answered = 0
        self.number = 0
        self.socket = None
        self.buffer = b""

    def run(self):
        try:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                self.random.choices((self.append, self.batch, self.edit, self.delete, self.repeat),
                                    (60, 8, 16, 6, 10))[0]()
                self.answered += 1
        except (OSError, Gone):
            pass
        finally:
            if self.socket is not None:
                self.socket.close()

    # -- what it does --------------------------------------------------------------------------

    def new_entry(self, thread, group=None):
        self.number += 1
        entry = Entry(thread, f"{self.label}-{self.number}", self.label, group)
        entry.intend((f"{self.label} says {self.number} " + "x" * self.random.randrange(200), 1, False))
        return self.ledger.add(entry)

    def append(self):
        entry = self.new_entry(self.random.choice(self.threads))
        self.expect(200, "POST", f"/v1/threads/{entry.thread}/messages", message_of(entry))
        entry.acknowledge()
        self.mine.append(entry)

    def batch(self):
        thread = self.random.choice(self.threads)
        group = f"{self.label}-{self.number}"
        entries = [self.new_entry(thread, group) for _ in range(self.random.randrange(2, 6))]
        self.expect(200, "POST", f"/v1/threads/{thread}/messages:batch",
                    {"messages": [message_of(entry) for entry in entries]})
        for entry in entries:
            entry.acknowledge()
        self.mine += entries

    def living(self):
        entry = self.random.choice(self.mine) if self.mine else None
        return None if entry is None or entry.known[2] else entry

    def edit(self):
        entry = self.living()
        if entry is None:
            return self.append()
        text = f"{self.label} edits {entry.ident} to {entry.known[1] + 1}"
        entry.intend((text, entry.known[1] + 1, False))
        self.expect(200, "PUT", f"/v1/threads/{entry.thread}/messages/{entry.ident}",
                    {"author": self.label, "body": {"text": text}})
        entry.acknowledge()
        return None

    def delete(self):
        entry = self.living()
        if entry is None:
            return self.append()
        entry.intend((None, entry.known[1] + 1, True))
        self.expect(204, "DELETE",
                    f"/v1/threads/{entry.thread}/messages/{entry.ident}?author={self.label}")
        entry.acknowledge()
        return None

    def repeat(self):
        """The same append again: told of the first one, and nothing new is stored."""
        if not self.mine:
            return self.append()
        entry = self.random.choice(self.mine)
        head = self.expect(200, "POST", f"/v1/threads/{entry.thread}/messages", message_of(entry))
        if b"\r\nidempotent-replayed: true" not in head.lower():
            self.faults.append(f"a repeated append of {entry.ident} was not told as replayed")
        return None

    # -- the wire ------------------------------------------------------------------------------

    def expect(self, status, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {BACKEND}\r\n"
            f"X-User-ID: {self.label}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        head, answer = self.answer()
        got = int(head[9:12])
        if got != status:
            self.faults.append(f"{method} {path} gave {got}: {answer[:200]!r}")
            raise Gone
        return head

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(self.buffer) < length:
            self.more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return head, body

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise Gone
        self.buffer += got


def message_of(entry):
    """The append of an entry, the same however often it is sent."""
    return {"id": entry.ident, "author": entry.author, "role": "user", "body": {"text": entry.first}}
