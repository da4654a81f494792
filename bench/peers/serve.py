#!/usr/bin/env python3
"""What a shop's engineers would write to serve the same: FastAPI, uvicorn with one worker, PyTorch for the text, hnswlib for the products. bench/serve.sh starts it.

    bench/peers/serve.py --program ITEMSAGE [--way ngrams|minilm] [--encoder FOLDER] [--keep FOLDER] SHOP

GET /v1/search?text=...&where=... and /v1/similar?product_id=...&where=... answer with 10 products as itemsage does: rank, score, id, title, brand, category, price,
availability, link. One thread for all sums, as one core asks for.

ngrams: the shop's own vectors (`itemsage export`) and its own text tower: normalise, cut, look up in a dict, one embedding_bag, layer norm, two layers. At the start 200 texts are
held to `itemsage export --texts`. minilm: titles and searches by the sentence encoder in --encoder (sentence-transformers); the titles' vectors are kept in --keep.
Filters are hnswlib's, a function of Python that is asked for each product met; of WHERE it knows comparisons with price, color, brand and availability joined by `and`.
ef is for each filter the least of a row at which 10 of 10 are found as often as the release's walks do (recall against all products, 200 searches).

Needs `pip install fastapi uvicorn uvloop httptools orjson hnswlib torch numpy`, and sentence-transformers for minilm.
"""
import argparse
import json
import os
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unicodedata

os.environ["OMP_NUM_THREADS"] = "1"
import hnswlib
import numpy
import orjson
import torch
import uvicorn
from fastapi import FastAPI, Response

