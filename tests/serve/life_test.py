"""The server's life: new releases under requests, releases that cannot be opened, tokens, the log, the end."""
import ctypes
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse
import warnings

import server
from server import until


def value(metrics, name):
    return float(next(line for line in metrics.splitlines() if line.startswith(name + " ")).split()[1])


def text_of(path):
    with open(path, errors="replace") as file:
        return file.read()


class Swap(unittest.TestCase):
    def setUp(self):
        self.server = server.Server(options=["serve_threads=2"])

    def tearDown(self):
        self.assertEqual(self.server.end(), 0, self.server.messages)

    def release(self):
        return self.server.ask("GET", "/v1/search?text=oak")[2]["release"]

    def publish(self):
        """A release in which every title is another, so that no answer can be of both."""
        before = self.release()
        with open(os.path.join(server.GROUND, "products.tsv")) as feed:
            lines = feed.read().splitlines()
        number = before + 1
        path = os.path.join(self.server.dir, "next.tsv")
        with open(path, "w") as feed:
            for i, line in enumerate(lines):
                fields = line.split("\t")
                if i:
                    fields[1] += f" edition {number}"
                feed.write("\t".join(fields) + "\n")
        self.server.run("import", "products", path)
        self.server.run("embed")
        self.server.run("index")
        until(lambda: self.release() == number)

    def test_requests_go_on_and_mix_nothing(self):
        faults, asked, ends = [], [0], threading.Event()

        def ask():
            connection = self.server.connect()
            while not ends.is_set():
                status, _, body = self.server.ask("POST", "/v1/search", {"text": "oak pine lamp", "n": 14},
                                                  connection=connection)
                asked[0] += 1
                editions = {hit["title"].partition(" edition ")[2] for hit in body.get("results", [])}
                wanted = "" if body.get("release") == 1 else str(body.get("release"))
                if status != 200 or editions != {wanted}:
                    faults.append((status, editions, body))
            connection.close()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            self.publish()
        ends.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertGreater(asked[0], 100)
        metrics = lambda: self.server.ask("GET", "/metrics")[2].decode()
        until(lambda: value(metrics(), "itemsage_releases_open") == 1)
        self.assertEqual(value(metrics(), "itemsage_release"), 4)
        self.assertEqual(value(metrics(), "itemsage_release_swaps_total"), 3)

    def test_page_of_a_release_that_went(self):
        first = {"text": "oak pine lamp", "n": 4, "depth": 14}
        _, _, body = self.server.ask("POST", "/v1/search", first)
        again = self.server.ask("POST", "/v1/search", dict(first, page=body["next"]))
        self.assertEqual(again[0], 200)
        self.publish()
        status, _, problem = self.server.ask("POST", "/v1/search", dict(first, page=body["next"]))
        self.assertEqual((status, problem["type"], problem["field"]), (410, "urn:itemsage:page", "page"))

    def test_damaged_release_is_refused(self):
        path = os.path.join(self.server.shop, "current")
        good = text_of(path)
        broken = json.loads(good)
        broken["index"] = 99
        self.replace(path, json.dumps(broken))
        until(lambda: "stays in service" in self.server.said())
        self.assertEqual(self.release(), 1)
        metrics = self.server.ask("GET", "/metrics")[2].decode()
        self.assertEqual(value(metrics, "itemsage_release_refused"), 1)
        self.publish()
        self.assertEqual(value(self.server.ask("GET", "/metrics")[2].decode(), "itemsage_release_refused"), 0)

    @staticmethod
    def publish_another(at):
        path = os.path.join(at.dir, "next.tsv")
        with open(path, "w") as feed:
            feed.write("id\ttitle\nnew\tOak stool\n")
        at.run("import", "products", path)
        at.run("embed")
        at.run("index")

    @staticmethod
    def damage(at, release, name="text.bin"):
        path = os.path.join(at.shop, f"index/{release}/{name}")
        with open(path, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 255
        os.remove(path)
        with open(path, "wb") as file:
            file.write(data)

    def test_damage_that_is_found_later(self):
        """A server starts at once, and reads all of the release beside its first searches: the one before takes its place."""
        def damage(at):
            self.publish_another(at)
            self.damage(at, 2)

        damaged = server.Server(before=damage)
        until(lambda: "release 1, which is kept, is in service" in damaged.said())
        status = damaged.ask("GET", "/v1/status")[2]
        self.assertEqual((status["release"], status["state"]), (1, "verified"))
        self.assertIn("text.bin", status["refused"])
        self.assertEqual(damaged.ask("GET", "/v1/search?text=oak")[2]["release"], 1)
        self.publish_another(damaged)
        until(lambda: damaged.ask("GET", "/v1/status")[2]["release"] == 3)
        self.assertNotIn("refused", damaged.ask("GET", "/v1/status")[2])
        self.assertEqual(damaged.end(), 0)

    def test_damage_of_what_users_ask_for(self):
        """together.bin is read when a user is asked for; a release that is kept, or that comes, is whole with it too."""
        def damage(at):
            self.publish_another(at)
            self.damage(at, 2, "together.bin")

        damaged = server.Server(before=damage)
        until(lambda: "release 1, which is kept, is in service" in damaged.said())
        self.assertEqual(damaged.ask("GET", "/v1/status")[2]["release"], 1)
        self.replace(os.path.join(damaged.shop, "current"), text_of(os.path.join(damaged.shop, "current")))
        until(lambda: "cannot be opened, release 1 stays" in damaged.said())
        self.assertEqual(damaged.end(), 0)

    def test_damage_of_the_only_release_is_told(self):
        damaged = server.Server(before=lambda at: self.damage(at, 1))
        until(lambda: "which is the only one" in damaged.said())
        status = damaged.ask("GET", "/v1/status")[2]
        self.assertEqual(status["state"], "damaged")
        self.assertIn("text.bin", status["refused"])
        self.assertEqual(damaged.end(), 0)

    def test_starts_with_what_is_whole(self):
        """What is published cannot be opened: a release that is kept is served, and that is told."""
        for lost, said in (("index/2/text.bin", "text.bin"), ("current", "nothing has been published")):
            with self.subTest(lost):
                self.starts_without(lost, said)

    def starts_without(self, lost, said):
        def damage(at):
            self.publish_another(at)
            os.remove(os.path.join(at.shop, lost))

        damaged = server.Server(before=damage)
        until(lambda: "which is kept, is in service" in damaged.said())
        status = damaged.ask("GET", "/v1/status")[2]
        self.assertEqual((status["release"], status["state"]), (1, "verified"))
        self.assertIn(said, status["refused"])
        self.assertEqual(damaged.ask("GET", "/v1/search?text=oak")[0], 200)
        self.assertEqual(damaged.end(), 0)

    @staticmethod
    def replace(path, text):
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)


