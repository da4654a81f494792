/* Tensors of a checkpoint: found, checked, converted. */
#include "checkpoint.h"
#include "encoder_impl.h"
#include <base/alloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct full_name {
    char text[2 * SAGE_TENSOR_NAME_MAX];
} full_name;

static full_name name_of(const checkpoint *ck, const char *name) {
    full_name full;
    snprintf(full.text, sizeof full.text, "%s%s%s", ck->base, ck->scope, name);
    return full;
}

bool checkpoint_has(const checkpoint *ck, const char *name) {
    return sage_safetensors_find(ck->file, name_of(ck, name).text) != NULL;
}

size_t checkpoint_dim(const checkpoint *ck, const char *name, size_t dimension) {
    enum { MOST = 1 << 14 };
    const sage_tensor *t = sage_safetensors_find(ck->file, name_of(ck, name).text);
    return t != NULL && dimension < t->n_dims && t->dim[dimension] <= MOST ? t->dim[dimension] : 0;
}

static void write_shape(char *out, size_t bytes, size_t n_dims, const size_t *dim) {
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (size_t i = 0; i < n_dims && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%zu", i > 0 ? ", " : "", dim[i]);
    if (used < bytes) snprintf(out + used, bytes - used, "]");
}

static sage_status other_shape(const checkpoint *ck, const sage_tensor *t, checkpoint_shape shape, sage_error *error) {
    char has[120], wanted[120];
    write_shape(has, sizeof has, t->n_dims, t->dim);
    write_shape(wanted, sizeof wanted, shape.n_dims, shape.dim);
    return sage_fail(error, SAGE_E_FORMAT,
                     "%s: tensor \"%s\" is %s where config.json asks for %s; take both files from one model",
                     ck->weights_path, t->name, has, wanted);
}

sage_status checkpoint_find(checkpoint *ck, const char *name, checkpoint_shape shape, const sage_tensor **tensor,
                            sage_error *error) {
    full_name full = name_of(ck, name);
    const sage_tensor *t = sage_safetensors_find(ck->file, full.text);
    *tensor = t;
    if (t == NULL)
        return sage_fail(error, SAGE_E_FORMAT,
                         "%s: tensor \"%.150s\" is missing; config.json asks for it, take both files from one model",
                         ck->weights_path, full.text);
    if (t->dtype != SAGE_F32 && t->dtype != SAGE_F16 && t->dtype != SAGE_BF16)
        return sage_fail(
            error, SAGE_E_FORMAT,
            "%s: tensor \"%s\" has a type that is not read; save the model in float32, float16 or bfloat16",
            ck->weights_path, t->name);
    if (t->n_dims != shape.n_dims || memcmp(t->dim, shape.dim, shape.n_dims * sizeof *shape.dim) != 0)
        return other_shape(ck, t, shape, error);
    ck->parameters += t->bytes / sage_dtype_bytes(t->dtype);
    return SAGE_OK;
}

/* ---- values ---- */

static float of_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, mantissa = bits & 1023, out;
    if (exponent == 0) { /* zero, or a number below the normal ones */
        float value = (float)mantissa * 0x1p-24f;
        return sign != 0 ? -value : value;
    }
    exponent = exponent == 31 ? 255 : exponent + 112; /* 127 - 15 */
    out = sign | exponent << 23 | mantissa << 13;
    float value;
    memcpy(&value, &out, sizeof value);
    return value;
}

void checkpoint_convert(const sage_tensor *t, size_t at, size_t n, real *to) {
    if (t->dtype == SAGE_F32)
        for (size_t i = 0; i < n; i++) to[i] = (real)((const float *)t->data)[at + i];
    else if (t->dtype == SAGE_BF16)
        sage_ops_best()->from_bf16(n, (const uint16_t *)t->data + at, to);
    else
        for (size_t i = 0; i < n; i++) to[i] = (real)of_f16(((const uint16_t *)t->data)[at + i]);
}

