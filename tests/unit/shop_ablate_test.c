/* Ablations of a tiny shop: what is trained and what is not done again, what is judged, and what stays as it was. */
#include "support/ablation.h"
#include "support/test.h"
#include <shop/shop.h>

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX];
static sage_shop *shop;

static sage_ablate_report ablated(const sage_ablate_options *options) {
    sage_ablate_report report;
    sage_error error = {0};
    tiny_must(sage_ablate(shop, options, NULL, &report, &error), &error, "ablate");
    return report;
}

static void forget_all(void) {
    sage_error error = {0};
    tiny_must(sage_fs_remove_tree(scratch_path(shop_dir, "ablation"), &error), &error, "remove the ablation");
}

static size_t files_in(const char *name) {
    char command[SAGE_PATH_MAX + 64], number[32] = "";
    snprintf(command, sizeof command, "ls '%s' | wc -l", scratch_path(shop_dir, name));
    FILE *out = popen(command, "r");
    scratch_must(out != NULL && fgets(number, sizeof number, out) != NULL, command);
    pclose(out);
    return (size_t)atol(number);
}

/* ---- what is trained ---- */

static void a_setting_that_stands_in_two_rows_is_trained_once(void **state) {
    (void)state;
    static const char *const rows[] = {"as it is:log_q=exact", "less:log_q=off", "narrow:dim_ff=4"};
    const sage_ablate_options options = {.tables = "logq", .rows = rows, .n_rows = 3};
    sage_ablate_report report = ablated(&options);
    assert_int_equal(report.n_tables, 2);
    assert_int_equal(report.trained, 3); /* the base, log_q=off, dim_ff=4 */
    assert_true(report.tables[0].rows[1].base);
    assert_true(report.tables[1].rows[0].base);
    assert_string_equal(report.tables[1].rows[2].settings, "dim_ff=4");
    assert_true(report.tables[1].rows[2].parameters < report.tables[1].rows[1].parameters);
    for (size_t t = 0; t < 2; t++)
        for (size_t r = 0; r < report.tables[t].n_rows; r++) {
            const sage_ablate_row *row = &report.tables[t].rows[r];
            assert_int_equal(row->seeds, 1);
            assert_true(row->n_tasks > 0);
            for (size_t i = 0; i < row->n_tasks; i++) assert_true(row->tasks[i].compared != row->base);
        }
    assert_int_equal(files_in("ablation/results"), 3);
    assert_int_equal(files_in("ablation/runs"), 0); /* models are gone */
    sage_ablate_report_free(&report);
}

static void what_is_done_is_not_done_again(void **state) {
    (void)state;
    sage_ablate_options options = {.tables = "logq", .seeds = 2};
    sage_ablate_report report = ablated(&options);
    assert_int_equal(report.trained, 4);
    sage_ablate_report_free(&report);
    char *first = ablation_table(shop_dir);
    report = ablated(&options);
    assert_int_equal(report.trained, 0);
    assert_int_equal(report.found, 4);
    sage_ablate_report_free(&report);
    char *second = ablation_table(shop_dir);
    assert_string_equal(first, second);
    sage_free(first);
    sage_free(second);
    /* Other cut-offs and the other part are read from the same results. */
    options = (sage_ablate_options){.tables = "logq", .seeds = 1, .n_k = 1, .k = {3}, .validation = true};
    report = ablated(&options);
    assert_int_equal(report.trained, 0);
    assert_true(report.validation);
    sage_ablate_report_free(&report);
    ablation_set(shop, "dim_ff=4");
    report = ablated(&options);
    assert_int_equal(report.trained, 2);
    sage_ablate_report_free(&report);
}

static bool has_dataset(unsigned id) {
    char name[64];
    snprintf(name, sizeof name, "ablation/dataset/%u", id);
    return sage_fs_exists(scratch_path(shop_dir, name));
}

