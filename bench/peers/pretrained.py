#!/usr/bin/env python3
"""Frozen encoders beside PyTorch: the same weights and inputs, batches of 32, as many threads; samples alternate within one run.

    bench/peers/pretrained.py --build build [--threads 2] [--rounds 7] FOLDER ...

FOLDER: an encoder as scripts/get-encoders or transformers writes it, or random:NAME for random weights of a known size (clip-b32, siglip-b16,
dinov2-s14: what is measured is speed). --build: a build folder made with -DITEMSAGE_BENCH=ON. Needs torch, transformers, safetensors and numpy.
Texts are sequences of random ids, as long as product titles are (and, in a second row, of 128); PyTorch gets them sorted by length and
padded batch by batch, as sentence-transformers does it, ours as they come. Prints Markdown: rates by medians, the peak memory of each process,
and the cosines between both sides' vectors.
"""
import argparse
import json
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 32
REST_S = 0.15  # threads of a program that has just worked may wait awake for a while


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="+", metavar="FOLDER")
    p.add_argument("--build", default="build")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--texts", type=int, default=256)
    p.add_argument("--pictures", type=int, default=64)
    p.add_argument("--side", help=argparse.SUPPRESS)
    return p.parse_args()


# ---- PyTorch's side: a process of its own ----

def make_random(name, folder):
    import torch
    import transformers as hf
    torch.manual_seed(1)
    made = {"clip-b32": lambda: hf.CLIPVisionModelWithProjection(hf.CLIPVisionConfig()),
            "siglip-b16": lambda: hf.SiglipVisionModel(hf.SiglipVisionConfig()),
            "dinov2-s14": lambda: hf.Dinov2Model(hf.Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14))}
    if name not in made:
        sys.exit("pretrained.py: random:%s is not one of %s" % (name, ", ".join(made)))
    made[name]().save_pretrained(folder, safe_serialization=True)


def load_model(folder):
    import transformers as hf
    config = json.load(open(os.path.join(folder, "config.json"), encoding="utf-8"))
    kind = {"clip_vision_model": hf.CLIPVisionModelWithProjection, "clip": hf.CLIPVisionModelWithProjection,
            "siglip": hf.SiglipVisionModel, "siglip_vision_model": hf.SiglipVisionModel}.get(config["model_type"], hf.AutoModel)
    return kind.from_pretrained(folder).eval(), config


def vectors_of(model, config, given):
    """Of one batch; means are over the real tokens, the family's own pooling elsewhere."""
    kind = config["model_type"]
    if "input_ids" in given:
        hidden, mask = model(**given).last_hidden_state, given["attention_mask"][:, :, None]
        return (hidden * mask).sum(1) / mask.sum(1)
    out = model(**given)
    if kind == "mobilenet_v2":
        return out.last_hidden_state.mean((2, 3))
    return out.image_embeds if kind in ("clip", "clip_vision_model") else out.pooler_output


def make_input(folder, config, which, args):
    import torch
    from safetensors.torch import save_file
    g = torch.Generator().manual_seed(5)
    if "vocab_size" in config and config["model_type"] != "clip":
        lengths = [min(64, max(4, round(float(torch.empty(1).log_normal_(2.8, 0.45, generator=g))))) if which == "titles" else 128 for _ in range(args.texts)]
        begin = torch.tensor([0] + lengths).cumsum(0)
        return {"ids": torch.randint(5, config["vocab_size"], (int(begin[-1]),), generator=g).to(torch.uint32), "begin": begin.to(torch.uint64)}
    rule = os.path.join(folder, "preprocessor_config.json")
    size = 224
    if os.path.exists(rule):
        rule = json.load(open(rule, encoding="utf-8"))
        size = rule.get("crop_size", rule["size"])
        size = size if isinstance(size, int) else size["height"]
    elif "image_size" in config and config["model_type"] != "dinov2":
        size = config["image_size"]
    return {"pixels": torch.rand(args.pictures, 3, size, size, generator=g) * 2 - 1}


