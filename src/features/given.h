/* Query vectors that a shop gives for its search texts, made elsewhere: training takes them as they are in place of a
 * tower's (frozen queries), and so do searches. One file: <shop>/given/search.bin, replaced at once, and a copy of it
 * in each dataset that was packed with it. */
#ifndef SAGE_FEATURES_GIVEN_H
#define SAGE_FEATURES_GIVEN_H

#include <io/fs.h>
#include <text/vocab.h>

/* Where a shop keeps them. */
sage_status sage_given_path(char out[SAGE_PATH_MAX], const char *shop_dir, sage_error *error);

/* Reads an .npy and as many texts, one a line, and replaces the file at `path`: texts normalised and ascending, vectors
 * brought to length 1. Of equal texts the last one counts. SAGE_E_FORMAT, with nothing changed, where a vector is zero
 * or not finite or a text is empty or no UTF-8; it says which line. */
sage_status sage_given_write(const char *path, const char *npy_file, const char *ids_file, sage_error *error);

typedef struct sage_given sage_given; /* read-only, any number of threads */
/* Maps it and proves that looking up needs no checks; `verify` compares checksums too. *given = NULL: there is none. */
sage_status sage_given_open(const char *path, bool verify, sage_given **given, sage_error *error);
void sage_given_close(sage_given *given);
size_t sage_given_count(const sage_given *given);
size_t sage_given_dim(const sage_given *given);
/* Tells contents apart; 0: there is none. */
uint64_t sage_given_identity(const sage_given *given);
/* [dim] a unit vector, or NULL; `text` is normalised. */
const float *sage_given_find(const sage_given *given, sage_str text);

#endif
