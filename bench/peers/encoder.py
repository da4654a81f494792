#!/usr/bin/env python3
"""The encoder beside PyTorch: the same function, ids, sizes and parameters, and the same loss; samples alternate within one run.

    bench/peers/encoder.py --peer PATH/torch_itemsage.py --build build [--python python3 /usr/bin/python3] [--all | PART ...]

PART: check (loss, gradients and vectors against PyTorch's), train (1,024 pairs + 1,024 random negatives), infer (256 and 1,024 products), one
(one thread, and scaling), large (8,192 + 8,192, ours alone), isa (ours with every instruction set forced). --build: a build folder made with
-DITEMSAGE_BENCH=ON. Every --python needs torch and numpy; the fastest of them counts. Prints Markdown; --json FILE keeps every sample.

Only the standard library is needed here; torch_side.py runs in processes of its own. A row says how often ours is as fast as the peer by
medians, and the peak memory of each process. The floor is counted from ceilings that ceiling_bench measures in the same run: multiply-adds by
the peak of registers, the table's gather, sort and update by bare loops over whole rows, or over slabs as ours does it.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from contender import Contender  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
HASH = [[1402024253, 948164821], [786433, 1610612741]]  # a and b of both hash functions, any below 2^31 - 1
E, D, HEADS, FF, HEAD, OUT, FIELDS, IDS, IMAGES = 256, 512, 8, 2048, 1024, 256, 12, 295, 10.5
DENSE_MACS = 2 * D * E + D * D + 2 * D * FF + D * HEAD + HEAD * OUT  # of a product, forward
REST_S = 0.15  # threads of a program that has just worked may wait awake for a while
STEPS = 4  # of the check's training
TOKEN_MACS = (FIELDS + IMAGES) * 2 * HEADS * E


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("parts", nargs="*", default=[], help="check train infer one large isa")
    p.add_argument("--all", action="store_true")
    p.add_argument("--peer", default=os.environ.get("ITEMSAGE_PEERS", ""), help="the peer's program (or ITEMSAGE_PEERS)")
    p.add_argument("--build", default="build")
    p.add_argument("--python", nargs="+", default=["python3"])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5, help="of samples; the long way takes part in the first --long-rounds")
    p.add_argument("--long-rounds", type=int, default=2)
    p.add_argument("--json", default="")
    a = p.parse_args()
    known = ["check", "train", "infer", "one", "large", "isa"]
    a.parts = known if a.all or not a.parts else a.parts
    for part in a.parts:
        if part not in known:
            p.error("no part %s" % part)
    return a


def find(build, name):
    path = next((p for p in (os.path.join(build, "bench", name), os.path.join(build, name)) if os.access(p, os.X_OK)), None)
    if path is None:
        sys.exit("encoder.py: no %s below %s; configure with -DITEMSAGE_BENCH=ON" % (name, build))
    return path


def environment(**more):
    """Presets of OpenBLAS's kernel halve either side; the peer's program unsets them too."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "TI_CHILD", "ITEMSAGE_ISA")}
    env.update(more)
    return env


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder, self.log, self.pythons = args, folder, [], []
        self.ceilings, self.floors = {}, []  # floors: of what they are wanted at the end
        self.ours_program, self.ceiling_program = find(args.build, "encoder_bench"), find(args.build, "ceiling_bench")
        for python in args.python:
            test = subprocess.run([python, "-c", "import torch, numpy; print(torch.__version__)"], capture_output=True, text=True, check=False)
            if test.returncode == 0:
                self.pythons.append((python, test.stdout.strip()))
        if not self.pythons:
            sys.exit("encoder.py: skipped: none of %s has torch and numpy" % ", ".join(args.python))

    # ---- the sides ----
    def peer(self, python, threads, batch, rounds=1 << 30, **what):
        what |= {"program": self.args.peer, "hash": HASH}
        name = "PyTorch %s, %s way%s" % (what["torch"].split("+")[0], what["kind"], ", traced" if what.get("variant") == "jit" else "")
        command = [python, os.path.join(HERE, "torch_side.py"), what["mode"], "--batch", str(batch), "--neg", str(batch), "--threads", str(threads)]
        if what.get("write"):
            done = subprocess.run(command, env=environment(ITEMSAGE_PEER=json.dumps(what)), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit("encoder.py: the peer's program failed:\n" + done.stderr[-2000:])
            return json.loads(done.stdout)
        return Contender(name, command, environment(ITEMSAGE_PEER=json.dumps(what)), rounds,
                         3 if what["mode"] == "infer" and what["kind"] == "short" else 1, what["mode"] == "infer")  # fmt: skip

    def ours(self, mode, batch, precision, threads, times=3, **env):
        path = os.path.join(self.folder, "%s-%d.safetensors" % (mode, batch))
        model = os.path.join(self.folder, "model.safetensors")
        return Contender("itemsage", [self.ours_program, model, path, mode, precision, str(threads)], environment(**env), 1 << 30,
                         times, mode == "infer")  # fmt: skip

    def prepare(self, mode, batch, check):
        python, version = self.pythons[0]
        return self.peer(python, self.args.threads, batch, kind="short", precision="f32", variant="eager", mode=mode, torch=version, check=check,
                         write=self.folder, name="%s-%d" % (mode, batch))  # fmt: skip

    def ceiling(self, threads):
        """Measured anew on every call; of each figure the best that was seen."""
        done = subprocess.run([self.ceiling_program, str(threads), "2048"], env=environment(), capture_output=True, text=True, check=True)
        self.ceilings[threads] = best_of(self.ceilings.get(threads), json.loads(done.stdout))
        return self.ceilings[threads]

    def alternate(self, contenders):
        for c in contenders:
            c.run(keep=False)
        for i in range(self.args.rounds):
            for c in contenders:
                if i < c.rounds:
                    time.sleep(REST_S)
                    if c.warm:
                        c.run(keep=False)
                    for _ in range(c.times):
                        c.run()
        for c in contenders:
            c.close()

    def keep(self, part, contenders, **about):
        for c in contenders:
            self.log.append(about | {"part": part, "name": c.name, "about": c.about, "samples": c.all, "last": c.last})

    # ---- the floor, in seconds ----
    def floor(self, mode, precision, threads, products, layout):
        c = self.ceilings[threads]
        peak = 1e9 * c["bf16_gflops" if precision == "bf16" else "f32_gflops"] or float("nan")
        share = products * IDS * 2 / c["row_reads"]
        macs = products * (DENSE_MACS + TOKEN_MACS)
        if mode == "infer":
            return 2 * macs / peak + share * c[layout]["bf16_gather_ms" if precision == "bf16" else "gather_ms"] / 1e3
        pairs = products // 2
        macs = 3 * (macs + pairs * products * OUT)
        rows = share * (c[layout]["gather_ms"] + c[layout]["back_ms"] + c["sort_ms"] / threads)
        return 2 * macs / peak + (rows + c["dense_adam_ms"]) / 1e3


def best_of(old, new):
    if old is None:
        return new
    return {k: best_of(old[k], v) if isinstance(v, dict) else min(old[k], v) if k.endswith("_ms") else max(old[k], v) for k, v in new.items()}


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def header(*cells):
    print()
    row(*cells)
    row(*["---"] * len(cells))


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    print("Machine: %s, %d cores, %s %s." % (model, os.cpu_count(), platform.system(), platform.release()))


# ---- parts ----
def check(bench):
    peers = {"train": bench.prepare("train", 1024, True), "infer": bench.prepare("infer", 1024, True)}
    header("check on 1,024 + 1,024", "PyTorch f32", "itemsage f32", "itemsage bf16", "itemsage int8")
    sides = {p: bench.ours("train", 1024, p, bench.args.threads) for p in ("f32", "bf16")}
    said = {p: s.ask("check") for p, s in sides.items()}
    losses = [said[p]["loss"] for p in ("f32", "bf16")]
    row("loss", "%.6f" % peers["train"]["loss"], *["%.6f" % x for x in losses], "")
    wanted = peers["train"]["grads"]
    python, version = bench.pythons[0]
    both = [bench.peer(python, bench.args.threads, 1024, kind="short", precision="f32", variant="eager", mode="train", torch=version)]
    both += list(sides.values())
    steps = [[side.run()["loss"] for _ in range(STEPS)] for side in both]
    both[0].close()
    row("loss after %d, %d, %d steps of Adam" % tuple(range(1, STEPS)), *[", ".join("%.5f" % x for x in losses[1:]) for losses in steps], "")
    off = [max((abs(said[p]["grads"][k] / v - 1), k) for k, v in wanted.items()) for p in ("f32", "bf16")]
    row("norms of %d gradients, farthest off" % len(wanted), "", *["%.1e (%s)" % x for x in off], "")
    for side in sides.values():
        side.close()
    sides = [bench.ours("infer", 1024, p, bench.args.threads) for p in ("f32", "bf16", "int8")]
    said = [s.ask("check") for s in sides]
    row("vectors: largest difference of an element", "", *["%.1e" % s["max_diff"] for s in said])
    row("vectors: smallest cosine", "", *["%.6f" % s["min_cos"] for s in said])
    for side in sides:
        side.close()
    bench.log.append({"part": "check", "peer": peers, "loss": losses, "steps": steps, "vectors": said})
    apart = max(abs(ours / theirs - 1) for theirs, ours in zip(steps[0], steps[1]))
    if abs(losses[0] / peers["train"]["loss"] - 1) > 1e-5 or apart > 1e-4 or off[0][0] > 1e-4 or said[0]["max_diff"] > 1e-4:
        sys.exit("encoder.py: the two sides do not compute the same; no time means anything")


def line_of(precision, threads, batch, name, samples, ours, memory):
    """One row: `ours` are our samples of the same run, which the ratios are of."""
    median = statistics.median(samples)
    by = ["%.2f" % (median / statistics.median(ours)), "%.2f" % (min(samples) / min(ours))] if ours else ["", ""]
    row(precision, threads, batch, name, "%.0f" % (1e3 * median), "%.0f" % (1e3 * min(samples)), "%.0f" % (batch / median), *by, "%.0f" % memory)


def beside(bench, mode, batch, precision, threads, kinds, variants, products):
    """Our rate, and each way of the peer by its fastest torch and variant; one alternating run for each torch."""
    runs = []
    for python, version in bench.pythons:
        contenders = [bench.ours(mode, batch, precision, threads)]
        for kind in kinds:
            rounds = bench.args.long_rounds if kind == "long" else 1 << 30
            for variant in variants:
                contenders.append(bench.peer(python, threads, batch, rounds, mode=mode, kind=kind, precision=precision, variant=variant, torch=version))
        bench.alternate(contenders)
        bench.keep(mode, contenders, batch=batch, precision=precision, threads=threads)
        runs.append(contenders)
    ours = [s for run in runs for s in run[0].samples]
    line_of(precision, threads, batch, "**itemsage**", ours, None, max(run[0].last["peak_mib"] for run in runs))
    for kind in kinds:
        rivals = [(c.median(), c, run[0].samples) for run in runs for c in run[1:] if "%s way" % kind in c.name]
        _, c, beside_it = min(rivals, key=lambda x: x[0])
        line_of(precision, threads, batch, c.name, c.samples, beside_it, c.last["peak_mib"])
    short = min(c.median() for run in runs for c in run[1:] if "short way" in c.name)
    bench.floors.append((mode, precision, threads, batch, products, statistics.median(ours), short))
    bench.ceiling(threads)


def train(bench):
    header("training", "threads", "pairs", "program", "median ms", "best ms", "pairs/s", "itemsage is x as fast", "by the best", "peak MiB")
    for precision in ("f32", "bf16"):
        beside(bench, "train", 1024, precision, bench.args.threads, ("long", "short"), ("eager",), 2048)


def infer(bench):
    header("inference", "threads", "products", "program", "median ms", "best ms", "products/s", "itemsage is x as fast", "by the best", "peak MiB")
    for precision in ("f32", "bf16"):
        for batch in (256, 1024):
            beside(bench, "infer", batch, precision, bench.args.threads, ("long", "short"), ("eager", "jit"), batch)
    for batch in (256, 1024):
        ours = bench.ours("infer", batch, "int8", bench.args.threads)
        bench.alternate([ours])
        bench.keep("infer", [ours], batch=batch, precision="int8", threads=bench.args.threads)
        line_of("int8", bench.args.threads, batch, "**itemsage**", ours.samples, None, ours.last["peak_mib"])


def one(bench):
    header("threads", "itemsage, rate of one a second", "of %d" % bench.args.threads, "scaling")
    for mode, precision in (("train", "f32"), ("train", "bf16"), ("infer", "f32"), ("infer", "bf16"), ("infer", "int8")):
        bench.ceiling(1)
        sides = [bench.ours(mode, 1024, precision, n) for n in (1, bench.args.threads)]
        bench.alternate(sides)
        bench.keep("one", sides, mode=mode, precision=precision)
        seconds = [s.median() for s in sides]
        row(mode + " " + precision, *["%.0f" % (1024 / s) for s in seconds], "%.2f" % (seconds[0] / seconds[1]))
        if precision != "int8":
            bench.floors.append((mode, precision, 1, 1024, 1024 * (1 + (mode == "train")), seconds[0], None))


def large(bench):
    bench.prepare("train", 8192, False)
    header("8,192 + 8,192, itemsage", "s a step", "pairs/s", "peak MiB", "of it the pass's and the optimiser's", "loss")
    for precision in ("f32", "bf16"):
        ours = bench.ours("train", 8192, precision, bench.args.threads, times=1)
        first = ours.run(keep=False)
        for _ in range(3):
            ours.run()
        ours.close()
        bench.keep("large", [ours], precision=precision)
        row(precision, "%.2f" % ours.median(), "%.0f" % (8192 / ours.median()), "%.0f" % ours.last["peak_mib"], "%.0f" % ours.last["own_mib"],
            "%.4f" % first["loss"])  # fmt: skip


def isa(bench):
    header("instruction set", "products by", "training f32, 1 / %d threads, pairs/s" % bench.args.threads, "scaling",
           "inference f32, 1 / %d threads, products/s" % bench.args.threads, "scaling")  # fmt: skip
    for name in ("scalar", "avx2", "avx512"):
        cells, gemm = [], ""
        for mode in ("train", "infer"):
            sides = [bench.ours(mode, 1024, "f32", n, times=1, ITEMSAGE_ISA=name) for n in (1, bench.args.threads)]
            rates = []
            for side in sides:
                side.run(keep=False)
            for _ in range(3):
                for side in sides:
                    side.run()
            for side in sides:
                side.close()
                rates.append(1024 / side.median())
            gemm = sides[0].about["gemm"]
            ran = sides[0].about["isa"]
            bench.keep("isa", sides, isa=name, mode=mode)
            cells += ["%.0f / %.0f" % tuple(rates), "%.2f" % (rates[1] / rates[0])]
        row(name if name == ran else "%s (this machine: %s)" % (name, ran), gemm, *cells)


def floors(bench):
    if not bench.floors:
        return
    header("share of the floor", "threads", "batch", "ours, ms", "floor by rows, ms", "share", "floor by slabs, ms", "share",
           "the floor by slabs is x the short way")  # fmt: skip
    for mode, precision, threads, batch, products, seconds, short in bench.floors:
        rows, slabs = (bench.floor(mode, precision, threads, products, layout) for layout in ("rows", "slabs"))
        cells = [x for floor in (rows, slabs) for x in ("%.0f" % (1e3 * floor), "%.0f %%" % (100 * floor / seconds))]
        row(mode + " " + precision, threads, batch, "%.0f" % (1e3 * seconds), *cells, "%.1f" % (short / slabs) if short else "")


def ceilings(bench):
    samples = [undisturbed for run in bench.log for _, undisturbed in run.get("samples", [])]
    if samples:
        print("\n%d of %d samples were taken while other programs used more than a tenth of the machine." % (samples.count(False), len(samples)))
    for threads, c in sorted(bench.ceilings.items()):
        print("\nCeilings, %d thread(s), best of the run: multiply-adds in registers f32 %.0f, bf16 %.0f GFLOP/s, int8 %.0f GOP/s; the library's product of"
              " 512^3 f32 %.0f, bf16 %.0f; reading %.0f GB/s; %.2f million row reads of 2,048 products: by whole rows gather %.0f ms (bf16 %.0f),"
              " backward with Adam %.0f; by slabs %.0f (%.0f), %.0f; sort %.0f; Adam of the dense parameters %.0f."
              % (threads, c["f32_gflops"], c["bf16_gflops"], c["int8_gops"], c["f32_gemm_gflops"], c["bf16_gemm_gflops"], c["read_gbs"], c["row_reads"] / 1e6,
                 c["rows"]["gather_ms"], c["rows"]["bf16_gather_ms"], c["rows"]["back_ms"], c["slabs"]["gather_ms"], c["slabs"]["bf16_gather_ms"],
                 c["slabs"]["back_ms"], c["sort_ms"], c["dense_adam_ms"]))  # fmt: skip


def main():
    args = parse()
    if not args.peer or not os.path.exists(args.peer):
        print("encoder.py: skipped: no peer's program at %r; give --peer PATH or ITEMSAGE_PEERS" % args.peer)
        return
    folder = tempfile.mkdtemp(prefix="itemsage-encoder-")
    try:
        bench = Bench(args, folder)
        machine()
        need = {"train", "infer", "one", "isa"} & set(args.parts)
        if "check" not in args.parts and (need or "large" in args.parts):
            bench.prepare("train", 1024, True)
            bench.prepare("infer", 1024, True)
        if "infer" in args.parts:
            bench.prepare("infer", 256, True)
        for part in args.parts:
            {"check": check, "train": train, "infer": infer, "one": one, "large": large, "isa": isa}[part](bench)
        floors(bench)
        ceilings(bench)
        if args.json:
            with open(args.json, "w", encoding="utf-8") as file:
                json.dump({"ceilings": bench.ceilings, "runs": bench.log}, file, indent=1)
    finally:
        shutil.rmtree(folder)


main()
