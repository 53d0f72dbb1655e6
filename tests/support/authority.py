# SPDX-License-Identifier: Apache-2.0
"""Certificate authorities of a test, and what they sign."""
import os
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


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
