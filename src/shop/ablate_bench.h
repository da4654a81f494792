/* What an ablation asks every model: the searches by text and picture, the users and the products looked at of one
 * held-out part, by vectors alone, over exact search; as `itemsage eval` asks a release. */
#ifndef SAGE_SHOP_ABLATE_BENCH_H
#define SAGE_SHOP_ABLATE_BENCH_H

#include <eval/trial_run.h>
#include <model/model.h>
#include <shop/ablate_data.h>

enum { SAGE_BENCH_DEPTH = 1000 }; /* ranks beyond it are misses */

/* Free with sage_bench_free. */
typedef struct sage_bench {
    const sage_ablate_data *data;
    sage_judge searches[2]; /* by text, by picture */
    uint32_t *numbers[2];   /* [queries] of the dataset's queries */
    size_t numbers_capacity[2];
    sage_trial people[2];        /* products that are looked at, users */
    uint32_t *users;             /* [queries] of the dataset's users, as people[1] has them */
    char print[SAGE_PRINT_TEXT]; /* XXH3-128 of all that is asked and wanted */
} sage_bench;

/* data must stay. */
sage_status sage_bench_make(sage_shop *shop, const sage_ablate_data *data, sage_part part, sage_bench *bench,
                            sage_error *error);
void sage_bench_free(sage_bench *bench);
sage_judge *sage_bench_judge(sage_bench *bench, sage_surface surface);
/* Rows that a surface is told in; they stay where they were filled. */
size_t sage_bench_rows(sage_bench *bench, sage_surface surface, sage_trial_row rows[SAGE_TRIAL_ROWS_MAX]);

/* Where what is wanted stands. Zeros are an empty one; free with sage_bench_found_free. */
typedef struct sage_bench_found {
    uint32_t *ranks[SAGE_SURFACES]; /* [n]; NULL: the model has no way to answer, or nothing is asked. Searches: one an
                                       entry; people: also one an entry without what was known, behind the first */
    size_t n[SAGE_SURFACES];
} sage_bench_found;
/* How many ranks there are of a surface. */
size_t sage_bench_ranks(sage_bench *bench, sage_surface surface);

/* products [all of the dataset][sage_shape_out]: the model's vectors of them. */
sage_status sage_bench_ask(sage_bench *bench, const sage_model *model, const float *products, sage_pool *pool,
                           const sage_monitor *monitor, sage_bench_found *found, sage_error *error);
void sage_bench_found_free(sage_bench_found *found);

#endif
