/* One query of any kind -> results, on the published release. */
#ifndef ITEMSAGE_SEARCH_H
#define ITEMSAGE_SEARCH_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SAGE_AUTO: of users what was best for validation users when the release was built, vectors or hybrid; else vectors.
 */
typedef enum sage_method { SAGE_VECTORS, SAGE_KEYWORDS, SAGE_HYBRID, SAGE_AUTO } sage_method;
enum { SAGE_METHODS = 3 }; /* those that rank */

const char *sage_method_name(sage_method method); /* "vectors", "keywords", "hybrid", "auto" */
sage_status sage_method_parse(const char *name, sage_method *method, sage_error *error);

/* Something done with a product just now, by whoever asks. */
typedef struct sage_session_event {
    const char *product_id;
    const char *event; /* "click", "save", "add_to_cart", "checkout", or GA4's name of one; NULL: a click */
    double age_days;   /* >= 0; 0: now */
} sage_session_event;

/* At most so many results with the same word in a column of words (sage_shop_columns), of several with the same first
 * one; products that have none are not counted. */
typedef struct sage_cap {
    const char *column;
    size_t most; /* >= 1 */
} sage_cap;
enum { SAGE_CAPS_MAX = 4 };

typedef struct sage_query {
    const char *text;       /* a search text, or NULL */
    const char *product_id; /* a product to find similar ones of (never itself nor its item_group_id), or NULL */
    const char *image;      /* a picture's file (JPEG, PNG, WebP), or NULL: see sage_search */
    const char *vector;     /* a file .npy of one vector, in the space of the published ones, or NULL */
    const char *user_id;    /* somebody whose events the catalogue has, or NULL: see sage_search */
    const sage_session_event *session; /* [n_session] oldest first, behind the user's own events; alone: of nobody */
    size_t n_session;
    bool interests;       /* users: several interests, also where the model has a tower for users */
    bool fresh;           /* users: without what they know, and its item_group_ids */
    sage_method method;   /* texts: all; users: vectors and hybrid; else vectors only; or SAGE_AUTO */
    size_t n;             /* results wanted, 1..10000 */
    bool exact;           /* compare every product's vector, also where the index has a graph */
    double budget_ms;     /* vectors: a walk through the graph ends after so long with the n results it has; 0: none */
    size_t dims;          /* vectors: compare only so many of their first numbers, renormalised; 0: all */
    const char *where;    /* which products may be found, or NULL: see sage_search */
    bool collapse;        /* of products that share an item_group_id, the best one alone */
    double diversity;     /* 0..1: how much a result's likeness to better ones counts against it; see sage_search */
    const sage_cap *caps; /* [n_caps], at most SAGE_CAPS_MAX */
    size_t n_caps;
} sage_query;

/* What a score is made of; the parts add up to it, but for rounding. */
typedef struct sage_parts {
    float vectors;  /* how near the product's vector is to the query's, or that of an interest */
    float keywords; /* how well its words match */
    float own;      /* that the user dealt with it before */
    float together; /* that others dealt with it who deal with the user's products */
} sage_parts;

typedef struct sage_hit {
    float score;      /* higher is better; comparable within one query only */
    sage_parts parts; /* why: what the score is made of */
    int64_t pid;
    const char *id, *title, *brand, *category, *link, *image_link, *availability; /* "" where absent */
    const char *price;                                                            /* "12.99 EUR", or "" */
    int interest;            /* which of a user's interests gave it, from 0, the most important; -1: none */
    const char *interest_id; /* the product that stands for that interest; "" where there is none */
} sage_hit;

typedef struct sage_searcher sage_searcher; /* reads one release for as long as it is open; searches from one thread */

sage_status sage_searcher_open(sage_shop *shop, sage_searcher **searcher, sage_error *error);
void sage_searcher_close(sage_searcher *searcher);

