/* NFKC with case folding, in linear time.
 *
 * An ASCII character is a starter and never the second half of a composition, so it always begins a new segment: what
 * lies before it cannot change it. Text is therefore cut into plain ASCII (a table look-up a byte) and stretches of
 * other code points together with the one ASCII character before them, which they may compose with. */
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>
#include <text/normalise.h>
#include <text/utf8.h>
#include <utf8proc.h>

enum {
    PIECE_BYTES = 4096, /* output is handed to the buffer in pieces of this size */
    POINTS_ON_STACK = 512,
    INSERTION_MAX = 32, /* longer runs of marks are ordered by counting: adversarial text stays linear */
    CLASSES = 256       /* canonical combining classes */
};

static const utf8proc_option_t DECOMPOSE =
    UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;

typedef struct writer {
    sage_buf *out;
    bool begun; /* something was written: a blank may follow */
    bool blank; /* a blank is owed before the next character */
    size_t n;
    char piece[PIECE_BYTES];
} writer;

static sage_status flush(writer *w, sage_error *error) {
    sage_status st = sage_buf_add(w->out, w->piece, w->n, error);
    w->n = 0;
    return st;
}

/* Room for one character and the blank before it. */
static sage_status reserve(writer *w, sage_error *error) {
    return w->n > PIECE_BYTES - 8 ? flush(w, error) : SAGE_OK;
}

static void settle_blank(writer *w) {
    if (w->blank && w->begun) w->piece[w->n++] = ' ';
    w->blank = false;
    w->begun = true;
}

static sage_status write_ascii(writer *w, const char *text, size_t len, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == 0x7F) {
            w->blank = true;
            continue;
        }
        SAGE_TRY(reserve(w, error));
        settle_blank(w);
        w->piece[w->n++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
out:
    return st;
}

static bool is_space(utf8proc_int32_t point) {
    if (point < 0x80) return point <= ' ' || point == 0x7F;
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
           category == UTF8PROC_CATEGORY_CC;
}

static sage_status write_points(writer *w, const utf8proc_int32_t *points, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n; i++) {
        if (is_space(points[i])) {
            w->blank = true;
            continue;
        }
        SAGE_TRY(reserve(w, error));
        settle_blank(w);
        w->n += (size_t)utf8proc_encode_char(points[i], (utf8proc_uint8_t *)w->piece + w->n);
    }
out:
    return st;
}

/* ---- canonical ordering: marks of one run by combining class, equal classes in their old order ---- */

static unsigned combining_class(utf8proc_int32_t point) {
    return (unsigned)utf8proc_get_property(point)->combining_class & (CLASSES - 1);
}

static void order_short(utf8proc_int32_t *points, size_t n) {
    for (size_t i = 1; i < n; i++) {
        utf8proc_int32_t point = points[i];
        unsigned class = combining_class(point);
        size_t j = i;
        for (; j > 0 && combining_class(points[j - 1]) > class; j--) points[j] = points[j - 1];
        points[j] = point;
    }
}

static sage_status order_long(utf8proc_int32_t *points, size_t n, sage_error *error) {
    size_t place[CLASSES + 1] = {0};
    utf8proc_int32_t *sorted = sage_alloc(n * sizeof *sorted);
    if (sorted == NULL) return sage_fail_memory(error, n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) place[combining_class(points[i]) + 1]++;
    for (size_t c = 0; c < CLASSES; c++) place[c + 1] += place[c];
    for (size_t i = 0; i < n; i++) sorted[place[combining_class(points[i])]++] = points[i];
    memcpy(points, sorted, n * sizeof *sorted);
    sage_free(sorted);
    return SAGE_OK;
}

static sage_status order_marks(utf8proc_int32_t *points, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n; i++) {
        size_t begin = i;
        while (i < n && combining_class(points[i]) != 0) i++;
        if (i - begin > INSERTION_MAX) {
            SAGE_TRY(order_long(points + begin, i - begin, error));
        } else if (i - begin > 1) {
            order_short(points + begin, i - begin);
        }
    }
out:
    return st;
}

/* ---- one stretch that is not plain ASCII ---- */

typedef struct points {
    utf8proc_int32_t *data, stack[POINTS_ON_STACK];
    size_t n, capacity;
} points;

/* A code point becomes at most 18 (U+FDFA), so room for 32 is always enough. */
static sage_status make_room(points *p, sage_error *error) {
    if (p->capacity - p->n >= 32) return SAGE_OK;
    size_t wanted = p->capacity * 2;
    utf8proc_int32_t *grown = sage_realloc(p->data == p->stack ? NULL : p->data, wanted * sizeof *grown);
    if (grown == NULL) return sage_fail_memory(error, wanted * sizeof *grown);
    if (p->data == p->stack) memcpy(grown, p->stack, p->n * sizeof *grown);
    p->data = grown;
    p->capacity = wanted;
    return SAGE_OK;
}

static sage_status write_other(writer *w, const char *text, size_t len, sage_error *error) {
    sage_status st = SAGE_OK;
    points p = {.capacity = POINTS_ON_STACK};
    p.data = p.stack;
    int boundary = 0;
    for (size_t i = 0; i < len;) {
        uint32_t point;
        i += sage_utf8_next(text + i, len - i, &point);
        SAGE_TRY(make_room(&p, error));
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)point, p.data + p.n,
                                                     (utf8proc_ssize_t)(p.capacity - p.n), DECOMPOSE, &boundary);
        if (n < 0 || (size_t)n > p.capacity - p.n) {
            st = sage_fail(error, SAGE_E_INTERNAL, "code point U+%04X could not be normalised", (unsigned)point);
            goto out;
        }
        p.n += (size_t)n;
    }
    SAGE_TRY(order_marks(p.data, p.n, error));
    utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(p.data, (utf8proc_ssize_t)p.n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    SAGE_TRY(write_points(w, p.data, composed < 0 ? 0 : (size_t)composed, error));
out:
    if (p.data != p.stack) sage_free(p.data);
    return st;
}

static size_t ascii_length(const char *text, size_t len) {
    size_t n = 0;
    while (n + 8 <= len) {
        uint64_t word;
        memcpy(&word, text + n, 8);
        if (word & UINT64_C(0x8080808080808080)) break;
        n += 8;
    }
    while (n < len && (unsigned char)text[n] < 0x80) n++;
    return n;
}

sage_status sage_normalise(const char *text, size_t len, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bad;
    writer w = {.out = out};
    if (!sage_utf8_valid(text, len, &bad)) {
        return sage_fail_at(error, SAGE_E_FORMAT, "", 0, bad + 1, "byte %zu is not UTF-8", bad + 1);
    }
    for (size_t i = 0; i < len;) {
        size_t plain = ascii_length(text + i, len - i), end = i + plain;
        bool more = end < len;
        if (more && plain > 0) plain--; /* the last one may compose with what follows */
        SAGE_TRY(write_ascii(&w, text + i, plain, error));
        i += plain;
        while (end < len && (unsigned char)text[end] >= 0x80) end++;
        if (more) SAGE_TRY(write_other(&w, text + i, end - i, error));
        i = end;
    }
    SAGE_TRY(flush(&w, error));
out:
    return st;
}
