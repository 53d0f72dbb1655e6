# SPDX-License-Identifier: Apache-2.0
"""Many clients that write without a rest, and what they were told."""
import collections
import http.client
import threading
import time

import progressdb


class Crowd:
    """`count` writers, each with a connection and a thread of its own."""

    def __init__(self, server, count, prefix):
        self.server = server
        self.prefix = prefix
        self.stopping = threading.Event()
        self.statuses = collections.Counter()
        self.acknowledged = [0] * count
        self.retry_after = set()
        self.codes = set()
        self.waits = []
        self.threads = [threading.Thread(target=self._write, args=(place,)) for place in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _write(self, place):
        client = progressdb.Client(self.server.port, progressdb.BACKEND, f"{self.prefix}-{place}")
        number = 0
        while not self.stopping.is_set():
            start = time.monotonic()
            try:
                answer = client.post(f"/v1/threads/{self.prefix}-{place}/messages",
                                     body={"id": f"m{number}", "body": number})
            except (OSError, http.client.HTTPException):
                client.close()
                continue
            self.statuses[answer.status] += 1
            self.waits.append(time.monotonic() - start)
            if answer.status == 200:
                self.acknowledged[place] += 1
                number += 1
            else:
                self.codes.add(answer.json["code"])
                self.retry_after.add(answer.headers.get("retry-after"))
                self.stopping.wait(0.005)
        client.close()

    def lost(self):
        """Acknowledged messages that are not there: the ids, by thread."""
        missing = {}
        admin = progressdb.Client(self.server.port, progressdb.ADMIN)
        for place, count in enumerate(self.acknowledged):
            found = set()
            after = 0
            more = count > 0
            while more:
                page = admin.get(f"/v1/threads/{self.prefix}-{place}/messages?limit=1000&after={after}").json
                found |= {message["id"] for message in page["messages"]}
                more = page["pagination"]["has_after"]
                after = page["messages"][-1]["seq"] if page["messages"] else after
            gone = {f"m{number}" for number in range(count)} - found
            if gone:
                missing[place] = sorted(gone)
        admin.close()
        return missing


def wait_until_writable(server, user="recovered"):
    """How long it takes until a write is taken again."""
    start = time.monotonic()
    client = server.backend(user)
    progressdb.wait_for(lambda: client.post(f"/v1/threads/{user}/messages", body={"body": 1}).status == 200,
                        "a write is taken again")
    return time.monotonic() - start
