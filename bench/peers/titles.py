#!/usr/bin/env python3
"""Neighbours of what a user bought, by titles alone, beside what `itemsage eval --hits` found for the same users.

    titles.py --products products.tsv --known known.tsv --judged cold.tsv --hits cold.hits [--vectors NAME] [--write FILE]

BM25 (k1 1.2, b 0.75, words of letters and digits): each title that the user bought is a search; a product's score is the mean of these, each over
its best. --vectors: NAME.npy and NAME.ids of `itemsage export --format npy`; a product's score is its mean cosine with what the user bought. Products
that the user bought before are in no list. Pair recall@10 and @100, and what `vectors` (task "user new") finds more, with 95 % bootstrap intervals over
users. Needs numpy.
"""
import argparse
import collections
import csv
import re

import numpy

KS = (10, 100)


def rows(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class Bm25:
    def __init__(self, titles):
        self.words = [re.findall(r"\w+", title.lower()) for title in titles]
        lengths = numpy.array([len(words) for words in self.words], dtype=float)
        self.norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
        self.postings = collections.defaultdict(lambda: ([], []))
        for i, words in enumerate(self.words):
            for word, n in collections.Counter(words).items():
                self.postings[word][0].append(i)
                self.postings[word][1].append(n)
        n = len(titles)
        for word, (places, counts) in self.postings.items():
            places, counts = numpy.array(places), numpy.array(counts, dtype=float)
            idf = numpy.log(1 + (n - len(places) + 0.5) / (len(places) + 0.5))
            self.postings[word] = (places, idf * counts * 2.2 / (counts + self.norm[places]))
        self.cached = {}

    def search(self, i):
        if i not in self.cached:
            score = numpy.zeros(len(self.words))
            for word in set(self.words[i]):
                places, values = self.postings[word]
                score[places] += values
            self.cached[i] = score / max(score.max(), 1e-9)
        return self.cached[i]

    def score(self, known):
        return sum(self.search(i) for i in known) / len(known)


class Vectors:
    def __init__(self, name, number, columns):
        with open(name + ".ids", encoding="utf-8") as file:
            ids = [line.rstrip("\n") for line in file]
        vectors = numpy.load(name + ".npy").astype(float)[:, -columns:]
        self.vectors = numpy.zeros((len(number), columns))
        for i, vector in zip(ids, vectors):
            self.vectors[number[i]] = vector / max(numpy.linalg.norm(vector), 1e-9)

    def score(self, known):
        return self.vectors @ self.vectors[known].mean(0)


def found(method, users, n_products):
    out = numpy.zeros((len(users), len(KS)))
    for u, (known, targets) in enumerate(users):
        score = method.score(known)
        score[known] = -numpy.inf
        order = numpy.argsort(-score, kind="stable")[: max(KS)]
        for j, k in enumerate(KS):
            out[u, j] = numpy.isin(order[:k], targets).sum()
    return out


def interval(ours, theirs, pairs):
    rng = numpy.random.default_rng(1)
    drawn = [(lambda s: (ours[s] - theirs[s]).sum(0) / pairs[s].sum())(rng.integers(0, len(pairs), len(pairs))) for _ in range(2000)]
    return numpy.percentile(drawn, [2.5, 97.5], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--products", "--known", "--judged", "--hits"):
        parser.add_argument(name, required=True)
    parser.add_argument("--vectors")
    parser.add_argument("--write", help="a file of what titles find by BM25, in the form of --hits")
    parser.add_argument("--columns", type=int, default=384, help="the last so many of the vectors' numbers (384: MiniLM's)")
    args = parser.parse_args()
    products = rows(args.products)
    number = {row["id"]: i for i, row in enumerate(products)}
    known, wanted = collections.defaultdict(set), collections.defaultdict(set)
    for row in rows(args.known):
        if row["product_id"] in number:
            known[row["user_id"]].add(number[row["product_id"]])
    for row in rows(args.judged):
        if row["product_id"] in number and row["user_id"] in known:
            wanted[row["user_id"]].add(number[row["product_id"]])
    asked = sorted(wanted, key=lambda user: user.encode())  # the order of eval's queries
    users = [(sorted(known[user]), sorted(wanted[user] - known[user])) for user in asked]
    ours = {}
    with open(args.hits, encoding="utf-8") as file:
        next(file)
        for line in file:
            task, method, query, n, *hits = line.split("\t")
            if method == "vectors" and task in ("user", "user new"):
                ours[task, int(query)] = (int(n), [int(h) for h in hits])
    task = "user new" if any(t == "user new" for t, _ in ours) else "user"  # products that nobody knows are new to everybody
    kept = [u for u in range(len(users)) if users[u][1]]
    for u in kept:
        if ours[task, u][0] != len(users[u][1]):
            raise SystemExit(f"titles.py: user {asked[u]} has {len(users[u][1])} pairs here and {ours[task, u][0]} there: other files?")
    users = [users[u] for u in kept]
    pairs = numpy.array([len(targets) for _, targets in users], dtype=float)
    hits = numpy.array([ours[task, u][1] for u in kept], dtype=float)
    print(f"{int(pairs.sum())} pairs of {len(users)} users; vectors: {hits[:, 0].sum() / pairs.sum():.3f} @10, {hits[:, 1].sum() / pairs.sum():.3f} @100")
    methods = {"titles by BM25": Bm25([row["title"] for row in products])}
    if args.vectors:
        methods["titles by sentence vectors"] = Vectors(args.vectors, number, args.columns)
    for name, method in methods.items():
        theirs = found(method, users, len(products))
        low, high = interval(hits, theirs, pairs)
        if args.write and name == "titles by BM25":
            with open(args.write, "w", encoding="utf-8") as file:
                file.write("task\tmethod\tquery\tpairs" + "".join(f"\thits@{k}" for k in KS) + "\n")
                for u, n, row in zip(kept, pairs, theirs):
                    file.write(f"{task}\ttitles\t{u}\t{int(n)}" + "".join(f"\t{int(h)}" for h in row) + "\n")
        for j, k in enumerate(KS):
            value = theirs[:, j].sum() / pairs.sum()
            print(f"{name:<28} @{k:<4} {value:.3f}   vectors minus it {hits[:, j].sum() / pairs.sum() - value:+.3f} [{low[j]:+.3f}, {high[j]:+.3f}]")


main()
