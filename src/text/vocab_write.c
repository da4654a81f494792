/* Chooses the most frequent n-grams of the merged runs and writes the vocabulary's file.
 *
 * The least df that is kept is found exactly by a radix selection over the merged stream (high halves of df, then low
 * halves), so that memory holds only what is kept however many n-grams there are. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/packed.h>
#include <stdlib.h>
#include <string.h>
#include <text/vocab_builder.h>
#include <text/vocab_file.h>

enum { DIGITS = 1 << 16, CANCEL_EVERY = 1 << 16 };

typedef struct selection {
    sage_vocab_builder *builder;
    const sage_monitor *monitor;
    sage_run_source sources[SAGE_RUNS_MAX + 1];
    size_t n_sources;
    uint64_t (*histogram)[DIGITS];           /* [SAGE_NGRAM_KINDS] */
    uint32_t threshold[SAGE_NGRAM_KINDS];    /* the least df that is kept */
    uint64_t above[SAGE_NGRAM_KINDS];        /* n-grams whose high half is above the threshold's */
    uint64_t at_threshold[SAGE_NGRAM_KINDS]; /* how many of exactly that df are kept: the first by bytes */
    sage_arena *bytes;
    sage_counted *kept;
    size_t n_kept, kept_capacity;
} selection;

static uint32_t least_df(const selection *s, unsigned kind) {
    uint32_t least = s->builder->limits.min_df[kind];
    return least == 0 ? 1 : least;
}

typedef sage_status (*visit_fn)(selection *s, const sage_counted *ngram, sage_error *error);

static sage_status visit_all(selection *s, visit_fn visit, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_run_merge merge = {0};
    sage_counted ngram;
    SAGE_TRY(sage_run_merge_begin(&merge, s->sources, s->n_sources, error));
    for (size_t i = 0; sage_run_merge_next(&merge, &ngram); i++) {
        if (i % CANCEL_EVERY == 0) SAGE_TRY(sage_check_cancel(s->monitor, "building the vocabulary", error));
        if (ngram.df >= least_df(s, ngram.kind)) SAGE_TRY(visit(s, &ngram, error));
    }
out:
    sage_run_merge_end(&merge);
    return st;
}

static sage_status count_high(selection *s, const sage_counted *ngram, sage_error *error) {
    (void)error;
    s->histogram[ngram->kind][ngram->df >> 16]++;
    return SAGE_OK;
}

static sage_status count_low(selection *s, const sage_counted *ngram, sage_error *error) {
    (void)error;
    if (ngram->df >> 16 == s->threshold[ngram->kind] >> 16) s->histogram[ngram->kind][ngram->df & (DIGITS - 1)]++;
    return SAGE_OK;
}

/* The digit at which `already` and all n-grams of that digit and above first pass `max`, and how many lie above it. */
static uint32_t choose_digit(const uint64_t *histogram, uint64_t already, uint64_t max, uint64_t *above) {
    uint64_t sum = already;
    for (uint32_t digit = DIGITS - 1;; digit--) {
        if (digit == 0 || sum + histogram[digit] > max) {
            *above = sum;
            return digit;
        }
        sum += histogram[digit];
    }
}

static sage_status find_thresholds(selection *s, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bytes = SAGE_NGRAM_KINDS * sizeof *s->histogram;
    memset(s->histogram, 0, bytes);
    SAGE_TRY(visit_all(s, count_high, error));
    for (unsigned k = 0; k < SAGE_NGRAM_KINDS; k++) {
        s->threshold[k] = choose_digit(s->histogram[k], 0, s->builder->limits.max[k], &s->above[k]) << 16;
    }
    memset(s->histogram, 0, bytes);
    SAGE_TRY(visit_all(s, count_low, error));
    for (unsigned k = 0; k < SAGE_NGRAM_KINDS; k++) {
        uint64_t max = s->builder->limits.max[k], above;
        uint32_t low = choose_digit(s->histogram[k], s->above[k], max, &above);
        s->threshold[k] |= low;
        s->at_threshold[k] = max - above;
    }
out:
    return st;
}

