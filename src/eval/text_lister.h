/* A method under its name that answers search texts; and whoever looks at all lists that are judged. */
#ifndef SAGE_EVAL_TEXT_LISTER_H
#define SAGE_EVAL_TEXT_LISTER_H

#include <search/search.h>

typedef struct sage_text_lister {
    const char *name; /* at most 15 bytes */
    void *ctx;
    /* The best `depth` products for text number `query`, no more than there are, by descending score. Texts come in
     * order, each once. *list is the lister's, until the next call. */
    sage_status (*list)(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                        sage_error *error);
} sage_text_lister;

typedef struct sage_list_observer {
    void *ctx;
    /* What a method, by its number, lists for text number `query`; for each text the methods come in order. */
    sage_status (*see)(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error);
} sage_list_observer;

#endif
