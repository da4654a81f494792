#!/usr/bin/env python3
"""What other programs find for users, on the very questions of `itemsage eval`.

    itemsage -C SHOP export --format split SPLIT
    bench/peers/recommenders.py [--methods popular,own,item-knn,bpr,sasrec] [--seed 1] [--epochs 40] [--minutes 5] [--threads 2] SPLIT

Methods: popular, own (each user's products by purchases, older ones fading), item-knn and bpr of implicit, sasrec of RecTools (softmax over the
whole catalogue). Needs `pip install torch==2.13.0 "numpy<2" implicit==0.7.3 "rectools[torch]==0.19.0"`; popular and own need numpy and scipy alone.

Everything is chosen on the validation part (its pair recall@10): neighbours, factors, iterations and epochs; then the test part is asked once. Asked
of a part, popular, own, item-knn and bpr are fitted on all that is known by then: training and what is known of the part's users, which
`itemsage` only reads as history. sasrec is trained on the training part and reads histories too. Without times the order of a history is by chance.
Figures are pair recall@10 and @100 over all products, as docs/model.md has them: nothing is taken out of the lists for `user` and `user repeats`,
known products for `user new`; where there are no repeats, known products for `user`. sasrec stops after --minutes of training.
"""
import argparse
import datetime
import os
import time
import warnings

import numpy
import scipy.sparse

DAY = 86400.0
KS = (10, 100)


class Events:
    """A file of the split as arrays: numbers of users and products, times in seconds (0: none)."""

    def __init__(self, path, users, products):
        with open(path, encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file][1:]
        self.user = numpy.array([users.setdefault(row[0], len(users)) for row in rows], dtype=numpy.int64)
        self.product = numpy.array([products.setdefault(row[1], len(products)) for row in rows], dtype=numpy.int64)
        self.time = numpy.array([seconds(row[4]) for row in rows])

    @staticmethod
    def together(parts):
        """The events of several files, each once."""
        out = Events.__new__(Events)
        rows = numpy.unique(numpy.concatenate([numpy.stack([p.user, p.product, p.time], 1) for p in parts]), axis=0)
        out.user, out.product, out.time = rows[:, 0].astype(numpy.int64), rows[:, 1].astype(numpy.int64), rows[:, 2]
        return out

    def matrix(self, shape, weight=None):
        """[users][products] sums of weights; 1 where there is anything without weights."""
        ones = numpy.ones(len(self.user)) if weight is None else weight
        matrix = scipy.sparse.csr_matrix((ones.astype(numpy.float32), (self.user, self.product)), shape=shape)
        matrix.sum_duplicates()
        if weight is None:
            matrix.data[:] = 1
        return matrix


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0


class Part:
    """The questions of validation or test."""

    def __init__(self, folder, name, train, users, products):
        self.known = Events(os.path.join(folder, name + "-known.tsv"), users, products)
        targets = Events(os.path.join(folder, name + "-targets.tsv"), users, products)
        self.train, self.targets = train, targets

    def number(self, shape):
        self.history = self.known.matrix(shape)
        pairs = numpy.unique(numpy.stack([self.targets.user, self.targets.product], 1), axis=0)
        pairs = pairs[numpy.asarray(self.history.sum(1)).ravel()[pairs[:, 0]] > 0]  # of others nothing is known
        self.users, self.row = numpy.unique(pairs[:, 0], return_inverse=True)
        self.product = pairs[:, 1]
        self.repeat = numpy.asarray(self.history[pairs[:, 0], pairs[:, 1]]).ravel() > 0
        self.repeats = bool(self.repeat.any())
        self.fit = Events.together([self.train, self.known])
        self.moment = max(self.known.time.max(), self.train.time.max())

    def figures(self, lists):
        """lists(users, take_known_out) -> [users][100] product numbers, -1 where a list is shorter."""
        out = {}
        plain = lists(self.users, not self.repeats)
        new = lists(self.users, True) if self.repeats else plain
        groups = [("user", plain, numpy.ones(len(self.row), bool))]
        if self.repeats:
            groups += [("user repeats", plain, self.repeat), ("user new", new, ~self.repeat)]
        for name, found, these in groups:
            hit = found[self.row[these]] == self.product[these, None]
            out[name] = [int(these.sum())] + [float(hit[:, :k].any(1).mean()) for k in KS]
        return out


