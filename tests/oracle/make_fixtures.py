#!/usr/bin/env python3
"""The oracle: the model in PyTorch, written the long way in float64, on small random batches.

Every token gets its query, key, value and feed-forward; the CLS row is picked at the end; gradients come from autograd. The C code computes
the same numbers by another road (src/model/fold.c), so agreement means that both roads are right. Writes fixtures/*.safetensors beside this
file: parameters, batch, vectors, loss and every gradient. Run again only where the model itself changes:

    pip install torch==2.13.0 && tests/oracle/make_fixtures.py [name...]
"""
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
FIELDS = 12
PRIME = 2**31 - 1


def real(x):
    return torch.tensor(x, dtype=torch.get_default_dtype())


def beside(s):
    """How much sentences count that stand beside the vectors; 0: they are tokens."""
    return s.get("sentences_beside", 0)


def token_groups(s):
    return [g for g in s["groups"] if not (beside(s) and g[0] == "sentences")]


def kinds(s):
    """Fields, groups of tokens, CLS; a model without any keeps the place of one."""
    return text_kinds(s) + max(len(token_groups(s)), 1) + 1


def text_kinds(s):
    """Of tokens that are bags of ids: the fields, and a product's own token where the model has such."""
    return FIELDS + (s.get("tokens", 0) > 0)


def width(s, kind):
    return sum(dim for k, dim in s["groups"] if k == kind)


def group_names(s):
    """The first group of a kind has the kind's name, those after it are numbered."""
    names, seen = [], {}
    for kind, _ in token_groups(s):
        seen[kind] = seen.get(kind, 0) + 1
        names.append({"pictures": "image", "sentences": "sentence"}[kind] + (str(seen[kind]) if seen[kind] > 1 else ""))
    return names


def encoder(s):
    return s.get("encoder", "transformer")


def parameter_shapes(s):
    e, d, f, m, o = s["dim_embed"], s["dim_model"], s["dim_ff"], s["dim_head"], s["dim_out"]
    u, v = e + (0 if beside(s) else width(s, "sentences")), width(s, "pictures")
    shapes = {
        "text.norm.gain": (e,), "text.norm.bias": (e,), "text.proj": (d, e), "field.bias": (FIELDS, d), "cls": (d,),
        "encoder.score_bias": (s["heads"], kinds(s)), "encoder.wq": (d, d), "encoder.bq": (d,), "encoder.wk": (d, d),
        "encoder.wv": (d, d), "encoder.bv": (d,), "encoder.wo": (d, d), "encoder.bo": (d,),
        "encoder.norm1.gain": (d,), "encoder.norm1.bias": (d,), "encoder.ff1.weight": (f, d), "encoder.ff1.bias": (f,),
        "encoder.ff2.weight": (d, f), "encoder.ff2.bias": (d,), "encoder.norm2.gain": (d,), "encoder.norm2.bias": (d,),
        "head.skip": (o, d), "head.fc1.weight": (m, d), "head.fc1.bias": (m,), "head.fc2.weight": (o, m), "head.fc2.bias": (o,),
        "search.skip": (o, u), "search.fc1.weight": (m, u), "search.fc1.bias": (m,), "search.fc2.weight": (o, m),
        "search.fc2.bias": (o,), "temperature": (1,), "table": (s["rows"], e), "importance": (s["vocab"] + s.get("tokens", 0), s["hashes"]),
    }
    if s.get("tokens"):
        shapes["token.bias"] = (d,)
    for layer in range(1, s.get("encoder_layers", 1)):
        shapes |= {f"encoder.below{layer}.{name}": shape for name, shape in layer_shapes(d, f).items()}
        shapes[f"encoder.below{layer}.score_bias"] = shapes["encoder.score_bias"]
    if encoder(s) != "transformer":
        shapes = {k: v for k, v in shapes.items() if not k.startswith("encoder.")} | {"encoder.score_bias": (kinds(s),)}
    if encoder(s) == "sum":
        del shapes["head.fc1.weight"], shapes["head.fc1.bias"], shapes["head.fc2.weight"]
    if encoder(s) == "concat_mlp":
        for name in ("text.proj", "field.bias", "cls", "encoder.score_bias", "token.bias"):
            shapes.pop(name, None)
        c = text_kinds(s) * e + sum(dim for _, dim in token_groups(s)) + kinds(s)
        shapes |= {"head.skip": (o, c), "head.fc1.weight": (m, c)}
    if s.get("head_skip") == "off":
        del shapes["head.skip"]
    for name, (_, dim) in zip(group_names(s), token_groups(s)):
        if encoder(s) != "concat_mlp":
            shapes |= {name + ".proj": (d, dim), name + ".bias": (d,)}
    if beside(s):
        shapes["sentence.map"] = (width(s, "sentences"),) * 2
    if v:
        shapes |= {"picture.skip": (o, v), "picture.fc1.weight": (m, v), "picture.fc1.bias": (m,), "picture.fc2.weight": (o, m),
                   "picture.fc2.bias": (o,)}
    if s.get("user_events"):
        shapes |= user_shapes(s)
    if s.get("product_tower") == "on":
        shapes |= {"product.skip": (o, o), "product.fc1.weight": (m, o), "product.fc1.bias": (m,), "product.fc2.weight": (o, m),
                   "product.fc2.bias": (o,)}
    return shapes


