#!/usr/bin/env python3
"""Pictures from files to 224 x 224, beside libvips' thumbnailer (Debian: libvips-tools); samples alternate within one run.

    bench/peers/pictures.py --build build [--rounds 5] FOLDER ...

Every .jpg, .png and .webp below each FOLDER is read once a sample; a row is a folder. --build: a build folder made with
-DITEMSAGE_BENCH=ON. Both decode smaller where the file allows it, bring the shortest side to 224 and cut the middle; ours by bicubic into
normalised floats, libvips by Lanczos into PPM files in memory. With several threads the files are dealt out to as many vipsthumbnail
processes. What a run costs without a picture (the time of one that has a single one, measured beside) is taken off libvips' time.
Processor time says more than the clock where others use the machine. Medians; only the standard library is needed. Prints Markdown.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def files_below(folder):
    found = []
    for where, _, names in os.walk(folder):
        found += [os.path.join(where, n) for n in names if n.rsplit(".", 1)[-1].lower() in ("jpg", "jpeg", "png", "webp")]
    return sorted(found)


def timed(commands, env=None):
    """Seconds by the clock, and of processors, that the commands took side by side; the last one's output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    running = [subprocess.Popen(c, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for c in commands]
    outputs = [process.communicate()[0] for process in running]
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if any(process.returncode != 0 for process in running):
        sys.exit("pictures.py: %s failed" % commands[0][0])
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, outputs[-1]


def ours(program, files, threads):
    _, _, out = timed([[program, str(threads), "1"] + files])
    row = json.loads(out)
    cpu = sum(row[stage + "_us"] for stage in ("load", "decode", "shape")) * 1e-6 * len(files)
    return len(files) / row["seconds"], 1e3 * cpu / len(files), row["megapixels"]


def theirs(files, threads, out):
    command = ["vipsthumbnail", "--size", "224x224", "--smartcrop", "centre", "-o", os.path.join(out, "%s.ppm")]
    env = dict(os.environ, VIPS_CONCURRENCY="1")
    bare, bare_cpu, _ = timed([command + [files[i]] for i in range(threads)], env)
    seconds, cpu, _ = timed([command + files[i::threads] for i in range(threads)], env)
    n = len(files) - threads
    return n / (seconds - bare), 1e3 * (cpu - bare_cpu) / n


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="+")
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    a = p.parse_args()
    program = os.path.join(a.build, "bench", "picture_bench")
    if not os.access(program, os.X_OK):
        sys.exit("pictures.py: no %s; configure with -DITEMSAGE_BENCH=ON" % program)
    if shutil.which("vipsthumbnail") is None:
        sys.exit("pictures.py: no vipsthumbnail; install libvips-tools")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    print("| pictures | files | megapixels each | threads | itemsage, pictures/s | libvips | ratio | itemsage, ms of processor | libvips | ratio |")
    print("|" + " --- |" * 10)
    with tempfile.TemporaryDirectory(dir=memory) as out:
        for folder in a.folders:
            files = files_below(folder)
            if len(files) < 10:
                sys.exit("pictures.py: %s has not even ten pictures" % folder)
            for threads in a.threads:
                own, peer = [], []
                for _ in range(a.rounds):
                    own.append(ours(program, files, threads))
                    peer.append(theirs(files, threads, out))
                mine, cpu, megapixels = (statistics.median(column) for column in zip(*own))
                other, other_cpu = (statistics.median(column) for column in zip(*peer))
                name = os.path.basename(os.path.normpath(folder))
                print("| %s | %d | %.3f | %d | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f |" % (
                    name, len(files), megapixels / len(files), threads, mine, other, mine / other, cpu, other_cpu, other_cpu / cpu), flush=True)


if __name__ == "__main__":
    main()