def top(scores, history):
    """The 100 best of each row of scores; products of `history` left out where it is given. Scores of -inf are no results."""
    if history is not None:
        rows, columns = history.nonzero()
        scores[rows, columns] = -numpy.inf
    found = numpy.argpartition(-scores, KS[-1], axis=1)[:, : KS[-1]]
    order = numpy.argsort(-numpy.take_along_axis(scores, found, 1), axis=1, kind="stable")
    found = numpy.take_along_axis(found, order, 1)
    return numpy.where(numpy.isfinite(numpy.take_along_axis(scores, found, 1)), found, -1)


def by_scores(part, score):
    """Lists of a method that scores all products: score(users) -> [users][products]."""

    def lists(users, take_known_out):
        out = []
        for begin in range(0, len(users), 256):
            some = users[begin : begin + 256]
            out.append(top(numpy.array(score(some), dtype=numpy.float32), part.history[some] if take_known_out else None))
        return numpy.concatenate(out)

    return lists


def counts(part, shape):
    return numpy.asarray(part.fit.matrix(shape).sum(0)).ravel()


def popular(part, shape, days, **_):
    if days:
        recent = part.fit.time >= part.moment - days * DAY
        score = numpy.asarray(part.fit.matrix(shape, recent.astype(float)).sum(0)).ravel()
    else:
        score = counts(part, shape)
    return by_scores(part, lambda users: numpy.tile(score, (len(users), 1)))


def own(part, shape, half_life_days, **_):
    weight = 0.5 ** ((part.moment - part.known.time) / DAY / half_life_days)
    fading, behind = part.known.matrix(shape, weight), 1e-6 * counts(part, shape)
    return by_scores(part, lambda users: fading[users].toarray() + behind)


def item_knn(part, shape, neighbours, threads, **_):
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=min(neighbours, shape[1]), num_threads=threads)
    model.fit(part.fit.matrix(shape), show_progress=False)
    return by_scores(part, lambda users: (part.history[users] @ model.similarity).toarray())


def bpr(part, shape, factors, iterations, learning_rate, seed, threads, **_):
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=factors, iterations=iterations, learning_rate=learning_rate, random_state=seed, num_threads=threads)
    model.fit(part.fit.matrix(shape), show_progress=False)
    return by_scores(part, lambda users: model.user_factors[users] @ model.item_factors.T)


def frame(events, seed):
    """What RecTools reads. Where there are no times a random order of each user's products stands for them."""
    import pandas

    order = numpy.random.default_rng(seed).permutation(len(events.user))
    table = pandas.DataFrame({"user_id": events.user, "item_id": events.product, "weight": 1.0})
    if events.time.any():
        table["datetime"] = pandas.to_datetime(events.time, unit="s")
    else:
        table = table.drop_duplicates()
        table["datetime"] = pandas.to_datetime(order[table.index], unit="s")
    return table


def sasrec_lists(model, part, seed):
    from rectools.dataset import Dataset

    known = Dataset.construct(frame(part.known, seed))

    def lists(users, take_known_out):
        found = numpy.full((len(users), KS[-1]), -1)
        answer = model.recommend(users, known, k=KS[-1], filter_viewed=take_known_out, on_unsupported_targets="ignore")
        found[numpy.searchsorted(users, answer["user_id"].to_numpy()), answer["rank"].to_numpy() - 1] = answer["item_id"].to_numpy()
        return found

    return lists


