# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over its debugging pipe; for tests of what pages can do."""
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

from progressdb import DEADLINE


def find():
    """The program, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    return None


# It reads descriptor 3 and writes 4; whatever numbers the pipes have, neither may end the other.
START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.closerange(5, 64)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Failure(Exception):
    """What a page threw, or the browser refused."""


class Browser:
    """One browser with a profile of its own. Nothing but what the test opens is asked for."""

    # The pages are ours, and a sandbox is not to be had in every place where tests run.
    FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--disable-crash-reporter", "--disable-breakpad", "--remote-debugging-pipe"]

    def __init__(self, program=None):
        self.profile = tempfile.mkdtemp(prefix="pdb-browser-")
        self.count, self.waiting = 0, b""
        self.events = []  # what the browser told without being asked
        theirs_in, self.to_browser = os.pipe()
        self.from_browser, theirs_out = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(theirs_in), str(theirs_out), program or find(), *self.FLAGS,
             f"--user-data-dir={self.profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self.profile, env=dict(os.environ, HOME=self.profile))
        os.close(theirs_in)
        os.close(theirs_out)

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(timeout=10)
        except (Failure, OSError, AssertionError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **params):
        """One call of the DevTools protocol; its result."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _message(self):
        end = time.monotonic() + DEADLINE
        while b"\0" not in self.waiting:
            ready, _, _ = select.select([self.from_browser], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError("the browser does not answer")
            part = os.read(self.from_browser, 65536)
            if not part:
                raise OSError("the browser has ended")
            self.waiting += part
        message, _, self.waiting = self.waiting.partition(b"\0")
        return json.loads(message)

    def open(self, url):
        """A page in a tab of its own, loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        moved = self.call("Page.navigate", session, url=url)
        if moved.get("errorText"):
            raise Failure(f"{url}: {moved['errorText']}")
        end = time.monotonic() + DEADLINE
        while page.run("location.href != 'about:blank' && document.readyState") != "complete":
            if time.monotonic() > end:
                raise AssertionError(f"{url} does not load")
        return page


KEYS = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Escape": 27, "Home": 36, "End": 35, "Tab": 9, "/": 191}


class Page:
    """A tab."""

    def __init__(self, browser, session):
        self.browser = browser
        self.session = session

    def watch(self):
        """From here on the browser tells of requests, of the console and of what is refused."""
        for domain in ("Network", "Log", "Runtime", "Page"):
            self.browser.call(domain + ".enable", self.session)

    def events(self, method):
        """The parameters of what was told by that name since the browser began."""
        self.run("0")  # what is on its way comes first
        return [event["params"] for event in self.browser.events
                if event["method"] == method and event.get("sessionId") == self.session]

    def screen(self, width, height, dark=False):
        self.browser.call("Emulation.setDeviceMetricsOverride", self.session, width=width, height=height,
                          deviceScaleFactor=1, mobile=False)
        self.browser.call("Emulation.setEmulatedMedia", self.session, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        """Writes what is seen as a PNG file."""
        data = self.browser.call("Page.captureScreenshot", self.session, format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def accessible(self):
        """What an assistive program is told: (role, name) of every node that is not ignored."""
        nodes = self.browser.call("Accessibility.getFullAXTree", self.session)["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes
                if not node["ignored"]]

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, key=key,
                              windowsVirtualKeyCode=KEYS.get(key, ord(key[0].upper())),
                              text=key if kind == "keyDown" and len(key) == 1 else "")

    def run(self, expression):
        """What a JavaScript expression gives, also when it is a promise. Failure for what it throws."""
        done = self.browser.call("Runtime.evaluate", self.session, expression=expression,
                                 awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            thrown = done["exceptionDetails"]
            raise Failure(thrown.get("exception", {}).get("description") or thrown["text"])
        return done["result"].get("value")