USER_AGES, USER_KINDS = 48, 4


def age_bucket(days):
    return USER_AGES if math.isnan(days) else min(int(3 * math.log2(1 + 24 * days)), USER_AGES - 1)


def rank_bucket(rank):
    return rank if rank < 4 else (rank * rank).bit_length() - 1


def user_shapes(s):
    d, m, o, ranks = s["user_dim"], s["dim_head"], s["dim_out"], rank_bucket(s["user_events"] - 1) + 2
    shapes = {
        "user.in.weight": (d, o), "user.in.bias": (d,), "user.kind": (USER_KINDS, d), "user.age": (USER_AGES + 1, d),
        "user.rank": (ranks, d), "user.cls": (d,), "user.norm.gain": (d,), "user.norm.bias": (d,), "user.score": (d,),
        "user.score.kind": (USER_KINDS,), "user.score.age": (USER_AGES + 1,), "user.score.rank": (ranks,), "user.skip": (o, o),
        "user.fc1.weight": (m, d), "user.fc1.bias": (m,), "user.fc2.weight": (o, m), "user.fc2.bias": (o,),
    }
    for layer in range(1, s["user_layers"] + 1):
        shapes |= {f"user.{layer}.{name}": shape for name, shape in layer_shapes(d, 2 * d).items()}
    return shapes


def layer_shapes(d, f):
    return {"norm1.gain": (d,), "norm1.bias": (d,), "qkv.weight": (3 * d, d), "q.bias": (d,), "v.bias": (d,), "out.weight": (d, d),
            "out.bias": (d,), "norm2.gain": (d,), "norm2.bias": (d,), "ff1.weight": (f, d), "ff1.bias": (f,), "ff2.weight": (d, f), "ff2.bias": (d,)}


def make_users(s, rng, n):
    """User 0 did nothing, user 1 one thing, user 2 as much as is read; of user 3 no time is known, of others some."""
    users = []
    for i in range(n):
        most = s["user_events"]
        events = [0, 1, most][i] if i < 3 else int(rng.integers(1, most + 1))
        ages = np.sort(rng.choice([0, 1 / 48, 1, 20, 300, 5000], size=events) * rng.random(events))[::-1]
        ages = np.where((i == 3) | (rng.random(events) < 0.15), np.nan, ages).astype(np.float32)
        users.append((unit_rows(rng, events, s["dim_out"]), rng.integers(0, USER_KINDS, size=events), ages))
    return users


def make_parameters(s, rng, temperature):
    p = {}
    for name, shape in parameter_shapes(s).items():
        deviation = 1.0 if name in ("table", "importance") else 0.3 if len(shape) == 1 else 1.3 / math.sqrt(shape[1])
        p[name] = torch.tensor(rng.normal(size=shape) * deviation + (1.0 if name.endswith("gain") else 0.0))
    p["temperature"] = torch.tensor([temperature])
    for value in p.values():
        value.requires_grad_()
    return p


def unit_parts(s, rng, kind, n):
    """n rows of the kind's groups side by side, each a unit vector."""
    parts = [rng.normal(size=(n, dim)) for k, dim in s["groups"] if k == kind]
    return np.concatenate([x / np.linalg.norm(x, axis=1, keepdims=True) for x in parts] + [np.zeros((n, 0))], axis=1)


