/* For the files live*.c. */
#ifndef SAGE_INDEX_LIVE_IMPL_H
#define SAGE_INDEX_LIVE_IMPL_H

#include <index/columns_live.h>
#include <index/impl.h>
#include <index/live.h>
#include <index/live_map.h>
#include <index/log.h>
#include <io/fs.h>

/* What belongs to a slot that was filled, or shows other texts, since the version was opened. Never changed; freed when
 * the slot is used again, or when all have left who were inside as it was replaced (live_shown.c). */
typedef struct sage_live_record {
    int64_t pid;
    uint32_t ends[SAGE_SHOWN]; /* of the terminated strings in `text` */
    char text[];
} sage_live_record;

typedef struct sage_live_retired sage_live_retired; /* live_shown.c */

struct sage_live {
    char parent[SAGE_PATH_MAX];
    uint64_t version;       /* that the log goes on from */
    const sage_index *base; /* the version that was opened: its rows are the first slots */
    sage_index *own_base;   /* the same where it was opened here, else NULL */
    bool scans;             /* searches compare all rows: the version has no graph */
    uint64_t changes;       /* begun and ended so far; atomic */
    uint64_t replaced;      /* products whose slot became another; atomic */
    sage_changing *changing;
    sage_columns_live *columns; /* NULL: the version has none */
    sage_room records;          /* of pointers, one a slot; NULL: as in the base */
    sage_live_retired *retired; /* [n_retired] records that were replaced in their slots, oldest first */
    size_t n_retired, retired_room;
    /* Held in this order. */
    pthread_mutex_t sync_lock; /* of what is sealed and written */
    pthread_mutex_t lock;      /* of changes */
    float least, longest;      /* squares of lengths that vectors may have */
    pthread_mutex_t map_lock;  /* of the maps, for a moment */
    sage_live_map map;         /* of products that were changed: pid -> slot; SAGE_NO_ROW: it is no longer there */
    sage_live_map ids;         /* of those that are there: hashes of their ids -> slots */
    sage_log *log;             /* NULL: changes last as long as it is open */
    sage_recall_watch *watch;  /* NULL: nobody watches its recall */
};

struct sage_live_reader {
    sage_live *live;
    sage_changing_reader reading;
    const sage_where *where; /* of the filter that asks row by row */
    uint64_t *bits;          /* [bits_room] */
    size_t bits_room;
};

static inline sage_live_record **sage_live_record_at(const sage_live *live, uint32_t slot) {
    return (sage_live_record **)(void *)live->records.data + slot;
}

static inline int64_t sage_live_pid_of(const sage_live *live, uint32_t slot) {
    const sage_live_record *record = __atomic_load_n(sage_live_record_at(live, slot), __ATOMIC_ACQUIRE);
    return record != NULL ? record->pid : live->base->rows[slot].pid;
}

/* Compactions begin another log, so that `log` is read under the lock alone; that there is one never changes. */
static inline bool sage_live_has_log(const sage_live *live) {
    return live->own_base != NULL;
}
sage_status sage_live_no_log(sage_error *error); /* SAGE_E_STATE */
/* For the writer: another record for a slot that is in use, whose it is from now on; where it fails it is not. */
sage_status sage_live_show(sage_live *live, uint32_t slot, sage_live_record *record, sage_error *error);
void sage_live_retired_free(sage_live *live);
/* From now on vectors have about the length of this one, the first of the version that the log goes on from; NULL: it
 * has none, and they are unit vectors. What is taken now is taken when the log is read again. */
void sage_live_take_length(sage_live *live, const float *vector);
/* A record's string, or the base's; "" where there is none. */
const char *sage_live_text(const sage_live *live, uint32_t slot, size_t what);
/* The slot where a product is now. */
bool sage_live_slot_of(sage_live *live, int64_t pid, uint32_t *slot);
/* Of the first rows, those that are alive and accepted, into bits [(rows + 63) / 64]; gives how many. */
size_t sage_live_bits(const sage_live_reader *reader, const sage_where *where, uint64_t *bits, size_t rows);
/* For the writer: a product, found by pid and by id, is in a slot from now on, whose text is whole; and goes, for good
 * or because it is in another. There is room for it (sage_live_names_fit). */
sage_status sage_live_names_fit(sage_live *live, sage_error *error);
void sage_live_name(sage_live *live, int64_t pid, uint32_t slot, const uint32_t *before);
void sage_live_unname(sage_live *live, int64_t pid, uint32_t slot);
sage_status sage_live_log_path(char out[SAGE_PATH_MAX], const char *parent, uint64_t version, sage_error *error);
/* A change of the log, again. */
sage_status sage_live_replay(void *ctx, const sage_log_change *change, sage_error *error);

#endif
