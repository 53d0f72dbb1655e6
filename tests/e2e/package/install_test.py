# SPDX-License-Identifier: Apache-2.0
"""The packages installed, started by their unit, upgraded, removed and purged, on a machine of its own: systemd in namespaces,
over a layer that takes what is written."""
import ctypes
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import progressdb

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(os.environ.get("PDB_SOURCE") or os.path.join(HERE, "..", "..", ".."), "packaging")
BUILD = progressdb.build_directory()
LOWER = os.environ.get("PDB_INSTALL_ROOT", "/")
CONFIG = "/etc/progressdb/progressdb.yaml"
UNITS = "/usr/lib/systemd/system/"
WANTED = "/etc/systemd/system/multi-user.target.wants/progressdb.service"
KMS_DROP_IN = "/etc/systemd/system/progressdb-kms.service.d/key.conf"
# Bodies are sealed, so that the server needs the other unit as well.
SETTINGS = f"""\
plugins: {{load: [auth, audit, metrics, encryption]}}
security:
  api_keys: {{backend: [{progressdb.BACKEND}]}}
  encryption: {{use: true}}
  kms: {{mode: external}}
logging: {{level: LEVEL}}
"""
FAST = ("--force-unsafe-io", "--no-triggers")  # no sync, and no index of manual pages
TOOLS = ("unshare", "nsenter", "ip", "systemctl")


def run(*command, **more):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=300, check=False, **more)


def why_not():
    """What this machine lacks to hold another one; None when it can."""
    if os.geteuid() != 0:
        return "needs root, for namespaces and a file system of its own"
    if "san" in BUILD:
        return "a sanitizer cannot run under the unit's filter of system calls"
    for tool in TOOLS:
        if shutil.which(tool) is None:
            return f"needs {tool}"
    if not os.path.exists(os.path.join(LOWER, "lib/systemd/systemd")):
        return f"needs systemd in {LOWER}"
    with tempfile.TemporaryDirectory() as folder:
        tried = run("unshare", "--mount", "--net", "--pid", "--cgroup", "--fork", "sh", "-ec",
                    'mount -t tmpfs tmpfs "$0"; cd "$0"; mkdir u w r; '
                    f'mount -t overlay overlay -o "lowerdir={LOWER},upperdir=u,workdir=w" r; '
                    "mount -t cgroup2 cgroup2 w/work", folder)
        return None if tried.returncode == 0 else "cannot make namespaces: " + tried.stderr.strip()


