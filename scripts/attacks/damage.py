"""Clocks that jump, disks that are full or read-only, and releases that are damaged."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import serving
from serving import Found, command, until


def click(server, name, **more):
    """The status of an event that was sent under this name."""
    event = {"user_id": "somebody", "product_id": "p", "event": "click", **({"event_id": name} if name else {}), **more}
    return server.ask("POST", "/v1/events", {"events": [event]})[0]


def stored(shop):
    """How many events the catalogue has, and which event_ids."""
    with sqlite3.connect(f"file:{shop}/catalog.db?mode=ro", uri=True) as catalogue:
        return catalogue.execute("SELECT COUNT(*) FROM events").fetchone()[0]


@contextmanager
def copied(given, where=None):
    folder = Path(tempfile.mkdtemp(prefix="itemsage-attack-", dir=where))
    try:
        yield Path(shutil.copytree(given.shop, folder / "shop"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- clocks ----

def clock(given):
    library = next((str(p) for p in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        return "skipped: no faketime"
    with copied(given) as shop:
        jumps = shop.parent / "jumps"
        jumps.write_text("+0")
        env = dict(os.environ, LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(jumps), FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
        before, sent, worst = stored(shop), 0, 0.0
        still = "2020-01-01 00:00:00"
        for begin, when in (("+0", "-20y"), ("-20y", "+50y"), ("+50y", "-1d"), (still, still), (still, "+0"), ("+0", still), ("+1d", "-1d")):
            jumps.write_text(begin)
            server = serving.Server(given.program, shop, "serve_request_s=2", env=env)
            for moment in (begin, when):
                jumps.write_text(moment)
                for _ in range(20):
                    began = time.monotonic()
                    sent += click(server, None) == 200
                    if server.ask("GET", "/v1/search?text=sofa")[0] != 200 or server.ask("GET", "/v1/user?user_id=somebody")[0] not in (200, 404):
                        raise Found(f"no answer at {moment}")
                    worst = max(worst, time.monotonic() - began)
            status = server.status()
            if status["age_s"] < 0 or status["up_s"] < 0:
                raise Found(f"ages at {when}: {status}")
            slow = server.connect()
            slow.connect()
            began = time.monotonic()
            slow.sock.sendall(b"GET")
            if slow.sock.recv(1) or not 1 < time.monotonic() - began < 6:
                raise Found(f"a silent client was cut off after {time.monotonic() - began:.1f} s, not 2, at {when}")
            began = time.monotonic()
            if server.end() != 0 or time.monotonic() - began > 5:
                raise Found(f"it did not end in time at {when}")
        command(given.program, shop, "import", "inbox")
        said = f"seven servers, each of which begins at one time and is moved to another (20 years back, 50 on, a clock that stands, a day either way): " \
               f"{sent} events acknowledged, {stored(shop) - before} stored; searches beside them within {1000 * worst:.0f} ms; silent clients cut off, and the end, in time"
        if stored(shop) - before != sent or sent != 280 or worst > 2:
            raise Found(said)
        return said


# ---- disks ----

@contextmanager
def mounted(size_mib):
    """A small file system of its own that goes read-only where it is hurt, as disks do: its folder, and the way to hurt it."""
    work = Path(tempfile.mkdtemp(prefix="itemsage-disk-"))
    image, folder = work / "image", work / "disk"
    folder.mkdir()
    try:
        with open(image, "wb") as file:
            file.truncate(size_mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, folder], check=True)
        device = os.path.basename(os.path.realpath(subprocess.run(["findmnt", "-no", "SOURCE", folder], capture_output=True, text=True).stdout.strip()))
        yield folder, lambda: Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
    finally:
        subprocess.run(["umount", "-l", folder])
        shutil.rmtree(work, ignore_errors=True)


def another_feed(given, path, word):
    """The furniture with another word in each title."""
    path.write_text(given.feed.read_text().replace("<g:title>", f"<g:title>{word} ").replace("<title>", f"<title>{word} "))
    return path


def searches(server, n=20):
    return all(server.ask("GET", "/v1/search?text=sofa")[0] == 200 for _ in range(n))


def disk_full(given):
    if not serving.may_mount():
        return "skipped: not root"
    with mounted(200) as (disk, _), copied(given, disk) as shop:
        feed = another_feed(given, given.shop.parent / "other.xml", "Cosy")
        before = stored(shop)
        server = serving.Server(given.program, shop, arguments=["--access-log", shop / "access.log"])
        sent = sum(click(server, f"a{i}") == 200 for i in range(20))
        with open(disk / "rest", "wb", buffering=0) as rest:
            try:
                while True:
                    rest.write(bytes(1 << 16))
            except OSError:
                pass
            try:
                while True:
                    rest.write(b"x")
            except OSError:
                pass
        statuses = [click(server, f"b{i}", query="q" * 4000) for i in range(20)]
        sent += statuses.count(200)
        refused = statuses.count(500)
        failed = command(given.program, shop, "sync", feed, check=False)
        good = searches(server) and server.status()["release"] == 1
        (disk / "rest").unlink()
        again = [click(server, f"c{i}") for i in range(20)]
        sent += again.count(200)
        command(given.program, shop, "sync", feed)
        took = until(lambda: server.status()["release"] == 2)
        said = f"20 events, then no byte left: {refused} of 20 events refused (500), searches answered: {good}, sync: status {failed.returncode}, \"{failed.stderr.strip().splitlines()[-1][-60:]}\"; " \
               f"with room again {again.count(200)} of 20 taken, sync published: {took}; {sent} events acknowledged, {stored(shop) - before} stored"
        if refused == 0 or not good or failed.returncode != 1 or again.count(200) != 20 or not took or stored(shop) - before != sent or server.end() != 0:
            raise Found(said + server.said())
        return said


def disk_read_only(given):
    if not serving.may_mount():
        return "skipped: not root"
    with mounted(200) as (disk, hurt), copied(given, disk) as shop:
        server = serving.Server(given.program, shop, arguments=["--access-log", shop / "access.log"])
        sent = sum(click(server, f"a{i}") == 200 for i in range(20))
        hurt()
        until(lambda: not os.access(shop, os.W_OK))
        refused = [click(server, f"b{i}") for i in range(20)]
        good = searches(server)
        failed = command(given.program, shop, "sync", given.feed, check=False)
        ended = server.end()
        second = serving.Server(given.program, shop)
        good = good and searches(second) and second.status()["recent_events"] == sent
        later = click(second, "c")
        second.end()
        with tempfile.TemporaryDirectory() as elsewhere:
            copy = shutil.copytree(shop, elsewhere + "/shop")
            before = stored(given.shop)
            command(given.program, copy, "import", "inbox")
            found = stored(copy) - before
        said = f"20 events, then the disk goes read-only: events refused with {sorted(set(refused))}, sync: status {failed.returncode}, searches answered: {good}, also by a server that starts on it " \
               f"(its events: {later}); {sent} events acknowledged, {found} stored from a copy"
        if set(refused) - {500, 409} or not good or failed.returncode != 1 or ended != 0 or later not in (409, 500) or found != sent:
            raise Found(said)
        return said


# ---- releases ----

def ways(path):
    """A byte turned round in the middle, the second half gone, nothing left, not there; never in place: others map it."""
    data = path.read_bytes()
    turned = bytearray(data)
    turned[len(data) // 2] ^= 0x10
    return {"turned": bytes(turned), "cut": data[:len(data) // 2], "empty": b"", "gone": None}


def released(given):
    """Each file of what is published is damaged in each way: what is served then is the release before, and that is told."""
    with copied(given) as shop:
        command(given.program, shop, "sync", another_feed(given, shop.parent / "other.xml", "Cosy"))
        now = json.loads((shop / "current").read_text())
        files = [p for kind in ("index", "keywords") for p in sorted((shop / kind / str(now[kind])).glob("*"))] + [shop / "current"]
        cases, silent = 0, []
        for path in files:
            whole = path.read_bytes()
            for way, data in ways(path).items():
                path.unlink()
                if data is not None:
                    path.write_bytes(data)
                cases += 1
                try:
                    server = serving.Server(given.program, shop)
                except RuntimeError as refused:
                    silent.append(f"{path.relative_to(shop)} {way}: {str(refused)[-120:]}")
                else:
                    status = lambda: server.status()
                    good = until(lambda: status()["release"] == 1 and "refused" in status() or status()["state"] == "verified" and status()["release"] == 2, 10)
                    answer = server.ask("GET", "/v1/search?text=sofa")
                    titles = {hit["title"].startswith("Cosy") for hit in answer[1].get("results", [])}
                    if not good or answer[0] != 200 or titles != {status()["release"] == 2} or (status()["release"] == 2 and path.name != "current"):
                        silent.append(f"{path.relative_to(shop)} {way}: {status()}")
                    server.end()
                path.unlink(missing_ok=True)
                path.write_bytes(whole)
        said = f"{cases} cases, {len(files)} files of the published release (a bit turned, cut in half, empty, gone)"
        if silent:
            raise Found(said + ": " + "; ".join(silent))
        return said + ": the release before was served each time, and said so"


ATTACKS = {"clock": clock, "disk-full": disk_full, "disk-read-only": disk_read_only, "damaged": released}
