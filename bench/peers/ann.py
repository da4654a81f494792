#!/usr/bin/env python3
"""The graph index beside hnswlib, USearch and Faiss on the same vectors.

    ann.py --build build [--rows 50000] [--rank 24] [--threads 1] [--base FILE.npy --queries FILE.npy]
           [--peers hnswlib,usearch-f32,usearch-i8,faiss] [--dir DIR]

Makes unit vectors of 256 numbers that differ in `rank` directions, and by a tenth of their length in all, or takes those of two files (of one length
each, made so here); runs build/bench/hnsw_bench and then each peer over them, all with M = 16 and efConstruction = 200; prints searches a second at
recall@10 of 0.90, 0.95 and 0.99 (between the widths measured: along the logarithm; of the narrowest where that finds more), the seconds of the build,
and what the index has over the peer. Times are the processor's, so that others on the machine count less; still, compare within one run. With several numbers of threads (--threads 2,1) all
build with the first one and search with each; seconds of the build are of all threads together. Needs numpy, and of each peer the Python package
(hnswlib, usearch, faiss-cpu).
"""
import argparse
import itertools
import math
import os
import re
import subprocess
import tempfile
import time

import numpy

MADE_DIM, QUERIES, K, M, CANDIDATES, REPEATS = 256, 2000, 10, 16, 200, 3
WIDTHS = (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
RECALLS = (0.90, 0.95, 0.99)


def make(rows, rank, random, directions):
    x = random.standard_normal((rows, rank), dtype=numpy.float32) @ directions
    x += 0.1 * math.sqrt(rank) * random.standard_normal((rows, MADE_DIM), dtype=numpy.float32)
    return numpy.ascontiguousarray(x / numpy.linalg.norm(x, axis=1, keepdims=True), dtype=numpy.float32)


def bars(base, queries):
    """The score of each query's K-th nearest row: rows that score as much are as good, of which real data has many."""
    parts = numpy.array_split(queries, max(1, len(queries) // 100))
    return numpy.concatenate([-numpy.partition(-(part @ base.T), K - 1, axis=1)[:, K - 1] for part in parts])


def recall_of(base, queries, bar, found):
    found = numpy.asarray(found).astype(numpy.int64)
    scores = numpy.einsum("qkd,qd->qk", base[found], queries)
    return numpy.mean((scores >= bar[:, None] - 1e-6) & (found >= 0))


def hnswlib_peer(base, threads):
    import hnswlib
    index = hnswlib.Index(space="ip", dim=base.shape[1])
    index.init_index(max_elements=len(base), M=M, ef_construction=CANDIDATES)
    index.add_items(base, num_threads=threads)

    def search(queries, width, threads):
        index.set_ef(width)
        return index.knn_query(queries, k=K, num_threads=threads)[0]
    return search


def usearch_peer(base, kind, threads):
    from usearch.index import Index
    index = Index(ndim=base.shape[1], metric="ip", dtype=kind, connectivity=M, expansion_add=CANDIDATES)
    index.add(numpy.arange(len(base)), base, threads=threads)

    def search(queries, width, threads):
        index.expansion_search = width
        return numpy.asarray(index.search(queries, K, threads=threads).keys)
    return search


def faiss_peer(base, threads):
    import faiss
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexHNSWFlat(base.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = CANDIDATES
    index.add(base)

    def search(queries, width, threads):
        faiss.omp_set_num_threads(threads)
        index.hnsw.efSearch = width
        return index.search(queries, K)[1]
    return search


def measure(name, base, queries, bar, threads):
    """The processor's seconds of the build, and of each number of threads its points (recall, searches/s)."""
    began = time.process_time()
    peers = {"hnswlib": hnswlib_peer, "faiss": faiss_peer}
    search = peers.get(name, lambda b, t: usearch_peer(b, name.split("-")[1], t))(base, threads[0])
    build, points = time.process_time() - began, {n: [] for n in threads}
    for n, width in itertools.product(threads, WIDTHS):
        times = []
        for _ in range(REPEATS):
            began = time.process_time()
            found = search(queries, width, n)
            times.append(time.process_time() - began)
        points[n].append((recall_of(base, queries, bar, found), n * len(queries) / sorted(times)[REPEATS // 2]))
    return build, points


def measure_ours(program, directory, dim, threads):
    build, points = None, {}
    for n in threads:
        text = subprocess.run([program, f"{directory}/base.f32", f"{directory}/queries.f32", str(dim), str(n), str(M), str(CANDIDATES)],
                              check=True, capture_output=True, text=True).stdout
        build = build or float(re.search(r"build \d+: ([\d.]+) s", text)[1])
        points[n] = [(float(r), float(s)) for r, s in re.findall(r"recall@10 ([\d.]+), +(\d+) searches", text)]
    return build, points


def vectors(args):
    if args.base:
        both = (numpy.load(file).astype(numpy.float32) for file in (args.base, args.queries))
        return [numpy.ascontiguousarray(x / numpy.linalg.norm(x, axis=1, keepdims=True)) for x in both]
    random = numpy.random.default_rng(3)
    directions = random.standard_normal((args.rank, MADE_DIM), dtype=numpy.float32)
    return [make(n, args.rank, random, directions) for n in (args.rows, QUERIES)]


def at(points, recall):
    points = sorted(points)
    if recall <= points[0][0]:
        return points[0][1]
    for (low, slow), (high, fast) in zip(points, points[1:]):
        if low < recall <= high:
            return math.exp(math.log(slow) + (recall - low) / (high - low) * math.log(fast / slow))
    return math.nan


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rows", type=int, default=50000)
    parser.add_argument("--rank", type=int, default=24)
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1])
    parser.add_argument("--base")
    parser.add_argument("--queries")
    parser.add_argument("--peers", default="hnswlib,usearch-f32,usearch-i8,faiss")
    parser.add_argument("--dir", help="where the vectors go (default: a temporary directory)")
    args = parser.parse_args()
    base, queries = vectors(args)
    bar = bars(base, queries)
    with tempfile.TemporaryDirectory() as made:
        directory = args.dir or made
        base.tofile(os.path.join(directory, "base.f32"))
        queries.tofile(os.path.join(directory, "queries.f32"))
        build, points = measure_ours(os.path.join(args.build, "bench", "hnsw_bench"), directory, base.shape[1], args.threads)
    ours = {n: [at(points[n], recall) for recall in RECALLS] for n in args.threads}
    of = "files" if args.base else f"rank {args.rank}"
    print(f"{len(base)} x {base.shape[1]}, {of}; searches/s at recall@10 of {RECALLS} (of itemsage / of the peer)")
    for n in args.threads:
        print(f"{'itemsage':12} threads {n}  " + "  ".join(f"{q:8.0f}       " for q in ours[n]) + f"  build {build:.1f} s", flush=True)
    for name in args.peers.split(","):
        took, points = measure(name, base, queries, bar, args.threads)
        for n in args.threads:
            theirs = [at(points[n], recall) for recall in RECALLS]
            print(f"{name:12} threads {n}  " + "  ".join(f"{q:8.0f} ({o / q:5.2f})" for q, o in zip(theirs, ours[n]))
                  + f"  build {took:.1f} s ({took / build:.2f})", flush=True)


if __name__ == "__main__":
    main()
