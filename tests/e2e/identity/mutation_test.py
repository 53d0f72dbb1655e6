# SPDX-License-Identifier: Apache-2.0
"""Changed credentials over HTTP: each is answered 401 or, when it is no header at all, 400."""
import os
import random
import sys
import unittest

from progressdb import BACKEND, FRONTEND, Server, sign

COUNT = int(os.environ.get("PDB_MUTATIONS", "2000"))
PRINTABLE = "".join(chr(c) for c in range(33, 127))

CONFIG = """\
storage: {{backend: memory}}
plugins: {{load: [auth]}}
security:
  api_keys: {{frontend: [{FRONTEND}], backend: [{BACKEND}]}}
"""


def mutate(rnd, text):
    """One to three changes to a text."""
    for _ in range(rnd.randint(1, 3)):
        at = rnd.randrange(len(text) + 1)
        text = rnd.choice((text[:at] + text[at + 1:], text[:at] + rnd.choice(PRINTABLE) + text[at:],
                           text[:at] + rnd.choice(PRINTABLE) + text[at + 1:], text[:at] * 2,
                           text.swapcase()))
    return text


class Mutation(unittest.TestCase):
    def test_none_is_accepted(self):
        server = Server(config=CONFIG.format(FRONTEND=FRONTEND, BACKEND=BACKEND))
        self.addCleanup(server.close)
        server.start()
        seed = int(os.environ.get("PDB_MUTATION_SEED", random.randrange(1 << 32)))
        rnd = random.Random(seed)
        token = server.backend().post("/v1/_sign", {"userId": "ann", "expires_in": 3600}).json["signature"]
        bare = sign("ann")
        client, seen = server.client(), {}
        for i in range(COUNT):
            kind = i % 3
            if kind == 0:
                key = mutate(rnd, BACKEND)
                if key in (BACKEND, FRONTEND):
                    continue
                client.headers = {"X-API-Key": key, "X-User-ID": "ann"}
            else:
                good = bare if kind == 1 else token
                signature = mutate(rnd, good)
                if signature.lower() == good and (kind == 1 or signature == good):
                    continue
                client.headers = {"X-User-ID": "ann", "X-User-Signature": signature}
            answer = client.get("/v1/threads")
            seen[answer.status] = seen.get(answer.status, 0) + 1
            self.assertIn(answer.status, (400, 401), (seed, client.headers, answer))
        print(f"{sum(seen.values())} changed credentials: {seen} (seed {seed})", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
