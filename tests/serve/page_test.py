"""The page, and what it alone asks for: its files, products, their pictures, the map, the training."""
import os
import time
import unittest

import server

PICTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pictures")
LINKS = {"here": "sub/a.png", "far": "https://cdn.example/x.jpg?w=1", "up": "../secret.png", "script": "javascript:alert(1)",
         "header": "https://cdn.example/a\u00e9b", "page": "page.png", "gone": "gone.png", "way-out": "way-out.png", "a/b c": "sub/a.png",
         "other": "ftp://cdn.example/x.jpg"}
REFUSED = {"up", "script"}  # by the import


def with_pictures(at):
    """Products with links of every kind, and the folder that they mean."""
    at.images = os.path.join(at.dir, "images")
    os.makedirs(os.path.join(at.images, "sub"))
    with open(os.path.join(PICTURES, "rgb.png"), "rb") as file:
        at.png = file.read()
    for path, data in (("images/sub/a.png", at.png), ("secret.png", at.png), ("images/page.png", b"<script>alert(1)</script>")):
        with open(os.path.join(at.dir, path), "wb") as file:
            file.write(data)
    os.symlink("../secret.png", os.path.join(at.images, "way-out.png"))
    feed = os.path.join(at.dir, "feed.tsv")
    with open(feed, "w") as file:
        file.write("id\ttitle\timage_link\n" + "".join(f"{id}\tOak <b>{id}</b>\t{link}\n" for id, link in LINKS.items()))
    at.run("import", "products", feed, "--images", at.images)
    at.run("embed")
    at.run("index")


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(before=with_pictures)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.messages

    def get(self, path, headers=None):
        return self.server.ask("GET", path, headers=headers)

    def test_files(self):
        for path, kind in (("/", "text/html"), ("/web/app.js", "text/javascript"), ("/web/style.css", "text/css")):
            status, headers, body = self.get(path)
            self.assertEqual(status, 200)
            self.assertTrue(headers["Content-Type"].startswith(kind))
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertGreater(len(body), 200)
            status, again, body = self.get(path, {"If-None-Match": headers["ETag"]})
            self.assertEqual((status, body, again["ETag"]), (304, b"", headers["ETag"]))
            status, _, _ = self.get(path, {"If-None-Match": '"another"'})
            self.assertEqual(status, 200)
        for path in ("/web/none.js", "/web/../web/app.js", "/web/%2e%2e/app.js", "/web/", "/index.html"):
            self.assertEqual(self.get(path)[0], 404, path)

    def test_product(self):
        status, _, body = self.get("/v1/products/t1")
        self.assertEqual((status, body["id"], body["title"]), (200, "t1", "Oak dining table"))
        self.assertEqual(self.get("/v1/products/a%2Fb%20c")[2]["title"], "Oak <b>a/b c</b>")
        status, _, body = self.get("/v1/products/nowhere")
        self.assertEqual((status, body["type"]), (404, "urn:itemsage:not-found"))

    def test_pictures(self):
        for id in ("here", "a%2Fb%20c"):
            status, headers, body = self.get(f"/pictures/{id}")
            self.assertEqual((status, headers["Content-Type"], body), (200, "image/png", self.server.png))
        status, headers, body = self.get("/pictures/far")
        self.assertEqual((status, headers["Location"], body), (302, LINKS["far"], b""))

    def test_pictures_that_are_none(self):
        """Links that lead out, other files, and paths in place of a product."""
        for id in ("up", "script", "header", "page", "gone", "way-out", "other", "nowhere", "sub%2Fa.png", "..%2Fsecret.png", "../secret.png",
                   "%2Fetc%2Fpasswd"):
            status, headers, body = self.get(f"/pictures/{id}")
            self.assertEqual((status, headers["Content-Type"], "Location" in headers), (404, "application/problem+json", False), id)
            self.assertNotIn(self.server.dir, body["detail"])

    def test_past(self):
        """u1 looked at t1 twice, c2 and s1, and bought t1 twice."""
        status, _, body = self.get("/v1/users/u1")
        self.assertEqual(status, 200)
        self.assertEqual(sorted(event["id"] for event in body["past"]), ["c2", "s1", "t1"])
        ages = [event["age_days"] for event in body["past"]]
        self.assertEqual(ages, sorted(ages))
        self.assertEqual({event["event"] for event in body["past"] if event["id"] == "t1"}, {"checkout"})
        self.assertEqual(self.get("/v1/users/nobody")[0], 404)

    def test_map(self):
        for _ in range(600):
            status, _, body = self.get("/v1/map")
            self.assertEqual(status, 200)
            if body["ready"]:
                break
            time.sleep(0.1)
        self.assertEqual(len(body["points"]), body["of"])
        self.assertEqual({"t1", "here"} - {point[3] for point in body["points"]}, set())
        self.assertEqual({point[2] for point in body["points"]} - set(range(len(body["groups"]))), set())

    def test_training(self):
        status, _, body = self.get("/v1/training")
        self.assertEqual((status, body["model"]), (200, 1))
        self.assertEqual(body["losses"][0]["name"], "loss")
        self.assertGreater(len(body["losses"][0]["points"]), 1)
        self.assertEqual(body["validations"][0]["name"], "all")
        self.assertNotIn("judged", body)

    def test_what_eval_found(self):
        """From the moment that it has been judged; a file that is none of eval's is passed over."""
        def found():
            return self.get("/v1/training")[2].get("judged")
        self.server.run("eval", "-k", "5,10")
        judged = found()
        self.assertEqual((judged["k"], judged["release"], judged["simulated"]), (5, 2, False))
        rows = {(row["task"], row["method"]): row for row in judged["rows"]}
        for method in ("vectors", "keywords", "hybrid"):
            row = rows["all", method]
            self.assertLessEqual(row["low"], row["recall"])
            self.assertLessEqual(row["recall"], row["high"])
        kept = os.path.join(self.server.shop, "models", "1", "eval.json")
        for text in ("{", "[]", '{"k": "5", "rows": [1, {}, {"task": 1}]}'):
            with open(kept, "w") as file:
                file.write(text)
            judged = found()
            self.assertTrue(judged is None or judged["rows"] == [])
        os.remove(kept)

    def test_status_and_columns(self):
        _, _, status = self.get("/v1/status")
        _, _, columns = self.get("/v1/columns")
        self.assertEqual((status["release"], status["products"]), (2, 14 + len(LINKS) - len(REFUSED)))
        self.assertEqual(columns["release"], 2)
        known = {column["name"]: column for column in columns["columns"]}
        self.assertEqual(known["price"]["kind"], "price")
        self.assertLess(known["price"]["least"], known["price"]["most"])
        self.assertGreater(known["brand"]["common"][0]["products"], 0)

    def test_tokens(self):
        """The page itself is for everybody; what it asks for needs the token."""
        def with_tokens(at):
            with open(os.path.join(at.dir, "tokens"), "w") as file:
                file.write("read abcdefghijklmnop\n")
            os.chmod(file.name, 0o600)
            with open(os.path.join(at.shop, "itemsage.conf"), "a") as file:
                file.write(f"serve_tokens = {os.path.join(at.dir, 'tokens')}\n")
        other = server.Server(before=with_tokens)
        self.assertEqual(other.ask("GET", "/")[0], 200)
        self.assertEqual(other.ask("GET", "/web/app.js")[0], 200)
        for path in ("/v1/status", "/v1/map", "/v1/products/t1", "/pictures/t1", "/v1/columns", "/v1/training"):
            self.assertEqual(other.ask("GET", path)[0], 401, path)
        self.assertEqual(other.ask("GET", "/v1/status", headers={"Authorization": "Bearer abcdefghijklmnop"})[0], 200)
        self.assertEqual(other.end(), 0)


server.main()
