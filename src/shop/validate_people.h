/* Validation of queries that are users and products: recall@10 of what the held-out part of the people did. */
#ifndef SAGE_SHOP_VALIDATE_PEOPLE_H
#define SAGE_SHOP_VALIDATE_PEOPLE_H

#include <dataset/sampler.h>
#include <train/train.h>

enum { SAGE_VALIDATION_USERS = 2000 }; /* at most, evenly spread */

/* Users with something known and something to predict. Products are dataset indices until they are placed, then
 * positions among the products that are searched. */
typedef struct sage_held_people {
    const sage_dataset *dataset;
    size_t n, n_events, n_targets;
    uint32_t *known_begin, *known; /* [n + 1], [n_events] oldest first */
    uint8_t *known_kind;
    float *known_age;
    uint32_t *target_begin, *target; /* [n + 1], [n_targets]: by kind, so that a product may come more than once */
    uint8_t *target_kind;
    const float **given_user, **given_product; /* [n] vectors of the shop's own, [given_dim]: for the user, and for what
                                                  the user's newest known product is when it is looked at; NULL: none */
    bool by_time; /* known products may come again; else they are left out of what is found */
    float *gathered;
    size_t known_capacity, kind_capacity, age_capacity, target_capacity, target_kind_capacity, gathered_capacity;
} sage_held_people;

/* events_max: of each user, the newest. */
sage_status sage_held_people_new(const sage_dataset *dataset, size_t events_max, sage_held_people **people,
                                 sage_error *error);
void sage_held_people_free(sage_held_people *people);
/* products [n] ascending: those that are searched, which hold all that is known and to be predicted. */
void sage_held_people_place(sage_held_people *people, const uint32_t *products, size_t n);
/* vectors [n_products][sage_shape_out of the model]. Users are judged where the model has a tower for them, and, where
 * it has one for products, the newest known product of each as the one that is looked at; vectors of the shop's own ask
 * where there are such. Adds to recalls->task, and to
 * *surfaces and *sum, for each of the two, 1 and its recall over all pairs. */
sage_status sage_held_people_judge(sage_held_people *people, const sage_model *model, sage_pool *pool,
                                   const float *vectors, size_t n_products, sage_recalls *recalls, double *sum,
                                   size_t *surfaces, sage_error *error);

/* Of n queries' vectors out [n][width], those for which the shop gives one (given [n], NULL: none) become it, as
 * searches ask with it: zeros stand behind the model's own numbers. */
void sage_validation_take_given(const sage_dataset *dataset, const float *const *given, size_t n, size_t width,
                                float *out);

#endif
