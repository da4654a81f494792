"""/openapi.json says what the server does: all that it describes is taken, all that is answered is described."""
import json
import os
import re
import unittest

import server


class Description(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.document = cls.server.ask("GET", "/openapi.json")[2]

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.messages

    def schema(self, schema):
        return self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema

    def check(self, value, schema, where):
        schema = self.schema(schema)
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
        wanted = schema.get("type")
        if wanted:
            self.assertIsInstance(value, kinds[wanted], where)
            self.assertEqual(isinstance(value, bool), wanted == "boolean", where)
        if wanted == "array":
            for i, item in enumerate(value):
                self.check(item, schema["items"], f"{where}[{i}]")
        if wanted == "object":
            self.assertLessEqual(set(schema.get("required", [])), set(value), where)
            for key, member in value.items():
                if key in schema.get("properties", {}):
                    self.check(member, schema["properties"][key], f"{where}.{key}")
                else:
                    self.assertNotEqual(schema.get("additionalProperties"), False, f"{where}.{key} is not described")

    def answered(self, method, target, body=None, headers=None):
        path = target.partition("?")[0]
        if path not in self.document["paths"]:
            path = path.rpartition("/")[0] + "/{id}"
        status, headers, answer = self.server.ask(method, target, body, headers)
        responses = self.document["paths"][path][method.lower()]["responses"]
        content = responses["200" if status == 200 else "default"]["content"]
        kind = headers["Content-Type"].partition(";")[0]
        self.assertIn(kind, content)
        if kind.endswith("json"):
            self.check(answer, content[kind]["schema"], f"{method} {target}")
        return status

    def test_answers(self):
        searches = {"/v1/search": {"text": "oak table"}, "/v1/similar": {"product_id": "t1"}, "/v1/user": {"user_id": "u1"}}
        more = {"n": 3, "depth": 9, "explain": True, "diversity": 0.3, "collapse": True, "at_most": {"brand": 1}}
        for path, body in searches.items():
            for added in ({}, more, {"n": 0}, {"unknown": 1}, {"where": "price <"}):
                self.assertEqual(self.answered("POST", path, dict(body, **added)),
                                 200 if added in ({}, more) else 400, (path, added))
            key, value = next(iter(body.items()))
            self.assertEqual(self.answered("GET", f"{path}?{key}={value.replace(' ', '+')}"), 200)
        self.assertEqual(self.answered("POST", "/v1/search", dict(searches["/v1/search"], method="hybrid", explain=True)), 200)
        self.assertEqual(self.answered("POST", "/v1/user", {"events": [{"product_id": "t1", "event": "save", "age_days": 1}],
                                                            "interests": True, "fresh": True}), 200)
        for body in ({"text": "oak table"}, {"product_id": "t1"}):
            self.assertEqual(self.answered("POST", "/v1/embed", body), 200)
        self.assertEqual(self.answered("GET", "/v1/embed?product_id=nowhere"), 404)
        questions = [{"search": searches["/v1/search"]}, {"similar": dict(searches["/v1/similar"], **more)}, {"user": {}},
                     {"embed": {"text": "oak"}}, {"image": {"image": "AAAA"}}, {"nothing": {}}]
        self.assertEqual(self.answered("POST", "/v1/batch", {"requests": questions}), 200)
        self.assertEqual(self.answered("POST", "/v1/batch", {"requests": []}), 400)
        self.assertEqual(self.answered("POST", "/v1/events", {"events": [{"user_id": "u", "product_id": "t1", "event": "click"}]}), 200)
        self.assertEqual(self.answered("PUT", "/v1/products/new", {"title": "Brass lamp"}), 200)
        self.assertEqual(self.answered("PATCH", "/v1/products/new", {"price": "3 EUR", "colour": "red"}), 200)
        self.assertEqual(self.answered("PATCH", "/v1/products/new", {}), 400)
        self.assertEqual(self.answered("GET", "/v1/products/new"), 200)
        self.assertEqual(self.answered("DELETE", "/v1/products/new"), 200)
        self.assertEqual(self.answered("DELETE", "/v1/products/new"), 404)
        self.assertEqual(self.answered("POST", "/v1/products", {"products": [{"id": "new", "title": "Brass lamp"}]}), 200)
        self.assertEqual(self.answered("DELETE", "/v1/products/new"), 200)
        for target in ("/v1/status", "/v1/columns"):
            self.assertEqual(self.answered("GET", target), 200)
        self.assertEqual(self.answered("POST", "/v1/image", b"no picture", {"Content-Type": "image/png"}), 409)
        for target in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            self.assertEqual(self.answered("GET", target), 200)

    def test_every_parameter_is_taken(self):
        """What the document says of a parameter holds: its bounds are taken, and what lies past them is not."""
        seen = 0
        for path, methods in self.document["paths"].items():
            content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
            if not content:
                continue
            schema = content["schema"]
            needed = next((r["required"][0] for r in schema.get("allOf") or schema.get("anyOf") or schema.get("oneOf") or []), None)
            for name, param in schema["properties"].items():
                values = {key: param[key] for key in ("minimum", "maximum") if key in param}
                for bound, value in values.items():
                    step = -1 if bound == "minimum" else 1
                    body = {needed: "t1", "depth": 10000} if needed and name == "n" else {needed: "t1"} if needed else {}
                    status, _, answer = self.server.ask("POST", path, dict(body, **{name: value + step}))
                    self.assertEqual((status, answer.get("field")), (400, name), (path, name, value + step))
                    status, _, answer = self.server.ask("POST", path, dict(body, **{name: value}))
                    self.assertNotEqual((status, (answer.get("detail") or "").startswith(f"'{name}' must be")), (400, True))
                    seen += 1
                for choice in param.get("enum", []):
                    status, _, answer = self.server.ask("POST", path, {needed: "t1", name: choice})
                    self.assertNotIn("must be", answer.get("detail", ""))
                    seen += 1
        self.assertGreater(seen, 30)

    def test_methods(self):
        """What is not described is not allowed."""
        for path, methods in self.document["paths"].items():
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                status, headers, _ = self.server.ask(method, path, b"" if method != "GET" else None)
                self.assertEqual(status == 405, method.lower() not in methods, (method, path))
                if status == 405:
                    self.assertEqual({m.strip().lower() for m in headers["Allow"].split(",")} - {"head"}, set(methods))

    def test_dashboard(self):
        """Every name that the dashboard asks for is one that the server tells."""
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "examples", "grafana.json")) as file:
            panels = json.load(file)["panels"]
        self.assertGreater(len(panels), 8)
        self.server.ask("GET", "/v1/search?text=oak")
        told = self.server.ask("GET", "/metrics")[2].decode()
        for panel in panels:
            for target in panel["targets"]:
                for name in re.findall(r"\b(?:itemsage|process)_[a-z_]+", target["expr"]):
                    if not name.startswith("itemsage_live_recall"):  # told where there is a graph: life_test.py
                        self.assertRegex(told, rf"(?m)^{name}[ {{]", panel["title"])

    def test_docs_name_everything(self):
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "serve.md")) as file:
            docs = file.read()
        for path in self.document["paths"]:
            self.assertTrue(f"`{path}`" in docs, path)
        names = {name for schema in self.document["components"]["schemas"].values() for name in schema.get("properties", {})}
        names |= {p["name"] for methods in self.document["paths"].values() for m in methods.values()
                  for p in m.get("parameters", []) if p["in"] == "query"}
        quoted = set(re.findall(r"`([a-z_]+)`", docs))
        self.assertEqual(names - quoted, set())


server.main()
