#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <train/metrics.h>
#include <train/progress.h>

static const double KEEP = 0.95; /* of the smoothed loss from step to step */

void sage_train_progress_begin(sage_train_progress *progress, const sage_monitor *monitor, uint64_t steps) {
    *progress = (sage_train_progress){.steps = steps, .loss = -1};
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++) progress->task_loss[task] = -1;
    sage_ticker_begin(&progress->ticker, monitor, "train", steps);
}

static void smooth(double *held, double value) {
    *held = *held < 0 ? value : KEEP * *held + (1 - KEEP) * value;
}

double sage_train_progress_speed(const sage_train_progress *progress) {
    return progress->step_s > 0 ? (double)progress->pairs / progress->step_s : 0;
}

/* "(catalogue 3.20 search/click 4.10)", as many tasks as fit. */
static void list_tasks(const sage_train_progress *progress, char *out, size_t out_bytes) {
    size_t used = 0;
    out[0] = '\0';
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++) {
        char name[32];
        if (progress->task_loss[task] < 0 || used + 48 > out_bytes) continue;
        sage_train_task_name(task, name);
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s %.2f", used ? "  " : "", name,
                                 progress->task_loss[task]);
    }
}

void sage_train_progress_step(sage_train_progress *progress, uint64_t done, const sage_loss *loss, size_t pairs,
                              double seconds) {
    smooth(&progress->loss, loss->total);
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++)
        if (loss->task_weight[task] > 0)
            smooth(&progress->task_loss[task], loss->task_sum[task] / loss->task_weight[task]);
    progress->steps_here++;
    progress->pairs += pairs;
    progress->step_s += seconds;
    double each_s = (progress->step_s + progress->other_s) / (double)progress->steps_here;
    uint64_t left_s = (uint64_t)(each_s * (double)(progress->steps - done));
    char tasks[160], detail[320];
    list_tasks(progress, tasks, sizeof tasks);
    snprintf(detail, sizeof detail, "loss %.3f (%s)  %.0f examples/s  eta %" PRIu64 ":%02" PRIu64, progress->loss,
             tasks, sage_train_progress_speed(progress), left_s / 60, left_s % 60);
    sage_ticker_tick(&progress->ticker, done, detail);
}
