# SPDX-License-Identifier: Apache-2.0
"""What sealing costs: the same load on a server that seals whole bodies and on one that does not."""
import glob
import os
import re
import tempfile

from gates import KEYS, Gates

CLEAR = KEYS % "auth"
SEALED = KEYS % "auth, encryption" + f"""\
  encryption: {{use: true}}
  kms:
    mode: embedded
    master_key_hex: {os.urandom(32).hex()}
    data_dir: DIRECTORY/keys
"""
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "*.md")


def prose():
    """What people wrote, in one line: what is sealed does not compress, so what is clear must do so
    only as far as messages do."""
    pages = []
    for path in sorted(glob.glob(DOCS)):
        with open(path, encoding="utf-8") as page:
            pages.append(page.read())
    return re.sub(r"[^A-Za-z0-9.,:;?!'()-]+", " ", " ".join(pages))


class Encryption(Gates):
    """Asked in turns, as the gates are."""

    fields = ""

    def __init__(self, bench):
        self.keys = tempfile.TemporaryDirectory(prefix="progressdb-keys-")
        self.configs = {"clear": CLEAR, "sealed": SEALED.replace("DIRECTORY", self.keys.name)}
        self.text = os.path.join(self.keys.name, "text")
        with open(self.text, "w", encoding="ascii") as file:
            file.write(prose())
        super().__init__(bench)

    def __exit__(self, *whatever):
        super().__exit__(*whatever)
        self.keys.cleanup()

    def run(self):
        self.print_head()
        for size, piece in (("200 B", 200), ("1 KiB", 1024)):
            for threads in (1000, 16):
                path = f"/v1/threads/s{size.split()[0]}-{threads}-{{t}}/messages"
                append = ["--post", path, "--threads", str(threads), "--post-percent", "100", "--body",
                          '{"author":"user-1","body":{"text":"{x}"}}', "--text", self.text, "--piece", str(piece)]
                self.compare(f"durable append, {size}, {threads} threads", append)
                self.compare(f"newest page, {size}, {threads} threads",
                             ["--get", path + "?limit=50", "--threads", str(threads)])
