#!/usr/bin/env python3
"""Random tiny encoders of every family, as transformers writes them, with inputs and its vectors for them.

Writes encoders/<name>/ beside this file: config.json, model.safetensors, what else belongs to such a folder, and case.safetensors: "ids" and
"begin", or "pixels", and "vectors" of length 1, computed by PyTorch in float64 from the weights as they are stored. Run again only where a
family is added:

    pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 && tests/oracle/make_encoders.py
"""
import json
import shutil
from pathlib import Path

import torch
import transformers as hf
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent / "encoders"


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def scramble(model, seed):
    """Every parameter and running statistic at random, so that none is idle."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in list(model.named_parameters()) + list(model.named_buffers()):
            if not p.is_floating_point():
                continue
            spread = 1.2 / p[0].numel() ** 0.5 if p.dim() > 1 and "embedding" not in name and "token" not in name else 0.4
            p.copy_(torch.randn(p.shape, generator=g) * spread)
            if "running_var" in name:
                p.copy_(p.abs() + 0.3)
            elif p.dim() == 1 and "norm" in name.lower() and name.endswith("weight") or "lambda" in name:
                p.add_(1.0)


def save(name, model, dtype=torch.float32, rename=lambda key: key, extra=None):
    """What is saved is what is computed: values are rounded to their stored type first."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.to(dtype).to(torch.float32)
    model.save_pretrained(folder, safe_serialization=True)
    for other in folder.iterdir():
        if other.name not in ("config.json", "model.safetensors"):
            other.unlink()
    tensors = {rename(k): v.to(dtype).contiguous() if v.is_floating_point() else v for k, v in load_file(folder / "model.safetensors").items()}
    save_file({**tensors, **(extra or {})}, folder / "model.safetensors", metadata={"format": "pt"})
    model.to(torch.float64).eval()
    return folder


def unit(vectors):
    return torch.nn.functional.normalize(torch.stack(vectors), dim=1).to(torch.float32)


def save_texts(folder, model, vocabulary, most, pool, seed):
    """Lengths from none to the most; one at a time, so that nothing is padded."""
    g = torch.Generator().manual_seed(seed)
    lengths = [1, 5, 0, most, 2, 7, 3, most - 1, 0]
    ids, begin, vectors = [], [0], []
    for n in lengths:
        row = torch.randint(0, vocabulary, (n,), generator=g)
        ids.append(row)
        begin.append(begin[-1] + n)
        with torch.no_grad():
            vectors.append(pool(model(input_ids=row[None]).last_hidden_state[0]) if n else torch.zeros(model.config.hidden_size, dtype=torch.float64))
    save_file({"ids": torch.cat(ids).to(torch.uint32), "begin": torch.tensor(begin).to(torch.uint64), "vectors": unit(vectors)}, folder / "case.safetensors")


def save_pictures(folder, size, run, seed, n=2):
    pixels = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        vectors = [run(p[None].to(torch.float64))[0] for p in pixels]
    save_file({"pixels": pixels, "vectors": unit(vectors)}, folder / "case.safetensors")


def sentence_files(folder, mode, most):
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    write_json(folder / "modules.json", [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{k}"} for i, (k, p) in enumerate(zip(kinds, paths))])
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 24, "pooling_mode_cls_token": mode == "cls", "pooling_mode_mean_tokens": mode == "mean",
                                                      "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": most, "do_lower_case": False})
    write_json(folder / "tokenizer_config.json", {"do_lower_case": False})


def bert():
    sizes = dict(vocab_size=30, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=20)
    model = hf.BertModel(hf.BertConfig(**sizes), add_pooling_layer=False)
    scramble(model, 1)
    folder = save("bert_mean", model, extra={"embeddings.position_ids": torch.arange(20)[None]})
    save_texts(folder, model, 30, 20, lambda x: x.mean(0), 2)
    # As the first BERT files are: a prefix, the norms' old names, a head that nobody asks for; and only 11 tokens.
    model = hf.BertModel(hf.BertConfig(**sizes, hidden_act="gelu_new", layer_norm_eps=1e-5, type_vocab_size=1), add_pooling_layer=False)
    scramble(model, 3)
    old = lambda key: "bert." + key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    folder = save("bert_cls_f16", model, torch.float16, old, {"cls.predictions.bias": torch.zeros(30)})
    sentence_files(folder, "cls", 11)
    save_texts(folder, model, 30, 11, lambda x: x[0], 4)


def distilbert():
    model = hf.DistilBertModel(hf.DistilBertConfig(vocab_size=30, dim=24, n_layers=2, n_heads=4, hidden_dim=36, max_position_embeddings=16))
    scramble(model, 5)
    folder = save("distilbert_bf16", model, torch.bfloat16, lambda key: "distilbert." + key)
    save_texts(folder, model, 30, 16, lambda x: x.mean(0), 6)


VISION = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40)


def clip():
    text = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, max_position_embeddings=8)
    model = hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=dict(**VISION, image_size=24, patch_size=8), projection_dim=10))
    scramble(model, 7)
    folder = save("clip", model)
    write_json(folder / "preprocessor_config.json", {"size": 24, "crop_size": 24, "do_center_crop": True, "do_resize": True, "resample": 3, "do_normalize": True,
                                                     "image_mean": [0.25, 0.5, 0.75], "image_std": [0.5, 0.25, 0.125]})
    save_pictures(folder, 24, lambda p: model.visual_projection(model.vision_model(p).pooler_output), 8)
    model = hf.CLIPVisionModel(hf.CLIPVisionConfig(**VISION, image_size=16, patch_size=4, hidden_act="gelu"))
    scramble(model, 9)
    folder = save("clip_vision_f16", model, torch.float16)
    save_pictures(folder, 16, lambda p: model(p).pooler_output, 10)


def siglip():
    model = hf.SiglipVisionModel(hf.SiglipVisionConfig(**VISION, image_size=21, patch_size=6))
    scramble(model, 11)
    folder = save("siglip_vision", model)
    write_json(folder / "preprocessor_config.json", {"size": {"height": 21, "width": 21}, "resample": 2, "do_resize": True})
    save_pictures(folder, 21, lambda p: model(p).pooler_output, 12)


def dinov2():
    model = hf.Dinov2Model(hf.Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=35, patch_size=7))
    scramble(model, 13)
    folder = save("dinov2", model)
    write_json(folder / "preprocessor_config.json", {"size": {"shortest_edge": 32}, "crop_size": {"height": 21, "width": 21}, "resample": 3})
    save_pictures(folder, 21, lambda p: model(p).pooler_output, 14)


def mobilenet():
    for name, dtype, size, padding in [("mobilenet", torch.bfloat16, 45, True), ("mobilenet_even", torch.float16, 40, True), ("mobilenet_plain", torch.float16, 38, False)]:
        model = hf.MobileNetV2Model(hf.MobileNetV2Config(depth_multiplier=0.1, expand_ratio=2.0, finegrained_output=False, tf_padding=padding, image_size=size))
        scramble(model, 15)
        folder = save(name, model, dtype, (lambda key: "mobilenet_v2." + key) if padding else lambda key: key)
        write_json(folder / "preprocessor_config.json", {"size": {"height": size, "width": size}, "resample": 2})
        save_pictures(folder, size, lambda p: model(p).last_hidden_state.mean((2, 3)), 16, 1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for make in (bert, distilbert, clip, siglip, dinov2, mobilenet):
        make()
