#!/usr/bin/env python3
"""Requests to a shop, distinct ones: bench/requests.py SHOP N OUT [WHERE...]

Files OUT/search.vectors, search.keywords, search.hybrid and similar, and for each WHERE the same with .1, .2 ... behind: a path a line, as bench/load and
bench/requests.lua read them; search.posted has searches by vectors as JSON. Search texts are those of the shop's log, as many as there are, and beyond them two to four
neighbouring words of products' titles; all kinds of search ask the same N texts, in random order. For the peer, texts and ids have the bare ones.
"""
import json
import os
import random
import sqlite3
import sys
import urllib.parse

METHODS = ("vectors", "keywords", "hybrid")


def read_shop(shop):
    catalog = sqlite3.connect("file:%s/catalog.db?mode=ro" % urllib.parse.quote(shop), uri=True)
    products = catalog.execute("SELECT id, title FROM products").fetchall()
    searched = [text for (text,) in catalog.execute("SELECT text FROM queries WHERE surface = 0 AND text <> ''")]
    return products, searched


def texts_of(products, searched, n, draw):
    texts = dict.fromkeys(searched)
    titles = [words for words in ((title or "").split() for _, title in products) if len(words) > 1]
    for _ in range(20 * n):
        if len(texts) >= n:
            break
        words = draw.choice(titles)
        first = draw.randrange(len(words) - 1)
        texts.setdefault(" ".join(words[first : first + draw.randint(2, 4)]))
    texts = list(texts)
    draw.shuffle(texts)
    return texts[:n]


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def uri(route, **params):
    return "/v1/%s?%s" % (route, urllib.parse.urlencode(params))


def main():
    if len(sys.argv) < 4:
        sys.exit("usage: bench/requests.py SHOP N OUT [WHERE...]")
    shop, n, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    draw = random.Random(1)
    products, searched = read_shop(shop)
    texts = texts_of(products, searched, n, draw)
    ids = [id_ for id_, _ in draw.sample(products, min(n, len(products)))]
    for number, where in enumerate([None] + sys.argv[4:]):
        behind, more = (".%d" % number, {"where": where}) if where else ("", {})
        for method in METHODS:
            write(os.path.join(out, "search.%s%s" % (method, behind)), (uri("search", text=text, method=method, **more) for text in texts))
        write(os.path.join(out, "similar" + behind), (uri("similar", product_id=id_, **more) for id_ in ids))
        posted = ("/v1/search\t" + json.dumps(dict(text=text, method="vectors", **more), ensure_ascii=False) for text in texts)
        write(os.path.join(out, "search.posted" + behind), posted)
    write(os.path.join(out, "texts"), texts)
    write(os.path.join(out, "ids"), ids)


main()
