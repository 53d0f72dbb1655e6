# SPDX-License-Identifier: Apache-2.0
"""What sealing costs: the same load on a server that seals whole bodies and on one that does not."""
import os
import tempfile

from gates import KEYS, Gates

CLEAR = KEYS % "auth"
SEALED = KEYS % "auth, encryption" + f"""\
  encryption: {{use: true}}
  kms:
    mode: embedded
    master_key_hex: {os.urandom(32).hex()}
    data_dir: DIRECTORY
"""
WORDS = "I would like to find a place to eat in San Jose, something moderately priced with outdoor seating. "


class Encryption(Gates):
    """Asked in turns, as the gates are."""

    fields = ""

    def __init__(self, bench):
        self.keys = tempfile.TemporaryDirectory(prefix="progressdb-keys-")
        self.configs = {"clear": CLEAR, "sealed": SEALED.replace("DIRECTORY", self.keys.name)}
        super().__init__(bench)

    def __exit__(self, *whatever):
        super().__exit__(*whatever)
        self.keys.cleanup()

    def run(self):
        self.print_head()
        for size, words in (("200 B", WORDS * 2), ("1 KiB", WORDS * 10)):
            for threads in (1000, 16):
                path = f"/v1/threads/s{size.split()[0]}-{threads}-{{t}}/messages"
                append = ["--post", path, "--threads", str(threads), "--body",
                          f'{{"author":"user-1","body":{{"text":"{words}"}}}}', "--post-percent", "100"]
                self.compare(f"durable append, {size}, {threads} threads", append)
                self.compare(f"newest page, {size}, {threads} threads",
                             ["--get", path + "?limit=50", "--threads", str(threads)])
