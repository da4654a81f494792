/* An index that is open, for the files of this room that read it. */
#ifndef SAGE_INDEX_IMPL_H
#define SAGE_INDEX_IMPL_H

#include <index/columns.h>
#include <index/files.h>
#include <index/hnsw.h>
#include <index/recall_watch.h>
#include <io/packed.h>
#include <pthread.h>

enum {
    SAGE_INDEX_VECTORS,
    SAGE_INDEX_ROWS,
    SAGE_INDEX_TEXT,
    SAGE_INDEX_IDS,
    SAGE_INDEX_FILES /* that every index has */
};

/* Scratch of walks that nobody uses just now. */
typedef struct sage_index_idle {
    pthread_mutex_t lock;
    sage_hnsw_searcher **list; /* [room] */
    size_t n, room;
} sage_index_idle;

struct sage_index {
    sage_packed *files[SAGE_INDEX_FILES];
    size_t n, dim, text_bytes, n_slots;
    const float *vectors;
    float *cut; /* [n][cut_dim], or NULL */
    size_t cut_dim;
    const sage_index_row *rows;
    const char *text;
    const uint32_t *slots;
    sage_columns *columns;         /* NULL: there are none */
    sage_hnsw *hnsw;               /* NULL: every search reads all rows */
    sage_index_idle *idle;         /* beside hnsw */
    sage_recall_watch *watch;      /* NULL: nobody watches its recall */
    struct sage_live_reader *live; /* of a view (live.h): whom to ask; NULL: it is a version */
};

/* sage_index_open, with its graph or without. */
sage_status sage_index_open_with(const char *dir, bool verify, bool graph, sage_index **index, sage_error *error);

/* SAGE_E_STATE: the vectors are not of one length. */
sage_status sage_index_check_lengths(const sage_index *index, sage_error *error);

/* For reader.c: the scratch of near.c, whose lists belong to the index. */
sage_status sage_index_idle_new(sage_index_idle **idle, sage_error *error);
void sage_index_idle_free(sage_index_idle *idle); /* NULL is fine */

/* What a version's file has of a row (record.h), and its bytes; NULL where it is not sound. */
const char *sage_index_record(const sage_index *index, size_t row, size_t *bytes);

#endif
