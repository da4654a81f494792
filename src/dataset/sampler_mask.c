/* Which columns are no negatives of a row: products alike its positive or alike any known positive of its query, and,
 * for a query made from the catalogue, products that contain all its words; for a picture, products that show it; for
 * a user, or where a user is known to have looked, all that the user dealt with; and what is looked at itself.
 *
 * Words are looked up the other way round: every distinct word of the rows' queries gets a bit set over the columns,
 * filled by one walk over the columns' words; a row's mask is then the intersection of its words' sets. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

enum { NONE = UINT32_MAX, BLOCK_WORDS = SAGE_MASK_BLOCK / 64 };

void sage_mask_tables_free(sage_mask_tables *tables) {
    sage_free(tables->same_key);
    sage_free(tables->same_first);
    sage_free(tables->same_next);
    sage_free(tables->word_key);
    sage_free(tables->word_slot);
    sage_free(tables->bits);
    sage_free(tables->row_slots);
    *tables = (sage_mask_tables){0};
}

size_t sage_mask_tables_bytes(const sage_mask_tables *tables) {
    return tables->same_capacity * 8 + (tables->first_capacity + tables->next_capacity + tables->word_capacity) * 4 +
           (tables->slot_capacity + tables->row_slots_capacity) * 4 + tables->bits_capacity * 8;
}

static size_t columns_of(const sage_sampler *s) {
    return s->settings.batch + s->n_random;
}

static size_t table_size(size_t n) {
    size_t size = 16;
    while (size < 2 * n) size *= 2;
    return size;
}

/* ---- likeness: a hash table of the columns by `same` ---- */

static size_t same_slot(const sage_mask_tables *t, uint64_t key) {
    size_t at = sage_mix64(key) & (t->n_same - 1);
    while (t->same_first[at] != NONE && t->same_key[at] != key) at = (at + 1) & (t->n_same - 1);
    return at;
}

static sage_status index_columns(sage_sampler *s, sage_error *error) {
    sage_mask_tables *t = &s->tables;
    size_t n = columns_of(s), size = table_size(n);
    if (sage_grow((void **)&t->same_key, &t->same_capacity, size, sizeof *t->same_key) != 0 ||
        sage_grow((void **)&t->same_first, &t->first_capacity, size, sizeof *t->same_first) != 0 ||
        sage_grow((void **)&t->same_next, &t->next_capacity, n, sizeof *t->same_next) != 0) {
        return sage_fail_memory(error, size * sizeof *t->same_key);
    }
    t->n_same = size;
    memset(t->same_first, 0xFF, size * sizeof *t->same_first);
    for (size_t column = n; column-- > 0;) {
        uint64_t key = s->dataset->same[s->product[column]];
        size_t at = same_slot(t, key);
        t->same_key[at] = key;
        t->same_next[column] = t->same_first[at];
        t->same_first[at] = (uint32_t)column;
    }
    return SAGE_OK;
}

static void mask_alike(const sage_sampler *s, uint64_t *mask, uint32_t product) {
    const sage_mask_tables *t = &s->tables;
    size_t at = same_slot(t, s->dataset->same[product]);
    for (uint32_t column = t->same_first[at]; column != NONE; column = t->same_next[column]) {
        mask[column / 64] |= UINT64_C(1) << column % 64;
    }
}

/* ---- words: their bit sets over a block of columns ---- */

static size_t word_at(const sage_mask_tables *t, size_t size, uint32_t key) {
    size_t at = sage_mix64(key) & (size - 1);
    while (t->word_slot[at] != NONE && t->word_key[at] != key) at = (at + 1) & (size - 1);
    return at;
}

static size_t word_table_size(const sage_sampler *s) {
    return table_size(s->keys.n);
}

uint32_t sage_mask_word_slot(const sage_sampler *sampler, uint32_t key) {
    const sage_mask_tables *t = &sampler->tables;
    return t->word_slot[word_at(t, word_table_size(sampler), key)];
}

static sage_status index_words(sage_sampler *s, sage_error *error) {
    sage_mask_tables *t = &s->tables;
    size_t size = word_table_size(s);
    t->n_words = 0;
    if (sage_grow((void **)&t->word_key, &t->word_capacity, size, sizeof *t->word_key) != 0 ||
        sage_grow((void **)&t->word_slot, &t->slot_capacity, size, sizeof *t->word_slot) != 0 ||
        sage_grow((void **)&t->row_slots, &t->row_slots_capacity, s->keys.n, sizeof *t->row_slots) != 0) {
        return sage_fail_memory(error, size * sizeof *t->word_key);
    }
    memset(t->word_slot, 0xFF, size * sizeof *t->word_slot);
    for (size_t i = 0; i < s->keys.n; i++) {
        size_t at = word_at(t, size, s->keys.data[i]);
        if (t->word_slot[at] == NONE) {
            t->word_key[at] = s->keys.data[i];
            t->word_slot[at] = (uint32_t)t->n_words++;
        }
        t->row_slots[i] = t->word_slot[at];
    }
    if (sage_grow((void **)&t->bits, &t->bits_capacity, t->n_words * BLOCK_WORDS, sizeof *t->bits) != 0) {
        return sage_fail_memory(error, t->n_words * BLOCK_WORDS * sizeof *t->bits);
    }
    return SAGE_OK;
}

typedef struct block {
    sage_sampler *sampler;
    size_t first, n; /* columns */
} block;

