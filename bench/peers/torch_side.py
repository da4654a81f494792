"""The peer's side of encoder.py: the peer's own program, loaded as it is, with our hash functions in its table.

Not for calling by hand. Arguments are the peer's; ITEMSAGE_PEER in the environment holds what to do, as JSON. With "write", parameters and one
batch are written as safetensors for encoder_bench, with the loss, the gradients' norms and the vectors that PyTorch has for them. Otherwise
each line "run" on the standard input is answered by one timed step or call; the end of the input ends it.
"""
import ast
import json
import math
import os
import struct
import sys
import time
import types

WHAT = json.loads(os.environ["ITEMSAGE_PEER"])
PRIME = 2**31 - 1


def load_program(path):
    """All of the peer's program but the dispatch of its mode at the end. It may start this process anew, to set its environment."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    ends = [i for i, node in enumerate(tree.body) if isinstance(node, ast.If) and ast.unparse(node.test) == "A.dump"]
    if not ends:
        sys.exit("torch_side.py: %s does not end as expected: it is another version of the peer's program" % path)
    tree.body = tree.body[: ends[-1]]
    module = types.ModuleType("peer")
    module.__file__ = path
    exec(compile(tree, path, "exec"), module.__dict__)
    return module


peer = load_program(WHAT["program"])
import numpy as np  # noqa: E402  after the peer has set the environment that the libraries read at their start
import torch  # noqa: E402


def our_rows(vocab, rows):
    """Both rows of each id as src/model/impl.h has them: ((a id + b) mod p) mod rows."""
    ids = np.arange(vocab, dtype=np.uint64)
    both = [(ids * np.uint64(a) + np.uint64(b)) % np.uint64(PRIME) % np.uint64(rows) for a, b in WHAT["hash"]]
    return torch.from_numpy(np.stack(both, 1).astype(np.int64))


def make_model():
    torch.manual_seed(peer.A.seed)
    model = peer.Model(WHAT["kind"] == "short")
    model.text.h.copy_(our_rows(peer.A.vocab, peer.A.rows))
    return model.train() if WHAT["mode"] == "train" else model.eval()


def make_batch():
    return peer.make_batch(np.random.default_rng(peer.A.seed), peer.A.batch, peer.NEG if WHAT["mode"] == "train" else 0)


def peak_mib():
    """Of this program alone: getrusage would include what the process was before its exec."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


# ---- what is timed ----
def train_step(model, optimiser, batch):
    optimiser.zero()
    if WHAT["precision"] == "bf16":
        text = model.text(batch["ids"], batch["off"])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = model.enc(batch["img"], batch["mask"], text)
        loss = peer.loss_fn(vectors.float(), batch)
    else:
        loss = peer.loss_fn(model(batch), batch)
    loss.backward()
    optimiser.step()
    return loss.item()


def inference(model, batch):
    """The function to call: the encoder as it is, or traced and frozen; in bf16 its weights and inputs are converted."""
    low = WHAT["precision"] == "bf16"
    encoder = model.enc.bfloat16() if low else model.enc

    def inputs():
        text, images = model.text(batch["ids"], batch["off"]), batch["img"]
        return (images.bfloat16(), batch["mask"], text.bfloat16()) if low else (images, batch["mask"], text)

    if WHAT["variant"] == "jit":
        traced = torch.jit.trace(encoder, inputs(), check_trace=False).eval()
        encoder = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
        for _ in range(2):
            encoder(*inputs())
    return lambda: encoder(*inputs())


def serve():
    model, batch = make_model(), make_batch()
    optimiser = peer.Opt(model) if WHAT["mode"] == "train" else None
    call = None
    pinned = False
    with torch.set_grad_enabled(optimiser is not None):
        call = (lambda: train_step(model, optimiser, batch)) if optimiser else inference(model, batch)
        print(json.dumps({"torch": torch.__version__}), flush=True)
        for line in sys.stdin:
            if line.strip() != "run":
                break
            began = time.perf_counter()
            value = call()
            seconds = time.perf_counter() - began
            print(json.dumps({"s": seconds, "loss": value if optimiser else 0, "peak_mib": peak_mib()}), flush=True)
            if not pinned:
                peer.pin()
                pinned = True


