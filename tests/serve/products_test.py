"""Products come, change and go over HTTP: found at once, safe, given to the next release, and brought into the catalogue
once and in their order."""
import json
import os
import signal
import threading
import time
import unittest

import server
from server import until

LAMP = {"title": "Copper ship lantern", "description": "A lantern from a steamer.", "brand": "Meridian",
        "product_type": "Lighting > Lantern", "price": "120.00 EUR", "availability": "in_stock", "wattage": 40}


class Products(unittest.TestCase):
    def setUp(self):
        self.server = server.Server(options=["serve_threads=3"])

    def tearDown(self):
        self.assertEqual(self.server.end(), 0, self.server.messages)

    def put(self, name, product):
        return self.server.ask("PUT", f"/v1/products/{name}", product)

    def patch(self, name, change):
        return self.server.ask("PATCH", f"/v1/products/{name}", change)

    def delete(self, name):
        return self.server.ask("DELETE", f"/v1/products/{name}")

    def product(self, name):
        status, _, body = self.server.ask("GET", f"/v1/products/{name}")
        return body if status == 200 else None

    def found(self, **query):
        status, _, body = self.server.ask("POST", "/v1/search", dict({"n": 50}, **query))
        self.assertEqual(status, 200, body)
        return [hit["id"] for hit in body["results"]]

    def status(self):
        return self.server.ask("GET", "/v1/status")[2]

    def restart(self, how=signal.SIGKILL):
        """Another server over the same shop."""
        old = self.server
        old.process.send_signal(how)
        old.process.wait()

        def move(new):
            os.rename(new.shop, new.shop + ".other")
            os.rename(old.shop, new.shop)
            old.end()

        self.server = server.Server(options=["serve_threads=3"], before=move)

    def feed(self, name, *lines, age_s=0):
        path = os.path.join(self.server.dir, name)
        with open(path, "w") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        when = time.time() - age_s
        os.utime(path, (when, when))
        return path

    def whole_feed(self, age_s=0):
        """The feed of the shop as it was, written so long ago."""
        path = os.path.join(self.server.dir, "products.tsv")
        with open(path, "w") as out, open(server.GROUND + "/products.tsv") as file:
            out.write(file.read())
        when = time.time() - age_s
        os.utime(path, (when, when))
        return path

    def expect_changed(self):
        """What change_all made, wherever it comes from."""
        self.assertEqual(self.found(text="copper ship lantern", method="keywords")[0], "n1")
        self.assertEqual(self.product("n1")["price"], "99.50 EUR")
        self.assertEqual(self.found(text="lantern", where="wattage = 60"), ["n1"])
        self.assertIsNone(self.product("t1"))
        self.assertNotIn("t1", self.found(text="oak table"))
        self.assertEqual(self.product("t2")["title"], "Table of another kind")
        self.assertIsNone(self.product("n2"))

    def change_all(self):
        # An attribute that the release has no column for cannot be asked for yet: this shop has none, so it gets one.
        self.assertEqual(self.put("n1", LAMP)[0], 200)
        self.assertEqual(self.patch("n1", {"price": "99.50 EUR", "wattage": 60})[0], 200)
        self.assertEqual(self.delete("t1")[0], 200)
        self.assertEqual(self.put("t2", {"id": "t2", "title": "Table of another kind", "price": "1 EUR"})[0], 200)
        self.assertEqual(self.put("n2", LAMP)[0], 200)
        self.assertEqual(self.delete("n2")[0], 200)

    def test_found_at_once(self):
        before = self.status()["products"]
        status, _, body = self.put("n1", LAMP)
        self.assertEqual((status, body), (200, {"release": self.status()["release"], "changed": 1}))
        for method in ("vectors", "keywords", "hybrid"):
            self.assertEqual(self.found(text="copper ship lantern", method=method)[0], "n1", method)
        self.assertIn("n1", self.found(text="lantern", where="price < 121 EUR and brand = meridian"))
        self.assertEqual(self.product("n1"), dict(release=body["release"], id="n1", title=LAMP["title"], brand="Meridian",
                                                  category="Lighting > Lantern", price="120.00 EUR", availability="in_stock"))
        self.assertEqual(self.server.ask("GET", "/v1/similar?product_id=n1&n=3")[0], 200)
        self.assertIn("n1", [hit["id"] for hit in self.server.ask("GET", "/v1/similar?product_id=l1&n=50")[2]["results"]])
        self.assertEqual(self.server.ask("POST", "/v1/user", {"events": [{"product_id": "n1"}], "interests": True})[0], 200)
        self.assertEqual(self.server.ask("GET", "/v1/embed?product_id=n1")[0], 200)
        self.assertEqual(self.status()["products"], before + 1)
        # Prices and stock alone.
        self.assertEqual(self.patch("n1", {"price": "80.00 EUR", "availability": "out_of_stock"})[0], 200)
        self.assertEqual(self.product("n1")["price"], "80.00 EUR")
        self.assertEqual(self.product("n1")["title"], LAMP["title"])
        self.assertEqual(self.found(text="lantern", where="price < 81 EUR and brand = meridian"), ["n1"])
        self.assertEqual(self.found(text="lantern", where="availability = in_stock and brand = meridian"), [])
        # Another product in the place of one that the release has.
        self.assertEqual(self.put("t1", dict(LAMP, id="t1"))[0], 200)
        self.assertEqual(set(self.found(text="copper ship lantern", method="keywords")[:2]), {"n1", "t1"})
        self.assertEqual(self.status()["products"], before + 1)
        for name in ("n1", "t1"):
            self.assertEqual(self.delete(name)[0], 200)
            self.assertIsNone(self.product(name))
            self.assertEqual(self.delete(name)[0], 404)
            self.assertEqual(self.patch(name, {"price": "1 EUR"})[0], 404)
        self.assertEqual(self.found(text="copper ship lantern", where="brand = meridian"), [])
        self.assertEqual(self.server.ask("GET", "/v1/similar?product_id=n1")[0], 404)
        self.assertEqual(self.status()["products"], before - 1)

    def test_ids_of_all_kinds(self):
        for name, path in (("a/b c", "a/b%20c"), ("größe", "gr%C3%B6%C3%9Fe"), ('q"\\', "q%22%5C"), ("5", "5")):
            self.assertEqual(self.put(path, LAMP)[0], 200, name)
            self.assertEqual(self.product(path)["id"], name)
            self.assertEqual(self.put(path, dict(LAMP, id=name))[0], 200, name)
            self.assertEqual(self.delete(path)[0], 200, name)
        self.assertEqual(self.put("5", dict(LAMP, id=5))[0], 200)

    def test_refuses(self):
        good = dict(LAMP)
        for bad, field in ((dict(good, id="other"), "id"), (dict(good, price="cheap"), None), (dict(good, price=[1]), None),
                           (dict(good, id=""), None), (dict(good, image_link=["x"] * 21), None)):
            status, _, body = self.put("n1", bad)
            self.assertEqual((status, body.get("field")), (400, field), bad)
        for bad in ({}, {"title": "Other"}, {"link": "https://a.example/b"}, {"image_link": "x.jpg"}, {"price": "cheap"},
                    {"id": "t2", "price": "1 EUR"}):
            self.assertEqual(self.patch("t1", bad)[0], 400, bad)
        for method in ("PUT", "PATCH"):
            self.assertEqual(self.server.ask(method, "/v1/products/n1", [good])[0], 400)
            self.assertEqual(self.server.ask(method, "/v1/products/n1", "{", {"Content-Type": "application/json"})[0], 400)
            self.assertEqual(self.server.ask(method, "/v1/products/n1", json.dumps(good), {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.put("%ff", good)[0], 400)
        self.assertEqual(self.put("x" * 256, good)[0], 400)
        self.assertEqual(self.put("a%0Ab", good)[0], 400)
        self.assertEqual(self.put("n1", dict(good, description="x" * (1 << 20)))[0], 413)
        status, headers, _ = self.server.ask("POST", "/v1/products/n1", good)
        self.assertEqual(status, 405)
        self.assertEqual(headers["Allow"], "GET, HEAD, PUT, DELETE, PATCH")
        self.assertEqual(self.server.ask("PUT", "/v1/products", good)[0], 405)
        for body in ({}, {"products": []}, {"products": [good]}, {"products": [dict(good, id="a"), 3]}, {"products": {}},
                     {"products": [dict(good, id="a")], "more": 1}, {"products": [dict(good, id=str(i)) for i in range(1001)]}):
            status, _, answer = self.server.ask("POST", "/v1/products", body)
            self.assertEqual((status, answer["field"]), (400, "products"), answer)
        self.assertIsNone(self.product("n1"))
        self.assertIsNone(self.product("a"))
        self.assertEqual(self.status()["changes_waiting"], 0)

    def test_many_at_once(self):
        many = [dict(LAMP, id=f"m{i}", title=f"Lantern, [no. {i}] \"x\\\" }}", price=f"{i + 1}.10 EUR") for i in range(200)]
        status, _, body = self.server.ask("POST", "/v1/products", json.dumps({"products": many}, indent=1),
                                          {"Content-Type": "application/json"})
        self.assertEqual((status, body["changed"]), (200, 200))
        self.assertEqual(self.product("m7")["price"], "8.10 EUR")
        self.assertEqual(self.product("m199")["title"], many[199]["title"])
        self.assertEqual(len(self.found(text="lantern", where="brand = meridian", n=300)), 200)

    def test_restart_replays(self):
        self.put("first", dict(LAMP, wattage=5))
        self.server.run("import", "inbox")
        self.server.run("embed")
        self.server.run("index")  # now there is a column of wattage
        until(lambda: self.status()["release"] == 2)
        self.assertEqual(self.found(text="lantern", where="wattage = 5"), ["first"])
        self.delete("first")
        self.change_all()
        self.expect_changed()
        for how in (signal.SIGKILL, signal.SIGTERM):
            self.restart(how)
            self.expect_changed()
            self.assertIsNone(self.product("first"))
            self.assertEqual(self.status()["changes_waiting"], 7)

    def test_swap_replays(self):
        self.put("n0", dict(LAMP, wattage=5))
        self.server.run("import", "inbox")
        self.server.run("embed")
        self.server.run("index")
        until(lambda: self.status()["release"] == 2)
        self.assertEqual(self.status()["changes_waiting"], 0)
        self.delete("n0")
        self.change_all()
        self.server.run("index")  # of the catalogue, which has none of it
        until(lambda: self.status()["release"] == 3)
        self.expect_changed()
        self.assertEqual(self.status()["changes_waiting"], 7)
        self.assertIn("7 product changes", self.server.run("import", "inbox").stdout)
        self.assertIn("nothing waits", self.server.run("import", "inbox").stdout)
        self.server.run("embed")
        self.server.run("index")
        until(lambda: self.status()["release"] == 4)
        self.assertEqual(self.status()["changes_waiting"], 0)
        self.expect_changed()
        self.restart()
        self.expect_changed()
        self.server.run("rollback", "2")  # whose catalogue had none of it
        until(lambda: self.status()["release"] == 2)
        self.assertEqual(self.status()["changes_waiting"], 7)
        self.expect_changed()

    def test_without_embed_nothing_is_lost(self):
        self.put("n1", LAMP)
        self.server.run("import", "inbox")
        self.server.run("index")
        until(lambda: self.status()["release"] == 2)
        self.assertEqual(self.product("n1")["title"], LAMP["title"])

    def test_feed_and_changes(self):
        """A feed says what was true when it was written; what came later wins over it."""
        self.put("n1", LAMP)
        self.patch("t1", {"price": "7.00 EUR"})
        self.delete("t2")
        self.server.run("sync", self.whole_feed(age_s=3600))  # older than all that
        until(lambda: self.status()["release"] == 2)
        self.assertEqual(self.status()["changes_waiting"], 0)
        self.assertEqual(self.product("t1")["price"], "7.00 EUR")
        self.assertIsNone(self.product("t2"))
        self.assertEqual(self.product("n1")["title"], LAMP["title"])
        for release in range(3, 9):  # once more and again, by an export that did not come
            self.server.run("sync", self.whole_feed(age_s=3600))
            until(lambda: self.status()["release"] == release)
        self.assertEqual(self.product("t1")["price"], "7.00 EUR")
        self.assertIsNone(self.product("t2"))
        self.assertIsNotNone(self.product("n1"))
        self.put("n2", LAMP)
        time.sleep(0.01)
        self.server.run("sync", self.whole_feed())  # newer
        until(lambda: self.status()["changes_waiting"] == 0 and self.product("n2") is None)
        self.assertIsNone(self.product("n1"))
        self.assertNotEqual(self.product("t1")["price"], "7.00 EUR")
        self.assertIsNotNone(self.product("t2"))

    def test_catalogue_gets_what_the_feed_would_have_said(self):
        """An update alone leaves the product what a whole feed would have made of it."""
        whole = dict(LAMP, id="n1", image_link=["a.jpg", "b.jpg"], tags=["x", "y, \"z\"\n"], sale_price="100.00 EUR", size="M")
        self.put("n1", whole)
        self.patch("n1", {"price": "110.00 EUR", "availability": "preorder", "item_group_id": "g", "tags": ["q"], "new": "1"})
        self.server.run("import", "inbox")
        whole.update(price="110.00 EUR", availability="preorder", item_group_id="g", tags=["q"], new="1")
        said = json.loads(self.server.run("import", "products", "--json", self.feed("one.jsonl", whole)).stdout)
        self.assertEqual((said["unchanged"], said["changed"]), (1, 0), said)

    def test_limit(self):
        self.tearDown()
        self.server = server.Server(options=["serve_changes=3"])
        for i in range(3):
            self.assertEqual(self.put(f"n{i}", LAMP)[0], 200)
        status, headers, body = self.put("n3", LAMP)
        self.assertEqual((status, body["type"], headers["Retry-After"]), (503, "urn:itemsage:full", "60"))
        self.assertIn("serve_changes is 3", body["detail"])
        self.server.run("import", "inbox")
        self.server.run("embed")
        self.server.run("index")
        until(lambda: self.put("n3", LAMP)[0] == 200)

    def test_second_server_takes_none(self):
        def same_shop(new):
            new.shop, new.own = self.server.shop, new.shop

        self.put("n1", LAMP)
        second = server.Server(before=same_shop)
        status, _, body = second.ask("PUT", "/v1/products/n2", LAMP)
        self.assertEqual((status, body["type"]), (409, "urn:itemsage:unavailable"))
        self.assertEqual(second.ask("GET", "/v1/products/n1")[0], 200)
        # When the first ends the second takes its place, and has what the first one took.
        self.assertEqual(self.server.ask("PUT", "/v1/products/n3", LAMP)[0], 200)
        self.assertEqual(second.ask("GET", "/v1/products/n3")[0], 404)
        self.server.process.terminate()
        self.server.process.wait()
        server.until(lambda: second.ask("PUT", "/v1/products/n2", LAMP)[0] == 200)
        for name in ("n1", "n2", "n3"):
            self.assertEqual(second.ask("GET", "/v1/products/" + name)[0], 200, name)
        self.assertEqual(second.ask("GET", "/v1/status")[2]["changes_waiting"], 3)
        self.assertEqual(second.end(), 0)

    def test_without_a_catalogue_it_serves(self):
        self.put("n1", LAMP)
        old = self.server.shop
        self.server.process.kill()
        self.server.process.wait()
        with open(os.path.join(old, "catalog.db"), "wb") as file:
            file.write(b"no catalogue" * 1000)
        self.restart()
        self.assertEqual(self.product("n1")["title"], LAMP["title"])
        status, _, body = self.put("n2", LAMP)
        self.assertEqual((status, body["type"]), (409, "urn:itemsage:unavailable"))
        self.assertIn("catalog.db", body["detail"])

    def test_who_may(self):
        self.tearDown()

        def write(new):
            with open(os.path.join(new.dir, "tokens"), "w") as file:
                file.write("read read-read-read-read\nwrite write-write-write-write\n")
            with open(os.path.join(new.shop, "itemsage.conf"), "a") as file:
                file.write(f"serve_tokens = {new.dir}/tokens\n")

        self.server = server.Server(before=write)
        for method, body in (("PUT", LAMP), ("PATCH", {"price": "1 EUR"}), ("DELETE", None)):
            self.assertEqual(self.server.ask(method, "/v1/products/t1", body)[0], 401)
            self.assertEqual(self.server.ask(method, "/v1/products/t1", body, {"Authorization": "Bearer read-read-read-read"})[0], 403)
            self.assertEqual(self.server.ask(method, "/v1/products/t1", body, {"Authorization": "Bearer write-write-write-write"})[0], 200)

    def test_metrics(self):
        self.change_all()
        metrics = self.server.ask("GET", "/metrics")[2].decode()
        for name, n in (('changes_total{kind="put"}', 3), ('changes_total{kind="update"}', 1), ('changes_total{kind="delete"}', 2),
                        ("changes_waiting", 6), ("changes_replayed_total", 0)):
            self.assertIn(f"itemsage_{name} {n}\n", metrics)

    def test_beside_searches_syncs_and_ends(self):
        """Whatever is acknowledged stays, through releases that come meanwhile, and a server that is killed."""
        ends, faults, last = threading.Event(), [], [{}, {}]

        def change(at):
            i = 0
            while not ends.is_set():
                i += 1
                name, price = f"c{at}-{i % 7}", f"{i}.00 EUR"
                if i % 5 == 4:
                    if self.delete(name)[0] == 200:
                        last[at][name] = None
                elif self.put(name, dict(LAMP, price=price))[0] == 200:
                    last[at][name] = price

        def search():
            while not ends.is_set():
                for query in ({"text": "copper lantern", "method": "hybrid"}, {"text": "oak", "where": "price < 50 EUR"}):
                    status, _, body = self.server.ask("POST", "/v1/search", dict(query, n=14))
                    if status != 200 or len({hit["id"] for hit in body["results"]}) != len(body["results"]):
                        faults.append(body)

        threads = [threading.Thread(target=change, args=(at,)) for at in range(2)] + [threading.Thread(target=search)]
        for thread in threads:
            thread.start()
        for i in range(3):
            self.server.run("import", "inbox")
            self.server.run("embed")
            self.server.run("index")
            until(lambda: self.status()["release"] == i + 2)
        ends.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        expected = {**last[0], **last[1]}
        self.assertEqual(len(expected), 14)
        for again in range(3):
            for name, price in expected.items():
                product = self.product(name)
                self.assertEqual(product and product["price"], price, name)
            if again == 0:
                self.restart()
            if again == 1:
                self.server.run("import", "inbox")
                self.server.run("embed")
                self.server.run("index")
                until(lambda: self.status()["changes_waiting"] == 0)
        until(lambda: len([n for n in os.listdir(self.server.shop + "/changes") if n.endswith(".log")]) <= 4)


server.main()
