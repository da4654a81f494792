/* The products that searches of the training part led to most, the same for everybody: what a search finds by luck. */
#include <base/alloc.h>
#include <base/error.h>
#include <eval/best.h>
#include <eval/popular.h>

/* Scores of products: training pairs of searches, each kind of event for itself. */
static void count_pairs(const sage_dataset *dataset, sage_best *best) {
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        size_t n;
        const sage_pair *pairs = sage_dataset_pairs(dataset, SAGE_TRAIN, SAGE_ON_SEARCH * SAGE_EVENT_KINDS + kind, &n);
        for (size_t i = 0; i < n; i++) sage_best_add(best, pairs[i].product, 1);
    }
}

/* The `depth` most popular of those that the index holds; *n is 0 where nobody searched. */
static sage_status most_popular(const sage_dataset *dataset, const sage_index *index, size_t depth, sage_scored *list,
                                size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t counted = 0, products = sage_dataset_products(dataset), row;
    sage_best best = {0};
    sage_neighbour *all = sage_alloc_zero(products, sizeof *all);
    if (all == NULL) return sage_fail_memory(error, products * sizeof *all);
    SAGE_TRY(sage_best_init(&best, products, error));
    count_pairs(dataset, &best);
    SAGE_TRY(sage_best_take(&best, products, all, &counted, error));
    *n = 0;
    for (size_t i = 0; i < counted && *n < depth; i++) {
        int64_t pid = sage_dataset_pids(dataset)[all[i].row];
        if (sage_index_find(index, pid, &row)) list[(*n)++] = (sage_scored){pid, all[i].score};
    }
out:
    sage_best_free(&best);
    sage_free(all);
    return st;
}

static sage_status list_them(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                             sage_error *error) {
    const sage_popular_products *popular = ctx;
    (void)query, (void)text, (void)error;
    *list = popular->list;
    *n = popular->n < depth ? popular->n : depth;
    return SAGE_OK;
}

sage_status sage_popular_count(sage_popular_products *popular, const sage_dataset *dataset, const sage_index *index,
                               size_t depth, sage_error *error) {
    sage_popular_free(popular);
    popular->list = sage_alloc_zero(depth, sizeof *popular->list);
    if (popular->list == NULL) return sage_fail_memory(error, depth * sizeof *popular->list);
    return most_popular(dataset, index, depth, popular->list, &popular->n, error);
}

void sage_popular_free(sage_popular_products *popular) {
    sage_free(popular->list);
    *popular = (sage_popular_products){0};
}

sage_text_lister sage_popular_lister(sage_popular_products *popular) {
    return (sage_text_lister){.name = "popular", .ctx = popular, .list = list_them};
}
