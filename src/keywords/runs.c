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

static void next_occurrence(sage_run_reader *reader) {
    uint32_t step = take_number(reader), place = take_number(reader);
    reader->one = (sage_occurrence){reader->one.product + step, step > 0 ? place : reader->one.place + place};
    reader->left--;
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
    next_occurrence(reader);
}

/* Where a run's next occurrence stands among those of its word. */
static uint64_t place_of(const sage_runs *runs, uint32_t run) {
    return (uint64_t)runs->readers[run].one.product << 32 | run;
}

static bool before(const sage_runs *runs, size_t a, size_t b) {
    int order = sage_str_order(runs->readers[runs->heap[a]].word, runs->readers[runs->heap[b]].word);
    return order != 0 ? order < 0 : place_of(runs, runs->heap[a]) < place_of(runs, runs->heap[b]);
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

static bool has_word(const sage_runs *runs, size_t at) {
    return at < runs->n_heap &&
           sage_str_equal(runs->readers[runs->heap[at]].word, (sage_str){runs->word.data, runs->word.len});
}

/* What comes after the top of the heap stands in one of the two places below it. */
static void find_limit(sage_runs *runs) {
    runs->limit = UINT64_MAX;
    for (size_t at = 1; at <= 2; at++)
        if (has_word(runs, at) && place_of(runs, runs->heap[at]) < runs->limit)
            runs->limit = place_of(runs, runs->heap[at]);
}

sage_status sage_runs_word(sage_runs *runs, bool *more, sage_error *error) {
    sage_status st = SAGE_OK;
    *more = runs->within = runs->n_heap > 0;
    if (!*more) return SAGE_OK;
    sage_str word = runs->readers[runs->heap[0]].word;
    sage_buf_clear(&runs->word);
    SAGE_TRY(sage_buf_add(&runs->word, word.data, word.len, error));
    find_limit(runs);
out:
    return st;
}

/* The run on top has no more of the word, or another has what comes next. */
static void change_top(sage_runs *runs) {
    sage_run_reader *top = &runs->readers[runs->heap[0]];
    if (top->ended) runs->heap[0] = runs->heap[--runs->n_heap];
    sift_down(runs, 0);
    runs->within = has_word(runs, 0);
    if (runs->within) find_limit(runs);
}

bool sage_runs_occurrence(sage_runs *runs, sage_occurrence *one) {
    if (!runs->within) return false;
    sage_run_reader *top = &runs->readers[runs->heap[0]];
    *one = top->one;
    if (top->left > 0) {
        next_occurrence(top);
        if (place_of(runs, runs->heap[0]) < runs->limit) return true;
    } else {
        next_word(top);
    }
    change_top(runs);
    return true;
}
