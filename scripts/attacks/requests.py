"""Requests that are oversized, malformed, deeply nested or no text; and ones that are mutated without end."""
import json
import random
import socket
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import serving
from serving import Found

JSON = "application/json"


def post(path, body, kind=JSON, more=""):
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def get(target, more=b""):
    return b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n"


def search(text):
    return post("/v1/search", text.encode() if isinstance(text, str) else text)


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def form(*parts):
    return b"".join(b"--x\r\n" + part for part in parts) + b"--x--\r\n"


def image(body, kind="image/png"):
    return post("/v1/image", body, kind)


FORM = "multipart/form-data; boundary=x"
MANY = {"requests": [{"search": {"text": "sofa"}}] * 101}
# name, request, statuses that are right; 0: the connection is closed without an answer
CASES = [
    ("a line of 1 MB", get(b"/" + b"a" * 1000000), {0, 400, 413, 414, 431}),
    ("a header of 1 MB", get(b"/healthz", b"X: " + b"a" * 1000000 + b"\r\n"), {0, 400, 413, 431}),
    ("10,000 headers", get(b"/healthz", b"X: y\r\n" * 10000), {0, 400, 413, 431}),
    ("33 arguments", get(b"/v1/search?text=sofa" + b"&n=1" * 33), {400}),
    ("a body of 11 MB", search(b"{" + b" " * 11000000), {413, 0}),
    ("JSON of 2 MB", search(b"{" + b" " * 2000000 + b"}"), {413}),
    ("a body said to have 1 EB", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 1152921504606846976\r\n\r\n{}", {413, 0}),
    ("a body of -1 bytes", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}", {0, 400}),
    ("a length past 64 bits", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n{}", {0, 400, 413}),
    ("two lengths", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}", {0, 400, 415}),
    ("a length and chunks", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", {0, 400, 415}),
    ("a chunk past 64 bits", b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}", {0, 400, 413}),
    ("no HTTP", b"\x00\xff" * 500 + b"\r\n\r\n", {0, 400}),
    ("TLS to a plain port", bytes.fromhex("16030100f1010000ed0303") + bytes(200), {0, 400}),
    ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400, 404, 405, 505}),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\n\r\n", {0, 400, 505}),
    ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
    ("another method", b"BREW /v1/search HTTP/1.1\r\nHost: a\r\n\r\n", {405}),
    ("a path out of the folder", get(b"/web/../../etc/passwd"), {404}),
    ("a path out of the folder, encoded", get(b"/web/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), {404}),
    ("a picture out of the folder", get(b"/pictures/..%2f..%2f..%2fetc%2fpasswd"), {404}),
    ("a product that is no UTF-8", get(b"/v1/products/%ff%fe"), {400, 404}),
    ("an argument that is no UTF-8", get(b"/v1/search?text=%ff%c0%80"), {400}),
    ("a zero byte in an argument", get(b"/v1/search?text=a%00b"), {400}),
    ("a broken escape", get(b"/v1/search?text=%zz%"), {200, 400}),
    ("JSON that is no UTF-8", search(b'{"text": "\xff\xfe"}'), {400}),
    ("UTF-8 that is too long", search(b'{"text": "\xc0\xaf\xe0\x80\xaf"}'), {400}),
    ("half a surrogate", search('{"text": "\\ud800"}'), {400}),
    ("a zero byte in JSON", search('{"text": "a\\u0000b"}'), {400}),
    ("a zero byte in a name", search('{"te\\u0000xt": "a"}'), {400}),
    ("arrays 500,000 deep", search("[" * 500000), {400}),
    ("objects 100,000 deep", search('{"text":' * 100000), {400}),
    ("a name twice", search('{"text": "a", "text": "b"}'), {400}),
    ("a number past all bounds", search('{"text": "a", "n": 1e999}'), {400}),
    ("an integer past 64 bits", search('{"text": "a", "n": 99999999999999999999}'), {400}),
    ("no number", search('{"text": "a", "diversity": NaN}'), {400}),
    ("half of JSON", search('{"text": "a'), {400}),
    ("nothing", search(""), {400}),
    ("a byte order mark", search(b'\xef\xbb\xbf{"text": "a"}'), {400}),
    ("80,000 names", search(json.dumps({f"n{i}": 0 for i in range(80000)})), {400, 413}),
    ("a filter 16,000 deep", search(json.dumps({"text": "a", "where": "(" * 16000})), {400}),
    ("a filter of 5,000 nots", search(json.dumps({"text": "a", "where": "not " * 4000 + "has brand"})), {200, 400}),
    ("a filter of 3,000 tests", search(json.dumps({"text": "a", "where": " or ".join(["price<1"] * 1300)})), {200, 400}),
    ("limits of 10,000 columns", search(json.dumps({"text": "a", "at_most": {f"c{i}": 1 for i in range(10000)}})), {400}),
    ("101 questions at once", post("/v1/batch", json.dumps(MANY).encode()), {400}),
    ("a batch in a batch", post("/v1/batch", b'{"requests": [{"batch": {"requests": []}}]}'), {200}),
    ("compressed JSON", post("/v1/search", zlib.compress(b" " * 9000000), more="Content-Encoding: deflate\r\n"), {400, 415}),
    ("a picture said to have 65,535 × 65,535 points", image(png(65535, 65535)), {400, 413}),
    ("a picture said to have 2^31 points a line", image(png(2147483647, 1)), {400, 413}),
    ("half a JPEG", image(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"), {400}),
    ("no picture", image(b"GIF89a" + b"\x00" * 1000), {400}),
    ("a form without a boundary", post("/v1/image", b"--x", "multipart/form-data"), {400, 415}),
    ("a form of 50,000 parts", image(form(*[b"Content-Disposition: form-data; name=n\r\n\r\n1\r\n"] * 50000), FORM), {400, 413}),
    ("a form with no end", image(b"--x\r\nContent-Disposition: form-data; name=image\r\n\r\n" + b"y" * 100000, FORM), {400}),
    ("a form whose name is 1 MB", image(form(b"Content-Disposition: form-data; name=" + b"n" * 1000000 + b"\r\n\r\n1\r\n"), FORM), {400}),
    ("events without end", post("/v1/events", json.dumps({"events": [{"user_id": "u", "product_id": "p", "event": "click"}] * 1001}).encode()), {400}),
    ("a product of 50,000 attributes", post("/v1/products/p", json.dumps({"title": "a", **{f"a{i}": "b" for i in range(50000)}}).encode()).replace(b"POST", b"PUT"), {400, 413}),
    ("a product whose id is another", post("/v1/products/p", b'{"id": "q", "title": "a"}').replace(b"POST", b"PUT"), {400}),
    ("a product whose id is 100 KB", post("/v1/products", json.dumps({"products": [{"id": "p" * 100000, "title": "a"}]}).encode()), {400}),
    ("a product with a zero byte", post("/v1/products/p", b'{"title": "a\\u0000b"}').replace(b"POST", b"PUT"), {400}),
    ("a product that is no UTF-8", post("/v1/products/%ff%fe", b'{"title": "a"}').replace(b"POST", b"PUT"), {400}),
    ("a product without a title", post("/v1/products/p", b'{"price": "-1e400"}').replace(b"POST", b"PUT"), {400}),
    ("1,001 products", post("/v1/products", json.dumps({"products": [{"id": f"x{i}", "title": "a"} for i in range(1001)]}).encode()), {400}),
    ("an event of long ago", post("/v1/events", b'{"events": [{"user_id": "u", "product_id": "p", "event": "click", "timestamp": "-99999999999-01-01"}]}'), {400}),
    ("a token of 8 KB", get(b"/healthz", b"Authorization: Bearer " + b"a" * 8000 + b"\r\n"), {200}),
]


def send(port, data, first_s=5, wait_s=40):
    """The status of what comes back; 0 where the connection ends without; -1 where it neither answers nor ends."""
    with socket.create_connection(("127.0.0.1", port), first_s) as s:
        try:
            s.sendall(data)
        except OSError:
            pass  # it need not read what it refuses
        answer = b""
        for seconds in (first_s, wait_s):
            try:
                s.settimeout(seconds)
                while len(answer) < 12 and (piece := s.recv(1 << 16)):
                    answer += piece
                break
            except socket.timeout:  # it waits for more: there is none
                if seconds == wait_s:
                    return -1
                try:
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            except OSError:
                break
    word = answer[9:12]
    return int(word) if word.isdigit() else 0


def broken(given):
    server = serving.Server(given.program, given.shop)
    before, wrong, seen = server.memory_mib(), [], {}
    for name, data, right in CASES:
        status = send(server.port, data)
        seen[status] = seen.get(status, 0) + 1
        if status not in right or not server.alive():
            wrong.append(f"{name}: {status}, not {sorted(right)}")
    memory = server.memory_mib()
    said = f"{len(CASES)} requests, oversized, malformed, deeply nested, not UTF-8, answered as they should be " \
           f"(closed unanswered: {seen.pop(0, 0)}, by status: {dict(sorted(seen.items()))}); memory {before:.0f} MiB, then {memory:.0f}"
    if wrong or memory > before + 300:
        raise Found("; ".join(wrong) or said)
    if server.ask("GET", "/v1/search?text=sofa")[0] != 200 or server.end() != 0:
        raise Found(server.said()[-300:])
    return said


# ---- fuzz ----

def seeds(feed):
    picture = next((feed.parent / "images").iterdir()).read_bytes()
    ids = [b"/v1/products/", b"/pictures/", b"/v1/users/", b"/web/"]
    return [get(b"/v1/search?text=oak+t%61ble&n=5&where=price%3C50&at_most=brand=2&diversity=0.5&method=hybrid&explain=true&depth=50"),
            search('{"text": "oak table", "n": 5, "where": "price < 500 and (brand in (a, b) or not has brand)", "collapse": true, "budget_ms": 5}'),
            post("/v1/user", b'{"user_id": "u1", "events": [{"product_id": "t", "event": "save", "age_days": 2.5}], "interests": true, "fresh": true}'),
            get(b"/v1/similar?product_id=bed&exact=1&page=1-10-0000000000000000&depth=20"),
            post("/v1/batch", b'{"requests": [{"search": {"text": "bed"}}, {"similar": {"product_id": "x"}}, {"embed": {"text": "y"}}, {"image": {"image": "iVBOR"}}]}'),
            post("/v1/events", b'{"events": [{"user_id": "u", "product_id": "p", "event": "click", "timestamp": "2026-05-01T12:00:00Z", "count": 2, "event_id": "e"}]}'),
            post("/v1/products/a%20b", b'{"title": "Oak bed", "price": "9.99 EUR", "colour": "red", "availability": "in stock"}').replace(b"POST", b"PUT"),
            post("/v1/products/a%20b", b'{"price": "9.98 EUR", "size": "8"}').replace(b"POST", b"PATCH"), get(b"/v1/products/a%20b").replace(b"GET", b"DELETE"),
            post("/v1/products", b'{"products": [{"id": "c", "title": "Pine bed"}, {"id": "d", "title": "Lamp", "material": ["oak", "pine"]}]}'),
            post("/v1/embed", b'{"image": "iVBORw0KGgo="}'), image(picture), image(form(b"Content-Disposition: form-data; name=n\r\n\r\n3\r\n",
            b"Content-Disposition: form-data; name=image\r\nContent-Type: image/png\r\n\r\n" + picture + b"\r\n"), FORM),
            b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"tex\r\n9\r\nt\": \"bed\"}\r\n0\r\n\r\n",
            *[get(path + b"a%20b", b"If-None-Match: \"x\"\r\nAuthorization: Bearer abc\r\n") for path in ids],
            *[get(path) for path in (b"/", b"/metrics", b"/readyz", b"/v1/status", b"/v1/columns", b"/v1/map", b"/v1/training", b"/openapi.json")]]


PIECES = [b"\r\n", b"\r\n\r\n", b"\x00", b"%00", b"%", b"..", b"\xff", b"\xed\xa0\x80", b"{", b"[" * 9, b'"', b"\\u0000", b"-1", b"0", b"1e999", b"18446744073709551616",
          b"null", b"true", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"&", b"=", b"n=1000", b"PUT", b"PATCH", b"DELETE",
          b"HEAD", b"--x", b" ", b"(" * 40, b"'", b"in (", b"a" * 300]


def mutate(rng, data, others):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:at + rng.choice((1, 2, 8, 64))]
        elif kind == 2:
            data[at:at] = rng.choice(PIECES)
        elif kind == 3:
            data[at:at + rng.choice((0, 1, 4))] = rng.choice(PIECES)
        elif kind == 4:
            other = rng.choice(others)
            begin = rng.randrange(len(other))
            data[at:at + rng.randrange(20)] = other[begin:begin + rng.randrange(1, 200)]
        else:
            data[at:at] = data[max(0, at - rng.randrange(1, 100)):at]
    if rng.random() < 0.5 and (end := data.find(b"\r\n\r\n")) >= 0:  # so that the body is read
        length = str(len(data) - end - 4).encode()
        begin = data.find(b"Content-Length: ")
        if 0 <= begin < end:
            stop = data.find(b"\r\n", begin)
            data[begin + 16:stop] = length
    return bytes(data)


def fuzz_some(given, server, number, end):
    others, rng, statuses = seeds(given.feed), random.Random(given.seed + number), {}
    while time.monotonic() < end:
        few = rng.choice((1, 1, 1, 3))  # one behind the other on one connection
        data = b"".join(mutate(rng, rng.choice(others), others) for _ in range(few)) if rng.random() < 0.95 else rng.randbytes(rng.randrange(2000))
        status = send(server.port, data, 0.3) if server.alive() else 500
        statuses[status] = statuses.get(status, 0) + 1
        if status in (500, -1):
            raise Found(f"answered {status}: {data!r} {server.said()[-2000:]}")
    return statuses


def fuzz(given):
    server = serving.Server(given.program, given.shop, "serve_request_s=10")
    end, statuses = time.monotonic() + given.seconds, {}
    with ThreadPoolExecutor(8) as pool:
        for some in pool.map(lambda number: fuzz_some(given, server, number, end), range(8)):
            statuses = {status: some.get(status, 0) + statuses.get(status, 0) for status in {*some, *statuses}}
    said = f"{sum(statuses.values()):,} connections with mutated requests in {given.seconds:.0f} s, by status: {dict(sorted(statuses.items()))}"
    if server.ask("GET", "/v1/search?text=sofa")[0] != 200 or server.end() != 0:
        raise Found(server.said()[-2000:])
    return said


ATTACKS = {"broken": broken, "fuzz": fuzz}
