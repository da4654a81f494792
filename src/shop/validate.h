/* Recall@10 on the validation part while training runs. */
#ifndef SAGE_SHOP_VALIDATE_H
#define SAGE_SHOP_VALIDATE_H

#include <dataset/sampler.h>
#include <train/train.h>

typedef struct sage_validation sage_validation;

/* Searches are judged on the validation part's distinct (query, product) pairs of the search surface (where there is
 * none, on pairs made from the catalogue) and of the surface image; where there is no pair of either, products' own
 * pictures (500 at most) look for their products, too. The products searched are the whole catalogue, or, beyond
 * 200,000, a fixed sample that holds every product of those pairs (recall is then that of the sample; a note says so).
 * Where the model has towers for users or products, what the validation part of the people did is judged too
 * (validate_people.h); steps are then compared by the mean of searches, users and products, each over all its pairs. */
/* kept: the products' vectors [N][..] where they stay as they are, the caller's; NULL: the model makes them. */
sage_status sage_validation_new(const sage_dataset *dataset, const sage_options *options, const float *kept,
                                sage_pool *pool, const sage_monitor *monitor, sage_validation **validation,
                                sage_error *error);
void sage_validation_free(sage_validation *validation);
size_t sage_validation_vectors(const sage_validation *validation); /* that it holds at once: products and queries */

/* As sage_validate_fn; ctx is the validation. */
sage_status sage_validation_recall10(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error);

#endif
