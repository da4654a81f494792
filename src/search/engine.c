/* One text, product or vector -> scored pids, by the release that is open. */
#include <base/alloc.h>
#include <base/error.h>
#include <search/engine_impl.h>
#include <string.h>
#include <text/normalise.h>

size_t sage_engine_own_dim(const sage_engine *engine) {
    return sage_encoder_shape(engine->encoder)->dim_out;
}

const sage_index *sage_engine_index(const sage_engine *engine) {
    return engine->index;
}

sage_status sage_engine_cut(sage_engine *engine, size_t dims, sage_error *error) {
    size_t own = sage_encoder_shape(engine->encoder)->dim_out;
    if (dims > own)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "the published vectors can be cut to 1 to %zu numbers, not to %zu; those that the model was "
                         "trained for (option matryoshka) lose least",
                         own, dims);
    return sage_index_cut(engine->index, dims, error);
}

void sage_engine_set_way(sage_engine *engine, const sage_way *way) {
    engine->way = *way;
}

sage_status sage_engine_watch(sage_engine *engine, const sage_recall_watch_options *options, sage_error *error) {
    return sage_index_watch(engine->index, options, error);
}

sage_status sage_engine_near(sage_engine *e, const float *queries, size_t n, size_t depth, size_t *found,
                             sage_error *error) {
    return sage_index_near(e->index, e->pool, queries, n, depth, &e->way, e->neighbours, found, error);
}

void sage_engine_set_fusion(sage_engine *engine, const sage_fusion *fusion) {
    engine->fusion = *fusion;
}

const sage_fusion *sage_engine_fusion(const sage_engine *engine) {
    return &engine->fusion;
}

/* Room for n_texts lists of `depth` products, at most as many as there are. */
sage_status sage_engine_room(sage_engine *e, size_t n_texts, size_t depth, sage_error *error) {
    if (sage_grow((void **)&e->neighbours, &e->neighbours_capacity, n_texts * depth, sizeof *e->neighbours) != 0 ||
        sage_grow((void **)&e->hits, &e->hits_capacity, depth, sizeof *e->hits) != 0 ||
        sage_grow((void **)&e->vector_list, &e->vector_capacity, depth, sizeof *e->vector_list) != 0 ||
        sage_grow((void **)&e->keyword_list, &e->keyword_capacity, depth, sizeof *e->keyword_list) != 0)
        return sage_fail_memory(error, n_texts * depth * sizeof *e->neighbours);
    return SAGE_OK;
}

size_t sage_engine_at_most(const sage_engine *e, size_t k) {
    size_t n = e->way.filter != NULL ? e->way.filter->matches : sage_index_count(e->index);
    return k < n ? k : n;
}

static void take_neighbours(const sage_engine *e, const sage_neighbour *found, size_t n, sage_scored *out) {
    for (size_t i = 0; i < n; i++) out[i] = (sage_scored){sage_index_pid(e->index, found[i].row), found[i].score};
}

static void take_hits(const sage_keyword_hit *hits, size_t n, sage_scored *out) {
    for (size_t i = 0; i < n; i++) out[i] = (sage_scored){hits[i].pid, hits[i].score};
}

/* given[i]: what the shop gives for a text; the others come together in `rest`. */
static sage_status look_up(sage_engine *e, const sage_str *texts, size_t n, const float *given[SAGE_ENGINE_BLOCK],
                           sage_str rest[SAGE_ENGINE_BLOCK], size_t *n_rest, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf normal;
    sage_buf_init(&normal, SIZE_MAX);
    *n_rest = 0;
    SAGE_TRY(sage_engine_check_given(e, SAGE_ON_SEARCH, error));
    for (size_t i = 0; i < n; i++) {
        given[i] = NULL;
        if (sage_engine_has_given(e, SAGE_ON_SEARCH)) {
            sage_buf_clear(&normal);
            SAGE_TRY(sage_normalise(texts[i].data, texts[i].len, &normal, error));
            given[i] = sage_engine_find_given(e, SAGE_ON_SEARCH, (sage_str){normal.data, normal.len});
        }
        if (given[i] == NULL) rest[(*n_rest)++] = texts[i];
    }
out:
    sage_buf_free(&normal);
    return st;
}

/* Into e->queries; known[i]: there is a vector for the text, or the model knows something of it. n <=
 * SAGE_ENGINE_BLOCK. */
static sage_status text_vectors(sage_engine *e, const sage_str *texts, size_t n, bool *known, sage_error *error) {
    sage_status st = SAGE_OK;
    const float *given[SAGE_ENGINE_BLOCK];
    sage_str rest[SAGE_ENGINE_BLOCK];
    size_t n_rest;
    SAGE_TRY(look_up(e, texts, n, given, rest, &n_rest, error));
    if (n_rest > 0) SAGE_TRY(sage_engine_speechless(e, error));
    if (n_rest > 0) SAGE_TRY(sage_encoder_texts(e->encoder, rest, n_rest, e->queries, known, error));
    for (size_t i = n; i-- > 0;) known[i] = given[i] != NULL || known[--n_rest];
    sage_engine_spread(e, given, n, e->queries);
out:
    return st;
}

