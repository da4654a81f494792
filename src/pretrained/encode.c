/* Encoding: work is cut into chunks that a worker's cache holds well enough, and whoever is free takes the next. */
#include "encoder_impl.h"
#include <base/alloc.h>
#include <math.h>
#include <string.h>

enum { CHUNK_IDS = 384 };

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t pieces(size_t n, size_t size) {
    return (n + size - 1) / size;
}

static sage_status reserve(sage_pretrained *e, size_t reals, sage_error *error) {
    if (reals <= e->work_reals) return SAGE_OK;
    e->work_reals = 0;
    for (size_t i = 0; i < e->threads; i++) {
        sage_free(e->work[i]);
        e->work[i] = NULL;
    }
    for (size_t i = 0; i < e->threads; i++)
        if ((e->work[i] = sage_alloc_aligned(reals * sizeof(real))) == NULL)
            return sage_fail_memory(error, reals * sizeof(real));
    e->work_reals = reals;
    return SAGE_OK;
}

static void to_unit(size_t n, size_t dim, float *x) {
    const sage_ops *ops = sage_ops_best();
    for (size_t i = 0; i < n; i++, x += dim) {
        float square = ops->dot(dim, x, x);
        if (square > 0) ops->scale(dim, 1 / sqrtf(square), x);
    }
}

/* ---- texts ---- */

static sage_status check_texts(const sage_pretrained *e, size_t n, const uint32_t *ids, const size_t *begin,
                               sage_error *error) {
    for (size_t i = 0; i < n; i++) {
        if (begin[i + 1] < begin[i] || begin[i + 1] - begin[i] > e->info.max_tokens)
            return sage_fail(error, SAGE_E_ARGUMENT, "text %zu has more than the encoder's %zu tokens; cut it", i,
                             e->info.max_tokens);
        for (size_t at = begin[i]; at < begin[i + 1]; at++)
            if (ids[at] >= e->info.vocabulary)
                return sage_fail(error, SAGE_E_ARGUMENT,
                                 "text %zu has the token %u, the encoder's vocabulary %zu; is it this encoder's own?",
                                 i, ids[at], e->info.vocabulary);
    }
    return SAGE_OK;
}

static sage_status grow(size_t **array, size_t *capacity, size_t n, sage_error *error) {
    return sage_grow((void **)array, capacity, n, sizeof **array) == 0 ? SAGE_OK
                                                                       : sage_fail_memory(error, n * sizeof **array);
}

/* The texts that have ids, cut into pieces of about as many ids. */
static sage_status plan_texts(sage_pretrained *e, size_t n, const size_t *begin, size_t *texts, size_t *chunks,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    size_t total = begin[n] - begin[0], kept = 0, wanted = pieces(pieces(total, CHUNK_IDS), e->threads) * e->threads;
    SAGE_TRY(grow(&e->begin, &e->begin_capacity, n + 1, error));
    SAGE_TRY(grow(&e->text, &e->text_capacity, n, error));
    SAGE_TRY(grow(&e->cut, &e->cut_capacity, wanted + 1, error));
    for (size_t i = 0; i < n; i++) {
        if (begin[i + 1] == begin[i]) continue;
        e->begin[kept] = begin[i];
        e->text[kept++] = i;
    }
    e->begin[kept] = begin[n];
    *texts = kept;
    *chunks = 0;
    e->cut[0] = 0;
    for (size_t t = 1; t <= kept; t++) {
        size_t ids = e->begin[t] - begin[0];
        if (t < kept && ids * wanted < (*chunks + 1) * total) continue;
        e->cut[++*chunks] = t;
    }
out:
    return st;
}

static size_t texts_work(const sage_pretrained *e, size_t chunks) {
    size_t most = 0;
    for (size_t c = 0; c < chunks; c++) {
        size_t longest = 0;
        for (size_t t = e->cut[c]; t < e->cut[c + 1]; t++)
            if (e->begin[t + 1] - e->begin[t] > longest) longest = e->begin[t + 1] - e->begin[t];
        size_t reals = e->family->work(e, e->begin[e->cut[c + 1]] - e->begin[e->cut[c]], longest);
        if (reals > most) most = reals;
    }
    return most;
}

