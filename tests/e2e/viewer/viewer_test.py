# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser."""
import json
import os
import sys
import unittest

import browser
from progressdb import ADMIN, FRONTEND, Server, build_directory, wait_for

LONG = 450  # messages: three screenfuls of a thread
THREADS = int(os.environ.get("PDB_VIEWER_THREADS", "2000"))
PICTURES = os.path.join(build_directory(), "pictures")


def fill(god):
    """Many threads, and one with edits, a deletion, reactions and markup in its texts."""
    for at in range(THREADS):
        god.post(f"/v1/threads/thread-{at:06}/messages", {"body": {"text": f"Number {at}"}, "author": f"user-{at % 50}"})
    for at in range(LONG):
        god.post("/v1/threads/long/messages", {"body": {"text": f"Message {at}"}, "author": "cleo"})
    god.post("/v1/threads", {"id": "talk", "title": "Travel plans", "author": "ann", "participants": ["bob"],
                             "attributes": {"legal_hold": True}})
    texts = ["Shall we take the train?", "The train is slow.\nThe bus is not.", "<b>bold</b> <script>alert(1)</script>", "Fine."]
    for i, text in enumerate(texts):
        god.post("/v1/threads/talk/messages", {"id": f"m{i}", "body": {"text": text}, "author": "ann" if i % 2 == 0 else "bob"})
    god.put("/v1/threads/talk/messages/m1", {"body": {"text": "The train is slow.\nThe plane is not."}})
    god.put("/v1/threads/talk/messages/m1", {"body": {"text": "The train is fine.\nThe plane is not."}})
    god.post("/v1/threads/talk/messages/m0/reactions", {"id": "bob", "reaction": "👍"})
    god.delete("/v1/threads/talk/messages/m3")


