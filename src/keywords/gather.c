#include <base/alloc.h>
#include <base/error.h>
#include <keywords/gather.h>
#include <keywords/runs.h>
#include <stdlib.h>
#include <xxhash.h>

void sage_gather_init(sage_gather *gather) {
    *gather = (sage_gather){0};
    sage_buf_init(&gather->text, SIZE_MAX);
}

void sage_gather_free(sage_gather *gather) {
    sage_buf_free(&gather->text);
    sage_free(gather->words);
    sage_free(gather->slots);
    sage_free(gather->word);
    sage_free(gather->product);
    sage_free(gather->place);
}

bool sage_gather_full(const sage_gather *gather) {
    return gather->n >= SAGE_GATHER_OCCURRENCES || gather->text.len >= SAGE_GATHER_TEXT_BYTES;
}

static sage_str word_text(const sage_gather *gather, size_t word) {
    return (sage_str){gather->text.data + gather->words[word].text, gather->words[word].len};
}

static uint32_t *find_slot(const sage_gather *gather, sage_str word) {
    size_t mask = gather->n_slots - 1;
    for (size_t at = (size_t)XXH3_64bits(word.data, word.len) & mask;; at = (at + 1) & mask)
        if (gather->slots[at] == 0 || sage_str_equal(word_text(gather, gather->slots[at] - 1), word))
            return &gather->slots[at];
}

/* At most half full. */
static sage_status grow_slots(sage_gather *gather, sage_error *error) {
    enum { FIRST = 1024 };
    if (2 * (gather->n_words + 1) <= gather->n_slots) return SAGE_OK;
    size_t n = gather->n_slots > 0 ? 2 * gather->n_slots : FIRST;
    uint32_t *slots = sage_alloc_zero(n, sizeof *slots);
    if (slots == NULL) return sage_fail_memory(error, n * sizeof *slots);
    sage_free(gather->slots);
    gather->slots = slots;
    gather->n_slots = n;
    for (size_t i = 0; i < gather->n_words; i++) *find_slot(gather, word_text(gather, i)) = (uint32_t)i + 1;
    return SAGE_OK;
}

static sage_status number_of(sage_gather *gather, sage_str word, uint32_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(grow_slots(gather, error));
    uint32_t *slot = find_slot(gather, word);
    if (*slot == 0) {
        if (sage_grow((void **)&gather->words, &gather->words_capacity, gather->n_words + 1, sizeof *gather->words) !=
            0) {
            st = sage_fail_memory(error, (gather->n_words + 1) * sizeof *gather->words);
            goto out;
        }
        gather->words[gather->n_words] = (sage_gathered){gather->text.len, (uint32_t)word.len, 0};
        SAGE_TRY(sage_buf_add(&gather->text, word.data, word.len, error));
        *slot = (uint32_t)++gather->n_words;
    }
    *number = *slot - 1;
out:
    return st;
}

static bool grow(uint32_t **array, size_t *capacity, size_t n) {
    return sage_grow((void **)array, capacity, n, sizeof **array) == 0;
}

sage_status sage_gather_add(sage_gather *gather, const char *bytes, size_t len, uint32_t product, uint32_t place,
                            sage_error *error) {
    uint32_t word = 0;
    size_t n = gather->n + 1;
    sage_status st = number_of(gather, (sage_str){bytes, len}, &word, error);
    if (st != SAGE_OK) return st;
    if (!grow(&gather->word, &gather->word_capacity, n) || !grow(&gather->product, &gather->product_capacity, n) ||
        !grow(&gather->place, &gather->place_capacity, n))
        return sage_fail_memory(error, n * sizeof *gather->word);
    gather->word[gather->n] = word;
    gather->product[gather->n] = product;
    gather->place[gather->n] = place;
    gather->words[word].count++;
    gather->n = n;
    return SAGE_OK;
}

static int by_text(const void *a, const void *b, void *ctx) {
    return sage_str_order(word_text(ctx, *(const uint32_t *)a), word_text(ctx, *(const uint32_t *)b));
}

/* The occurrences of each word lie together, in the order in which they came: first[w] is where word w's begin. */
static void sort_occurrences(const sage_gather *gather, const uint32_t *by_word, uint32_t *first, uint32_t *sorted) {
    uint32_t at = 0;
    for (size_t i = 0; i < gather->n_words; i++) {
        first[by_word[i]] = at;
        at += gather->words[by_word[i]].count;
    }
    for (size_t i = 0; i < gather->n; i++) sorted[first[gather->word[i]]++] = (uint32_t)i;
}

static void clear(sage_gather *gather) {
    sage_buf_clear(&gather->text);
    if (gather->n_slots > 0) memset(gather->slots, 0, gather->n_slots * sizeof *gather->slots);
    gather->n_words = gather->n = 0;
}

sage_status sage_gather_pour(sage_gather *gather, sage_spool *run, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_words = gather->n_words, bytes = (2 * n_words + gather->n + 1) * sizeof(uint32_t), at = 0;
    sage_occurrence before = {0};
    uint32_t *by_word = sage_alloc(bytes), *first = by_word + n_words, *sorted = first + n_words;
    if (by_word == NULL) return sage_fail_memory(error, bytes);
    for (size_t i = 0; i < n_words; i++) by_word[i] = (uint32_t)i;
    if (n_words > 0) qsort_r(by_word, n_words, sizeof *by_word, by_text, gather);
    sort_occurrences(gather, by_word, first, sorted);
    for (size_t i = 0; i < n_words; i++) {
        uint32_t count = gather->words[by_word[i]].count;
        SAGE_TRY(sage_run_word(run, word_text(gather, by_word[i]), count, error));
        before = (sage_occurrence){0};
        for (size_t end = at + count; at < end; at++) {
            const sage_occurrence one = {gather->product[sorted[at]], gather->place[sorted[at]]};
            SAGE_TRY(sage_run_occurrence(run, &before, one, error));
        }
    }
    clear(gather);
out:
    sage_free(by_word);
    return st;
}
