/* Recall of the searches that are asked, as they are asked: now and then one is answered by comparing all rows, in the
 * background, behind other work and at a bounded share of one core and of the memory's bandwidth. */
#ifndef SAGE_INDEX_RECALL_WATCH_H
#define SAGE_INDEX_RECALL_WATCH_H

#include <index/recall.h>

typedef struct sage_recall_watch_options {
    double load;   /* share of its time that the thread compares in, above 0 to 1: of a core that reads memory */
    double rest_s; /* between two searches that are looked at, at least; >= 0, INFINITY: one alone */
    size_t window; /* newest ones that the figures are of; >= 2 */
} sage_recall_watch_options;

typedef struct sage_recall_watched {
    size_t n;      /* searches in the window; 0: the figures mean nothing */
    double recall; /* mean share of the up to SAGE_RECALL_K nearest rows that these found */
    double margin; /* of its 95 % interval, to either side */
    uint64_t looked_at,
        passed; /* since it began: searches by the graph that were looked at, and that were passed over */
} sage_recall_watched;

/* From now on searches of sage_index_near that walk are looked at, with the filter that they had where that has bits.
 * They are never delayed by more than the copy of one query (and its filter) now and then, and never wait. NULL: no
 * longer. Starts and ends a thread; not beside other calls. sage_index_close ends it too. */
sage_status sage_index_watch(sage_index *index, const sage_recall_watch_options *options, sage_error *error);
/* Any number of threads. False: nothing is watched. */
bool sage_index_watched(const sage_index *index, sage_recall_watched *watched);

/* ---- for near.c and live.c ---- */
struct sage_hnsw;
struct sage_epochs;
typedef struct sage_recall_watch sage_recall_watch;
/* Of searches by this graph; epochs: of one that changes, whose readers' the watch is one; NULL: it does not change. */
sage_status sage_recall_watch_new(const struct sage_hnsw *hnsw, struct sage_epochs *epochs,
                                  const sage_recall_watch_options *options, sage_recall_watch **watch,
                                  sage_error *error);
/* As sage_index_watched; the watch may be NULL. */
bool sage_recall_watch_tell(sage_recall_watch *watch, sage_recall_watched *watched);
/* A row has come: a search of before, which is being looked at, did not miss it. */
void sage_recall_watch_came(sage_recall_watch *watch, uint32_t row);
/* An answered search; out [found]. */
void sage_recall_watch_offer(sage_recall_watch *watch, const float *query, size_t k, const sage_filter *filter,
                             const sage_neighbour *out, size_t found);
void sage_recall_watch_free(sage_recall_watch *watch); /* NULL is fine */

#endif