class Machine:
    """systemd as the first process of its namespaces. What is done inside leaves nothing outside."""

    def __init__(self, folder):
        self.work = os.path.join(folder, "machine")
        os.mkdir(self.work)
        self.cgroup = self._make_cgroup()
        self.log = open(os.path.join(folder, "systemd.log"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen([os.path.join(HERE, "machine.sh"), LOWER, self.work, self.cgroup],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.first = None
        progressdb.wait_for(self._ready, "systemd is up")
        # the sockets of this thread are those of the machine from now on
        with open(f"/proc/{self.first}/ns/net", encoding="ascii") as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    @staticmethod
    def _make_cgroup():
        """A control group below our own, so that what systemd makes can be removed."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            mount = next(line.split()[4] for line in file if " - cgroup2 " in line)
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next(line[4:].strip() for line in file if line.startswith("0::/"))
        return tempfile.mkdtemp(prefix="pdb-install-", dir=os.path.join(mount, own))

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError("systemd does not start:\n" + self.said())
        if self.first is None:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                self.first = next(iter(file.read().split()), None)
            return False
        with open(f"/proc/{self.first}/comm", encoding="ascii") as file:
            if file.read().strip() != "systemd":
                return False
        return self.run("systemctl", "is-active", "basic.target").stdout.strip() == "active"

    def said(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def run(self, *command):
        return run("nsenter", "-t", self.first, "-m", "-n", "-p", "-i", "-u", "-C", "-r", "-w", "env", "LC_ALL=C",
                   "DEBIAN_FRONTEND=noninteractive", *command)

    def path(self, name):
        return f"/proc/{self.first}/root{name}"

    def close(self):
        if self.first is not None and self.process.poll() is None:
            os.kill(int(self.first), signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.log.close()
        # a process that has just ended may still be in its group
        progressdb.wait_for(self._remove_cgroup, "its control groups are empty")

    def _remove_cgroup(self):
        try:
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)
            return True
        except OSError:
            return False


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pdb-install-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def build(self, kind):
        done = run(os.path.join(PACKAGING, kind, "build.sh"), BUILD, self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()[0]

    def start_machine(self):
        self.machine = Machine(self.folder)
        self.addCleanup(self.machine.close)

    def do(self, *command):
        done = self.machine.run(*command)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}{self.journal()}")
        return done.stdout + done.stderr

    def journal(self):
        return self.machine.run("journalctl", "--no-pager", "-u", "progressdb", "-u", "progressdb-kms", "-n", "60").stdout

    def send(self, package):
        shutil.copy(package, self.machine.path("/mnt"))
        return os.path.join("/mnt", os.path.basename(package))

    def there(self, name):
        return os.path.lexists(self.machine.path(name))

    def read(self, name):
        with open(self.machine.path(name), encoding="utf-8") as file:
            return file.read()

    def expect_mode(self, name, mode, owner, group):
        info = os.stat(self.machine.path(name))
        names = {}
        for kind in ("passwd", "group"):
            names[kind] = {int(line.split(":")[2]): line.split(":")[0]
                           for line in self.read(f"/etc/{kind}").splitlines() if line}
        self.assertEqual((oct(stat.S_IMODE(info.st_mode)), names["passwd"][info.st_uid], names["group"][info.st_gid]),
                         (oct(mode), owner, group), name)

    def shown(self, name, unit="progressdb"):
        return self.do("systemctl", "show", "--value", "-p", name, unit).strip()

    def client(self):
        client = progressdb.Client(8080, progressdb.BACKEND, "ann")
        self.addCleanup(client.close)
        return client

    def configure(self, level="info"):
        # as an editor does that keeps owner and mode
        with open(self.machine.path(CONFIG), "w", encoding="utf-8") as file:
            file.write(SETTINGS.replace("LEVEL", level))

    # -- steps, the same for every kind of package

    def expect_installed(self):
        for user in ("progressdb", "progressdb-kms"):
            self.assertIn(f":/var/lib/{user}:", self.do("getent", "passwd", user))
            self.expect_mode(f"/var/lib/{user}", 0o700, user, user)
        self.expect_mode("/var/log/progressdb", 0o750, "progressdb", "progressdb")
        self.expect_mode(CONFIG, 0o640, "root", "progressdb")
        self.expect_mode("/etc/progressdb/progressdb-kms.yaml", 0o640, "root", "progressdb-kms")
        self.assertEqual(self.shown("UnitFileState"), "disabled")
        self.assertEqual(self.shown("ActiveState"), "inactive")
        self.assertNotIn("not found", self.do("ldd", "/usr/bin/progressdb"))

    def start_kms(self):
        """The master key comes as a credential."""
        os.makedirs(os.path.dirname(self.machine.path(KMS_DROP_IN)))
        with open(self.machine.path("/etc/kek"), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(os.urandom(32).hex())
        with open(self.machine.path(KMS_DROP_IN), "w", encoding="ascii") as file:
            file.write("[Service]\nLoadCredential=kek:/etc/kek\n")
        self.do("systemctl", "daemon-reload")
        self.do("systemctl", "enable", "--now", "progressdb-kms")

    def start_service(self):
        self.start_kms()
        self.configure()
        self.do("progressdb", "--config", CONFIG, "--check-config")
        self.do("systemctl", "enable", "--now", "progressdb")
        self.assertTrue(self.there(WANTED))
        self.assertEqual(self.shown("ActiveState"), "active")

    def expect_unit(self, unit):
        """The process is the one of ExecStart, and as closed in as the unit says."""
        main = self.shown("MainPID", unit)
        command = " ".join(self.read(f"/proc/{main}/cmdline").split("\0")).strip()
        self.assertIn(f"ExecStart={command}\n", self.read(UNITS + unit + ".service"))
        status = dict(line.split(":\t", 1) for line in self.read(f"/proc/{main}/status").splitlines() if ":\t" in line)
        user = self.do("id", "-u", unit).strip()
        self.assertEqual(status["Uid"].split(), [user] * 4)
        self.assertEqual([status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")],
                         ["0" * 16, "0" * 16, "1", "2"])

    def expect_service(self, count):
        """Appends one message; there are `count` then."""
        client = self.client()
        self.assertEqual(client.post("/v1/threads/t/messages", {"body": count}).status, 200)
        bodies = [message["body"] for message in client.get("/v1/threads/t/messages?limit=100").json["messages"]]
        self.assertEqual(sorted(bodies), list(range(1, count + 1)))
        self.expect_mode("/var/lib/progressdb/data", 0o700, "progressdb", "progressdb")

    def expect_reload(self):
        main = self.shown("MainPID")
        self.configure("debug")
        self.do("systemctl", "reload", "progressdb")
        progressdb.wait_for(lambda: "configuration" in self.journal() and "reload" in self.journal(), "it has reloaded")
        self.assertEqual(self.shown("MainPID"), main)

    def processes(self):
        return [self.shown("MainPID", unit) for unit in ("progressdb", "progressdb-kms")]

    def expect_upgraded(self, before):
        """Other processes serve, with the configuration of the administrator."""
        for old, new in zip(before, self.processes()):
            self.assertNotIn(new, (old, "0"))
        self.assertIn(progressdb.BACKEND, self.read(CONFIG))
        self.expect_mode(CONFIG, 0o640, "root", "progressdb")

    def expect_removed(self):
        for unit in ("progressdb", "progressdb-kms"):
            self.assertEqual(self.shown("ActiveState", unit), "inactive")
        for name in ("/usr/bin/progressdb", UNITS + "progressdb.service", WANTED, "/usr/lib/progressdb", "/usr/lib/sysusers.d/progressdb.conf"):
            self.assertFalse(self.there(name), name)
        self.assertTrue(self.there("/var/lib/progressdb/data/store"))
        self.expect_mode("/var/lib/progressdb", 0o700, "progressdb", "progressdb")


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
class Deb(Case):
    def repack(self, deb):
        """The same package with a newer version and another configuration."""
        tree = os.path.join(self.folder, "newer")
        self.assertEqual(run("dpkg-deb", "-R", deb, tree).returncode, 0)
        control = os.path.join(tree, "DEBIAN", "control")
        with open(control, encoding="utf-8") as file:
            lines = ["Version: 9.1\n" if line.startswith("Version:") else line for line in file]
        with open(control, "w", encoding="utf-8") as file:
            file.writelines(lines)
        with open(tree + CONFIG, "a", encoding="utf-8") as file:
            file.write("# newer\n")
        out = os.path.join(self.folder, "progressdb_9.1.deb")
        done = run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, out)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def test_a_life(self):
        deb = self.build("deb")
        self.start_machine()
        self.do("dpkg", *FAST, "-i", self.send(deb))
        self.expect_installed()
        self.start_service()
        self.expect_unit("progressdb-kms")
        self.expect_unit("progressdb")
        self.expect_service(1)
        self.expect_reload()
        before, newer = self.processes(), self.send(self.repack(deb))
        # both have changed it: what the administrator wrote stays, the other is put beside it
        self.do("dpkg", *FAST, "--force-confdef", "--force-confold", "-i", newer)
        self.assertIn("# newer", self.read(CONFIG + ".dpkg-dist"))
        self.expect_upgraded(before)
        self.expect_service(2)
        self.do("dpkg", *FAST, "-r", "progressdb")
        self.expect_removed()
        self.assertIn(progressdb.BACKEND, self.read(CONFIG))
        # what was kept is taken up again, and nothing is asked
        self.do("dpkg", *FAST, "-i", newer)
        self.do("systemctl", "enable", "--now", "progressdb-kms", "progressdb")
        self.expect_service(3)
        said = self.do("dpkg", *FAST, "-P", "progressdb")
        self.expect_removed()
        self.assertIn("stay in /var/lib/progressdb", said)
        for name in ("/etc/progressdb", "/etc/logrotate.d/progressdb", "/var/log/progressdb"):
            self.assertFalse(self.there(name), name)
        self.assertEqual(self.machine.run("dpkg", "-s", "progressdb").returncode, 1)


@unittest.skipUnless(shutil.which("rpmbuild") and shutil.which("rpm"), "needs rpmbuild and rpm")
class Rpm(Case):
    def test_a_life(self):
        rpm = self.build("rpm")
        self.start_machine()
        # the libraries are those of another distribution's packages
        self.do("rpm", "-i", "--nodeps", self.send(rpm))
        self.expect_installed()
        self.start_service()
        self.expect_unit("progressdb-kms")
        self.expect_unit("progressdb")
        self.expect_service(1)
        self.expect_reload()
        before = self.processes()
        self.do("rpm", "-U", "--nodeps", "--replacepkgs", self.send(rpm))
        self.expect_upgraded(before)
        self.expect_service(2)
        self.do("rpm", "-e", "progressdb")
        self.expect_removed()
        self.assertIn(progressdb.BACKEND, self.read(CONFIG + ".rpmsave"))
        self.assertFalse(self.there("/etc/logrotate.d/progressdb"))


if __name__ == "__main__":
    REASON = why_not()
    if REASON:
        print("skipped: this machine " + REASON)
    else:
        unittest.main()
