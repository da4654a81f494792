#include <base/alloc.h>
#include <base/error.h>
#include <keywords/bm25.h>
#include <keywords/lists.h>
#include <keywords/numbers.h>

static uint32_t most_of(const uint32_t *numbers, size_t n) {
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (numbers[i] > most) most = numbers[i];
    return most;
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

static void put_all(unsigned char *array, unsigned width, const uint32_t *numbers, size_t n) {
    for (size_t i = 0; i < n; i++) sage_number_put(array, i, width, numbers[i]);
}

/* The block's bytes to the postings; what they are is told in files.h. */
static sage_status put_block(sage_lists_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t numbers[SAGE_KEYWORDS_BLOCK], counts[SAGE_KEYWORDS_BLOCK];
    for (uint32_t i = 0, before = w->last; i < w->n; before = w->products[i++] + 1) {
        numbers[i] = w->products[i] - before;
        counts[i] = w->counts[i] - 1;
    }
    const sage_keywords_place place = {w->at, sage_number_width(most_of(numbers, w->n)),
                                       sage_number_width(most_of(counts, w->n)),
                                       sage_number_width(most_of(w->places, w->n_places))};
    uint64_t number_bytes = sage_numbers_bytes(w->n, place.number_bits),
             count_bytes = sage_numbers_bytes(w->n, place.count_bits),
             bytes = number_bytes + count_bytes + sage_numbers_bytes(w->n_places, place.place_bits);
    if (w->at + bytes >= 1ULL << SAGE_KEYWORDS_AT_BITS)
        return sage_fail(error, SAGE_E_LIMIT, "the keyword index would be larger than a terabyte");
    if (sage_grow((void **)&w->bytes, &w->bytes_capacity, bytes + SAGE_KEYWORDS_SLACK, 1) != 0)
        return sage_fail_memory(error, bytes);
    memset(w->bytes, 0, bytes + SAGE_KEYWORDS_SLACK);
    put_all(w->bytes, place.number_bits, numbers, w->n);
    put_all(w->bytes + number_bytes, place.count_bits, counts, w->n);
    put_all(w->bytes + number_bytes + count_bytes, place.place_bits, w->places, w->n_places);
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

static sage_status take(sage_lists_writer *w, sage_occurrence one, uint64_t *count, sage_error *error) {
    sage_status st = SAGE_OK;
    if (w->n == 0 || w->products[w->n - 1] != one.product) {
        if (w->n == SAGE_KEYWORDS_BLOCK) SAGE_TRY(put_block(w, error));
        w->products[w->n] = one.product;
        w->counts[w->n++] = 0;
        ++*count;
    }
    w->counts[w->n - 1]++;
    if (sage_grow((void **)&w->places, &w->places_capacity, w->n_places + 1, sizeof *w->places) != 0)
        return sage_fail_memory(error, w->n_places * sizeof *w->places);
    w->places[w->n_places++] = one.place;
out:
    return st;
}

sage_status sage_lists_write(sage_lists_writer *writer, sage_runs *runs, sage_error *error) {
    static const char slack[SAGE_KEYWORDS_SLACK] = {0};
    sage_status st = SAGE_OK;
    sage_occurrence one;
    for (bool more;;) {
        uint64_t count = 0, first_block = writer->n_blocks;
        SAGE_TRY(sage_runs_word(runs, &more, error));
        if (!more) break;
        writer->last = 0;
        while (sage_runs_occurrence(runs, &one)) SAGE_TRY(take(writer, one, &count, error));
        SAGE_TRY(put_block(writer, error));
        SAGE_TRY(put_word(writer, first_block, count, error));
        SAGE_TRY(sage_spool_add(writer->text, runs->word.data, runs->word.len, error));
        writer->n_text += runs->word.len;
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
