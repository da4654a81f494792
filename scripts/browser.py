"""Headless Chromium for check-report-browser and check-page-browser: Python's standard library, and Chromium (Debian:
chromium)."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ME = os.path.basename(sys.argv[0])


def find():
    """The program, or None, and then it was said."""
    program = next((path for path in map(shutil.which, NAMES) if path), None)
    if not program:
        print(f"{ME}: skipped: no Chromium here (Debian: apt-get install chromium)")
    return program


class Browser:
    """Chromium's DevTools over a pipe: JSON with a zero byte behind each message."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp()
        to_it, ours_out = os.pipe()
        ours_in, from_it = os.pipe()

        def arrange():  # it reads from 3 and writes to 4
            low, high = os.dup(to_it), os.dup(from_it)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self.child = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--user-data-dir=" + self.home, "--remote-debugging-pipe", "about:blank"],
            preexec_fn=arrange, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_it)
        os.close(from_it)
        self.out, self.inp = ours_out, ours_in
        self.number, self.rest, self.events = 0, b"", []

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.inp, 1 << 16)
            if not piece:
                raise SystemExit(f"{ME}: the browser ended")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{ME}: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while True:
            for i, event in enumerate(self.events):
                if event.get("method") == method:
                    del self.events[i]
                    return
            self.events.append(self.read())

    def close(self):
        try:
            self.call("Browser.close")
        except SystemExit:
            pass
        self.child.wait(timeout=30)
        shutil.rmtree(self.home, ignore_errors=True)

    def page(self, width, scheme):
        """A new page of this width and colour scheme; its target and session."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable", session)
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", session, width=width, height=900, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", session, features=[{"name": "prefers-color-scheme", "value": scheme}])
        return target, session


def evaluate(browser, session, expression):
    """The value of an expression; of a promise, what it comes to."""
    answer = browser.call("Runtime.evaluate", session, expression=expression, returnByValue=True, awaitPromise=True)
    if "exceptionDetails" in answer:
        raise SystemExit(f"{ME}: {expression[:200]}: {json.dumps(answer['exceptionDetails'])[:500]}")
    return answer["result"].get("value")


def faults_of(events, may_ask):
    """What the page complained of, and what it asked for without may_ask(address)."""
    faults = []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            faults.append(f"the console says: {json.dumps(params)[:300]}")
        elif method == "Log.entryAdded":
            faults.append(f"the log says: {params['entry'].get('text', '')[:300]}")
        elif method == "Network.requestWillBeSent" and not may_ask(params["request"]["url"]):
            faults.append(f"asks for {params['request']['url']}")
    return faults
