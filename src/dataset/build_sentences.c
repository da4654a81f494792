/* Vectors of titles and search texts, from the shop's cache or computed now. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>
#include <stdio.h>

enum { BLOCK = 1024 }; /* texts that are in memory at once */

typedef struct pass {
    sage_build *build;
    size_t dim, n;
    sage_str texts[BLOCK];
    float *vectors; /* [BLOCK][dim] */
    sage_ticker ticker;
    uint64_t done;
} pass;

static void tell(pass *p, size_t n) {
    char detail[64];
    p->done += n;
    snprintf(detail, sizeof detail, "%llu computed", (unsigned long long)sage_sentences_computed(p->build->sentences));
    sage_ticker_tick(&p->ticker, p->done, detail);
}

/* Appends the vectors of the block's texts, and after each where it ends; a text without characters has none. */
static sage_status end_block(pass *p, sage_spool *vectors, sage_spool *ends, uint64_t *end, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_sentences_read(p->build->sentences, p->n, p->texts, p->vectors, error));
    for (size_t i = 0; i < p->n; i++) {
        *end += p->texts[i].len > 0;
        if (p->texts[i].len > 0)
            SAGE_TRY(sage_spool_add(vectors, p->vectors + i * p->dim, p->dim * sizeof *p->vectors, error));
        SAGE_TRY(sage_spool_add(ends, end, sizeof *end, error));
    }
    tell(p, p->n);
    p->n = 0;
    SAGE_TRY(sage_check_cancel(p->build->monitor, "building the dataset", error));
out:
    return st;
}

static sage_status add_titles(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &p->build->products;
    const uint64_t *begin = (const uint64_t *)(const void *)s->text_begin.map.data;
    const uint32_t *field = (const uint32_t *)(const void *)s->text_field.map.data;
    SAGE_TRY(sage_spool_add(&s->sentence_begin, &s->n_sentences, sizeof s->n_sentences, error));
    for (size_t i = 0; i < s->n; i++, field += SAGE_FIELD_ENDS) {
        size_t at = begin[i] + field[SAGE_TITLE], len = field[SAGE_TITLE + 1] - field[SAGE_TITLE];
        p->texts[p->n++] = len > 0 ? (sage_str){(const char *)s->text.map.data + at, len} : SAGE_STR("");
        if (p->n == BLOCK) SAGE_TRY(end_block(p, &s->sentences, &s->sentence_begin, &s->n_sentences, error));
    }
    SAGE_TRY(end_block(p, &s->sentences, &s->sentence_begin, &s->n_sentences, error));
out:
    return st;
}

static sage_status add_queries(pass *p, sage_part_spools *part, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_spool_map(&part->surface, error));
    SAGE_TRY(sage_spool_map(&part->text, error));
    SAGE_TRY(sage_spool_map(&part->text_end, error));
    const uint64_t *ends = (const uint64_t *)(const void *)part->text_end.map.data;
    for (size_t q = 0, begin = 0; q < part->n_queries; begin = ends[q++]) {
        bool said = part->surface.map.data[q] == SAGE_ON_SEARCH && ends[q] > begin;
        p->texts[p->n++] = said ? (sage_str){(const char *)part->text.map.data + begin, ends[q] - begin} : SAGE_STR("");
        if (p->n == BLOCK) SAGE_TRY(end_block(p, &part->sentences, &part->sentence_end, &part->n_sentences, error));
    }
    SAGE_TRY(end_block(p, &part->sentences, &part->sentence_end, &part->n_sentences, error));
out:
    return st;
}

sage_status sage_build_sentences(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &build->products;
    uint64_t total = s->n;
    pass *p = sage_alloc_zero(1, sizeof *p);
    if (p == NULL) return sage_fail_memory(error, sizeof *p);
    p->build = build;
    p->dim = sage_sentences_dim(build->sentences);
    p->vectors = sage_alloc(BLOCK * p->dim * sizeof *p->vectors);
    if (p->vectors == NULL) SAGE_TRY(sage_fail_memory(error, BLOCK * p->dim * sizeof *p->vectors));
    for (size_t i = 0; i < SAGE_PARTS; i++) total += build->parts[i].n_queries;
    sage_ticker_begin(&p->ticker, build->monitor, "dataset: sentences", total);
    SAGE_TRY(sage_spool_map(&s->text, error));
    SAGE_TRY(sage_spool_map(&s->text_begin, error));
    SAGE_TRY(sage_spool_map(&s->text_field, error));
    SAGE_TRY(add_titles(p, error));
    for (size_t i = 0; i < SAGE_PARTS; i++) SAGE_TRY(add_queries(p, &build->parts[i], error));
    sage_ticker_end(&p->ticker, p->done);
    SAGE_TRY(sage_sentences_commit(build->sentences, error));
out:
    if (st != SAGE_OK) (void)sage_sentences_commit(build->sentences, NULL); /* a stopped building keeps them */
    sage_free(p->vectors);
    sage_free(p);
    return st;
}
