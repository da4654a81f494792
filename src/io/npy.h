/* NumPy .npy, versions 1 to 3: little-endian f32, f16, f64 of one or two dimensions, C order. */
#ifndef SAGE_IO_NPY_H
#define SAGE_IO_NPY_H

#include <io/map.h>
#include <io/safetensors.h>

enum { SAGE_NPY_COLS_MAX = 1 << 20 }; /* a wider or empty row is SAGE_E_LIMIT */

typedef struct sage_npy {
    sage_map map;
    sage_dtype dtype;
    size_t rows, cols;         /* one dimension: cols = 1 */
    const unsigned char *data; /* in the map */
} sage_npy;

sage_status sage_npy_open(const char *path, sage_npy *npy, sage_error *error);
void sage_npy_close(sage_npy *npy);
/* Row as f32 into out[cols], converting where it has to. */
void sage_npy_row(const sage_npy *npy, size_t row, float *out);

/* Writing f32 [rows][cols] in any number of pieces; `rows` is known up front. finish syncs. */
typedef struct sage_npy_writer {
    int fd;
    const char *path;
    size_t rows, cols, written;
} sage_npy_writer;
sage_status sage_npy_create(const char *path, size_t rows, size_t cols, sage_npy_writer *writer, sage_error *error);
sage_status sage_npy_add(sage_npy_writer *writer, const float *rows, size_t n_rows, sage_error *error);
sage_status sage_npy_finish(sage_npy_writer *writer, sage_error *error);

#endif
