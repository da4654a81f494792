/* A method under its name: products for people, or for products that are looked at, from what they did before. */
#ifndef SAGE_EVAL_LISTER_H
#define SAGE_EVAL_LISTER_H

#include <dataset/dataset.h>
#include <index/index.h>

/* What is known where a query is asked; `product` of an event is a row of the index. */
typedef struct sage_past {
    const sage_user_event *events; /* [n] oldest first; of a product that is looked at: that one */
    size_t n;
    int64_t moment_ms; /* when it is asked; INT64_MIN: not known */
    sage_str id;       /* the user's; "" where it does not matter */
} sage_past;

typedef struct sage_lister {
    const char *name;
    void *ctx;
    /* The best `depth` products of each of n pasts, no more than there are: out [n][depth] by descending score, found
     * [n]. What is known may be among them. */
    sage_status (*list)(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out, size_t *found,
                        sage_error *error);
} sage_lister;

#endif
