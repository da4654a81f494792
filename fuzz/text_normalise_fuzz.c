/* Normalisation, words and n-grams of any bytes: refused at the right place where they are no UTF-8; else the result is
 * UTF-8, does not change when normalised again, and its words lie in it one after another. */
#include "fuzz.h"
#include <base/alloc.h>
#include <stdbool.h>
#include <string.h>
#include <text/ngram.h>
#include <text/normalise.h>

static sage_status touch_ngram(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error) {
    (void)error;
    size_t *n = ctx;
    FUZZ_CHECK(kind < SAGE_NGRAM_KINDS && len > 0);
    fuzz_touch(bytes, len);
    n[kind]++;
    return SAGE_OK;
}

static void check_words(const char *text, size_t len) {
    sage_str *words = NULL;
    size_t capacity = 0, n = 0, kinds[SAGE_NGRAM_KINDS] = {0};
    FUZZ_CHECK(sage_words(text, len, &words, &capacity, &n, NULL) == SAGE_OK);
    const char *at = text;
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(words[i].data >= at && words[i].len > 0 && words[i].data + words[i].len <= text + len);
        at = words[i].data + words[i].len;
    }
    FUZZ_CHECK(sage_ngrams_of_words(words, n, touch_ngram, kinds, NULL) == SAGE_OK);
    FUZZ_CHECK(kinds[SAGE_WORD] == n && kinds[SAGE_BIGRAM] == (n > 0 ? n - 1 : 0) && kinds[SAGE_TRIGRAM] >= n);
    sage_free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    sage_buf once, twice;
    sage_error error = {0};
    size_t bad = 0;
    sage_buf_init(&once, (size_t)1 << 28);
    sage_buf_init(&twice, (size_t)1 << 28);
    bool valid = sage_utf8_valid(text, size, &bad);
    sage_status st = sage_normalise(text, size, &once, &error);
    if (valid) {
        FUZZ_CHECK(st == SAGE_OK);
        FUZZ_CHECK(sage_utf8_valid(once.data, once.len, NULL));
        FUZZ_CHECK(sage_normalise(once.data, once.len, &twice, NULL) == SAGE_OK);
        FUZZ_CHECK(twice.len == once.len && (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0));
        if (once.len > 0) check_words(once.data, once.len);
    } else {
        FUZZ_CHECK(st == SAGE_E_FORMAT && bad < size && error.column == bad + 1);
        FUZZ_CHECK(sage_utf8_valid(text, bad, NULL)); /* what lies before it is good */
    }
    sage_buf_free(&once);
    sage_buf_free(&twice);
    return 0;
}