/* Infinite weights and NaN would come back out of every product. */
static sage_status check_finite(const checkpoint *ck, const sage_tensor *t, const real *values, size_t n,
                                sage_error *error) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return sage_fail(error, SAGE_E_FORMAT,
                             "%s: tensor \"%s\" holds values that are no numbers; get the file again", ck->weights_path,
                             t->name);
    return SAGE_OK;
}

/* What has been read need not stay in memory. */
static sage_status convert(const checkpoint *ck, const sage_tensor *t, real *to, sage_error *error) {
    size_t n = t->bytes / sage_dtype_bytes(t->dtype);
    checkpoint_convert(t, 0, n, to);
    sage_safetensors_release(ck->file, t->data, t->bytes);
    return check_finite(ck, t, to, n, error);
}

sage_status checkpoint_table(checkpoint *ck, const char *name, size_t rows, size_t dim, const sage_tensor **table,
                             sage_error *error) {
    sage_status st = checkpoint_find(ck, name, (checkpoint_shape){2, {rows, dim}}, table, error);
    if (st != SAGE_OK) return st;
    if (sage_grow((void **)&ck->buffer, &ck->buffer_capacity, dim, sizeof *ck->buffer) != 0)
        return sage_fail_memory(error, dim * sizeof *ck->buffer);
    for (size_t i = 0; i < rows && st == SAGE_OK; i++) {
        checkpoint_convert(*table, i * dim, dim, ck->buffer);
        st = check_finite(ck, *table, ck->buffer, dim, error);
    }
    sage_safetensors_release(ck->file, (*table)->data, (*table)->bytes);
    return st;
}

sage_status checkpoint_values(checkpoint *ck, const char *name, checkpoint_shape shape, const real **values,
                              sage_error *error) {
    const sage_tensor *t;
    sage_status st = checkpoint_find(ck, name, shape, &t, error);
    if (st != SAGE_OK) return st;
    size_t n = t->bytes / sage_dtype_bytes(t->dtype);
    if (sage_grow((void **)&ck->buffer, &ck->buffer_capacity, n, sizeof *ck->buffer) != 0)
        return sage_fail_memory(error, n * sizeof *ck->buffer);
    *values = ck->buffer;
    return convert(ck, t, ck->buffer, error);
}

sage_status checkpoint_stacked(checkpoint *ck, size_t n, real **values, sage_error *error) {
    if (sage_grow((void **)&ck->stacked, &ck->stacked_capacity, n, sizeof *ck->stacked) != 0)
        return sage_fail_memory(error, n * sizeof *ck->stacked);
    *values = ck->stacked;
    return SAGE_OK;
}

sage_status checkpoint_reals(checkpoint *ck, size_t n, real **values, sage_error *error) {
    *values = sage_arena_get(ck->arena, n * sizeof **values);
    return *values != NULL ? SAGE_OK : sage_fail_memory(error, n * sizeof **values);
}

sage_status checkpoint_keep(checkpoint *ck, const char *name, checkpoint_shape shape, real **values,
                            sage_error *error) {
    const sage_tensor *t;
    sage_status st = checkpoint_find(ck, name, shape, &t, error);
    if (st == SAGE_OK) st = checkpoint_reals(ck, t->bytes / sage_dtype_bytes(t->dtype), values, error);
    return st == SAGE_OK ? convert(ck, t, *values, error) : st;
}

sage_status checkpoint_matrix(checkpoint *ck, size_t out, size_t in, const real *values, sage_weights **weights,
                              sage_error *error) {
    sage_pretrained *e = ck->encoder;
    *weights = NULL;
    if (sage_grow((void **)&e->matrices, &e->matrices_capacity, e->n_matrices + 1, sizeof *e->matrices) != 0)
        return sage_fail_memory(error, sizeof *e->matrices);
    sage_status st = sage_weights_new(out, in, ck->precision, false, weights, error);
    if (st != SAGE_OK) return st;
    sage_weights_set(*weights, values, in);
    e->matrices[e->n_matrices++] = *weights;
    return SAGE_OK;
}