/* A row of its own data, and two days of another catalogue. */
static void datasets_that_nothing_can_open_go(void **state) {
    (void)state;
    sage_ablate_options both = {.rows = (const char *[]){"More held out:holdout=0.5"}, .n_rows = 1},
                        plain = {.tables = "logq"};
    sage_ablate_report report = ablated(&both);
    sage_ablate_report_free(&report);
    assert_true(has_dataset(1) && has_dataset(2));
    published_import(shop, dir, PUBLISHED_PRODUCTS + 1, 0);
    report = ablated(&plain); /* goes on with what there is */
    sage_ablate_report_free(&report);
    assert_true(has_dataset(1) && has_dataset(2) && !has_dataset(3));
    both.anew = true;
    report = ablated(&both);
    sage_ablate_report_free(&report);
    assert_true(!has_dataset(1) && !has_dataset(2) && has_dataset(3) && has_dataset(4));
    /* The row's dataset can still be asked for, and beside it the base's of that day. */
    published_import(shop, dir, PUBLISHED_PRODUCTS + 2, 0);
    plain.anew = true;
    report = ablated(&plain);
    sage_ablate_report_free(&report);
    assert_true(has_dataset(3) && has_dataset(4) && has_dataset(5));
    ablation_set(shop, "holdout=0.5");
    plain.anew = false;
    report = ablated(&plain);
    assert_int_equal(report.dataset, 4);
    sage_ablate_report_free(&report);
    plain.anew = true;
    report = ablated(&plain);
    assert_int_equal(report.dataset, 6);
    sage_ablate_report_free(&report);
    assert_true(!has_dataset(3) && !has_dataset(4) && has_dataset(5) && has_dataset(6));
}

/* ---- stopping ---- */

/* Wishes to stop once it was told more than `most` lines that begin so. */
typedef struct stopper {
    volatile sig_atomic_t stop;
    const char *begins;
    size_t told, warnings, most;
} stopper;

static void listen(void *ctx, sage_message_level level, const char *text) {
    stopper *s = ctx;
    s->warnings += level == SAGE_WARNING;
    s->told += strncmp(text, s->begins, strlen(s->begins)) == 0;
    if (s->told > s->most) s->stop = 1;
}

static void stopped_after_any_run_it_gives_the_same_table(void **state) {
    (void)state;
    const sage_ablate_options options = {.tables = "logq", .seeds = 2};
    sage_ablate_report report = ablated(&options);
    sage_ablate_report_free(&report);
    char *wanted = ablation_table(shop_dir);
    for (size_t most = 0; most < 4; most++) {
        stopper s = {.begins = "run ", .most = most};
        const sage_monitor monitor = {.ctx = &s, .message = listen, .cancel = &s.stop};
        forget_all();
        assert_int_equal(sage_ablate(shop, &options, &monitor, &report, NULL), SAGE_E_CANCELLED);
        assert_int_equal(report.trained, most);
        sage_ablate_report_free(&report);
        report = ablated(&options);
        assert_int_equal(report.found, most);
        assert_int_equal(report.trained, 4 - most);
        sage_ablate_report_free(&report);
        char *got = ablation_table(shop_dir);
        assert_string_equal(got, wanted);
        sage_free(got);
    }
    sage_free(wanted);
}

/* Within a run, the trainer's checkpoint is gone on from. */
static void stopped_within_a_run_it_gives_the_same_table(void **state) {
    (void)state;
    const sage_ablate_options options = {.tables = "logq"};
    ablation_set(shop, "steps=6");
    sage_ablate_report report = ablated(&options);
    sage_ablate_report_free(&report);
    char *wanted = ablation_table(shop_dir);
    for (size_t most = 0; most < 6; most++) {
        stopper s = {.begins = "step ", .most = most};
        const sage_monitor monitor = {.ctx = &s, .message = listen, .cancel = &s.stop};
        forget_all();
        sage_status st = sage_ablate(shop, &options, &monitor, &report, NULL);
        assert_true(st == SAGE_E_CANCELLED || most == 5); /* behind the last validation there is nothing to stop */
        sage_ablate_report_free(&report);
        s = (stopper){.begins = "step ", .most = 100};
        assert_int_equal(sage_ablate(shop, &options, &monitor, &report, NULL), SAGE_OK);
        assert_true(s.told <= 6 - most); /* validations: none is done twice */
        sage_ablate_report_free(&report);
        char *got = ablation_table(shop_dir);
        assert_string_equal(got, wanted);
        sage_free(got);
    }
    sage_free(wanted);
}

/* ---- what is wrong ---- */

static void a_damaged_result_is_made_again(void **state) {
    (void)state;
    const sage_ablate_options options = {.tables = "logq"};
    sage_ablate_report report = ablated(&options);
    sage_ablate_report_free(&report);
    char *wanted = ablation_table(shop_dir), command[SAGE_PATH_MAX + 64];
    snprintf(command, sizeof command, "for f in '%s'/*; do printf '{}' > $f; break; done",
             scratch_path(shop_dir, "ablation/results"));
    assert_int_equal(system(command), 0);
    stopper s = {.begins = "run ", .most = 10};
    const sage_monitor monitor = {.ctx = &s, .message = listen};
    sage_error error = {0};
    tiny_must(sage_ablate(shop, &options, &monitor, &report, &error), &error, "ablate");
    assert_int_equal(s.warnings, 1);
    assert_int_equal(report.trained, 1);
    sage_ablate_report_free(&report);
    char *got = ablation_table(shop_dir);
    assert_string_equal(got, wanted);
    sage_free(got);
    sage_free(wanted);
}

