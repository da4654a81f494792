/* What the checks on opening share. */
#ifndef SAGE_DATASET_CHECK_H
#define SAGE_DATASET_CHECK_H

#include <dataset/files.h>

/* SAGE_E_FORMAT: "damaged dataset: <what>; build it again". */
sage_status sage_check_damaged(const char *path, const char *what, sage_error *error);
/* begin[0 .. n] starts at 0, never falls, and ends at n_data. */
bool sage_check_spans(const uint64_t *begin, size_t n_begin, size_t n, size_t n_data);

/* A section into a view and its size. */
#define GET(file, name, field, size)                                                                                   \
    SAGE_TRY(sage_packed_get(file, name, sizeof *(field), (const void **)&(field), &(size), error))

#endif