K, SAMPLE, WIDTHS = 10, 200, (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
SHOWN = "id title brand category price availability link".split()


# ---- the text ----
def safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8 : 8 + length])
    about = header.pop("__metadata__")
    tensors = {}
    for name, what in header.items():
        begin, end = what["data_offsets"]
        if what["dtype"] == "F32":
            tensors[name] = numpy.frombuffer(data, "<f4", (end - begin) // 4, 8 + length + begin).reshape(what["shape"])
    return about, tensors


def sections(path):
    """A packed file's sections by name (docs/formats.md)."""
    with open(path, "rb") as file:
        data = file.read()
    out = {}
    for i in range(struct.unpack_from("<I", data, 12)[0]):
        name, at, n = struct.unpack_from("<24sQQ", data, 24 + 56 * i)
        out[name.rstrip(b"\0").decode()] = data[at : at + n]
    return out


class Ngrams:
    """The search tower of itemsage's model (src/model/model.h), written with torch."""

    WORD = re.compile(r"[^\W_]+")

    def __init__(self, model):
        vocabulary = sections(os.path.join(model, "vocabulary"))
        offsets = numpy.frombuffer(vocabulary["offsets"], "<u4")
        begin = struct.unpack_from("<5Q", vocabulary["info"])[1:]
        tokens = [vocabulary["bytes"][a:b].decode() for a, b in zip(offsets, offsets[1:])]
        self.ids = [{token: i for i, token in enumerate(tokens[a:b], a)} for a, b in zip(begin, begin[1:])]
        about, tensors = safetensors(os.path.join(model, "model.safetensors"))
        self.torch = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
        ids, rows = numpy.arange(len(tokens), dtype=numpy.uint64), int(about["rows"])
        if int(about["hashes"]) == 1:
            self.rows = ids[:, None].astype(numpy.int64)
        else:
            pairs = [(int(about["hash_a%d" % k]), int(about["hash_b%d" % k])) for k in (1, 2)]
            mixed = [(numpy.uint64(a) * ids + numpy.uint64(b)) % numpy.uint64(2**31 - 1) for a, b in pairs]
            self.rows = numpy.stack([m % numpy.uint64(rows) for m in mixed], 1).astype(numpy.int64)
        self.weights = tensors["importance"]

    def look_up(self, text):
        words = self.WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        single, double, triple = self.ids
        grams = [single.get(word) for word in words]
        grams += [double.get(pair) for pair in map(" ".join, zip(words, words[1:]))]
        for word in words:
            fenced = "#" + word + "#"
            grams += [triple.get(fenced[i : i + 3]) for i in range(len(fenced) - 2)]
        return [gram for gram in grams if gram is not None]

    def __call__(self, text):
        t, ids = self.torch, self.look_up(text)
        rows, weights = torch.from_numpy(self.rows[ids].reshape(-1)), torch.from_numpy(self.weights[ids].reshape(-1))
        with torch.inference_mode():
            bag = torch.nn.functional.embedding_bag(rows, t["table"], torch.zeros(1, dtype=torch.int64), mode="sum", per_sample_weights=weights)
            u = torch.nn.functional.layer_norm(bag, bag.shape[1:], t["text.norm.gain"], t["text.norm.bias"])
            inside = torch.nn.functional.gelu(torch.nn.functional.linear(u, t["search.fc1.weight"], t["search.fc1.bias"]))
            q = torch.nn.functional.linear(inside, t["search.fc2.weight"], t["search.fc2.bias"]) + torch.nn.functional.linear(u, t["search.skip"])
            return torch.nn.functional.normalize(q)[0].numpy()


class Sentences:
    def __init__(self, folder):
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(folder, device="cpu")

    def __call__(self, text):
        return self.model.encode(text, normalize_embeddings=True, show_progress_bar=False)


# ---- the products ----
def export(program, shop, *what):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        subprocess.run([program, "-C", shop, "export", *what, out], check=True, stdout=subprocess.DEVNULL)
        ids = os.path.join(folder, "out.ids")
        lines = open(ids, encoding="utf-8").read().split("\n")[:-1] if os.path.exists(ids) else []
        return numpy.load(out + ".npy"), lines


def shown_of(shop, ids):
    catalog = sqlite3.connect("file:%s/catalog.db?mode=ro" % shop, uri=True)
    columns = "id, title, brand, coalesce(google_product_category, product_type), price_minor, currency, availability, link, color"
    rows = {row[0]: row for row in catalog.execute("SELECT %s FROM products" % columns)}
    shown, columns = [], {"price": [], "brand": [], "color": [], "availability": []}
    for id_ in ids:
        _, title, brand, category, price, currency, availability, link, color = rows[id_]
        money = "%d.%02d %s" % (price // 100, price % 100, currency) if price is not None else None
        texts = (id_, title, brand, category, money, availability, link)
        shown.append({name: text for name, text in zip(SHOWN, texts) if text})
        columns["price"].append(price if price is not None else -1)
        for name, value in (("brand", brand), ("color", color), ("availability", availability)):
            columns[name].append((value or "").casefold().replace(" ", "_"))
    return shown, {name: numpy.array(column) for name, column in columns.items()}


COMPARE = {"<": numpy.less, "<=": numpy.less_equal, ">": numpy.greater, ">=": numpy.greater_equal, "=": numpy.equal}


class Filters:
    """WHERE -> a function of a product's number, a mask and an ef, kept."""

    def __init__(self, columns):
        self.columns, self.kept = columns, {}

    def mask(self, where):
        mask = numpy.ones(len(self.columns["price"]), bool)
        for term in where.split(" and "):
            column, compare, value = re.match(r"\s*(\w+)\s*(<=|>=|<|>|=)\s*(.+?)\s*$", term).groups()
            wanted = round(100 * float(value.split()[0])) if column == "price" else value.strip("'\"").casefold().replace(" ", "_")
            mask &= COMPARE[compare](self.columns[column], wanted)
            mask &= self.columns["price"] >= 0 if column == "price" else True
        return mask

    def __call__(self, where):
        if where not in self.kept:
            mask = self.mask(where)
            self.kept[where] = bytes(mask).__getitem__, mask
        return self.kept[where]


def build(vectors, path):
    graph = hnswlib.Index("ip", vectors.shape[1])
    if path and os.path.exists(path):
        graph.load_index(path, max_elements=len(vectors))
    else:
        graph.init_index(len(vectors), M=16, ef_construction=200, random_seed=1)
        graph.add_items(vectors, num_threads=os.cpu_count())
        if path:
            graph.save_index(path)
    graph.set_num_threads(1)
    return graph


class Service:
    def __init__(self, args):
        with open(os.path.join(args.shop, "current"), encoding="utf-8") as file:
            current = json.load(file)
        self.wanted = current["search_recall"] or 0.95
        self.vectors, self.ids = export(args.program, args.shop)
        self.shown, columns = shown_of(args.shop, self.ids)
        self.filters = Filters(columns)
        if args.way == "ngrams":
            self.text = Ngrams(os.path.join(args.shop, "models", str(current["query_model"])))
        else:
            self.text = Sentences(args.encoder)
            self.vectors = self.titles(args.keep)
        self.texts = self.sample()
        if args.way == "ngrams":
            self.check(args)
        self.number = {id_: i for i, id_ in enumerate(self.ids)}
        self.graph = build(self.vectors, args.keep and os.path.join(args.keep, args.way + ".hnsw"))
        self.width = {}

    def titles(self, keep):
        path = os.path.join(keep, "minilm.npy") if keep else None
        if path and os.path.exists(path):
            return numpy.load(path)
        torch.set_num_threads(os.cpu_count())
        vectors = self.text.model.encode([s.get("title", "") for s in self.shown], normalize_embeddings=True, show_progress_bar=False)
        torch.set_num_threads(1)
        if path:
            numpy.save(path, vectors)
        return vectors

    def sample(self):
        step = max(1, len(self.shown) // SAMPLE)
        return [" ".join(s["title"].split()[:3]) for s in self.shown[::step] if "title" in s][:SAMPLE]

    def check(self, args):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("".join(text + "\n" for text in self.texts))
            file.flush()
            theirs, _ = export(args.program, args.shop, "--texts", file.name)
        worst = min(float(a @ self.text(text)) for a, text in zip(theirs, self.texts))
        if worst < 0.9999:
            sys.exit("serve.py: the text tower is not the shop's: cosine %.6f" % worst)

    def near(self, query, where, width):
        accept, _ = self.filters(where) if where else (None, None)
        self.graph.set_ef(max(width, K + 1))
        return self.graph.knn_query(query, k=K + 1, filter=accept)

    def width_for(self, where):
        if where not in self.width:
            queries = numpy.stack([self.text(text) for text in self.texts])
            scores = queries @ self.vectors.T
            if where:
                scores[:, ~self.filters(where)[1]] = -2
            exact = -numpy.partition(-scores, K - 1, axis=1)[:, K - 1]
            for width in WIDTHS:
                try:
                    found = [self.near(query, where, width)[1][0][:K] for query in queries]
                except RuntimeError:  # fewer than k: hnswlib has no other answer to that
                    continue
                recall = numpy.mean([numpy.mean(1 - d >= e - 1e-6) for d, e in zip(found, exact)])
                if recall >= self.wanted:
                    break
            self.width[where] = width
            print("ef %d for %s: recall %.3f" % (width, where or "all", recall), file=sys.stderr, flush=True)
        return self.width[where]

    def answer(self, query, where, without=None):
        labels, distances = self.near(query, where, self.width_for(where))
        results = []
        for label, distance in zip(labels[0].tolist(), distances[0].tolist()):
            if label != without and len(results) < K:
                results.append({"rank": len(results) + 1, "score": 1 - distance, **self.shown[label]})
        return Response(orjson.dumps({"results": results}), media_type="application/json")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shop")
    parser.add_argument("--program", required=True)
    parser.add_argument("--way", choices=("ngrams", "minilm"), default="ngrams")
    parser.add_argument("--encoder")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    service = Service(args)
    app = FastAPI()

    @app.get("/v1/search")
    async def search(text: str, where: str | None = None):
        return service.answer(service.text(text), where)

    @app.get("/v1/similar")
    async def similar(product_id: str, where: str | None = None):
        number = service.number[product_id]
        return service.answer(service.vectors[number], where, number)

    listens = socket.create_server(("127.0.0.1", 0), backlog=128)
    kinds = {"ngrams": "the shop's text tower in PyTorch", "minilm": "MiniLM by sentence-transformers"}
    print("peer: FastAPI, uvicorn, hnswlib, %s\nserving at http://127.0.0.1:%d" % (kinds[args.way], listens.getsockname()[1]), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, loop="uvloop", http="httptools")).run([listens])


main()
