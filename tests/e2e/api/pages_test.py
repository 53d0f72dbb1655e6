# SPDX-License-Identifier: Apache-2.0
"""Pages of messages: the newest, before, after, around, with and without what is deleted."""
from api_case import ApiCase, main


class Pages(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.server.frontend("ann")
        made = cls.ann.post("/v1/threads/t1/messages:batch",
                            {"messages": [{"id": f"m{i}", "body": i} for i in range(1, 251)]})
        assert made.status == 200, made
        cls.made = made.json["messages"]

    def seqs(self, query):
        page = self.page(self.ann, "t1", query)
        self.assertEqual(page["thread"], "t1")
        self.assertEqual(page["pagination"]["last_seq"], 250)
        return [m["seq"] for m in page["messages"]], page["pagination"]

    def test_the_newest_page(self):
        seqs, pagination = self.seqs("")
        self.assertEqual(seqs, list(range(151, 251)))
        self.assertEqual((pagination["has_before"], pagination["has_after"]), (True, False))
        seqs, pagination = self.seqs("?limit=1000")
        self.assertEqual(seqs, list(range(1, 251)))
        self.assertEqual((pagination["has_before"], pagination["has_after"]), (False, False))

    def test_walks(self):
        seen, query = [], "?limit=17"
        while True:
            seqs, pagination = self.seqs(query)
            seen = seqs + seen
            if not pagination["has_before"]:
                break
            query = "?limit=17&before=" + pagination["before"]
        self.assertEqual(seen, list(range(1, 251)))
        seen, query = [], "?limit=33&after=0"
        while True:
            seqs, pagination = self.seqs(query)
            seen += seqs
            if not pagination["has_after"]:
                break
            query = "?limit=33&after=" + pagination["after"]
        self.assertEqual(seen, list(range(1, 251)))

    def test_anchors(self):
        for anchor in ("m100", "100"):
            self.assertEqual(self.seqs(f"?limit=3&before={anchor}")[0], [97, 98, 99])
            self.assertEqual(self.seqs(f"?limit=3&after={anchor}")[0], [101, 102, 103])
            around = self.seqs(f"?limit=5&around={anchor}")[0]
            self.assertEqual(len(around), 5)
            self.assertIn(100, around)
        self.assertEqual(self.seqs("?limit=3&before=1")[0], [])
        self.assertEqual(self.seqs("?limit=3&after=250")[0], [])
        self.assertEqual(self.seqs("?limit=3&before=2")[0], [1])
        for name in ("before", "after", "around"):
            self.refused(self.ann.get(f"/v1/threads/t1/messages?{name}=m999"), 400,
                         "anchor_unknown", "/" + name)
            error = self.refused(self.ann.get(f"/v1/threads/t1/messages?{name}=-1"), 400,
                                 "invalid_id", "/" + name)
            self.assertIn(name, error["error"])
        self.refused(self.ann.get("/v1/threads/t1/messages?before=1&after=2"), 400,
                     "anchor_conflict")

    def test_around_an_end_is_a_whole_page(self):
        for anchor, expected in (("m1", [1, 2, 3, 4]), ("m250", [247, 248, 249, 250]),
                                 ("249", [247, 248, 249, 250]), ("251", [247, 248, 249, 250])):
            seqs, pagination = self.seqs(f"?limit=4&around={anchor}")
            self.assertEqual(seqs, expected, anchor)
            self.assertEqual((pagination["has_before"], pagination["has_after"]),
                             (expected[0] > 1, expected[-1] < 250), anchor)

    def test_around_a_time(self):
        name = self.unique("timed")
        made = [self.append(self.ann, name, body=i) for i in range(9)]
        for message in made[1:-1]:
            seqs = [m["seq"] for m in
                    self.page(self.ann, name, f"?limit=3&around={message['ts']}")["messages"]]
            self.assertIn(message["seq"], seqs)
            self.assertEqual(len(seqs), 3)
        newest = self.page(self.ann, name, "?limit=3&around=99999999999")["messages"]
        self.assertIn(9, [m["seq"] for m in newest])

    def test_a_cursor_is_a_place_in_time_not_a_key(self):
        """The cursor of another thread is harmless: it shows nothing of that thread."""
        other = self.unique("other")
        self.append(self.ann, other, body="secret")
        cursor = self.page(self.ann, other)["pagination"]["after"]
        answer = self.ann.get("/v1/threads/t1/messages?before=" + cursor)
        self.assertLess(answer.status, 500)
        self.assertNotIn(b"secret", answer.body)

    def test_every_seq_can_be_found(self):
        for seq in range(1, 251, 7):
            self.assertEqual(self.seqs(f"?limit=1&after={seq - 1}")[0], [seq])

    def test_the_other_form(self):
        page = self.ok(self.ann.get("/v1/messages?thread=t1&limit=2"))
        self.assertEqual([m["seq"] for m in page["messages"]], [249, 250])
        self.refused(self.ann.get("/v1/messages"), 400, "thread_required")
        self.refused(self.ann.get("/v1/messages?thread=none"), 404, "thread_not_found")

    def test_an_empty_thread(self):
        name = self.thread(self.ann)["id"]
        page = self.page(self.ann, name)
        self.assertEqual(page, {"thread": name, "messages": [], "pagination": {
            "before": None, "after": None, "has_before": False, "has_after": False,
            "last_seq": 0}})

    def test_limit_counts_messages(self):
        name = self.unique("edited")
        made = [self.append(self.ann, name, body=i) for i in range(6)]
        for message in made[:4]:
            path = f"/v1/threads/{name}/messages/{message['id']}"
            self.ok(self.ann.put(path, {"body": "again"}))
            self.ok(self.ann.put(path, {"body": "and again"}))
        self.ok(self.ann.delete(f"/v1/threads/{name}/messages/{made[5]['id']}"), 204)
        page = self.page(self.ann, name, "?limit=3")
        self.assertEqual([m["seq"] for m in page["messages"]], [3, 4, 5])
        self.assertTrue(page["pagination"]["has_before"])
        self.assertFalse(page["pagination"]["has_after"])
        page = self.page(self.ann, name, "?limit=3&include_deleted=true")
        self.assertEqual([m["seq"] for m in page["messages"]], [4, 5, 6])

    def test_strict_parameters(self):
        for limit in ("0", "1001", "-1", "x", "", "1.0"):
            self.refused(self.ann.get("/v1/threads/t1/messages?limit=" + limit), 400,
                         "invalid_limit")
        for anchor in ("", "%00", "a%2Fb", "x" * 200):
            self.assertEqual(self.ann.get("/v1/threads/t1/messages?after=" + anchor).status, 400,
                             anchor)


if __name__ == "__main__":
    main()
