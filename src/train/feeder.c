#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <parallel/task.h>
#include <train/feeder.h>

enum { NICER = 4 };

struct sage_feeder {
    sage_task *task;
    sage_sampler *samplers[2], *twin; /* the batch of samplers[out] is the caller's, the other sampler the thread's */
    size_t out;
    uint64_t end;
    bool ordered; /* a batch is being made, or ready, and not yet asked for */
    /* the thread's from sage_task_begin to sage_task_wait */
    bool gives_way;
    uint64_t step;
    const sage_batch *batch;
    sage_status st;
    sage_error error;
};

/* Behind the step's workers where cores are short: they wait for one another, and for this thread only at the end. */
static void make_batch(void *ctx) {
    sage_feeder *f = ctx;
    if (!f->gives_way) sage_task_give_way(NICER);
    f->gives_way = true;
    f->st = sage_sampler_batch(f->samplers[1 - f->out], f->step, &f->batch, &f->error);
}

static void order(sage_feeder *f, uint64_t step) {
    f->step = step;
    f->ordered = true;
    sage_task_begin(f->task, make_batch, f);
}

sage_status sage_feeder_new(sage_sampler *sampler, uint64_t end, sage_feeder **feeder, sage_error *error) {
    sage_status st = SAGE_OK;
    *feeder = NULL;
    sage_feeder *f = sage_alloc_zero(1, sizeof *f);
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    f->end = end;
    SAGE_TRY(sage_sampler_twin(sampler, NULL, &f->twin, error));
    f->samplers[0] = sampler;
    f->samplers[1] = f->twin;
    SAGE_TRY(sage_task_new(&f->task, error));
    *feeder = f;
    f = NULL;
out:
    sage_feeder_free(f);
    return st;
}

void sage_feeder_free(sage_feeder *feeder) {
    if (feeder == NULL) return;
    sage_task_free(feeder->task);
    sage_sampler_free(feeder->twin);
    sage_free(feeder);
}

sage_status sage_feeder_batch(sage_feeder *feeder, uint64_t step, const sage_batch **batch, sage_error *error) {
    static sage_stage waiting = SAGE_STAGE("wait for the next batch");
    sage_feeder *f = feeder;
    uint64_t began = sage_stage_begin();
    sage_task_wait(f->task);
    if (!f->ordered || f->step != step) {
        order(f, step);
        sage_task_wait(f->task);
    }
    f->ordered = false;
    *batch = f->batch;
    if (f->st != SAGE_OK) {
        if (error != NULL) *error = f->error;
        return f->st;
    }
    f->out = 1 - f->out;
    if (step + 1 < f->end) order(f, step + 1);
    sage_stage_end(&waiting, began, 0, 0);
    return SAGE_OK;
}
