#include <base/alloc.h>
#include <base/error.h>
#include <io/json.h>
#include <io/le.h>
#include <io/map.h>
#include <io/tensor.h>
#include <stdlib.h>

struct sage_safetensors {
    sage_map map;
    json_t *root; /* keeps the metadata's texts */
    sage_tensor *tensors;
    size_t n;
    const unsigned char *data; /* where offsets begin */
    size_t data_bytes;
};

static sage_status bad(const char *path, const char *name, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s: tensor \"%.100s\" %s", path, name, what);
}

/* A whole number >= 0. */
static bool size_of(const json_t *value, size_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static sage_status read_shape(const char *path, const json_t *shape, sage_tensor *tensor, sage_error *error) {
    if (!json_is_array(shape) || json_array_size(shape) > SAGE_TENSOR_DIMS_MAX) {
        return bad(path, tensor->name, "has no shape of at most 8 dimensions", error);
    }
    tensor->n_dims = json_array_size(shape);
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (!size_of(json_array_get(shape, i), &tensor->dim[i]))
            return bad(path, tensor->name, "has a shape that is no list of sizes", error);
    }
    return SAGE_OK;
}

static sage_status read_place(const char *path, const sage_safetensors *file, const json_t *offsets,
                              sage_tensor *tensor, sage_error *error) {
    size_t begin, end, wanted;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !size_of(json_array_get(offsets, 0), &begin) ||
        !size_of(json_array_get(offsets, 1), &end) || begin > end || end > file->data_bytes) {
        return bad(path, tensor->name, "lies outside the file (cut short?)", error);
    }
    if (!sage_tensor_bytes(tensor->dim, tensor->n_dims, tensor->dtype, &wanted) || wanted != end - begin) {
        return bad(path, tensor->name, "has a size that does not fit its shape", error);
    }
    tensor->data = file->data + begin;
    tensor->bytes = end - begin;
    if ((uintptr_t)tensor->data % sage_dtype_bytes(tensor->dtype) != 0) {
        return bad(path, tensor->name,
                   "is not aligned to its elements; write the file again with a current safetensors", error);
    }
    return SAGE_OK;
}

static sage_status read_tensor(const char *path, const sage_safetensors *file, const char *name, const json_t *value,
                               sage_tensor *tensor, sage_error *error) {
    if (strlen(name) > SAGE_TENSOR_NAME_MAX) return bad(path, name, "has a name of more than 127 bytes", error);
    strcpy(tensor->name, name);
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (dtype == NULL || !sage_dtype_named(dtype, &tensor->dtype))
        return bad(path, name, "has no known element type", error);
    sage_status st = read_shape(path, json_object_get(value, "shape"), tensor, error);
    return st == SAGE_OK ? read_place(path, file, json_object_get(value, "data_offsets"), tensor, error) : st;
}

static sage_status read_meta(const char *path, const json_t *meta, sage_error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(meta)) return sage_fail(error, SAGE_E_FORMAT, "%s: __metadata__ is no object", path);
    json_object_foreach((json_t *)(uintptr_t)meta, key, value) {
        if (!json_is_string(value))
            return sage_fail(error, SAGE_E_FORMAT, "%s: metadata \"%.100s\" is no text", path, key);
    }
    return SAGE_OK;
}

static int by_place(const void *a, const void *b) {
    const sage_tensor *x = *(const sage_tensor *const *)a, *y = *(const sage_tensor *const *)b;
    if (x->data != y->data) return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static sage_status check_overlap(const char *path, const sage_safetensors *file, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_tensor **order = sage_alloc_zero(file->n, sizeof *order);
    if (order == NULL) return sage_fail_memory(error, file->n * sizeof *order);
    for (size_t i = 0; i < file->n; i++) order[i] = &file->tensors[i];
    qsort(order, file->n, sizeof *order, by_place);
    for (size_t i = 1; i < file->n && st == SAGE_OK; i++) {
        const unsigned char *end = (const unsigned char *)order[i - 1]->data + order[i - 1]->bytes;
        if (end > (const unsigned char *)order[i]->data) st = bad(path, order[i]->name, "overlaps another one", error);
    }
    sage_free(order);
    return st;
}

static sage_status read_tensors(const char *path, sage_safetensors *file, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *name;
    json_t *value;
    if (!json_is_object(file->root)) return sage_fail(error, SAGE_E_FORMAT, "%s: the header is no JSON object", path);
    size_t n = json_object_size(file->root);
    file->tensors = sage_alloc_zero(n, sizeof *file->tensors);
    if (file->tensors == NULL) return sage_fail_memory(error, n * sizeof *file->tensors);
    json_object_foreach(file->root, name, value) {
        if (strcmp(name, "__metadata__") == 0) {
            SAGE_TRY(read_meta(path, value, error));
        } else {
            SAGE_TRY(read_tensor(path, file, name, value, &file->tensors[file->n], error));
            file->n++;
        }
    }
    SAGE_TRY(check_overlap(path, file, error));
out:
    return st;
}

static sage_status read_header(const char *path, sage_safetensors *file, sage_error *error) {
    const sage_map *map = &file->map;
    uint64_t head = map->size < 8 ? 0 : sage_get_u64(map->data);
    if (map->size < 8 || head > map->size - 8)
        return sage_fail(error, SAGE_E_FORMAT, "%s is no safetensors file, or is cut short", path);
    if (head > SAGE_TENSOR_HEADER_MAX) {
        return sage_fail(error, SAGE_E_LIMIT, "%s has a header of more than %d bytes", path, SAGE_TENSOR_HEADER_MAX);
    }
    file->data = map->data + 8 + head;
    file->data_bytes = map->size - 8 - (size_t)head;
    sage_status st = sage_json_parse((const char *)map->data + 8, (size_t)head, path, &file->root, error);
    return st == SAGE_OK ? read_tensors(path, file, error) : st;
}

sage_status sage_safetensors_open(const char *path, sage_safetensors **file, sage_error *error) {
    *file = NULL;
    sage_safetensors *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    sage_status st = sage_map_open(path, &made->map, error);
    if (st == SAGE_OK) st = read_header(path, made, error);
    if (st != SAGE_OK) {
        sage_safetensors_close(made);
        return st;
    }
    *file = made;
    return SAGE_OK;
}

void sage_safetensors_close(sage_safetensors *file) {
    if (file == NULL) return;
    json_decref(file->root);
    sage_map_close(&file->map);
    sage_free(file->tensors);
    sage_free(file);
}

void sage_safetensors_release(const sage_safetensors *file, const void *data, size_t bytes) {
    sage_map_release(&file->map, data, bytes);
}

size_t sage_safetensors_count(const sage_safetensors *file) {
    return file->n;
}

const sage_tensor *sage_safetensors_at(const sage_safetensors *file, size_t index) {
    return index < file->n ? &file->tensors[index] : NULL;
}

const sage_tensor *sage_safetensors_find(const sage_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->n; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    }
    return NULL;
}

const char *sage_safetensors_meta(const sage_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->root, "__metadata__"), key));
}
