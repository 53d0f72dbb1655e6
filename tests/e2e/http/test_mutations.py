# SPDX-License-Identifier: Apache-2.0
"""Requests with bytes changed, dropped and added: the server stays up and never says 500."""
import random
import re
import unittest

from raw_http import Server
from test_requests import ACCEPTED, LAST, REFUSED

CONNECTIONS = 4000
EXTRA = ["GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hold?ticket=5 HTTP/1.1\r\nHost: a\r\n\r\n",
         "POST /release?count=3 HTTP/1.1\r\nHost: a\r\n\r\n",
         "POST /publish?ticket=9 HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /big?size=200000 HTTP/1.1\r\nHost: a\r\n\r\n"]


def mutated(chance, seeds):
    data = bytearray(b"".join(chance.choice(seeds) for _ in range(chance.randint(1, 4))))
    for _ in range(chance.choice([0, 0, 1, 2, 5])):
        at = chance.randrange(len(data))
        kind = chance.random()
        if kind < 0.4:
            data[at] = chance.randrange(256)
        elif kind < 0.7:
            del data[at:at + chance.randint(1, min(10, len(data)))]
        else:
            data[at:at] = bytes(chance.choice(b"\r\n :,;0aF\x00\x7f%/") for _ in range(3))
        data = data or bytearray(b"x")
    return bytes(data)


class Mutations(unittest.TestCase):
    def talk(self, conn, chance, data):
        """Leaves at once, half closes, or reads for a moment. Returns what was read."""
        cut = chance.randrange(len(data) + 1)
        try:
            conn.send(data[:cut])
            if chance.random() < 0.5:
                conn.send(data[cut:])
            if chance.random() < 0.3:
                conn.half_close()
            conn.sock.settimeout(chance.choice([0, 0.002, 0.01]))
            while conn.fill():
                pass
        except OSError:
            pass
        return conn.data

    def test_mutations(self):
        server = Server(loops=2, header_timeout=500, body_timeout=500, idle_timeout=500)
        seeds = list(ACCEPTED.values()) + list(LAST.values())
        seeds += [data for _, data in REFUSED.values()] + EXTRA
        seeds = [seed.encode("latin-1") for seed in seeds if len(seed) < 3000]
        statuses = set()
        for number in range(CONNECTIONS):
            chance = random.Random(number)
            with server.connect() as conn:
                data = self.talk(conn, chance, mutated(chance, seeds))
            statuses |= {int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)}
        with server.connect() as conn:
            conn.ask("POST", "/release?count=1000000")
            conn.ask("POST", "/publish?ticket=1000000")
        self.assertEqual({one for one in statuses if one >= 500} - {501, 503, 505}, set())
        self.assertTrue({200, 400} <= statuses)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
