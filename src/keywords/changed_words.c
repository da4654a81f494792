#include <base/alloc.h>
#include <base/error.h>
#include <keywords/changed_words.h>
#include <keywords/keywords.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t sage_word_hash(sage_str stem) {
    return XXH3_64bits(stem.data, stem.len);
}

typedef struct gathering {
    sage_placed_word *list;
    size_t n, room;
} gathering;

static sage_status take_token(void *ctx, const char *bytes, size_t len, size_t begin, size_t end, sage_error *error) {
    gathering *g = ctx;
    (void)begin;
    (void)end;
    if (sage_grow((void **)&g->list, &g->room, g->n + 1, sizeof *g->list) != 0)
        return sage_fail_memory(error, (g->n + 1) * sizeof *g->list);
    g->list[g->n] = (sage_placed_word){sage_word_hash((sage_str){bytes, len}), (uint32_t)g->n};
    g->n++;
    return SAGE_OK;
}

static int by_hash(const void *a, const void *b) {
    const sage_placed_word *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

sage_status sage_changed_words_make(sage_cutter *cutter, const sage_str *texts, size_t n_texts,
                                    sage_changed_words **words, sage_error *error) {
    sage_status st = SAGE_OK;
    gathering g = {.n = 0};
    size_t bytes = 0;
    *words = NULL;
    for (size_t i = 0; i < n_texts; i++) {
        if (texts[i].len > SAGE_KEYWORDS_TEXT_BYTES_MAX - bytes)
            SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "the texts of a product are longer than %d bytes",
                               (int)SAGE_KEYWORDS_TEXT_BYTES_MAX));
        bytes += texts[i].len;
        SAGE_TRY(sage_cutter_each(cutter, SAGE_TOKEN_STEMMED, texts[i].data, texts[i].len, take_token, &g, error));
    }
    sage_changed_words *made = sage_alloc(sizeof *made + g.n * sizeof *made->words);
    if (made == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *made + g.n * sizeof *made->words));
    if (g.n > 0) qsort(g.list, g.n, sizeof *g.list, by_hash);
    if (g.n > 0) memcpy(made->words, g.list, g.n * sizeof *g.list);
    made->n = (uint32_t)g.n;
    *words = made;
out:
    sage_free(g.list);
    return st;
}

/* The first that is not below (hash, place). */
static uint32_t seek(const sage_changed_words *words, uint64_t hash, uint32_t place) {
    uint32_t low = 0, high = words->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const sage_placed_word *at = &words->words[middle];
        if (at->hash < hash || (at->hash == hash && at->place < place))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const sage_changed_words *words, uint64_t hash, uint32_t place) {
    const uint32_t at = seek(words, hash, place);
    return at < words->n && words->words[at].hash == hash && words->words[at].place == place;
}

uint32_t sage_changed_words_times(const sage_changed_words *words, const uint64_t *hashes, size_t n) {
    uint32_t times = 0;
    for (uint32_t at = seek(words, hashes[0], 0); at < words->n && words->words[at].hash == hashes[0]; at++) {
        bool together = true;
        for (size_t i = 1; i < n && together; i++)
            together = stands_at(words, hashes[i], words->words[at].place + (uint32_t)i);
        times += together;
    }
    return times;
}