class Watch(unittest.TestCase):
    def test_recall_of_live_searches(self):
        def with_graph(at):
            path = os.path.join(at.dir, "many.tsv")
            with open(path, "w") as feed:
                feed.write("id\ttitle\n")
                for i in range(3000):
                    feed.write(f"m{i}\t{('oak', 'pine', 'steel')[i % 3]} {('table', 'lamp', 'rug', 'bed')[i % 4]} number {i} {i * 7919 % 101}\n")
            at.run("import", "products", path)
            at.run("embed")
            at.run("index", "--set", "index=hnsw", "--set", "index_recall=0.9")

        watched = server.Server(before=with_graph, options=["serve_watch=1"])

        def told():
            for i in range(20):
                watched.ask("GET", f"/v1/similar?product_id=m{i * 31}&n=5")
            metrics = watched.ask("GET", "/metrics")[2].decode()
            return "itemsage_live_recall " in metrics and value(metrics, "itemsage_live_recall_searches") > 1

        until(told)
        metrics = watched.ask("GET", "/metrics")[2].decode()
        self.assertGreater(value(metrics, "itemsage_live_recall"), 0.5)
        self.assertLessEqual(value(metrics, "itemsage_live_recall"), 1)
        self.assertEqual(watched.end(), 0)


READ, WRITE = "Bearer read-read-read-read", "bearer write-write-write-write"


