/* The inside of an engine, for the files of this room that answer queries. */
#ifndef SAGE_SEARCH_ENGINE_IMPL_H
#define SAGE_SEARCH_ENGINE_IMPL_H

#include <pthread.h>
#include <search/join.h>
#include <search/own.h>
#include <search/rounds.h>
#include <search/search.h>

/* Texts of one call to the encoder and the index; a block of lists is kept, SAGE_ENGINE_BLOCK * depth * 8 bytes. */
enum { SAGE_ENGINE_BLOCK = 128 };

/* What the last query's scores were made of. */
typedef enum sage_answer { SAGE_BY_VECTORS, SAGE_BY_KEYWORDS, SAGE_BY_BOTH, SAGE_BY_OWN } sage_answer;

struct sage_engine {
    sage_engine *of;         /* whose index, lists, sentences and given vectors these are; NULL: its own */
    pthread_mutex_t opening; /* of the one whose they are: held while `together` is opened */
    bool verified;
    sage_pool *pool;
    sage_index *index;                 /* or a view of a live one */
    sage_words_changes *changes;       /* of a view, what its keywords take beside the file; NULL: nothing changes */
    const sage_words_changed *changed; /* held from enter to leave */
    char index_dir[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX];
    sage_together *together; /* opened when a user asks first: it is larger than the vectors; NULL: not yet, or none */
    sage_keywords *keywords;
    sage_encoder *encoder;
    sage_sentences *sentences; /* NULL: none */
    sage_status speechless;    /* why there are none, where the model takes some; else SAGE_OK */
    sage_error why;
    sage_given_set given; /* queries without a vector there go through the towers */
    bool given_wanted[SAGE_SURFACES];
    sage_status giftless; /* why wanted ones cannot be had; else SAGE_OK */
    sage_error why_giftless;
    sage_fusion fusion;
    sage_way way;
    size_t dim;
    float *queries; /* [SAGE_ENGINE_BLOCK][dim] */
    sage_neighbour *neighbours;
    sage_keyword_hit *hits;
    sage_scored *vector_list, *keyword_list, *fused;
    size_t neighbours_capacity, hits_capacity, vector_capacity, keyword_capacity, fused_capacity;
    int64_t *accepted; /* pids of products that a filter lets through, where they are few */
    size_t accepted_capacity;
    sage_join join;
    sage_answer answer; /* of the last query */
    sage_candidates candidates;
    /* of users' queries */
    sage_without without;
    sage_turn *turns;
    size_t turns_capacity;
    sage_interest interests[SAGE_INTERESTS_MAX];
    sage_own_rule own_rule;
    sage_owned own;
};

/* Room for n_texts lists of `depth` products, at most as many as there are. */
sage_status sage_engine_room(sage_engine *engine, size_t n_texts, size_t depth, sage_error *error);
/* The `depth` nearest of each of queries [n][dim] into e->neighbours [n][depth], the engine's way. */
sage_status sage_engine_near(sage_engine *engine, const float *queries, size_t n, size_t depth, size_t *found,
                             sage_error *error);
/* e->together is there, or the release has none. */
sage_status sage_engine_need_together(sage_engine *engine, sage_error *error);
/* Why search texts cannot be read as sentences; SAGE_OK where they can, or need not. */
sage_status sage_engine_speechless(const sage_engine *engine, sage_error *error);
/* The hybrid's k best for a text (engine_both.c). */
sage_status sage_engine_both(sage_engine *engine, const sage_str *text, size_t k, sage_scored *out, size_t *n,
                             sage_error *error);
/* k, or as many products as may be found. */
size_t sage_engine_at_most(const sage_engine *engine, size_t k);

/* Hits under the engine's filter into e->hits, of which there is room for the query's k; else as sage_keywords_search.
 */
sage_status sage_engine_words(sage_engine *engine, const sage_keywords_query *query, size_t *n, float *scores,
                              sage_error *error);

#endif
