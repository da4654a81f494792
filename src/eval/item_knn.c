#include <base/alloc.h>
#include <base/error.h>
#include <eval/item_knn.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { NEIGHBOURS = 200, PER_USER = 200, GRAIN = 16 };

typedef struct neighbourhood {
    sage_neighbour *list;
    size_t n;
} neighbourhood;

struct sage_item_knn {
    size_t n_products;
    neighbourhood *of; /* [n_products] */
};

typedef struct job {
    const sage_touched *touched;
    const bool *asked;
    sage_item_knn_options options;
    sage_item_knn *knn;
    sage_best *best; /* [threads] */
    _Atomic(bool) short_of_memory;
} job;

/* What users of a product touched besides. */
static void count_common(const job *j, uint32_t product, sage_best *best) {
    const sage_touched *t = j->touched;
    for (size_t i = t->product_begin[product]; i < t->product_begin[product + 1]; i++) {
        size_t begin = t->user_begin[t->users[i]], all = t->user_begin[t->users[i] + 1] - begin;
        size_t n = all < j->options.per_user ? all : j->options.per_user;
        for (size_t p = 0; p < n; p++) {
            uint32_t other = t->products[begin + p * all / n];
            if (other != product) sage_best_add(best, other, 1);
        }
    }
}

static void to_cosines(const job *j, uint32_t product, sage_best *best) {
    double users = (double)sage_touched_users_of(j->touched, product);
    for (size_t i = 0; i < best->n_touched; i++) {
        uint32_t other = best->touched[i];
        double norm = sqrt(users * (double)sage_touched_users_of(j->touched, other)) + j->options.shrink;
        best->scores[other] = (float)((double)best->scores[other] / norm);
    }
}

static bool find_neighbours(const job *j, uint32_t product, sage_best *best) {
    neighbourhood *of = &j->knn->of[product];
    size_t most = j->options.neighbours;
    count_common(j, product, best);
    to_cosines(j, product, best);
    if (best->n_touched < most) most = best->n_touched;
    of->list = sage_alloc_zero(most, sizeof *of->list);
    return of->list != NULL && sage_best_take(best, most, of->list, &of->n, NULL) == SAGE_OK;
}

static void find_some(void *ctx, size_t begin, size_t end, size_t worker) {
    job *j = ctx;
    for (size_t p = begin; p < end; p++) {
        if (!j->asked[p] || j->short_of_memory) continue;
        if (!find_neighbours(j, (uint32_t)p, &j->best[worker])) j->short_of_memory = true;
    }
}

sage_status sage_item_knn_new(const sage_touched *touched, const bool *asked, const sage_item_knn_options *options,
                              sage_pool *pool, sage_item_knn **knn, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t threads = sage_pool_threads(pool), n = touched->n_products;
    job j = {.touched = touched, .asked = asked, .options = *options};
    *knn = NULL;
    if (j.options.neighbours == 0) j.options.neighbours = NEIGHBOURS;
    if (j.options.per_user == 0) j.options.per_user = PER_USER;
    j.knn = sage_alloc_zero(1, sizeof *j.knn);
    j.best = sage_alloc_zero(threads, sizeof *j.best);
    if (j.knn == NULL || j.best == NULL || !(j.knn->of = sage_alloc_zero(n, sizeof *j.knn->of)))
        SAGE_TRY(sage_fail_memory(error, n * sizeof *j.knn->of));
    j.knn->n_products = n;
    for (size_t i = 0; i < threads; i++) SAGE_TRY(sage_best_init(&j.best[i], n, error));
    sage_pool_for_dynamic(pool, n, GRAIN, find_some, &j);
    if (j.short_of_memory) SAGE_TRY(sage_fail_memory(error, j.options.neighbours * sizeof(sage_neighbour)));
    *knn = j.knn;
    j.knn = NULL;
out:
    for (size_t i = 0; j.best != NULL && i < threads; i++) sage_best_free(&j.best[i]);
    sage_free(j.best);
    sage_item_knn_free(j.knn);
    return st;
}

void sage_item_knn_free(sage_item_knn *knn) {
    if (knn == NULL) return;
    for (size_t p = 0; p < knn->n_products; p++) sage_free(knn->of[p].list);
    sage_free(knn->of);
    sage_free(knn);
}

const sage_neighbour *sage_item_knn_of(const sage_item_knn *knn, size_t product, size_t *n) {
    *n = knn->of[product].n;
    return knn->of[product].list;
}

void sage_item_knn_add(const sage_item_knn *knn, uint32_t known, sage_best *best) {
    const neighbourhood *of = &knn->of[known];
    sage_best_add(best, known, 1);
    for (size_t i = 0; i < of->n; i++) sage_best_add(best, of->list[i].row, of->list[i].score);
}
