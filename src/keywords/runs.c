#include <base/alloc.h>
#include <base/error.h>
#include <keywords/runs.h>

enum { NUMBER_BYTES = 5, RELEASE_BYTES = 4 << 20 };

static size_t put_number(unsigned char *out, uint32_t value) {
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) out[n++] = (unsigned char)(value | 0x80);
    out[n++] = (unsigned char)value;
    return n;
}

sage_status sage_run_word(sage_spool *run, sage_str word, uint32_t count, sage_error *error) {
    sage_status st = SAGE_OK;
    unsigned char number[NUMBER_BYTES];
    SAGE_TRY(sage_spool_add(run, number, put_number(number, (uint32_t)word.len), error));
    SAGE_TRY(sage_spool_add(run, word.data, word.len, error));
    SAGE_TRY(sage_spool_add(run, number, put_number(number, count), error));
out:
    return st;
}

sage_status sage_run_occurrence(sage_spool *run, sage_occurrence *before, sage_occurrence one, sage_error *error) {
    unsigned char numbers[2 * NUMBER_BYTES];
    uint32_t step = one.product - before->product;
    size_t n = put_number(numbers, step);
    n += put_number(numbers + n, step > 0 ? one.place : one.place - before->place);
    *before = one;
    return sage_spool_add(run, numbers, n, error);
}

static uint32_t take_number(sage_run_reader *reader) {
    uint32_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = reader->map->data[reader->at++];
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}

static void next_word(sage_run_reader *reader) {
    if (reader->at - reader->released >= RELEASE_BYTES) {
        sage_map_release(reader->map, reader->map->data + reader->released, reader->at - reader->released);
        reader->released = reader->at;
    }
    reader->ended = reader->at == reader->map->size;
    if (reader->ended) return;
    reader->word.len = take_number(reader);
    reader->word.data = (const char *)reader->map->data + reader->at;
    reader->at += reader->word.len;
    reader->left = take_number(reader);
    reader->one = (sage_occurrence){0};
}

static bool before(const sage_runs *runs, size_t a, size_t b) {
    int order = sage_str_order(runs->readers[runs->heap[a]].word, runs->readers[runs->heap[b]].word);
    return order != 0 ? order < 0 : runs->heap[a] < runs->heap[b];
}

static void sift_down(sage_runs *runs, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < runs->n_heap && before(runs, left, least)) least = left;
        if (right < runs->n_heap && before(runs, right, least)) least = right;
        if (least == at) return;
        uint32_t swap = runs->heap[at];
        runs->heap[at] = runs->heap[least];
        runs->heap[least] = swap;
        at = least;
    }
}

sage_status sage_runs_begin(sage_runs *runs, const sage_spool *spools, size_t n, sage_error *error) {
    *runs = (sage_runs){.readers = sage_alloc_zero(n + 1, sizeof *runs->readers),
                        .heap = sage_alloc_zero(n + 1, sizeof *runs->heap)};
    sage_buf_init(&runs->word, SIZE_MAX);
    if (runs->readers == NULL || runs->heap == NULL) {
        sage_runs_end(runs);
        return sage_fail_memory(error, n * sizeof *runs->readers);
    }
    for (size_t i = 0; i < n; i++) {
        runs->readers[i].map = &spools[i].map;
        next_word(&runs->readers[i]);
        if (!runs->readers[i].ended) runs->heap[runs->n_heap++] = (uint32_t)i;
    }
    for (size_t i = runs->n_heap; i-- > 0;) sift_down(runs, i);
    return SAGE_OK;
}

void sage_runs_end(sage_runs *runs) {
    sage_free(runs->readers);
    sage_free(runs->heap);
    sage_buf_free(&runs->word);
    *runs = (sage_runs){0};
}

/* Past the words of the run on top; the next one comes up. */
static void advance(sage_runs *runs) {
    sage_run_reader *top = &runs->readers[runs->heap[0]];
    next_word(top);
    if (top->ended) runs->heap[0] = runs->heap[--runs->n_heap];
    sift_down(runs, 0);
}

sage_status sage_runs_word(sage_runs *runs, bool *more, sage_error *error) {
    *more = runs->within = runs->n_heap > 0;
    if (!*more) return SAGE_OK;
    sage_str word = runs->readers[runs->heap[0]].word;
    sage_buf_clear(&runs->word);
    return sage_buf_add(&runs->word, word.data, word.len, error);
}

static bool same_word_on_top(const sage_runs *runs) {
    return runs->n_heap > 0 &&
           sage_str_equal(runs->readers[runs->heap[0]].word, (sage_str){runs->word.data, runs->word.len});
}

bool sage_runs_occurrence(sage_runs *runs, sage_occurrence *one) {
    if (!runs->within) return false;
    if (runs->readers[runs->heap[0]].left == 0) {
        advance(runs);
        runs->within = same_word_on_top(runs);
        if (!runs->within) return false;
    }
    sage_run_reader *top = &runs->readers[runs->heap[0]];
    uint32_t step = take_number(top), place = take_number(top);
    top->one = (sage_occurrence){top->one.product + step, step > 0 ? place : top->one.place + place};
    top->left--;
    *one = top->one;
    return true;
}
