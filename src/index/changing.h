/* A graph that changes while others search it: one writer at a time, any number of readers, none of whom waits.
 *
 * Rows are slots here. A slot's vector, code and level never change while a reader may reach it: what is inserted goes
 * into a slot that nobody can see, and is linked when it is whole. What is deleted is marked dead: it is walked through
 * as before, and never given. When a tenth is dead, a sweep goes over all rows, piece by piece between other changes:
 * a row that links to dead rows takes their neighbours for candidates and chooses its links anew (FreshDiskANN, Singh
 * et al. 2021); then nothing leads to the dead, and when all readers of that time have left (epoch.h) their slots are
 * used again. So memory is bounded, however long it goes on.
 *
 * A build takes its rows in random order, so that the first have far links, which later ones keep. Here whole regions
 * come and go, and whoever comes meets none but its own; so its candidates are the nearest rows of each upper level
 * too, and no row gives up a link that still leads somewhere while it has room.
 *
 * All arrays lie in memory that grows where it stands (io/room.h). */
#ifndef SAGE_INDEX_CHANGING_H
#define SAGE_INDEX_CHANGING_H

#include <index/epoch.h>
#include <index/hnsw.h>
#include <index/links.h>
#include <index/walk.h>
#include <io/room.h>

enum sage_changing_room {
    SAGE_ROOM_VECTORS,
    SAGE_ROOM_BYTES,
    SAGE_ROOM_HEADS,
    SAGE_ROOM_GROUND,
    SAGE_ROOM_UPPER,
    SAGE_ROOM_ABOVE,
    SAGE_ROOM_LEVELS,
    SAGE_ROOM_COPIES,
    SAGE_ROOM_DOUBLED,
    SAGE_ROOM_DEAD,
    SAGE_ROOM_STANDS,
    SAGE_ROOM_LEAVING,
    SAGE_ROOM_POOR,
    SAGE_ROOMS
};

enum { SAGE_FAR = 64 }; /* candidates from each level above */

/* Slots, of which `most` have been made room for. */
typedef struct sage_slots {
    uint32_t *list;
    size_t n, room;
} sage_slots;

typedef struct sage_mender sage_mender; /* scratch of one worker of a sweep */

typedef struct sage_changing {
    sage_hnsw hnsw; /* what readers search; its arrays lie in the rooms */
    sage_epochs epochs;
    sage_room rooms[SAGE_ROOMS];
    sage_pool *pool;
    /* the writer's own */
    uint64_t *stands; /* rows in the graph: first of their copies, not leaving */
    size_t n_stands;
    uint64_t *leaving;  /* rows that a sweep takes out, until they are used again */
    uint64_t *poor;     /* rows that a sweep left with less to choose from than they had */
    sage_slots free;    /* to be used again */
    sage_slots resting; /* swept; free once the readers of epoch `swept` have left */
    sage_slots going;   /* of the sweep under way */
    uint64_t swept;
    bool sweeping;
    size_t sweep_at, sweep_end; /* rows [at, end) are to be swept */
    size_t n_marked;            /* dead since the last sweep began */
    size_t n_moved;             /* rows that came or were swept out since ways to all were looked for (reach.h) */
    sage_walker walker;
    sage_chooser chooser;
    uint64_t far[SAGE_FAR * (SAGE_GRAPH_LEVELS + 1)]; /* beam keys: the nearest rows on each level above */
    size_t n_far;
    sage_mender *menders; /* [threads of the pool] */
} sage_changing;

/* Takes a copy of a graph over finite vectors of one length; rows become slots of the same numbers. Of arrays that lie
 * in files (from's own, and vectors_file; NULL is fine) only the pages that change are copied; the files must stay as
 * they are. The pool (NULL is fine) serves sweeps and outlives it. */
sage_status sage_changing_new(const sage_hnsw *from, const sage_packed *vectors_file, sage_pool *pool,
                              sage_changing **changing, sage_error *error);
void sage_changing_free(sage_changing *changing);          /* no reader is left; NULL is fine */
size_t sage_changing_bytes(const sage_changing *changing); /* all that it holds, vectors too */

/* ---- the writer: one thread at a time ---- */
/* vector [dim] into a slot, *row. From the return on every search may give it. */
sage_status sage_changing_insert(sage_changing *changing, const float *vector, uint32_t *row, sage_error *error);
/* The same in two steps: between them the slot is nobody's, so that what belongs to it beside the vector can be put
 * there; no other call of the writer. One that cannot be shown is taken back. */
sage_status sage_changing_place(sage_changing *changing, const float *vector, uint32_t *row, sage_error *error);
sage_status sage_changing_show(sage_changing *changing, uint32_t row, sage_error *error);
/* A row that is alive. No search that begins after it gives it. */
void sage_changing_delete(sage_changing *changing, uint32_t row);
/* Goes on with what has to be done at some time, for about `rows` rows: to be called after each change or few. Without
 * it nothing is lost but memory and speed. 32 rows a change keep pace. */
sage_status sage_changing_tidy(sage_changing *changing, size_t rows, sage_error *error);

/* All of what has to be done at some time, now: no dead row is left in the graph. */
sage_status sage_changing_settle(sage_changing *changing, sage_error *error);
/* A settled graph as one whose row r is slots[r], for r < n, all that are alive: numbered anew, in memory of its own
 * but for the vectors, which are the caller's. What it is built over tells nothing of what was there before. */
sage_status sage_changing_compact(const sage_changing *changing, const uint32_t *slots, size_t n, const float *vectors,
                                  sage_hnsw **hnsw, sage_error *error);

/* ---- readers: of one thread each ---- */
typedef struct sage_changing_reader {
    sage_changing *changing;
    sage_reader *reader;
    sage_hnsw_searcher *searcher;
} sage_changing_reader;

sage_status sage_changing_reader_new(sage_changing *changing, sage_changing_reader *reader, sage_error *error);
void sage_changing_reader_free(sage_changing_reader *reader);
/* Between enter and leave the rows that searches give, and all that is known of them, stay as they are; so leave soon.
 */
void sage_changing_enter(const sage_changing_reader *reader);
void sage_changing_leave(const sage_changing_reader *reader);
/* As sage_hnsw_search, inside. */
sage_status sage_changing_search(const sage_changing_reader *reader, const float *query, size_t k, size_t width,
                                 const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error);

/* ---- for the files changing*.c ---- */
sage_status sage_changing_fit(sage_changing *changing, size_t n, size_t n_upper, sage_error *error);
/* Links a row whose vector and code are whole, and on whose level as far as there is one; what stands before in its own
 * links is replaced. One that is new and has the code of another becomes its copy. */
sage_status sage_changing_link(sage_changing *changing, uint32_t row, sage_error *error);
sage_status sage_slots_fit(sage_slots *slots, size_t n, sage_error *error);
/* Links `to` back to `from`, which has been linked to it. */
void sage_changing_answer(sage_changing *changing, uint32_t from, uint32_t to, unsigned level);
/* After `taken` chosen ones, the row's links that stay, as far as there is room. Gives how many are chosen now. */
size_t sage_changing_keep(const sage_changing *changing, sage_chooser *chooser, uint32_t row, unsigned level,
                          size_t taken);
void sage_menders_free(sage_changing *changing);

#endif