static void a_row_that_fails_does_not_lose_the_rest(void **state) {
    (void)state;
    static const char *const rows[] = {"none:softmaxes=random,negatives=0", "narrow:dim_ff=4"};
    const sage_ablate_options options = {.rows = rows, .n_rows = 2, .seeds = 2};
    sage_ablate_report report = ablated(&options);
    assert_int_equal(report.failed, 1); /* not tried with the other seed */
    assert_int_equal(report.trained, 4);
    assert_non_null(strstr(report.tables[0].rows[1].fault, "negatives"));
    assert_int_equal(report.tables[0].rows[1].n_tasks, 0);
    assert_null(report.tables[0].rows[2].fault);
    assert_true(report.tables[0].rows[2].n_tasks > 0);
    sage_ablate_report_free(&report);
}

/* The second run finds no memory; with what it says, there is some again. */
static void starve(void *ctx, sage_message_level level, const char *text) {
    (void)ctx;
    (void)level;
    if (strncmp(text, "run 2 of", 8) == 0) sage_alloc_fail_from(1);
    if (strstr(text, "failed") != NULL) sage_alloc_fail_from(0);
}

static void a_row_that_is_too_large_does_not_lose_the_rest(void **state) {
    (void)state;
    static const char *const rows[] = {"wide:dim_ff=64", "narrow:dim_ff=4"};
    const sage_ablate_options options = {.rows = rows, .n_rows = 2};
    const sage_monitor monitor = {.message = starve};
    sage_ablate_report report;
    sage_error error = {0};
    tiny_must(sage_ablate(shop, &options, &monitor, &report, &error), &error, "ablate");
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.trained, 2);
    assert_non_null(strstr(report.tables[0].rows[1].fault, "out of memory"));
    assert_true(report.tables[0].rows[2].n_tasks > 0);
    sage_ablate_report_free(&report);
    report = ablated(&options); /* it is tried again, not remembered */
    assert_int_equal(report.trained, 1);
    assert_null(report.tables[0].rows[1].fault);
    sage_ablate_report_free(&report);
}

static void a_row_of_other_data_is_told_but_not_compared(void **state) {
    (void)state;
    static const char *const rows[] = {"less held out:holdout=0.2"};
    const sage_ablate_options options = {.rows = rows, .n_rows = 1};
    sage_ablate_report report = ablated(&options);
    const sage_ablate_row *row = &report.tables[0].rows[1];
    assert_non_null(strstr(row->fault, "not compared"));
    assert_true(row->n_tasks > 0);
    for (size_t i = 0; i < row->n_tasks; i++) assert_false(row->tasks[i].compared);
    assert_int_equal(files_in("ablation/dataset"), 2);
    sage_ablate_report_free(&report);
    report = ablated(&options); /* both datasets are found again */
    assert_int_equal(report.trained, 0);
    assert_int_equal(files_in("ablation/dataset"), 2);
    sage_ablate_report_free(&report);
}

static void expect_fault(const sage_ablate_options *options, sage_status st, const char *text) {
    sage_ablate_report report;
    sage_error error = {0};
    assert_int_equal(sage_ablate(shop, options, NULL, &report, &error), st);
    if (strstr(error.text, text) == NULL) fail_msg("'%s' is not in '%s'", text, error.text);
    sage_ablate_report_free(&report);
}

static void bad_wishes_are_told_before_anything_is_made(void **state) {
    (void)state;
    static const char *const unknown[] = {"x:no_such=1"}, *const bare[] = {"log_q=off"}, *const from[] = {"x:from=1"};
    expect_fault(&(sage_ablate_options){.tables = "logq,nothing"}, SAGE_E_ARGUMENT, "no table 'nothing'");
    expect_fault(&(sage_ablate_options){.tables = "logq,"}, SAGE_E_ARGUMENT, "no table ''");
    expect_fault(&(sage_ablate_options){.rows = unknown, .n_rows = 1}, SAGE_E_ARGUMENT, "row 'x'");
    expect_fault(&(sage_ablate_options){.rows = bare, .n_rows = 1}, SAGE_E_ARGUMENT, "name:key=value");
    expect_fault(&(sage_ablate_options){.rows = from, .n_rows = 1}, SAGE_E_ARGUMENT, "from the beginning");
    expect_fault(&(sage_ablate_options){.n_k = 2, .k = {5, 5}}, SAGE_E_ARGUMENT, "ascend");
    expect_fault(&(sage_ablate_options){.n_k = 1, .k = {1001}}, SAGE_E_ARGUMENT, "1 to 1000");
    expect_fault(&(sage_ablate_options){.seeds = 101}, SAGE_E_ARGUMENT, "seeds");
    assert_false(sage_fs_exists(scratch_path(shop_dir, "ablation")));
}

