/* What the writer and the reader of safetensors share. */
#ifndef SAGE_IO_TENSOR_H
#define SAGE_IO_TENSOR_H

#include <io/safetensors.h>
#include <stdbool.h>

enum { SAGE_TENSOR_HEADER_MAX = 100 * 1000 * 1000 }; /* the format's own limit */

const char *sage_dtype_name(sage_dtype dtype); /* as in the header: "F32" */
bool sage_dtype_named(const char *name, sage_dtype *dtype);
bool sage_tensor_bytes(const size_t *dim, size_t n_dims, sage_dtype dtype, size_t *bytes); /* false on overflow */
/* Where row `row` of a tensor in slabs goes on from `column`, which begins a slab; *n values lie together there. */
const void *sage_tensor_span(const sage_tensor *tensor, size_t row, size_t column, size_t *n);

#endif
