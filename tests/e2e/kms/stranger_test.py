# SPDX-License-Identifier: Apache-2.0
"""Servers that a KMS must not serve, and a KMS that a server must not believe."""
import os
import tempfile
import time
import unittest

from authority import Authority
from kms import NOBODY, SECRET, Caller, Refused, private
from progressdb import build_directory, wait_for
from relay import op_of
from served import ServedCase


def time_of(request):
    return int(request.split(b"X-KMS-Time: ", 1)[1].split(b"\r\n", 1)[0])


class StrangerTest(ServedCase):
    number = 0

    def fresh(self):
        """A thread that has no key yet."""
        self.number += 1
        return f"t{self.number}"

    def let_in(self, way, **more):
        self.begin(way, prepared=0, timeout="500ms", **more)
        self.until_served(self.fresh(), "m0")

    def keys_done(self):
        return self.daemon.done("create", "prepare", "unwrap")

    def turned_away(self, what, change):
        """Who is no longer known gets no key."""
        before = self.keys_done()
        self.assertNotEqual(before, [])
        change()
        self.assertNotIn("keeps its settings", self.reload())
        self.assertEqual(self.post(self.fresh(), "m0"), 503, what)
        self.assertEqual(self.keys_done(), before, what)

    def let_in_again(self, change):
        """The same server goes on."""
        change()
        self.reload()
        self.until_served(self.fresh(), "m0")
        self.read_all()
        self.server.stop()
        self.nothing_in_clear()

    def reconfigured(self, more):
        self.daemon.configure(more)
        self.assertTrue(self.daemon.reload())

    def test_another_user(self):
        self.let_in("unix")
        me = self.daemon.settings["kms.users.server"]
        self.turned_away("another user", lambda: self.reconfigured({"kms.users.server": NOBODY}))
        self.let_in_again(lambda: self.reconfigured({"kms.users.server": me}))

    def test_another_token(self):
        self.let_in("token")
        for what, line in (("another secret", f"server node1 {SECRET[::-1]}\n"),
                           ("another name", f"server node2 {SECRET}\n")):
            self.turned_away(what, lambda line=line: private(self.served.own_token, line))
        self.let_in_again(lambda: private(self.served.own_token, f"server node1 {SECRET}\n"))

    def test_another_certificate(self):
        self.let_in("tls")
        good = self.served.authority
        other = Authority(self.served.folder, "other")
        for what, pair in (("of another authority", other.issue("node1", "clientAuth")),
                           ("over", good.issue("node1", "clientAuth", days=-1)),
                           ("for another purpose", good.issue("node1", "serverAuth")),
                           ("without a role", good.issue("node2", "clientAuth"))):
            self.turned_away(what, lambda pair=pair: self.served.place(pair, self.served.client))
        self.let_in_again(lambda: self.served.place(good.issue("node1", "clientAuth"), self.served.client))

    def test_a_service_that_is_not_the_one(self):
        self.let_in("tls")

        def placed(pair):
            self.served.place(pair, self.served.certificate)
            self.assertTrue(self.daemon.reload())
        self.turned_away("another service", lambda: placed(
            Authority(self.served.folder, "other").issue("kms", "serverAuth")))
        self.let_in_again(lambda: placed(self.served.authority.issue("kms", "serverAuth")))

    def test_what_was_said_once_is_worth_nothing(self):
        """Every request of a server, heard by a third one and said again; and every answer."""
        self.let_in("token", relay=True)
        relay = self.served.relay
        self.server.restart()
        self.read_all()
        self.server.stop()
        heard = list(relay.requests)
        self.assertLessEqual({"create", "unwrap"}, {op_of(request) for request in heard})
        self.say_again(heard)
        # what was used is not forgotten with the process that knew it
        wait_for(lambda: time.time() >= max(map(time_of, heard)) + 1, "the next second")
        self.daemon.kill()
        self.daemon.start()
        self.say_again(heard)
        relay.change("again")
        self.server.start()
        self.assertEqual(self.read("t1", "m0"), 503)
        self.assertEqual(self.post(self.fresh(), "m0"), 503)
        self.assertGreaterEqual(relay.repeated, 2)
        relay.change("pass")
        self.until_served("t1", "m0")
        self.read_all()

    def say_again(self, heard):
        before = self.keys_done()
        host, port = self.daemon.listen.removeprefix("http://").split(":")
        for request in heard:
            caller = Caller((host, int(port)))
            with self.assertRaises(Refused) as caught:
                caller.send(request)
            self.assertEqual(caught.exception.args[0], -2)
            caller.close()
        self.assertEqual(self.keys_done(), before)

    @unittest.skipIf("asan" in build_directory(), "its runtime must be loaded first")
    def test_a_clock_that_is_wrong(self):
        skew = private(os.path.join(self.enterContext(tempfile.TemporaryDirectory(prefix="pdb-clock-")), "skew"), "0")
        self.let_in("token", environment={
            "LD_PRELOAD": os.path.join(build_directory(), "tests", "skewed_clock.so"), "PDB_CLOCK_SKEW": skew})
        for seconds in (-90, 90):
            before = self.keys_done()
            private(skew, str(seconds))
            self.assertEqual(self.post(self.fresh(), "m0"), 503)
            self.assertEqual(self.keys_done(), before)
            self.assertIn("the clocks differ by", self.server.log())
            private(skew, "0")
            self.until_served(self.fresh(), "m0")


if __name__ == "__main__":
    unittest.main(verbosity=1)