static sage_status keep(selection *s, const sage_counted *ngram, sage_error *error) {
    unsigned kind = ngram->kind;
    if (ngram->df < s->threshold[kind]) return SAGE_OK;
    if (ngram->df == s->threshold[kind]) {
        if (s->at_threshold[kind] == 0) return SAGE_OK;
        s->at_threshold[kind]--;
    }
    if (sage_grow((void **)&s->kept, &s->kept_capacity, s->n_kept + 1, sizeof *s->kept) != 0) {
        return sage_fail_memory(error, (s->n_kept + 1) * sizeof *s->kept);
    }
    const char *copy = sage_arena_copy(s->bytes, ngram->bytes, ngram->len);
    if (copy == NULL) return sage_fail_memory(error, ngram->len);
    s->kept[s->n_kept] = *ngram;
    s->kept[s->n_kept++].bytes = copy;
    return SAGE_OK;
}

static int compare_kept(const void *left, const void *right) {
    const sage_counted *a = left, *b = right;
    if (a->kind == b->kind && a->df != b->df) return a->df > b->df ? -1 : 1;
    return sage_counted_compare(a, b);
}

/* ---- the file ---- */

typedef struct content {
    sage_vocab_info info;
    uint32_t *offsets, *df;
    uint64_t *slots;
    size_t n_slots;
} content;

static sage_status fill_slots(const selection *s, content *c, sage_error *error) {
    c->n_slots = 8;
    while (c->n_slots < 2 * s->n_kept) c->n_slots *= 2;
    c->slots = sage_alloc(c->n_slots * sizeof *c->slots);
    if (c->slots == NULL) return sage_fail_memory(error, c->n_slots * sizeof *c->slots);
    memset(c->slots, 0xFF, c->n_slots * sizeof *c->slots);
    for (size_t id = 0; id < s->n_kept; id++) {
        const sage_counted *ngram = &s->kept[id];
        uint64_t hash = sage_ngram_hash((sage_ngram_kind)ngram->kind, ngram->bytes, ngram->len);
        size_t at = hash & (c->n_slots - 1);
        while (c->slots[at] != SAGE_VOCAB_EMPTY) at = (at + 1) & (c->n_slots - 1);
        c->slots[at] = (hash >> 32) << 32 | id;
    }
    return SAGE_OK;
}

static sage_status fill_content(const selection *s, content *c, sage_error *error) {
    size_t n = s->n_kept, at = 0;
    c->offsets = sage_alloc((n + 1) * sizeof *c->offsets);
    c->df = sage_alloc(n * sizeof *c->df);
    if (c->offsets == NULL || c->df == NULL) return sage_fail_memory(error, (n + 1) * sizeof *c->offsets);
    c->info.documents = s->builder->documents;
    for (size_t i = 0; i < n; i++) {
        c->offsets[i] = (uint32_t)at;
        c->df[i] = s->kept[i].df;
        c->info.begin[s->kept[i].kind + 1] = i + 1;
        at += s->kept[i].len;
        if (at > UINT32_MAX) {
            return sage_fail(error, SAGE_E_LIMIT,
                             "the vocabulary's texts pass 4 GiB; lower vocab_words and vocab_bigrams");
        }
    }
    c->offsets[n] = (uint32_t)at;
    for (size_t k = 0; k < SAGE_NGRAM_KINDS; k++) {
        if (c->info.begin[k + 1] < c->info.begin[k]) c->info.begin[k + 1] = c->info.begin[k];
    }
    return fill_slots(s, c, error);
}

static uint64_t hash_content(const selection *s, const content *c) {
    uint64_t hash = XXH3_64bits(&c->info.documents, sizeof c->info.documents);
    hash = XXH3_64bits_withSeed(c->info.begin, sizeof c->info.begin, hash);
    hash = XXH3_64bits_withSeed(c->offsets, (s->n_kept + 1) * sizeof *c->offsets, hash);
    for (size_t i = 0; i < s->n_kept; i++) hash = XXH3_64bits_withSeed(s->kept[i].bytes, s->kept[i].len, hash);
    return XXH3_64bits_withSeed(c->df, s->n_kept * sizeof *c->df, hash);
}

