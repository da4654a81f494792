/* A live index that is changed, synced and compacted, with a fault at every call that changes the file system; and, for
 * the slow suites, killed at random moments: `faults_live_faults kills N [SEED]`. Opened again it is always as it was
 * after some sync, and after every one that had returned. */
#include <signal.h>
#include <support/stock.h>
#include <support/test.h>
#include <sys/mman.h>
#include <time.h>

enum { STEP = 128, FRAMES = 5, EACH = 3, COMPACT_AFTER = 2 };

static char dir[SAGE_PATH_MAX];

/* What the child tells, in memory of both. */
typedef struct told {
    volatile uint32_t tried, safe; /* the last change that a sync was called, and had returned, for */
} told;
static told *tell;

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    tell = mmap(NULL, sizeof *tell, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return tell == MAP_FAILED ? -1 : 0;
}

static int clear(void **state) {
    (void)state;
    munmap(tell, sizeof *tell);
    scratch_remove(dir);
    return 0;
}

static void fresh(stock *s, int64_t step) {
    scratch_remove(dir);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    assert_true(stock_begin(s, dir, step));
    assert_int_equal(sage_fs_sync_dir(dir, NULL), SAGE_OK);
    tell->tried = tell->safe = 1;
}

static bool change_until(const stock *s, sage_live *live, uint32_t first, uint32_t end) {
    for (uint32_t change = first; change < end; change++)
        if (stock_make(s, live, change) != SAGE_OK) return false;
    tell->tried = end - 1;
    if (sage_live_sync(live, NULL) != SAGE_OK) return false;
    tell->safe = end - 1;
    return true;
}

static bool use(void *ctx) {
    const stock *s = ctx;
    sage_live *live;
    uint64_t cut, version;
    bool good = sage_live_open(s->parent, NULL, &live, &cut, NULL) == SAGE_OK;
    for (uint32_t frame = 0; good && frame < FRAMES; frame++) {
        good = change_until(s, live, 2 + frame * EACH, 2 + (frame + 1) * EACH);
        if (good && frame == COMPACT_AFTER) good = sage_live_compact(live, NULL, NULL, &version, NULL) == SAGE_OK;
    }
    sage_live_close(live);
    return good;
}

static bool holds_until(const stock *begin, sage_live *live, uint32_t last) {
    stock s = *begin;
    for (uint32_t change = 2; change <= last; change++) stock_note(&s, change);
    return stock_holds(&s, live);
}

/* Gives the last change that is there. */
static uint32_t check(const stock *s) {
    sage_error error = {0};
    sage_live *live;
    uint64_t cut;
    const uint32_t safe = tell->safe, tried = tell->tried;
    if (sage_live_open(s->parent, NULL, &live, &cut, &error) != SAGE_OK) fail_msg("%s", error.text);
    const bool whole = holds_until(s, live, tried);
    if (!whole && !holds_until(s, live, safe)) fail_msg("neither as after change %u nor after %u", tried, safe);
    sage_live_close(live);
    return whole ? tried : safe;
}

/* What was found goes on to work. */
static void go_on(const stock *s, uint32_t last) {
    sage_live *live;
    uint64_t cut, version;
    assert_int_equal(sage_live_open(s->parent, NULL, &live, &cut, NULL), SAGE_OK);
    assert_int_equal(cut, 0);
    assert_true(change_until(s, live, last + 1, last + 5));
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    assert_int_equal(check(s), last + 4);
}

static void every_call_meets(sage_fault_kind kind) {
    stock s;
    uint64_t calls;
    fresh(&s, STEP);
    assert_int_equal(fault_child(use, &s, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(check(&s), 1 + FRAMES * EACH);
    stock_end(&s);
    assert_true(calls > 30);
    for (uint64_t at = 1; at <= calls; at++) {
        fresh(&s, STEP);
        const int end = fault_child(use, &s, kind, at, NULL);
        if (kind != SAGE_FAULT_ERROR) assert_int_equal(end, FAULT_KILLED);
        const uint32_t last = check(&s);
        if (at == calls) assert_int_equal(last, 1 + FRAMES * EACH);
        go_on(&s, last);
        stock_end(&s);
    }
}

static void calls_that_fail(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_ERROR);
}

static void stops(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_STOP);
}

static void power_cuts(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_POWER_CUT);
}

/* After a write that failed nothing more is taken, since it is not known what of it is in the file. */
static bool refuses_after_a_fault(void *ctx) {
    const stock *s = ctx;
    sage_live *live;
    uint64_t cut, version;
    if (sage_live_open(s->parent, NULL, &live, &cut, NULL) != SAGE_OK) return false;
    if (stock_make(s, live, 2) != SAGE_OK || sage_live_sync(live, NULL) != SAGE_E_IO) return false;
    const bool refused = stock_make(s, live, 3) == SAGE_E_STATE && sage_live_sync(live, NULL) == SAGE_E_STATE &&
                         sage_live_compact(live, NULL, NULL, &version, NULL) == SAGE_E_STATE;
    sage_live_close(live);
    return refused;
}