typedef struct texts_call {
    const sage_pretrained *e;
    const uint32_t *ids;
    float *out;
} texts_call;

static void run_texts(void *ctx, size_t begin, size_t end, size_t worker) {
    const texts_call *call = ctx;
    const sage_pretrained *e = call->e;
    for (size_t c = begin; c < end; c++) {
        size_t first = e->cut[c], n = e->cut[c + 1] - first;
        const text_chunk chunk = {.n = n, .ids = call->ids, .begin = e->begin + first};
        float *out = call->out + first * e->info.dim;
        e->family->texts_run(e, &chunk, out, e->work[worker]);
        to_unit(n, e->info.dim, out);
    }
}

/* Vectors of the texts that have ids lie together; each goes where its text is, the others get zeros. */
static void spread(const sage_pretrained *e, size_t n, size_t kept, float *out) {
    size_t dim = e->info.dim;
    for (size_t i = n; i-- > 0;) {
        bool has = kept > 0 && e->text[kept - 1] == i;
        if (has && --kept != i) memcpy(out + i * dim, out + kept * dim, dim * sizeof *out);
        if (!has) memset(out + i * dim, 0, dim * sizeof *out);
    }
}

static sage_status encode_texts(sage_pretrained *e, size_t n, const uint32_t *ids, const size_t *begin, float *out,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    size_t kept, chunks;
    SAGE_TRY(check_texts(e, n, ids, begin, error));
    SAGE_TRY(plan_texts(e, n, begin, &kept, &chunks, error));
    SAGE_TRY(reserve(e, texts_work(e, chunks), error));
    texts_call call = {e, ids, out};
    sage_pool_for_dynamic(e->pool, chunks, 1, run_texts, &call);
    if (kept < n) spread(e, n, kept, out);
out:
    return st;
}

sage_status sage_pretrained_texts(sage_pretrained *e, size_t n, const uint32_t *ids, const size_t *begin, float *out,
                                  sage_error *error) {
    if (!e->info.texts)
        return sage_fail(error, SAGE_E_ARGUMENT, "a %s encoder takes pictures, no texts", e->info.family);
    if (n == 0) return SAGE_OK;
    pthread_mutex_lock(&e->turn);
    sage_status st = encode_texts(e, n, ids, begin, out, error);
    pthread_mutex_unlock(&e->turn);
    return st;
}

/* ---- pictures ---- */

typedef struct pictures_call {
    const sage_pretrained *e;
    const float *pixels;
    float *out;
} pictures_call;

static void run_pictures(void *ctx, size_t begin, size_t end, size_t worker) {
    const pictures_call *call = ctx;
    const sage_pretrained *e = call->e;
    size_t size = e->info.picture.size, dim = e->info.dim;
    e->family->pictures_run(e, end - begin, call->pixels + begin * 3 * size * size, call->out + begin * dim,
                            e->work[worker]);
    to_unit(end - begin, dim, call->out + begin * dim);
}

sage_status sage_pretrained_pictures(sage_pretrained *e, size_t n, const float *pixels, float *out, sage_error *error) {
    if (e->info.texts)
        return sage_fail(error, SAGE_E_ARGUMENT, "a %s encoder takes texts, no pictures", e->info.family);
    if (n == 0) return SAGE_OK;
    pthread_mutex_lock(&e->turn);
    size_t at_once = smaller(e->family->pictures_at_once(e), pieces(n, e->threads));
    sage_status st = reserve(e, e->family->work(e, at_once, 0), error);
    pictures_call call = {e, pixels, out};
    if (st == SAGE_OK) sage_pool_for_dynamic(e->pool, n, at_once, run_pictures, &call);
    pthread_mutex_unlock(&e->turn);
    return st;
}
