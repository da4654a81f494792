/* When nobody can still look at what was taken out of reach. Readers say in which epoch they came in; the writer ends
 * an epoch after it has taken something out of reach, and may use its memory again once all who came before have left.
 * Nobody waits: a reader writes one number, the writer asks. */
#ifndef SAGE_INDEX_EPOCH_H
#define SAGE_INDEX_EPOCH_H

#include <itemsage/status.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sage_reader {    /* of one thread at a time */
    alignas(64) uint64_t since; /* the epoch in which it came in; 0: it is outside */
    struct sage_reader *next;
} sage_reader;

typedef struct sage_epochs {
    alignas(64) uint64_t now; /* from 1 */
    pthread_mutex_t lock;     /* of the list */
    sage_reader *readers;
} sage_epochs;

void sage_epochs_begin(sage_epochs *epochs);
void sage_epochs_end(sage_epochs *epochs); /* no reader is left */
sage_status sage_reader_new(sage_epochs *epochs, sage_reader **reader, sage_error *error);
void sage_reader_free(sage_epochs *epochs, sage_reader *reader); /* NULL is fine */

/* Between the two what the reader finds stays where it is. The second look at `now` takes over all that the writer did
 * before an epoch ended that this reader was not seen in. */
static inline void sage_reader_enter(const sage_epochs *epochs, sage_reader *reader) {
    uint64_t now = __atomic_load_n(&epochs->now, __ATOMIC_SEQ_CST);
    __atomic_store_n(&reader->since, now, __ATOMIC_SEQ_CST);
    (void)__atomic_load_n(&epochs->now, __ATOMIC_SEQ_CST);
}

static inline void sage_reader_leave(sage_reader *reader) {
    __atomic_store_n(&reader->since, 0, __ATOMIC_RELEASE);
}

/* The writer's: ends the epoch and gives its number; later, whether all have left who came in it or before. */
uint64_t sage_epochs_turn(sage_epochs *epochs);
bool sage_epochs_passed(sage_epochs *epochs, uint64_t epoch);

#endif
