#include <base/alloc.h>
#include <base/error.h>
#include <eval/co_click.h>
#include <eval/item_knn.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 50 };

typedef struct known_text {
    sage_str text;
    uint32_t query; /* of the dataset */
} known_text;

struct sage_co_click {
    const sage_dataset *dataset;
    const sage_index *index;
    sage_touched touched; /* products of the dataset by search texts that are trained on */
    sage_item_knn *knn;
    known_text *texts; /* [n_texts] by text */
    size_t n_texts;
    int64_t seeds[SAGE_CO_CLICK_SEEDS];
    size_t n_seeds;
    sage_best best;
    sage_neighbour *found;
    sage_scored *list;
    size_t found_capacity, list_capacity;
};

static int by_text(const void *a, const void *b) {
    return sage_str_order(((const known_text *)a)->text, ((const known_text *)b)->text);
}

static sage_status read_queries(sage_co_click *co, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_dataset_queries(co->dataset);
    if ((co->texts = sage_alloc_zero(n, sizeof *co->texts)) == NULL)
        return sage_fail_memory(error, n * sizeof *co->texts);
    for (size_t q = 0; q < n; q++) {
        sage_packed_query query;
        sage_dataset_query(co->dataset, q, &query);
        if (query.surface != SAGE_ON_SEARCH || query.part != SAGE_TRAIN) continue;
        SAGE_TRY(sage_touched_add(&co->touched, query.positives, query.n_positives, error));
        co->texts[co->n_texts++] = (known_text){query.text, (uint32_t)q};
    }
    SAGE_TRY(sage_touched_finish(&co->touched, error));
    qsort(co->texts, co->n_texts, sizeof *co->texts, by_text);
out:
    return st;
}

static sage_status count(sage_co_click *co, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_dataset_products(co->dataset);
    const sage_item_knn_options rules = {.neighbours = NEIGHBOURS, .shrink = SAGE_ITEM_KNN_SHRINK};
    bool *asked = sage_alloc_zero(n, sizeof *asked);
    if (asked == NULL) return sage_fail_memory(error, n);
    for (size_t p = 0; p < n; p++) asked[p] = sage_touched_users_of(&co->touched, p) > 0;
    SAGE_TRY(sage_item_knn_new(&co->touched, asked, &rules, pool, &co->knn, error));
    SAGE_TRY(sage_best_init(&co->best, n, error));
out:
    sage_free(asked);
    return st;
}

sage_status sage_co_click_new(const sage_dataset *dataset, const sage_index *index, sage_pool *pool,
                              sage_co_click **out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_co_click *co = sage_alloc_zero(1, sizeof *co);
    *out = NULL;
    if (co == NULL) return sage_fail_memory(error, sizeof *co);
    co->dataset = dataset;
    co->index = index;
    SAGE_TRY(sage_touched_begin(&co->touched, sage_dataset_products(dataset), error));
    SAGE_TRY(read_queries(co, error));
    if (co->n_texts == 0) goto out;
    SAGE_TRY(count(co, pool, error));
    *out = co;
    co = NULL;
out:
    sage_co_click_free(co);
    return st;
}

void sage_co_click_free(sage_co_click *co) {
    if (co == NULL) return;
    sage_touched_free(&co->touched);
    sage_item_knn_free(co->knn);
    sage_best_free(&co->best);
    sage_free(co->texts);
    sage_free(co->found);
    sage_free(co->list);
    sage_free(co);
}

void sage_co_click_note(sage_co_click *co, const sage_scored *keywords, size_t n) {
    co->n_seeds = n < SAGE_CO_CLICK_SEEDS ? n : SAGE_CO_CLICK_SEEDS;
    for (size_t i = 0; i < co->n_seeds; i++) co->seeds[i] = keywords[i].pid;
}

static bool product_of(const sage_co_click *co, int64_t pid, uint32_t *product) {
    const int64_t *pids = sage_dataset_pids(co->dataset);
    size_t low = 0, high = sage_dataset_products(co->dataset), n = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pids[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    *product = (uint32_t)low;
    return low < n && pids[low] == pid;
}

/* One seed's say: its neighbours with their cosines, itself with 1. */
static void add_seed(sage_co_click *co, uint32_t product) {
    if (sage_touched_users_of(&co->touched, product) > 0)
        sage_item_knn_add(co->knn, product, &co->best);
    else
        sage_best_add(&co->best, product, 1);
}

static void add_seeds(sage_co_click *co, sage_str text) {
    const known_text wanted = {text, 0}, *known = bsearch(&wanted, co->texts, co->n_texts, sizeof *co->texts, by_text);
    if (known != NULL) {
        sage_packed_query query;
        sage_dataset_query(co->dataset, known->query, &query);
        for (size_t i = 0; i < query.n_positives; i++) add_seed(co, query.positives[i]);
        return;
    }
    for (size_t i = 0; i < co->n_seeds; i++) {
        uint32_t product;
        if (product_of(co, co->seeds[i], &product)) add_seed(co, product);
    }
}

static sage_status list_them(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                             sage_error *error) {
    sage_co_click *co = ctx;
    sage_status st = SAGE_OK;
    size_t found = 0, all = sage_dataset_products(co->dataset), row;
    (void)query;
    /* Deeper, since some of them may be gone from the index. */
    size_t most = 2 * depth < all ? 2 * depth : all;
    if (sage_grow((void **)&co->found, &co->found_capacity, most, sizeof *co->found) != 0 ||
        sage_grow((void **)&co->list, &co->list_capacity, depth, sizeof *co->list) != 0)
        return sage_fail_memory(error, most * sizeof *co->found);
    add_seeds(co, text);
    SAGE_TRY(sage_best_take(&co->best, most, co->found, &found, error));
    *n = 0;
    for (size_t i = 0; i < found && *n < depth; i++) {
        int64_t pid = sage_dataset_pids(co->dataset)[co->found[i].row];
        if (sage_index_find(co->index, pid, &row)) co->list[(*n)++] = (sage_scored){pid, co->found[i].score};
    }
    *list = co->list;
out:
    return st;
}

sage_text_lister sage_co_click_lister(sage_co_click *co) {
    return (sage_text_lister){.name = "co-click", .ctx = co, .list = list_them};
}
