"""A shop to attack, a server on it, and ways to ask it. Used by attack-serve and kill-serve."""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ["train", "--set", "steps=40", "--set", "eval_every=40"]


class Found(Exception):
    """What an attack should not have seen."""


def command(program, shop, *arguments, check=True, env=None):
    ended = subprocess.run([program, "-C", shop, *map(str, arguments)], capture_output=True, text=True, env=env)
    if check and ended.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {ended.stderr.strip()}")
    return ended


def make_shop(program):
    """The furniture catalogue with SIMULATED events, trained a little and published, in build/served/shop; made once, and to be
    copied. Its feed lies beside it."""
    work = ROOT / "build/served"
    shop = work / "shop"
    if (shop / "current").exists():
        return shop
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    subprocess.run([ROOT / "scripts/furniture-to-feed", work], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([program, "init", shop], check=True, stdout=subprocess.DEVNULL)
    command(program, shop, "import", "products", work / "products.xml", "--images", work, "--set", "picture_encoder=builtin")
    command(program, shop, "synth", "events", work / "events.tsv", "--sessions", 2000)
    command(program, shop, "import", "events", work / "events.tsv")
    command(program, shop, *TRAIN)
    command(program, shop, "embed")
    command(program, shop, "index", "--set", "index=hnsw")
    return shop


def exchange(connection, method, target, body=None, headers=None):
    """Status, headers, and the body, read as JSON where it is. A body that is no text or bytes is sent as JSON."""
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    if "json" in answer.getheader("Content-Type", "") and data:
        data = json.loads(data)
    return answer.status, answer.headers, data


class Server:
    """`itemsage serve` on a free port of the loopback, until it is ended."""

    def __init__(self, program, shop, *options, arguments=(), env=None, files=0):
        sets = [word for option in options for word in ("--set", option)]
        self.errors = tempfile.NamedTemporaryFile("w+", prefix="itemsage-serve-", suffix=".log")
        self.began = time.monotonic()
        allow = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        self.process = subprocess.Popen([program, "-C", shop, "serve", "--listen", "127.0.0.1:0", *sets, *arguments],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True, env=env, preexec_fn=allow)
        line = self.process.stdout.readline()
        if " at http" not in line:
            raise RuntimeError(f"the server did not start: {line}{self.said()}")
        self.port = int(line.rsplit(":", 1)[1])

    def said(self):
        return Path(self.errors.name).read_text()

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, target, body=None, headers=None, connection=None):
        """Status, and the body, read as JSON where it is."""
        own = connection or self.connect()
        status, _, data = exchange(own, method, target, body, headers)
        if not connection:
            own.close()
        return status, data

    def status(self):
        return self.ask("GET", "/v1/status")[1]

    def memory_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def alive(self):
        return self.process.poll() is None

    def end(self, how=signal.SIGTERM):
        """Its exit status."""
        if self.alive():
            self.process.send_signal(how)
        self.process.stdout.close()
        return self.process.wait(60)


def until(what, seconds=30):
    """Waits until what() is true; false where it never was."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def may_mount():
    return os.geteuid() == 0 and shutil.which("mount") is not None
