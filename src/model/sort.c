/* Bringing together what belongs to one table row, or to one id: least-significant-digit radix sorts, stable, so that
 * equal keys keep the batch's order and sums over them come out the same. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, DIGITS_MAX = (32 + DIGIT_BITS - 1) / DIGIT_BITS };

/* How keys are cut into digits of equal width. */
typedef struct digits {
    unsigned n, bits;
} digits;

static digits digits_of(size_t key_max) {
    unsigned bits = 1;
    while (bits < 32 && key_max >> bits > 0) bits++;
    unsigned n = (bits + DIGIT_BITS - 1) / DIGIT_BITS;
    return (digits){n, (bits + n - 1) / n};
}

static inline uint32_t digit(uint32_t key, unsigned at, digits d) {
    return key >> at * d.bits & ((1u << d.bits) - 1);
}

/* Where each digit's keys begin, of all digits in one reading. */
static void count(size_t n, const uint32_t *key, digits d, uint32_t at[DIGITS_MAX][DIGITS]) {
    memset(at, 0, sizeof(uint32_t[DIGITS_MAX][DIGITS]));
    for (size_t i = 0; i < n; i++)
        for (unsigned p = 0; p < d.n; p++) at[p][digit(key[i], p, d)]++;
    for (unsigned p = 0; p < d.n; p++)
        for (uint32_t v = 0, sum = 0; v < 1u << d.bits; v++) {
            uint32_t here = at[p][v];
            at[p][v] = sum;
            sum += here;
        }
}

/* Sorts key[1]; the sorted keys are then in key[side], their places before in value[side], side being the result. The
 * values of the first pass are the places themselves. */
static int sort_keys(size_t n, size_t key_max, uint32_t *key[2], uint32_t *value[2]) {
    uint32_t at[DIGITS_MAX][DIGITS];
    digits d = digits_of(key_max);
    int to = 0;
    count(n, key[1], d, at);
    for (unsigned p = 0; p < d.n; p++, to = 1 - to) {
        const uint32_t *k = key[1 - to], *v = value[1 - to];
        uint32_t *k_out = key[to], *v_out = value[to];
        for (size_t i = 0; i < n; i++) {
            uint32_t place = at[p][digit(k[i], p, d)]++;
            k_out[place] = k[i];
            v_out[place] = p == 0 ? (uint32_t)i : v[i];
        }
    }
    return 1 - to;
}

/* Which of the two sides sort_keys will end on. */
static int last_side(size_t key_max) {
    return digits_of(key_max).n % 2 == 1 ? 0 : 1;
}

/* Sorted keys to groups: group g is [start[g], start[g + 1]), its key unique[g]. */
static size_t group(size_t n, const uint32_t *key, uint32_t *unique, uint32_t *start) {
    size_t groups = 0;
    start[0] = 0;
    for (size_t i = 0; i < n; i++) { /* without a branch: groups are short */
        unique[groups] = key[i];
        start[groups + 1] = (uint32_t)i + 1;
        groups += i + 1 == n || key[i + 1] != key[i];
    }
    return groups;
}

size_t sort_words(size_t ids, size_t hashes) {
    return hashes == 1 ? 4 * ids : 8 * ids;
}

/* Scratch: a key and a value array of uses, the bags of id positions; with one hash the other value array too. */
static void sort_rows(const sage_model *model, sage_work *work) {
    bag_acts *b = &work->bags;
    size_t hashes = model->shape.hashes, ids = b->begin[b->n], uses = ids * hashes;
    int last = last_side(model->shape.rows - 1);
    uint32_t *keys[2] = {b->sorting, b->rows}, *values[2], *bag_of = b->sorting + 2 * uses;
    values[1 - last] = b->sorting + uses;
    values[last] = hashes == 1 ? b->sorting + 3 * uses : b->by_row.use;
    for (size_t bag = 0; bag < b->n; bag++)
        for (uint32_t p = b->begin[bag]; p < b->begin[bag + 1]; p++) bag_of[p] = (uint32_t)bag;
    sort_keys(uses, model->shape.rows - 1, keys, values);
    b->by_row.n = group(uses, keys[last], b->by_row.unique, b->by_row.start);
    const uint32_t *use = values[last];
    for (size_t i = 0; i < uses; i++) {
        b->by_row.bag[i] = bag_of[hashes == 1 ? use[i] : use[i] / 2];
        b->by_row.weight[i] = b->weight[use[i]];
    }
}

/* Scratch, after that of the rows: two key arrays of id positions and a value array. */
static void sort_ids(const sage_model *model, sage_work *work) {
    bag_acts *b = &work->bags;
    size_t in_text = b->text.begin[b->text.n] - b->text.begin[0], n = b->begin[b->n];
    int last = last_side(model->shape.vocab - 1);
    uint32_t *scratch = b->sorting + 5 * n, *keys[2] = {scratch, scratch + n}, *values[2];
    values[last] = b->by_id;
    values[1 - last] = scratch + 2 * n;
    if (in_text > 0) memcpy(keys[1], b->text.ids + b->text.begin[0], in_text * sizeof(uint32_t));
    if (n > in_text) memcpy(keys[1] + in_text, b->queries.ids + b->queries.begin[0], (n - in_text) * sizeof(uint32_t));
    sort_keys(n, model->shape.vocab - 1, keys, values);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || keys[last][i] != keys[last][i - 1]) b->by_id[i] |= ID_BEGINS;
}

void bags_sort(const sage_model *model, sage_work *work, size_t task) {
    static sage_stage stage = SAGE_STAGE("sort the uses of rows and ids");
    uint64_t began = sage_stage_begin();
    size_t ids = work->bags.begin[work->bags.n], hashes = model->shape.hashes;
    if (ids > 0 && task == 0) sort_rows(model, work);
    if (ids > 0 && task == 1 && hashes > 1) sort_ids(model, work);
    if (ids == 0 && task == 0) work->bags.by_row.n = 0;
    sage_stage_end(&stage, began, (task == 0 ? ids * hashes : hashes > 1 ? ids : 0) * 32, 0);
}
