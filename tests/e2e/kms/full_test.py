# SPDX-License-Identifier: Apache-2.0
"""The disk below the audit log of keys is full: no key is touched, the server says so, and all goes on with room."""
import os
import shutil
import unittest

import mounts
from kms import Caller, Refused, request
from served import ServedCase

SIZE = 8 << 20
TRIALS = 100
UNAVAILABLE = -15
OPS = ("create", "prepare", "claim", "unwrap", "destroy", "rotate_kek")


class FullTest(ServedCase):
    def setUp(self):
        self.begin("unix", start=False, prepared=4, ttl="1d")
        data = self.daemon.data
        self.daemon.stop()
        os.rename(data, data + ".was")
        os.mkdir(data, 0o700)
        mounts.mount(data, SIZE)
        self.addCleanup(mounts.unmount, data)
        shutil.copytree(data + ".was", data, dirs_exist_ok=True)
        os.chmod(data, 0o700)
        self.daemon.start()
        self.server.start()
        for thread in ("warm", "cold"):
            self.assertEqual(self.post(thread, "m0"), 200)
            self.assertEqual(self.post(thread, "m1"), 200)
        self.server.restart()
        self.until_served("warm", "m0")

    def fill(self):
        """Another program takes all, and then the reserve of the log is used up."""
        info = os.statvfs(self.daemon.data)
        with open(os.path.join(self.daemon.data, "filler"), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, info.f_bavail * info.f_frsize)
        caller = Caller(self.daemon.socket)
        self.addCleanup(caller.close)
        key = self.daemon.audited("unwrap", "end")[-1]["key"]
        with self.assertRaises(Refused) as caught:
            for _ in range(5000):
                caller.key("unwrap", key=key)
        self.assertEqual(caught.exception.args[0], UNAVAILABLE)
        return caller, key

    def refused(self, caller, op, **fields):
        with self.assertRaises(Refused) as caught:
            caller.call(op, request(number=1, **fields))
        self.assertEqual(caught.exception.args[0], UNAVAILABLE, op)

    def test_no_key_is_touched(self):
        caller, key = self.fill()
        done, lines = self.daemon.done(*OPS), len(self.daemon.audited())
        for number in range(TRIALS):
            self.refused(caller, "create", thread=f"t{number}")
            self.refused(caller, "unwrap", key=key)
            self.refused(caller, "destroy", key=key)
            self.refused(caller, "rotate_kek")
        self.assertEqual(self.daemon.done(*OPS), done)
        self.assertEqual(len(self.daemon.audited()), lines)
        self.until_ready(keys=False)
        self.assertIs(self.admin("GET", "status")["refuses"], True)
        # what has its key in the server goes on, and new threads as long as keys were made ahead
        self.assertEqual((self.read("warm", "m1"), self.post("warm", "m2")), (200, 200))
        self.assertEqual(self.read("cold", "m0"), 503)
        statuses = [self.post(f"new{number}", "m0") for number in range(8)]
        self.assertEqual(statuses[4:], [503] * 4, statuses)
        self.admin("POST", "destroy-thread-dek", {"thread_id": "warm", "confirm": "warm"}, 503)
        self.assertEqual(self.ready(), {"status": "degraded", "keys": False})
        os.remove(os.path.join(self.daemon.data, "filler"))
        self.until_ready()
        self.assertIs(self.admin("GET", "status")["refuses"], False)
        for thread, message in (("cold", "m0"), ("later", "m0")):
            self.until_served(thread, message)
        self.read_all()
        self.server.stop()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.daemon.audit(self.daemon.public_key())[0], 0)
        self.nothing_in_clear()


if __name__ == "__main__":
    mounts.main()
