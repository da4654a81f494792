/* metrics.jsonl: its lines, and cutting it back to a checkpoint. */
#include "support/scratch.h"
#include "support/test.h"
#include <io/json.h>
#include <train/metrics.h>

static void write_lines(const char *path, uint64_t begin, uint64_t end, uint64_t eval_every) {
    sage_train_metrics metrics;
    assert_int_equal(sage_train_metrics_open(&metrics, path, begin, begin, NULL), SAGE_OK);
    sage_recalls recalls = {.recall10 = 0.25};
    recalls.task[SAGE_TASK_CATALOGUE] = (sage_recall){8, 0.5};
    for (uint64_t step = begin + 1; step <= end; step++) {
        sage_loss loss = {.total = 1.0 / (double)step, .in_batch = 2, .random = 3};
        loss.task_sum[SAGE_TASK_CATALOGUE] = 6;
        loss.task_weight[SAGE_TASK_CATALOGUE] = 2;
        loss.task_sum[0] = 5;
        loss.task_weight[0] = 1;
        sage_step_metrics line = {.step = step, .loss = &loss, .lr = 0.1, .temperature = 14, .grad_norm = 1};
        assert_int_equal(sage_train_metrics_step(&metrics, &line, NULL), SAGE_OK);
        if (step % eval_every == 0)
            assert_int_equal(sage_train_metrics_validation(&metrics, step, &recalls, true, NULL), SAGE_OK);
    }
    assert_int_equal(sage_train_metrics_sync(&metrics, NULL), SAGE_OK);
    sage_train_metrics_close(&metrics);
}

static void every_line_is_json(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    scratch_make(dir);
    const char *path = scratch_path(dir, "metrics.jsonl");
    write_lines(path, 0, 4, 2);
    size_t n, lines = 0;
    char *data = scratch_read(path, &n);
    assert_non_null(data);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        json_t *root = NULL;
        assert_int_equal(sage_json_parse(line, strlen(line), "line", &root, NULL), SAGE_OK);
        const json_t *tasks = json_object_get(root, "tasks");
        if (json_object_get(root, "step")) {
            assert_int_equal(json_object_size(tasks), 2);
            assert_true(json_real_value(json_object_get(tasks, "catalogue")) == 3 ||
                        json_integer_value(json_object_get(tasks, "catalogue")) == 3);
            assert_non_null(json_object_get(tasks, "search/click"));
        } else {
            assert_non_null(json_object_get(root, "recall10"));
            assert_int_equal(json_object_size(tasks), 1);
            assert_true(json_real_value(json_object_get(tasks, "catalogue")) == 0.5);
        }
        json_decref(root);
    }
    assert_int_equal(lines, 6);
    sage_free(data);
    scratch_remove(dir);
}

static void a_resumed_run_writes_every_line_once(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX], wanted_path[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    scratch_make(dir);
    snprintf(wanted_path, sizeof wanted_path, "%s", scratch_path(dir, "wanted.jsonl"));
    snprintf(path, sizeof path, "%s", scratch_path(dir, "metrics.jsonl"));
    write_lines(wanted_path, 0, 9, 3);
    size_t n;
    char *wanted = scratch_read(wanted_path, &n);
    assert_non_null(wanted);
    for (uint64_t at = 0; at <= 8; at++)
        for (size_t torn = 0; torn < 30; torn += 7) { /* the run got further, its last line in parts */
            scratch_write(path, wanted, n - torn);
            write_lines(path, at, 9, 3);
            assert_true(scratch_holds(path, wanted, n));
        }
    sage_free(wanted);
    scratch_remove(dir);
}

static void an_unfinished_validation_is_cut_off(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    scratch_make(dir);
    const char *path = scratch_path(dir, "metrics.jsonl");
    write_lines(path, 0, 3, 3); /* ends with the validation of step 3 */
    size_t before, after;
    sage_train_metrics metrics;
    sage_free(scratch_read(path, &before));
    assert_int_equal(sage_train_metrics_open(&metrics, path, 3, 3, NULL), SAGE_OK);
    sage_train_metrics_close(&metrics);
    sage_free(scratch_read(path, &after));
    assert_int_equal(after, before);
    assert_int_equal(sage_train_metrics_open(&metrics, path, 3, 0, NULL), SAGE_OK);
    sage_train_metrics_close(&metrics);
    char *data = scratch_read(path, &after);
    assert_true(after < before && data[after - 1] == '\n' && strstr(data, "validation") == NULL);
    sage_free(data);
    scratch_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_json),
        cmocka_unit_test(a_resumed_run_writes_every_line_once),
        cmocka_unit_test(an_unfinished_validation_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
