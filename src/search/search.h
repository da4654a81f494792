/* A release opened for searching: query model, index, keywords, fusion. */
#ifndef SAGE_SEARCH_SEARCH_H
#define SAGE_SEARCH_SEARCH_H

#include <embed/embed.h>
#include <features/given.h>
#include <index/recall_watch.h>
#include <itemsage/search.h>
#include <keywords/keywords.h>
#include <search/fusion.h>
#include <search/interests.h>
#include <search/own.h>

extern const sage_option sage_search_options[]; /* fusion_depth, interests, ... */

/* What `index --tune` found; later builds keep to it where no option says otherwise. */
typedef struct sage_tuned {
    double recall;     /* that walks have to reach; 0: nothing was tuned */
    uint64_t m, build; /* of the graph (sage_index_links); 0: other graphs were not tried */
} sage_tuned;

/* What `current` names (shop/release.h reads and writes it). */
typedef struct sage_release {
    uint64_t product_model, query_model, vectors, index, keywords;
    int64_t catalogue_revision;
    int64_t feed, feed_time_ms; /* the last import that changed products before it; 0: not known */
    uint64_t inputs;            /* a hash of what it was made of (shop/inputs.h); 0: not known */
    uint64_t settings;          /* the same without catalogue and vectors: what choices depend on; 0: not known */
    uint64_t products, chosen_changes; /* in its index; that came, changed or went since its choices were made */
    uint64_t published_s;              /* Unix epoch, seconds; 0: not known */
    uint64_t inbox_position;
    sage_fusion fusion;
    sage_own_rule own;
    uint64_t search_width; /* of walks through the index's graph (sage_way); 0: it has none */
    double search_recall;  /* that walks so wide had when the release was built (index/recall.h) */
    sage_tuned tuned;
    bool columns;      /* the index has filter columns: all have, but those of before there were any */
    bool together;     /* it has together.bin; older releases do not say, and may have it too */
    bool hybrid_users; /* without a method, users are answered by the hybrid: it was best for validation users */
} sage_release;

typedef struct sage_engine sage_engine; /* one thread at a time; the pool works inside a call */
/* `verify`: reads and verifies everything once, since what is published may have been copied, and lists of a damaged
 * index would not show it. Else headers and sizes alone; what is damaged then gives SAGE_E_FORMAT or false results,
 * nothing worse. The caller holds the versions (sage_version_hold) while the engine is open. */
sage_status sage_engine_open(const char *shop_dir, const sage_release *release, bool verify, sage_pool *pool,
                             sage_engine **engine, sage_error *error);
/* Another engine on the same release, for one more thread: index, keywords, model, sentences and given vectors are
 * those of the first one, which must be closed last, and of which these are taken before it is shared. From then on
 * none of them is cut. The pool is the other's; NULL: it works on the thread that calls. */
sage_status sage_engine_share(sage_engine *engine, sage_pool *pool, sage_engine **another, sage_error *error);
/* From now on an engine that shares another's searches a view of a live index (index/live.h) of that one's version, and
 * words as they are after `changes`; both are the caller's and stay as long. Between enter and leave, which are the
 * caller's too, and inside of the reader's stay, the words are those of one moment. */
void sage_engine_view(sage_engine *engine, sage_index *view, sage_words_changes *changes);
void sage_engine_enter(sage_engine *engine);
void sage_engine_leave(sage_engine *engine);
/* The model of its queries as an encoder of the caller's, on the thread that calls; to be closed before the engine. */
sage_status sage_engine_share_encoder(const sage_engine *engine, sage_encoder **encoder, sage_error *error);
/* What `verify` does, of an engine that is open: beside all that share it. monitor: may ask to stop; may be NULL. */
sage_status sage_engine_verify(const sage_engine *engine, const sage_monitor *monitor, sage_error *error);
/* The one part that sage_engine_open leaves to its first use. */
sage_status sage_engine_verify_together(const sage_engine *engine, const sage_monitor *monitor, sage_error *error);
void sage_engine_close(sage_engine *engine);
bool sage_engine_speaks(const sage_engine *engine); /* the model takes sentences of search texts */
/* What makes these, the engine's from now on; or, where status is not SAGE_OK, why there is none: searches of texts by
 * vectors then give that status and error. */
