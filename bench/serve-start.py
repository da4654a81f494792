#!/usr/bin/env python3
"""How long `itemsage serve` takes from its start to its first answer: bench/serve-start.py BUILD SHOP [TIMES]

Each time the server is started, asked as soon as it can be reached, and stopped. Cold: the shop's published files were dropped from the kernel's cache
before (which takes the right to read them alone); warm: they were read by the start before. Prints Markdown: milliseconds from the start of the program to
where it listens, to the first search by text, to a similar one and another search behind it, medians and the worst; each search another one.
"""
import http.client
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse

STEPS = ("listens", "first search", "first similar", "next search")


def published(shop):
    for folder in ("index", "keywords", "models", "vectors", "dataset", "current", "catalog.db"):
        path = os.path.join(shop, folder)
        if os.path.isfile(path):
            yield path
        for where, _, names in os.walk(path):
            yield from (os.path.join(where, name) for name in names)


def drop(paths):
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.fdatasync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def ask(connection, route, **params):
    connection.request("GET", "/v1/%s?%s" % (route, urllib.parse.urlencode(params)))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or b'"rank":1' not in body:
        sys.exit("serve-start.py: %s %s: %d %s" % (route, params, answer.status, body[:200]))
    return body


def started(program, shop, turn):
    began = time.monotonic()
    server = subprocess.Popen([program, "-C", shop, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    times = []
    try:
        address = server.stdout.readline().rsplit("//", 1)[-1].strip()
        times.append(time.monotonic() - began)
        connection = http.client.HTTPConnection(address)
        found = ask(connection, "search", text="kitchen faucet %d" % turn)
        times.append(time.monotonic() - began)
        first = found.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
        for route, what in (("similar", {"product_id": first}), ("search", {"text": "ceiling fan %d" % turn})):
            ask(connection, route, **what)
            times.append(time.monotonic() - began)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return times


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: bench/serve-start.py BUILD SHOP [TIMES]")
    program, shop, times = os.path.join(sys.argv[1], "itemsage"), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5
    print("| files | %s |\n| --- |%s" % (" | ".join(STEPS), " --- |" * len(STEPS)))
    for state in ("cold", "warm"):
        all_ = []
        for turn in range(times):
            if state == "cold":
                drop(published(shop))
            all_.append(started(program, shop, turn))
        cells = ["%.0f (%.0f)" % (1000 * statistics.median(step), 1000 * max(step)) for step in zip(*all_)]
        print("| %s | %s |" % (state, " | ".join(cells)), flush=True)


main()
