#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <search/ward.h>
#include <stdbool.h>
#include <string.h>

/* Clusters live in the slots of their last vector until they are numbered. */
typedef struct forest {
    size_t n;
    double *squared;             /* [n][n] d^2 of any two slots in use */
    size_t size[SAGE_WARD_MAX];  /* 0: the slot is no longer used */
    size_t chain[SAGE_WARD_MAX]; /* each the nearest of the one before it */
    size_t length;
} forest;

static double squared_distance(const float *a, const float *b, size_t dim) {
    double sum[4] = {0}; /* four chains of additions run side by side */
    size_t i = 0;
    for (; i + 4 <= dim; i += 4)
        for (size_t j = 0; j < 4; j++) {
            double d = (double)a[i + j] - (double)b[i + j];
            sum[j] += d * d;
        }
    for (; i < dim; i++) sum[0] += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void measure(forest *f, const float *vectors, size_t dim) {
    for (size_t i = 0; i < f->n; i++) {
        f->size[i] = 1;
        f->squared[i * f->n + i] = 0;
        for (size_t j = 0; j < i; j++) {
            double d = squared_distance(vectors + i * dim, vectors + j * dim, dim);
            f->squared[i * f->n + j] = f->squared[j * f->n + i] = d;
        }
    }
}

/* The nearest of `x`; `back`, where given, wins ties: without that the chain might run in a circle. */
static size_t nearest(const forest *f, size_t x, const size_t *back) {
    const double *row = f->squared + x * f->n;
    size_t best = back ? *back : f->n;
    for (size_t j = 0; j < f->n; j++)
        if (j != x && f->size[j] > 0 && (best == f->n || row[j] < row[best])) best = j;
    return best;
}

/* Grows the chain until its last two are each other's nearest, and takes them off. */
static void next_pair(forest *f, size_t *a, size_t *b) {
    if (f->length == 0) {
        size_t first = 0;
        while (f->size[first] == 0) first++;
        f->chain[f->length++] = first;
    }
    for (;;) {
        size_t x = f->chain[f->length - 1], *back = f->length > 1 ? &f->chain[f->length - 2] : NULL;
        size_t y = nearest(f, x, back);
        if (back && y == *back) {
            f->length -= 2;
            *a = x < y ? x : y;
            *b = x < y ? y : x;
            return;
        }
        f->chain[f->length++] = y;
    }
}

static void merge(forest *f, size_t a, size_t b) {
    const double n_a = (double)f->size[a], n_b = (double)f->size[b], between = f->squared[a * f->n + b];
    for (size_t k = 0; k < f->n; k++) {
        if (f->size[k] == 0 || k == a || k == b) continue;
        double n_k = (double)f->size[k];
        double d = ((n_a + n_k) * f->squared[a * f->n + k] + (n_b + n_k) * f->squared[b * f->n + k] - n_k * between) /
                   (n_a + n_b + n_k);
        /* Neither was nearer to k than to the other, so only rounding could give less. */
        f->squared[b * f->n + k] = f->squared[k * f->n + b] = d > between ? d : between;
    }
    f->size[b] += f->size[a];
    f->size[a] = 0;
}

/* The chain finds merges out of order. Stable, so that a merge stays behind those that it is made of. */
static void sort_by_height(sage_merge *merges, size_t n) {
    for (size_t i = 1; i < n; i++) {
        sage_merge m = merges[i];
        size_t at = i;
        for (; at > 0 && merges[at - 1].height > m.height; at--) merges[at] = merges[at - 1];
        merges[at] = m;
    }
}

static void number(sage_merge *merges, size_t n) {
    uint32_t name[SAGE_WARD_MAX]; /* of the cluster that lives in a slot */
    for (size_t i = 0; i < n; i++) name[i] = (uint32_t)i;
    for (size_t i = 0; i + 1 < n; i++) {
        uint32_t slot = merges[i].b, x = name[merges[i].a], y = name[slot];
        merges[i].a = x < y ? x : y;
        merges[i].b = x < y ? y : x;
        name[slot] = (uint32_t)(n + i);
    }
}

sage_status sage_ward_tree(const float *vectors, size_t n, size_t dim, sage_merge *merges, sage_error *error) {
    forest f = {.n = n};
    if (n < 1 || n > SAGE_WARD_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "clustering takes 1 to %d vectors, not %zu", SAGE_WARD_MAX, n);
    f.squared = sage_alloc(n * n * sizeof *f.squared);
    if (f.squared == NULL) return sage_fail_memory(error, n * n * sizeof *f.squared);
    measure(&f, vectors, dim);
    for (size_t i = 0; i + 1 < n; i++) {
        size_t a, b;
        next_pair(&f, &a, &b);
        merges[i] = (sage_merge){(uint32_t)a, (uint32_t)b, sqrt(f.squared[a * n + b])};
        merge(&f, a, b);
    }
    sort_by_height(merges, n - 1);
    number(merges, n);
    sage_free(f.squared);
    return SAGE_OK;
}

size_t sage_ward_cut(const sage_merge *merges, size_t n, double distance, size_t most,
                     uint16_t cluster[SAGE_WARD_MAX]) {
    uint16_t top[2 * SAGE_WARD_MAX], named[2 * SAGE_WARD_MAX]; /* 0: no name yet */
    size_t clusters = n, found = 0;
    for (size_t i = 0; i < 2 * n; i++) top[i] = (uint16_t)i;
    for (size_t i = 0; i + 1 < n && (merges[i].height <= distance || clusters > most); i++, clusters--)
        top[merges[i].a] = top[merges[i].b] = (uint16_t)(n + i);
    /* Parents have higher numbers, so from above each finds its top ready. */
    for (size_t i = 2 * n - 1; i-- > 0;) top[i] = top[top[i]];
    memset(named, 0, sizeof named);
    for (size_t i = 0; i < n; i++) {
        if (named[top[i]] == 0) named[top[i]] = (uint16_t)++found;
        cluster[i] = (uint16_t)(named[top[i]] - 1);
    }
    return found;
}