void sage_engine_take_sentences(sage_engine *engine, sage_sentences *sentences, sage_status status,
                                const sage_error *error);
/* Queries of the `wanted` surfaces are asked with these vectors, the engine's from now on, where they have one, and
 * others as without. Where `status` is not SAGE_OK, why there are none: queries of those surfaces then give that status
 * and error; so they do where the vectors have another width than the model's own. */
void sage_engine_take_given(sage_engine *engine, sage_given_set *given, const bool wanted[SAGE_SURFACES],
                            sage_status status, const sage_error *error);
bool sage_engine_has_given(const sage_engine *engine, sage_surface surface);
const sage_given *sage_engine_given(const sage_engine *engine, sage_surface surface); /* NULL: there are none */
/* What is given for a query: [own_dim], or NULL. */
const float *sage_engine_find_given(const sage_engine *engine, sage_surface surface, sage_str key);
/* SAGE_OK where queries of the surface can be asked: with a vector that is given, or without. */
sage_status sage_engine_check_given(const sage_engine *engine, sage_surface surface, sage_error *error);
/* The same of any search text, whether its vector is given or not; an encoder of sentences is opened for it. */
sage_status sage_engine_check_texts(sage_engine *engine, sage_error *error);
/* A vector that is given as one of the index: zeros stand behind the model's own numbers. out [dim of the index]. */
void sage_engine_widen(const sage_engine *engine, const float *given, float *out);
/* `rows` [n][dim of the index] begins with the vectors of the queries for which none is given, one after another; they
 * move to their places, and those that are given come between. given [n]: NULL where there is none. */
void sage_engine_spread(const sage_engine *engine, const float *const *given, size_t n, float *rows);
size_t sage_engine_own_dim(const sage_engine *engine); /* of the model's own numbers, which come first in a vector */
const sage_index *sage_engine_index(const sage_engine *engine);
/* Searches compare the first `dims` numbers of the vectors alone (sage_index_cut); 0: all. Of vectors that sentences
 * stand beside only the model's own numbers can be cut. SAGE_E_ARGUMENT: there are not so many. Interests and towers go
 * on reading whole vectors. */
sage_status sage_engine_cut(sage_engine *engine, size_t dims, sage_error *error);
/* How the index is searched from now on; at first every row is compared, so that what is measured or chosen does not
 * depend on a graph. */
void sage_engine_set_way(sage_engine *engine, const sage_way *way);
/* Watches the recall of searches that walk (sage_index_watched tells it); NULL: no longer. */
sage_status sage_engine_watch(sage_engine *engine, const sage_recall_watch_options *options, sage_error *error);
void sage_engine_set_fusion(sage_engine *engine, const sage_fusion *fusion);
const sage_fusion *sage_engine_fusion(const sage_engine *engine);

/* Top k pids of a text by one method, descending, ties by ascending pid; out has room for k. A text without any n-gram
 * that the model knows finds nothing by vectors. */
sage_status sage_engine_text(sage_engine *engine, sage_method method, const char *text, size_t len, size_t k,
                             sage_scored *out, size_t *n, sage_error *error);
/* Why the last query gave a product this score. */
void sage_engine_parts(const sage_engine *engine, sage_scored scored, sage_parts *parts);
/* Products that go with one of the index, without itself and its item_group_id: by the model's tower for products that
 * are looked at, else those whose vectors are like its own. SAGE_E_NOT_FOUND where it is not in the index. */
sage_status sage_engine_similar(sage_engine *engine, int64_t pid, size_t k, sage_scored *out, size_t *n,
                                sage_error *error);
/* Vectors of n search texts, as searches ask with them: out [n][dim of the index]; known[i] is false where the model
 * knows nothing of the text, whose vector then means nothing. */
sage_status sage_engine_texts(sage_engine *engine, const sage_str *texts, size_t n, float *out, bool *known,
                              sage_error *error);
/* Products nearest to a vector [dim of the index]. */
sage_status sage_engine_vector(sage_engine *engine, const float *vector, size_t k, sage_scored *out, size_t *n,
                               sage_error *error);
