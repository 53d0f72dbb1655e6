# SPDX-License-Identifier: Apache-2.0
"""What is accepted and what is refused: status, state of the connection, and no handler called."""
import unittest

from raw_http import Server

H = "Host: a\r\n"
E = "\r\n"


def get(target="/items/1", version="HTTP/1.1", fields=H, method="GET"):
    return "%s %s %s\r\n%s\r\n" % (method, target, version, fields)


def post(fields, body="", target="/echo", version="HTTP/1.1"):
    return "POST %s %s\r\nHost: a\r\n%s\r\n%s" % (target, version, fields, body)


def chunks(body, fields="Transfer-Encoding: chunked\r\n"):
    return post(fields, body)


# name -> bytes; the handler runs, the connection stays.
ACCEPTED = {
    "plain get": get(),
    "root": get("/"),
    "query": get("/items/1?q=a+b&r=%20"),
    "query with question mark": get("/items/1?q=a?b/c"),
    "empty query": get("/items/1?"),
    "encoded path": get("/items/a%2Fb"),
    "encoded utf-8": get("/items/%C3%BC"),
    "sub-delims": get("/items/a;b=c,d!$&'()*+@:~"),
    "host with port": get(fields="Host: a.example:8080\r\n"),
    "host with empty port": get(fields="Host: a:\r\n"),
    "host ipv4": get(fields="Host: 127.0.0.1:1\r\n"),
    "host ipv6": get(fields="Host: [::1]:1\r\n"),
    "host upper case": get(fields="HOST: A\r\n"),
    "no space after colon": get(fields="Host:a\r\n"),
    "tab and spaces around value": get(fields="Host: \t a \t \r\n"),
    "empty value": get(fields=H + "X-Show:\r\n"),
    "obs-text in value": get(fields=H + "X-Other: \xff\xfe\r\n"),
    "all token characters": get(fields=H + "!#$%&'*+-.^_`|~09az: v\r\n"),
    "hundred fields": get(fields=H + "".join("X-%d: v\r\n" % i for i in range(99))),
    "target of 8192": get("/items/" + "a" * (8192 - 7)),
    "one empty line first": "\r\n" + get(),
    "two empty lines first": "\r\n\r\n" + get(),
    "absolute form": get("http://other.example/items/1"),
    "absolute form with port": get("HTTP://other.example:80/items/1?q=1"),
    "absolute form https": get("https://other.example/items/1"),
    "absolute form without path": get("http://other.example"),
    "absolute form query only": get("http://other.example?q=1"),
    "get with a body": post("Content-Length: 3\r\n", "abc").replace("POST", "GET"),
    "delete with a body": post("Content-Length: 3\r\n", "abc").replace("POST", "DELETE"),
    "get with a chunked body": chunks("3\r\nabc\r\n0\r\n\r\n").replace("POST", "GET"),
    "post of nothing": post(""),
    "length zero": post("Content-Length: 0\r\n"),
    "length with leading zeros": post("Content-Length: 0003\r\n", "abc"),
    "length with white space around": post("Content-Length: \t3 \r\n", "abc"),
    "one chunk": chunks("3\r\nabc\r\n0\r\n\r\n"),
    "two chunks": chunks("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    "upper case coding": chunks("3\r\nabc\r\n0\r\n\r\n", "TRANSFER-ENCODING: CHUNKED\r\n"),
    "upper case hex": chunks("A\r\n0123456789\r\n0\r\n\r\n"),
    "leading zeros in a size": chunks("0003\r\nabc\r\n000\r\n\r\n"),
    "only the last chunk": chunks("0\r\n\r\n"),
    "chunk extension": chunks("3;a=b\r\nabc\r\n0;c\r\n\r\n"),
    "quoted chunk extension": chunks("3;a=\"b c\"\r\nabc\r\n0\r\n\r\n"),
    "trailer fields": chunks("3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n"),
    "expect with the body along": post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"),
    "expect without a body": get(fields=H + "Expect: 100-Continue\r\n"),
    "http/1.0 keep-alive": get(version="HTTP/1.0", fields="Connection: keep-alive\r\n"),
    "list field twice": get(fields=H + "Accept: a\r\nAccept: b\r\n"),
    "cookie twice": get(fields=H + "Cookie: a\r\nCookie: b\r\n"),
    "upgrade is ignored": get(fields=H + "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    "body that looks like a request": post("Content-Length: 28\r\n", get("/echo", fields="")[:28].ljust(28)),
}

# name -> bytes; the handler runs, then the connection is closed.
LAST = {
    "connection close": get(fields=H + "Connection: close\r\n"),
    "close in a list": get(fields=H + "Connection: x, Close ,y\r\n"),
    "close in a second field": get(fields=H + "Connection: x\r\nConnection: close\r\n"),
    "http/1.0": get(version="HTTP/1.0"),
    "http/1.0 without host": get(version="HTTP/1.0", fields=""),
    "http/1.0 with a length": post("Content-Length: 3\r\n", "abc", version="HTTP/1.0"),
    "http/1.0 keep-alive and close": get(version="HTTP/1.0",
                                         fields="Connection: keep-alive, close\r\n"),
    "http/1.0 ignores expect": get(version="HTTP/1.0", fields="Expect: nothing\r\n"),
}

# name -> (status, bytes); refused with this status, closed, no handler.
REFUSED = {
    "no host": (400, get(fields="")),
    "two hosts": (400, get(fields="Host: a\r\nHost: a\r\n")),
    "two hosts http/1.0": (400, get(version="HTTP/1.0", fields="Host: a\r\nHost: b\r\n")),
    "empty host": (400, get(fields="Host:\r\n")),
    "host with a space": (400, get(fields="Host: a b\r\n")),
    "host with a slash": (400, get(fields="Host: a/b\r\n")),
    "host list": (400, get(fields="Host: a,b@c\r\n")),
    "host with user": (400, get(fields="Host: u@a\r\n")),
    "host with a bad port": (400, get(fields="Host: a:x\r\n")),
    "host with a port too large": (400, get(fields="Host: a:65536\r\n")),
    "host with an open bracket": (400, get(fields="Host: [::1\r\n")),
    "differing lengths": (400, post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")),
    "equal lengths": (400, post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")),
    "length list": (400, post("Content-Length: 3, 3\r\n", "abc")),
    "length with plus": (400, post("Content-Length: +3\r\n", "abc")),
    "length with minus": (400, post("Content-Length: -3\r\n", "abc")),
    "length in hex": (400, post("Content-Length: 0x3\r\n", "abc")),
    "length with a fraction": (400, post("Content-Length: 3.0\r\n", "abc")),
    "length with a space inside": (400, post("Content-Length: 3 3\r\n", "abc")),
    "empty length": (400, post("Content-Length:\r\n", "abc")),
    "length of letters": (400, post("Content-Length: abc\r\n", "abc")),
    "length in other digits": (400, post("Content-Length: \xb3\r\n", "abc")),
    "space before colon": (400, get(fields=H + "X-A : b\r\n")),
    "tab before colon": (400, get(fields=H + "X-A\t: b\r\n")),
    "space before colon of length": (400, post("Content-Length : 3\r\n", "abc")),
    "space before first field": (400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "obs-fold": (400, get(fields=H + "X-A: b\r\n c\r\n")),
    "obs-fold by tab": (400, get(fields=H + "X-A: b\r\n\tc\r\n")),
    "obs-fold of host": (400, get(fields="Host:\r\n a\r\n")),
    "field without colon": (400, get(fields=H + "X-A\r\n")),
    "field without name": (400, get(fields=H + ": b\r\n")),
    "name with a space": (400, get(fields=H + "X A: b\r\n")),
    "name with a slash": (400, get(fields=H + "X/A: b\r\n")),
    "name with parentheses": (400, get(fields=H + "X(A): b\r\n")),
    "name not ascii": (400, get(fields=H + "X\xe4: b\r\n")),
    "name with nul": (400, get(fields=H + "X\0A: b\r\n")),
    "name with del": (400, get(fields=H + "X\x7f: b\r\n")),
    "nul in value": (400, get(fields=H + "X-A: b\0c\r\n")),
    "bell in value": (400, get(fields=H + "X-A: b\ac\r\n")),
    "escape in value": (400, get(fields=H + "X-A: \x1b[0m\r\n")),
    "del in value": (400, get(fields=H + "X-A: \x7f\r\n")),
    "bare cr in value": (400, get(fields=H + "X-A: b\rc\r\n")),
    "bare lf in value": (400, get(fields=H + "X-A: b\nX-B: c\r\n")),
    "bare lf after request line": (400, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "bare lf after field": (400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    "bare lf at the end": (400, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "only bare lf": (400, "GET / HTTP/1.1\nHost: a\n\n"),
    "cr cr lf": (400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    "gzip, chunked": (501, chunks("0\r\n\r\n", "Transfer-Encoding: gzip, chunked\r\n")),
    "chunked, chunked": (501, chunks("0\r\n\r\n", "Transfer-Encoding: chunked, chunked\r\n")),
    "chunked, gzip": (400, chunks("0\r\n\r\n", "Transfer-Encoding: chunked, gzip\r\n")),
    "chunked twice": (400, chunks("0\r\n\r\n", "Transfer-Encoding: chunked\r\n" * 2)),
    "coding identity": (400, chunks("0\r\n\r\n", "Transfer-Encoding: identity\r\n")),
    "coding xchunked": (400, chunks("0\r\n\r\n", "Transfer-Encoding: xchunked\r\n")),
    "coding with parameter": (400, chunks("0\r\n\r\n", "Transfer-Encoding: chunked;a=b\r\n")),
    "coding quoted": (400, chunks("0\r\n\r\n", "Transfer-Encoding: \"chunked\"\r\n")),
    "coding with vertical tab": (400, chunks("0\r\n\r\n", "Transfer-Encoding: \x0bchunked\r\n")),
    "empty coding": (400, chunks("0\r\n\r\n", "Transfer-Encoding:\r\n")),
    "coding and length": (400, chunks("0\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
    "length and coding": (400, chunks("0\r\n\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
    "coding and length zero": (400, chunks("0\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")),
    "coding in http/1.0": (400, post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", version="HTTP/1.0")),
    "chunk size 0x3": (400, chunks("0x3\r\nabc\r\n0\r\n\r\n")),
    "chunk size +3": (400, chunks("+3\r\nabc\r\n0\r\n\r\n")),
    "chunk size -3": (400, chunks("-3\r\nabc\r\n0\r\n\r\n")),
    "chunk size with space before": (400, chunks(" 3\r\nabc\r\n0\r\n\r\n")),
    "chunk size with space behind": (400, chunks("3 \r\nabc\r\n0\r\n\r\n")),
    "chunk size missing": (400, chunks("\r\nabc\r\n0\r\n\r\n")),
    "chunk size overlong": (400, chunks("0" * 17 + "3\r\nabc\r\n0\r\n\r\n")),
    "chunk size that wraps": (413, chunks("10000000000000003\r\nabc\r\n0\r\n\r\n")),
    "chunk size huge": (413, chunks("ffffffffffffffff\r\nabc")),
    "chunk size with bare lf": (400, chunks("3\nabc\r\n0\r\n\r\n")),
    "chunk data too long": (400, chunks("3\r\nabcd\r\n0\r\n\r\n")),
    "chunk data with bare lf": (400, chunks("3\r\nabc\n0\r\n\r\n")),
    "chunk extension overlong": (400, chunks("3;" + "a" * 300 + "\r\nabc\r\n0\r\n\r\n")),
    "chunk extensions overmany": (400, chunks(("1;" + "a" * 200 + "\r\nx\r\n") * 30 + "0\r\n\r\n")),
    "chunk extension with bare lf": (400, chunks("3;a\nabc\r\n0\r\n\r\n")),
    "chunk extension with nul": (400, chunks("3;\0\r\nabc\r\n0\r\n\r\n")),
    "trailer with obs-fold": (400, chunks("0\r\nX-A: b\r\n c\r\n\r\n")),
    "trailer with bad name": (400, chunks("0\r\nX A: b\r\n\r\n")),
    "trailer too large": (431, chunks("0\r\n" + "X-A: %s\r\n" % ("b" * 1000) * 17 + "\r\n")),
    "trailer fields overmany": (431, chunks("0\r\n" + "X: b\r\n" * 101 + "\r\n")),
    "unknown method": (501, get(method="BREW")),
    "method in lower case": (501, get(method="get")),
    "trace": (501, get(method="TRACE")),
    "connect": (501, get("a:80", method="CONNECT")),
    "overlong method": (501, get(method="A" * 500)),
    "method with a bad byte": (400, get(method="G\"T")),
    "space first": (400, " " + get()),
    "lf first": (400, "\n" + get()),
    "cr without lf first": (400, "\rG" + get()),
    "three empty lines first": (400, "\r\n" * 3 + get()),
    "two spaces after method": (400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tab after method": (400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "two spaces before version": (400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    "space after version": (400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    "space in target": (400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http/0.9": (400, "GET /\r\n"),
    "no target": (400, "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http/2.0": (505, get(version="HTTP/2.0")),
    "http/1.2": (505, get(version="HTTP/1.2")),
    "http/0.9 named": (505, get(version="HTTP/0.9")),
    "http/1.10": (400, get(version="HTTP/1.10")),
    "http/1": (400, get(version="HTTP/1")),
    "version in lower case": (400, get(version="http/1.1")),
    "other protocol": (400, get(version="ICAP/1.1")),
    "target too long": (414, get("/items/" + "a" * 8200)),
    "query too long": (414, get("/items/1?q=" + "a" * 8200)),
    "target not ascii": (400, get("/items/\xfc")),
    "target with nul": (400, get("/items/\0")),
    "target with tab": (400, get("/items/\t")),
    "target with del": (400, get("/items/\x7f")),
    "target with a fragment": (400, get("/items/1#a")),
    "target with a backslash": (400, get("/items\\1")),
    "target with a brace": (400, get("/items/{id}")),
    "target with a bracket": (400, get("/items/[1]")),
    "target with a quote": (400, get("/items/\"")),
    "target with less-than": (400, get("/items/<a>")),
    "percent at the end": (400, get("/items/1%")),
    "percent with one digit": (400, get("/items/1%2")),
    "percent with no hex": (400, get("/items/%zz")),
    "percent nul": (400, get("/items/%00")),
    "percent nul in query": (400, get("/items/1?q=%00")),
    "percent with no hex in query": (400, get("/items/1?q=%g1")),
    "relative target": (400, get("items/1")),
    "asterisk for get": (400, get("*")),
    "asterisk and more": (400, get("*a", method="OPTIONS")),
    "authority form": (400, get("a.example:80")),
    "absolute form of ftp": (400, get("ftp://a/items/1")),
    "absolute form without host": (400, get("http:///items/1")),
    "absolute form with user": (400, get("http://u@a/items/1")),
    "absolute form with a bad port": (400, get("http://a:99999/items/1")),
    "absolute form with one slash": (400, get("http:/a/items/1")),
    "header too large": (431, get(fields=H + "X-A: %s\r\n" % ("b" * 17000))),
    "header too large in many": (431, get(fields=H + "X-A: %s\r\n" % ("b" * 1000) * 17)),
    "name too large": (431, get(fields=H + "X" * 17000 + ": b\r\n")),
    "too many fields": (431, get(fields=H + "X: b\r\n" * 100)),
    "body too large": (413, post("Content-Length: 1048577\r\n")),
    "body far too large": (413, post("Content-Length: 99999999999999999999999999\r\n")),
    "chunked body too large": (413, chunks("100000\r\n" + "a" * 0x100000 + "\r\n1\r\na\r\n0\r\n\r\n")),
    "unknown expectation": (417, post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc")),
    "expectation list": (417, post("Expect: 100-continue, x\r\nContent-Length: 3\r\n", "abc")),
}
for name in ("Authorization", "X-API-Key", "X-User-ID", "X-User-Signature", "Idempotency-Key",
             "If-Match", "If-None-Match", "Content-Type", "Origin", "Expect"):
    REFUSED["two of " + name] = (400, get(fields=H + "%s: 100-continue\r\n" % name * 2))

# name -> bytes; closed without a byte.
DROPPED = {
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ssl 2 hello": b"\x80\x2e\x01\x03\x01",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def handled(self):
        return self.server.stats()["handled"]

    def check_usable(self, conn):
        self.assertEqual(conn.ask("GET", "/items/next").json()["id"], "next")

    def test_accepted(self):
        for name, data in ACCEPTED.items():
            with self.subTest(name), self.server.connect() as conn:
                before = self.handled()
                conn.send(data)
                answer = conn.answer()
                self.assertEqual(answer.status, 200)
                self.assertIsNone(answer.header("X-Refused"))
                self.check_usable(conn)
                self.assertEqual(self.handled(), before + 2)

    def test_last(self):
        for name, data in LAST.items():
            with self.subTest(name), self.server.connect() as conn:
                before = self.handled()
                conn.send(data)
                answer = conn.answer()
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.header("Connection"), "close")
                self.assertTrue(conn.closed())
                self.assertEqual(self.handled(), before + 1)

    def check_refused(self, conn, status):
        answer = conn.answer()
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.header("Connection"), "close")
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("X-Gate"), "seen")
        error = answer.json()
        self.assertEqual(error["request_id"], answer.header("X-Request-Id"))
        self.assertRegex(error["code"], "^[a-z0-9_]+$")
        self.assertGreater(len(error["error"]), 10)
        conn.half_close()
        self.assertTrue(conn.closed())

    def test_refused(self):
        for name, (status, data) in REFUSED.items():
            with self.subTest(name), self.server.connect() as conn:
                before = self.handled()
                conn.send(data)
                self.check_refused(conn, status)
                self.assertEqual(self.handled(), before)

    def test_refused_behind_a_good_one(self):
        """A refusal is the second answer, never the first, and ends the connection."""
        for name, (status, data) in REFUSED.items():
            with self.subTest(name), self.server.connect() as conn:
                before = self.handled()
                conn.send(get("/items/first").encode() + data.encode("latin-1"))
                first = conn.answer()
                self.assertEqual((first.status, first.json()["id"]), (200, "first"))
                self.check_refused(conn, status)
                self.assertEqual(self.handled(), before + 1)

    def test_dropped(self):
        for name, data in DROPPED.items():
            with self.subTest(name), self.server.connect() as conn:
                before = self.handled()
                conn.send(data)
                self.assertTrue(conn.closed())
                self.assertEqual(self.handled(), before)

    def test_byte_by_byte(self):
        for name in ("plain get", "two chunks", "trailer fields", "length with leading zeros"):
            with self.subTest(name), self.server.connect() as conn:
                for byte in ACCEPTED[name].encode("latin-1"):
                    conn.send(bytes([byte]))
                self.assertEqual(conn.answer().status, 200)
                self.check_usable(conn)

    def test_smuggled_request_reaches_nobody(self):
        """The second request in each of these must never be seen as a request."""
        hidden = "DELETE /items/canary HTTP/1.1\r\nHost: a\r\n\r\n"
        cases = [
            post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", hidden),
            post("Content-Length : 0\r\n", hidden),
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n" + hidden),
            post("Content-Length: %d\r\n" % len(hidden), hidden),
            post("Content-Length: %d\r\n" % len(hidden), hidden).replace("POST", "GET"),
        ]
        for data in cases:
            with self.subTest(data), self.server.connect() as conn:
                conn.send(data)
                conn.half_close()
                while conn.fill():
                    pass
                answers = conn.data.count(b"HTTP/1.1 ")
                self.assertEqual(answers, 1)
                self.assertNotIn(b"204", conn.data.split(b"\r\n")[0])

    def test_counts(self):
        cases = len(ACCEPTED) + len(LAST) + len(REFUSED) + len(DROPPED)
        self.assertGreaterEqual(cases, 120)


if __name__ == "__main__":
    unittest.main()
