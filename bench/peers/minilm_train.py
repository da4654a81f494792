#!/usr/bin/env python3
"""Fine-tunes a sentence encoder on the search pairs of an itemsage shop, as a user of sentence-transformers would.

    itemsage -C SHOP export --format split SPLIT
    bench/peers/minilm_train.py [--weighted] [--bf16] [--threads 2] [--epochs 3] SPLIT PRODUCTS.tsv ENCODER OUT

ENCODER is the folder that scripts/get-encoders makes; nothing is downloaded. Needs `pip install torch==2.13.0 sentence-transformers==6.2.0
transformers==5.23.0 datasets==4.8.5 accelerate==1.15.0` (torch of the CPU index will do).

MultipleNegativesRankingLoss (scale 20) over distinct (query, title) pairs, batches of 128 without duplicates, AdamW with learning rate 2e-5, 10 % warm-up
and linear decay, texts of at most 64 tokens (no title of homedepot has more). --weighted: each pair's loss times 1, 2, 3 or 4 for click, save, add_to_cart
and checkout, over the mean of the batch. Twice an epoch the validation queries are judged by pair recall@10 among the products that they have and
--corpus others; the best of these states is kept, and the encoder as it came is one of them. OUT gets the encoder, and train.json: settings,
seconds of every step (without the judging), figures of validation, peak memory. --steps N stops after N steps, to measure the seconds of one.
"""
import argparse
import json
import os
import random
import resource
import time

GRADES = {"click": 1.0, "save": 2.0, "add_to_cart": 3.0, "checkout": 4.0}


def read_tsv(path):
    with open(path, encoding="utf-8") as file:
        names = file.readline().rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]


def read_pairs(split, part):
    """{(query, product): grade} of a part; the best kind where a pair has several."""
    pairs = {}
    for row in read_tsv(os.path.join(split, "search-%s.tsv" % part)):
        key = row["query"], row["product_id"]
        pairs[key] = max(pairs.get(key, 0.0), GRADES[row["event"]])
    return pairs


def read_titles(path):
    return {row["id"]: row.get("title", "") for row in read_tsv(path)}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split")
    parser.add_argument("products")
    parser.add_argument("encoder")
    parser.add_argument("out")
    parser.add_argument("--weighted", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-5)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--corpus", type=int, default=8000)
    parser.add_argument("--steps", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    args = parse()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers import TrainerCallback

    torch.set_num_threads(args.threads)
    titles = read_titles(args.products)
    train, validation = read_pairs(args.split, "train"), read_pairs(args.split, "validation")
    rows = [(query, titles[product], grade) for (query, product), grade in train.items() if titles.get(product)]
    columns = {"anchor": [row[0] for row in rows], "positive": [row[1] for row in rows]}
    if args.weighted:
        columns["label"] = [row[2] for row in rows]

    class WeightedLoss(MultipleNegativesRankingLoss):
        """The same loss, each pair's part times its weight."""

        def compute_loss_from_embeddings(self, embeddings, labels):
            scores = self.similarity_fct(embeddings[0], embeddings[1]) * self.scale
            losses = torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)), reduction="none")
            weights = labels.to(losses.dtype).view(-1)
            return (losses * weights).sum() / weights.sum()

    class Judge(SentenceEvaluator):
        """Pair recall@10 of the validation queries among a part of the catalogue."""

        def __init__(self):
            super().__init__()
            self.primary_metric, self.greater_is_better = "recall10", True
            wanted = sorted({product for _, product in validation})
            others = sorted(set(titles) - set(wanted))
            self.products = wanted + random.Random(args.seed).sample(others, min(args.corpus, len(others)))
            self.number = {product: i for i, product in enumerate(self.products)}
            self.queries = sorted({query for query, _ in validation})

        def __call__(self, model, output_path=None, epoch=-1, steps=-1):
            began = time.monotonic()
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                texts = [titles[product] for product in self.products]
                vectors = model.encode(texts, batch_size=64, convert_to_tensor=True, show_progress_bar=False).float()
                asked = model.encode(self.queries, batch_size=64, convert_to_tensor=True, show_progress_bar=False).float()
            first = (asked @ vectors.T).topk(100).indices.tolist()
            first = {query: list_ for query, list_ in zip(self.queries, first)}
            found = [self.number[product] in first[query][:10] for query, product in validation]
            far = [self.number[product] in first[query] for query, product in validation]
            clock.judging += time.monotonic() - began
            figures = {"recall10": sum(found) / len(found), "recall100": sum(far) / len(far)}
            validations.append({"step": steps, **figures})
            print("step %d: validation pair recall@10 %.4f and @100 %.4f" % (steps, figures["recall10"], figures["recall100"]), flush=True)
            return figures

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds, self.judging = [], 0.0

        def on_step_begin(self, _, state, control, **kwargs):
            self.began = time.monotonic()

        def on_step_end(self, _, state, control, **kwargs):
            self.seconds.append(time.monotonic() - self.began)
            if state.global_step % 10 == 0:
                print("step %d of %d: %.2f s" % (state.global_step, state.max_steps, self.seconds[-1]), flush=True)

    clock, validations = Clock(), []
    model = SentenceTransformer(args.encoder, device="cpu")
    model.max_seq_length = args.length
    per_epoch = (len(rows) + args.batch - 1) // args.batch
    measured = args.steps > 0
    settings = SentenceTransformerTrainingArguments(
        output_dir=os.path.join(args.out, "checkpoints"), num_train_epochs=args.epochs, max_steps=args.steps,
        per_device_train_batch_size=args.batch, learning_rate=args.rate, warmup_steps=0.1, batch_sampler="no_duplicates",
        bf16=args.bf16, use_cpu=True, seed=args.seed, disable_tqdm=True, report_to="none", logging_steps=50,
        eval_strategy="no" if measured else "steps", save_strategy="no" if measured else "steps",
        eval_steps=per_epoch // 2, save_steps=per_epoch // 2, save_total_limit=2, load_best_model_at_end=not measured,
        metric_for_best_model="eval_recall10", greater_is_better=True)
    loss = (WeightedLoss if args.weighted else MultipleNegativesRankingLoss)(model)
    judge = None if measured else Judge()
    trainer = SentenceTransformerTrainer(model=model, args=settings, train_dataset=Dataset.from_dict(columns), loss=loss,
                                         evaluator=judge, callbacks=[clock])
    untrained = None if measured else judge(model, steps=0)["recall10"]
    began, judged = time.monotonic(), clock.judging
    checkpoints = os.path.join(args.out, "checkpoints")
    resume = os.path.isdir(checkpoints) and any(name.startswith("checkpoint-") for name in os.listdir(checkpoints))
    trainer.train(resume_from_checkpoint=resume)
    took = time.monotonic() - began
    if not measured and max(v["recall10"] for v in validations) <= untrained:
        model = SentenceTransformer(args.encoder, device="cpu")
    if not measured:
        model.save(args.out)
    steps = sorted(clock.seconds)
    with open(os.path.join(args.out, "train.json"), "w", encoding="utf-8") as file:
        json.dump({"pairs": len(rows), "settings": vars(args), "steps": len(steps), "seconds_of_steps": sum(steps),
                   "median_step": steps[len(steps) // 2], "seconds_with_judging": took, "judging": clock.judging - judged,
                   "validation": validations, "seconds": clock.seconds,
                   "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}, file, indent=1)
    print("%d steps, %.3f s each (median), %.0f s in all" % (len(steps), steps[len(steps) // 2], sum(steps)))


if __name__ == "__main__":
    main()
