#!/usr/bin/env python3
"""Does a shop need a fine-tuned sentence encoder? MiniLM as it is and fine-tuned, beside an itemsage shop, on the same pairs and questions.

    itemsage -C SHOP export --format split SPLIT                       # the pairs of searches that the shop learned from, and the held-out ones
    itemsage -C SHOP eval [--judgements JUDGEMENTS.tsv] --write-run RUNS/shop      # RUNS/shop.{keywords,vectors,hybrid}.run and RUNS/shop.queries.tsv
    bench/peers/minilm_train.py SPLIT PRODUCTS.tsv ENCODER TUNED       # hours; says itself how
    bench/peers/minilm.py rank SPLIT PRODUCTS.tsv ENCODER RUNS/frozen --shop SHOP --queries RUNS/shop.queries.tsv
    bench/peers/minilm.py rank SPLIT PRODUCTS.tsv TUNED RUNS/tuned --shop SHOP --queries RUNS/shop.queries.tsv
    itemsage -C SHOP eval --run tuned=RUNS/tuned.hybrid.run --trec-queries RUNS/shop.queries.tsv [--judgements JUDGEMENTS.tsv --grade-zero 1]
    bench/peers/minilm.py table SPLIT --queries RUNS/shop.queries.tsv [--judgements JUDGEMENTS.tsv] NAME=RUN ...
    bench/peers/minilm.py speed SPLIT TUNED RUNS/tuned.npy [--bf16]

rank: encodes titles, the searches of validation (normalised as the shop has them) and those of --queries, and writes of the latter PREFIX.vectors.run and
PREFIX.hybrid.run (TREC, 500 deep, their numbers), and PREFIX.npy. --queries written with judgements holds their queries too, some of which have no event.
The hybrid is itemsage's (src/search/fusion.h): w cosine + (1 - w) BM25 / best BM25 over everything that is among the first 500 of either, both scores the true ones; BM25 is FTS5's, of the products' texts in the shop's catalogue, and so is itemsage's.
w of 0, 0.05 .. 1 is what has the best pair recall@10 + @100 on the validation queries, as in src/eval/choose.c.

table: pair recall@10 and @100 of the test part with 95 % intervals (percentile bootstrap over queries, 1,000 resamples), all, cold (products
without a training pair) and warm; the difference of each run to the first and to --against, in the same resamples; with --judgements (query, product_id,
grade 1 to 3) nDCG@10 with gain grade - 1.

speed: one thread, one query after the other, as a server would: encode, and exact search among all products by one matrix product; median and 99th percentile,
and the most memory that the process had.

Needs `pip install torch==2.13.0 sentence-transformers==6.2.0 transformers==5.23.0`; table needs numpy alone. Nothing is downloaded.
"""
import argparse
import collections
import os
import resource
import sqlite3
import statistics
import time

import numpy

from minilm_train import read_pairs, read_titles, read_tsv

DEPTH, WEIGHTS, KS, RESAMPLES = 500, [i / 20 for i in range(21)], (10, 100), 1000


class Keywords:
    """BM25 of every product for a text, by FTS5 over the texts that `itemsage index` takes from the catalogue (src/shop/index.c), asked as src/keywords asks."""

    TEXTS = "title description google_product_category product_type brand color material pattern size size_type".split()

    def __init__(self, shop, ids):
        catalog = sqlite3.connect("file:%s/catalog.db?mode=ro" % shop, uri=True)
        number = {id_: i for i, id_ in enumerate(ids)}
        self.n = len(ids)
        self.row = {}
        self.words = sqlite3.connect(":memory:")
        self.words.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='porter unicode61')")
        for pid, id_, *texts in catalog.execute("SELECT pid, id, %s FROM products" % ", ".join(self.TEXTS)):
            self.words.execute("INSERT INTO words(rowid, text) VALUES (?, ?)", (pid, "\n".join(text for text in texts if text)))
            if id_ in number:
                self.row[pid] = number[id_]

    def scores(self, text):
        words = dict.fromkeys(word.replace('"', "") for word in text.split())
        match = " OR ".join('"%s"' % word for word in words if any(c.isalnum() for c in word))
        out = numpy.zeros(self.n, numpy.float32)
        if match:
            for pid, rank in self.words.execute("SELECT rowid, bm25(words) FROM words WHERE words MATCH ?", (match,)):
                if pid in self.row:
                    out[self.row[pid]] = -rank
        return out


def first(scores, n):
    """Numbers of the n highest scores, best first; ties in the order of the catalogue."""
    n = min(n, len(scores))
    best = numpy.argpartition(-scores, n - 1)[:n]
    return best[numpy.lexsort((best, -scores[best]))]


