/* Work in the background: once each, in order, done when wait returns. */
#include <base/alloc.h>
#include <parallel/task.h>
#include <stdbool.h>
#include <support/test.h>
#include <unistd.h>

typedef struct job {
    int value, seen;
} job;

static void add_one(void *ctx) {
    job *j = ctx;
    usleep(200);
    j->value++;
}

static void note(void *ctx) {
    job *j = ctx;
    j->seen = j->value;
}

static void what_is_begun_is_done_once_and_in_order(void **state) {
    (void)state;
    sage_task *task;
    job j = {0};
    assert_int_equal(sage_task_new(&task, NULL), SAGE_OK);
    sage_task_wait(task); /* nothing was begun */
    for (int i = 1; i <= 100; i++) {
        sage_task_begin(task, add_one, &j);
        if (i % 3 == 0) {
            sage_task_wait(task);
            assert_int_equal(j.value, i);
        }
    }
    sage_task_begin(task, note, &j); /* waits for the last of them */
    sage_task_wait(task);
    assert_int_equal(j.value, 100);
    assert_int_equal(j.seen, 100);
    sage_task_free(task);
}

static void free_waits_for_what_was_begun(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        sage_task *task;
        job j = {0};
        assert_int_equal(sage_task_new(&task, NULL), SAGE_OK);
        sage_task_begin(task, add_one, &j);
        sage_task_free(task);
        assert_int_equal(j.value, 1);
    }
    sage_task_free(NULL);
}

static void short_memory_is_an_error(void **state) {
    (void)state;
    sage_task *task;
    sage_alloc_fail_from(1);
    sage_status st = sage_task_new(&task, NULL);
    sage_alloc_fail_from(0);
    assert_int_equal(st, SAGE_E_MEMORY);
    assert_null(task);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_begun_is_done_once_and_in_order),
        cmocka_unit_test(free_waits_for_what_was_begun),
        cmocka_unit_test(short_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
