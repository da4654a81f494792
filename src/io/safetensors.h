/* safetensors: u64 header length, JSON header {name: {dtype, shape, data_offsets}}, "__metadata__" of strings, then the
 * data. */
#ifndef SAGE_IO_SAFETENSORS_H
#define SAGE_IO_SAFETENSORS_H

#include <itemsage/status.h>
#include <stddef.h>
#include <stdint.h>

enum { SAGE_TENSOR_DIMS_MAX = 8, SAGE_TENSOR_NAME_MAX = 127 };
typedef enum sage_dtype {
    SAGE_F32,
    SAGE_F64,
    SAGE_F16,
    SAGE_BF16,
    SAGE_I64,
    SAGE_I32,
    SAGE_U32,
    SAGE_U8,
    SAGE_I8,
    SAGE_U64
} sage_dtype;
size_t sage_dtype_bytes(sage_dtype dtype);

typedef struct sage_tensor {
    char name[SAGE_TENSOR_NAME_MAX + 1];
    sage_dtype dtype;
    size_t n_dims;
    size_t dim[SAGE_TENSOR_DIMS_MAX]; /* row-major, outermost first */
    const void *data;
    size_t bytes;
    /* 0: data is row-major, as files have it. Else data of two dimensions lies in memory as slabs of so many columns
     * (the last may be narrower), one after another, each row-major; writing and summing read it row by row. */
    size_t slab;
} sage_tensor;

typedef struct sage_tensor_meta {
    const char *key, *value;
} sage_tensor_meta;

/* Writes all at once to `path` (not atomically by itself: see sage_safetensors_replace), in the order given, synced. */
sage_status sage_safetensors_write(const char *path, const sage_tensor *tensors, size_t n, const sage_tensor_meta *meta,
                                   size_t n_meta, sage_error *error);
/* The same through a temporary beside it, renamed. */
sage_status sage_safetensors_replace(const char *path, const sage_tensor *tensors, size_t n,
                                     const sage_tensor_meta *meta, size_t n_meta, sage_error *error);

typedef struct sage_safetensors sage_safetensors;
/* Maps the file and checks all of its header: bounds, overlaps, sizes against shapes. */
sage_status sage_safetensors_open(const char *path, sage_safetensors **file, sage_error *error);
void sage_safetensors_close(sage_safetensors *file);
size_t sage_safetensors_count(const sage_safetensors *file);
const sage_tensor *sage_safetensors_at(const sage_safetensors *file,
                                       size_t index); /* data in the map; (0) begins an array of _count */
const sage_tensor *sage_safetensors_find(const sage_safetensors *file, const char *name); /* NULL: absent */
const char *sage_safetensors_meta(const sage_safetensors *file, const char *key);         /* NULL: absent */

/* These bytes of a tensor of the file have been read and no longer count as memory of the process. A large file that is
 * read once, piece by piece, then needs little of it; reading them again brings them back. Any thread. */
void sage_safetensors_release(const sage_safetensors *file, const void *data, size_t bytes);

/* The project's own checksum of a set of tensors, kept in the metadata as "xxh3": XXH3-64 of every tensor's bytes,
 * seeded by its name's, added up (so that order does not matter), as 16 hexadecimal digits. */
enum { SAGE_TENSORS_SUM_BYTES = 17 };
void sage_tensors_sum(const sage_tensor *tensors, size_t n, char text[SAGE_TENSORS_SUM_BYTES]);
/* Of all tensors of a file, released as they are read. */
void sage_safetensors_sum(const sage_safetensors *file, char text[SAGE_TENSORS_SUM_BYTES]);

#endif
