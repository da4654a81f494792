#include "output.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <parallel/task.h>
#include <string.h>

typedef struct segment_rows {
    float *vectors;
    int64_t *pids;
    sage_fingerprint *fingerprints;
    size_t n;
} segment_rows;

struct sage_output {
    const char *dir;
    uint64_t model;
    sage_manifest *manifest;
    sage_precision precision;
    size_t room, dim;
    segment_rows rows[2], *filling; /* the other is empty, or being written */
    sage_task *task;
    sage_status st; /* of the last segment that was written */
    sage_error error;
};

/* ---- writing, in the background ---- */

typedef struct row_source {
    const segment_rows *rows;
    size_t dim;
} row_source;

static void row_at(void *ctx, size_t index, sage_vector_row *row) {
    const row_source *source = ctx;
    const segment_rows *rows = source->rows;
    *row = (sage_vector_row){rows->pids[index], rows->fingerprints[index], rows->vectors + index * source->dim};
}

static sage_status write_segment(sage_output *output, segment_rows *rows, sage_error *error) {
    sage_status st = SAGE_OK;
    row_source source = {rows, output->dim};
    sage_manifest *manifest = output->manifest;
    sage_segment_name name = {manifest->next, rows->n, output->precision};
    SAGE_TRY(sage_segment_write(output->dir, name.number, name.rows, output->dim, row_at, &source, error));
    SAGE_TRY(sage_manifest_add(manifest, &name, error));
    manifest->next = name.number + 1;
    SAGE_TRY(sage_manifest_write(output->dir, output->model, manifest, error));
    rows->n = 0;
out:
    return st;
}

static void write_other(void *ctx) {
    static sage_stage writing = SAGE_STAGE("write vectors");
    uint64_t began = sage_stage_begin();
    sage_output *output = ctx;
    segment_rows *rows = output->filling == &output->rows[0] ? &output->rows[1] : &output->rows[0];
    size_t bytes = rows->n * output->dim * sizeof *rows->vectors;
    output->st = write_segment(output, rows, &output->error);
    sage_stage_end(&writing, began, bytes, 0);
}

/* ---- the caller's side ---- */

/* Memory for a segment's rows is taken when the first of them comes. */
static sage_status take_memory(const sage_output *output, segment_rows *rows, sage_error *error) {
    if (rows->vectors == NULL) rows->vectors = sage_alloc_aligned(output->room * output->dim * sizeof *rows->vectors);
    if (rows->pids == NULL) rows->pids = sage_alloc(output->room * sizeof *rows->pids);
    if (rows->fingerprints == NULL) rows->fingerprints = sage_alloc(output->room * sizeof *rows->fingerprints);
    if (rows->vectors && rows->pids && rows->fingerprints) return SAGE_OK;
    return sage_fail_memory(error, output->room * output->dim * sizeof *rows->vectors);
}

sage_status sage_output_open(const char *dir, uint64_t model, sage_manifest *manifest, sage_precision precision,
                             size_t room, sage_output **output, sage_error *error) {
    sage_output *made = sage_alloc_zero(1, sizeof *made);
    *output = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    *made = (sage_output){.dir = dir, .model = model, .manifest = manifest, .precision = precision};
    made->room = room;
    made->dim = manifest->dim;
    made->filling = &made->rows[0];
    sage_status st = sage_task_new(&made->task, error);
    if (st != SAGE_OK) {
        sage_output_close(made);
        return st;
    }
    *output = made;
    return SAGE_OK;
}

void sage_output_close(sage_output *output) {
    if (output == NULL) return;
    sage_task_free(output->task);
    for (size_t i = 0; i < 2; i++) {
        sage_free(output->rows[i].vectors);
        sage_free(output->rows[i].pids);
        sage_free(output->rows[i].fingerprints);
    }
    sage_free(output);
}

static sage_status wait_written(sage_output *output, sage_error *error) {
    static sage_stage waiting = SAGE_STAGE("wait for the disk");
    uint64_t began = sage_stage_begin();
    sage_task_wait(output->task);
    sage_stage_end(&waiting, began, 0, 0);
    if (output->st != SAGE_OK && error != NULL) *error = output->error;
    return output->st;
}

static sage_status write_behind(sage_output *output, sage_error *error) {
    sage_status st = wait_written(output, error);
    if (st != SAGE_OK || output->filling->n == 0) return st;
    output->filling = output->filling == &output->rows[0] ? &output->rows[1] : &output->rows[0];
    sage_task_begin(output->task, write_other, output);
    return SAGE_OK;
}

sage_status sage_output_place(sage_output *output, size_t n, float **vectors, sage_error *error) {
    sage_status st = SAGE_OK;
    if (output->filling->n + n > output->room) SAGE_TRY(write_behind(output, error));
    SAGE_TRY(take_memory(output, output->filling, error));
    *vectors = output->filling->vectors + output->filling->n * output->dim;
out:
    return st;
}

void sage_output_add(sage_output *output, const sage_feed_block *block) {
    segment_rows *rows = output->filling;
    memcpy(rows->pids + rows->n, block->pids, block->n * sizeof *rows->pids);
    memcpy(rows->fingerprints + rows->n, block->fingerprints, block->n * sizeof *rows->fingerprints);
    rows->n += block->n;
}

sage_status sage_output_finish(sage_output *output, sage_error *error) {
    sage_status st = write_behind(output, error);
    return st == SAGE_OK ? wait_written(output, error) : st;
}
