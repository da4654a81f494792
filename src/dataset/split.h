/* Which part an event belongs to. */
#ifndef SAGE_DATASET_SPLIT_H
#define SAGE_DATASET_SPLIT_H

#include <dataset/dataset.h>

/* All kinds of event of one query and one product; those of an unknown product come kind by kind. */
typedef struct sage_event_group {
    sage_surface surface;
    sage_str key; /* lives until the next step */
    bool new_key; /* the first group of its query */
    int64_t pid;
    uint64_t count[SAGE_EVENT_KINDS];
    int64_t time_ms; /* the latest; INT64_MIN where none has a time */
} sage_event_group;

typedef struct sage_event_reader {
    sage_event_cursor *cursor;
    const sage_event_row *row; /* read ahead */
    sage_buf key;
    sage_surface surface;
    bool begun;
    sage_event_group group;
} sage_event_reader;

sage_status sage_event_reader_open(sage_catalog *catalog, sage_event_reader *reader, sage_error *error);
void sage_event_reader_close(sage_event_reader *reader); /* a zeroed one may be closed */
sage_status sage_event_reader_next(sage_event_reader *reader, const sage_event_group **group,
                                   sage_error *error); /* NULL: end */

typedef struct sage_split {
    uint64_t seed;
    double holdout; /* 0 .. 0.5; the first half of it is validation, the second test */
    bool by_time;
    int64_t cut_ms[2]; /* by time: later than cut_ms[0] is validation, than cut_ms[1] test */
} sage_split;

/* Reads the options; by time, finds the cuts from the catalogue's events (to 1/65,536 of the time they span). */
sage_status sage_split_plan(const sage_options *options, sage_catalog *catalog, sage_split *split, sage_error *error);
sage_part sage_split_part(const sage_split *split, const sage_event_group *group);

/* The part of a user: by time everybody's is SAGE_TRAIN. */
sage_part sage_split_user(const sage_split *split, sage_str user_id);
/* By time, the part of what happened then: INT64_MIN (none) is SAGE_TRAIN. */
sage_part sage_split_moment(const sage_split *split, int64_t time_ms);
/* By hash: how many of a held-out user's `products` different ones are to be predicted. Those are the ones with the
 * lowest draws. */
size_t sage_split_hidden(size_t products);
uint64_t sage_split_draw(const sage_split *split, sage_str user_id, int64_t pid);

#endif
