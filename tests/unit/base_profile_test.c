/* Stages: off they count nothing, on they count everything, from any number of threads. */
#include <base/profile.h>
#include <pthread.h>
#include <string.h>
#include <support/test.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 5000 };

static sage_stage first = SAGE_STAGE("first"), second = SAGE_STAGE("second"), busy = SAGE_STAGE("busy");

static size_t read_named(const char *name, sage_stage_sum *sum) {
    sage_stage_sum sums[16];
    size_t n = sage_profile_read(sums, 16), found = 0;
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sums[i].name, name) != 0) continue;
        *sum = sums[i];
        found++;
    }
    return found;
}

static void nothing_is_counted_while_off(void **state) {
    (void)state;
    sage_stage_sum sum;
    sage_profile_enable(false);
    assert_false(sage_profile_enabled());
    uint64_t began = sage_stage_begin();
    assert_int_equal(began, 0);
    sage_stage_end(&first, began, 10, 20);
    sage_profile_enable(true);
    assert_int_equal(read_named("first", &sum), 0);
    sage_profile_enable(false);
}

static void stages_add_up_in_the_order_of_their_first_end(void **state) {
    (void)state;
    sage_stage_sum sums[16];
    struct timespec pause = {0, 2000000};
    sage_profile_enable(true);
    uint64_t began = sage_stage_begin();
    assert_true(began > 0);
    nanosleep(&pause, NULL);
    sage_stage_end(&first, began, 10, 20);
    sage_stage_end(&second, sage_stage_begin(), 1, 2);
    sage_stage_end(&first, sage_stage_begin(), 100, 200);
    assert_int_equal(sage_profile_read(sums, 16), 2);
    assert_string_equal(sums[0].name, "first");
    assert_string_equal(sums[1].name, "second");
    assert_int_equal(sums[0].calls, 2);
    assert_int_equal(sums[0].bytes, 110);
    assert_int_equal(sums[0].flops, 220);
    assert_true(sums[0].seconds >= 0.002);
    assert_int_equal(sums[1].calls, 1);
    double wall_s, cpu_s;
    sage_profile_times(&wall_s, &cpu_s);
    assert_true(wall_s >= sums[0].seconds && cpu_s >= 0);
    /* Room for one: that one, and how many there would be. */
    sums[1].name = "untouched";
    assert_int_equal(sage_profile_read(sums, 1), 2);
    assert_string_equal(sums[0].name, "first");
    assert_string_equal(sums[1].name, "untouched");
    sage_profile_enable(false);
}

static void enabling_begins_anew(void **state) {
    (void)state;
    sage_stage_sum sum;
    sage_profile_enable(true);
    sage_stage_end(&first, sage_stage_begin(), 1, 1);
    sage_profile_enable(true);
    assert_int_equal(read_named("first", &sum), 0);
    sage_stage_end(&first, sage_stage_begin(), 5, 6);
    assert_int_equal(read_named("first", &sum), 1);
    assert_int_equal(sum.calls, 1);
    assert_int_equal(sum.bytes, 5);
    sage_profile_enable(false);
}

static void stages_of_one_name_are_one_sum(void **state) {
    (void)state;
    static sage_stage here = SAGE_STAGE("twice"), there = SAGE_STAGE("twice");
    sage_stage_sum sum;
    sage_profile_enable(true);
    sage_stage_end(&there, sage_stage_begin(), 0, 7);
    assert_int_equal(read_named("twice", &sum), 1);
    assert_int_equal(sum.calls, 1);
    sage_stage_end(&here, sage_stage_begin(), 3, 0);
    sage_stage_end(&there, sage_stage_begin(), 4, 0);
    assert_int_equal(read_named("twice", &sum), 1);
    assert_int_equal(sum.calls, 3);
    assert_int_equal(sum.bytes, 7);
    assert_int_equal(sum.flops, 7);
    sage_profile_enable(false);
}

static void *time_often(void *arg) {
    sage_stage *own = arg;
    for (int i = 0; i < ROUNDS; i++) {
        sage_stage_end(&busy, sage_stage_begin(), 1, 2);
        sage_stage_end(own, sage_stage_begin(), 3, 4);
    }
    return NULL;
}

static void any_thread_may_time_any_stage(void **state) {
    (void)state;
    static sage_stage own[THREADS] = {SAGE_STAGE("own 0"), SAGE_STAGE("own 1"), SAGE_STAGE("own 2"),
                                      SAGE_STAGE("own 3")};
    pthread_t threads[THREADS];
    sage_stage_sum sum;
    sage_profile_enable(true);
    for (size_t t = 0; t < THREADS; t++) assert_int_equal(pthread_create(&threads[t], NULL, time_often, &own[t]), 0);
    for (int i = 0; i < 100; i++) read_named("busy", &sum); /* reading goes on beside it */
    for (size_t t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    assert_int_equal(read_named("busy", &sum), 1);
    assert_int_equal(sum.calls, THREADS * ROUNDS);
    assert_int_equal(sum.bytes, THREADS * ROUNDS);
    assert_int_equal(sum.flops, 2 * THREADS * ROUNDS);
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(read_named(own[t].name, &sum), 1);
        assert_int_equal(sum.calls, ROUNDS);
    }
    sage_profile_enable(false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_counted_while_off),
        cmocka_unit_test(stages_add_up_in_the_order_of_their_first_end),
        cmocka_unit_test(enabling_begins_anew),
        cmocka_unit_test(stages_of_one_name_are_one_sum),
        cmocka_unit_test(any_thread_may_time_any_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
