"""A server over a copy of the small published shop, and ways to ask it. Used by the tests beside it."""
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
sys.dont_write_bytecode = True
import serving  # noqa: E402

PROGRAM, GROUND = sys.argv[1], sys.argv[2]


class Server:
    """`itemsage serve` on a free port, over a shop of its own, until it is ended."""

    def __init__(self, *args, options=(), before=None):
        self.dir = tempfile.mkdtemp(prefix="itemsage-serve-")
        self.shop = os.path.join(self.dir, "shop")
        shutil.copytree(os.path.join(GROUND, "shop"), self.shop)
        if before:
            before(self)
        sets = [word for option in options for word in ("--set", option)]
        self.errors = open(os.path.join(self.dir, "errors"), "w+")
        self.process = subprocess.Popen(
            [PROGRAM, "-C", self.shop, "serve", "--listen", "127.0.0.1:0", *sets, *args],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        if " at http" not in line:
            raise RuntimeError(f"the server did not start: {line}{self.said()}")
        self.port = int(line.rsplit(":", 1)[1])

    def said(self):
        """What it printed on standard error so far."""
        self.errors.flush()
        with open(self.errors.name) as file:
            return file.read()

    def run(self, *args):
        """Another command on the same shop."""
        return subprocess.run([PROGRAM, "-C", self.shop, *args], check=True, capture_output=True, text=True)

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, target, body=None, headers=None, connection=None):
        """Status, headers, and the body, read as JSON where it is."""
        own = connection or self.connect()
        answer = serving.exchange(own, method, target, body, headers)
        if not connection:
            own.close()
        return answer

    def end(self, how=signal.SIGTERM):
        """Its exit status; what it printed is in `messages`."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.stdout.close()
        status = self.process.wait(60)
        self.messages = self.said()
        self.errors.close()
        shutil.rmtree(self.dir)
        return status


def until(what, seconds=60):
    """Waits until what() is true."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"not in {seconds} s")
        time.sleep(0.05)


def main():
    sys.argv = sys.argv[:1] + sys.argv[3:]
    unittest.main(verbosity=1)
