/* Reads the catalogue into a small world of words, styles and popularity. */
#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <string.h>
#include <synth/world.h>
#include <text/ngram.h>
#include <text/normalise.h>
#include <xxhash.h>

enum { STREAM_ORDER = 1, STREAM_STYLE = 2, WORD_BYTES_MAX = 64, FIRST_TABLE = 1 << 12 };

static sage_status rehash(sage_synth_world *w, sage_error *error) {
    size_t size = w->table_size ? w->table_size * 2 : FIRST_TABLE;
    uint32_t *table = sage_alloc_zero(size, sizeof *table);
    if (!table) return sage_fail_memory(error, size * sizeof *table);
    for (size_t i = 0; i < w->n_words; i++) {
        size_t at = XXH3_64bits(w->word[i], strlen(w->word[i])) & (size - 1);
        while (table[at]) at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
    }
    sage_free(w->table);
    w->table = table;
    w->table_size = size;
    return SAGE_OK;
}

/* The number of a word, new or known. */
static sage_status number_of(sage_synth_world *w, sage_str text, uint32_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    if (2 * (w->n_words + 1) > w->table_size) SAGE_TRY(rehash(w, error));
    size_t at = XXH3_64bits(text.data, text.len) & (w->table_size - 1);
    for (; w->table[at]; at = (at + 1) & (w->table_size - 1)) {
        const char *known = w->word[w->table[at] - 1];
        if (strncmp(known, text.data, text.len) == 0 && !known[text.len]) {
            *number = w->table[at] - 1;
            return SAGE_OK;
        }
    }
    char *copy = sage_arena_copy(w->texts, text.data, text.len);
    if (!copy || sage_grow((void **)&w->word, &w->word_capacity, w->n_words + 1, sizeof *w->word))
        return sage_fail_memory(error, text.len);
    w->word[w->n_words] = copy;
    *number = (uint32_t)w->n_words;
    w->table[at] = (uint32_t)++w->n_words;
out:
    return st;
}

typedef struct reader {
    sage_buf text;
    sage_str *words;
    size_t words_capacity;
} reader;

static sage_status add_field(sage_synth_world *w, reader *r, sage_str field, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 0, first = w->word_begin[w->n];
    sage_buf_clear(&r->text);
    SAGE_TRY(sage_normalise(field.data, field.len, &r->text, error));
    SAGE_TRY(sage_words(r->text.data, r->text.len, &r->words, &r->words_capacity, &n, error));
    for (size_t i = 0; i < n; i++) {
        uint32_t number = 0;
        bool known = false;
        if (r->words[i].len > WORD_BYTES_MAX) continue;
        SAGE_TRY(number_of(w, r->words[i], &number, error));
        for (size_t j = first; j < w->words_n && !known; j++) known = w->words[j] == number;
        if (known) continue;
        if (sage_grow((void **)&w->words, &w->words_capacity, w->words_n + 1, sizeof *w->words))
            return sage_fail_memory(error, sizeof *w->words);
        w->words[w->words_n++] = number;
    }
out:
    return st;
}

static void draw_style(sage_synth_world *w, const sage_product_row *row) {
    sage_str type = row->fields[SAGE_TYPE].len ? row->fields[SAGE_TYPE] : row->fields[SAGE_CATEGORY];
    sage_rng own, shared;
    sage_rng_seed(&own, w->seed, sage_mix64(STREAM_STYLE) ^ (uint64_t)row->pid);
    sage_rng_seed(&shared, w->seed, type.len ? XXH3_64bits(type.data, type.len) : (uint64_t)row->pid);
    for (size_t d = 0; d < SAGE_SYNTH_DIM; d++)
        w->style[w->n * SAGE_SYNTH_DIM + d] =
            (float)(sqrt(0.75) * sage_rng_normal(&shared) + sqrt(0.25) * sage_rng_normal(&own));
}

static sage_status add_product(sage_synth_world *w, reader *r, const sage_product_row *row, sage_error *error) {
    static const sage_field others[] = {SAGE_TYPE,     SAGE_CATEGORY, SAGE_BRAND,      SAGE_COLOR,
                                        SAGE_MATERIAL, SAGE_PATTERN,  SAGE_DESCRIPTION};
    sage_status st = SAGE_OK;
    w->word_begin[w->n] = (uint32_t)w->words_n;
    if (!(w->id[w->n] = sage_arena_copy(w->texts, row->id.data, row->id.len)))
        return sage_fail_memory(error, row->id.len);
    SAGE_TRY(add_field(w, r, row->fields[SAGE_TITLE], error));
    w->title_end[w->n] = (uint32_t)w->words_n;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        SAGE_TRY(add_field(w, r, row->fields[others[i]], error));
    draw_style(w, row);
    w->n++;
out:
    return st;
}

