#include <base/alloc.h>
#include <base/error.h>
#include <index/columns.h>
#include <index/columns_words.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

sage_str sage_words_at(const sage_words *words, size_t number) {
    const sage_word *word = &words->list[number];
    return (sage_str){words->texts.data + word->begin, (size_t)(word->end - word->begin)};
}

static uint32_t *slot_of(const sage_words *words, sage_str word) {
    size_t slot = (size_t)XXH3_64bits(word.data, word.len) & (words->n_slots - 1);
    while (words->slots[slot] != SAGE_NO_WORD && !sage_str_equal(sage_words_at(words, words->slots[slot]), word))
        slot = (slot + 1) & (words->n_slots - 1);
    return &words->slots[slot];
}

/* Half full at most. */
static sage_status make_slots(sage_words *words, sage_error *error) {
    if (2 * words->n < words->n_slots) return SAGE_OK;
    size_t n = words->n_slots > 0 ? 2 * words->n_slots : 16;
    uint32_t *slots = sage_alloc(n * sizeof *slots);
    if (slots == NULL) return sage_fail_memory(error, n * sizeof *slots);
    memset(slots, 0xff, n * sizeof *slots);
    sage_free(words->slots);
    words->slots = slots;
    words->n_slots = n;
    for (size_t i = 0; i < words->n; i++) *slot_of(words, sage_words_at(words, i)) = (uint32_t)i;
    return SAGE_OK;
}

sage_status sage_words_add(sage_words *words, sage_str word, uint32_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    if (words->n_slots == 0) sage_buf_init(&words->texts, SIZE_MAX);
    SAGE_TRY(make_slots(words, error));
    uint32_t *slot = slot_of(words, word);
    *number = *slot;
    if (*slot != SAGE_NO_WORD) return SAGE_OK;
    if (sage_grow((void **)&words->list, &words->capacity, words->n + 1, sizeof *words->list) != 0)
        return sage_fail_memory(error, words->n * sizeof *words->list);
    const uint64_t begin = words->texts.len;
    SAGE_TRY(sage_buf_add(&words->texts, word.data, word.len, error));
    words->list[words->n] = (sage_word){begin, words->texts.len, 0};
    *slot = *number = (uint32_t)words->n++;
out:
    return st;
}

static int by_bytes(const void *a, const void *b, void *ctx) {
    const uint32_t *x = a, *y = b;
    return sage_str_order(sage_words_at(ctx, *x), sage_words_at(ctx, *y));
}

sage_status sage_words_sort(sage_words *words, sage_error *error) {
    words->order = sage_alloc((words->n + 1) * sizeof *words->order);
    words->rank = sage_alloc((words->n + 1) * sizeof *words->rank);
    if (words->order == NULL || words->rank == NULL) return sage_fail_memory(error, words->n * sizeof *words->order);
    for (size_t i = 0; i < words->n; i++) words->order[i] = (uint32_t)i;
    qsort_r(words->order, words->n, sizeof *words->order, by_bytes, words);
    for (size_t i = 0; i < words->n; i++) words->rank[words->order[i]] = (uint32_t)i;
    return SAGE_OK;
}

void sage_words_free(sage_words *words) {
    sage_buf_free(&words->texts);
    sage_free(words->list);
    sage_free(words->slots);
    sage_free(words->order);
    sage_free(words->rank);
    *words = (sage_words){0};
}
