#!/usr/bin/env python3
"""The oracle of Ward's clustering: trees and cuts as SciPy's linkage(method="ward") and fcluster give them.

Writes fixtures/ward.txt beside this file. Of each case: "tree N DIM", N lines of vectors (float32, exact), N - 1 lines
"A B HEIGHT", then lines "cut DISTANCE MOST" and the N clusters, numbered by their first vectors. Run again only where
the cases change: tests/oracle/make_ward.py (numpy, scipy)."""
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

OUT = Path(__file__).parent / "fixtures" / "ward.txt"


def by_first(labels):
    seen = {}
    return [seen.setdefault(label, len(seen)) for label in labels]


def cut(tree, n, distance, most):
    """No higher than `distance`, and no more than `most`."""
    near, few = fcluster(tree, distance, "distance"), fcluster(tree, most, "maxclust")
    return by_first(near if len(set(near)) <= most else few)


def case(rng, n, dim, centres, unit):
    vectors = rng.normal(size=(n, dim)) * 0.4 + rng.normal(size=(centres, dim))[rng.integers(centres, size=n)]
    if unit:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors.astype(np.float32)
    tree = linkage(vectors.astype(np.float64), method="ward")
    lines = [f"tree {n} {dim}"]
    lines += [" ".join(f"{x:.9g}" for x in row) for row in vectors]
    lines += [f"{int(min(a, b))} {int(max(a, b))} {height:.12g}" for a, b, height, _ in tree]
    for distance, most in ((0.5, n), (1, n), (2, 5), (0.25, 3), (0, 1)):
        lines += [f"cut {distance} {most}", " ".join(map(str, cut(tree, n, distance, most)))]
    return lines


def main():
    rng = np.random.default_rng(1)
    lines = []
    for n, dim, centres, unit in ((2, 3, 1, False), (3, 1, 2, False), (17, 4, 3, False), (50, 9, 6, True), (120, 5, 9, False)):
        lines += case(rng, n, dim, centres, unit)
    OUT.write_text("\n".join(lines) + "\n")


main()
