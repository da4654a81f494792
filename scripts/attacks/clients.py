"""Clients that are slow on purpose, or too many, beside one that is not."""
import json
import os
import random
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import serving
from serving import Found

WORDS = "sofa bed table chair lamp desk kitchen door window shelf oak white leather round small".split()


class Good:
    """Somebody who searches, each time over a connection of its own; counts what comes back and when."""

    def __init__(self, server, rng):
        self.server, self.rng, self.took, self.statuses, self.ends = server, rng, [], {}, False
        self.thread = threading.Thread(target=self.search)
        self.thread.start()

    def search(self):
        while not self.ends:
            began = time.monotonic()
            try:
                status = self.server.ask("GET", "/v1/search?n=10&text=" + "+".join(self.rng.sample(WORDS, 2)))[0]
            except OSError as fault:
                status = type(fault).__name__
            self.took.append(time.monotonic() - began)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            time.sleep(0.02)

    def end(self, most_s):
        self.ends = True
        self.thread.join()
        took = sorted(self.took)
        said = f"{len(took)} searches of a good client beside them: {self.statuses}, median {1000 * took[len(took) // 2]:.1f} ms, " \
               f"99 % within {1000 * took[len(took) * 99 // 100]:.0f} ms, worst {1000 * took[-1]:.0f} ms"
        if self.statuses.get(200, 0) < 0.99 * len(took) or took[len(took) * 99 // 100] > most_s:
            raise Found(said)
        return said


def in_child(what, *args):
    """Runs it in a process of its own, so that the good client has this one's interpreter for itself."""
    child = os.fork()
    if child == 0:
        try:
            what(*args)
        finally:
            os._exit(0)
    return child


HEAD = b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
# What each kind of client sends at once, and then, a byte at a time.
KINDS = [(b"", b""),
         (b"G", b"ET /v1/search?text=sofa HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 4000),
         (HEAD + b"Content-Length: 100000\r\n\r\n{", b" " * 90000),
         (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{", b" " * 90000),
         (b"GET /v1/search?text=sofa&n=1000&explain=true HTTP/1.1\r\nHost: a\r\n\r\n", b"")]


class Slow:
    def __init__(self, kind, port):
        self.begin, self.rest, self.port, self.at, self.socket = *KINDS[kind], port, 0, None

    def turn(self):
        """Connects, or sends its next byte; who was cut off comes again."""
        try:
            if self.socket is None:
                self.at = 0
                self.socket = socket.socket()
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                self.socket.settimeout(1)
                self.socket.connect(("127.0.0.1", self.port))
                self.socket.setblocking(False)
                self.socket.send(self.begin)
            elif self.at < len(self.rest):
                self.socket.send(self.rest[self.at:self.at + 1])
                self.at += 1
            elif not self.rest and not self.begin and self.socket.recv(1) == b"":
                raise ConnectionError
        except BlockingIOError:
            pass
        except OSError:
            self.socket.close()
            self.socket = None


def crowd(port, clients, seconds):
    end = time.monotonic() + seconds
    all_of_them = [Slow(i % len(KINDS), port) for i in range(clients)]
    while time.monotonic() < end:
        for i, slow in enumerate(all_of_them):
            slow.turn()
            if i % 64 == 63:
                time.sleep(0.02)  # some thousand turns a second: they are slow, and leave a core to the others


def watched(server, child):
    """Waits for the child; the most connections and memory seen meanwhile."""
    connections, memory = 0, 0
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        memory = max(memory, server.memory_mib())
        try:
            connections = max(connections, server.status()["connections"])
        except OSError:
            pass
        time.sleep(0.5)
    return connections, memory


def survives(server):
    if not server.alive() or server.ask("GET", "/v1/search?text=sofa")[0] != 200:
        raise Found(f"the server is gone: {server.said()[-300:]}")
    if server.end() != 0:
        raise Found(f"the server did not end in order: {server.said()[-300:]}")


def slow_clients(given, *options):
    server = serving.Server(given.program, given.shop, "serve_bodies_bytes=64MiB", *options)
    before = server.memory_mib()
    child = in_child(crowd, server.port, given.clients, 60)
    time.sleep(5)
    good = Good(server, given.rng)
    connections, memory = watched(server, child)
    said = good.end(1.0)
    said = f"up to {connections} connections; {said}; memory {before:.0f} MiB before, {memory:.0f} at most"
    if memory > before + 64 + 100 + given.clients * 20 / 1024:  # bodies; what a search takes; heads
        raise Found(said)
    survives(server)
    return said


def slow(given):
    return f"{given.clients} slow clients (silent; heads, bodies and chunks a byte at a time; answers that nobody reads), " \
           f"the limit of connections at 4,096: {slow_clients(given)}"


def slow_held(given):
    return f"the same, all of them let in: {slow_clients(given, f'serve_connections={given.clients + 2000}')}"


def unread(server, requests, seconds):
    """Asks for answers of some 30 MB, and reads none."""
    body = json.dumps({"requests": requests}).encode()
    head = f"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    sockets = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            sockets.append(socket.create_connection(("127.0.0.1", server.port), 5))
            sockets[-1].sendall(head + body)
        except OSError:
            pass
        time.sleep(0.2)


def answers(given):
    server = serving.Server(given.program, given.shop, "serve_bodies_bytes=128MiB", "serve_threads=2")
    before = server.memory_mib()
    requests = [{"search": {"text": word, "n": 1000, "explain": True}} for word in WORDS] * 6
    child = in_child(unread, server, requests, 25)
    connections, memory = watched(server, child)
    said = f"every 0.2 s another who asks for some 20 MB and reads nothing: memory {before:.0f} MiB before, {memory:.0f} at most"
    if memory > before + 128 + 150:  # and two answers that are being written
        raise Found(said)
    survives(server)
    return said


def bodies(given):
    """Those who hold all the room for bodies keep nobody else's out."""
    server = serving.Server(given.program, given.shop, "serve_bodies_bytes=32MiB")
    hold = []
    for _ in range(6):
        hold.append(socket.create_connection(("127.0.0.1", server.port), 5))
        hold[-1].sendall(b"POST /v1/image HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 10485760\r\n\r\n" + b"x" * 10000000)
    time.sleep(0.5)
    statuses = [server.ask("POST", "/v1/search", {"text": "sofa" + " " * 100000})[0] for _ in range(20)]
    said = f"six who send 10 MB of a picture and stop, where 32 MiB may be held: 20 bodies of others were answered {sorted(set(statuses))}"
    if set(statuses) != {400}:  # too long a text: it was read
        raise Found(said)
    survives(server)
    return said


def storm(port, seconds):
    end, linger = time.monotonic() + seconds, struct.pack("ii", 1, 0)
    n = 0
    while time.monotonic() < end:
        s = socket.socket()
        s.settimeout(0.5)
        try:
            s.connect(("127.0.0.1", port))
            s.send(random.choice([b"", b"GET / HTTP/1.1\r\n", KINDS[4][0], b"\x16\x03\x01"]))
        except OSError:
            pass
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # a reset
        s.close()
        n += 1


def flood(given):
    server = serving.Server(given.program, given.shop)
    before = server.memory_mib()
    child = in_child(storm, server.port, 20)
    good = Good(server, given.rng)
    _, memory = watched(server, child)
    said = f"connections that are reset in mid-request, as many as one core opens, for 20 s: {good.end(2.0)}; memory {before:.0f} MiB, then {memory:.0f}"
    if memory > before + 150:
        raise Found(said)
    survives(server)
    return said


def overload(given):
    """Far more searches than can be answered: what is refused is refused at once."""
    server = serving.Server(given.program, given.shop, "serve_threads=1", "serve_queue=16")
    def many(i):
        rng, statuses, took = random.Random(i), {}, []
        connection = server.connect()
        for _ in range(60):
            began = time.monotonic()
            status = server.ask("POST", "/v1/search", {"text": rng.choice(WORDS), "n": 1000, "explain": True}, connection=connection)[0]
            took.append((status, time.monotonic() - began))
            statuses[status] = statuses.get(status, 0) + 1
        return took
    with ThreadPoolExecutor(64) as pool:
        took = [one for all_of_them in pool.map(many, range(64)) for one in all_of_them]
    refused = sorted(seconds for status, seconds in took if status == 503) or [0]
    good = sum(status == 200 for status, _ in took)
    said = f"64 clients without a pause on one thread and a queue of 16: {good} answered, {len(refused)} refused (503), half of those within {1000 * refused[len(refused) // 2]:.1f} ms"
    if good + len(refused) != len(took) or good == 0 or refused[len(refused) // 2] > 0.5:
        raise Found(said)
    survives(server)
    return said


ATTACKS = {"slow": slow, "slow-held": slow_held, "answers": answers, "bodies": bodies, "flood": flood, "overload": overload}
