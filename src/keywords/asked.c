#include <base/alloc.h>
#include <base/error.h>
#include <keywords/asked.h>
#include <keywords/keywords.h>

void sage_asked_init(sage_asked *asked) {
    *asked = (sage_asked){0};
    /* Folding makes no text four times as long. */
    sage_buf_init(&asked->folded, 4 * (size_t)SAGE_KEYWORDS_QUERY_BYTES_MAX);
    sage_buf_init(&asked->stems, 4 * (size_t)SAGE_KEYWORDS_QUERY_BYTES_MAX);
}

void sage_asked_free(sage_asked *asked) {
    sage_free(asked->parts);
    sage_buf_free(&asked->folded);
    sage_buf_free(&asked->stems);
}

/* Bytes of the blank that begins at text[0], or 0: ASCII control and space, and Unicode's white space. */
static size_t blank_bytes(const unsigned char *text, size_t len) {
    if (text[0] <= 0x20 || text[0] == 0x7F) return 1;
    if (len >= 2 && text[0] == 0xC2 && (text[1] == 0x85 || text[1] == 0xA0)) return 2;
    if (len < 3) return 0;
    if (text[0] == 0xE1 && text[1] == 0x9A && text[2] == 0x80) return 3;
    if (text[0] == 0xE3 && text[1] == 0x80 && text[2] == 0x80) return 3;
    if (text[0] != 0xE2) return 0;
    bool general = text[1] == 0x80 &&
                   ((text[2] >= 0x80 && text[2] <= 0x8B) || text[2] == 0xA8 || text[2] == 0xA9 || text[2] == 0xAF);
    return general || (text[1] == 0x81 && text[2] == 0x9F) ? 3 : 0;
}

static bool has_blank(const char *text, size_t begin, size_t end) {
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = begin; i < end; i++)
        if (blank_bytes(bytes + i, end - i) > 0) return true;
    return false;
}

/* A byte that no word holds ends each part, so that parts of a word are told apart: "ab" and "c" are not "a" and "bc".
 */
static sage_status take_folded(void *ctx, const char *bytes, size_t len, size_t begin, size_t end, sage_error *error) {
    sage_asked *asked = ctx;
    sage_status st = SAGE_OK;
    if (sage_grow((void **)&asked->parts, &asked->capacity, asked->n + 1, sizeof *asked->parts) != 0)
        return sage_fail_memory(error, (asked->n + 1) * sizeof *asked->parts);
    SAGE_TRY(sage_buf_add(&asked->folded, bytes, len, error));
    SAGE_TRY(sage_buf_byte(&asked->folded, ' ', error));
    bool joined = asked->n > 0 && !has_blank(asked->text, asked->parts[asked->n - 1].end, begin);
    asked->parts[asked->n++] = (sage_asked_part){asked->folded.len, 0, begin, end, joined};
out:
    return st;
}

/* Stems come in the same order, one for each part. */
static sage_status take_stem(void *ctx, const char *bytes, size_t len, size_t begin, size_t end, sage_error *error) {
    sage_asked *asked = ctx;
    (void)begin;
    (void)end;
    if (asked->stemmed == asked->n) return SAGE_OK;
    sage_status st = sage_buf_add(&asked->stems, bytes, len, error);
    asked->parts[asked->stemmed++].stem_end = asked->stems.len;
    return st;
}

sage_status sage_asked_read(sage_asked *asked, sage_cutter *cutter, const char *text, size_t len, sage_error *error) {
    sage_status st = SAGE_OK;
    if (len > SAGE_KEYWORDS_QUERY_BYTES_MAX) len = SAGE_KEYWORDS_QUERY_BYTES_MAX;
    sage_buf_clear(&asked->folded);
    sage_buf_clear(&asked->stems);
    asked->n = asked->stemmed = 0;
    asked->text = text;
    SAGE_TRY(sage_cutter_each(cutter, SAGE_TOKEN_FOLDED, text, len, take_folded, asked, error));
    SAGE_TRY(sage_cutter_each(cutter, SAGE_TOKEN_STEMMED, text, len, take_stem, asked, error));
    asked->n = asked->stemmed;
out:
    return st;
}

static sage_str folded(const sage_asked *asked, size_t begin, size_t end) {
    size_t from = begin > 0 ? asked->parts[begin - 1].folded_end : 0;
    return (sage_str){asked->folded.data + from, asked->parts[end - 1].folded_end - from};
}

sage_str sage_asked_stem(const sage_asked *asked, size_t part) {
    size_t from = part > 0 ? asked->parts[part - 1].stem_end : 0;
    return (sage_str){asked->stems.data + from, asked->parts[part].stem_end - from};
}

static size_t word_end(const sage_asked *asked, size_t begin) {
    size_t end = begin + 1;
    while (end < asked->n && asked->parts[end].joined) end++;
    return end;
}

static bool seen_before(const sage_asked *asked, size_t begin, size_t end) {
    sage_str word = folded(asked, begin, end);
    for (size_t other = 0, other_end; other < begin; other = other_end) {
        other_end = word_end(asked, other);
        if (sage_str_equal(folded(asked, other, other_end), word)) return true;
    }
    return false;
}

bool sage_asked_next(const sage_asked *asked, size_t *begin, size_t *at) {
    while (*at < asked->n) {
        *begin = *at;
        *at = word_end(asked, *begin);
        if (!seen_before(asked, *begin, *at)) return true;
    }
    return false;
}
