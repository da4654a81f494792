/* Joins products that are no negatives of each other: union-find over three relations, one at a time. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/build.h>
#include <stdlib.h>

typedef struct keyed {
    uint64_t key;
    uint32_t product;
} keyed;

static int compare_keyed(const void *left, const void *right) {
    const keyed *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->product > b->product) - (a->product < b->product);
}

static uint32_t root_of(uint32_t *parent, uint32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

/* The smaller number becomes the root, so that the outcome does not depend on the order of joining. */
static void join(uint32_t *parent, uint32_t a, uint32_t b) {
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b) parent[b] = a;
    if (b < a) parent[a] = b;
}

static void join_relation(const uint64_t *keys, size_t n, keyed *sorted, uint32_t *parent) {
    size_t n_keyed = 0;
    for (size_t i = 0; i < n; i++) {
        if (keys[i] != 0) sorted[n_keyed++] = (keyed){keys[i], (uint32_t)i};
    }
    if (n_keyed > 1) qsort(sorted, n_keyed, sizeof *sorted, compare_keyed);
    for (size_t i = 1; i < n_keyed; i++) {
        if (sorted[i].key == sorted[i - 1].key) join(parent, sorted[i - 1].product, sorted[i].product);
    }
}

sage_status sage_build_same(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &build->products;
    size_t n = s->n;
    uint32_t *parent = sage_alloc(n * sizeof *parent);
    keyed *sorted = sage_alloc(n * sizeof *sorted);
    if (parent == NULL || sorted == NULL) {
        st = sage_fail_memory(error, n * sizeof *sorted);
        goto out;
    }
    for (size_t i = 0; i < n; i++) parent[i] = (uint32_t)i;
    for (size_t r = 0; r < SAGE_SAME_RELATIONS; r++) {
        SAGE_TRY(sage_spool_map(&s->relation[r], error));
        join_relation((const uint64_t *)(const void *)s->relation[r].map.data, n, sorted, parent);
        sage_spool_free(&s->relation[r]);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t root = root_of(parent, (uint32_t)i);
        SAGE_TRY(sage_spool_add(&s->same, &root, sizeof root, error));
    }
out:
    sage_free(parent);
    sage_free(sorted);
    return st;
}
