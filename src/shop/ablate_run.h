/* One run of an ablation: a variant and a seed, trained, judged, and its model forgotten. */
#ifndef SAGE_SHOP_ABLATE_RUN_H
#define SAGE_SHOP_ABLATE_RUN_H

#include <shop/ablate_result.h>

typedef struct sage_ablate_run {
    sage_shop *shop;
    const char *folder; /* SHOP/ablation */
    const sage_plan_variant *variant;
    size_t seed;
    const sage_ablate_data *data;
    sage_bench *benches; /* [SAGE_ABLATE_PARTS] of that data */
} sage_ablate_run;

/* folder/results/<key>.json of the run. */
sage_status sage_ablate_run_path(const sage_ablate_run *run, char path[SAGE_PATH_MAX], sage_error *error);
/* Trains in folder/runs/<key>, going on where it was stopped, and writes the result. Cancelled or failed, what the
 * trainer left stays there; done, it is gone. */
sage_status sage_ablate_run_do(const sage_ablate_run *run, sage_pool *pool, const sage_monitor *monitor,
                               sage_ablate_result *result, sage_error *error);

#endif
