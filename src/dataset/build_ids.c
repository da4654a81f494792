/* n-gram ids of the products' texts, in parallel over blocks of products, written in their order. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>

enum { BLOCK = 4096 }; /* products that are in memory at once */

typedef struct worker {
    sage_status st;
    sage_error error;
    uint32_t *ids;
    size_t capacity, n;
    uint32_t *fields; /* [BLOCK][SAGE_FIELD_ENDS] */
    size_t n_products;
    sage_str *words;
    size_t words_capacity;
} worker;

typedef struct block {
    const sage_build *build;
    worker *workers;
    size_t first; /* product */
} block;

static sage_status read_product(const sage_build *build, worker *w, size_t product, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_product_spools *s = &build->products;
    const uint64_t *begin = (const uint64_t *)(const void *)s->text_begin.map.data;
    const uint32_t *field = (const uint32_t *)(const void *)s->text_field.map.data + product * SAGE_FIELD_ENDS;
    const char *text = s->text.map.data == NULL ? "" : (const char *)s->text.map.data + begin[product];
    uint32_t *ends = w->fields + w->n_products * SAGE_FIELD_ENDS;
    size_t first = w->n;
    ends[0] = 0;
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        size_t n;
        SAGE_TRY(sage_field_words((sage_str){text + field[f], field[f + 1] - field[f]}, &w->words, &w->words_capacity,
                                  &n, error));
        SAGE_TRY(sage_vocab_ids(build->vocab, w->words, n, &w->ids, &w->capacity, &w->n, error));
        ends[f + 1] = (uint32_t)(w->n - first);
    }
    w->n_products++;
out:
    return st;
}

static void read_piece(void *ctx, size_t begin, size_t end, size_t number) {
    block *b = ctx;
    worker *w = &b->workers[number];
    for (size_t i = begin; i < end && w->st == SAGE_OK; i++) w->st = read_product(b->build, w, b->first + i, &w->error);
}

/* The workers' pieces lie one after another, so writing them in the workers' order keeps the products' order. */
static sage_status write_block(sage_product_spools *s, sage_packed_writer *writer, worker *workers, size_t n_workers,
                               uint64_t *id_end, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t t = 0; t < n_workers; t++) {
        worker *w = &workers[t];
        if (w->st != SAGE_OK) {
            if (error != NULL) *error = w->error;
            return w->st;
        }
        SAGE_TRY(sage_packed_add(writer, w->ids, w->n * sizeof *w->ids, error));
        SAGE_TRY(sage_spool_add(&s->id_field, w->fields, w->n_products * SAGE_FIELD_ENDS * sizeof *w->fields, error));
        for (size_t i = 0; i < w->n_products; i++) {
            *id_end += w->fields[i * SAGE_FIELD_ENDS + SAGE_FIELDS];
            SAGE_TRY(sage_spool_add(&s->id_begin, id_end, sizeof *id_end, error));
        }
        w->n = w->n_products = 0;
    }
out:
    return st;
}

static sage_status make_workers(worker **workers, size_t n, sage_error *error) {
    *workers = sage_alloc_zero(n, sizeof **workers);
    if (*workers == NULL) return sage_fail_memory(error, n * sizeof **workers);
    for (size_t t = 0; t < n; t++) {
        (*workers)[t].fields = sage_alloc((size_t)BLOCK * SAGE_FIELD_ENDS * sizeof(uint32_t));
        if ((*workers)[t].fields == NULL)
            return sage_fail_memory(error, (size_t)BLOCK * SAGE_FIELD_ENDS * sizeof(uint32_t));
    }
    return SAGE_OK;
}

static void free_workers(worker *workers, size_t n) {
    for (size_t t = 0; workers != NULL && t < n; t++) {
        sage_free(workers[t].ids);
        sage_free(workers[t].fields);
        sage_free(workers[t].words);
    }
    sage_free(workers);
}

sage_status sage_build_ids(sage_build *build, sage_packed_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &build->products;
    size_t n_workers = sage_pool_threads(build->pool);
    worker *workers = NULL;
    uint64_t id_end = 0;
    sage_ticker ticker;
    sage_ticker_begin(&ticker, build->monitor, "dataset: ids", s->n);
    SAGE_TRY(make_workers(&workers, n_workers, error));
    SAGE_TRY(sage_spool_map(&s->text, error));
    SAGE_TRY(sage_spool_map(&s->text_begin, error));
    SAGE_TRY(sage_spool_map(&s->text_field, error));
    SAGE_TRY(sage_spool_add(&s->id_begin, &id_end, sizeof id_end, error));
    for (size_t first = 0; first < s->n; first += BLOCK) {
        block b = {build, workers, first};
        size_t n = s->n - first < BLOCK ? s->n - first : BLOCK;
        sage_pool_for(build->pool, n, 16, read_piece, &b);
        SAGE_TRY(write_block(s, writer, workers, n_workers, &id_end, error));
        SAGE_TRY(sage_check_cancel(build->monitor, "building the dataset", error));
        sage_ticker_tick(&ticker, first + n, NULL);
    }
    sage_ticker_end(&ticker, s->n);
out:
    free_workers(workers, n_workers);
    return st;
}