def unit_rows(rng, n, dim):
    x = rng.normal(size=(n, dim))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def make_batch(s, rng, pairs, random, pictures, looked, given, users):
    """Product 1 has no token, product 3 an empty title, query 2 no id, query 1 no sentence; fields and vectors are missing at random."""
    products = []
    for i in range(pairs + random):
        fields = [] if i == 1 else [f for f in range(FIELDS) if f == 0 or rng.random() < 0.35]
        bags = [(f, rng.integers(0, s["vocab"], size=0 if i == 3 and f == 0 else rng.integers(1, 9)).tolist()) for f in fields]
        groups = [rng.normal(size=(0 if i == 1 else int(rng.integers(0, 4 if kind == "pictures" else 3)), dim)) for kind, dim in s["groups"]]
        if i % 3 == 1 and s.get("tokens"):  # product 1 has nothing else
            bags.append((FIELDS, [s["vocab"] + int(rng.integers(0, s["tokens"]))]))
        products.append((bags, groups))
    texts = [rng.integers(0, s["vocab"], size=0 if i == 2 else rng.integers(1, 6)).tolist() for i in range(pairs - pictures - looked - users - given)]
    sentences = unit_parts(s, rng, "sentences", len(texts)) * (np.arange(len(texts)) != 1)[:, None]
    mask = rng.random((pairs, pairs + random)) < 0.2
    mask[np.arange(pairs), np.arange(pairs)] = False
    return dict(products=products, texts=texts, sentences=sentences, pictures=unit_parts(s, rng, "pictures", pictures), mask=mask, log_q=-1 - 3 * rng.random(pairs), weight=0.5 + rng.random(pairs),
                task=(np.arange(pairs) % 3).astype(np.uint8), looked=unit_rows(rng, looked, s["dim_out"]), looked_said=rng.normal(size=(looked, width(s, "sentences") if beside(s) else 0)),
                users=make_users(s, rng, users), given_rows=unit_rows(rng, given, s["dim_out"]))


def bag(p, s, hashes, ids):
    total = torch.zeros(s["dim_embed"])
    for i in ids:
        for k in range(s["hashes"]):
            row = i if s["hashes"] == 1 else (hashes[k][0] * i + hashes[k][1]) % PRIME % s["rows"]
            total = total + p["importance"][i, k] * p["table"][row]
    if s.get("text_norm") == "off":
        return total
    return F.layer_norm(total, (s["dim_embed"],), p["text.norm.gain"], p["text.norm.bias"], 1e-5)


def mlp(p, name, x):
    return F.linear(F.gelu(F.linear(x, p[name + "1.weight"], p[name + "1.bias"])), p[name + "2.weight"], p[name + "2.bias"])


def read_of(s, product):
    """What the model reads of a product: its own token in any case."""
    bags, groups = product
    without = {"text": "pictures", "pictures": "sentences"}.get(s.get("inputs"))
    if s.get("inputs") == "pictures":
        bags = [b for b in bags if b[0] == FIELDS]
    return bags, [v[:0] if kind == without else v for (kind, _), v in zip(s["groups"], groups)]


def head(p, z):
    out = F.linear(z, p["head.skip"]) if "head.skip" in p else 0
    return F.normalize(out + (mlp(p, "head.fc", z) if "head.fc1.weight" in p else p["head.fc2.bias"]), dim=0)


def side_by_side(p, s, hashes, bags, groups):
    """Each kind of token in its own place: a text's vector, the mean of a group's; then which there are."""
    places = [torch.zeros(s["dim_embed"]) for _ in range(text_kinds(s))] + [torch.zeros(dim) for _, dim in token_groups(s)]
    there = torch.zeros(kinds(s))
    there[-1] = 1
    for field, ids in bags:
        places[field], there[field] = bag(p, s, hashes, ids), 1
    for g, (_, vectors) in enumerate(zip(token_groups(s), groups)):
        if len(vectors):
            places[text_kinds(s) + g], there[text_kinds(s) + g] = real(vectors).mean(0), 1
    return torch.cat(places + [there])


