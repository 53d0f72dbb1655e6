# SPDX-License-Identifier: Apache-2.0
"""Who is behind proxies: generated ways of a request against what the gate makes of its fields."""
import os
import random
import subprocess
import sys
import unittest

import progressdb

CASES = int(os.environ.get("PDB_PEERS_CASES", "2000"))
SEED = int(os.environ.get("PDB_PEERS_SEED", "1"))

# Where a request goes through before it arrives: (who hands it on, whom the server trusts).
TOPOLOGIES = {
    "direct": ([], []),
    "direct, with proxies elsewhere": ([], ["10.0.0.0/8"]),
    "one proxy": (["10.0.0.1"], ["10.0.0.1"]),
    "a proxy that nobody trusts": (["10.0.0.1"], ["10.9.0.0/16"]),
    "two proxies": (["198.51.100.7", "10.0.0.1"], ["10.0.0.0/8", "198.51.100.0/24"]),
    "three, the middle one a stranger": (["10.0.0.3", "203.0.113.200", "10.0.0.1"], ["10.0.0.0/8"]),
    "proxies of IPv6": (["2001:db8:1::1", "2001:db8:2::2"], ["2001:db8:1::/48", "2001:db8:2::2"]),
    "mapped proxy": (["::ffff:10.0.0.1"], ["10.0.0.0/8"]),
    "proxy, mapped in the list": (["10.0.0.1"], ["::ffff:10.0.0.0/104"]),
    "everybody": (["10.0.0.2", "10.0.0.1"], ["0.0.0.0/0", "::/0"]),
}

CLIENTS = ["192.0.2.1", "192.0.2.200", "10.0.0.77", "2001:db8:1::99", "2001:db8:ffff::1",
           "::ffff:192.0.2.3", "198.51.100.9"]

# What a client may have written before, and the address that it spells; None = none at all.
LISTED = [("192.0.2.9", "192.0.2.9"), ("10.0.0.50", "10.0.0.50"), ("192.0.2.9:80", "192.0.2.9"),
          ("10.0.0.51:65535", "10.0.0.51"), ("2001:db8:1::5", "2001:db8:1::5"),
          ("[2001:db8:1::6]", "2001:db8:1::6"), ("[2001:db8:1::7]:443", "2001:db8:1::7"),
          ("::ffff:10.0.0.52", "10.0.0.52"), ("[::ffff:10.0.0.53]:1", "10.0.0.53"),
          ("2001:DB8:1::A", "2001:db8:1::a"), ("10.0.0.54:_port", "10.0.0.54"),
          ("unknown", None), ("_hidden", None), ("localhost", None), ("10.0.0", None),
          ("10.0.0.256", None), ("010.0.0.1", None), ("10.0.0.1.", None), ("10.0.0.1:", None),
          ("10.0.0.1:65536", None), ("10.0.0.1:8o", None), ("[10.0.0.1]", None), ("[::1", None),
          ("::1]", None), ("[::1]x", None), ("[::1]:", None), ("fe80::1%eth0", None),
          ("10.0.0.1 10.0.0.2", None), ("10.0.0.0/8", None), ("'10.0.0.1'", None),
          ('"10.0.0.1"', None), ("for=10.0.0.1", None), ("0x0a000001", None), ("[]", None),
          (":", None), ("[", None), ("é", None), ("-", None)]

PAIRED = [("for=192.0.2.9", "192.0.2.9"), ("For=10.0.0.50", "10.0.0.50"),
          ('for="10.0.0.51:80"', "10.0.0.51"), ('FOR="[2001:db8:1::6]"', "2001:db8:1::6"),
          ('for="[2001:db8:1::7]:443"', "2001:db8:1::7"), ("for=10.0.0.52;proto=https;by=10.0.0.9", "10.0.0.52"),
          ('by="[::1]";for=10.0.0.53', "10.0.0.53"), ('host="a,b";for=10.0.0.54', "10.0.0.54"),
          ('host="a;for=10.6.6.6";for=10.0.0.55', "10.0.0.55"), ("proto=http ; for=10.0.0.56", "10.0.0.56"),
          ('host="for=10.6.6.6, for=10.6.6.7";for=10.0.0.57', "10.0.0.57"),
          ('for="10.0.0.58:_port"', "10.0.0.58"),
          ("for=unknown", None), ('for="_gazonk"', None), ("for=", None), ('for=""', None), ("for", None),
          ("by=10.0.0.1", None), ("for=10.0.0.1;for=10.0.0.2", None), ("10.0.0.1", None),
          ('for="10.0.0.1', None), ('for=10.0.0.1"', None), ('for="10.0.0.1\\"', None),
          ('for="10.0.0.1"x;by=1', None), ('host="\\"";for=10.0.0.1', None), ("for=10.0.0.1;x", None),
          ('"for=10.0.0.1"', None), ("for:10.0.0.1", None), ('"', None), (";;", None)]

