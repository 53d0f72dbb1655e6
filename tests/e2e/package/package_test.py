# SPDX-License-Identifier: Apache-2.0
"""The deb and the rpm of this build, unpacked and run."""
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import progressdb

SOURCE = os.environ.get("PDB_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..", "..")
BUILD = progressdb.build_directory()
PACKAGING = os.path.join(SOURCE, "packaging")
CONFIG = "etc/progressdb/progressdb.yaml"
UNITS = "usr/lib/systemd/system/"


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=200,
                          check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Case(unittest.TestCase):
    @classmethod
    def make(cls, kind):
        cls.folder = tempfile.mkdtemp(prefix="pdb-package-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.root = os.path.join(cls.folder, "root")
        os.mkdir(cls.root)
        return run(os.path.join(PACKAGING, kind, "build.sh"), BUILD, cls.folder).split()

    def path(self, name):
        return os.path.join(self.root, name)

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def expect_files(self):
        for name, mode in (("usr/bin/progressdb", 0o755), ("usr/bin/pdbctl", 0o755), (CONFIG, 0o640),
                           (UNITS + "progressdb.service", 0o644),
                           (UNITS + "progressdb-kms.service", 0o644), ("usr/bin/progressdb-kms", 0o755),
                           ("etc/progressdb/progressdb-kms.yaml", 0o640), ("usr/lib/sysusers.d/progressdb.conf", 0o644),
                           ("usr/lib/tmpfiles.d/progressdb.conf", 0o644), ("etc/logrotate.d/progressdb", 0o644),
                           ("usr/share/man/man8/progressdb.8.gz", 0o644),
                           ("usr/share/bash-completion/completions/progressdb", 0o644)):
            self.assertEqual(self.mode(name), mode, name)

    def expect_to_run(self):
        """The server of the package, with the configuration that is shipped."""
        config = os.path.join(self.folder, "progressdb.yaml")
        shutil.copy(self.path(CONFIG), config)
        said = open(os.path.join(self.folder, "said"), "w+", encoding="utf-8")
        self.addCleanup(said.close)
        process = subprocess.Popen(
            [self.path("usr/bin/progressdb"), "--config", config, "--addr", "127.0.0.1:0",
             "--set", f"security.api_keys.backend={progressdb.BACKEND}"],
            cwd=self.folder, stdout=said, stderr=said)
        self.addCleanup(process.kill)

        def port():
            said.seek(0)
            text = said.read()
            self.assertIsNone(process.poll(), text)
            return re.search(r"listening on http://127\.0\.0\.1:(\d+)", text)

        client = progressdb.Client(int(progressdb.wait_for(port, "it listens").group(1)), progressdb.BACKEND, "ann")
        self.assertEqual(client.post("/v1/threads/t/messages", body={"body": "packed"}).status, 200)
        self.assertIn("progressdb_build_info", client.get("/metrics").body.decode())
        client.close()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(progressdb.DEADLINE), 0)
        self.assertTrue(os.path.isdir(os.path.join(self.folder, "data", "store")))
        shutil.rmtree(os.path.join(self.folder, "data"))


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
class Deb(Case):
    @classmethod
    def setUpClass(cls):
        cls.deb, cls.dev = cls.make("deb")
        run("dpkg-deb", "-x", cls.deb, cls.root)

    def test_files(self):
        self.expect_files()
        for line in run("dpkg-deb", "-c", self.deb).splitlines():
            self.assertIn("root/root", line)
            self.assertNotRegex(line.split()[0], r"^[^l].......w.", line)

    def test_runs(self):
        self.expect_to_run()

    def test_control(self):
        control = run("dpkg-deb", "-f", self.deb)
        self.assertRegex(control, r"(?m)^Package: progressdb$")
        for library in ("libc6", "libevent", "libjansson4", "libsodium23", "libwiredtiger", "libyaml-0-2"):
            self.assertRegex(control, rf"(?m)^Depends: .*\b{re.escape(library)}")
        control = os.path.join(self.folder, "control")
        run("dpkg-deb", "-e", self.deb, control)
        with open(os.path.join(control, "conffiles"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["/" + CONFIG, "/etc/progressdb/progressdb-kms.yaml", "/etc/logrotate.d/progressdb"])
        for script in ("postinst", "prerm", "postrm"):
            run("sh", "-n", os.path.join(control, script))

    def test_development(self):
        names = run("dpkg-deb", "-c", self.dev)
        for name in ("usr/include/pdb/pdb.h", "pdb-sdk.pc", "pdb-sdk-config.cmake", "plugin-template"):
            self.assertIn(name, names)
        self.assertNotIn("pdb.h", run("dpkg-deb", "-c", self.deb))

    def test_completions_know_every_option(self):
        options = set(re.findall(r"^  (--[a-z-]+)", run(self.path("usr/bin/progressdb"), "--help"), re.M))
        with open(self.path("usr/share/bash-completion/completions/progressdb"), encoding="utf-8") as file:
            flags = re.search(r'flags="([^"]*)"', file.read()).group(1).split()
        self.assertEqual(set(flags), options)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_the_units(self):
        for unit in ("progressdb.service", "progressdb-kms.service"):
            # another root has none of the units and programs that every system has
            told = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", "--man=no",
                                   f"--root={self.root}", unit], text=True, capture_output=True, timeout=60,
                                  check=False)
            about = [line for line in (told.stdout + told.stderr).splitlines() if unit in line
                     and "not found" not in line and "not-found" not in line and "/bin/sh" not in line]
            self.assertEqual(about, [])
            said = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15",
                       self.path(UNITS + unit))
            print(said.splitlines()[-1])

    @unittest.skipUnless(shutil.which("logrotate"), "needs logrotate")
    def test_the_rotation(self):
        config = os.path.join(self.folder, "logrotate")
        with open(self.path("etc/logrotate.d/progressdb"), encoding="utf-8") as file:
            text = file.read().replace("/var/log/progressdb", self.folder)
        with open(config, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^\t(su|create) .*\n", "", text))
        os.chmod(config, 0o644)
        said = subprocess.run(["logrotate", "--debug", config], text=True, capture_output=True, check=False)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertNotIn("error", said.stderr.lower())


@unittest.skipUnless(shutil.which("rpmbuild") and shutil.which("rpm2cpio"), "needs rpmbuild")
class Rpm(Case):
    @classmethod
    def setUpClass(cls):
        (cls.rpm,) = cls.make("rpm")
        run("sh", "-c", f"rpm2cpio {cls.rpm} | (cd {cls.root} && cpio -idm --quiet)")

    def test_files(self):
        self.expect_files()
        listed = run("rpm", "-qlvp", self.rpm)
        self.assertRegex(listed, r"drwx------ .* progress\w* +progress\w* .* /var/lib/progressdb\n")
        self.assertNotRegex(listed, r" /usr/(bin|lib|share)\n")
        self.assertEqual(run("rpm", "-qcp", self.rpm).split(), ["/etc/logrotate.d/progressdb", "/etc/progressdb/progressdb-kms.yaml", "/" + CONFIG])

    def test_runs(self):
        self.expect_to_run()


if __name__ == "__main__":
    unittest.main()
