# SPDX-License-Identifier: Apache-2.0
"""PROXY headers in front of requests: whose address counts, and what is closed without a word."""
import ipaddress
import itertools
import os
import random
import re
import shutil
import socket
import struct
import sys
import tempfile
import unittest

from raw_http import Server, eventually

GET = b"GET /items/%d HTTP/1.1\r\nHost: a\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command, family, addresses=b"", tlvs=b"", length=None):
    body = addresses + tlvs
    size = len(body) if length is None else length
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", size) + body


def tcp4(source, destination="192.0.2.1", ports=(40000, 443)):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", *ports)


def tcp6(source, destination="2001:db8::1", ports=(40000, 443)):
    return (socket.inet_pton(socket.AF_INET6, source) +
            socket.inet_pton(socket.AF_INET6, destination) + struct.pack(">HH", *ports))


def tlv(kind, value):
    return bytes((kind,)) + struct.pack(">H", len(value)) + value


# what the socket's own address is named by
OWN = "127.0.0.1"

GOOD = {
    "v1 TCP4": (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "192.0.2.7"),
    "v1 TCP4, port 0": (b"PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n", "192.0.2.7"),
    "v1 TCP4, longest": (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                         "255.255.255.255"),
    "v1 TCP6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", "2001:db8::7"),
    "v1 TCP6, spelt out": (b"PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 ::1 1 2\r\n",
                           "2001:db8::7"),
    "v1 TCP6, mapped": (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "192.0.2.9"),
    "v1 TCP6, longest": (b"PROXY TCP6 " + b"ffff:f" * 0 +
                         b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                         b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "v1 UNKNOWN": (b"PROXY UNKNOWN\r\n", OWN),
    "v1 UNKNOWN, more": (b"PROXY UNKNOWN ffff::1 whatever it is\r\n", OWN),
    "v1 UNKNOWN, longest": (b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", OWN),
    "v2 TCP4": (v2(0x21, 0x11, tcp4("192.0.2.8")), "192.0.2.8"),
    "v2 TCP6": (v2(0x21, 0x21, tcp6("2001:db8::8")), "2001:db8::8"),
    "v2 TCP6, mapped": (v2(0x21, 0x21, tcp6("::ffff:192.0.2.9")), "192.0.2.9"),
    "v2 UNIX": (v2(0x21, 0x31, b"/run/a".ljust(108, b"\0") + b"/run/b".ljust(108, b"\0")), "unix"),
    "v2 UNSPEC": (v2(0x21, 0x00), OWN),
    "v2 UNSPEC, more": (v2(0x21, 0x00, b"anything"), OWN),
    "v2 LOCAL": (v2(0x20, 0x00), OWN),
    "v2 LOCAL, any family": (v2(0x20, 0x11, tcp4("192.0.2.8")), OWN),
    "v2 LOCAL, more": (v2(0x20, 0xff, b"\x04\xff\xff" + b"x" * 300), OWN),
    "v2 TLVs": (v2(0x21, 0x11, tcp4("192.0.2.8"),
                   tlv(1, b"h2") + tlv(4, b"") + tlv(0xe0, b"x" * 300)), "192.0.2.8"),
    "v2 largest": (v2(0x21, 0x11, tcp4("192.0.2.8"), tlv(4, b"\0" * (65535 - 12 - 3))),
                   "192.0.2.8"),
}

BAD = {
    # version 1
    "none at all": b"GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00",
    "lower case": b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "space first": b" PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "two spaces": b"PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "tab": b"PROXY\tTCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "no family": b"PROXY\r\n",
    "family empty": b"PROXY \r\n",
    "family unknown to us": b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "family in lower case": b"PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n",
    "family alone": b"PROXY TCP4\r\n",
    "unknown and more letters": b"PROXY UNKNOWNS\r\n",
    "one address": b"PROXY TCP4 192.0.2.7\r\n",
    "no ports": b"PROXY TCP4 192.0.2.7 192.0.2.1\r\n",
    "one port": b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
    "three ports": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
    "space at the end": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n",
    "port too large": b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n",
    "port that wraps": b"PROXY TCP4 192.0.2.7 192.0.2.1 18446744073709551617 2\r\n",
    "port with leading zero": b"PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n",
    "port with plus": b"PROXY TCP4 192.0.2.7 192.0.2.1 +1 2\r\n",
    "port with minus": b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n",
    "port in hex": b"PROXY TCP4 192.0.2.7 192.0.2.1 0x1 2\r\n",
    "port empty": b"PROXY TCP4 192.0.2.7 192.0.2.1  2\r\n",
    "address of three numbers": b"PROXY TCP4 192.0.2 192.0.2.1 1 2\r\n",
    "address of five numbers": b"PROXY TCP4 192.0.2.7.1 192.0.2.1 1 2\r\n",
    "address too large": b"PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n",
    "address with leading zero": b"PROXY TCP4 192.0.02.7 192.0.2.1 1 2\r\n",
    "address in hex": b"PROXY TCP4 0xc0.0.2.7 192.0.2.1 1 2\r\n",
    "address with port": b"PROXY TCP4 192.0.2.7:1 192.0.2.1 1 2\r\n",
    "address that is a name": b"PROXY TCP4 localhost 192.0.2.1 1 2\r\n",
    "address of the other family": b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    "addresses of both families": b"PROXY TCP6 2001:db8::7 192.0.2.1 1 2\r\n",
    "IPv4 called IPv6": b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
    "IPv6 with a zone": b"PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n",
    "IPv6 in brackets": b"PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n",
    "IPv6 with two gaps": b"PROXY TCP6 2001::7::1 2001:db8::1 1 2\r\n",
    "IPv6 of nine groups": b"PROXY TCP6 1:2:3:4:5:6:7:8:9 2001:db8::1 1 2\r\n",
    "IPv6 with five digits": b"PROXY TCP6 12345::1 2001:db8::1 1 2\r\n",
    "bare LF": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n",
    "CR and no LF": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\rG",
    "CR CR LF": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\r\n",
    "NUL": b"PROXY TCP4 192.0.2.7\0 192.0.2.1 1 2\r\n",
    "control character": b"PROXY UNKNOWN \x07\r\n",
    "not ASCII": b"PROXY UNKNOWN \xc3\xa4\r\n",
    "too long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "too long without end": b"PROXY UNKNOWN " + b"x" * 200,
    # version 2
    "v2 signature, last byte": SIGNATURE[:-1] + b"\r" + v2(0x21, 0x11, tcp4("192.0.2.8"))[12:],
    "v2 signature, first byte": b"\n" + v2(0x21, 0x11, tcp4("192.0.2.8"))[1:],
    "v2 signature, NUL left out": SIGNATURE.replace(b"\0", b""),
    "v2 version 1": v2(0x11, 0x11, tcp4("192.0.2.8")),
    "v2 version 3": v2(0x31, 0x11, tcp4("192.0.2.8")),
    "v2 version 0": v2(0x01, 0x11, tcp4("192.0.2.8")),
    "v2 command 2": v2(0x22, 0x11, tcp4("192.0.2.8")),
    "v2 command 15": v2(0x2f, 0x11, tcp4("192.0.2.8")),
    "v2 family 4": v2(0x21, 0x41, tcp4("192.0.2.8")),
    "v2 family 15": v2(0x21, 0xf1, tcp4("192.0.2.8")),
    "v2 datagrams": v2(0x21, 0x12, tcp4("192.0.2.8")),
    "v2 datagrams of IPv6": v2(0x21, 0x22, tcp6("2001:db8::8")),
    "v2 transport 3": v2(0x21, 0x13, tcp4("192.0.2.8")),
    "v2 no transport": v2(0x21, 0x10, tcp4("192.0.2.8")),
    "v2 no family": v2(0x21, 0x01, tcp4("192.0.2.8")),
    "v2 TCP4 cut": v2(0x21, 0x11, tcp4("192.0.2.8")[:11]),
    "v2 TCP4 empty": v2(0x21, 0x11),
    "v2 TCP6 cut": v2(0x21, 0x21, tcp6("2001:db8::8")[:35]),
    "v2 TCP6 with the addresses of TCP4": v2(0x21, 0x21, tcp4("192.0.2.8")),
    "v2 UNIX cut": v2(0x21, 0x31, b"\0" * 215),
    "v2 TLV cut in its head": v2(0x21, 0x11, tcp4("192.0.2.8"), b"\x04\x00"),
    "v2 TLV of one byte": v2(0x21, 0x11, tcp4("192.0.2.8"), b"\x04"),
    "v2 TLV longer than the header": v2(0x21, 0x11, tcp4("192.0.2.8"), b"\x04\x00\x05abc"),
    "v2 second TLV cut": v2(0x21, 0x11, tcp4("192.0.2.8"), tlv(4, b"abc") + b"\x04\xff\xff"),
}


# -- a reference, out of the protocol's own text ---------------------------------------------------

COUNT = int(os.environ.get("PDB_PROXY_CASES", "1500"))
PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


def address_of(word, version):
    """The address that a word of a line spells, or None."""
    try:
        text = word.decode("ascii")
        found = ipaddress.IPv4Address(text) if version == 4 else ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return None if "%" in text else found


def plain(address):
    return getattr(address, "ipv4_mapped", None) or address


def reference_line(data):
    """The address a line names (OWN, an address) and its length; None for none."""
    end = data.find(b"\r\n", 0, 107)
    words = data[:max(end, 0)].split(b" ")
    if end < 0 or any(not 0x20 <= byte <= 0x7e for byte in data[:end]) or words[0] != b"PROXY" or len(words) < 2:
        return None
    if words[1] == b"UNKNOWN":
        return OWN, end + 2
    version = {b"TCP4": 4, b"TCP6": 6}.get(words[1])
    if version is None or len(words) != 6:
        return None
    source, destination = (address_of(word, version) for word in words[2:4])
    ports = all(PORT.fullmatch(word) and int(word) <= 65535 for word in words[4:])
    return (plain(source), end + 2) if source and destination and ports else None


def tlvs_end(data):
    while data:
        if len(data) < 3 or len(data) < 3 + int.from_bytes(data[1:3], "big"):
            return False
        data = data[3 + int.from_bytes(data[1:3], "big"):]
    return True


def reference(data):
    if data[:1] == b"P":
        return reference_line(data)
    if data[:12] != SIGNATURE or len(data) < 16:
        return None
    whole = 16 + int.from_bytes(data[14:16], "big")
    body = data[16:whole]
    if len(data) < whole or data[12] not in (0x20, 0x21):
        return None
    if data[12] == 0x20 or data[13] == 0x00:
        return OWN, whole
    size = {0x11: 12, 0x21: 36, 0x31: 216}.get(data[13])
    if size is None or len(body) < size or not tlvs_end(body[size:]):
        return None
    if data[13] == 0x31:
        return "unix", whole
    return plain(ipaddress.ip_address(body[:4] if data[13] == 0x11 else body[:16])), whole


def random_header(rnd):
    """A good header with random parts, most often with something wrong in it."""
    v4 = lambda: str(ipaddress.IPv4Address(rnd.getrandbits(32)))
    v6 = lambda: str(ipaddress.IPv6Address(rnd.choice((rnd.getrandbits(128), 0xffff << 32 | rnd.getrandbits(32)))))
    port = lambda: rnd.choice((0, 1, 443, 65535, rnd.randrange(70000)))
    kind = rnd.randrange(8)
    if kind < 3:
        one = rnd.choice((v4, v6))
        header = f"PROXY {rnd.choice(('TCP4', 'TCP6', 'UNKNOWN', 'UDP4'))} {one()} {one()} {port()} {port()}\r\n".encode()
    elif kind < 5:
        header = v2(0x21, 0x11, tcp4(v4()), b"".join(tlv(rnd.randrange(256), rnd.randbytes(rnd.randrange(9)))
                                                     for _ in range(rnd.randrange(3))))
    elif kind < 7:
        header = v2(0x21, 0x21, tcp6(v6()), tlv(4, rnd.randbytes(rnd.randrange(20))))
    else:
        header = v2(rnd.choice((0x20, 0x21)), rnd.choice((0x00, 0x31, rnd.randrange(256))), rnd.randbytes(rnd.choice((0, 12, 216))))
    header = bytearray(header)
    for _ in range(rnd.choice((0, 0, 1, 2))):
        at = rnd.randrange(len(header))
        if rnd.random() < 0.6:
            header[at] = rnd.choice((header[at] ^ 1 << rnd.randrange(8), rnd.randrange(256)))
        elif rnd.random() < 0.5:
            del header[at]
        else:
            header.insert(at, rnd.choice(b" 0:.\r\nP"))
    return bytes(header)


class Proxy(unittest.TestCase):
    def start(self, **flags):
        server = Server(**dict({"proxy": 1, "header_timeout": 20000}, **flags))
        self.server = server
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        return server

    def seen(self, conn, data):
        conn.send(data)
        return conn.answer().json()

    def stats(self):
        with self.server.connect() as conn:
            conn.send(b"PROXY UNKNOWN\r\n")
            return conn.ask("GET", "/stats").json()

    def test_good(self):
        self.start()
        for name, (header, address) in GOOD.items():
            with self.subTest(name), self.server.connect() as conn:
                seen = self.seen(conn, header + GET % 1)
                self.assertEqual((seen["socket_peer"], seen["peer"]), (address, address))
                # it is said once, for the whole connection
                seen = self.seen(conn, GET % 2)
                self.assertEqual((seen["socket_peer"], seen["id"]), (address, "2"))

    def test_cut_anywhere(self):
        self.start()
        for name in ("v1 TCP4", "v1 UNKNOWN, more", "v2 TCP6", "v2 LOCAL, any family", "v2 TLVs"):
            header, address = GOOD[name]
            cuts = range(1, len(header)) if len(header) < 80 else range(1, len(header), 17)
            for cut in cuts:
                with self.subTest((name, cut)), self.server.connect() as conn:
                    conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    conn.send(header[:cut])
                    seen = self.seen(conn, header[cut:] + GET % 1)
                    self.assertEqual(seen["socket_peer"], address)

    def test_pipelined_behind_the_header(self):
        self.start()
        for header, address in GOOD.values():
            with self.server.connect() as conn:
                conn.send(header + b"".join(GET % i for i in range(20)))
                for i in range(20):
                    seen = conn.answer().json()
                    self.assertEqual((seen["id"], seen["socket_peer"]), (str(i), address))

    def test_bad(self):
        self.assertGreaterEqual(len(BAD), 60)
        self.start()
        handled = self.stats()["handled"]
        for name, data in BAD.items():
            for more in (b"", GET % 1):
                with self.subTest((name, more)), self.server.connect() as conn:
                    try:
                        conn.send(data + more)
                    except OSError:
                        pass
                    self.assertTrue(conn.closed(), name)
        self.assertEqual(self.stats()["handled"], handled)
        self.assertTrue(eventually(lambda: self.stats()["connections"] == 1))

    def test_every_bit_of_a_good_one(self):
        """A changed bit gives another address, or a closed connection; never a request misread."""
        self.start()
        for name, bits in (("v1 TCP4", 8), ("v2 TCP4", 8)):
            header, _ = GOOD[name]
            for at, bit in itertools.product(range(len(header)), range(bits)):
                broken = bytearray(header)
                broken[at] ^= 1 << bit
                with self.server.connect() as conn:
                    conn.send(bytes(broken) + GET % 1)
                    conn.half_close()
                    while conn.fill():
                        pass
                    self.assertIn(conn.data[:12], (b"", b"HTTP/1.1 200", b"HTTP/1.1 400"))

    def test_generated(self):
        """Random headers in front of listeners that believe all, some and none, as a reference reads them."""
        seed = int(os.environ.get("PDB_PROXY_SEED", random.randrange(1 << 32)))
        rnd, counts = random.Random(seed), {"named": 0, "own": 0, "closed": 0}
        for believed, networks in ((True, ""), (True, "127.0.0.0/8"), (False, "192.0.2.0/24")):
            self.start(proxy_from=networks)
            for _ in range(COUNT // 3):
                header = random_header(rnd)
                known = reference(header + GET % 1) if believed else None
                if known is not None and known[1] != len(header):
                    continue  # the request is in the header, or the header in the request
                with self.server.connect() as conn:
                    try:
                        conn.send(header + GET % 1)
                        conn.half_close()
                    except OSError:
                        pass
                    if known is None:
                        self.assertTrue(conn.closed(), (seed, networks, header))
                        counts["closed"] += 1
                        continue
                    seen = conn.answer().json()["socket_peer"]
                    if isinstance(known[0], str):
                        self.assertEqual(seen, known[0], (seed, header))
                    else:
                        self.assertEqual(ipaddress.ip_address(seen), known[0], (seed, header))
                    counts["own" if known[0] == OWN else "named"] += 1
        self.assertTrue(all(counts.values()), counts)
        print(f"PROXY headers as the reference reads them: {counts} (seed {seed})", file=sys.stderr)

    def test_second_header_is_an_unknown_method(self):
        self.start()
        with self.server.connect() as conn:
            conn.send(GOOD["v1 TCP4"][0] * 2)
            self.assertEqual(conn.answer().status, 501)
        with self.server.connect() as conn:
            conn.send(GOOD["v1 TCP4"][0] + GET % 1 + GOOD["v1 TCP4"][0])
            self.assertEqual(conn.answer().status, 200)
            self.assertEqual(conn.answer().status, 501)

    def test_not_asked_for(self):
        self.server = Server()
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))
        with self.server.connect() as conn:
            conn.send(GOOD["v1 TCP4"][0] + GET % 1)
            self.assertEqual(conn.answer().status, 501)

    def test_must_come_in_time(self):
        self.start(header_timeout=300)
        for data in (b"", b"PROXY TCP4 192.0.2.7 ", SIGNATURE, v2(0x21, 0x11, length=12)):
            with self.subTest(data), self.server.connect() as conn:
                conn.send(data)
                self.assertTrue(conn.closed())
        # the request has to come within the same time
        with self.server.connect() as conn:
            conn.send(GOOD["v1 TCP4"][0])
            self.assertTrue(conn.closed())

    def test_believed_only_from(self):
        self.start(proxy_from="192.0.2.0/24")
        with self.server.connect() as conn:
            try:
                conn.send(GOOD["v1 TCP4"][0] + GET % 1)
            except OSError:
                pass
            self.assertTrue(conn.closed())
        self.server.terminate()
        self.server.wait()
        self.start(proxy_from="127.0.0.0/8")
        with self.server.connect() as conn:
            seen = self.seen(conn, GOOD["v1 TCP4"][0] + GET % 1)
            self.assertEqual(seen["socket_peer"], "192.0.2.7")
        for bad in ("127.0.0.1/33", "127.0.0.1/8", "::1/129", "x", "127.0.0.1/", "1.2.3"):
            with self.assertRaises(RuntimeError):
                Server(proxy=1, proxy_from=bad)

    def test_on_the_other_listener(self):
        folder = tempfile.mkdtemp(prefix="pdb-proxy-")
        self.addCleanup(shutil.rmtree, folder)
        for place in ("127.0.0.1:0", "unix:" + os.path.join(folder, "s")):
            server = Server(admin_listen=place, admin_proxy=1)
            with server.connect_admin() as conn:
                conn.send(GOOD["v2 TCP6"][0] + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(conn.answer().json()["socket_peer"], "2001:db8::8")
            with server.connect() as conn:
                self.assertEqual(self.seen(conn, GET % 1)["socket_peer"], "127.0.0.1")
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