class Tokens(unittest.TestCase):
    def test_who_may(self):
        def write(self):
            with open(os.path.join(self.dir, "tokens"), "w") as file:
                file.write("# the shop's pages\nread read-read-read-read\n\nwrite  write-write-write-write\n")
            with open(os.path.join(self.shop, "itemsage.conf"), "a") as file:
                file.write(f"serve_tokens = {self.dir}/tokens\n")

        guarded = server.Server(before=write)
        for given in (None, "", "Bearer", "Bearer ", "Bearer read-read-read-reaD", "Bearer read-read-read-rea",
                      "Bearer read-read-read-reads", "Basic read-read-read-read", "Bearer " + "x" * 5000):
            headers = {} if given is None else {"Authorization": given}
            for target in ("/v1/search?text=oak", "/metrics"):
                status, answer, body = guarded.ask("GET", target, headers=headers)
                self.assertEqual((status, body["type"]), (401, "urn:itemsage:token"), given)
                self.assertEqual(answer["WWW-Authenticate"], "Bearer")
        for given in (READ, WRITE):
            self.assertEqual(guarded.ask("GET", "/v1/search?text=oak", headers={"Authorization": given})[0], 200)
        for target in ("/healthz", "/readyz", "/openapi.json"):
            self.assertEqual(guarded.ask("GET", target)[0], 200)
        paths = guarded.ask("GET", "/openapi.json")[2]["paths"]
        self.assertEqual(paths["/v1/search"]["get"]["security"], [{"bearer": []}])
        self.assertEqual(paths["/healthz"]["get"]["security"], [{}])
        self.assertEqual(guarded.end(), 0)

    def test_another_file(self):
        """Who is written into the file may ask within a second or two, who was taken out may not; a bad file changes nothing."""
        def write(at, text):
            Swap.replace(os.path.join(at.dir, "tokens"), text)

        def start(at):
            write(at, "read read-read-read-read\n")
            with open(os.path.join(at.shop, "itemsage.conf"), "a") as file:
                file.write(f"serve_tokens = {at.dir}/tokens\n")

        guarded = server.Server(before=start)
        status = lambda token: guarded.ask("GET", "/v1/search?text=oak", headers={"Authorization": token})[0]
        self.assertEqual((status(READ), status("Bearer another-another-1")), (200, 401))
        write(guarded, "read another-another-1\n")
        until(lambda: status("Bearer another-another-1") == 200)
        self.assertEqual(status(READ), 401)
        write(guarded, "read short\n")
        until(lambda: "the tokens stay as they were" in guarded.said())
        os.remove(os.path.join(guarded.dir, "tokens"))
        until(lambda: guarded.said().count("the tokens stay as they were") == 2)
        self.assertEqual((status(READ), status("Bearer another-another-1")), (401, 200))
        self.assertEqual(guarded.end(), 0)

    def start(self, *args):
        return subprocess.run([server.PROGRAM, "-C", os.path.join(server.GROUND, "shop"), "serve", *args],
                              capture_output=True, text=True)

    def test_others_need_tokens(self):
        ended = self.start("--listen", "0.0.0.0:0")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("serve_tokens", ended.stderr)

    def test_without_tokens_another_host_is_not_answered(self):
        """As a page of a stranger's site asks whose name leads to this machine."""
        asked = (("evil.example:80", 403), ("localhost", 200), ("127.0.0.1:1", 200))
        for args, statuses in (((), asked), (("--no-auth",), [(host, 200) for host, _ in asked])):
            free = server.Server(*args)
            for host, status in statuses:
                answer = free.ask("GET", "/v1/products/t1", headers={"Host": host})
                self.assertEqual(answer[0], status, (args, host))
            self.assertEqual(free.ask("GET", "/healthz", headers={"Host": "evil.example"})[0], 200)
            self.assertEqual(free.end(), 0)

    def test_bad_files(self):
        folder = os.path.join(server.GROUND, "..", "serve-tokens")
        os.makedirs(folder, exist_ok=True)
        for text, said in (("", "names no token"), ("read short\n", ":1:6: a token has 16"), ("x\nread a\n", ":1:1:"),
                           ("#\nadmin read-read-read-read\n", ":2:1:"), ("read read-read read-read\n", ":1:6:")):
            path = os.path.join(folder, "tokens")
            with open(path, "w") as file:
                file.write(text)
            ended = self.start("--listen", "127.0.0.1:0", "--set", f"serve_tokens={path}")
            self.assertEqual(ended.returncode, 1)
            self.assertIn(said, ended.stderr)