def batches_of(given):
    """Lists of (rows, arguments of the model)."""
    import torch
    if "pixels" in given:
        n = len(given["pixels"])
        return [(list(range(i, min(i + BATCH, n))), {"pixel_values": given["pixels"][i:i + BATCH]}) for i in range(0, n, BATCH)]
    begin, ids = given["begin"].to(torch.int64).tolist(), given["ids"].to(torch.int64)
    order = sorted(range(len(begin) - 1), key=lambda i: begin[i] - begin[i + 1])
    made = []
    for i in range(0, len(order), BATCH):
        rows = order[i:i + BATCH]
        texts = [ids[begin[r]:begin[r + 1]] for r in rows]
        padded = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(t) for t in texts], batch_first=True)
        made.append((rows, {"input_ids": padded, "attention_mask": mask}))
    return made


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def torch_side(args):
    """--side FOLDER INPUT OUT THREADS PRECISION, as JSON."""
    import numpy as np
    import torch
    from safetensors.torch import load_file
    folder, source, out, threads, precision = json.loads(args.side)
    torch.set_num_threads(threads)
    model, config = load_model(folder)
    if precision == "bf16":
        model = model.to(torch.bfloat16)
    if config["model_type"] == "mobilenet_v2":  # the layout in which its convolutions are fastest
        model = model.to(memory_format=torch.channels_last)
    batches = batches_of(load_file(source))
    for _, given in batches:
        if precision == "bf16" and "pixel_values" in given:
            given["pixel_values"] = given["pixel_values"].to(torch.bfloat16)
        if config["model_type"] == "mobilenet_v2":
            given["pixel_values"] = given["pixel_values"].contiguous(memory_format=torch.channels_last)

    def run(keep=None):
        with torch.inference_mode():
            for rows, given in batches:
                vectors = vectors_of(model, config, given)
                if keep is not None:
                    keep[rows] = torch.nn.functional.normalize(vectors.float(), dim=1)

    with torch.inference_mode():
        dim = vectors_of(model, config, batches[0][1]).shape[1]
    keep = torch.zeros(sum(len(rows) for rows, _ in batches), dim)
    run(keep)
    np.save(out, keep.numpy())
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        run()
        print(json.dumps({"s": time.perf_counter() - began, "peak_mib": peak_mib()}), flush=True)


# ---- both sides ----

def measure(args, folder, label, config, which, scratch):
    import numpy as np
    from contender import Contender
    from safetensors.torch import save_file
    source = os.path.join(scratch, "input.safetensors")
    given = make_input(folder, config, which, args)
    save_file(given, source)
    n = len(given["pixels"]) if "pixels" in given else len(given["begin"]) - 1
    program = os.path.join(args.build, "bench", "pretrained_bench")
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    env["OMP_NUM_THREADS"] = env["MKL_NUM_THREADS"] = str(args.threads)
    sides = {}
    for precision in ("f32", "bf16"):
        path = {side: os.path.join(scratch, "%s-%s.npy" % (side, precision)) for side in ("torch", "ours")}
        told = json.dumps([folder, source, path["torch"], args.threads, precision])
        sides["PyTorch", precision] = Contender("PyTorch " + precision, [sys.executable, __file__, "--side", told, folder], env), path["torch"]
        sides["itemsage", precision] = Contender("itemsage " + precision, [program, folder, source, path["ours"], precision, str(args.threads)], env), path["ours"]
    for round_ in range(args.rounds):
        for side, _ in sides.values():
            time.sleep(REST_S)
            side.run(keep=round_ > 0)
    truth = np.load(sides["PyTorch", "f32"][1])
    base = sides["PyTorch", "f32"][0].median()
    for (who, precision), (side, path) in sides.items():
        cosine = (np.load(path) * truth).sum(1).min()
        print("| %s | %s | %s | %.1f | %.2f | %.0f | %.6f |" % (label, who, precision, n / side.median(), base / side.median(), side.last["peak_mib"], cosine), flush=True)
        side.close()


def main():
    args = parse()
    if args.side:
        return torch_side(args)
    print("| encoder | by | precision | a second | x PyTorch f32 | peak MiB | least cosine to PyTorch f32 |\n|---|---|---|---|---|---|---|")
    for folder in args.folders:
        with tempfile.TemporaryDirectory() as scratch:
            label = os.path.basename(folder.rstrip("/"))
            if folder.startswith("random:"):
                made = os.path.join(scratch, "model")
                make_random(folder[len("random:"):], made)
                folder = made
            with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
                config = json.load(file)
            texts = config["model_type"] in ("bert", "distilbert")
            for which in ("titles", "128 tokens") if texts else ("pictures",):
                measure(args, folder, "%s, %s" % (label, which), config, which, scratch)


if __name__ == "__main__":
    main()
