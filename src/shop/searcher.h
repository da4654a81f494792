/* Searchers of one release: what they share, and what is each one's own. */
#ifndef SAGE_SHOP_SEARCHER_H
#define SAGE_SHOP_SEARCHER_H

#include <itemsage/live.h>
#include <parallel/task.h>
#include <pthread.h>
#include <shop/search_picture.h>
#include <shop/search_shape.h>
#include <shop/search_user.h>
#include <shop/search_where.h>
#include <shop/searcher_live.h>

enum { SAGE_RESULTS_MAX = 10000 };

/* What lives until the last of them is closed. */
typedef struct sage_searched {
    sage_open_release opened; /* its engine answers nothing itself: each searcher has one that shares it */
    pthread_mutex_t lock;     /* for `users` */
    size_t users;
    pthread_mutex_t picturing;       /* held while `picture` is used */
    sage_picture_query picture;      /* made on first use */
    sage_searched_live *live;        /* NULL: it is not open for changing; atomic, and stays once it is there */
    pthread_mutex_t beginning;       /* held while it is made */
    sage_recall_watch_options watch; /* load 0: none was asked for */
    sage_task *verifying;            /* NULL: it was verified before it was opened */
    volatile sig_atomic_t stop;      /* asks the task to end */
    int verified;                    /* sage_verified; atomic */
    sage_error why;                  /* where it is damaged */
} sage_searched;

struct sage_searcher {
    sage_shop *shop;
    sage_searched *common;
    sage_open_release opened; /* the same release by this searcher's engine; holds nothing */
    sage_live_reader *reader; /* of a release that is open for changing, else NULL; */
    sage_index *view;         /* and the index as this finds it */
    sage_buf texts;           /* of the hits, which outlast its stay */
    sage_user_events did;
    sage_shaping shaping;
    sage_where_cache filters;
    sage_scored *scored; /* [room] */
    uint16_t *of;        /* [room] users: the interest that gave each */
    size_t scored_capacity, of_capacity;
    sage_hit *hits;     /* [SAGE_RESULTS_MAX] */
    sage_method method; /* of the last search */
    bool complete;      /* so is this */
};

/* The vector that a picture's file asks with: out [dim of the index]. Statuses as sage_search says. */
sage_status sage_searcher_picture(sage_searcher *searcher, const char *image, float *out, sage_error *error);

size_t sage_searcher_users(const sage_searcher *searcher); /* that share its release */

/* NULL: the release is not open for changing. */
static inline sage_searched_live *sage_searched_live_of(const sage_searched *common) {
    return __atomic_load_n(&common->live, __ATOMIC_ACQUIRE);
}
/* Between the two, all that is found of a release that is open for changing holds still. SAGE_E_MEMORY: it was opened
 * for changing since the last time, and there is no room; then there is nothing to leave. */
sage_status sage_searcher_enter(sage_searcher *searcher, sage_error *error);
void sage_searcher_leave(sage_searcher *searcher);
/* What is shown of a row, whose texts are the index's. */
sage_hit sage_searcher_hit(const sage_engine *engine, size_t row, sage_scored scored);

/* searcher.c: its queries are those of the live index from now on. */
sage_status sage_searcher_go_live(sage_searcher *searcher, sage_error *error);
/* search_hits.c: of a release that is open for changing. The texts of the hits become the searcher's own, since they
 * stay no longer than its reader, and each product stands there once: one that is replaced while it is found has two
 * rows. */
sage_status sage_searcher_keep_hits(sage_searcher *searcher, size_t *n_hits, sage_error *error);

#endif