static void one_writes_at_a_time(void **state) {
    (void)state;
    int lock;
    sage_error error = {0};
    tiny_must(sage_shop_lock(shop, SAGE_LOCK_ABLATION, &lock, &error), &error, "lock");
    expect_fault(&(sage_ablate_options){.tables = "logq"}, SAGE_E_LOCKED, "");
    sage_fs_unlock(lock);
}

/* ---- beside the shop's own ---- */

static const sage_eval_row *row_of(const sage_eval_report *report, const char *task) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (strcmp(report->rows[i].method, "vectors") == 0 && strcmp(report->rows[i].task, task) == 0)
            return &report->rows[i];
    return NULL;
}

/* The base row is what train, embed, index and eval make of the same options and seed. */
static void the_base_is_judged_as_eval_judges(void **state) {
    (void)state;
    static sage_eval_report judged;
    const sage_ablate_options options = {.tables = "logq"};
    sage_error error = {0};
    sage_ablate_report report = ablated(&options);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "current")));
    assert_int_equal(files_in("models"), 0);
    assert_int_equal(files_in("dataset"), 0);
    ablation_set(shop, "train_seed=1");
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    tiny_must(sage_eval(shop, NULL, NULL, &judged, &error), &error, "eval");
    const sage_ablate_row *base = &report.tables[0].rows[1];
    assert_true(base->base && base->n_tasks >= 3);
    for (size_t i = 0; i < base->n_tasks; i++) {
        const sage_ablate_task *task = &base->tasks[i];
        const sage_eval_row *row = row_of(&judged, task->task);
        if (row == NULL) fail_msg("eval has no row %s", task->task);
        assert_int_equal(row->pairs, task->pairs);
        assert_int_equal(row->queries, task->queries);
        assert_memory_equal(row->pair_recall, task->pair_recall, 2 * sizeof *task->pair_recall);
        assert_memory_equal(row->ndcg, task->ndcg, 2 * sizeof *task->ndcg);
    }
    sage_ablate_report_free(&report);
}

static bool training_waits(void) {
    sage_shop_state now;
    sage_error error = {0};
    tiny_must(sage_shop_read_state(shop, &now, &error), &error, "state");
    assert_int_equal(now.model, 0);
    assert_int_equal(now.current_model, 0);
    return now.training_unfinished;
}

static void an_unfinished_training_stays(void **state) {
    (void)state;
    stopper s = {.begins = "step "};
    const sage_monitor monitor = {.ctx = &s, .message = listen, .cancel = &s.stop};
    sage_train_report trained;
    ablation_set(shop, "steps=6");
    assert_int_equal(sage_train(shop, &monitor, &trained, NULL), SAGE_E_CANCELLED);
    assert_true(training_waits());
    sage_ablate_report report = ablated(&(sage_ablate_options){.tables = "logq"});
    sage_ablate_report_free(&report);
    assert_true(training_waits());
}

/* ---- ground ---- */

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    sage_shop_close(published_catalogue(dir, shop_dir));
    shop = ablation_open(shop_dir);
    return 0;
}

static int clear(void **state) {
    (void)state;
    sage_shop_close(shop);
    scratch_remove(dir);
    return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, ground, clear)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_setting_that_stands_in_two_rows_is_trained_once),
        test(what_is_done_is_not_done_again),
        test(datasets_that_nothing_can_open_go),
        test(stopped_after_any_run_it_gives_the_same_table),
        test(stopped_within_a_run_it_gives_the_same_table),
        test(a_damaged_result_is_made_again),
        test(a_row_that_fails_does_not_lose_the_rest),
        test(a_row_that_is_too_large_does_not_lose_the_rest),
        test(a_row_of_other_data_is_told_but_not_compared),
        test(bad_wishes_are_told_before_anything_is_made),
        test(one_writes_at_a_time),
        test(the_base_is_judged_as_eval_judges),
        test(an_unfinished_training_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
