#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/le.h>
#include <io/tensor.h>
#include <jansson.h>

enum { ALIGNMENT = 64 };

/* Data lies by falling element size and without gaps, as the format wants it: so every tensor is aligned to its
 * elements. */
static void place(const sage_tensor *tensors, size_t n, size_t *offsets) {
    size_t at = 0;
    for (size_t element = 8; element > 0; element /= 2) {
        for (size_t i = 0; i < n; i++) {
            if (sage_dtype_bytes(tensors[i].dtype) != element) continue;
            offsets[i] = at;
            at += tensors[i].bytes;
        }
    }
}

static sage_status check(const sage_tensor *tensor, size_t *total, sage_error *error) {
    size_t bytes;
    if (tensor->name[0] == '\0' || strcmp(tensor->name, "__metadata__") == 0 || tensor->n_dims > SAGE_TENSOR_DIMS_MAX) {
        return sage_fail(error, SAGE_E_INTERNAL, "tensor \"%s\" has a bad name or too many dimensions", tensor->name);
    }
    if (!sage_tensor_bytes(tensor->dim, tensor->n_dims, tensor->dtype, &bytes) || bytes != tensor->bytes ||
        __builtin_add_overflow(*total, bytes, total)) {
        return sage_fail(error, SAGE_E_INTERNAL, "tensor %s: %zu bytes do not fit its shape", tensor->name,
                         tensor->bytes);
    }
    if (tensor->slab > 0 && tensor->n_dims != 2)
        return sage_fail(error, SAGE_E_INTERNAL, "tensor %s: only two dimensions can lie in slabs", tensor->name);
    return SAGE_OK;
}

static json_t *entry(const sage_tensor *tensor, size_t offset) {
    json_t *shape = json_array();
    for (size_t i = 0; shape != NULL && i < tensor->n_dims; i++) {
        if (json_array_append_new(shape, json_integer((json_int_t)tensor->dim[i])) != 0) {
            json_decref(shape);
            shape = NULL;
        }
    }
    if (shape == NULL) return NULL;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", sage_dtype_name(tensor->dtype), "shape", shape, "data_offsets",
                     (json_int_t)offset, (json_int_t)(offset + tensor->bytes));
}

static json_t *header_of(const sage_tensor *tensors, size_t n, const size_t *offsets, const sage_tensor_meta *meta,
                         size_t n_meta) {
    json_t *root = json_object(), *texts = n_meta > 0 ? json_object() : NULL;
    bool good = root != NULL && (n_meta == 0 || json_object_set_new(root, "__metadata__", texts) == 0);
    for (size_t i = 0; good && i < n_meta; i++) {
        good = json_object_set_new(texts, meta[i].key, json_string(meta[i].value)) == 0;
    }
    for (size_t i = 0; good && i < n; i++) {
        good = json_object_set_new(root, tensors[i].name, entry(&tensors[i], offsets[i])) == 0;
    }
    if (good) return root;
    json_decref(root);
    return NULL;
}

