/* The products that searches of the training part led to most, the same for everybody: what a search finds by luck. */
#include <base/alloc.h>
#include <base/error.h>
#include <eval/best.h>
#include <eval/judge.h>

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

sage_status sage_eval_popular(const sage_index *index, const sage_dataset *dataset, const sage_judgement *judgements,
                              size_t n, sage_eval_report *report, sage_error *error) {
    static const char method[] = "popular";
    static const sage_judge_which all = {.name = "all", .task = -1};
    sage_status st = SAGE_OK;
    sage_judge judge = {0};
    size_t depth = report->k[report->n_k - 1], listed = 0;
    sage_scored *list = sage_alloc_zero(depth, sizeof *list);
    if (list == NULL) return sage_fail_memory(error, depth * sizeof *list);
    SAGE_TRY(most_popular(dataset, index, depth, list, &listed, error));
    if (listed == 0) goto out;
    SAGE_TRY(sage_judge_read(&judge, judgements, n, error));
    for (size_t q = 0; q < judge.n_queries; q++) sage_judge_rank(&judge, q, 0, list, listed, depth);
    SAGE_TRY(sage_judge_row(&judge, 0, method, &all, report->k, report->n_k, &report->rows[report->n_rows], error));
    report->n_rows++;
    if (report->hits != NULL)
        SAGE_TRY(sage_judge_hits(&judge, 0, method, &all, report->k, report->n_k, report->hits, error));
out:
    sage_judge_free(&judge);
    sage_free(list);
    return st;
}
