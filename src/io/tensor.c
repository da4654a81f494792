#include <io/tensor.h>
#include <string.h>

/* In the order of the enum. */
static const struct {
    const char *name;
    size_t bytes;
} types[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
             {"I32", 4}, {"U32", 4}, {"U8", 1},  {"I8", 1},   {"U64", 8}};
enum { N_TYPES = sizeof types / sizeof types[0] };
_Static_assert(N_TYPES == SAGE_U64 + 1, "one row for each element type");

size_t sage_dtype_bytes(sage_dtype dtype) {
    return types[dtype].bytes;
}

const char *sage_dtype_name(sage_dtype dtype) {
    return types[dtype].name;
}

bool sage_dtype_named(const char *name, sage_dtype *dtype) {
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *dtype = (sage_dtype)i;
            return true;
        }
    }
    return false;
}

const void *sage_tensor_span(const sage_tensor *tensor, size_t row, size_t column, size_t *n) {
    size_t left = tensor->dim[1] - column;
    *n = left < tensor->slab ? left : tensor->slab;
    return (const unsigned char *)tensor->data + (tensor->dim[0] * column + row * *n) * sage_dtype_bytes(tensor->dtype);
}

bool sage_tensor_bytes(const size_t *dim, size_t n_dims, sage_dtype dtype, size_t *bytes) {
    *bytes = sage_dtype_bytes(dtype);
    for (size_t i = 0; i < n_dims; i++) {
        if (__builtin_mul_overflow(*bytes, dim[i], bytes)) return false;
    }
    return true;
}
