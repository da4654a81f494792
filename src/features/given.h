/* Query vectors that a shop gives, made elsewhere (frozen queries): training leads products to them and searches ask
 * with them. One file a surface, <shop>/given/<surface>.bin, replaced at once, and a copy of each in every dataset that
 * was packed with them. A query's key: of search its text, normalised; of image the link as events have it; of product
 * and user the id. The vectors of all surfaces lie in one space, so they have one width. */
#ifndef SAGE_FEATURES_GIVEN_H
#define SAGE_FEATURES_GIVEN_H

#include <catalog/catalog.h>
#include <io/fs.h>
#include <text/vocab.h>

/* Where a shop keeps those of a surface. */
sage_status sage_given_path(char out[SAGE_PATH_MAX], const char *shop_dir, sage_surface surface, sage_error *error);
/* Where a dataset does. */
sage_status sage_given_copy_path(char out[SAGE_PATH_MAX], const char *dataset_dir, sage_surface surface,
                                 sage_error *error);

/* "search_vectors" and so on: what meta.json of datasets and config.json of models call those of a surface. */
enum { SAGE_GIVEN_MEMBER = 32 };
void sage_given_member(char name[SAGE_GIVEN_MEMBER], sage_surface surface);

/* Reads an .npy and as many keys, one a line, and replaces the file at `path`: search texts normalised, others trimmed,
 * ascending, vectors brought to length 1. Of equal keys the last one counts. SAGE_E_FORMAT, with nothing changed, where
 * a vector is zero or not finite or a key is empty or no UTF-8; it says which line. */
sage_status sage_given_write(const char *path, sage_surface surface, const char *npy_file, const char *ids_file,
                             sage_error *error);
/* The file without one key; no file where no other is left. *found: it was there. */
sage_status sage_given_remove(const char *path, sage_str key, bool *found, sage_error *error);

typedef struct sage_given sage_given; /* read-only, any number of threads */
/* Maps it and proves that looking up needs no checks; `verify` compares checksums too. *given = NULL: there is none. */
sage_status sage_given_open(const char *path, bool verify, sage_given **given, sage_error *error);
void sage_given_close(sage_given *given);
size_t sage_given_count(const sage_given *given);
size_t sage_given_dim(const sage_given *given);
/* Tells contents apart; 0: there is none. */
uint64_t sage_given_identity(const sage_given *given);
sage_str sage_given_key(const sage_given *given, size_t place);        /* place < count */
const float *sage_given_vector(const sage_given *given, size_t place); /* [dim] a unit vector */
/* Its place among the keys, or SIZE_MAX. */
size_t sage_given_place(const sage_given *given, sage_str key);
/* [dim] a unit vector, or NULL; `key` as in the file. */
const float *sage_given_find(const sage_given *given, sage_str key);

/* Those of all surfaces; NULL where there are none. Zero-initialise. */
typedef struct sage_given_set {
    sage_given *of[SAGE_SURFACES];
} sage_given_set;
/* SAGE_E_FORMAT where their widths differ; nothing is open then. */
sage_status sage_given_open_shop(const char *shop_dir, bool verify, sage_given_set *set, sage_error *error);
sage_status sage_given_open_copies(const char *dataset_dir, bool verify, sage_given_set *set, sage_error *error);
void sage_given_set_close(sage_given_set *set);
size_t sage_given_set_dim(const sage_given_set *set); /* 0: there are none */

#endif