class Lists:
    """One query's candidates with both of their scores."""

    def __init__(self, vector, keyword):
        found = first(keyword, DEPTH)
        self.rows = numpy.unique(numpy.concatenate([first(vector, DEPTH), found[keyword[found] > 0]]))
        self.vector, self.keyword = vector[self.rows], keyword[self.rows] / max(float(keyword.max()), 1e-9)

    def fused(self, weight):
        scores = weight * self.vector + (1 - weight) * self.keyword
        order = numpy.lexsort((self.rows, -scores))
        return self.rows[order], scores[order]


def read_queries(path):
    """Number in runs of each text of a queries file."""
    with open(path, encoding="utf-8") as file:
        return {text: number for number, text in (line.rstrip("\n").split("\t", 1) for line in file)}


def wanted_by_query(pairs):
    wanted = collections.defaultdict(list)
    for query, product in sorted(pairs):
        wanted[query].append(product)
    return wanted


def encode(args, texts):
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(args.threads)
    model = SentenceTransformer(args.encoder, device="cpu")
    model.max_seq_length = 64
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        return model.encode(texts, batch_size=64, convert_to_tensor=True, show_progress_bar=False).float().numpy()


def choose(lists, wanted, number):
    best = None
    for weight in sorted(WEIGHTS, key=lambda w: abs(w - 0.5)):
        found = 0
        for query, products in wanted.items():
            rows = lists[query].fused(weight)[0]
            found += sum(numpy.isin([number[p] for p in products], rows[:k]).sum() for k in KS)
        if best is None or found > best[0]:
            best = found, weight
    return best[1]


def rank(args):
    titles = read_titles(args.products)
    ids = list(titles)
    number = {id_: i for i, id_ in enumerate(ids)}
    validation, numbers = wanted_by_query(read_pairs(args.split, "validation")), read_queries(args.queries)
    asked = list(dict.fromkeys(list(validation) + list(numbers)))
    began = time.monotonic()
    queries = encode(args, asked)
    products = numpy.load(args.vectors) if args.vectors else encode(args, list(titles.values()))
    print("encoded in %.0f s" % (time.monotonic() - began))
    numpy.save(args.prefix + ".npy", products)
    keywords, lists = Keywords(args.shop, ids), {}
    vectors = {}
    for query, vector in zip(asked, queries):
        scores = products @ vector
        lists[query] = Lists(scores, keywords.scores(query))
        vectors[query] = (first(scores, DEPTH), numpy.sort(scores)[::-1][:DEPTH])
    weight = choose(lists, validation, number)
    print("hybrid: %.2f of vectors" % weight)
    for name, ranking in ("vectors", lambda q: vectors[q]), ("hybrid", lambda q: lists[q].fused(weight)):
        with open("%s.%s.run" % (args.prefix, name), "w", encoding="utf-8") as file:
            for query in numbers:
                rows, scores = ranking(query)
                for place in range(min(DEPTH, len(rows))):
                    file.write("%s Q0 %s %d %.7f %s\n" % (numbers[query], ids[rows[place]], place + 1, scores[place], name))


# ---- the table ----


def read_run(path):
    lists = collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for line in file:
            query, _, product, _, score, _ = line.split()
            lists[query].append((-float(score), len(lists[query]), product))
    return {query: [product for _, _, product in sorted(entries)] for query, entries in lists.items()}


def hits(run, numbers, wanted):
    """[queries][k]: how many of the wanted products are among the first k."""
    out = numpy.zeros((len(wanted), len(KS)))
    for i, (query, products) in enumerate(wanted.items()):
        place = {product: at for at, product in enumerate(run.get(numbers[query], []))}
        out[i] = [sum(place.get(product, DEPTH) < k for product in products) for k in KS]
    return out


def ndcg(run, numbers, grades, k=10):
    out = []
    for query, gains in grades.items():
        ideal = sorted(gains.values(), reverse=True)[:k]
        got = [gains.get(product, 0.0) for product in run.get(numbers[query], [])[:k]]
        fold = [sum(gain / numpy.log2(i + 2) for i, gain in enumerate(list_)) for list_ in (got, ideal)]
        out.append(fold[0] / fold[1])
    return numpy.array(out)


def read_grades(path, wanted):
    grades = collections.defaultdict(dict)
    for row in read_tsv(path):
        query = " ".join(row["query"].casefold().split())
        if query in wanted:
            grades[query][row["product_id"]] = float(row["grade"]) - 1
    return {query: gains for query, gains in sorted(grades.items()) if max(gains.values()) > 0}


