#!/usr/bin/env python3
"""Runs, judgements, and what trec_eval says of them: fixtures/trec_<n>.{run,qrels,expected}, for trec_test.c.

Needs pytrec_eval (trec_eval itself, as a module) and ir_measures. Scores tie, queries are missing, products are unjudged,
a query has nothing that is worth anything, ranks in the file are wrong on purpose.

expected: lines "gain lists figure k value", means over the queries of the qrels that have a product above grade 0;
a query that the run lacks counts 0.
"""
import os
import random

import ir_measures
import pytrec_eval

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
CUTS = [1, 3, 10, 40]
SETTINGS = [(1, 12, 30, 60, 3, 8), (2, 25, 60, 40, 1, 30), (3, 8, 5, 200, 4, 4)]


def draw(seed, queries, listed, products, grades, ties):
    rng = random.Random(seed)
    run, qrels = {}, {}
    for q in range(1, queries + 1):
        name = "q%d" % q
        judged = rng.sample(range(1, products + 1), rng.randint(1, min(15, products)))
        qrels[name] = {"p%d" % p: 0 if q == 2 else rng.randint(0, grades) for p in judged}
        if q % 7 == 3:
            continue
        pool = judged + rng.sample(range(1, products + 1), min(products, listed))
        found = list(dict.fromkeys(rng.sample(pool, min(len(pool), rng.randint(1, listed)))))
        run[name] = {"p%d" % p: rng.randint(-ties, ties) / 8 for p in found}
    run["unjudged"] = {"p1": 1.0}
    return run, qrels


def cut_reciprocal(value, k):
    return value if value > 0 and round(1 / value) <= k else 0.0


def figures(run, qrels, judged_only):
    names = {"ndcg_cut." + ",".join(map(str, CUTS)), "recall." + ",".join(map(str, CUTS)),
             "P." + ",".join(map(str, CUTS)), "recip_rank"}
    of = pytrec_eval.RelevanceEvaluator(qrels, names, judged_docs_only_flag=judged_only).evaluate(run)
    counted = [q for q in qrels if max(qrels[q].values()) > 0]
    mean = lambda value: sum(value(of[q]) if q in of else 0.0 for q in counted) / len(counted)
    for k in CUTS:
        yield "ndcg", k, mean(lambda x: x["ndcg_cut_%d" % k])
        yield "recall", k, mean(lambda x: x["recall_%d" % k])
        yield "precision", k, mean(lambda x: x["P_%d" % k])
        yield "mrr", k, mean(lambda x: cut_reciprocal(x["recip_rank"], k))


def judged_share(run, qrels):
    counted = [q for q in qrels if max(qrels[q].values()) > 0]
    documents = [ir_measures.Qrel(q, p, g) for q in qrels for p, g in qrels[q].items()]
    # ir_measures orders ties otherwise than trec_eval; scores are made distinct in trec_eval's order first.
    scored = []
    for q, of_query in run.items():
        order = sorted(of_query, key=lambda p: (of_query[p], p), reverse=True)
        scored += [ir_measures.ScoredDoc(q, p, -float(i)) for i, p in enumerate(order)]
    for k in CUTS:
        of = {m.query_id: m.value for m in ir_measures.iter_calc([ir_measures.Judged @ k], documents, scored)}
        yield "judged", k, sum(of.get(q, 0.0) for q in counted) / len(counted)


def write(path, lines):
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))


def main():
    for number, setting in enumerate(SETTINGS, 1):
        run, qrels = draw(*setting)
        rng = random.Random(number)
        path = os.path.join(HERE, "trec_%d" % number)
        lines = ["%s Q0 %s %d %.9g r" % (q, p, rng.randint(1, 99), s) for q in run for p, s in run[q].items()]
        rng.shuffle(lines)
        write(path + ".run", lines)
        write(path + ".qrels", ["%s 0 %s %d" % (q, p, g) for q in qrels for p, g in qrels[q].items()])
        exponential = {q: {p: 2**g - 1 for p, g in qrels[q].items()} for q in qrels}
        out = []
        for gain, truth in (("linear", qrels), ("exp", exponential)):
            for lists, flag in (("whole", False), ("judged", True)):
                out += ["%s %s %s %d %.12g" % ((gain, lists) + row) for row in figures(run, truth, flag)]
        out += ["linear whole %s %d %.12g" % row for row in judged_share(run, qrels)]
        write(path + ".expected", out)


if __name__ == "__main__":
    main()