/* Hits live until the next search or the close. Fewer than n come back only where fewer exist
 * (keywords: fewer products match). Where the index has a graph, nearest vectors are those that a walk through it
 * finds, at the recall that `index` measured and `status` says (option index_recall), unless `exact`.
 *
 * Pictures: the model's tower for pictures makes the query's vector, where pictures that shoppers searched with taught
 * it. Where only products' own pictures did, the mean vector of the ten products whose pictures look most like it has
 * half a say, where none did, all of it; every picture vector of the catalogue is read for that. The picture's vector
 * must come from the encoder whose vectors the published model was trained on, and, where those ten are asked, the
 * catalogue has now: SAGE_E_STATE where the model takes no pictures, its vectors were made elsewhere, or that encoder
 * is gone or has changed. A picture that the shop has seen needs no encoder.
 *
 * Products: by the model's tower for products that are looked at, where it has one, else by the product's own vector.
 *
 * Users: by the model's tower for users, where it has one and not `interests`. Else the newest distinct products of
 * their events (option interest_events) fall into clusters, whose medoids ask for products with their own vectors; the
 * most important lists (options interests, interest_*) are made one in proportion to their importance, each product
 * once. So scores, cosines with the medoid, do not fall from hit to hit. Ages are counted from the newest event of the
 * catalogue. Products that are not in the index count for nothing; SAGE_E_NOT_FOUND where nothing is left. What the
 * user knows may come again, since people buy again, unless `fresh`. A session alone reads no catalogue.
 *
 * `where` is an expression over the columns of the index, which sage_shop_columns lists: comparisons (=, !=, <, <=, >,
 * >=, in, under, is missing, has) joined by and, or, not and parentheses, as in "availability = in_stock and price < 50
 * EUR"; see 'itemsage help query'. What it accepts is all that may be found, by whatever method: n products where so
 * many are accepted. SAGE_E_ARGUMENT says what is wrong and from which byte of it on (error->column).
 *
 * `collapse`, `caps` and `diversity` choose among more candidates than are wanted, as many as it takes: fewer than n
 * come back only where no more fit. By `diversity` d, of 100 candidates or 5 n, the one with the most (1 - d) r - d s
 * is next, where r is its score, brought to [0, 1] over them, and s the cosine with the result before that is most like
 * it (maximal marginal relevance, Carbonell and Goldstein 1998); so scores do not fall from hit to hit.
 *
 * Users by SAGE_HYBRID: the tower's score, what the user's own products add, and what those deal with who deal with
 * these (search/own.h); not with `interests`; SAGE_E_STATE where the model has no tower for users. */
sage_status sage_search(sage_searcher *searcher, const sage_query *query, const sage_hit **hits, size_t *n_hits,
                        sage_error *error);
/* Whether the last search took the time that it needed: false where budget_ms ended a walk through the graph, whose
 * results may then lack nearer ones. What goes without a walk (keywords, short lists of all products, the vectors of
 * queries) takes its time in any case, and is counted. */
bool sage_searcher_complete(const sage_searcher *searcher);
/* What answered the last search: with SAGE_AUTO, what it stood for. */
sage_method sage_searcher_method(const sage_searcher *searcher);

/* What is shown of one product of the release: a hit without a score, which lives as those of a search.
 * SAGE_E_NOT_FOUND: it is not in the published index. */
sage_status sage_searcher_product(sage_searcher *searcher, const char *id, const sage_hit **hit, sage_error *error);

/* What a user of the catalogue dealt with, the newest first, each product once with the newest event: at most `most`
 * (1..10000) hits without a score, which live as those of a search, and past[n_hits], the caller's [most]. Statuses as
 * of a search for that user. */
typedef struct sage_past_event {
    const char *event; /* "click", "save", "add_to_cart", "checkout"; static storage */
    double age_days;   /* before the catalogue's newest event; NAN: its time is not known */
} sage_past_event;
sage_status sage_searcher_history(sage_searcher *searcher, const char *user_id, size_t most, const sage_hit **hits,
                                  sage_past_event *past, size_t *n_hits, sage_error *error);

/* What a searcher reads. */
typedef struct sage_release_facts {
    uint64_t release; /* the index's version */
    uint64_t model;
    int64_t catalogue_revision;
    size_t products, dims; /* vectors, and numbers of each */
    size_t width;          /* of walks through the graph; 0: there is none */
    double recall;         /* that such walks had when the release was built */
} sage_release_facts;
void sage_searcher_facts(const sage_searcher *searcher, sage_release_facts *facts);

/* What a search text or a picture asks with, or the vector of a product: the query's text, image or product_id. out
 * [dims of the release], of length 1 (a product's as it was published). SAGE_E_NOT_FOUND: no such product, or the model
 * knows nothing of the text; else as sage_search. */
sage_status sage_search_vector(sage_searcher *searcher, const sage_query *query, float *out, sage_error *error);

/* ---- what `where` can ask about ---- */

enum { SAGE_COMMON_VALUES = 5 };
typedef struct sage_filter_column {
    const char *name; /* name_bytes of it; this and other texts live for the callback */
    size_t name_bytes;
    const char *kind;   /* "number", "price", "words", "bool" */
    uint64_t products;  /* that have a value */
    uint64_t values;    /* distinct ones of words and bools */
    double least, most; /* of numbers; least > most where there are none */
    size_t n_common;    /* the most frequent values, of words and bools */
    struct {
        const char *text; /* `bytes` of it, folded as it is compared */
        size_t bytes;
        uint64_t products;
    } common[SAGE_COMMON_VALUES];
} sage_filter_column;
typedef sage_status (*sage_filter_column_fn)(void *ctx, const sage_filter_column *column, sage_error *error);
/* Of the published index. SAGE_E_STATE: nothing is published, or by an older program. */
sage_status sage_shop_columns(sage_shop *shop, sage_filter_column_fn fn, void *ctx, sage_error *error);
/* Of the release that a searcher reads. */
sage_status sage_searcher_columns(sage_searcher *searcher, sage_filter_column_fn fn, void *ctx, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