# ---- files for our side ----
def write_safetensors(path, tensors, metadata):
    names = {"float32": "F32", "uint32": "U32", "uint8": "U8"}
    header, at = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, 0
    ordered = sorted(tensors.items(), key=lambda item: -item[1].itemsize)
    for name, value in ordered:
        header[name] = {"dtype": names[str(value.dtype)], "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, value in ordered:
            file.write(np.ascontiguousarray(value).tobytes())


def our_tensors(of):
    """Tensors under our names. `of` gives the peer's tensor of a name, or its gradient; what only we have stays zero, and b_K, which has no
    effect and no gradient, is left out."""
    layer = "enc.enc.layers.0."
    w_q, w_k, w_v = of(layer + "self_attn.in_proj_weight").split(peer.D)
    b_q, _, b_v = of(layer + "self_attn.in_proj_bias").split(peer.D)
    zeros = torch.zeros
    return {
        "text.proj": of("enc.lin_t.weight"), "field.bias": of("enc.lin_t.bias").expand(peer.NT, -1), "cls": of("enc.cls"),
        "image.proj": of("enc.lin_i.weight"), "image.bias": of("enc.lin_i.bias"),
        "encoder.score_bias": zeros(peer.H, peer.NT + 2),
        "encoder.wq": w_q, "encoder.bq": b_q, "encoder.wk": w_k, "encoder.wv": w_v, "encoder.bv": b_v,
        "encoder.wo": of(layer + "self_attn.out_proj.weight"), "encoder.bo": of(layer + "self_attn.out_proj.bias"),
        "encoder.norm1.gain": of(layer + "norm1.weight"), "encoder.norm1.bias": of(layer + "norm1.bias"),
        "encoder.ff1.weight": of(layer + "linear1.weight"), "encoder.ff1.bias": of(layer + "linear1.bias"),
        "encoder.ff2.weight": of(layer + "linear2.weight"), "encoder.ff2.bias": of(layer + "linear2.bias"),
        "encoder.norm2.gain": of(layer + "norm2.weight"), "encoder.norm2.bias": of(layer + "norm2.bias"),
        "head.fc1.weight": of("enc.m1.weight"), "head.fc1.bias": of("enc.m1.bias"),
        "head.fc2.weight": of("enc.m2.weight"), "head.fc2.bias": of("enc.m2.bias"),
        "search.skip": zeros(peer.E, peer.E), "search.fc1.weight": zeros(1024, peer.E), "search.fc1.bias": zeros(1024),
        "search.fc2.weight": zeros(peer.E, 1024), "search.fc2.bias": zeros(peer.E),
        "text.norm.gain": zeros(peer.E), "text.norm.bias": zeros(peer.E), "temperature": torch.tensor([-math.log(peer.A.tau)]),
        "table": of("text.table.weight"), "importance": of("text.w.weight"),
    }  # fmt: skip


def write_model(model, folder):
    a = peer.A
    meta = {"format": "itemsage-model-1", "vocab": a.vocab, "rows": a.rows, "hashes": 2, "dim_embed": peer.E, "dim_model": peer.D,
            "heads": peer.H, "dim_ff": peer.FFN, "dim_head": 1024, "dim_out": peer.E, "dim_image": peer.E, "text_norm": "off",
            "head_skip": "off"}
    for k, (mul, add) in enumerate(WHAT["hash"]):
        meta |= {"hash_a%d" % (k + 1): mul, "hash_b%d" % (k + 1): add}
    parameters = dict(model.named_parameters())
    values = our_tensors(lambda name: parameters[name].detach())
    write_safetensors(os.path.join(folder, "model.safetensors"), {k: v.numpy() for k, v in values.items()}, meta)


def prefix_sums(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)


def batch_tensors(batch):
    n, real_images = batch["n"], ~batch["mask"]
    return {
        "batch.ids": batch["ids"].numpy().astype(np.uint32),
        "batch.begin": np.append(batch["off"].numpy(), len(batch["ids"])).astype(np.uint32),
        "batch.token_begin": (np.arange(n + 1) * peer.NT).astype(np.uint32),
        "batch.token_field": np.tile(np.arange(peer.NT, dtype=np.uint8), n),
        "batch.image_begin": prefix_sums(real_images.sum(1).numpy()),
        "batch.images": batch["img"][real_images].numpy(),
    }


def write():
    """Parameters; the batch; and what PyTorch makes of it (nothing where it would not fit: "check" is false)."""
    model, batch, folder = make_model(), make_batch(), WHAT["write"]
    tensors, said = batch_tensors(batch), {"torch": torch.__version__}
    if WHAT["mode"] == "train":
        tensors |= {"spec.queries": batch["q"].numpy(), "spec.log_q": batch["logq"].numpy()}
        if WHAT["check"]:
            loss = peer.loss_fn(model(batch), batch)
            loss.backward()
            parameters = dict(model.named_parameters())
            grads = our_tensors(lambda name: parameters[name].grad)
            grads["field.bias"] = grads["field.bias"][0]
            said |= {"loss": loss.item(), "grads": {k: n for k, g in grads.items() if k != "temperature" and (n := g.double().norm().item()) > 0}}
            write_model(model, folder)
    elif WHAT["check"]:
        with torch.no_grad():
            tensors["out.products"] = model(batch).numpy()
    write_safetensors(os.path.join(folder, WHAT["name"] + ".safetensors"), tensors, {})
    print(json.dumps(said), flush=True)


if WHAT.get("write"):
    write()
else:
    serve()