static bool open_alone(void *ctx) {
    const stock *s = ctx;
    sage_live *live;
    uint64_t cut;
    if (sage_live_open(s->parent, NULL, &live, &cut, NULL) != SAGE_OK) return false;
    sage_live_close(live);
    return true;
}

static void nothing_is_taken_after_a_fault(void **state) {
    (void)state;
    stock s;
    uint64_t calls;
    fresh(&s, STEP);
    assert_int_equal(fault_child(open_alone, &s, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    stock_end(&s);
    for (uint64_t more = 0; more < 2; more++) { /* the write, and the sync */
        fresh(&s, STEP);
        assert_int_equal(fault_child(refuses_after_a_fault, &s, SAGE_FAULT_ERROR, calls + more, NULL), FAULT_DONE);
        tell->tried = 2;
        check(&s);
        stock_end(&s);
    }
}

/* Changes that were not synced, a compaction that may fail, and changes that follow where they are taken. */
static bool compact_and_go_on(void *ctx) {
    const stock *s = ctx;
    sage_live *live;
    uint64_t cut, version;
    if (sage_live_open(s->parent, NULL, &live, &cut, NULL) != SAGE_OK) return false;
    for (uint32_t change = 2; change < 5; change++)
        if (stock_make(s, live, change) != SAGE_OK) return false;
    tell->tried = 4;
    const bool compacted = sage_live_compact(live, NULL, NULL, &version, NULL) == SAGE_OK;
    if (compacted) tell->safe = 4;
    const bool went_on = stock_make(s, live, 5) == SAGE_OK && change_until(s, live, 6, 8);
    sage_live_close(live);
    return compacted && went_on;
}

static void compactions_that_fail(void **state) {
    (void)state;
    stock s;
    uint64_t calls;
    size_t went_on = 0;
    fresh(&s, STEP);
    assert_int_equal(fault_child(compact_and_go_on, &s, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    stock_end(&s);
    for (uint64_t at = 1; at < calls; at++) {
        fresh(&s, STEP);
        const int end = fault_child(compact_and_go_on, &s, SAGE_FAULT_ERROR, at, NULL);
        const uint32_t last = check(&s);
        went_on += end == FAULT_FAILED && last == 7;
        go_on(&s, last);
        stock_end(&s);
    }
    assert_true(went_on > 5);
}

/* ---- killed at random moments ---- */

/* Changes by the hundred, and compactions, until it is killed. */
static void use_for_ever(const stock *s, uint32_t last) {
    sage_live *live;
    uint64_t cut, version;
    if (sage_live_open(s->parent, NULL, &live, &cut, NULL) != SAGE_OK) _exit(2);
    for (uint32_t round = 1;; round++) {
        const uint32_t n = 1 + (uint32_t)(sage_mix64(last) % 60);
        if (!change_until(s, live, last + 1, last + 1 + n)) _exit(3);
        last += n;
        if (round % 40 == 0 && sage_live_compact(live, NULL, NULL, &version, NULL) != SAGE_OK) _exit(4);
    }
}

static int kill_often(size_t kills, uint64_t seed) {
    stock s;
    uint32_t last = 1, status;
    ground(NULL);
    fresh(&s, 2);
    for (size_t i = 0; i < kills; i++) {
        const struct timespec moment = {0, (long)(sage_mix64(seed + i) % 200000000)};
        const pid_t child = fork();
        if (child == 0) use_for_ever(&s, last);
        nanosleep(&moment, NULL);
        kill(child, SIGKILL);
        if (waitpid(child, (int *)&status, 0) != child || !WIFSIGNALED((int)status)) return 1;
        last = check(&s);
        tell->safe = tell->tried = last;
        if (i % 50 == 0) sage_version_prune(s.parent, 2, NULL, 0, NULL);
    }
    printf("killed %zu times in %u changes: nothing was lost\n", kills, (unsigned)last);
    stock_end(&s);
    clear(NULL);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_fail),
        cmocka_unit_test(stops),
        cmocka_unit_test(power_cuts),
        cmocka_unit_test(nothing_is_taken_after_a_fault),
        cmocka_unit_test(compactions_that_fail),
    };
    if (argc > 2 && strcmp(argv[1], "kills") == 0)
        return kill_often(strtoul(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    return cmocka_run_group_tests(tests, ground, clear);
}