static sage_status read_products(sage_synth_world *w, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    reader r = {0};
    sage_buf_init(&r.text, SIZE_MAX);
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    while (w->n < SAGE_SYNTH_PRODUCTS_MAX) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (!row) break;
        SAGE_TRY(add_product(w, &r, row, error));
    }
    w->word_begin[w->n] = (uint32_t)w->words_n;
    if (!w->n)
        st = sage_fail(error, SAGE_E_STATE, "the catalogue has no products; run 'itemsage import products' first");
out:
    sage_product_cursor_close(cursor);
    sage_buf_free(&r.text);
    sage_free(r.words);
    return st;
}

/* Zipf with exponent 0.8 over an order that the seed shuffles. */
static void draw_popularity(sage_synth_world *w) {
    double sum = 0;
    for (size_t i = 0; i < w->n; i++) {
        double rank = (double)sage_permute(i, w->n, sage_mix64(w->seed ^ STREAM_ORDER)) + 1, mass = pow(rank, -0.8);
        w->log_popularity[i] = (float)log(mass);
        w->popularity[i] = sum += mass;
    }
}

static sage_status invert(sage_synth_world *w, sage_error *error) {
    size_t n = w->n_words;
    w->posting_begin = sage_alloc_zero(n + 2, sizeof *w->posting_begin);
    w->posting = sage_alloc((w->words_n + 1) * sizeof *w->posting);
    w->idf = sage_alloc((n + 1) * sizeof *w->idf);
    if (!w->posting_begin || !w->posting || !w->idf) return sage_fail_memory(error, w->words_n * sizeof *w->posting);
    for (size_t i = 0; i < w->words_n; i++) w->posting_begin[w->words[i] + 2]++;
    for (size_t i = 0; i < n; i++) w->idf[i] = logf(1 + (float)w->n / (float)w->posting_begin[i + 2]);
    for (size_t i = 2; i <= n + 1; i++) w->posting_begin[i] += w->posting_begin[i - 1];
    for (size_t p = 0; p < w->n; p++)
        for (uint32_t i = w->word_begin[p]; i < w->word_begin[p + 1]; i++)
            w->posting[w->posting_begin[w->words[i] + 1]++] = (uint32_t)p;
    return SAGE_OK;
}

static size_t count_products(sage_catalog *catalog, sage_error *error, sage_status *st) {
    sage_shop_state *state = sage_alloc_zero(1, sizeof *state);
    if (!state) {
        *st = sage_fail_memory(error, sizeof *state);
        return 0;
    }
    *st = sage_catalog_count(catalog, state, error);
    size_t n = state->products < SAGE_SYNTH_PRODUCTS_MAX ? (size_t)state->products : SAGE_SYNTH_PRODUCTS_MAX;
    sage_free(state);
    return n;
}

static sage_status reserve(sage_synth_world *w, size_t n, sage_error *error) {
    w->texts = sage_arena_new(1u << 18);
    w->id = sage_alloc_zero(n + 1, sizeof *w->id);
    w->style = sage_alloc_zero(n + 1, SAGE_SYNTH_DIM * sizeof *w->style);
    w->popularity = sage_alloc_zero(n + 1, sizeof *w->popularity);
    w->log_popularity = sage_alloc_zero(n + 1, sizeof *w->log_popularity);
    w->word_begin = sage_alloc_zero(n + 2, sizeof *w->word_begin);
    w->title_end = sage_alloc_zero(n + 1, sizeof *w->title_end);
    w->score = sage_alloc_zero(n + 1, sizeof *w->score);
    w->touched = sage_alloc_zero(n + 1, sizeof *w->touched);
    bool whole = w->texts && w->id && w->style && w->popularity && w->log_popularity && w->word_begin && w->title_end &&
                 w->score && w->touched;
    return whole ? SAGE_OK : sage_fail_memory(error, n * 64);
}

sage_status sage_synth_world_new(sage_catalog *catalog, uint64_t seed, sage_synth_world **world, sage_error *error) {
    sage_status st = SAGE_OK;
    *world = NULL;
    sage_synth_world *w = sage_alloc_zero(1, sizeof *w);
    if (!w) return sage_fail_memory(error, sizeof *w);
    w->seed = seed;
    sage_synth_look_down(w, 0);
    size_t n = count_products(catalog, error, &st);
    SAGE_TRY(st);
    SAGE_TRY(reserve(w, n, error));
    SAGE_TRY(read_products(w, catalog, error));
    draw_popularity(w);
    SAGE_TRY(invert(w, error));
    *world = w;
    w = NULL;
out:
    sage_synth_world_free(w);
    return st;
}

void sage_synth_world_free(sage_synth_world *w) {
    if (!w) return;
    void *const parts[] = {
        (void *)w->id,   w->style, w->popularity, w->log_popularity, w->words,         w->word_begin, w->title_end,
        (void *)w->word, w->idf,   w->table,      w->posting,        w->posting_begin, w->score,      w->touched};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) sage_free(parts[i]);
    sage_arena_free(w->texts);
    sage_free(w);
}

size_t sage_synth_products(const sage_synth_world *world) {
    return world->n;
}
const char *sage_synth_id(const sage_synth_world *world, size_t product) {
    return world->id[product];
}