def product_vector(p, s, hashes, key_bias, product):
    bags, groups = read_of(s, product)
    if encoder(s) == "concat_mlp":
        return head(p, side_by_side(p, s, hashes, bags, groups))
    d, h = s["dim_model"], s["heads"]
    tokens, kind = [p["cls"]], [kinds(s) - 1]
    for field, ids in bags:
        tokens.append(F.linear(bag(p, s, hashes, ids), p["text.proj"]) + (p["field.bias"][field] if field < FIELDS else p["token.bias"]))
        kind.append(field)
    for g, (name, vectors) in enumerate(zip(group_names(s), groups)):
        for v in vectors:
            tokens.append(F.linear(real(v), p[name + ".proj"], p[name + ".bias"]))
            kind.append(text_kinds(s) + g)
    x = torch.stack(tokens)
    if encoder(s) != "transformer":
        return head(p, p["encoder.score_bias"][kind].softmax(0) @ x)

    def split(y):
        return y.view(len(tokens), h, d // h).transpose(0, 1)

    for layer in range(1, s.get("encoder_layers", 1)):  # the usual layer, with biases of kinds
        name = f"encoder.below{layer}."
        q, k, v = (split(F.linear(x, w)) for w in p[name + "qkv.weight"].chunk(3))
        q, k, v = q + p[name + "q.bias"].view(h, 1, d // h), k + key_bias.view(h, 1, d // h), v + p[name + "v.bias"].view(h, 1, d // h)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=p[name + "score_bias"][:, None, kind].expand(h, len(tokens), len(tokens)))
        mixed = mixed.transpose(0, 1).reshape(len(tokens), d)
        x = F.layer_norm(x + F.linear(mixed, p[name + "out.weight"], p[name + "out.bias"]), (d,), p[name + "norm1.gain"], p[name + "norm1.bias"], 1e-5)
        x = F.layer_norm(x + mlp(p, name + "ff", x), (d,), p[name + "norm2.gain"], p[name + "norm2.bias"], 1e-5)

    q = split(F.linear(x, p["encoder.wq"], p["encoder.bq"]))
    k = split(F.linear(x, p["encoder.wk"], key_bias))
    v = split(F.linear(x, p["encoder.wv"], p["encoder.bv"]))
    scores = q @ k.transpose(1, 2) / math.sqrt(d // h) + p["encoder.score_bias"][:, kind][:, None, :]
    mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(len(tokens), d)
    y = F.layer_norm(x + F.linear(mixed, p["encoder.wo"], p["encoder.bo"]), (d,), p["encoder.norm1.gain"], p["encoder.norm1.bias"], 1e-5)
    z = F.layer_norm(y + mlp(p, "encoder.ff", y), (d,), p["encoder.norm2.gain"], p["encoder.norm2.bias"], 1e-5)
    return head(p, z[0])


def tower(p, name, u):
    return F.normalize(F.linear(u, p[name + ".skip"]) + mlp(p, name + ".fc", u), dim=0)


def user_vector(p, s, user):
    """Pre-norm transformer over CLS and the events, all of a user's at once."""
    vectors, kinds, ages = user
    n, d, h = len(kinds), s["user_dim"], s["user_heads"]
    v, x = real(vectors), p["user.cls"][None]
    age = [age_bucket(float(a)) for a in ages]
    none = p["user.rank"].shape[0] - 1
    rank = [none if a == USER_AGES else rank_bucket(n - 1 - j) for j, a in enumerate(age)]
    if n:
        marks = p["user.kind"][list(kinds)] + p["user.age"][age] + p["user.rank"][rank]
        x = torch.cat([x, F.linear(v, p["user.in.weight"], p["user.in.bias"]) + marks])

    def norm(name, x):
        return F.layer_norm(x, (d,), p[name + ".gain"], p[name + ".bias"], 1e-5)

    for layer in range(1, s["user_layers"] + 1):
        name = f"user.{layer}."
        bias = torch.cat([p[name + "q.bias"], torch.zeros(d), p[name + "v.bias"]])
        q, k, w = F.linear(norm(name + "norm1", x), p[name + "qkv.weight"], bias).view(n + 1, 3, h, d // h).permute(1, 2, 0, 3)
        mixed = F.scaled_dot_product_attention(q, k, w).transpose(0, 1).reshape(n + 1, d)
        x = x + F.linear(mixed, p[name + "out.weight"], p[name + "out.bias"])
        x = x + mlp(p, name + "ff", norm(name + "norm2", x))
    x = norm("user.norm", x)
    out = mlp(p, "user.fc", x[0])
    if n:
        scores = x[1:] @ p["user.score"] + p["user.score.kind"][list(kinds)] + p["user.score.age"][age] + p["user.score.rank"][rank]
        out = out + F.linear(scores.softmax(0) @ v, p["user.skip"])
    return F.normalize(out, dim=0)


def query_vectors(p, s, hashes, batch):
    read = [real(v) if not beside(s) else real([]) for v in batch["sentences"]]
    texts = [tower(p, "search", torch.cat([bag(p, s, hashes, ids), v])) for ids, v in zip(batch["texts"], read)]
    pictures = [tower(p, "picture", real(v)) for v in batch["pictures"]]
    looked = [tower(p, "product", real(v)) for v in batch["looked"]]
    users = [user_vector(p, s, user) for user in batch["users"]]
    return torch.stack(texts + pictures + looked + users + [real(v) for v in batch["given_rows"]])


def said(p, heard):
    """unit(M x), where something is said; x: the sentences of all groups side by side, several of one added up."""
    return F.normalize(F.linear(heard, p["sentence.map"]), dim=0) if heard.any() else torch.zeros(len(heard))


def heard_of(s, groups):
    return real(np.concatenate([vectors.sum(0) for (kind, _), vectors in zip(s["groups"], groups) if kind == "sentences"]))


def published(p, s, own, heard):
    """Own vectors [n][O] and what is said, by its weight; length 1."""
    if not beside(s):
        return own
    both = [torch.cat([o, math.sqrt(beside(s)) * said(p, x)]) for o, x in zip(own, heard)]
    return F.normalize(torch.stack(both), dim=1)


def said_by_products(s, q, batch):
    """Products that are looked at say what came with them, without a map."""
    first, o, rows = len(batch["texts"]) + len(batch["pictures"]), s["dim_out"], list(q)
    for i, said in enumerate(batch["looked_said"]):
        both = torch.cat([F.normalize(rows[first + i][:o], dim=0), math.sqrt(beside(s)) * F.normalize(real(said), dim=0)])
        rows[first + i] = F.normalize(both, dim=0)
    return torch.stack(rows)


def sentence_loss(p, s, batch, pairs):
    """The map's own softmax, over all products that say something, in-batch and random alike."""
    products = [said(p, heard_of(s, read_of(s, x)[1])) for x in batch["products"]]
    speak = np.array([bool(z.any()) for z in products])
    terms, weights = [], []
    for i, x in enumerate(batch["sentences"]):
        if not (x.any() and speak[i]):
            continue
        columns = np.flatnonzero(~batch["mask"][i] & speak)
        logits = 20 * torch.stack([products[j] for j in columns]) @ said(p, real(x))
        terms.append(-F.log_softmax(logits, 0)[int(np.flatnonzero(columns == i)[0])])
        weights.append(batch["weight"][i])
    if not terms:  # no product says anything
        return 0 * p["sentence.map"].sum()
    weights = real(weights)
    return (weights * torch.stack(terms)).sum() / weights.sum()


def cross_entropy(logits, target, allowed, smoothing):
    """Over the allowed columns alone; the smoothed part is spread evenly over them."""
    columns = torch.tensor(np.flatnonzero(allowed))
    log_p = F.log_softmax(logits[columns], 0)
    position = int((columns == target).nonzero())
    return -(1 - smoothing) * log_p[position] - smoothing * log_p.mean()


def losses(p, batch, q, v, pairs, random, softmaxes, smoothing, teacher):
    # Past the clamp the value is 100 and its slope is kept; the caller drops it where it points further out.
    t = p["temperature"][0]
    scale = t.exp() if t.exp() <= 100 else 100 * (t - t.detach()).exp()
    logits = scale * q @ v.T
    log_q, weight = real(batch["log_q"]), real(batch["weight"])
    a, b, c = [], [], []
    for i in range(pairs):
        allowed = ~batch["mask"][i]
        if softmaxes == "concat":
            a.append(cross_entropy(logits[i] - log_q, i, allowed, smoothing))
        elif softmaxes != "random":
            a.append(cross_entropy(logits[i, :pairs] - log_q, i, allowed[:pairs], smoothing))
        else:
            a.append(torch.zeros(()))
        if softmaxes in ("both", "random") and random:
            row = torch.cat([logits[i, i:i + 1], logits[i, pairs:]])
            b.append(cross_entropy(row, 0, np.concatenate([[True], allowed[pairs:]]), smoothing))
        else:
            b.append(torch.zeros(()))
        columns = torch.tensor(np.flatnonzero(allowed))
        scores = real(batch["teacher"][i])[columns] if teacher else torch.zeros(1)
        if scores.any():
            c.append(F.cross_entropy(logits[i, columns], scores.softmax(0)))  # no log_q
        else:
            c.append(torch.zeros(()))
    mean_a, mean_b, mean_c = ((weight * torch.stack(x)).sum() / weight.sum() for x in (a, b, c))
    return mean_a + mean_b + teacher * mean_c, mean_a, mean_b, mean_c


def prefix_losses(p, batch, q, v, pairs, random, softmaxes, smoothing):
    """Matryoshka: the same softmaxes of the first numbers of all vectors, brought back to length 1."""
    lengths, weight = batch["prefixes"]
    return weight * sum(losses(p, batch, F.normalize(q[:, :m], dim=1), F.normalize(v[:, :m], dim=1), pairs, random, softmaxes, smoothing, 0.0)[0] for m in lengths)


def make_teacher(rng, mask):
    """Scores of about a third of the columns; row 1 has none, row 2 only such as are masked."""
    scores = 4 * rng.random(mask.shape) * (rng.random(mask.shape) < 0.35)
    scores[1] = 0
    mask[2, -1] = True
    scores[2] = np.where(mask[2], 1.5, 0)
    return scores


def prefix_sums(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)


def pack_batch(s, batch):
    bags = [b for bags, _ in batch["products"] for b in bags]
    words = (batch["mask"].shape[1] + 63) // 64
    mask = np.zeros((batch["mask"].shape[0], words), dtype=np.uint64)
    for i, j in zip(*np.nonzero(batch["mask"])):
        mask[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)
    t = {
        "batch.token_begin": prefix_sums([len(b) for b, _ in batch["products"]]),
        "batch.token_field": np.array([f for f, _ in bags], dtype=np.uint8),
        "batch.begin": prefix_sums([len(ids) for _, ids in bags]),
        "batch.ids": np.array([i for _, ids in bags for i in ids], dtype=np.uint32),
        "query.begin": prefix_sums([len(ids) for ids in batch["texts"]]),
        "query.ids": np.array([i for ids in batch["texts"] for i in ids], dtype=np.uint32),
        "query.sentences": batch["sentences"], "query.pictures": batch["pictures"],
        "spec.log_q": batch["log_q"], "spec.weight": batch["weight"], "spec.task": batch["task"], "spec.mask": mask,
    }
    if len(batch["looked"]):
        t |= {"query.looked": batch["looked"], "query.looked_said": batch["looked_said"]}
    if len(batch["given_rows"]):
        t["query.given"] = batch["given_rows"]
    if batch["users"]:
        vectors, kinds, ages = zip(*batch["users"])
        t |= {"query.user_begin": prefix_sums([len(k) for k in kinds]), "query.user_vectors": np.concatenate(vectors),
              "query.user_kind": np.concatenate(kinds).astype(np.uint8), "query.user_age": np.concatenate(ages).astype(np.float64)}
    if "given" in batch:
        t["spec.queries"] = batch["given"]
    if "given_products" in batch:
        t["spec.products"] = batch["given_products"]
    if "follow" in batch:
        t["query.follow"] = batch["follow"][0]
    if "teacher" in batch:
        t["teacher.begin"] = prefix_sums((batch["teacher"] != 0).sum(1))
        t["teacher.column"] = np.nonzero(batch["teacher"])[1].astype(np.uint32)
        t["teacher.score"] = batch["teacher"][batch["teacher"] != 0]
    for g in range(len(s["groups"])):
        t[f"batch.begin{g}"] = prefix_sums([len(groups[g]) for _, groups in batch["products"]])
        t[f"batch.vectors{g}"] = np.concatenate([groups[g] for _, groups in batch["products"]])
    return t


def write_safetensors(path, tensors, metadata):
    names = {"float64": "F64", "uint32": "U32", "uint8": "U8", "uint64": "U64", "int64": "I64"}
    header, data = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, b""
    for name, value in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        raw = np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": names[str(value.dtype)], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def evaluate(s, p, hashes, key_bias, batch, settings):
    pairs, random, softmaxes, smoothing, teacher = settings
    p = {k: real(x.detach().numpy()).requires_grad_() for k, x in p.items()}
    key_bias = real(key_bias).requires_grad_()
    v = torch.stack([product_vector(p, s, hashes, key_bias, x) for x in batch["products"]])
    q = query_vectors(p, s, hashes, batch)
    if "given" in batch:
        q = real(batch["given"])
    if "given_products" in batch:
        v = real(batch["given_products"])
    loss = list(losses(p, batch, q, v, pairs, random, softmaxes, smoothing, teacher))
    if beside(s):
        loss.append(sentence_loss(p, s, batch, pairs))
        loss[0] = loss[0] + loss[4]
    if "prefixes" in batch:
        loss += [torch.zeros(())] * (5 - len(loss)) + [prefix_losses(p, batch, q, v, pairs, random, softmaxes, smoothing)]
        loss[0] = loss[0] + loss[5]
    if "follow" in batch:
        vectors, weight = batch["follow"]
        there = [i for i, x in enumerate(vectors) if x.any()]
        loss += [torch.zeros(())] * (6 - len(loss)) + [sum(1 - q[i] @ real(vectors[i]) for i in there) / len(there)]
        loss[0] = loss[0] + weight * loss[6]
    loss[0].backward()
    if beside(s):
        nothing = [torch.zeros(width(s, "sentences"))]
        v = published(p, s, v, [heard_of(s, read_of(s, x)[1]) for x in batch["products"]])
        own = [o if ids or not x.any() else 0 * o for o, ids, x in zip(q, batch["texts"], batch["sentences"])]
        heard = [real(x) for x in batch["sentences"]] + nothing * (len(q) - len(batch["texts"]))
        q = published(p, s, own + list(q[len(own):]), heard)
        q = said_by_products(s, q, batch)
    assert "given_products" in batch or encoder(s) != "transformer" or key_bias.grad.abs().max() < (1e-14 if key_bias.dtype == torch.float64 else 1e-5)
    if p["temperature"] > math.log(100) and p["temperature"].grad < 0:
        p["temperature"].grad.zero_()
    grads = {k: (torch.zeros_like(x) if x.grad is None else x.grad).numpy() for k, x in p.items()}
    return v.detach().numpy(), q.detach().numpy(), np.array([x.item() for x in loss]), grads


def compare_f32(s, p, hashes, key_bias, batch, settings, expected):
    """How much of the gradients' error is float32 itself: batches where PyTorch in f32 is far off cannot judge f32 code."""
    torch.set_default_dtype(torch.float32)
    grads = evaluate(s, p, hashes, key_bias, batch, settings)[3]
    torch.set_default_dtype(torch.float64)
    worst = max(np.linalg.norm(grads[k] - g) / np.linalg.norm(g) for k, g in expected.items() if np.linalg.norm(g) > 0)
    assert worst < 4e-6, f"ill-conditioned batch: PyTorch itself is off by {worst:.1e} in f32; choose another seed"
    return worst


def make_case(name, seed, shape, pairs, random, softmaxes="both", smoothing=0.0, temperature=1.1, teacher=0.0, given=False, pictures=0, looked=0, users=0,
              given_rows=0, prefixes=(), given_products=False, follow=0.0):
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        return
    rng = np.random.default_rng(seed)
    s = dict(dim_embed=8, dim_model=16, heads=4, dim_ff=12, dim_head=10, dim_out=6, groups=()) | shape
    hashes = [(int(rng.integers(1, PRIME)), int(rng.integers(0, PRIME))) for _ in range(2)]
    p = make_parameters(s, rng, temperature)
    batch = make_batch(s, rng, pairs, random, pictures, looked, given_rows, users)
    key_bias = rng.normal(size=s["dim_model"])  # any value gives the same model
    if teacher:
        batch["teacher"] = make_teacher(rng, batch["mask"])
    if given:  # in place of the tower's
        vectors = rng.normal(size=(pairs, s["dim_out"]))
        batch["given"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if given_products:  # in place of the encoder's
        vectors = rng.normal(size=(pairs + random, s["dim_out"]))
        batch["given_products"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if prefixes:
        batch["prefixes"] = prefixes
    if follow:  # every third row has nothing to follow
        vectors = unit_rows(rng, pairs - given_rows, s["dim_out"]) * (np.arange(pairs - given_rows) % 3 != 1)[:, None]
        batch["follow"] = vectors, follow
    if softmaxes == "concat":
        batch["log_q"] = np.concatenate([batch["log_q"], -1 - 3 * rng.random(random)])
    settings = (pairs, random, softmaxes, smoothing, teacher)
    v, q, loss, grads = evaluate(s, p, hashes, key_bias, batch, settings)
    worst = compare_f32(s, p, hashes, key_bias, batch, settings, grads)
    tensors = {k: x.detach().numpy() for k, x in p.items()} | pack_batch(s, batch)
    tensors |= {"grad." + k: x for k, x in grads.items()}
    tensors |= {"out.products": v, "out.queries": q, "out.loss": loss}
    groups = " ".join(f"{kind}:{dim}" for kind, dim in s["groups"])
    if s.get("tokens"):
        tensors["token.pids"] = np.arange(s["tokens"]) * 3 + 7
    meta = {"format": "itemsage-model-1"} | s | dict(groups=groups, pairs=pairs, random=random, softmaxes=softmaxes, smoothing=smoothing, teacher=teacher)
    if follow:
        meta["follow_weight"] = follow
    if prefixes:
        meta |= dict(prefixes=" ".join(map(str, prefixes[0])), prefix_weight=prefixes[1])
    meta |= {f"hash_{x}{k + 1}": hashes[k][i] for k in range(2) for i, x in enumerate("ab")}
    folder = Path(__file__).parent / "fixtures"
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / (name + ".safetensors"), tensors, meta)
    print(f"{name}: loss {loss[0]:.6f}, gradients in f32 off by at most {worst:.1e}")


if __name__ == "__main__":
    plain = dict(vocab=40, rows=40, hashes=1)
    hashed = dict(vocab=60, rows=16, hashes=2)
    make_case("plain", 1, plain, 6, 7)
    make_case("hashed_images", 22, hashed | dict(groups=[("pictures", 5)]), 7, 6)
    make_case("in_batch_alone", 3, hashed | dict(heads=2), 5, 0)
    make_case("catalogue_smoothed", 4, plain | dict(dim_model=12, heads=3), 5, 70, softmaxes="random", smoothing=0.1)
    make_case("softmax_in_batch", 25, plain, 6, 7, softmaxes="in_batch", smoothing=0.1, teacher=0.7)
    make_case("softmax_concat", 26, hashed, 6, 70, softmaxes="concat", smoothing=0.1, teacher=0.7, prefixes=([2, 5], 0.4))
    make_case("clamped_images", 15, plain | dict(groups=[("pictures", 3)], dim_out=9), 6, 5, temperature=5.0)
    make_case("teacher", 6, plain, 6, 7, teacher=0.7)
    make_case("teacher_catalogue", 7, hashed, 5, 70, softmaxes="random", smoothing=0.1, teacher=2.0)
    make_case("given_plain_text", 8, hashed | dict(dim_embed=40, groups=[("pictures", 5)], text_norm="off"), 6, 7, given=True)
    make_case("plain_head", 9, hashed | dict(groups=[("pictures", 5)], head_skip="off"), 6, 7)
    make_case("sentences", 10, plain | dict(groups=[("sentences", 5)]), 6, 7, teacher=0.7)
    make_case("pictures_and_sentences", 11, hashed | dict(groups=[("pictures", 5), ("sentences", 7)]), 8, 5, pictures=3)
    make_case("four_groups", 12, plain | dict(groups=[("pictures", 3), ("pictures", 4), ("sentences", 6), ("sentences", 2)]), 7, 6, pictures=2)
    make_case("sentences_beside", 14, hashed | dict(groups=[("pictures", 5), ("sentences", 6), ("sentences", 3)], sentences_beside=0.49), 9, 70, teacher=0.7,
              pictures=2)
    make_case("tokens", 16, plain | dict(rows=45, tokens=5, groups=[("pictures", 5)]), 7, 6)
    make_case("tokens_hashed", 17, hashed | dict(tokens=9), 6, 7, teacher=0.7)
    make_case("prefixes", 20, plain, 6, 7, smoothing=0.1, teacher=0.7, prefixes=([2, 3, 5], 0.4))
    make_case("prefixes_beside", 21, hashed | dict(groups=[("sentences", 6)], sentences_beside=0.49), 7, 70, prefixes=([1, 4], 0.2))
    make_case("given_products", 23, hashed | dict(groups=[("pictures", 5)]), 8, 5, pictures=2, prefixes=([4], 0.5), given_products=True)
    make_case("pictures_alone", 13, plain | dict(groups=[("pictures", 5)]), 5, 6, smoothing=0.1, pictures=5)
    make_case("looked_at", 16, hashed | dict(groups=[("pictures", 5), ("sentences", 6)], sentences_beside=0.49, product_tower="on"), 9, 6, teacher=0.7,
              pictures=2, looked=3, given_rows=1)
    towers = dict(product_tower="on", user_events=9, user_dim=12, user_layers=2, user_heads=3)
    make_case("users", 17, plain | towers, 16, 7, teacher=0.7, looked=3, users=8, given_rows=2)
    make_case("follow", 24, hashed | towers | dict(groups=[("pictures", 5), ("sentences", 6)], sentences_beside=0.49), 17, 7, pictures=4, looked=3, users=3, given_rows=2, prefixes=([4], 0.5),
              follow=0.8)
    every = dict(groups=[("pictures", 5), ("sentences", 6)], sentences_beside=0.49, tokens=5)
    make_case("text_alone", 27, plain | dict(rows=45, tokens=5, groups=[("pictures", 5), ("sentences", 6)], inputs="text"), 8, 6, pictures=2)
    make_case("pictures_are_read", 28, hashed | every | dict(inputs="pictures"), 9, 6, pictures=2)
    make_case("pictures_no_tokens", 30, plain | dict(groups=[("pictures", 5), ("sentences", 3)], inputs="pictures"), 7, 6)
    pooled = dict(heads=1, dim_ff=0)
    make_case("sum", 31, plain | pooled | dict(encoder="sum", groups=[("pictures", 5)]), 7, 6, teacher=0.7, pictures=2)
    make_case("sum_mlp", 32, hashed | pooled | every | dict(encoder="sum_mlp"), 9, 6, pictures=2)
    make_case("sum_plain_head", 33, plain | pooled | dict(encoder="sum_mlp", head_skip="off", groups=[("pictures", 5), ("sentences", 6)]), 7, 6, prefixes=([4], 0.5))
    make_case("concat_mlp", 34, hashed | pooled | dict(encoder="concat_mlp", dim_model=0, tokens=5, groups=every["groups"]), 9, 6, pictures=2)
    make_case("concat_beside", 35, plain | pooled | dict(encoder="concat_mlp", dim_model=0, head_skip="off", groups=every["groups"], sentences_beside=0.49), 8, 70, pictures=2)
    make_case("concat_texts", 36, plain | pooled | dict(encoder="concat_mlp", dim_model=0), 6, 7)
    make_case("two_layers", 37, plain | dict(encoder_layers=2, groups=[("pictures", 5)]), 7, 6, teacher=0.7, pictures=2)
    make_case("three_layers", 40, hashed | every | dict(encoder_layers=3, heads=2, head_skip="off"), 9, 70, pictures=2)
    make_case("four_layers", 46, plain | dict(encoder_layers=4, dim_model=12, heads=3, groups=every["groups"]), 6, 7, prefixes=([4], 0.5))
    make_case("users_alone", 18, plain | towers | dict(user_events=40, user_layers=1, user_heads=2), 9, 7, users=9)
    make_case("users_and_all", 19, hashed | towers | dict(groups=[("pictures", 5), ("sentences", 6)], sentences_beside=0.49), 14, 70, pictures=2, looked=2, users=5)
