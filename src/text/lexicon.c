#include <base/alloc.h>
#include <base/error.h>
#include <stdlib.h>
#include <string.h>
#include <text/lexicon.h>
#include <xxhash.h>

sage_str sage_lexicon_at(const sage_lexicon *lexicon, size_t number) {
    return (sage_str){lexicon->texts.data + lexicon->list[number].begin, lexicon->list[number].len};
}

static uint32_t *slot_of(const sage_lexicon *l, sage_str word) {
    size_t slot = (size_t)XXH3_64bits(word.data, word.len) & (l->n_slots - 1);
    while (l->slots[slot] != SAGE_LEXICON_NONE && !sage_str_equal(sage_lexicon_at(l, l->slots[slot]), word))
        slot = (slot + 1) & (l->n_slots - 1);
    return &l->slots[slot];
}

static sage_status make_slots(sage_lexicon *l, sage_error *error) {
    enum { FIRST = 16 };
    if (2 * (l->n + 1) <= l->n_slots) return SAGE_OK;
    const size_t n = l->n_slots > 0 ? 2 * l->n_slots : FIRST;
    uint32_t *slots = sage_alloc(n * sizeof *slots);
    if (slots == NULL) return sage_fail_memory(error, n * sizeof *slots);
    memset(slots, 0xff, n * sizeof *slots);
    sage_free(l->slots);
    l->slots = slots;
    l->n_slots = n;
    for (size_t i = 0; i < l->n; i++) *slot_of(l, sage_lexicon_at(l, i)) = (uint32_t)i;
    return SAGE_OK;
}

sage_status sage_lexicon_add(sage_lexicon *lexicon, sage_str word, uint32_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    if (lexicon->n_slots == 0) sage_buf_init(&lexicon->texts, SIZE_MAX);
    SAGE_TRY(make_slots(lexicon, error));
    uint32_t *slot = slot_of(lexicon, word);
    *number = *slot;
    if (*slot != SAGE_LEXICON_NONE) return SAGE_OK;
    if (word.len > UINT32_MAX || lexicon->n >= UINT32_MAX / 2)
        return sage_fail(error, SAGE_E_LIMIT, "more than 2 billion distinct words, or one of more than 4 GiB");
    if (sage_grow((void **)&lexicon->list, &lexicon->capacity, lexicon->n + 1, sizeof *lexicon->list) != 0)
        return sage_fail_memory(error, (lexicon->n + 1) * sizeof *lexicon->list);
    const size_t begin = lexicon->texts.len;
    SAGE_TRY(sage_buf_add(&lexicon->texts, word.data, word.len, error));
    lexicon->list[lexicon->n] = (sage_lexeme){begin, (uint32_t)word.len, 0};
    *slot = *number = (uint32_t)lexicon->n++;
out:
    return st;
}

static int by_bytes(const void *a, const void *b, void *ctx) {
    const uint32_t *x = a, *y = b;
    return sage_str_order(sage_lexicon_at(ctx, *x), sage_lexicon_at(ctx, *y));
}

void sage_lexicon_sort(const sage_lexicon *lexicon, uint32_t *order) {
    for (size_t i = 0; i < lexicon->n; i++) order[i] = (uint32_t)i;
    if (lexicon->n > 1) qsort_r(order, lexicon->n, sizeof *order, by_bytes, (void *)(uintptr_t)lexicon);
}

void sage_lexicon_clear(sage_lexicon *lexicon) {
    if (lexicon->n_slots == 0) return;
    sage_buf_clear(&lexicon->texts);
    memset(lexicon->slots, 0xff, lexicon->n_slots * sizeof *lexicon->slots);
    lexicon->n = 0;
}

void sage_lexicon_free(sage_lexicon *lexicon) {
    sage_buf_free(&lexicon->texts);
    sage_free(lexicon->list);
    sage_free(lexicon->slots);
    *lexicon = (sage_lexicon){0};
}
