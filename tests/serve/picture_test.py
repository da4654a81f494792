"""Products for pictures: over a shop of its own, whose model was trained with some."""
import base64
import os
import shutil
import subprocess
import tempfile
import unittest

import server

PICTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pictures")
TINY = ("threads=1 steps=6 eval_every=3 batch=16 negatives=16 dim_embed=16 dim_model=16 heads=2 dim_ff=16 dim_head=16 "
        "dim_out=16 table_rows=200 warmup=2").split()
BOUNDARY = "x y"


def form(fields):
    body = b""
    for name, value in fields.items():
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
        body += value + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode(), {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}


class Picture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="itemsage-pictures-")
        cls.shop = os.path.join(cls.dir, "shop")
        os.mkdir(os.path.join(cls.dir, "pics"))
        rows = ["id\ttitle\timage_link"]
        for i, name in enumerate(("base.jpg", "rgb.png", "wide.webp", "tall.jpg")):
            shutil.copy(os.path.join(PICTURES, name), os.path.join(cls.dir, "pics"))
            rows.append(f"{i + 1}\tthing {i}\t{name}")
        with open(os.path.join(cls.dir, "feed.tsv"), "w") as feed:
            feed.write("\n".join(rows) + "\n")
        sets = [word for option in TINY for word in ("--set", option)]
        for command in (["init", cls.shop], ["-C", cls.shop, "import", "products", cls.dir + "/feed.tsv", "--images", cls.dir + "/pics"],
                        ["-C", cls.shop, "train", *sets], ["-C", cls.shop, "embed"], ["-C", cls.shop, "index"]):
            subprocess.run([server.PROGRAM, *command], check=True, capture_output=True)

        def put(self):
            shutil.rmtree(self.shop)
            shutil.copytree(cls.shop, self.shop)

        cls.server = server.Server(before=put)

    @classmethod
    def tearDownClass(cls):
        ended = cls.server.end()
        shutil.rmtree(cls.dir)
        assert ended == 0, cls.server.messages

    def picture(self, name):
        with open(os.path.join(PICTURES, name), "rb") as file:
            return file.read()

    def test_all_ways_say_the_same(self):
        for name, kind, wanted in (("rgb.png", "image/png", "2"), ("wide.webp", "image/webp", "3"), ("tall.jpg", "image/jpeg", "4")):
            bytes_of = self.picture(name)
            status, _, raw = self.server.ask("POST", "/v1/image?n=3", bytes_of, {"Content-Type": kind})
            self.assertEqual((status, len(raw["results"])), (200, 3), raw)
            self.assertEqual(raw["results"][0]["id"], wanted)
            body, headers = form({"n": b"3", "image": bytes_of})
            self.assertEqual(self.server.ask("POST", "/v1/image", body, headers)[2], raw)
            body, headers = form({"image": bytes_of})
            self.assertEqual(self.server.ask("POST", "/v1/image?n=3", body, headers)[2], raw)
            text = base64.b64encode(bytes_of).decode()
            _, _, batch = self.server.ask("POST", "/v1/batch", {"requests": [{"image": {"image": text, "n": 3}}]})
            self.assertEqual(batch["answers"][0], {"status": 200, "body": raw})
            status, _, vector = self.server.ask("POST", "/v1/embed", {"image": text})
            self.assertEqual(status, 200)
            self.assertAlmostEqual(sum(x * x for x in vector["vector"]), 1, 4)

    def test_refuses(self):
        whole = self.picture("rgb.png")
        for body in (b"x", whole[:40], whole[:-len(whole) // 2]):
            status, _, problem = self.server.ask("POST", "/v1/image", body, {"Content-Type": "image/png"})
            self.assertEqual((status, problem.get("field")), (400, "image"), problem)
            self.assertNotIn("/proc", problem["detail"])
        for body, headers in ((b"", {"Content-Type": "image/png"}), form({"n": b"3"}), (b"--x", form({})[1]),
                              form({"image": whole, "n": b"a\0b"}), form({"image": whole, "colour": b"red"}),
                              form({"image": whole, "n": b"0"})):
            self.assertEqual(self.server.ask("POST", "/v1/image", body, headers)[0], 400)
        self.assertEqual(self.server.ask("POST", "/v1/image", whole, {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.server.ask("POST", "/v1/image?text=oak", whole, {"Content-Type": "image/png"})[0], 400)
        self.assertEqual(self.server.ask("POST", "/v1/embed", {"image": "AAAA"})[0], 400)


server.main()
