#include <base/alloc.h>
#include <base/error.h>
#include <stdbool.h>
#include <string.h>
#include <text/ngram.h>
#include <text/utf8.h>
#include <utf8proc.h>

enum { WORD_POINTS = 64, WORD_BYTES = 4 * WORD_POINTS };

static bool in_word(uint32_t point) {
    if (point < 0x80) {
        return (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z');
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

sage_status sage_words(const char *text, size_t len, sage_str **words, size_t *capacity, size_t *n, sage_error *error) {
    size_t begin = 0, points = 0;
    for (size_t i = 0; i <= len;) {
        uint32_t point = ' ';
        size_t step = i < len ? sage_utf8_next(text + i, len - i, &point) : 1;
        bool inside = i < len && in_word(point);
        if (points > 0 && (!inside || points == WORD_POINTS)) {
            if (sage_grow((void **)words, capacity, *n + 1, sizeof **words) != 0) {
                return sage_fail_memory(error, (*n + 1) * sizeof **words);
            }
            (*words)[(*n)++] = (sage_str){text + begin, i - begin};
            points = 0;
        }
        if (inside && points++ == 0) begin = i;
        i += step;
    }
    return SAGE_OK;
}

static sage_status bigrams(const sage_str *words, size_t n, sage_ngram_fn fn, void *ctx, sage_error *error) {
    char joined[2 * WORD_BYTES + 1];
    for (size_t i = 0; i + 1 < n; i++) {
        size_t first = words[i].len, second = words[i + 1].len;
        memcpy(joined, words[i].data, first);
        joined[first] = ' ';
        memcpy(joined + first + 1, words[i + 1].data, second);
        sage_status st = fn(ctx, SAGE_BIGRAM, joined, first + 1 + second, error);
        if (st != SAGE_OK) return st;
    }
    return SAGE_OK;
}

static sage_status trigrams(sage_str word, sage_ngram_fn fn, void *ctx, sage_error *error) {
    char fenced[WORD_BYTES + 2];
    size_t start[WORD_BYTES + 3], points = 0, len = word.len + 2;
    fenced[0] = '#';
    memcpy(fenced + 1, word.data, word.len);
    fenced[len - 1] = '#';
    for (size_t i = 0; i < len;) {
        uint32_t point;
        start[points++] = i;
        i += sage_utf8_next(fenced + i, len - i, &point);
    }
    start[points] = len;
    for (size_t i = 0; i + 3 <= points; i++) {
        sage_status st = fn(ctx, SAGE_TRIGRAM, fenced + start[i], start[i + 3] - start[i], error);
        if (st != SAGE_OK) return st;
    }
    return SAGE_OK;
}

sage_status sage_ngrams_of_words(const sage_str *words, size_t n, sage_ngram_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n; i++) {
        if (words[i].len == 0 || words[i].len > WORD_BYTES) {
            st =
                sage_fail(error, SAGE_E_ARGUMENT, "a word of %zu bytes; 1 to %d are allowed", words[i].len, WORD_BYTES);
            goto out;
        }
        SAGE_TRY(fn(ctx, SAGE_WORD, words[i].data, words[i].len, error));
    }
    SAGE_TRY(bigrams(words, n, fn, ctx, error));
    for (size_t i = 0; i < n; i++) SAGE_TRY(trigrams(words[i], fn, ctx, error));
out:
    return st;
}
