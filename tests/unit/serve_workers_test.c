/* Jobs are done once each, no more wait than may, and all that wait are done at the end; connections are cut off by how
 * long they have waited. */
#include <pthread.h>
#include <serve/connections.h>
#include <serve/workers.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <support/test.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JOBS = 2000 };

typedef struct job {
    atomic_int done, told;
} job;

static job jobs[JOBS];
static atomic_bool held; /* jobs wait until it ends */

static void work(void *ctx, void *what, size_t worker, double waited_s) {
    job *j = what;
    assert_true(ctx == jobs && worker < 3 && waited_s >= 0);
    while (held) usleep(100);
    j->done++;
}

static void worked(void *ctx, void *what) {
    job *j = what;
    assert_true(ctx == jobs);
    j->told += j->done;
}

static void does_each_once(void **state) {
    (void)state;
    sage_workers *workers;
    assert_int_equal(sage_workers_start(3, JOBS, work, worked, jobs, &workers, NULL), SAGE_OK);
    for (size_t i = 0; i < JOBS; i++) {
        assert_true(sage_workers_reserve(workers));
        sage_workers_push(workers, &jobs[i]);
    }
    sage_workers_end(workers);
    assert_false(sage_workers_reserve(workers));
    sage_workers_free(workers);
    for (size_t i = 0; i < JOBS; i++) assert_true(jobs[i].done == 1 && jobs[i].told == 1);
}

static void lets_so_many_wait(void **state) {
    (void)state;
    sage_workers *workers;
    size_t n = 0;
    held = true;
    assert_int_equal(sage_workers_start(2, 5, work, worked, jobs, &workers, NULL), SAGE_OK);
    for (; sage_workers_reserve(workers); n++) sage_workers_push(workers, &jobs[n]);
    assert_int_equal(n, 7);
    assert_int_equal(sage_workers_busy(workers), 7);
    held = false;
    while (sage_workers_busy(workers) > 0) usleep(100);
    assert_true(sage_workers_reserve(workers)); /* there is room again */
    sage_workers_push(workers, &jobs[n]);
    sage_workers_end(workers);
    assert_false(sage_workers_reserve(workers));
    sage_workers_free(workers);
}

static void *push_late(void *ctx) {
    usleep(20000);
    sage_workers_push(ctx, &jobs[0]);
    return NULL;
}

/* Who has a place may still come while the others end. */
static void waits_for_what_is_reserved(void **state) {
    (void)state;
    sage_workers *workers;
    pthread_t late;
    jobs[0] = (job){0};
    assert_int_equal(sage_workers_start(2, 5, work, worked, jobs, &workers, NULL), SAGE_OK);
    assert_true(sage_workers_reserve(workers));
    assert_int_equal(pthread_create(&late, NULL, push_late, workers), 0);
    sage_workers_end(workers);
    assert_true(jobs[0].done == 1 && jobs[0].told == 1);
    pthread_join(late, NULL);
    sage_workers_free(workers);
}

static bool ended(int socket) {
    char byte;
    return recv(socket, &byte, 1, MSG_DONTWAIT) == 0;
}

static void longest_makes_room(void **state) {
    (void)state;
    enum { N = 5, MOST = 3 };
    int pairs[N][2];
    sage_connection *all[N];
    sage_connections *connections = sage_connections_new(MOST, 1);
    assert_non_null(connections);
    for (int i = 0; i < N; i++) assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
    for (int i = 0; i < MOST; i++) all[i] = sage_connections_add(connections, pairs[i][0]);
    sage_connections_work(connections, all[0]); /* the server's turn: it waits for nobody */
    sage_connections_wait(connections, all[1]); /* its clock began anew, so 2 has waited longest */
    all[3] = sage_connections_add(connections, pairs[3][0]);
    assert_true(ended(pairs[2][1]) && !ended(pairs[0][1]) && !ended(pairs[1][1]) && !ended(pairs[3][1]));
    sage_connections_remove(connections, all[2]);
    assert_int_equal(sage_connections_count(connections), 3);
    assert_int_equal(sage_connections_sweep(connections, 100), 0);
    assert_int_equal(sage_connections_sweep(connections, 0), 2);
    assert_true(!ended(pairs[0][1]) && ended(pairs[1][1]) && ended(pairs[3][1]));
    sage_connections_wait(connections, all[0]);
    assert_int_equal(sage_connections_sweep(connections, 0), 1);
    for (int i = 0; i < N; i++) {
        if (i != 2 && i < 4) sage_connections_remove(connections, all[i]);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    assert_int_equal(sage_connections_count(connections), 0);
    sage_connections_free(connections);
}

/* Of bytes, too: who is slow and holds some makes room, and nobody else. */
static void holders_make_room(void **state) {
    (void)state;
    enum { N = 4 };
    int pairs[N][2];
    sage_connection *all[N];
    sage_connections *connections = sage_connections_new(N, 100);
    assert_non_null(connections);
    for (int i = 0; i < N; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        all[i] = sage_connections_add(connections, pairs[i][0]);
    }
    assert_false(sage_connections_hold(connections, all[0], 101)); /* nobody has to go for what never fits */
    assert_true(sage_connections_hold(connections, all[1], 40) && sage_connections_hold(connections, all[2], 40));
    assert_true(sage_connections_hold(connections, all[3], 20));
    sage_connections_wait(connections, all[1]); /* 2 has held some for longest; 0 holds nothing */
    assert_true(sage_connections_hold(connections, all[3], 30));
    assert_true(!ended(pairs[0][1]) && !ended(pairs[1][1]) && ended(pairs[2][1]) && !ended(pairs[3][1]));
    assert_false(sage_connections_hold(connections, all[2], 1)); /* it has gone */
    sage_connections_work(connections, all[1]);
    assert_false(sage_connections_hold(connections, all[3], 20)); /* 1 is the server's turn */
    assert_true(!ended(pairs[1][1]) && !ended(pairs[3][1]));
    sage_connections_let_go(connections, all[1]);
    assert_true(sage_connections_hold(connections, all[3], 50));
    sage_connections_remove(connections, all[3]);
    assert_true(sage_connections_hold(connections, all[0], 100));
    for (int i = 0; i < N; i++) {
        if (i != 3) sage_connections_remove(connections, all[i]);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    sage_connections_free(connections);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_each_once),
        cmocka_unit_test(lets_so_many_wait),
        cmocka_unit_test(waits_for_what_is_reserved),
        cmocka_unit_test(longest_makes_room),
        cmocka_unit_test(holders_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
