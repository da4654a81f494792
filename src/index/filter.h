/* Which rows a search may find. What no search may find at all (deleted rows) is the index's own business. */
#ifndef SAGE_INDEX_FILTER_H
#define SAGE_INDEX_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_filter {
    const uint64_t *bits; /* [(n + 63) / 64]: bit r % 64 of word r / 64 says whether row r may be found (bits.h).
                             NULL: `accepts` says it */
    size_t n;             /* of the bits: no row from here on is accepted, such as one that came since */
    bool (*accepts)(const void *ctx, uint32_t row); /* unread where there are bits */
    const void *ctx;
    size_t matches; /* rows that may be found: exact with bits, else an estimate */
} sage_filter;

static inline bool sage_filter_accepts(const sage_filter *filter, uint32_t row) {
    if (filter->bits != NULL) return row < filter->n && (filter->bits[row / 64] >> row % 64 & 1) != 0;
    return filter->accepts(filter->ctx, row);
}

/* The next rows from *row on, below n, that the filter (NULL: every row) accepts: up to `room` of them, ascending, into
 * rows. Gives how many, 0 at the end; *row moves behind them. */
size_t sage_filter_next(const sage_filter *filter, size_t n, size_t *row, uint32_t *rows, size_t room);

#endif