/* Pieces are whole machine words of the sets, so that no two workers write to one. */
static void mark_columns(void *ctx, size_t begin, size_t end, size_t number) {
    (void)number;
    const block *b = ctx;
    const sage_mask_tables *t = &b->sampler->tables;
    size_t size = word_table_size(b->sampler);
    for (size_t w = 0; w < t->n_words; w++) {
        memset(t->bits + w * BLOCK_WORDS + begin / 64, 0, ((end + 63) / 64 - begin / 64) * sizeof *t->bits);
    }
    for (size_t i = begin; i < end; i++) {
        size_t n;
        const uint32_t *words = sage_dataset_words(b->sampler->dataset, b->sampler->product[b->first + i], &n);
        for (size_t j = 0; j < n; j++) {
            uint32_t slot = t->word_slot[word_at(t, size, words[j])];
            if (slot != NONE) t->bits[slot * BLOCK_WORDS + i / 64] |= UINT64_C(1) << i % 64;
        }
    }
}

static void mask_containing(const block *b, uint64_t *mask, size_t row) {
    const sage_mask_tables *t = &b->sampler->tables;
    if (b->sampler->query[row] != UINT32_MAX && !b->sampler->settings.mask_all_words) return;
    size_t begin = b->sampler->key_begin.data[row], end = b->sampler->key_begin.data[row + 1];
    for (size_t w = 0; begin < end && w < (b->n + 63) / 64; w++) {
        uint64_t all = ~UINT64_C(0);
        for (size_t i = begin; i < end; i++) all &= t->bits[t->row_slots[i] * BLOCK_WORDS + w];
        mask[b->first / 64 + w] |= all;
    }
}

/* ---- rows ---- */

static size_t mask_words(const sage_sampler *s) {
    return (columns_of(s) + 63) / 64;
}

/* The first row of the same user, or `row` itself. All that is masked in a row of a user is what the user dealt with,
 * the positive and what is looked at among it, so the user's other rows have the same masks. */
static size_t first_of_user(const sage_sampler *s, size_t row) {
    size_t begin = s->n_texts + s->pictures.n, rows = sage_people_count(s);
    return row < begin || row >= begin + rows ? row : begin + s->people.first[row - begin];
}

static void copy_masks(const sage_sampler *s) {
    for (size_t row = s->n_texts + s->pictures.n; row < s->settings.batch; row++) {
        const uint64_t *first = s->mask + first_of_user(s, row) * mask_words(s);
        uint64_t *mask = s->mask + row * mask_words(s);
        if (mask != first) memcpy(mask, first, mask_words(s) * sizeof *mask);
    }
}

static void mask_people(const sage_sampler *s, uint64_t *mask, size_t row) {
    const sage_user_event *events;
    size_t n;
    uint32_t looked_at = sage_people_looked_at(s, row);
    if (looked_at != UINT32_MAX) mask_alike(s, mask, looked_at);
    if (!sage_people_user(s, row, &events, &n)) return;
    for (size_t i = 0; i < n; i++) mask_alike(s, mask, events[i].product);
}

/* Its query is what somebody did or looked at, whoever makes its vector. */
static bool of_people(const sage_sampler *s, size_t row) {
    unsigned surface = s->task[row] / SAGE_EVENT_KINDS;
    return surface == SAGE_ON_USER || surface == SAGE_ON_PRODUCT;
}

static void mask_rows_alike(void *ctx, size_t begin, size_t end, size_t number) {
    (void)number;
    const sage_sampler *s = ctx;
    for (size_t row = begin; row < end; row++) {
        uint64_t *mask = s->mask + row * mask_words(s);
        if (first_of_user(s, row) != row) continue;
        memset(mask, 0, mask_words(s) * sizeof *mask);
        mask_alike(s, mask, s->product[row]);
        mask_people(s, mask, row);
        if (of_people(s, row)) sage_touched_mask(s, mask);
        if (s->query[row] == UINT32_MAX) continue;
        sage_packed_query query;
        sage_dataset_query(s->dataset, s->query[row], &query);
        for (size_t i = 0; i < query.n_positives; i++) mask_alike(s, mask, query.positives[i]);
    }
}

static void mask_rows_containing(void *ctx, size_t begin, size_t end, size_t number) {
    (void)number;
    const block *b = ctx;
    for (size_t row = begin; row < end; row++) mask_containing(b, b->sampler->mask + row * mask_words(b->sampler), row);
}

sage_status sage_sampler_mask(sage_sampler *sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    SAGE_TRY(index_columns(s, error));
    SAGE_TRY(index_words(s, error));
    sage_people_group(s);
    sage_touched_columns(s);
    sage_pool_for(s->pool, s->settings.batch, 1, mask_rows_alike, s);
    copy_masks(s);
    for (size_t first = 0; s->keys.n > 0 && first < columns_of(s); first += SAGE_MASK_BLOCK) {
        size_t left = columns_of(s) - first;
        block b = {s, first, left < SAGE_MASK_BLOCK ? left : SAGE_MASK_BLOCK};
        sage_pool_for(s->pool, b.n, 64, mark_columns, &b);
        sage_pool_for(s->pool, s->settings.batch, 1, mask_rows_containing, &b);
    }
    sage_pictures_mask(s);
    for (size_t row = 0; row < s->settings.batch; row++) { /* the positive itself is no negative to be left out */
        s->mask[row * mask_words(s) + row / 64] &= ~(UINT64_C(1) << row % 64);
    }
out:
    return st;
}