def interval(numerator, denominator, draws):
    """Ratio of sums over queries, with its percentile interval."""
    samples = numerator[draws].sum(1) / denominator[draws].sum(1)
    low, high = numpy.percentile(samples, [2.5, 97.5])
    return numerator.sum() / denominator.sum(), low, high


def shown(figure, sign=False):
    return ("%+.3f [%+.3f, %+.3f]" if sign else "%.3f [%.3f, %.3f]") % figure


def table(args):
    numbers, test = read_queries(args.queries), read_pairs(args.split, "test")
    seen = {product for _, product in read_pairs(args.split, "train")}
    runs = dict(run.split("=", 1) for run in args.runs)
    lists = {name: read_run(path) for name, path in runs.items()}
    base = args.against or next(iter(runs))
    kinds = {"all": lambda p: True, "cold": lambda p: p not in seen, "warm": lambda p: p in seen}
    for kind, takes in kinds.items():
        wanted = wanted_by_query(pair for pair in test if takes(pair[1]))
        if not wanted:
            print("\n%s: no pairs" % kind)
            continue
        n = numpy.array([len(products) for products in wanted.values()], float)
        draws = numpy.random.default_rng(1).integers(0, len(n), (RESAMPLES, len(n)))
        found = {name: hits(run, numbers, wanted) for name, run in lists.items()}
        print("\n%s: %d pairs of %d queries\n\n| | @10 | @100 | minus %s @10 | of it | @100 |\n| --- | --- | --- | --- | --- | --- |"
              % (kind, n.sum(), len(n), base))
        for name in runs:
            row = [shown(interval(found[name][:, i], n, draws)) for i in (0, 1)]
            apart = [interval(found[name][:, i] - found[base][:, i], n, draws) for i in (0, 1)]
            ratio = interval(found[name][:, 0], found[base][:, 0], draws)
            print("| %s | %s | %s | %s | %s |" % (name, " | ".join(row), shown(apart[0], True), shown(ratio), shown(apart[1], True)))
    if args.judgements:
        grades = read_grades(args.judgements, set(query for query, _ in test))
        ones = numpy.ones(len(grades))
        draws = numpy.random.default_rng(1).integers(0, len(ones), (RESAMPLES, len(ones)))
        by = {name: ndcg(run, numbers, grades) for name, run in lists.items()}
        print("\nnDCG@10 by grades, %d queries\n\n| | nDCG@10 | minus %s |\n| --- | --- | --- |" % (len(ones), base))
        for name in runs:
            print("| %s | %s | %s |" % (name, shown(interval(by[name], ones, draws)), shown(interval(by[name] - by[base], ones, draws), True)))


def speed(args):
    os.environ["HF_HUB_OFFLINE"], os.environ["TOKENIZERS_PARALLELISM"] = "1", "false"
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(args.encoder, device="cpu")
    products = torch.from_numpy(numpy.load(args.vectors))
    queries = sorted({query for query, _ in read_pairs(args.split, "test")})
    took = [], []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        for query in queries[:20] + queries:
            began = time.perf_counter()
            vector = model.encode(query, convert_to_tensor=True, show_progress_bar=False).float()
            encoded = time.perf_counter()
            with torch.autocast("cpu", enabled=False):
                torch.topk(torch.mv(products, vector), 100)
            took[0].append(encoded - began)
            took[1].append(time.perf_counter() - began)
    for name, seconds in zip(("encode", "encode and search"), took):
        ms = sorted(1000 * s for s in seconds[20:])
        print("%s: median %.3f ms, 99th percentile %.3f ms" % (name, statistics.median(ms), ms[int(0.99 * len(ms))]))
    print("peak memory %d MiB" % (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    of_rank, of_table, of_speed = (commands.add_parser(name) for name in ("rank", "table", "speed"))
    for name in "split", "products", "encoder", "prefix":
        of_rank.add_argument(name)
    of_rank.add_argument("--shop", required=True)
    of_rank.add_argument("--queries", required=True)
    of_rank.add_argument("--vectors", help="an earlier PREFIX.npy of this encoder, in place of encoding the titles")
    of_rank.add_argument("--threads", type=int, default=2)
    of_rank.add_argument("--bf16", action="store_true")
    of_table.add_argument("split")
    of_table.add_argument("runs", nargs="+", metavar="NAME=RUN")
    of_table.add_argument("--queries", required=True)
    of_table.add_argument("--judgements")
    of_table.add_argument("--against", help="the run that others are compared with; else the first")
    for name in "split", "encoder", "vectors":
        of_speed.add_argument(name)
    of_speed.add_argument("--bf16", action="store_true")
    of_rank.set_defaults(run=rank)
    of_table.set_defaults(run=table)
    of_speed.set_defaults(run=speed)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
