#include <base/alloc.h>
#include <base/error.h>
#include <keywords/bm25.h>
#include <keywords/lists.h>
#include <keywords/numbers.h>

/* Of the largest of them. */
static unsigned width_of(const uint32_t *numbers, size_t n) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) bits |= numbers[i];
    return sage_number_width(bits);
}

/* Rounded up, so that no score is above what the block promises. */
static float most_share(const sage_lists_writer *w) {
    double most = 0;
    for (size_t i = 0; i < w->n; i++) {
        double share = sage_bm25_share(w->counts[i], w->lengths[w->products[i]], w->mean_length);
        if (share > most) most = share;
    }
    return nextafterf((float)most, INFINITY);
}

/* The block's bytes to the postings; what they are is told in files.h. */
static sage_status put_block(sage_lists_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t numbers[SAGE_KEYWORDS_BLOCK], counts[SAGE_KEYWORDS_BLOCK];
    for (uint32_t i = 0, before = w->last; i < w->n; before = w->products[i++] + 1) {
        numbers[i] = w->products[i] - before;
        counts[i] = w->counts[i] - 1;
    }
    const sage_keywords_place place = {w->at, width_of(numbers, w->n), width_of(counts, w->n),
                                       width_of(w->places, w->n_places)};
    uint64_t number_bytes = sage_numbers_bytes(w->n, place.number_bits),
             count_bytes = sage_numbers_bytes(w->n, place.count_bits),
             bytes = number_bytes + count_bytes + sage_numbers_bytes(w->n_places, place.place_bits);
    if (w->at + bytes >= 1ULL << SAGE_KEYWORDS_AT_BITS)
        return sage_fail(error, SAGE_E_LIMIT, "the keyword index would be larger than a terabyte");
    if (sage_grow((void **)&w->bytes, &w->bytes_capacity, bytes + 1, 1) != 0) return sage_fail_memory(error, bytes);
    sage_numbers_put(w->bytes, place.number_bits, numbers, w->n);
    sage_numbers_put(w->bytes + number_bytes, place.count_bits, counts, w->n);
    sage_numbers_put(w->bytes + number_bytes + count_bytes, place.place_bits, w->places, w->n_places);
    SAGE_TRY(sage_packed_add(w->packed, w->bytes, bytes, error));
    const sage_keywords_block block = {sage_keywords_pack_place(&place), w->products[w->n - 1], most_share(w)};
    SAGE_TRY(sage_spool_add(w->blocks, &block, sizeof block, error));
    w->at += bytes;
    w->n_blocks++;
    w->last = block.last + 1;
    w->n = 0;
    w->n_places = 0;
out:
    return st;
}

static sage_status put_word(sage_lists_writer *w, uint64_t first_block, uint64_t count, sage_error *error) {
    if (first_block > UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "the keyword index has too many words");
    const sage_keywords_word word = {w->n_text, (uint32_t)first_block, (uint32_t)count};
    return sage_spool_add(w->words, &word, sizeof word, error);
}

static sage_status begin_product(sage_lists_writer *w, uint32_t product, uint32_t count, sage_error *error) {
    sage_status st = SAGE_OK;
    if (w->n == SAGE_KEYWORDS_BLOCK) SAGE_TRY(put_block(w, error));
    w->products[w->n] = product;
    w->counts[w->n++] = count;
out:
    return st;
}

static sage_status take(sage_lists_writer *w, sage_occurrence one, uint64_t *count, sage_error *error) {
    sage_status st = SAGE_OK;
    if (w->n == 0 || w->products[w->n - 1] != one.product) {
        SAGE_TRY(begin_product(w, one.product, 0, error));
        ++*count;
    }
    w->counts[w->n - 1]++;
    if (sage_grow((void **)&w->places, &w->places_capacity, w->n_places + 1, sizeof *w->places) != 0)
        return sage_fail_memory(error, w->n_places * sizeof *w->places);
    w->places[w->n_places++] = one.place;
out:
    return st;
}

/* One word's list from both sides. */
typedef struct merge {
    sage_lists_writer *writer;
    sage_runs *runs;
    bool pending; /* `one` is the run's next occurrence of the word */
    sage_occurrence one;
    uint64_t count; /* products so far */
} merge;

static sage_status take_runs(merge *m, uint32_t end, sage_error *error) {
    sage_status st = SAGE_OK;
    while (m->pending && m->one.product < end) {
        SAGE_TRY(take(m->writer, m->one, &m->count, error));
        m->pending = sage_runs_occurrence(m->runs, &m->one);
    }
out:
    return st;
}

static sage_status take_carried(void *ctx, const sage_carried_one *one, sage_error *error) {
    sage_status st = SAGE_OK;
    merge *m = ctx;
    sage_lists_writer *w = m->writer;
    SAGE_TRY(take_runs(m, one->product, error));
    SAGE_TRY(begin_product(w, one->product, one->count, error));
    m->count++;
    if (sage_grow((void **)&w->places, &w->places_capacity, w->n_places + one->count, sizeof *w->places) != 0)
        return sage_fail_memory(error, w->n_places * sizeof *w->places);
    for (uint32_t i = 0; i < one->count; i++)
        w->places[w->n_places++] = sage_number_get(one->places, one->first + i, one->place_bits);
out:
    return st;
}

/* A word that is left in no product is none. */
static sage_status end_word(sage_lists_writer *w, sage_str word, uint64_t first_block, uint64_t count,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    if (count == 0) return SAGE_OK;
    SAGE_TRY(put_block(w, error));
    SAGE_TRY(put_word(w, first_block, count, error));
    SAGE_TRY(sage_spool_add(w->text, word.data, word.len, error));
    w->n_text += word.len;
out:
    return st;
}

sage_status sage_lists_write(sage_lists_writer *writer, sage_runs *runs, sage_carried *carried, sage_error *error) {
    static const char slack[SAGE_KEYWORDS_SLACK] = {0};
    sage_status st = SAGE_OK;
    bool in_runs, in_carried;
    sage_str word = {NULL, 0};
    SAGE_TRY(sage_runs_word(runs, &in_runs, error));
    for (;;) {
        merge m = {.writer = writer, .runs = runs};
        const uint64_t first_block = writer->n_blocks;
        SAGE_TRY(sage_carried_word(carried, &in_carried, &word, error));
        if (!in_runs && !in_carried) break;
        const sage_str in_run = {runs->word.data, runs->word.len};
        const int order = !in_runs ? 1 : !in_carried ? -1 : sage_str_order(in_run, word);
        writer->last = 0;
        if (order <= 0) m.pending = sage_runs_occurrence(runs, &m.one);
        if (order >= 0) SAGE_TRY(sage_carried_each(carried, take_carried, &m, error));
        SAGE_TRY(take_runs(&m, UINT32_MAX, error));
        SAGE_TRY(end_word(writer, order <= 0 ? in_run : word, first_block, m.count, error));
        if (order <= 0) SAGE_TRY(sage_runs_word(runs, &in_runs, error));
    }
    SAGE_TRY(put_word(writer, writer->n_blocks, 0, error));
    SAGE_TRY(sage_packed_add(writer->packed, slack, sizeof slack, error));
out:
    return st;
}

void sage_lists_writer_free(sage_lists_writer *writer) {
    sage_free(writer->places);
    sage_free(writer->bytes);
}
