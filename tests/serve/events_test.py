"""Events that come in: refused as a whole where one is wrong, known at once, safe, and brought into the catalogue once."""
import json
import os
import threading
import unittest

import server


class Events(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()

    def tearDown(self):
        self.assertEqual(self.server.end(), 0, self.server.messages)

    def send(self, *events):
        return self.server.ask("POST", "/v1/events", {"events": list(events)})

    def stored(self):
        return json.loads(self.server.run("status", "--json").stdout)["events"]

    def recent(self):
        return self.server.ask("GET", "/v1/status")[2]["recent_events"]

    def test_refuses(self):
        good = {"user_id": "new", "product_id": "t1", "event": "click"}
        for bad in ({}, {"user_id": "new", "product_id": "t1"}, {"user_id": "new", "event": "click"}, {"product_id": "t1", "event": "click"},
                    dict(good, event="looked"), dict(good, product_id=3), dict(good, product_id=""), dict(good, user_id="x" * 256),
                    dict(good, timestamp="yesterday"), dict(good, count=0), dict(good, surface="image"), dict(good, surface="search"),
                    dict(good, user_id=" "), dict(good, product_id="\t"), dict(good, query=" \n"), dict(good, event_id=" "),
                    dict(good, timestamp="9999-12-31T23:59:59-14:00"), dict(good, colour="red"), 3):
            status, _, body = self.send(good, bad)
            self.assertEqual((status, body["field"]), (400, "events"), bad)
            self.assertIn("event 2 of", body["detail"])
        for body in ({}, {"events": []}, {"events": [good], "more": 1}, [good], {"events": [good] * 1001}):
            self.assertEqual(self.server.ask("POST", "/v1/events", body)[0], 400)
        self.assertEqual(self.server.ask("GET", "/v1/user?user_id=new")[0], 404)
        self.assertEqual(self.recent(), 0)

    def test_known_at_once_and_brought_in_once(self):
        before = self.stored()
        self.assertEqual(self.server.ask("GET", "/v1/user?user_id=new")[0], 404)
        status, _, body = self.send({"user_id": "new", "product_id": "l1", "event": "view_item"},
                                    {"user_id": "new", "product_id": "l2", "event": "purchase", "timestamp": "2026-11-20T10:00:00Z"},
                                    {"query": "brass lamp", "product_id": "l1", "event": "click", "event_id": "mine"})
        self.assertEqual((status, body), (200, {"accepted": 3}))
        self.assertEqual(self.recent(), 2)
        _, _, mine = self.server.ask("GET", "/v1/user?user_id=new&n=14&interests=1")
        _, _, said = self.server.ask("POST", "/v1/user", {"events": [{"product_id": "l1"}, {"product_id": "l2", "event": "checkout"}],
                                                          "n": 14, "interests": True})
        self.assertEqual({hit["id"] for hit in mine["results"]}, {hit["id"] for hit in said["results"]})
        self.assertEqual({hit["interest_id"] for hit in mine["results"]}, {hit["interest_id"] for hit in said["results"]})
        fresh = self.server.ask("GET", "/v1/user?user_id=new&n=14&fresh=1")[2]
        self.assertEqual({hit["id"] for hit in fresh["results"]} & {"l1", "l2"}, set())
        # A server that comes after this one knows them too.
        self.server.process.kill()
        self.server.process.wait()
        self.server = server.Server(before=self.move_here(self.server))
        self.assertEqual(self.recent(), 2)
        self.assertEqual(self.server.ask("GET", "/v1/user?user_id=new")[0], 200)
        self.assertIn("3 stored", self.server.run("import", "inbox").stdout)
        self.assertEqual(self.stored(), before + 3)
        self.assertIn("nothing waits", self.server.run("import", "inbox").stdout)
        server.until(lambda: self.recent() == 0)
        self.assertEqual(self.server.ask("GET", "/v1/user?user_id=new")[0], 200)  # the catalogue says it now
        self.send({"query": "brass lamp", "product_id": "l1", "event": "click", "event_id": "mine"})
        self.assertIn("0 stored, 1 seen before", self.server.run("import", "inbox").stdout)
        server.until(lambda: [n for n in os.listdir(self.server.shop + "/inbox") if n.endswith(".log")] == [])

    @staticmethod
    def move_here(old):
        def move(new):
            os.rename(new.shop, new.shop + ".other")
            os.rename(old.shop, new.shop)
            old.end()
        return move

    def test_forget(self):
        self.send({"user_id": "gone", "product_id": "l1", "event": "click"})
        self.assertIn("1 events of user gone removed", self.server.run("forget", "--user", "gone").stdout)
        server.until(lambda: self.server.ask("GET", "/v1/user?user_id=gone")[0] == 404)
        server.until(lambda: not any(b"gone" in open(os.path.join(self.server.shop, "inbox", n), "rb").read()
                                     for n in os.listdir(self.server.shop + "/inbox")))

    def test_sync_brings_them_in(self):
        before = self.stored()
        self.send({"user_id": "new", "product_id": "l1", "event": "click"})
        self.assertIn("1 inbox event read", self.server.run("sync", server.GROUND + "/products.tsv").stdout)
        self.assertEqual(self.stored(), before + 1)

    def test_imports_beside_events(self):
        """Whatever was acknowledged is stored once, however often it is brought in meanwhile."""
        before, sent = self.stored(), [0, 0, 0]

        def send(at):
            for i in range(60):
                if self.send({"user_id": f"user {at}", "product_id": "l1", "event": "click"},
                             {"user_id": f"user {at}", "product_id": "l2", "event": "save"})[0] == 200:
                    sent[at] += 2

        threads = [threading.Thread(target=send, args=(at,)) for at in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.server.run("import", "inbox")
        for thread in threads:
            thread.join()
        self.server.run("import", "inbox")
        self.assertEqual(sent, [120, 120, 120])
        self.assertEqual(self.stored(), before + 360)

    def test_second_server_takes_none(self):
        """Two may serve one shop; one of them takes events."""
        def same_shop(new):
            new.shop, new.own = self.server.shop, new.shop

        self.send({"user_id": "new", "product_id": "t1", "event": "click"})
        second = server.Server(before=same_shop)
        status, _, body = second.ask("POST", "/v1/events", {"events": [{"user_id": "u", "product_id": "t1", "event": "click"}]})
        self.assertEqual((status, body["type"]), (409, "urn:itemsage:unavailable"))
        self.assertEqual(second.ask("GET", "/v1/user?user_id=u1")[0], 200)
        self.assertEqual(second.ask("GET", "/v1/user?user_id=new")[0], 200)  # what was there when it started
        # When the first ends the second takes its place, and knows what the first one took.
        self.send({"user_id": "late", "product_id": "t1", "event": "click"})
        self.assertEqual(second.ask("GET", "/v1/user?user_id=late")[0], 404)
        self.server.process.terminate()
        self.server.process.wait()
        event = {"events": [{"user_id": "u", "product_id": "t1", "event": "click"}]}
        server.until(lambda: second.ask("POST", "/v1/events", event)[0] == 200)
        self.assertEqual(second.ask("GET", "/v1/user?user_id=late")[0], 200)
        self.assertEqual(second.ask("GET", "/v1/status")[2]["recent_events"], 3)
        self.assertEqual(second.end(), 0)


server.main()
