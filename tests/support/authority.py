# SPDX-License-Identifier: Apache-2.0
"""Certificate authorities of a test, and what they sign."""
import os
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def der_body(der):
    """What is in the first value, and what follows it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7f
        length = int.from_bytes(der[2:start], "big")
    return der[start:start + length], der[start + length:]


def der_value(der):
    """The first value as a whole, and what follows it."""
    rest = der_body(der)[1]
    return der[:len(der) - len(rest)], rest


def der_make(tag, body):
    return bytes([tag, 0x82]) + len(body).to_bytes(2, "big") + body if len(body) > 127 else \
        bytes([tag, len(body)]) + body


class Authority:
    """An authority with its files in `folder`; `name` is its common name."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.cert = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.cert, "-days", "2", "-subj", "/CN=" + name)

    def issue(self, name, usage, days=2):
        """A certificate for `name`, good for clientAuth or serverAuth; its two files."""
        base = os.path.join(self.folder, f"{self.name}-{name}")
        with open(base + ".ext", "w", encoding="ascii") as file:
            file.write(f"extendedKeyUsage={usage}\nsubjectAltName=DNS:{name},IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                base + ".new", "-out", base + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key,
                "-CAcreateserial", "-days", str(days), "-extfile", base + ".ext",
                "-out", base + ".pem")
        os.replace(base + ".new", base + ".key")
        return base + ".pem", base + ".key"

    def alter(self, pair, old, new):
        """The certificate with other bytes of the same number in it, signed by this authority."""
        with open(pair[0], encoding="ascii") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        whole, _ = der_body(der)
        tbs, rest = der_value(whole)
        algorithm, _ = der_value(rest)
        tbs = tbs.replace(old, new)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=tbs, check=True,
                              capture_output=True)
        der = der_make(0x30, tbs + algorithm + der_make(0x03, b"\0" + done.stdout))
        with open(pair[0] + ".altered", "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(der))
        return pair[0] + ".altered", pair[1]
