#!/usr/bin/env python3
"""The same sentence vectors as transformers? From the text to the vector, on 1,000 strings in many scripts.

    bench/peers/sentences.py --build build FOLDER

FOLDER: an encoder of the BERT family with mean pooling, for instance minilm-l6 of scripts/get-encoders. --build: a build folder made with
-DITEMSAGE_BENCH=ON. Needs torch, transformers and numpy. The strings are those of tests/oracle/fixtures/wordpiece, whose ids are part of
`make check`. transformers' own tokenizer cuts them, its model runs in f32, vectors are means over the real tokens, of length 1. Prints the
smallest and the mean cosine to ours in f32 and bf16; ends with 1 where f32 is not above 0.9999 everywhere.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers

transformers.logging.disable_progress_bar()

HERE = os.path.dirname(os.path.abspath(__file__))
STRINGS = os.path.join(HERE, "../../tests/oracle/fixtures/wordpiece/texts.jsonl")
BATCH, LEAST = 32, 0.9999


def theirs(folder, texts):
    tokenizer, model = transformers.AutoTokenizer.from_pretrained(folder), transformers.AutoModel.from_pretrained(folder).eval()
    with open(os.path.join(folder, "sentence_bert_config.json"), encoding="utf-8") as file:
        most = json.load(file)["max_seq_length"]
    out = []
    with torch.no_grad():
        for at in range(0, len(texts), BATCH):
            given = tokenizer(texts[at:at + BATCH], padding=True, truncation=True, max_length=most, return_tensors="pt")
            hidden, mask = model(**given).last_hidden_state, given["attention_mask"][:, :, None]
            out.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1))
    return torch.cat(out).numpy().astype(numpy.float64)


def ours(build, folder, texts, precision):
    program = next(p for p in (os.path.join(build, "bench/sentence_bench"), os.path.join(build, "sentence_bench")) if os.access(p, os.X_OK))
    with tempfile.TemporaryDirectory() as scratch:
        given, out = os.path.join(scratch, "texts"), os.path.join(scratch, "out.npy")
        with open(given, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(text) + "\n" for text in texts)
        subprocess.run([program, folder, given, out, precision, "2"], check=True)
        return numpy.load(out).astype(numpy.float64)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", metavar="FOLDER")
    p.add_argument("--build", default="build")
    a = p.parse_args()
    with open(STRINGS, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    expected, good = theirs(a.folder, texts), True
    for precision in ("f32", "bf16"):
        cosines = (expected * ours(a.build, a.folder, texts, precision)).sum(1)
        worst = int(cosines.argmin())
        print(f"{precision}: {len(texts)} strings, cosine at least {cosines[worst]:.7f} ({texts[worst][:40]!r}), mean {cosines.mean():.7f}")
        good = good and (precision != "f32" or cosines[worst] > LEAST)
    sys.exit(0 if good else 1)


main()
