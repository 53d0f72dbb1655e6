# SPDX-License-Identifier: Apache-2.0
"""The real conversations, and a digest of each thread that says whether it came back byte for byte."""
import hashlib
import json
import os
import subprocess

DECODER = json.JSONDecoder()


def path():
    """Where the file is, or should be."""
    source = os.environ.get("PDB_SOURCE", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    folder = os.environ.get("PDB_DATA", os.path.join(source, "..", "shared", "data"))
    return os.path.join(folder, "sgd-train.ndjson.zst")


def lines(name):
    """The lines of a file, unpacked when its name ends in .zst."""
    if not name.endswith(".zst"):
        with open(name, "rb") as file:
            yield from file
        return
    with subprocess.Popen(["zstd", "-dc", name], stdout=subprocess.PIPE) as unpack:
        yield from unpack.stdout
    if unpack.returncode != 0:
        raise AssertionError(f"zstd ended with {unpack.returncode}")


def message_digest(text, start, end):
    """Of author, role, ts and the exact bytes of the body of the object at text[start:end].

    The text is bytes read as Latin-1, so that a character is a byte."""
    fields = {}
    at = start + 1
    while at < end - 1:
        key, at = DECODER.raw_decode(text, at)
        at = skip(text, at, ":")
        _, after = DECODER.raw_decode(text, at)
        fields[key] = text[at:after]
        at = skip(text, after, ",")
    wanted = (fields["author"], fields["role"], fields["ts"], fields["body"])
    return hashlib.blake2b("\n".join(wanted).encode("latin-1"), digest_size=16).digest()


def skip(text, at, mark):
    """Behind white space and one mark, if it is there."""
    while text[at] in " \n\r\t" + mark:
        at += 1
    return at


def digest(messages):
    """Of a thread, from the digests of its messages."""
    return hashlib.blake2b(b"".join(messages), digest_size=16).hexdigest()


def read(name):
    """{thread: [digest of each message, in order]} of a file of NDJSON."""
    threads = {}
    for line in lines(name):
        text = line.decode("latin-1").rstrip("\n")
        thread = json.loads(line)["thread"]
        threads.setdefault(thread, []).append(message_digest(text, 0, len(text)))
    return threads


def page_digests(body):
    """The digests of the messages of a page, and its pagination."""
    text = body.decode("latin-1")
    at = text.index('"messages":[') + len('"messages":[')
    found = []
    while text[at] != "]":
        _, end = DECODER.raw_decode(text, at)
        found.append(message_digest(text, at, end))
        at = skip(text, end, ",")
    return found, json.loads(text[text.index('"pagination":', at) + len('"pagination":'):-1])
