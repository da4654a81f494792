/* Every call that an ablation makes to change the file system, failed, stopped at, and stopped at with everything lost
 * that was not synced: the next call goes on, trains nothing that has a result, and ends with the same table. */
#include "support/ablation.h"
#include "support/test.h"
#include <support/scratch_dir.h>

static char shop_dir[SAGE_PATH_MAX];

static bool run_ablation(void *ctx) {
    const sage_ablate_options options = {.tables = "logq"};
    sage_ablate_report report;
    sage_shop *shop = ablation_open(shop_dir);
    sage_status st = sage_ablate(shop, &options, NULL, &report, NULL);
    if (ctx != NULL) *(size_t *)ctx = report.trained;
    sage_ablate_report_free(&report);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static size_t results(void) {
    char command[SAGE_PATH_MAX + 64], number[32] = "";
    snprintf(command, sizeof command, "ls '%s' 2>/dev/null | wc -l", scratch_path(shop_dir, "ablation/results"));
    FILE *out = popen(command, "r");
    scratch_must(out != NULL && fgets(number, sizeof number, out) != NULL, command);
    pclose(out);
    return (size_t)atol(number);
}

static void an_ablation_survives_every_fault(void **state) {
    (void)state;
    uint64_t calls;
    assert_true(run_ablation(NULL)); /* makes the lock's file, which stays */
    scratch_remove(scratch_path(shop_dir, "ablation"));
    assert_int_equal(fault_child(run_ablation, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_true(calls > 40);
    char *wanted = ablation_table(shop_dir);
    assert_non_null(wanted);
    for (uint64_t at = 1; at <= calls; at += 2) {
        sage_fault_kind kind = (sage_fault_kind)(SAGE_FAULT_ERROR + at / 2 % 3);
        size_t trained = 0;
        scratch_remove(scratch_path(shop_dir, "ablation"));
        int how = fault_child(run_ablation, NULL, kind, at, NULL);
        assert_int_equal(how == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
        size_t there = results(); /* a temporary may be among them */
        assert_true(run_ablation(&trained));
        assert_true(trained + there >= 2 && trained <= 2);
        char *got = ablation_table(shop_dir);
        assert_string_equal(got, wanted);
        sage_free(got);
    }
    sage_free(wanted);
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    sage_shop_close(published_catalogue(dir, shop_dir));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_ablation_survives_every_fault)};
    return cmocka_run_group_tests(tests, ground, remove_dir);
}
