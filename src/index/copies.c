#include <base/alloc.h>
#include <base/error.h>
#include <index/copies.h>
#include <index/files.h>

typedef struct table {
    uint32_t *last; /* [n_slots]: the last row so far of each code; SAGE_NO_ROW: free */
    size_t n_slots;
} table;

static const void *code_of(const sage_codes *codes, size_t row) {
    if (codes->bytes != NULL) return codes->bytes + row * codes->ld;
    return codes->vectors + row * codes->dim;
}

static size_t code_bytes(const sage_codes *codes) {
    return codes->bytes != NULL ? codes->ld : codes->dim * sizeof *codes->vectors;
}

bool sage_same_code(const sage_codes *codes, size_t a, size_t b) {
    return memcmp(code_of(codes, a), code_of(codes, b), code_bytes(codes)) == 0;
}

static uint32_t *slot_of(const table *t, const sage_codes *codes, size_t row) {
    size_t slot = (size_t)XXH3_64bits(code_of(codes, row), code_bytes(codes)) & (t->n_slots - 1);
    while (t->last[slot] != SAGE_NO_ROW && !sage_same_code(codes, t->last[slot], row))
        slot = (slot + 1) & (t->n_slots - 1);
    return &t->last[slot];
}

sage_status sage_copies_find(const sage_codes *codes, uint32_t *next, bool *copy, sage_error *error) {
    table t = {.n_slots = sage_index_slots(codes->n)};
    t.last = sage_alloc(t.n_slots * sizeof *t.last);
    if (t.last == NULL) return sage_fail_memory(error, t.n_slots * sizeof *t.last);
    memset(t.last, 0xff, t.n_slots * sizeof *t.last);
    for (size_t row = 0; row < codes->n; row++) {
        uint32_t *slot = slot_of(&t, codes, row);
        copy[row] = *slot != SAGE_NO_ROW;
        if (copy[row]) next[*slot] = (uint32_t)row;
        next[row] = SAGE_NO_ROW;
        *slot = (uint32_t)row;
    }
    sage_free(t.last);
    return SAGE_OK;
}