static sage_status header_text(const json_t *root, char **text, size_t *padded, sage_error *error) {
    size_t n = json_dumpb(root, NULL, 0, JSON_COMPACT);
    *padded = (8 + n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (n == 0 || n > SAGE_TENSOR_HEADER_MAX - ALIGNMENT) {
        return n == 0 ? sage_fail_memory(error, *padded)
                      : sage_fail(error, SAGE_E_LIMIT, "a safetensors header of %zu bytes; at most %d", n,
                                  SAGE_TENSOR_HEADER_MAX);
    }
    *text = sage_alloc(*padded);
    if (*text == NULL) return sage_fail_memory(error, *padded);
    memset(*text, ' ', *padded);
    sage_put_u64((unsigned char *)*text, *padded - 8);
    return json_dumpb(root, *text + 8, n, JSON_COMPACT) == n ? SAGE_OK : sage_fail_memory(error, n);
}

/* Rows are put together in a buffer of about a MiB. */
static sage_status write_slabs(int fd, const char *path, const sage_tensor *tensor, sage_error *error) {
    const size_t wanted_bytes = (size_t)1 << 20;
    size_t element = sage_dtype_bytes(tensor->dtype), row_bytes = tensor->dim[1] * element;
    size_t rows = wanted_bytes / row_bytes > 0 ? wanted_bytes / row_bytes : 1;
    sage_status st = SAGE_OK;
    unsigned char *buffer = sage_alloc(rows * row_bytes);
    if (buffer == NULL) return sage_fail_memory(error, rows * row_bytes);
    for (size_t begin = 0; begin < tensor->dim[0] && st == SAGE_OK; begin += rows) {
        size_t end = tensor->dim[0] - begin < rows ? tensor->dim[0] : begin + rows;
        for (size_t row = begin; row < end; row++)
            for (size_t column = 0, n; column < tensor->dim[1]; column += n) {
                const void *values = sage_tensor_span(tensor, row, column, &n);
                memcpy(buffer + (row - begin) * row_bytes + column * element, values, n * element);
            }
        st = sage_fs_write(fd, path, buffer, (end - begin) * row_bytes, error);
    }
    sage_free(buffer);
    return st;
}

static sage_status write_data(int fd, const char *path, const sage_tensor *tensors, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t element = 8; element > 0; element /= 2) {
        for (size_t i = 0; i < n; i++) {
            if (sage_dtype_bytes(tensors[i].dtype) != element || tensors[i].bytes == 0) continue;
            if (tensors[i].slab > 0)
                SAGE_TRY(write_slabs(fd, path, &tensors[i], error));
            else
                SAGE_TRY(sage_fs_write(fd, path, tensors[i].data, tensors[i].bytes, error));
        }
    }
out:
    return st;
}

sage_status sage_safetensors_write(const char *path, const sage_tensor *tensors, size_t n, const sage_tensor_meta *meta,
                                   size_t n_meta, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t total = 0, head_bytes = 0;
    int fd = -1;
    char *text = NULL;
    json_t *root = NULL;
    size_t *offsets = sage_alloc_zero(n, sizeof *offsets);
    if (offsets == NULL) return sage_fail_memory(error, n * sizeof *offsets);
    for (size_t i = 0; i < n; i++) SAGE_TRY(check(&tensors[i], &total, error));
    place(tensors, n, offsets);
    root = header_of(tensors, n, offsets, meta, n_meta);
    if (root == NULL) {
        st = sage_fail(error, SAGE_E_MEMORY, "cannot make the header of %s: out of memory, or a text that is not UTF-8",
                       path);
        goto out;
    }
    if (json_object_size(root) != n + (n_meta > 0)) {
        st = sage_fail(error, SAGE_E_INTERNAL, "%s: two tensors have one name", path);
        goto out;
    }
    SAGE_TRY(header_text(root, &text, &head_bytes, error));
    SAGE_TRY(sage_fs_create(path, false, &fd, error));
    SAGE_TRY(sage_fs_write(fd, path, text, head_bytes, error));
    SAGE_TRY(write_data(fd, path, tensors, n, error));
    SAGE_TRY(sage_fs_sync(fd, path, error));
    st = sage_fs_close(fd, path, error);
    fd = -1;
out:
    sage_fs_close(fd, path, NULL);
    json_decref(root);
    sage_free(text);
    sage_free(offsets);
    return st;
}

sage_status sage_safetensors_replace(const char *path, const sage_tensor *tensors, size_t n,
                                     const sage_tensor_meta *meta, size_t n_meta, sage_error *error) {
    char tmp[SAGE_PATH_MAX];
    sage_status st = sage_fs_temporary(tmp, path, error);
    if (st != SAGE_OK) return st;
    st = sage_safetensors_write(tmp, tensors, n, meta, n_meta, error);
    if (st == SAGE_OK) st = sage_fs_commit(tmp, path, error);
    if (st != SAGE_OK) sage_fs_unlink(tmp, NULL);
    return st;
}
