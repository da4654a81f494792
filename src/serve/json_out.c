#include <math.h>
#include <serve/json_out.h>
#include <stdio.h>
#include <text/normalise.h>

static void put(sage_json_out *out, const char *bytes, size_t n) {
    if (out->st == SAGE_OK) out->st = sage_buf_add(out->buf, bytes, n, NULL);
}

static void before_value(sage_json_out *out) {
    if (out->more) put(out, ",", 1);
    out->more = true;
}

void sage_out_open(sage_json_out *out, char bracket) {
    before_value(out);
    put(out, &bracket, 1);
    out->more = false;
}

void sage_out_close(sage_json_out *out, char bracket) {
    put(out, &bracket, 1);
    out->more = true;
}

void sage_out_key(sage_json_out *out, const char *key) {
    before_value(out);
    put(out, "\"", 1);
    put(out, key, strlen(key));
    put(out, "\":", 2);
    out->more = false;
}

static bool plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
}

static void escape(sage_json_out *out, unsigned char c) {
    char text[8];
    const char *short_forms = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *at = short_forms; *at; at += 2) {
        if ((unsigned char)*at != c) continue;
        put(out, "\\", 1);
        put(out, at + 1, 1);
        return;
    }
    put(out, text, (size_t)snprintf(text, sizeof text, "\\u%04x", c));
}

/* [text, text + n) is UTF-8. */
static void put_valid(sage_json_out *out, const char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t run = at;
        while (run < n && plain((unsigned char)text[run])) run++;
        if (run > at) put(out, text + at, run - at);
        if (run < n) escape(out, (unsigned char)text[run++]);
        at = run;
    }
}

void sage_out_bytes(sage_json_out *out, const char *text, size_t n) {
    size_t bad;
    before_value(out);
    put(out, "\"", 1);
    while (n > 0 && !sage_utf8_valid(text, n, &bad)) {
        put_valid(out, text, bad);
        put(out, "\xEF\xBF\xBD", 3);
        text += bad + 1;
        n -= bad + 1;
    }
    put_valid(out, text, n);
    put(out, "\"", 1);
}

void sage_out_text(sage_json_out *out, const char *text) {
    sage_out_bytes(out, text, strlen(text));
}

void sage_out_whole(sage_json_out *out, int64_t value) {
    char text[24];
    before_value(out);
    put(out, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

static size_t write_digits(char *text, uint32_t number, size_t n) {
    for (size_t i = n; i-- > 0; number /= 10) text[i] = (char)('0' + number % 10);
    return n;
}

/* What "%.7g" writes, of numbers as scores are, in a tenth of its time; 0 where the number is another, or lies so near
 * the middle of two that its last digit might come out wrong. */
static size_t write_score(char text[16], double value) {
    enum { DIGITS = 7 };
    double size = fabs(value), scale = 1e7, power = 1;
    size_t places = DIGITS, n = 0, whole = 1;
    if (!(size >= 1e-3 && size < 1e3)) return 0;
    for (; size >= power; power *= 10) {
        scale /= 10;
        whole = DIGITS - --places;
    }
    for (power = 0.1; size < power; power /= 10, places++) scale *= 10;
    const double scaled = size * scale, rest = scaled - floor(scaled);
    uint32_t number = (uint32_t)scaled + (rest > 0.5);
    if (fabs(rest - 0.5) < 1e-3 || number >= 10000000) return 0;
    const uint32_t one = (uint32_t)scale;
    if (value < 0) text[n++] = '-';
    n += write_digits(text + n, number / one, whole);
    text[n++] = '.';
    n += write_digits(text + n, number % one, places);
    while (text[n - 1] == '0') n--;
    return text[n - 1] == '.' ? n - 1 : n;
}

static void real(sage_json_out *out, int digits, double value) {
    char text[40];
    if (!isfinite(value)) {
        sage_out_null(out);
        return;
    }
    before_value(out);
    put(out, text, (size_t)snprintf(text, sizeof text, "%.*g", digits, value));
}

void sage_out_real(sage_json_out *out, double value) {
    real(out, 15, value);
}

void sage_out_float(sage_json_out *out, double value) {
    char text[16];
    const size_t n = write_score(text, value);
    if (n == 0) {
        real(out, 7, value);
        return;
    }
    before_value(out);
    put(out, text, n);
}

void sage_out_bool(sage_json_out *out, bool value) {
    before_value(out);
    put(out, value ? "true" : "false", value ? 4 : 5);
}

void sage_out_null(sage_json_out *out) {
    before_value(out);
    put(out, "null", 4);
}

void sage_out_json(sage_json_out *out, const char *json) {
    before_value(out);
    put(out, json, strlen(json));
}
