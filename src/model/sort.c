/* Bringing together what belongs to one table row, or to one id: least-significant-digit radix sorts, stable, so that
 * equal keys keep the batch's order and sums over them come out the same. A use takes along what the scatter will ask
 * of it, so that nothing is looked up at random afterwards. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, DIGITS_MAX = (32 + DIGIT_BITS - 1) / DIGIT_BITS };

/* How keys are cut into digits, least significant first: two at least. The last is the shortest, since the last pass
 * writes several arrays. */
typedef struct digits {
    unsigned n, bits, last_bits;
} digits;

static digits digits_of(size_t key_max) {
    unsigned bits = 2;
    while (bits < 32 && key_max >> bits > 0) bits++;
    digits d = {.n = bits > 2 * DIGIT_BITS ? (bits + DIGIT_BITS - 1) / DIGIT_BITS : 2};
    d.bits = (bits + d.n - 1) / d.n;
    if (d.bits < DIGIT_BITS && bits - (d.n - 1) * d.bits > 1) d.bits++;
    d.last_bits = bits - (d.n - 1) * d.bits;
    return d;
}

static inline uint32_t digit(digits d, unsigned at, uint32_t key) {
    return key >> at * d.bits & ((1u << (at + 1 == d.n ? d.last_bits : d.bits)) - 1);
}

typedef struct places {
    uint32_t of[DIGITS_MAX][DIGITS];
} places;

static void count(places *at, digits d, size_t n, const uint32_t *key) {
    for (size_t i = 0; i < n; i++)
        for (unsigned p = 0; p < d.n; p++) at->of[p][digit(d, p, key[i])]++;
}

/* From how often to where first. */
static void add_up(places *at, digits d) {
    for (unsigned p = 0; p < d.n; p++)
        for (uint32_t v = 0, sum = 0; v < DIGITS; v++) {
            uint32_t here = at->of[p][v];
            at->of[p][v] = sum;
            sum += here;
        }
}

typedef struct use_item {
    uint32_t row, use, bag;
    real weight;
} use_item;
typedef struct id_item {
    uint32_t id, position;
} id_item;

/* The items of the uses, of the ids, and a second array of them where there are more than two digits. */
static size_t use_items_bytes(const sage_model_shape *s, size_t ids) {
    return ids * s->hashes * sizeof(use_item) * (digits_of(s->rows - 1).n > 2 ? 2 : 1);
}

static size_t id_items_bytes(const sage_model_shape *s, size_t ids) {
    return s->hashes == 1 ? 0 : ids * sizeof(id_item) * (digits_of(sage_shape_ids(s) - 1).n > 2 ? 2 : 1);
}

size_t sort_bytes(const sage_model_shape *s, size_t ids) {
    return use_items_bytes(s, ids) + id_items_bytes(s, ids);
}

/* ---- uses by row ---- */

static void spread_uses(const bag_acts *b, size_t hashes, uint32_t *at, digits d, use_item *out) {
    for (size_t bag = 0; bag < b->n; bag++)
        for (size_t u = b->begin[bag] * hashes; u < b->begin[bag + 1] * hashes; u++)
            out[at[digit(d, 0, b->rows[u])]++] = (use_item){b->rows[u], (uint32_t)u, (uint32_t)bag, b->weight[u]};
}

static void collect_uses(bag_acts *b, size_t n, uint32_t *at, digits d, const use_item *items, uint32_t *row) {
    for (size_t i = 0; i < n; i++) {
        uint32_t to = at[digit(d, d.n - 1, items[i].row)]++;
        row[to] = items[i].row;
        b->by_row.bag[to] = items[i].bag;
        b->by_row.weight[to] = items[i].weight;
        if (b->by_row.use != NULL) b->by_row.use[to] = items[i].use;
    }
}

/* Sorted rows to groups: group g is [start[g], start[g + 1]), its row unique[g]. */
static size_t group(size_t n, const uint32_t *row, uint32_t *unique, uint32_t *start) {
    size_t groups = 0;
    start[0] = 0;
    for (size_t i = 0; i < n; i++) { /* without a branch: groups are short */
        unique[groups] = row[i];
        start[groups + 1] = (uint32_t)i + 1;
        groups += i + 1 == n || row[i + 1] != row[i];
    }
    return groups;
}

static void sort_rows(const sage_model *model, bag_acts *b) {
    places at = {0};
    digits d = digits_of(model->shape.rows - 1);
    size_t ids = b->begin[b->n], n = ids * model->shape.hashes;
    use_item *items = b->sorting, *others = items + n;
    uint32_t *row = (void *)b->weight; /* the items have them by then */
    count(&at, d, n, b->rows);
    add_up(&at, d);
    spread_uses(b, model->shape.hashes, at.of[0], d, items);
    for (unsigned p = 1; p + 1 < d.n; p++) {
        for (size_t i = 0; i < n; i++) others[at.of[p][digit(d, p, items[i].row)]++] = items[i];
        use_item *sorted = others;
        others = items;
        items = sorted;
    }
    collect_uses(b, n, at.of[d.n - 1], d, items, row);
    b->by_row.n = group(n, row, b->by_row.unique, b->by_row.start);
}

/* ---- id positions by id ---- */

/* The items of a digit's place come in the order of their ids: the last one tells whether the next begins another. */
static void collect_ids(bag_acts *b, size_t n, uint32_t *at, digits d, const id_item *items) {
    uint32_t last[DIGITS];
    memset(last, 0xff, sizeof last); /* no id: they are below 2^31 */
    for (size_t i = 0; i < n; i++) {
        uint32_t v = digit(d, d.n - 1, items[i].id);
        b->by_id[at[v]++] = items[i].position | (last[v] == items[i].id ? 0 : ID_BEGINS);
        last[v] = items[i].id;
    }
}

static void sort_ids(const sage_model *model, bag_acts *b) {
    places at = {0};
    digits d = digits_of(sage_shape_ids(&model->shape) - 1);
    size_t in_text = b->begin[b->text.n], n = b->begin[b->n];
    unsigned char *scratch = b->sorting;
    id_item *items = (void *)(scratch + use_items_bytes(&model->shape, n));
    id_item *others = items + n;
    if (in_text > 0) count(&at, d, in_text, b->text.ids + b->text.begin[0]);
    if (n > in_text) count(&at, d, n - in_text, b->queries.ids + b->queries.begin[0]);
    add_up(&at, d);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = id_at(b, i);
        items[at.of[0][digit(d, 0, id)]++] = (id_item){id, (uint32_t)i};
    }
    for (unsigned p = 1; p + 1 < d.n; p++) {
        for (size_t i = 0; i < n; i++) others[at.of[p][digit(d, p, items[i].id)]++] = items[i];
        id_item *sorted = others;
        others = items;
        items = sorted;
    }
    collect_ids(b, n, at.of[d.n - 1], d, items);
}

void bags_sort(const sage_model *model, sage_work *work, size_t task) {
    static sage_stage stage = SAGE_STAGE("sort the uses of rows and ids");
    uint64_t began = sage_stage_begin();
    bag_acts *b = &work->bags;
    size_t ids = b->begin[b->n], hashes = model->shape.hashes;
    if (task == 0) b->by_row.n = 0;
    if (ids > 0 && task == 0) sort_rows(model, b);
    if (ids > 0 && task == 1 && hashes > 1) sort_ids(model, b);
    size_t bytes = task == 0 ? hashes * (8 + 2 * sizeof(use_item) + 12) : hashes > 1 ? 8 + 2 * sizeof(id_item) + 4 : 0;
    sage_stage_end(&stage, began, ids * bytes, 0);
}
