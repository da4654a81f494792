/* Queries made from the catalogue that get a sentence, once for all trainings on the dataset: made afresh for each
 * step, their sentences would cost more than the step. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>
#include <dataset/sampler_impl.h>
#include <string.h>

enum { BLOCK = 512 };

typedef struct pass {
    sage_build *build;
    sage_sampler *sampler;
    sage_dataset *dataset;
    size_t dim;
    sage_spool product, text, text_begin, sentences;
    uint64_t n, text_end;
    /* the block at hand */
    size_t waiting;
    sage_buf bytes;
    size_t end[BLOCK];
    sage_str texts[BLOCK];
    float *vectors; /* [BLOCK][dim] */
    sage_ticker ticker;
} pass;

static sage_status end_block(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_views(&p->bytes, p->waiting, p->end, p->texts);
    SAGE_TRY(sage_sentences_read_once(p->build->sentences, p->waiting, p->texts, p->vectors, error));
    SAGE_TRY(sage_spool_add(&p->sentences, p->vectors, p->waiting * p->dim * sizeof *p->vectors, error));
    p->waiting = 0;
    sage_buf_clear(&p->bytes);
    sage_ticker_tick(&p->ticker, p->n, NULL);
    SAGE_TRY(sage_check_cancel(p->build->monitor, "building the dataset", error));
out:
    return st;
}

/* A query of the product, where it has words: with a blank between them. */
static sage_status add_query(pass *p, uint32_t product, sage_rng *rng, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_words, begin = p->bytes.len;
    sage_sampler_worker *w = &p->sampler->workers[0];
    SAGE_TRY(sage_sampler_make_query(p->sampler, w, product, rng, &n_words, error));
    if (n_words == 0) goto out;
    for (size_t i = 0; i < n_words; i++) {
        if (i > 0) SAGE_TRY(sage_buf_add(&p->bytes, " ", 1, error));
        SAGE_TRY(sage_buf_add(&p->bytes, w->chosen[i].data, w->chosen[i].len, error));
    }
    SAGE_TRY(sage_spool_add(&p->product, &product, sizeof product, error));
    SAGE_TRY(sage_spool_add(&p->text, p->bytes.data + begin, p->bytes.len - begin, error));
    p->text_end += p->bytes.len - begin;
    SAGE_TRY(sage_spool_add(&p->text_begin, &p->text_end, sizeof p->text_end, error));
    p->end[p->waiting++] = p->bytes.len;
    p->n++;
    if (p->waiting == BLOCK) SAGE_TRY(end_block(p, error));
out:
    return st;
}

/* Of `n` different products, fewer where some have no words. */
static sage_status add_queries(pass *p, size_t n, unsigned stream, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t products = p->build->products.n;
    for (uint64_t i = 0, begun = p->n; i < products && p->n - begun < n; i++) {
        sage_rng rng;
        sage_rng_seed(&rng, stream, i);
        SAGE_TRY(add_query(p, (uint32_t)sage_permute(i, products, stream), &rng, error));
    }
out:
    return st;
}

static sage_status write_file(pass *p, const uint64_t ends[2], sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_packed_writer *w = NULL;
    const struct {
        const char *name;
        size_t element_bytes;
        sage_spool *spool;
    } sections[] = {{"product", 4, &p->product},
                    {"text", 1, &p->text},
                    {"text_begin", 8, &p->text_begin},
                    {"sentences", 4, &p->sentences}};
    SAGE_TRY(sage_path_join(path, p->build->dir, SAGE_MADE_FILE, error));
    SAGE_TRY(sage_packed_create(path, SAGE_MADE_MAGIC, SAGE_DATASET_VERSION, SAGE_MADE_SECTIONS, &w, error));
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        SAGE_TRY(sage_spool_section(sections[i].spool, w, sections[i].name, sections[i].element_bytes, error));
    }
    SAGE_TRY(sage_packed_section(w, "ends", sizeof *ends, error));
    SAGE_TRY(sage_packed_add(w, ends, 2 * sizeof *ends, error));
    st = sage_packed_finish(w, error);
    w = NULL;
out:
    sage_packed_abandon(w);
    return st;
}

static sage_status begin(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *dir = p->build->dir;
    p->dim = sage_sentences_dim(p->build->sentences);
    p->vectors = sage_alloc(BLOCK * p->dim * sizeof *p->vectors);
    if (p->vectors == NULL) SAGE_TRY(sage_fail_memory(error, BLOCK * p->dim * sizeof *p->vectors));
    sage_buf_init(&p->bytes, SIZE_MAX);
    SAGE_TRY(sage_spool_init(&p->product, dir, "made-product.tmp", error));
    SAGE_TRY(sage_spool_init(&p->text, dir, "made-text.tmp", error));
    SAGE_TRY(sage_spool_init(&p->text_begin, dir, "made-text-begin.tmp", error));
    SAGE_TRY(sage_spool_init(&p->sentences, dir, "made-sentences.tmp", error));
    SAGE_TRY(sage_spool_add(&p->text_begin, &p->text_end, sizeof p->text_end, error));
    SAGE_TRY(sage_dataset_open_at(dir, false, &p->dataset, error));
    SAGE_TRY(sage_sampler_new(p->dataset, p->build->options, NULL, 0, &p->sampler, error));
out:
    return st;
}

static void release(pass *p) {
    sage_spool *spools[] = {&p->product, &p->text, &p->text_begin, &p->sentences};
    sage_sampler_free(p->sampler);
    sage_dataset_close(p->dataset);
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++) sage_spool_free(spools[i]);
    sage_buf_free(&p->bytes);
    sage_free(p->vectors);
    sage_free(p);
}

sage_status sage_build_made(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t ends[2];
    size_t wanted = (size_t)sage_options_int(build->options, "made_sentences");
    pass *p = sage_alloc_zero(1, sizeof *p);
    if (p == NULL) return sage_fail_memory(error, sizeof *p);
    p->build = build;
    SAGE_TRY(begin(p, error));
    size_t training = wanted < build->products.n ? wanted : build->products.n;
    sage_ticker_begin(&p->ticker, build->monitor, "dataset: made queries", training);
    SAGE_TRY(add_queries(p, training, SAGE_STREAM_MADE, error));
    ends[0] = p->n;
    SAGE_TRY(add_queries(p, SAGE_MADE_VALIDATION, SAGE_STREAM_VALIDATION, error));
    ends[1] = p->n;
    if (p->waiting > 0) SAGE_TRY(end_block(p, error));
    sage_ticker_end(&p->ticker, p->n);
    SAGE_TRY(write_file(p, ends, error));
out:
    release(p);
    return st;
}
