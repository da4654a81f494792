/* One file of the cache of sentences: texts by their hash, ascending, and a vector each. */
#ifndef SAGE_FEATURES_SENTENCE_FILE_H
#define SAGE_FEATURES_SENTENCE_FILE_H

#include <features/sentence_cache.h>
#include <io/packed.h>

typedef struct sage_sentence_file {
    uint64_t number;
    size_t rows, dim;
    const sage_text_key *texts; /* [rows] ascending; all in the map */
    const uint64_t *sums;       /* [rows] XXH3-64 of each vector */
    const float *vectors;       /* [rows][dim] */
    sage_packed *packed;
} sage_sentence_file;

/* SAGE_E_FORMAT where it is damaged or of another width. Reads the texts, no vector. */
sage_status sage_sentence_file_open(const char *dir, uint64_t number, size_t dim, sage_sentence_file **file,
                                    sage_error *error);
void sage_sentence_file_close(sage_sentence_file *file);
bool sage_sentence_file_find(const sage_sentence_file *file, const sage_text_key *text, float *out);

typedef struct sage_sentence_row {
    const sage_text_key *text;
    const float *vector;
} sage_sentence_row;
/* False where the vector is not as it was written. */
bool sage_sentence_file_row(const sage_sentence_file *file, size_t index, sage_sentence_row *row);

/* Written beside, synced, renamed. Rows ascend by text. */
sage_status sage_sentence_file_write(const char *dir, uint64_t number, size_t dim, const sage_sentence_row *rows,
                                     size_t n, sage_error *error);
sage_status sage_sentence_file_remove(const char *dir, uint64_t number, sage_error *error);

#endif
