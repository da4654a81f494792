/* A frozen model's table in its precision: the model's own, or made row by row from it or from a file. */
#include "frozen.h"
#include <base/alloc.h>
#include <string.h>

typedef struct table_job {
    sage_frozen *frozen;
    const sage_safetensors *file; /* or NULL: the model's table */
    const sage_tensor *stored;    /* the file's */
    real *rows;                   /* of each worker [2][E]: a row as it was, and as it becomes */
} table_job;

static void read_row(const table_job *job, size_t row, real *values) {
    const sage_model *model = job->frozen->model;
    size_t rows = model->shape.rows, e = model->shape.dim_embed;
    if (job->stored != NULL) {
        model_copy_values(job->stored, row * e, e, values);
        return;
    }
    for (size_t slab = 0; slab < sage_slabs(e); slab++)
        memcpy(values + slab * SAGE_SLAB, model->table + sage_slab_at(rows, e, row, slab * SAGE_SLAB),
               sage_slab_width(e, slab) * sizeof(real));
}

static void write_row(sage_frozen *f, size_t row, const unsigned char *values) {
    size_t rows = f->model->shape.rows, e = f->model->shape.dim_embed, size = sage_precision_size(f->precision);
    for (size_t slab = 0; slab < sage_slabs(e); slab++)
        memcpy((unsigned char *)f->table_copy + sage_slab_at(rows, e, row, slab * SAGE_SLAB) * size,
               values + slab * SAGE_SLAB * size, sage_slab_width(e, slab) * size);
}

static void convert_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const table_job *job = ctx;
    sage_frozen *f = job->frozen;
    size_t e = f->model->shape.dim_embed;
    real *values = job->rows + worker * 2 * e;
    void *lower = values + e;
    for (size_t row = begin; row < end; row++) {
        read_row(job, row, values);
        if (f->precision == SAGE_PRECISION_BF16)
            sage_ops_best()->to_bf16(e, values, lower);
        else
            sage_ops_best()->to_int8(1, e, values, e, lower, f->row_scale + row);
        write_row(f, row, lower);
        if (job->file != NULL) model_release_row(job->file, job->stored, row);
    }
}

sage_status frozen_table(sage_frozen *f, const sage_safetensors *file, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *s = &f->model->shape;
    size_t bytes = s->rows * s->dim_embed * sage_precision_size(f->precision), scales = s->rows * sizeof(real);
    size_t scratch = f->threads * 2 * s->dim_embed * sizeof(real);
    table_job job = {.frozen = f, .file = file};
    if (file != NULL) job.stored = sage_safetensors_find(file, "table");
    f->table =
        (gather_table){.precision = f->precision, .rows = s->rows, .dim = s->dim_embed, .slabs = f->model->table};
    if (f->precision == SAGE_PRECISION_F32) return SAGE_OK;
    f->table_copy = sage_alloc_aligned(bytes);
    if (f->table_copy == NULL) SAGE_TRY(sage_fail_memory(error, bytes));
    sage_huge_pages(f->table_copy, bytes);
    f->table.slabs = f->table_copy;
    f->bytes += bytes;
    if (f->precision == SAGE_PRECISION_INT8) {
        f->row_scale = sage_alloc_aligned(scales);
        if (f->row_scale == NULL) SAGE_TRY(sage_fail_memory(error, scales));
        f->bytes += scales;
    }
    job.rows = sage_alloc_aligned(scratch);
    if (job.rows == NULL) SAGE_TRY(sage_fail_memory(error, scratch));
    sage_pool_for_dynamic(f->pool, s->rows, MODEL_TABLE_ROWS, convert_rows, &job);
out:
    sage_free(job.rows);
    return st;
}

bool frozen_table_in_file(sage_frozen *f, const sage_safetensors *file) {
    const sage_model_shape *s = &f->model->shape;
    const sage_tensor *stored = sage_safetensors_find(file, "table");
    if (sage_dtype_bytes(stored->dtype) != sizeof(real) || (uintptr_t)stored->data % sizeof(real) != 0) return false;
    f->table = (gather_table){f->precision, s->rows, s->dim_embed, stored->data, .by_rows = true};
    return true;
}