size_t sage_engine_image_dim(const sage_engine *engine); /* 0: the model takes no pictures */
void sage_engine_image_parts(const sage_engine *engine, sage_picture_parts *parts);
/* What the model makes of pictures as queries, from their vectors [n][image_dim], each part of length 1: out [n][dim of
 * the index]. */
sage_status sage_engine_pictures(sage_engine *engine, const float *pictures, size_t n, float *out, sage_error *error);

/* ---- what somebody did -> products ---- */
typedef struct sage_history {
    const sage_known_event *events; /* [n] oldest first, n >= 1; rows of the engine's index */
    size_t n;
    bool fresh;         /* results without these events' products and whatever shares an item_group_id with one */
    const float *given; /* [own_dim] what to ask with in place of the tower's; NULL: nothing. Interests do not see it */
} sage_history;
/* What the shop gives for a user, for a history; NULL: nothing. */
const float *sage_engine_given_user(const sage_engine *engine, sage_str user_id);

/* Each of the most important interests asks the index with its medoid's vector; their lists, best first, are made one
 * by rounds in proportion to importance (search/rounds.h), each product once. out [k]: score is the inner product with
 * the medoid that found it; so scores compare, but do not fall from hit to hit. of [k]: the interest that gave each
 * hit, its number in *interests; may be NULL. *interests lives until the next call. SAGE_E_ARGUMENT for n = 0. */
sage_status sage_engine_interests(sage_engine *engine, const sage_history *history, const sage_interest_rules *rules,
                                  size_t k, sage_scored *out, uint16_t *of, size_t *n, const sage_interest **interests,
                                  size_t *n_interests, sage_error *error);

/* Queries of products that are looked at and of users: the vectors that are given for them, else what the model's
 * towers make. Without a tower the first are asked with their own vectors, the second are SAGE_E_ARGUMENT. out [n][dim
 * of the index], unit vectors. Of a history the newest events count, as many as the model reads; there may be none. */
bool sage_engine_has_product_tower(const sage_engine *engine);
bool sage_engine_asks_products(const sage_engine *engine); /* by a tower, or with vectors that are given */
bool sage_engine_has_user_tower(const sage_engine *engine);
sage_status sage_engine_looked_vectors(sage_engine *engine, const uint32_t *rows, size_t n, float *out,
                                       sage_error *error);
sage_status sage_engine_user_vectors(sage_engine *engine, const sage_history *histories, size_t n, float *out,
                                     sage_error *error);
/* Products nearest to what the tower for users makes of a history. */
sage_status sage_engine_user(sage_engine *engine, const sage_history *history, size_t k, sage_scored *out, size_t *n,
                             sage_error *error);

/* The hybrid of users' queries (search/own.h): the tower's nearest, `depth` or the fusion's depth of them, whichever is
 * more, all that the user knows and what the same users dealt with, under the engine's rule; where the history says
 * `fresh`, without what is known and its variants.
 * SAGE_E_ARGUMENT where the model has no tower for users. */
bool sage_engine_has_together(const sage_engine *engine); /* the release knows what the same users dealt with */
void sage_engine_set_own(sage_engine *engine, const sage_own_rule *rule);
const sage_own_rule *sage_engine_own(const sage_engine *engine);
sage_status sage_engine_user_hybrid(sage_engine *engine, const sage_history *history, size_t k, sage_scored *out,
                                    size_t *n, sage_error *error);
/* Many at once, `fresh` unread: fn gets each one's candidates in order, which live for the callback; its first non-OK
 * status ends it. */
typedef sage_status (*sage_own_fn)(void *ctx, size_t history, sage_owned *own, sage_error *error);
sage_status sage_engine_each_own(sage_engine *engine, const sage_history *histories, size_t n, size_t depth,
                                 sage_own_fn fn, void *ctx, sage_error *error);

/* Many texts at once (evaluation, choosing the fusion): fn is called for each in order with its lists, which live for
 * the callback; its first non-OK status ends it. */
typedef sage_status (*sage_lists_fn)(void *ctx, size_t text, const sage_lists *lists, sage_error *error);
sage_status sage_engine_each(sage_engine *engine, const sage_str *texts, size_t n_texts, size_t depth, sage_lists_fn fn,
                             void *ctx, sage_error *error);

#endif