NOTHING = ["", " ", "  ", ",", " , ,"]


def network(text):
    """(bits, the first of them), in the numbers of IPv6 for both families."""
    address, _, length = text.partition("/")
    number, width = as_number(address)
    bits = int(length) if length else width
    if ":" not in address:
        bits += 96
    return bits, number >> (128 - bits) if bits else 0


def as_number(text):
    """An address as a number, an IPv4 one as the mapped one; and its width."""
    if ":" not in text:
        parts = [int(part) for part in text.split(".")]
        return (0xffff << 32) + sum(part << (24 - 8 * place) for place, part in enumerate(parts)), 32
    if "." in text:
        head, _, tail = text.rpartition(":")
        low = as_number(tail)[0] & 0xffffffff
        text = f"{head}:{low >> 16:x}:{low & 0xffff:x}"
    left, found, right = text.partition("::")
    front = [int(part, 16) for part in left.split(":") if part]
    back = [int(part, 16) for part in right.split(":") if part] if found else []
    groups = front + [0] * (8 - len(front) - len(back)) + back
    return sum(group << (112 - 16 * place) for place, group in enumerate(groups)), 128


def trusted(address, networks):
    number = as_number(address)[0]
    four = number >> 32 == 0xffff
    for text in networks:
        bits, first = network(text)
        if four == (":" not in text or first >> max(bits - 96, 0) == 0xffff and bits >= 96):
            if number >> (128 - bits) == first:
                return True
    return False


def plain(address):
    number = as_number(address)[0]
    if number >> 32 == 0xffff:
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    return address.lower()


def reference(way, claims, networks):
    """`way` is who really handed it on, the client first; `claims` what it had written itself."""
    known = list(claims) + list(way)
    peer = known.pop()
    while known and trusted(peer, networks):
        before = known.pop()
        if before is None:
            break
        peer = before
    return plain(peer)


class Writer:
    """Makes the fields as a client and proxies would."""

    def __init__(self, random_, paired):
        self.random = random_
        self.paired = paired

    def claims(self):
        atoms = PAIRED if self.paired else LISTED
        chosen = [self.random.choice(atoms) for _ in range(self.random.choice((0, 0, 1, 1, 2, 3, 5)))]
        return [text for text, _ in chosen], [address for _, address in chosen]

    def element(self, address):
        six = ":" in address
        form = self.random.randrange(3)
        if self.paired:
            value = f"[{address}]" if six else address
            value += f":{self.random.randrange(65536)}" if form == 1 else ""
            value = f'"{value}"' if six or form == 1 or self.random.random() < 0.3 else value
            more = self.random.choice(("", ";proto=https", ';host="a, b";by=10.1.1.1'))
            return f"for={value}{more}"
        if form == 0:
            return address
        port = f":{self.random.randrange(65536)}" if form == 1 else ""
        return f"[{address}]{port}" if six else address + port

    def fields(self, texts, way):
        """Each proxy adds whom it saw, to the last field or as one of its own."""
        lines = []
        for text in texts + [self.element(hop) for hop in way[:-1]]:
            if lines and self.random.random() < 0.7:
                glue = self.random.choice((",", ", ", " ,\x20 ", ",,", ", ,"))
                lines[-1] += glue + text
            else:
                lines.append(text)
        if self.random.random() < 0.1:
            lines.insert(self.random.randrange(len(lines) + 1), self.random.choice(NOTHING))
        return lines


class PeersTest(unittest.TestCase):
    def run_cases(self, topology, paired):
        hops, networks = TOPOLOGIES[topology]
        rand = random.Random(f"{SEED} {topology} {paired}")
        writer = Writer(rand, paired)
        lines = ["\t".join(["settings", "1" if paired else "0", *networks]) + "\t"]
        expected, told = [], []
        for _ in range(CASES):
            texts, claims = writer.claims()
            way = [rand.choice(CLIENTS), *hops]
            fields = writer.fields(texts, way)
            lines.append("\t".join(["case", way[-1], *fields]) + "\t")
            expected.append(reference(way, claims, networks))
            told.append((way, fields))
        program = os.path.join(progressdb.build_directory(), "tests", "address_peers")
        done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True,
                              text=True, timeout=600, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        seen = done.stdout.split("\n")[:-1]
        self.assertEqual(len(seen), len(expected))
        for what, right, case in zip(seen, expected, told):
            self.assertEqual(what, right, case)

    def test_topologies(self):
        for topology in TOPOLOGIES:
            for paired in (False, True):
                with self.subTest(topology=topology, paired=paired):
                    self.run_cases(topology, paired)
        print(f"{len(TOPOLOGIES)} topologies, 2 fields, {CASES} combinations each: all agree",
              file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
