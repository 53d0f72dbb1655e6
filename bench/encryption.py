# SPDX-License-Identifier: Apache-2.0
"""What sealing costs: the same load on a server that seals whole bodies and on one that does not."""
import functools
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


class Pair(Gates):
    """One that does not seal and one that does, with databases of their own."""

    fields = ""
    turns = 12  # what a disk does with a turn of appends is no small part of it

    def __init__(self, size, threads, bench):
        self.size, self.threads = size, threads
        self.directory = tempfile.TemporaryDirectory(prefix="progressdb-seal-")
        self.configs = {"clear": CLEAR, "sealed": SEALED.replace("DIRECTORY", self.directory.name)}
        self.text = os.path.join(self.directory.name, "text")
        with open(self.text, "w", encoding="ascii") as file:
            file.write(prose())
        super().__init__(bench)

    def __exit__(self, *whatever):
        super().__exit__(*whatever)
        self.directory.cleanup()

    def run(self):
        self.print_head()
        path = "/v1/threads/s-{t}/messages"
        shape = f"{self.size} B, {self.threads} threads"
        threads = ["--threads", str(self.threads)]
        self.compare(f"durable append, {shape}",
                     ["--post", path, *threads, "--post-percent", "100", "--body",
                      '{"author":"user-1","body":{"text":"{x}"}}', "--text", self.text, "--piece", str(self.size)])
        self.compare(f"newest page, {shape}", ["--get", path + "?limit=50", *threads])


# Each by itself: no line depends on how large the databases of those before it were.
PAIRS = [functools.partial(Pair, size, threads) for size in (200, 1024) for threads in (1000, 16)]
