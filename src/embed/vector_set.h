/* All segments of vectors/<model>/ seen as one: for every product id its newest row. */
#ifndef SAGE_EMBED_VECTOR_SET_H
#define SAGE_EMBED_VECTOR_SET_H

#include "segment.h"

typedef struct sage_entry {
    int64_t pid;
    uint32_t segment, row; /* index into `segments`; row in it */
} sage_entry;

typedef struct sage_vector_set {
    sage_manifest manifest;
    sage_segment *segments;
    size_t n_segments; /* manifest.n when they were opened */
    int64_t *dead;     /* [n_dead] ascending */
    size_t n_dead;
    sage_entry *entries; /* [n] pids ascending; dead products' too */
    size_t n;
} sage_vector_set;

/* An empty set where nothing has been embedded yet. */
sage_status sage_vector_set_open(const char *dir, bool with_vectors, sage_vector_set *set, sage_error *error);
void sage_vector_set_close(sage_vector_set *set);
/* The product was gone when the list was made and has not come back since. */
bool sage_vector_set_is_dead(const sage_vector_set *set, const sage_entry *entry);

static inline const sage_segment *sage_entry_segment(const sage_vector_set *set, const sage_entry *entry) {
    return &set->segments[entry->segment];
}

#endif