sage_status sage_engine_texts(sage_engine *engine, const sage_str *texts, size_t n, float *out, bool *known,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t at = 0; at < n; at += SAGE_ENGINE_BLOCK) {
        size_t here = n - at < SAGE_ENGINE_BLOCK ? n - at : SAGE_ENGINE_BLOCK;
        SAGE_TRY(text_vectors(engine, texts + at, here, known + at, error));
        memcpy(out + at * engine->dim, engine->queries, here * engine->dim * sizeof *out);
    }
out:
    return st;
}

/* Lists of up to SAGE_ENGINE_BLOCK texts: neighbours [n][depth]; found[i] is 0 where the model knows nothing of the
 * text. */
static sage_status by_vectors(sage_engine *e, const sage_str *texts, size_t n, size_t depth,
                              size_t found[SAGE_ENGINE_BLOCK], sage_error *error) {
    sage_status st = SAGE_OK;
    bool known[SAGE_ENGINE_BLOCK];
    SAGE_TRY(text_vectors(e, texts, n, known, error));
    SAGE_TRY(sage_engine_near(e, e->queries, n, depth, found, error));
    for (size_t i = 0; i < n; i++)
        if (!known[i]) found[i] = 0;
out:
    return st;
}

static sage_status lists_of(sage_engine *e, size_t i, const sage_str *text, size_t depth, size_t n_vectors,
                            sage_lists *lists, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_keywords = 0;
    const float *query = n_vectors > 0 ? e->queries + i * e->dim : NULL;
    take_neighbours(e, e->neighbours + i * depth, n_vectors, e->vector_list);
    SAGE_TRY(sage_join_begin(&e->join, e->vector_list, n_vectors, error));
    const sage_keywords_query words = {text->data, text->len, depth, e->join.wanted, n_vectors};
    SAGE_TRY(sage_engine_words(e, &words, &n_keywords, e->join.scores, error));
    take_hits(e->hits, n_keywords, e->keyword_list);
    *lists = (sage_lists){e->vector_list, e->keyword_list, n_vectors, n_keywords, {0}};
    SAGE_TRY(sage_join_end(&e->join, e->hits, n_keywords, e->index, query, &lists->candidates, error));
out:
    return st;
}

sage_status sage_engine_each(sage_engine *engine, const sage_str *texts, size_t n_texts, size_t depth, sage_lists_fn fn,
                             void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t found[SAGE_ENGINE_BLOCK];
    sage_lists lists;
    depth = sage_engine_at_most(engine, depth);
    SAGE_TRY(sage_engine_room(engine, n_texts < SAGE_ENGINE_BLOCK ? n_texts : SAGE_ENGINE_BLOCK, depth, error));
    for (size_t begin = 0; begin < n_texts; begin += SAGE_ENGINE_BLOCK) {
        size_t n = n_texts - begin < SAGE_ENGINE_BLOCK ? n_texts - begin : SAGE_ENGINE_BLOCK;
        SAGE_TRY(by_vectors(engine, texts + begin, n, depth, found, error));
        for (size_t i = 0; i < n; i++) {
            SAGE_TRY(lists_of(engine, i, &texts[begin + i], depth, found[i], &lists, error));
            SAGE_TRY(fn(ctx, begin + i, &lists, error));
        }
    }
out:
    return st;
}

sage_status sage_engine_text(sage_engine *engine, sage_method method, const char *text, size_t len, size_t k,
                             sage_scored *out, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_str query = {text, len};
    size_t found[SAGE_ENGINE_BLOCK];
    *n = 0;
    k = sage_engine_at_most(engine, k);
    if (k == 0) return SAGE_OK;
    SAGE_TRY(sage_engine_room(engine, 1, k, error));
    engine->answer = method == SAGE_KEYWORDS ? SAGE_BY_KEYWORDS
                     : method == SAGE_HYBRID ? SAGE_BY_BOTH
                                             : SAGE_BY_VECTORS;
    if (method == SAGE_KEYWORDS) {
        const sage_keywords_query words = {.text = text, .len = len, .k = k};
        SAGE_TRY(sage_engine_words(engine, &words, n, NULL, error));
        take_hits(engine->hits, *n, out);
    } else if (method == SAGE_VECTORS) {
        SAGE_TRY(by_vectors(engine, &query, 1, k, found, error));
        take_neighbours(engine, engine->neighbours, found[0], out);
        *n = found[0];
    } else {
        SAGE_TRY(sage_engine_both(engine, &query, k, out, n, error));
    }
out:
    return st;
}

sage_status sage_engine_vector(sage_engine *engine, const float *vector, size_t k, sage_scored *out, size_t *n,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    *n = 0;
    k = sage_engine_at_most(engine, k);
    if (k == 0) return SAGE_OK;
    engine->answer = SAGE_BY_VECTORS;
    SAGE_TRY(sage_engine_room(engine, 1, k, error));
    SAGE_TRY(sage_engine_near(engine, vector, 1, k, n, error));
    take_neighbours(engine, engine->neighbours, *n, out);
out:
    return st;
}

sage_status sage_engine_pictures(sage_engine *engine, const float *pictures, size_t n, float *out, sage_error *error) {
    return sage_encoder_pictures(engine->encoder, pictures, n, out, error);
}

size_t sage_engine_image_dim(const sage_engine *engine) {
    return sage_encoder_image_dim(engine->encoder);
}

void sage_engine_image_parts(const sage_engine *engine, sage_picture_parts *parts) {
    sage_encoder_image_parts(engine->encoder, parts);
}