class Tls(unittest.TestCase):
    """The certificate beside this file is of these tests alone."""
    here = os.path.dirname(os.path.abspath(__file__))
    cert, key = os.path.join(here, "tls_cert.pem"), os.path.join(here, "tls_key.pem")

    def test_answers(self):
        secure = server.Server(options=[f"serve_tls_cert={self.cert}", f"serve_tls_key={self.key}"])
        context = ssl.create_default_context(cafile=self.cert)
        connection = http.client.HTTPSConnection("127.0.0.1", secure.port, timeout=60, context=context)
        for _ in range(3):
            self.assertEqual(secure.ask("GET", "/v1/search?text=oak", connection=connection)[0], 200)
        connection.close()
        with self.assertRaises((OSError, http.client.HTTPException)):
            secure.ask("GET", "/healthz")
        self.assertEqual(secure.end(), 0)

    def test_old_protocols(self):
        secure = server.Server(options=[f"serve_tls_cert={self.cert}", f"serve_tls_key={self.key}"])
        for version, taken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
            context = ssl.create_default_context(cafile=self.cert)
            context.set_ciphers("ALL:@SECLEVEL=0")  # what this client would not do is not what is asked
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            connection = http.client.HTTPSConnection("127.0.0.1", secure.port, timeout=60, context=context)
            if taken:
                self.assertEqual(secure.ask("GET", "/healthz", connection=connection)[0], 200)
            else:
                self.assertRaises(OSError, secure.ask, "GET", "/healthz", connection=connection)
            connection.close()
        self.assertEqual(secure.end(), 0)

    def test_refuses(self):
        for options, said in (((f"serve_tls_cert={self.cert}",), "both serve_tls_cert and serve_tls_key"),
                              ((f"serve_tls_cert={self.key}", f"serve_tls_key={self.cert}"), "belong together"),
                              (("serve_tls_cert=/no/where", f"serve_tls_key={self.key}"), "/no/where")):
            words = [word for option in options for word in ("--set", option)]
            ended = subprocess.run([server.PROGRAM, "-C", os.path.join(server.GROUND, "shop"), "serve", "--listen",
                                    "127.0.0.1:0", *words], capture_output=True, text=True)
            self.assertIn(ended.returncode, (1, 2))
            self.assertIn(said, ended.stderr)


class Log(unittest.TestCase):
    def test_lines(self):
        folder = os.path.join(server.GROUND, "..", "serve-log")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "access")
        for name in (path, path + ".1"):
            if os.path.exists(name):
                os.remove(name)
        logged = server.Server("--access-log", path)
        logged.ask("GET", "/v1/search?text=a+secret")
        logged.ask("GET", "/no%22where%0a%ff")
        until(lambda: len(text_of(path).splitlines()) == 2)
        os.rename(path, path + ".1")
        until(lambda: os.path.exists(path))
        logged.ask("GET", "/healthz")
        self.assertEqual(logged.end(), 0)
        lines = [json.loads(line) for name in (path + ".1", path) for line in text_of(name).splitlines()]
        self.assertEqual([line["status"] for line in lines], [200, 404, 200])
        self.assertEqual(lines[0]["route"], "search")
        self.assertEqual(lines[0]["release"], 1)
        self.assertEqual(lines[1]["path"], '/no"where\n\ufffd')
        self.assertNotIn("secret", text_of(path + ".1"))
        for line in lines:
            self.assertEqual(line["remote"], "127.0.0.1")
            self.assertGreaterEqual(line["ms"], 0)


    def test_nobody_is_named(self):
        """Paths name users and products; and what no route has is the client's, however long."""
        logged = server.Server("--access-log", "-")
        for path in ("/v1/users/anna", "/v1/products/t1", "/" + "\1" * 5000):
            logged.ask("GET", urllib.parse.quote(path))
        logged.process.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in logged.process.stdout]
        self.assertEqual([line["path"] for line in lines], ["/v1/users/{id}", "/v1/products/{id}", "/" + "\1" * 999])
        self.assertEqual(logged.end(), 0)

    def test_nobody_reads(self):
        """A reader that stopped, or ended, holds up nobody but the log."""
        stopped = server.Server("--access-log", "-")
        connection = stopped.connect(timeout=20)
        for _ in range(2000):  # a pipe holds 64 KiB
            self.assertEqual(stopped.ask("GET", "/healthz", connection=connection)[0], 200)
        connection.close()
        stopped.process.stdout.close()
        stopped.ask("GET", "/healthz")
        until(lambda: "could not be written" in stopped.said())
        self.assertEqual(stopped.ask("GET", "/healthz")[0], 200)
        stopped.process.stdout = open(os.devnull)
        self.assertEqual(stopped.end(), 0)

    def test_the_shops_own_files(self):
        """Lines at the end of a catalogue would be the end of it."""
        folder = os.path.join(server.GROUND, "..", "serve-log")
        os.makedirs(folder, exist_ok=True)
        shop, link = os.path.join(server.GROUND, "shop"), os.path.join(folder, "link")
        if not os.path.lexists(link):
            os.symlink(os.path.join(os.path.abspath(shop), "catalog.db"), link)
        for name in (os.path.join(shop, "catalog.db"), os.path.join(shop, "changes"), link):
            ended = subprocess.run([server.PROGRAM, "-C", shop, "serve", "--listen", "127.0.0.1:0", "--access-log", name],
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 2, ended.stderr)
            self.assertIn("belongs to the shop", ended.stderr)


