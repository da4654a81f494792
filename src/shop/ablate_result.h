/* What is kept of a finished run: SHOP/ablation/results/<key>.json. */
#ifndef SAGE_SHOP_ABLATE_RESULT_H
#define SAGE_SHOP_ABLATE_RESULT_H

#include <shop/ablate_bench.h>

enum { SAGE_ABLATE_PARTS = 2 }; /* validation, test */

/* Zeros are an empty one; free with sage_ablate_result_free. */
typedef struct sage_ablate_result {
    bool there;
    double seconds; /* of training, of all calls together */
    uint64_t steps, best_step, parameters;
    double validation_recall10;                     /* of the best step, as training saw it */
    char print[SAGE_ABLATE_PARTS][SAGE_PRINT_TEXT]; /* of the benches */
    sage_bench_found found[SAGE_ABLATE_PARTS];
} sage_ablate_result;

/* Stays empty where there is none. SAGE_E_FORMAT where it is damaged, or of other questions than the benches'
 * [SAGE_ABLATE_PARTS]. */
sage_status sage_ablate_result_read(const char *path, sage_bench *benches, sage_ablate_result *result,
                                    sage_error *error);
/* identity: the options that the bits depend on, as JSON. Replaces the file at once. */
sage_status sage_ablate_result_write(const char *path, const char *identity, uint64_t dataset, size_t seed,
                                     const sage_ablate_result *result, sage_error *error);
void sage_ablate_result_free(sage_ablate_result *result);

#endif
