/* Inference of users, by the training pass's own forward: chunks of always as many rows, so that a user's bits do not
 * depend on who else asks. */
#include "beside.h"
#include "frozen.h"
#include <base/alloc.h>
#include <base/profile.h>

static void lay_workers(layer *l, sage_frozen *f) {
    const sage_model_shape *s = &f->model->shape;
    for (size_t w = 0; w < f->threads; w++) {
        frozen_worker made = f->workers[w];
        lay_user(l, s, 1, false, &made.user);
        lay_user_scratch(l, s, false, &made.user_scratch);
        made.silence = lay_reals(l, 1, beside_width(s));
        if (l->base != NULL) f->workers[w] = made;
    }
}

static sage_status need_users(sage_frozen *f, size_t chunks, sage_error *error) {
    sage_status st = SAGE_OK;
    packed_layers *layers;
    if (sage_grow((void **)&f->user_begin, &f->user_begin_capacity, chunks + 1, sizeof *f->user_begin) != 0)
        SAGE_TRY(sage_fail_memory(error, (chunks + 1) * sizeof *f->user_begin));
    if (f->user_layers != NULL) goto out;
    if (f->user_block == NULL) SAGE_TRY(frozen_block(f, lay_workers, &f->user_block, error));
    SAGE_TRY(packed_layers_new(&f->model->shape, 0, LAYERS_OF_USERS, f->precision, false, &layers, error));
    packed_layers_set(layers, f->model, NULL, f->pool);
    f->user_layers = layers;
    f->bytes += packed_layers_bytes(layers);
out:
    return st;
}

typedef struct users_job {
    sage_frozen *frozen;
    const sage_query_batch *queries;
    real *out;
} users_job;

static void run_chunks(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("inference: users");
    const users_job *job = ctx;
    const sage_frozen *f = job->frozen;
    const sage_model_shape *s = &f->model->shape;
    const frozen_worker *w = &f->workers[worker];
    uint64_t began = sage_stage_begin();
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = f->user_begin[chunk], last = f->user_begin[chunk + 1];
        user_dense(f->model, f->user_layers, job->queries, first, last, w->user, &w->user_scratch);
        for (size_t u = first; u < last; u++)
            beside_publish(s, w->user.q + (u - first) * s->dim_out, w->silence, job->out + u * sage_shape_out(s));
    }
    sage_stage_end(&stage, began, 0, 0);
}

sage_status frozen_users(sage_frozen *f, const sage_query_batch *queries, real *out, sage_error *error) {
    size_t chunks = user_chunks(&f->model->shape, queries, NULL);
    sage_status st = need_users(f, chunks, error);
    if (st != SAGE_OK) return st;
    user_chunks(&f->model->shape, queries, f->user_begin);
    users_job job = {f, queries, out};
    sage_pool_for_dynamic(f->pool, chunks, 1, run_chunks, &job);
    return SAGE_OK;
}