@unittest.skipIf(browser.find() is None, "no Chromium is installed")
class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(PICTURES, exist_ok=True)
        cls.server = Server("wiredtiger", log_level="info", extra="  rate_limit: {rps: 0}\n")
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        fill(cls.server.admin())
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def open(self, path):
        page = self.browser.open("about:blank#")
        page.watch()
        page.screen(1200, 800)
        self.addCleanup(self.clean, page)
        page.browser.call("Page.navigate", page.session, url=f"http://127.0.0.1:{self.server.port}{path}")
        wait_for(lambda: page.run("document.readyState") == "complete", "the page")
        return page

    def clean(self, page):
        """Nothing thrown, nothing refused, nothing asked elsewhere."""
        thrown = page.events("Runtime.exceptionThrown")
        said = [one for one in page.events("Runtime.consoleAPICalled") if one["type"] in ("error", "warning", "assert")]
        logged = [one["entry"] for one in page.events("Log.entryAdded")
                  if one["entry"]["level"] in ("error", "warning") and not self.expected(one["entry"])]
        self.assertEqual((thrown, said, logged), ([], [], []))
        home = f"http://127.0.0.1:{self.server.port}/"
        asked = [one["request"]["url"] for one in page.events("Network.requestWillBeSent")]
        self.assertTrue(asked)
        self.assertEqual([url for url in asked if not url.startswith((home, "data:", "about:"))], [])
        page.browser.call("Page.close", page.session)

    def expected(self, entry):
        """A refused key is told by the browser too."""
        return entry.get("source") == "network" and any(status in entry["text"] for status in ("401", "403"))

    def see(self, page, expression, what):
        return wait_for(lambda: page.run(expression), what)

    def sign_in(self, page, key=ADMIN):
        self.see(page, "!!document.getElementById('key')", "the form")
        page.run(f"document.getElementById('key').value = {json.dumps(key)};"
                 "document.querySelector('form').requestSubmit()")

    def text(self, page):
        return page.run("document.getElementById('view').innerText")

    def pictures(self, page, name):
        for look, (width, dark) in {"light": (1200, False), "dark": (1200, True), "narrow": (420, False)}.items():
            page.screen(width, 800, dark)
            page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 0)")
            wide = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            self.assertLessEqual(wide, 0, f"{name} {look} is wider than its window")
            page.picture(os.path.join(PICTURES, f"{name}-{look}.png"))
        page.screen(1200, 800)

    def test_a_path_through_all(self):
        page = self.open("/viewer/")
        self.sign_in(page, FRONTEND)
        self.see(page, "document.getElementById('notice').textContent != ''", "the refusal")
        self.pictures(page, "sign-in")
        self.sign_in(page)
        self.see(page, "document.querySelectorAll('.list .row').length > 5", "the threads")
        self.pictures(page, "threads")
        page.run("location.hash = '#/users'")
        self.see(page, "[...document.querySelectorAll('.list .row')].some(r => r.textContent.includes('ann'))", "the users")
        self.pictures(page, "users")
        page.run("[...document.querySelectorAll('.list .row')].find(r => r.textContent.includes('ann')).click()")
        self.see(page, "[...document.querySelectorAll('.list .row')].some(r => r.textContent.includes('talk'))", "ann's threads")
        page.run("[...document.querySelectorAll('.list .row')].find(r => r.textContent.includes('talk')).click()")
        self.see(page, "document.querySelectorAll('.message').length == 4", "the messages")
        text = page.run("document.getElementById('view').textContent")  # what is out of sight may not be laid out
        for part in ("Travel plans", "legal hold", "Shall we take the train?", "<script>alert(1)</script>", "This message was deleted.",
                     "👍 bob"):
            self.assertIn(part.lower(), text.lower())
        page.run("document.querySelector('#m1 button').click()")
        self.see(page, "document.querySelectorAll('#m1 .versions section').length == 3", "the versions")
        self.assertEqual(page.run("document.querySelectorAll('#m1 del').length"), 2)
        self.pictures(page, "thread")
        page.run("const f = document.getElementById('find'); f.value = 'TRAIN'; f.dispatchEvent(new Event('input'))")
        self.see(page, "document.querySelectorAll('.message').length == 2 && document.querySelectorAll('mark').length >= 2", "what was found")
        page.run("document.querySelector('a[href^=\"#/rows/\"]').click()")
        self.see(page, "document.querySelectorAll('.list .row').length >= 4", "the rows")
        page.run("document.querySelector('.list .row').click()")
        self.see(page, "document.querySelector('pre.value')?.textContent.length > 10", "a row")
        self.assertEqual(json.loads(page.run("document.querySelector('pre.value').textContent")),
                         self.server.admin().get("/admin/value?key=thread:talk:head").json["value"])
        self.pictures(page, "rows")
        page.run("location.hash = '#/jobs'")
        self.see(page, "document.querySelectorAll('tbody tr').length >= 2", "the jobs")
        self.assertRegex(self.text(page), r"every 1 s\b[\s\S]*every 1 h\b")
        self.pictures(page, "jobs")
        page.run("location.hash = '#/stats'")
        self.see(page, "document.querySelectorAll('.chart').length >= 3 && document.querySelector('.chart path:last-child').getAttribute('d')?.split('L').length > 2",
                 "two points of a line")
        text = self.text(page).lower()
        for part in ("takes writes", "commits a second", "disk free", " gib"):
            self.assertIn(part, text)
        self.pictures(page, "stats")
        page.run("document.getElementById('leave').click()")
        self.see(page, "!!document.getElementById('key')", "the form again")
        self.assertEqual(page.run("sessionStorage.length + localStorage.length + document.cookie.length"), 0)

    def test_a_long_list_stays_small_and_follows_the_keyboard(self):
        page = self.open("/viewer/")
        self.sign_in(page)
        self.see(page, "document.querySelectorAll('.list .row').length > 5", "the threads")
        page.run("document.querySelector('.list').focus()")
        page.press("ArrowDown")
        page.press("ArrowDown")
        self.assertEqual(page.run("document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')"), "2")
        # whatever is loaded, few elements
        self.see(page, f"(() => {{ const l = document.querySelector('.list'); l.scrollTop = l.scrollHeight; const c = document.querySelector('.count').textContent; return !c.includes('+') && parseInt(c.replace(/\\D/g, '')) >= {THREADS}; }})()",
                 "the end of the list")
        self.assertLess(page.run("document.querySelectorAll('.list .row').length"), 60)
        page.press("End")
        # the last of those that were there when the list was read: what was just written may lag behind
        last = page.run("document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')")
        self.assertEqual(last, page.run("document.querySelector('.count').textContent.replace(/\\D/g, '')"))
        page.press("/")
        self.assertEqual(page.run("document.activeElement.id"), "find")
        page.run("const f = document.getElementById('find'); f.value = 'thread-000042'; f.dispatchEvent(new Event('input'))")
        self.see(page, "document.querySelectorAll('.list .row').length == 1", "the one that was looked for")
        page.press("Escape")
        page.press("Home")
        page.press("Enter")
        self.see(page, "document.querySelectorAll('.message').length == 1", "its message")

    def test_a_long_thread_is_shown_to_its_beginning(self):
        page = self.open("/viewer/#/threads/long")
        self.sign_in(page)
        first = "document.querySelector('.message pre')?.textContent"
        count = "document.querySelectorAll('.message').length"
        older = "document.querySelector('.stream > button')"
        for shown in (200, 400):
            self.see(page, f"{count} == {shown} && !{older}.disabled", f"{shown} messages")
            self.assertEqual(page.run(first), f"Message {LONG - shown}")
            page.run(f"{older}.click()")
        self.see(page, f"{count} == {LONG}", "all messages")
        self.assertEqual(page.run(first), "Message 0")
        self.assertTrue(page.run(f"{older}.hidden"))
        self.assertEqual(page.run("[...document.querySelectorAll('.message')].every((m, i) => m.textContent.includes(`Message ${i}`))"), True)
        page.run("const f = document.getElementById('find'); f.value = 'message 7'; f.dispatchEvent(new Event('input'))")
        self.see(page, f"{count} == 11 && document.querySelector('.count').textContent.startsWith('11 found')", "7 and 70 to 79")

    def test_what_assistive_programs_are_told(self):
        page = self.open("/viewer/")
        self.sign_in(page)
        self.see(page, "document.querySelectorAll('.list .row').length > 5", "the threads")
        told = page.accessible()
        for wanted in (("navigation", "Views"), ("heading", "Threads"), ("listbox", "Threads"), ("searchbox", "Filter by id or author"),
                       ("button", "Forget key"), ("banner", ""), ("main", "")):
            self.assertIn(wanted, told)
        self.assertGreater(sum(role == "option" for role, _ in told), 5)
        self.assertEqual([one for one in told if one[0] in ("button", "link", "searchbox", "option") and one[1] == ""], [])

    def test_the_description(self):
        page = self.open("/docs/")
        self.see(page, "document.querySelectorAll('.operation').length > 20", "the operations")
        self.pictures(page, "docs")
        broken = page.run("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
                          ".filter(id => !document.getElementById(id))")
        self.assertEqual(broken, [])
        self.assertIn(("navigation", "Contents"), page.accessible())
        operations = page.run("document.querySelectorAll('.operation').length")
        print(f"{operations} operations shown; pictures in {PICTURES}", file=sys.stderr)

    def test_headers(self):
        client = self.server.client()
        for path in ("/viewer/", "/viewer/app.js", "/docs/", "/openapi.yaml"):
            answer = client.get(path)
            self.assertEqual(answer.status, 200, path)
            policy = answer.headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(client.get("/viewer").headers["location"], "/viewer/")
        self.assertEqual(client.get("/viewer/../etc/passwd").status, 404)
        self.assertEqual(client.get("/viewer/none.js").status, 404)


if __name__ == "__main__":
    unittest.main()