def sasrec(validation, test, args):
    """Epochs are added until validation has not risen for three looks; the test part is asked with the best."""
    import logging

    import pytorch_lightning
    import torch
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    torch.set_num_threads(args.threads)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pytorch_lightning.seed_everything(args.seed)
    train = Dataset.construct(frame(validation.train, args.seed))
    best, waited, begin, step = None, 0, time.time(), max(1, args.epochs // 10)

    def trainer():
        return pytorch_lightning.Trainer(max_epochs=step, accelerator="cpu", logger=False, enable_checkpointing=False,
                                         enable_progress_bar=False, enable_model_summary=False)

    model = SASRecModel(n_factors=args.factors, n_blocks=2, n_heads=2, session_max_len=args.length, dropout_rate=0.2, lr=1e-3,
                        batch_size=128, loss="softmax", recommend_n_threads=args.threads, get_trainer_func=trainer)
    for done in range(step, args.epochs + 1, step):
        model.fit_partial(train, min_epochs=step, max_epochs=step)
        figures = validation.figures(sasrec_lists(model, validation, args.seed))
        print("    %d epochs, %.0f s: validation %s" % (done, time.time() - begin, text(figures)), flush=True)
        waited += 1
        if best is None or figures["user"][1] > best[0]["user"][1]:
            best, waited = (figures, "%d epochs" % done, test.figures(sasrec_lists(model, test, args.seed))), 0
        if waited == 3 or time.time() - begin > 60 * args.minutes:
            break
    return best


GRIDS = {
    "popular": (popular, [{"days": days} for days in (0, 14, 30, 60)]),
    "own": (own, [{"half_life_days": days} for days in (60, 120, 1e9)]),
    "item-knn": (item_knn, [{"neighbours": n} for n in (20, 100, 500, 1 << 20)]),
    "bpr": (bpr, [{"factors": f, "iterations": i, "learning_rate": r} for f in (64, 128) for i in (100,) for r in (0.02, 0.05)]),
}


def text(figures):
    return "  ".join("%s (%d) %.4f %.4f" % (name, *figure) for name, figure in figures.items())


def run(name, validation, test, shape, args):
    if name == "sasrec":
        return sasrec(validation, test, args)
    method, grid = GRIDS[name]
    common = {"seed": args.seed, "threads": args.threads}
    if not validation.fit.time.any():
        grid = [g for g in grid if not g.get("days")]
    tried = []
    for settings in grid:
        tried.append((validation.figures(method(validation, shape, **settings, **common)), settings))
        if args.verbose:
            print("    %s: validation %s" % (settings, text(tried[-1][0])), flush=True)
    figures, settings = max(tried, key=lambda one: one[0]["user"][1])
    return figures, settings, test.figures(method(test, shape, **settings, **common))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split")
    parser.add_argument("--methods", default="popular,own,item-knn,bpr,sasrec")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=40, help="of sasrec, at most")
    parser.add_argument("--minutes", type=float, default=5, help="of sasrec, at most")
    parser.add_argument("--factors", type=int, default=128, help="of sasrec")
    parser.add_argument("--length", type=int, default=100, help="of sasrec: events of a history")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="every setting that was tried")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    users, products = {}, {}
    train = Events(os.path.join(args.split, "train.tsv"), users, products)
    parts = [Part(args.split, name, train, users, products) for name in ("validation", "test")]
    shape = (len(users), len(products))
    for part in parts:
        part.number(shape)
    validation, test = parts
    print("%s: %d users, %d products with events; pairs and pair recall@10, @100" % (args.split, *shape))
    for name in args.methods.split(","):
        if name == "own" and not test.repeats:
            continue
        begin = time.time()
        figures, settings, asked = run(name, validation, test, shape, args)
        print("%-9s validation  %s" % (name, text(figures)))
        print("%-9s test        %s   [%s, %.0f s]" % ("", text(asked), settings, time.time() - begin), flush=True)


main()