static sage_status write_section(sage_packed_writer *w, const char *name, const void *data, size_t n, size_t size,
                                 sage_error *error) {
    sage_status st = sage_packed_section(w, name, size, error);
    return st == SAGE_OK ? sage_packed_add(w, data, n * size, error) : st;
}

static sage_status write_file(const selection *s, const content *c, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *w = NULL;
    SAGE_TRY(sage_packed_create(path, SAGE_VOCAB_MAGIC, SAGE_VOCAB_VERSION, SAGE_VOCAB_SECTIONS, &w, error));
    SAGE_TRY(write_section(w, "info", &c->info, 1, sizeof c->info, error));
    SAGE_TRY(write_section(w, "offsets", c->offsets, s->n_kept + 1, sizeof *c->offsets, error));
    SAGE_TRY(sage_packed_section(w, "bytes", 1, error));
    for (size_t i = 0; i < s->n_kept; i++) SAGE_TRY(sage_packed_add(w, s->kept[i].bytes, s->kept[i].len, error));
    SAGE_TRY(write_section(w, "df", c->df, s->n_kept, sizeof *c->df, error));
    SAGE_TRY(write_section(w, "slots", c->slots, c->n_slots, sizeof *c->slots, error));
    sage_packed_writer *finished = w;
    w = NULL;
    SAGE_TRY(sage_packed_finish(finished, error));
out:
    sage_packed_abandon(w);
    return st;
}

static sage_status check_limits(const sage_vocab_builder *builder, sage_error *error) {
    uint64_t sum = 0;
    for (unsigned k = 0; k < SAGE_NGRAM_KINDS; k++) {
        if (builder->limits.max[k] > INT32_MAX) {
            return sage_fail(error, SAGE_E_ARGUMENT, "a vocabulary of %zu n-grams; at most %d are allowed",
                             builder->limits.max[k], INT32_MAX);
        }
        sum += builder->limits.max[k];
    }
    return sum < SAGE_NO_ID ? SAGE_OK
                            : sage_fail(error, SAGE_E_ARGUMENT, "the three vocabularies together pass 2^32 n-grams");
}

sage_status sage_vocab_builder_write(sage_vocab_builder *builder, const char *path, const sage_monitor *monitor,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    selection s = {.builder = builder, .monitor = monitor};
    content c = {0};
    sage_counted *table = NULL;
    SAGE_TRY(check_limits(builder, error));
    s.bytes = sage_arena_new(1 << 18);
    s.histogram = sage_alloc(SAGE_NGRAM_KINDS * sizeof *s.histogram);
    if (s.bytes == NULL || s.histogram == NULL) {
        st = sage_fail_memory(error, SAGE_NGRAM_KINDS * sizeof *s.histogram);
        goto out;
    }
    SAGE_TRY(sage_vocab_sorted(builder, &table, error));
    SAGE_TRY(sage_vocab_sources(builder, table, builder->n_cells, s.sources, &s.n_sources, error));
    SAGE_TRY(find_thresholds(&s, error));
    SAGE_TRY(visit_all(&s, keep, error));
    if (s.n_kept > 1) qsort(s.kept, s.n_kept, sizeof *s.kept, compare_kept);
    SAGE_TRY(fill_content(&s, &c, error));
    c.info.hash = hash_content(&s, &c);
    SAGE_TRY(write_file(&s, &c, path, error));
out:
    sage_vocab_sources_close(s.sources, s.n_sources);
    sage_arena_free(s.bytes);
    sage_free(s.histogram);
    sage_free(s.kept);
    sage_free(table);
    sage_free(c.offsets);
    sage_free(c.df);
    sage_free(c.slots);
    return st;
}
