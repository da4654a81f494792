/* Files of picture vectors: what is given, and what the shop keeps. */
#ifndef SAGE_CATALOG_VECTOR_FILE_H
#define SAGE_CATALOG_VECTOR_FILE_H

#include <base/buf.h>
#include <io/db.h>
#include <io/fs.h>
#include <io/npy.h>

enum { SAGE_VECTOR_DIM_MAX = 65536 };

/* An .npy [rows][cols] and as many ids, one a line. */
typedef struct sage_vector_input {
    sage_npy npy;
    sage_map ids;
    size_t at; /* in ids */
    const char *npy_name;
} sage_vector_input;

/* SAGE_E_FORMAT where there are not as many ids as vectors, or none. The names live as long as the input. */
sage_status sage_vector_input_open(sage_vector_input *input, const char *npy_file, const char *ids_file,
                                   sage_error *error);
void sage_vector_input_close(sage_vector_input *input);
bool sage_vector_input_next_id(sage_vector_input *input, sage_str *id); /* false: the end */
/* One row into out[cols]. SAGE_E_FORMAT where a value is not finite. *zero: all values are. */
sage_status sage_vector_input_read(const sage_vector_input *input, size_t row, float *out, bool *zero,
                                   sage_error *error);

/* <shop>/pictures/<name>: written beside, then renamed to the hash of its content (XXH3-128, chained over the width and
 * the rows' hashes, in hex). */
typedef struct sage_vector_output {
    char dir[SAGE_PATH_MAX], part[SAGE_PATH_MAX], name[48];
    sage_npy_writer writer;
    bool open;
    size_t cols;
    unsigned char chain[32]; /* the hash so far, and the next row's */
} sage_vector_output;

sage_status sage_vector_output_open(sage_vector_output *output, const char *shop_dir, size_t rows, size_t cols,
                                    sage_error *error);
sage_status sage_vector_output_add(sage_vector_output *output, const float *row, sage_error *error);
sage_status sage_vector_output_publish(sage_vector_output *output, sage_error *error);
/* Gives up what was not published. */
void sage_vector_output_close(sage_vector_output *output);

/* Removes the files that vector_files does not name: what stopped or replaced imports left. Best effort. */
void sage_vector_files_prune(sqlite3 *db, const char *shop_dir);

#endif
