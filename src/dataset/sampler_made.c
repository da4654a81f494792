/* Queries made from the words of a product: a run of neighbouring words or scattered ones, preferring the words that
 * shoppers type. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

enum { SOURCE_WORDS_MAX = 64 }; /* of one field */

/* The words a query may draw from, and where their fields end: a run never spans two fields. */
typedef struct source {
    size_t n, n_fields, end[SAGE_MADE_FIELDS];
} source;

static sage_status add_field(sage_sampler_worker *w, sage_str text, source *from, sage_error *error) {
    size_t n = from->n;
    sage_status st = sage_words(text.data, text.len, &w->words, &w->words_capacity, &n, error);
    if (st != SAGE_OK || n == from->n) return st;
    if (n > from->n + SOURCE_WORDS_MAX) n = from->n + SOURCE_WORDS_MAX;
    from->n = from->end[from->n_fields++] = n;
    return SAGE_OK;
}

static sage_status gather(sage_sampler_worker *w, const sage_packed_product *product, bool title_only, source *from,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    *from = (source){0};
    for (size_t f = 0; f < SAGE_MADE_FIELDS; f++) {
        if (title_only && from->n > 0) break; /* without a title the next field that has words stands in */
        SAGE_TRY(add_field(w, product->text[sage_made_fields[f]], from, error));
    }
    if (from->n == 0) SAGE_TRY(add_field(w, product->text[SAGE_DESCRIPTION], from, error));
out:
    return st;
}

static double like(const sage_sampler *s, sage_str word) {
    if (s->settings.taste <= 0) return 1;
    uint32_t id = sage_vocab_find(sage_dataset_vocab(s->dataset), SAGE_WORD, word.data, word.len);
    return id == SAGE_NO_ID ? 0.01 : (double)s->taste[id];
}

static sage_status weigh(const sage_sampler *s, sage_sampler_worker *w, size_t n, sage_error *error) {
    if (sage_grow((void **)&w->weights, &w->weights_capacity, 2 * n, sizeof *w->weights) != 0 ||
        sage_grow((void **)&w->chosen, &w->chosen_capacity, SAGE_MADE_WORDS_MAX, sizeof *w->chosen) != 0) {
        return sage_fail_memory(error, 2 * n * sizeof *w->weights);
    }
    for (size_t i = 0; i < n; i++) w->weights[i] = like(s, w->words[i]);
    return SAGE_OK;
}

/* The first place of 0..n-1 whose running sum passes `at`. */
static size_t pick(const double *sums, size_t n, double at) {
    size_t i = 0;
    while (i + 1 < n && sums[i] <= at) i++;
    return i;
}

/* A run of k words (fewer where the field has fewer), as likely as the sum of its words' weights. */
static size_t choose_run(sage_sampler_worker *w, const source *from, size_t k, sage_rng *rng) {
    double *sums = w->weights + from->n, sum = 0;
    size_t field = 0, begin = 0;
    for (size_t i = 0; i < from->n; i++) {
        if (i == from->end[field]) begin = from->end[field++];
        size_t len = from->end[field] - begin, run = k < len ? k : len;
        if (i + run <= from->end[field]) {
            for (size_t j = 0; j < run; j++) sum += w->weights[i + j];
        }
        sums[i] = sum; /* a place where no run fits adds nothing */
    }
    size_t at = pick(sums, from->n, sage_rng_unit(rng) * sum), n = 0;
    for (field = 0; from->end[field] <= at;) field++;
    for (; n < k && at + n < from->end[field]; n++) w->chosen[n] = w->words[at + n];
    return n;
}

static bool occurs_before(const sage_sampler_worker *w, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (w->words[j].len == w->words[i].len && memcmp(w->words[j].data, w->words[i].data, w->words[i].len) == 0)
            return true;
    }
    return false;
}

/* k distinct words, weighted, without replacement (Efraimidis and Spirakis: the k largest u^(1/weight)), in the
 * product's order. */
