/* Frozen sentences as a method. Texts are asked by blocks, since the vectors of all products are read for each. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <shop/report_listers.h>
#include <string.h>
#include <text/normalise.h>

enum { BLOCK = 128, TITLES = 512, TEXT_MAX_BYTES = 1 << 20 };

struct sage_spoken {
    sage_sentences *sentences;
    const sage_index *index;
    sage_pool *pool;
    size_t dim, n_products, n_texts;
    float *products;     /* [n_products][dim] */
    sage_str *texts;     /* [n_texts] in the order in which they are asked */
    float *queries;      /* [BLOCK][dim] */
    size_t block, depth; /* whose results `found` has, as deep; block SIZE_MAX: none */
    sage_neighbour *found;
    size_t n_found[BLOCK], found_capacity;
    sage_scored *list;
    size_t list_capacity;
    sage_buf normal;
};

void sage_spoken_close(sage_spoken *s) {
    if (s == NULL) return;
    sage_sentences_close(s->sentences);
    sage_free(s->products);
    sage_free(s->texts);
    sage_free(s->queries);
    sage_free(s->found);
    sage_free(s->list);
    sage_buf_free(&s->normal);
    sage_free(s);
}

/* Vectors of n texts, normalised; rows of texts that are none are zeros. */
static sage_status read_some(sage_spoken *s, const sage_str *texts, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t end[TITLES];
    sage_str views[TITLES];
    sage_buf_clear(&s->normal);
    for (size_t i = 0; i < n; i++) {
        size_t before = s->normal.len;
        st = sage_normalise(texts[i].data, texts[i].len, &s->normal, error);
        if (st != SAGE_OK && st != SAGE_E_FORMAT) goto out;
        if (st == SAGE_E_FORMAT) s->normal.len = before;
        end[i] = s->normal.len;
    }
    sage_buf_views(&s->normal, n, end, views);
    SAGE_TRY(sage_sentences_read(s->sentences, n, views, out, error));
out:
    return st;
}

static sage_status read_titles(sage_spoken *s, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_str titles[TITLES];
    sage_ticker ticker;
    sage_ticker_begin(&ticker, monitor, "eval: sentences", s->n_products);
    for (size_t begin = 0; begin < s->n_products; begin += TITLES) {
        size_t n = s->n_products - begin < TITLES ? s->n_products - begin : TITLES;
        for (size_t i = 0; i < n; i++) {
            const char *title = sage_index_shown(s->index, begin + i, SAGE_SHOW_TITLE);
            titles[i] = (sage_str){title, strlen(title)};
        }
        SAGE_TRY(read_some(s, titles, n, s->products + begin * s->dim, error));
        sage_ticker_tick(&ticker, begin + n, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "eval", error));
    }
    sage_ticker_end(&ticker, s->n_products);

out:
    return st;
}

/* As sage_judge_read takes them: pairs of one text stand together. */
static sage_status gather(sage_spoken *s, const sage_judgement *judgements, size_t n, sage_error *error) {
    if ((s->texts = sage_alloc_zero(n, sizeof *s->texts)) == NULL) return sage_fail_memory(error, n * sizeof *s->texts);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !sage_str_equal(judgements[i].query, judgements[i - 1].query))
            s->texts[s->n_texts++] = judgements[i].query;
    return SAGE_OK;
}

/* Ready for any text, so that a trial that has begun does not end for an encoder that is damaged. */
static sage_status open_encoder(sage_shop *shop, const sage_model_config *config, sage_sentences **sentences,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    if (config->texts.identity[0] != '\0')
        SAGE_TRY(sage_shop_model_sentences(shop, config, false, sentences, error));
    else
        SAGE_TRY(sage_shop_sentences(shop, sage_options_text(shop->options, "text_encoder"), false, sentences, error));
    if (*sentences != NULL) SAGE_TRY(sage_sentences_ready(*sentences, error));
out:
    return st;
}

sage_status sage_spoken_open(sage_shop *shop, const sage_model_config *config, const sage_index *index,
                             const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                             sage_spoken **spoken, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error fault = {0};
    sage_spoken *s = sage_alloc_zero(1, sizeof *s);
    *spoken = NULL;
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    sage_buf_init(&s->normal, (size_t)TITLES * TEXT_MAX_BYTES);
    s->index = index;
    s->n_products = sage_index_count(index);
    s->block = SIZE_MAX;
    st = open_encoder(shop, config, &s->sentences, &fault);
    if (st == SAGE_E_MEMORY || st == SAGE_E_CANCELLED) {
        if (error != NULL) *error = fault;
        goto out;
    }
    if (st != SAGE_OK) {
        st = SAGE_OK;
        sage_note(monitor, "the report is without frozen sentences: %s", fault.text);
        goto out;
    }
    if (s->sentences == NULL) goto out;
    s->dim = sage_sentences_dim(s->sentences);
    if (s->n_products > SAGE_SPOKEN_MAX_BYTES / sizeof *s->products / s->dim) {
        sage_note(monitor, "the report is without frozen sentences: those of %zu products take more than 1 GiB",
                  s->n_products);
        goto out;
    }
    SAGE_TRY(sage_shop_pool(shop, &s->pool, error));
    s->products = sage_alloc_aligned(s->n_products * s->dim * sizeof *s->products);
    s->queries = sage_alloc_aligned(BLOCK * s->dim * sizeof *s->queries);
    if (s->products == NULL || s->queries == NULL)
        SAGE_TRY(sage_fail_memory(error, s->n_products * s->dim * sizeof *s->products));
    SAGE_TRY(gather(s, judgements, n, error));
    SAGE_TRY(read_titles(s, monitor, error));
    *spoken = s;
    s = NULL;
out:
    sage_spoken_close(s);
    return st;
}

static sage_status ask_block(sage_spoken *s, size_t block, size_t depth, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t begin = block * BLOCK, n = s->n_texts - begin < BLOCK ? s->n_texts - begin : BLOCK;
    if (sage_grow((void **)&s->found, &s->found_capacity, BLOCK * depth, sizeof *s->found) != 0)
        return sage_fail_memory(error, BLOCK * depth * sizeof *s->found);
    SAGE_TRY(read_some(s, s->texts + begin, n, s->queries, error));
    SAGE_TRY(sage_exact_search(s->pool, s->products, s->n_products, s->dim, s->queries, n, depth, s->found, s->n_found,
                               error));
    s->block = block;
    s->depth = depth;
out:
    return st;
}

static sage_status list_them(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                             sage_error *error) {
    sage_spoken *s = ctx;
    sage_status st = SAGE_OK;
    if (query >= s->n_texts || !sage_str_equal(text, s->texts[query]))
        return sage_fail(error, SAGE_E_ARGUMENT, "text %zu is not the one that was announced", query);
    if (sage_grow((void **)&s->list, &s->list_capacity, depth, sizeof *s->list) != 0)
        return sage_fail_memory(error, depth * sizeof *s->list);
    if (s->block != query / BLOCK || s->depth != depth) SAGE_TRY(ask_block(s, query / BLOCK, depth, error));
    *n = s->n_found[query % BLOCK];
    for (size_t i = 0; i < *n; i++) {
        sage_neighbour found = s->found[query % BLOCK * depth + i];
        s->list[i] = (sage_scored){sage_index_pid(s->index, found.row), found.score};
    }
    *list = s->list;
out:
    return st;
}

sage_text_lister sage_spoken_lister(sage_spoken *spoken) {
    return (sage_text_lister){.name = "sentences", .ctx = spoken, .list = list_them};
}
