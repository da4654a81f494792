#include <catalog/feed_scan.h>
#include <catalog/json_row.h>

bool sage_json_fault(sage_json_row *json, const char *at, const char *reason, const char *what) {
    sage_feed_reject(json->feed, reason, 0, (size_t)(at - json->begin) + 1, "%s", what);
    return false;
}

/* Four hex digits at p; -1 where they are not. */
static int32_t hex4(const char *p, const char *end) {
    int32_t value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, int32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* \uXXXX, p behind the u; surrogates come in pairs. Moves *p on. */
static bool unicode_escape(sage_json_row *json, const char **p, const char *end, char **out) {
    int32_t c = hex4(*p, end);
    if (c < 0) return sage_json_fault(json, *p, "bad-json", "\\u needs four hexadecimal digits");
    if (c == 0) return sage_json_fault(json, *p, "nul-byte", "\\u0000 in a string");
    const char *at = *p;
    *p += 4;
    if (c >= 0xD800 && c < 0xE000) {
        bool pair = c < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u';
        int32_t low = pair ? hex4(*p + 2, end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            return sage_json_fault(json, at, "bad-json", "half of a surrogate pair in a \\u escape");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        *p += 6;
    }
    *out = put_utf8(*out, c);
    return true;
}

static char plain_escape(char c) {
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

/* An escape never grows: six bytes give at most three of UTF-8, twelve give four. */
static bool unescape(sage_json_row *json, const char *p, const char *end, sage_str *out) {
    char *text;
    json->st = sage_feed_scratch(json->feed, (size_t)(end - p), &text, json->error);
    if (json->st != SAGE_OK) return false;
    char *to = text;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((slash != NULL ? slash : end) - p);
        memcpy(to, p, n);
        to += n;
        p += n;
        if (p == end) break;
        if (p[1] == 'u') {
            p += 2;
            if (!unicode_escape(json, &p, end, &to)) return false;
            continue;
        }
        *to = plain_escape(p[1]);
        if (*to == '\0') return sage_json_fault(json, p, "bad-json", "an unknown escape in a string");
        to++;
        p += 2;
    }
    *out = (sage_str){text, (size_t)(to - text)};
    return true;
}

bool sage_json_string(sage_json_row *json, sage_str *out) {
    const char *begin = json->p + 1, *p = begin;
    bool escaped = false;
    for (;;) {
        p = sage_scan_json(p, json->end);
        if (p == json->end || *p != '\\') break;
        escaped = true;
        p += 2;
        if (p > json->end) p = json->end;
    }
    if (p == json->end) return sage_json_fault(json, json->p, "bad-json", "a string is not closed on its line");
    if (*p != '"') {
        return sage_json_fault(json, p, "bad-json", "a control character in a string; write it as an escape");
    }
    json->p = p + 1;
    *out = (sage_str){begin, (size_t)(p - begin)};
    return !escaped || unescape(json, begin, p, out);
}
