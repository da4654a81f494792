/* What somebody did -> a few interests, each a product (PinnerSage, Pal et al., KDD 2020): the newest distinct products
 * are clustered by Ward's method, a cluster's medoid speaks for it, and recent and strong events make it important. */
#ifndef SAGE_SEARCH_INTERESTS_H
#define SAGE_SEARCH_INTERESTS_H

#include <base/option_table.h>
#include <catalog/catalog.h>
#include <index/index.h>

/* Something done with a product of the index. */
typedef struct sage_known_event {
    uint32_t row; /* of the index */
    float age;    /* days before the question, >= 0; NAN: not known */
    uint8_t kind; /* sage_event_kind */
} sage_known_event;

enum { SAGE_INTERESTS_MAX = 64 };
typedef struct sage_interest_rules {
    size_t events;    /* newest distinct products that are looked at, 1 .. SAGE_WARD_MAX */
    size_t interests; /* most important clusters that are kept, 1 .. SAGE_INTERESTS_MAX */
    size_t clusters;  /* there are so many at most, >= 1 */
    double distance;  /* clusters that are no farther apart (height of their merge) are one */
    double days;      /* an event this old counts 1/e of a new one, > 0 */
} sage_interest_rules;
/* Options interest_events, interests, interest_clusters, interest_distance, interest_days. */
void sage_interest_rules_read(const sage_options *options, sage_interest_rules *rules);

typedef struct sage_interest {
    uint32_t row;      /* of its medoid: the product with the least sum of squared distances to the others */
    size_t products;   /* in the cluster */
    double importance; /* sum over its products' events of kind weight * exp(-age / days); of all clusters together 1 */
} sage_interest;

/* Click, save, cart, checkout count exp(0, 0.3, 0.6, 1), as where the tower for users starts. An event whose age is not
 * known counts as the oldest one whose age is; where none is known, by its kind alone. */
double sage_interest_kind_weight(unsigned kind);

/* events [n] oldest first, n >= 1; an event says that something was done, however often. out by descending importance,
 * of equal ones that with the newest product first. */
sage_status sage_interests_find(const sage_index *index, const sage_known_event *events, size_t n,
                                const sage_interest_rules *rules, sage_interest out[SAGE_INTERESTS_MAX],
                                size_t *n_interests, sage_error *error);

#endif
