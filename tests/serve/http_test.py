"""What goes over the wire: requests whole and broken, limits, and the end."""
import errno
import socket
import subprocess
import unittest

import server


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(options=["serve_request_s=2", "serve_body_bytes=2000"])

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.messages

    def test_search(self):
        status, headers, body = self.server.ask("POST", "/v1/search", {"text": "oak table", "n": 3})
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual([hit["rank"] for hit in body["results"]], [1, 2, 3])
        status, _, again = self.server.ask("GET", "/v1/search?text=oak+t%61ble&n=3")
        self.assertEqual((status, again), (200, body))

    def test_diversity_is_not_deep(self):
        """One request's choice among ten thousand results would hold a thread for half a minute."""
        status, _, body = self.server.ask("GET", "/v1/search?text=oak&depth=1001&diversity=0.1")
        self.assertEqual((status, body["field"]), (400, "depth"))
        for allowed in ("depth=1000&diversity=0.1", "depth=1001&diversity=0"):
            self.assertEqual(self.server.ask("GET", "/v1/search?text=oak&" + allowed)[0], 200)

    def test_batch_that_takes_long(self):
        """What has waited in it for too long is not begun."""
        hasty = server.Server(options=["serve_wait_ms=1"])
        batch = {"requests": [{"search": {"text": "oak table", "explain": True, "n": 14}}] * 100}

        def some_but_not_all():
            status, _, body = hasty.ask("POST", "/v1/batch", batch)
            found = [answer["status"] for answer in body["answers"]] if status == 200 else []
            self.assertEqual(found, sorted(found))  # 503 from one of them on
            return {200, 503} == set(found)
        server.until(some_but_not_all)
        self.assertEqual(hasty.end(), 0, hasty.messages)

    def test_head(self):
        status, headers, body = self.server.ask("HEAD", "/v1/search?text=oak&n=3")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 100)

    def test_one_connection_many_requests(self):
        connection = self.server.connect()
        for n in range(1, 15):
            status, _, body = self.server.ask("POST", "/v1/similar", {"product_id": "t1", "n": n}, connection=connection)
            self.assertEqual((status, len(body["results"])), (200, min(n, 13)))
        connection.close()

    def test_too_large(self):
        status, headers, body = self.server.ask("POST", "/v1/search", {"text": "x" * 3000})
        self.assertEqual((status, body["type"]), (413, "urn:itemsage:too-large"))

    def test_too_large_in_pieces(self):
        connection = self.server.connect()
        connection.request("POST", "/v1/search", iter([b"x" * 1500] * 4), {"Content-Type": "application/json"},
                           encode_chunked=True)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 413)
        answer.read()
        connection.close()

    def all_of(self, data):
        """What comes back; b"" where the connection just ends, or ends before all was sent."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.server.port), 30) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while piece := s.recv(65536):
                    answer += piece
            except ConnectionError:
                pass
            except OSError as fault:
                if fault.errno != errno.ENOTCONN:
                    raise
        return answer

    def raw(self, data):
        """The first line of what comes back."""
        return self.all_of(data).split(b"\r\n")[0]

    def test_broken(self):
        for data in (b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}",
                     b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{}"):
            line = self.raw(data)
            self.assertTrue(line == b"" or line.split()[1][:1] in b"45", (data, line))
        self.assertEqual(self.server.ask("GET", "/healthz")[0], 200)

    def test_ambiguous_ends(self):
        """Where a proxy before the server could see the body end elsewhere, nothing behind the head is read."""
        head = b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        hidden = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        for said in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", b"Content-Length : 5\r\n\r\n",
                     b"Transfer-Encoding: xchunked\r\n\r\n", b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
                     b"Host: b\r\nContent-Length: 0\r\n\r\n"):
            answer = self.all_of(head + said + hidden)
            self.assertEqual((answer[:12], answer.count(b"HTTP/1.1 ")), (b"HTTP/1.1 400", 1), said)
        self.assertEqual(self.server.ask("GET", "/healthz")[0], 200)

    def test_uri_beside_a_body(self):
        """A filter there would be left aside, and find what it was to keep out."""
        for path, body in (("/v1/search", {"text": "oak"}), ("/v1/batch", {"requests": [{"search": {"text": "oak"}}]}),
                           ("/v1/events", {"events": [{"user_id": "u", "product_id": "t1", "event": "click"}]})):
            status, _, problem = self.server.ask("POST", path + "?where=price+%3C+1", body)
            self.assertEqual((status, problem["field"]), (400, "where"), path)
            self.assertEqual(self.server.ask("POST", path, body)[0], 200, path)

    def test_long_lines(self):
        for data in (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n"):
            self.assertIn(self.raw(data)[9:12], (b"", b"400", b"413", b"414", b"431"))
        self.assertEqual(self.server.ask("GET", "/healthz")[0], 200)

    def test_zero_byte(self):
        for method, uri in (("GET", "/v1/search?text=oak%00table"), ("GET", "/healthz%00"), ("DELETE", "/v1/products/t1%00more")):
            status, _, body = self.server.ask(method, uri)
            self.assertEqual((status, body["type"]), (400, "urn:itemsage:parameter"), uri)
        self.assertEqual(self.server.ask("GET", "/v1/products/t1")[0], 200)
        self.assertEqual(self.raw(b"GET /healthz%00 HTTP/1.1\r\nHost: a\r\nContent-Length: z\r\n\r\n")[9:12], b"400")

    def test_slow_client_is_cut_off(self):
        """One byte now and then would keep any time-out of silence from ending."""
        with socket.create_connection(("127.0.0.1", self.server.port), 30) as s:
            s.settimeout(0.2)
            ended = False
            for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 300:
                try:
                    s.send(bytes([byte]))
                    ended = s.recv(100) == b""
                except socket.timeout:
                    continue
                except OSError:
                    ended = True
                if ended:
                    break
            self.assertTrue(ended)


class Crowd(unittest.TestCase):
    def test_silent_clients_make_room(self):
        crowded = server.Server(options=["serve_connections=8"])
        silent = [socket.create_connection(("127.0.0.1", crowded.port), 30) for _ in range(40)]
        for _ in range(5):
            self.assertEqual(crowded.ask("GET", "/healthz")[0], 200)
        for s in silent:
            s.close()
        self.assertEqual(crowded.end(), 0)

    def test_nothing_may_wait(self):
        """With one worker and no queue two searches at once are one too many; whatever comes is answered."""
        narrow = server.Server(options=["serve_threads=1", "serve_queue=0"])
        connections = [narrow.connect() for _ in range(20)]
        statuses = []
        for connection in connections:
            connection.request("GET", "/v1/search?text=oak&n=14")
        for connection in connections:
            answer = connection.getresponse()
            if answer.status == 503:
                self.assertEqual(answer.getheader("Retry-After"), "1")
            statuses.append(answer.status)
            answer.read()
            connection.close()
        self.assertLessEqual(set(statuses), {200, 503})
        self.assertIn(200, statuses)
        self.assertEqual(narrow.ask("GET", "/v1/search?text=oak")[0], 200)
        self.assertEqual(narrow.end(), 0)


class Start(unittest.TestCase):
    def test_address(self):
        for where, said in (("nonsense", "no address"), ("127.0.0.1:", "no address"), ("127.0.0.1:65536", "no address"), ("no.such.host.invalid:1", "no address")):
            ended = subprocess.run([server.PROGRAM, "-C", server.GROUND + "/shop", "serve", "--listen", where],
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 2)
            self.assertIn(said, ended.stderr)

    def test_port_is_taken(self):
        first = server.Server()
        ended = subprocess.run([server.PROGRAM, "-C", first.shop, "serve", "--listen", f"127.0.0.1:{first.port}"],
                               capture_output=True, text=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("cannot listen on", ended.stderr)
        self.assertEqual(first.end(), 0)


server.main()