static size_t choose_scattered(sage_sampler_worker *w, const source *from, size_t k, sage_rng *rng) {
    double *keys = w->weights + from->n;
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++) {
        bool repeated = occurs_before(w, i);
        keys[i] = repeated ? -INFINITY : log(1 - sage_rng_unit(rng)) / w->weights[i];
    }
    double least = INFINITY;
    for (size_t taken = 0; taken < k; taken++) { /* the k-th largest key */
        double best = -INFINITY;
        for (size_t i = 0; i < from->n; i++) {
            if (keys[i] < least && keys[i] > best) best = keys[i];
        }
        if (best == -INFINITY) break;
        least = best;
    }
    for (size_t i = 0; i < from->n && n < k; i++) {
        if (keys[i] >= least && keys[i] > -INFINITY) w->chosen[n++] = w->words[i];
    }
    return n;
}

sage_status sage_sampler_make_query(const sage_sampler *sampler, sage_sampler_worker *worker, size_t product,
                                    sage_rng *rng, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_product packed;
    source from;
    double length = sage_rng_unit(rng);
    size_t k = sampler->settings.words_min;
    *n = 0;
    while (k < sampler->settings.words_max && sampler->length_cdf[k] <= length) k++;
    sage_dataset_product(sampler->dataset, product, &packed);
    SAGE_TRY(gather(worker, &packed, sage_rng_unit(rng) < sampler->settings.title, &from, error));
    if (from.n == 0) goto out;
    SAGE_TRY(weigh(sampler, worker, from.n, error));
    bool run = sage_rng_unit(rng) < sampler->settings.run;
    *n = run ? choose_run(worker, &from, k, rng) : choose_scattered(worker, &from, k, rng);
out:
    return st;
}

sage_status sage_sampler_text_words(sage_sampler_worker *worker, sage_str text, size_t *n, sage_error *error) {
    return sage_field_words(text, &worker->chosen, &worker->chosen_capacity, n, error);
}

/* ---- misspellings: one edit of a word of four code points or more, never its first ---- */

enum { POINTS_MAX = 64, WORD_BYTES = 4 * POINTS_MAX };

static size_t find_points(sage_str word, size_t start[POINTS_MAX + 1]) {
    size_t n = 0;
    for (size_t i = 0; i < word.len && n < POINTS_MAX; i++) {
        if (((unsigned char)word.data[i] & 0xC0) != 0x80) start[n++] = i;
    }
    start[n] = word.len;
    return n;
}

/* Deletes, swaps, doubles or replaces code point i; returns the new length. `out` has room for WORD_BYTES + 4. */
static size_t edit(sage_str word, const size_t *start, size_t i, sage_rng *rng, char *out) {
    size_t at = start[i], end = start[i + 1], next = start[i + 2], len = 0;
    memcpy(out, word.data, at);
    len = at;
    switch (sage_rng_below(rng, 4)) {
    case 0: break;
    case 1:
        memcpy(out + len, word.data + end, next - end);
        len += next - end;
        memcpy(out + len, word.data + at, end - at);
        len += end - at;
        end = next;
        break;
    case 2:
        memcpy(out + len, word.data + at, end - at);
        len += end - at;
        memcpy(out + len, word.data + at, end - at);
        len += end - at;
        break;
    default: out[len++] = (char)('a' + sage_rng_below(rng, 26)); break;
    }
    memcpy(out + len, word.data + end, word.len - end);
    return len + word.len - end;
}

sage_status sage_sampler_misspell(const sage_sampler *sampler, sage_sampler_worker *worker, size_t n, sage_rng *rng,
                                  sage_error *error) {
    worker->typos_len = 0;
    if (sage_grow((void **)&worker->typos, &worker->typos_capacity, n * (WORD_BYTES + 4), 1) != 0) {
        return sage_fail_memory(error, n * (WORD_BYTES + 4));
    }
    for (size_t i = 0; i < n; i++) {
        size_t start[POINTS_MAX + 2];
        sage_str word = worker->chosen[i];
        if (sage_rng_unit(rng) >= sampler->settings.typo || word.len > WORD_BYTES - 4) continue;
        size_t points = find_points(word, start);
        if (points < 4) continue;
        char *out = worker->typos + worker->typos_len;
        size_t len = edit(word, start, 1 + sage_rng_below(rng, points - 2), rng, out);
        worker->chosen[i] = (sage_str){out, len};
        worker->typos_len += len;
    }
    return SAGE_OK;
}
