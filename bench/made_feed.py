#!/usr/bin/env python3
"""A large SIMULATED catalogue around a real one: bench/made_feed.py PRODUCTS.tsv N > made.tsv

First the real products with their ids and titles, so that the shop's real events teach the model; then, up to N, others made of each in turn: the real title with a
quarter of its words exchanged for words of other titles. So words are as common as in the real feed, which tells how long keywords' lists get, and products
have others near them, as variants and families do. Brands are the first words of titles; categories, colours and stock are drawn; prices lie evenly between 1 and 1,000 EUR,
apart from everything else: `price < 301 EUR` keeps 30 %, `price < 51 EUR` 5 %. The same arguments give the same file.
"""
import csv
import random
import sys

COLOURS = "black white grey brown beige red orange yellow green blue violet pink".split()


def changed(title, words, draw):
    """A quarter of its words, and at least one, are others."""
    own = title.split()
    for i in draw.sample(range(len(own)), (len(own) + 3) // 4):
        own[i] = draw.choice(words)
    return " ".join(own)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: bench/made_feed.py PRODUCTS.tsv N > made.tsv")
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        real = [(row["id"], row["title"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["title"]]
    words = [word for _, title in real for word in title.split()]
    draw = random.Random(1)
    print("id\ttitle\tbrand\tproduct_type\tcolor\tprice\tavailability\tlink")
    for i in range(int(sys.argv[2])):
        id_, title = real[i % len(real)]
        if i >= len(real):
            id_, title = "%s-%d" % (id_, i // len(real)), changed(title, words, draw)
        print(
            id_,
            title,
            title.split()[0],
            "Department %d > Shelf %d" % (draw.randrange(12), draw.randrange(20)),
            draw.choice(COLOURS),
            "%d.%02d EUR" % (draw.randrange(1, 1001), draw.randrange(100)),
            "in_stock" if draw.random() < 0.85 else "out_of_stock",
            "https://shop.example/p/%s" % id_,
            sep="\t",
        )


main()