class End(unittest.TestCase):
    def end_by(self, how):
        ending = server.Server(options=["serve_linger_s=3"])
        connection = ending.connect()
        self.assertEqual(ending.ask("GET", "/readyz", connection=connection)[0], 200)
        ending.process.send_signal(how)
        until(lambda: "told to stop" in ending.said())
        self.assertEqual(ending.ask("GET", "/readyz", connection=connection)[0], 503)
        self.assertEqual(ending.ask("GET", "/v1/search?text=oak")[0], 200)
        connection.close()
        self.assertEqual(ending.process.wait(60), 0)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", ending.port), 5)
        self.assertEqual(ending.end(), 0)

    def test_term(self):
        self.end_by(signal.SIGTERM)

    def test_interrupt(self):
        self.end_by(signal.SIGINT)

    def test_term_of_another_thread(self):
        """A signal comes to any of the threads; each of them may be the one that writes that it came."""
        ending = server.Server()
        tasks = f"/proc/{ending.process.pid}/task"
        named = lambda: [int(thread) for thread in os.listdir(tasks) if text_of(f"{tasks}/{thread}/comm").startswith("MHD")]
        until(named)
        self.assertEqual(ctypes.CDLL(None).tgkill(ending.process.pid, named()[0], int(signal.SIGTERM)), 0)
        ending.process.wait(60)
        self.assertEqual(ending.end(), 0, ending.messages)

    def test_long_answer(self):
        """What is on its way to a client that takes its time comes whole, more than the sockets hold of it."""
        ending = server.Server(options=["serve_wait_ms=60000"])
        batch = {"requests": [{"search": {"text": "oak table", "explain": True, "n": 14}}] * 100}
        whole = len(json.dumps(ending.ask("POST", "/v1/batch", batch)[2]))
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(60)
            s.connect(("127.0.0.1", ending.port))
            body = json.dumps(batch).encode()
            s.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                      % len(body) + body)
            answer = s.recv(100)
            ending.process.send_signal(signal.SIGTERM)
            until(lambda: "told to stop" in ending.said())
            time.sleep(0.5)
            while piece := s.recv(65536):
                answer += piece
        self.assertIsInstance(json.loads(answer.split(b"\r\n\r\n", 1)[1]), dict)
        self.assertGreater(whole, 100000)
        self.assertEqual(ending.end(), 0)

    def test_under_load(self):
        """What was answered was answered whole; whoever comes too late is refused, not left waiting."""
        ending = server.Server()
        faults = []

        def ask():
            try:
                while True:
                    status, _, body = ending.ask("POST", "/v1/search", {"text": "oak", "n": 14})
                    if status not in (200, 503) or (status == 200 and len(body["results"]) != 14):
                        faults.append((status, body))
            except OSError:
                pass
            except Exception as fault:  # a closed connection between requests is no fault either
                if "Remote" not in type(fault).__name__:
                    faults.append(fault)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        self.assertEqual(ending.end(), 0)
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])


server.main()
