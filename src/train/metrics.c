#include <base/error.h>
#include <inttypes.h>
#include <io/fs.h>
#include <io/map.h>
#include <stdio.h>
#include <string.h>
#include <train/metrics.h>

enum { LINE_MAX_BYTES = 8192 };

void sage_train_task_name(unsigned task, char out[32]) {
    if (task == SAGE_TASK_CATALOGUE)
        snprintf(out, 32, "catalogue");
    else if (task == SAGE_TASK_PICTURES)
        snprintf(out, 32, "pictures");
    else
        sage_task_name(task, out);
}

/* Bytes of the leading lines that belong to the first `step` steps and to validations up to `evaluated`. */
static size_t kept_bytes(const char *data, size_t size, uint64_t step, uint64_t evaluated) {
    size_t kept = 0;
    while (kept < size) {
        const char *end = memchr(data + kept, '\n', size - kept);
        if (end == NULL) break;
        uint64_t number;
        char start[48] = {0};
        size_t len = (size_t)(end - (data + kept));
        memcpy(start, data + kept, len < sizeof start - 1 ? len : sizeof start - 1);
        bool keep = (sscanf(start, "{\"step\":%" SCNu64, &number) == 1 && number <= step) ||
                    (sscanf(start, "{\"validation\":%" SCNu64, &number) == 1 && number <= evaluated);
        if (!keep) break;
        kept += len + 1;
    }
    return kept;
}

static sage_status cut_back(const sage_train_metrics *metrics, uint64_t step, uint64_t evaluated, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_map map = {0};
    SAGE_TRY(sage_map_open(metrics->path, &map, error));
    size_t kept = kept_bytes((const char *)map.data, map.size, step, evaluated);
    if (kept < map.size) SAGE_TRY(sage_fs_truncate(metrics->fd, metrics->path, kept, error));
out:
    sage_map_close(&map);
    return st;
}

sage_status sage_train_metrics_open(sage_train_metrics *metrics, const char *path, uint64_t step, uint64_t evaluated,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    *metrics = (sage_train_metrics){.fd = -1, .path = path};
    sage_buf_init(&metrics->line, LINE_MAX_BYTES);
    SAGE_TRY(sage_fs_append(path, &metrics->fd, error));
    SAGE_TRY(cut_back(metrics, step, evaluated, error));
out:
    return st;
}

static sage_status write_line(sage_train_metrics *metrics, sage_error *error) {
    return sage_fs_write(metrics->fd, metrics->path, metrics->line.data, metrics->line.len, error);
}

sage_status sage_train_metrics_step(sage_train_metrics *metrics, const sage_step_metrics *step, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_loss *loss = step->loss;
    sage_buf *line = &metrics->line;
    const char *separator = "";
    sage_buf_clear(line);
    SAGE_TRY(sage_buf_printf(line, error,
                             "{\"step\":%" PRIu64
                             ",\"loss\":%.7g,\"in_batch\":%.7g,\"random\":%.7g,\"teacher\":%.7g,\"follow\":%.7g,"
                             "\"lr\":%.7g,\"temperature\":%.7g,\"grad_norm\":%.7g,\"examples_per_s\":%.4g,\"tasks\":{",
                             step->step, loss->total, loss->in_batch, loss->random, loss->teacher, loss->follow,
                             step->lr, step->temperature, step->grad_norm, step->examples_per_s));
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++) {
        char name[32];
        if (!(loss->task_weight[task] > 0)) continue;
        sage_train_task_name(task, name);
        SAGE_TRY(sage_buf_printf(line, error, "%s\"%s\":%.7g", separator, name,
                                 loss->task_sum[task] / loss->task_weight[task]));
        separator = ",";
    }
    SAGE_TRY(sage_buf_text(line, "}}\n", error));
    SAGE_TRY(write_line(metrics, error));
out:
    return st;
}

sage_status sage_train_metrics_validation(sage_train_metrics *metrics, uint64_t step, const sage_recalls *recalls,
                                          bool best, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *separator = "";
    sage_buf_clear(&metrics->line);
    SAGE_TRY(sage_buf_printf(&metrics->line, error,
                             "{\"validation\":%" PRIu64 ",\"recall10\":%.7g,\"best\":%s,\"tasks\":{", step,
                             recalls->recall10, best ? "true" : "false"));
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++) {
        char name[32];
        if (recalls->task[task].pairs == 0) continue;
        sage_train_task_name(task, name);
        SAGE_TRY(
            sage_buf_printf(&metrics->line, error, "%s\"%s\":%.7g", separator, name, recalls->task[task].recall10));
        separator = ",";
    }
    SAGE_TRY(sage_buf_text(&metrics->line, "}}\n", error));
    SAGE_TRY(write_line(metrics, error));
out:
    return st;
}

sage_status sage_train_metrics_sync(sage_train_metrics *metrics, sage_error *error) {
    return sage_fs_sync(metrics->fd, metrics->path, error);
}

void sage_train_metrics_close(sage_train_metrics *metrics) {
    if (metrics->path == NULL) return;
    if (metrics->fd >= 0) sage_fs_close(metrics->fd, metrics->path, NULL);
    metrics->fd = -1;
    sage_buf_free(&metrics->line);
}
