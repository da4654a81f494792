/* Queries that are asked with vectors which the shop gives, among others that are not. */
#include <io/npy.h>
#include <support/test.h>
#include <support/tiny_release.h>

enum { DIM = TINY_INDEX_DIM, ASKED = 300, EVERY = 3 };
static char dir[SAGE_PATH_MAX];
static sage_engine *plain; /* without vectors that are given */
static sage_error error;
static char names[ASKED][32];
static sage_str asked[ASKED];

static void must(sage_status st) {
    tiny_must(st, &error, "given");
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    sage_engine_close(tiny_engine(dir)); /* makes the index */
    plain = tiny_engine_with_towers(dir, 4);
    return 0;
}

static int clear(void **state) {
    (void)state;
    sage_engine_close(plain);
    scratch_remove(dir);
    return 0;
}

/* Query i's own direction. */
static void vector_of(size_t i, float out[DIM]) {
    memset(out, 0, DIM * sizeof *out);
    out[i % DIM] = i / DIM % 2 ? -1 : 1;
}

/* Every third of the keys has a vector. */
static void give(sage_surface surface, const sage_str *keys, size_t n, size_t dim) {
    char path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX], *lines = calloc(n, 64);
    float vector[2 * DIM] = {0};
    sage_npy_writer writer;
    snprintf(npy, sizeof npy, "%s", scratch_path(dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(dir, "q.txt"));
    must(sage_npy_create(npy, (n + EVERY - 1) / EVERY, dim, &writer, &error));
    for (size_t i = 0; i < n; i += EVERY) {
        vector_of(i, vector);
        must(sage_npy_add(&writer, vector, 1, &error));
        snprintf(lines + strlen(lines), 64, "%.*s\n", (int)keys[i].len, keys[i].data);
    }
    must(sage_npy_finish(&writer, &error));
    scratch_write(ids, lines, strlen(lines));
    free(lines);
    must(sage_fs_mkdir(scratch_path(dir, "given"), &error));
    must(sage_given_path(path, dir, surface, &error));
    must(sage_given_write(path, surface, npy, ids, &error));
}

static sage_engine *with(const bool wanted[SAGE_SURFACES]) {
    sage_engine *engine = tiny_engine_with_towers(dir, 4);
    sage_given_set given;
    must(sage_given_open_shop(dir, true, &given, &error));
    sage_engine_take_given(engine, &given, wanted, SAGE_OK, NULL);
    assert_int_equal(sage_given_set_dim(&given), 0); /* the engine's now */
    return engine;
}

static void is_mixed(const float *out, const float *towers, size_t n) {
    float vector[DIM];
    for (size_t i = 0; i < n; i++) {
        vector_of(i, vector);
        const float *wanted = i % EVERY == 0 ? vector : towers + i * DIM;
        for (size_t d = 0; d < DIM; d++) assert_float_equal(out[i * DIM + d], wanted[d], 1e-6);
    }
}

static void test_texts(void **state) {
    (void)state;
    static float out[ASKED * DIM], towers[ASKED * DIM];
    static bool known[ASKED], by_tower[ASKED];
    const bool wanted[SAGE_SURFACES] = {true};
    for (size_t i = 0; i < ASKED; i++) {
        snprintf(names[i], sizeof names[i], i % 5 == 0 ? "Zq%zuX" : "Red item %zu", i);
        asked[i] = (sage_str){names[i], strlen(names[i])};
    }
    give(SAGE_ON_SEARCH, asked, ASKED, DIM);
    sage_engine *engine = with(wanted);
    assert_true(sage_engine_has_given(engine, SAGE_ON_SEARCH) && !sage_engine_has_given(engine, SAGE_ON_USER));
    must(sage_engine_texts(plain, asked, ASKED, towers, by_tower, &error));
    must(sage_engine_texts(engine, asked, ASKED, out, known, &error));
    for (size_t i = 0; i < ASKED; i++) assert_true(known[i] == (i % EVERY == 0 || by_tower[i]));
    is_mixed(out, towers, ASKED);
    sage_engine_close(engine);
}

static void test_products(void **state) {
    (void)state;
    static float out[TINY_INDEXED * DIM], towers[TINY_INDEXED * DIM];
    static uint32_t rows[TINY_INDEXED];
    static sage_str ids[TINY_INDEXED];
    sage_scored hits[5], nearest[5];
    float vector[DIM];
    size_t n, n_nearest;
    const bool wanted[SAGE_SURFACES] = {[SAGE_ON_PRODUCT] = true}, others[SAGE_SURFACES] = {[SAGE_ON_IMAGE] = true};
    for (size_t i = 0; i < TINY_INDEXED; i++) {
        const char *id = sage_index_shown(sage_engine_index(plain), i, SAGE_SHOW_ID);
        rows[i] = (uint32_t)i;
        ids[i] = (sage_str){id, strlen(id)};
    }
    give(SAGE_ON_PRODUCT, ids, TINY_INDEXED, DIM);
    sage_engine *engine = with(wanted), *unasked = with(others);
    must(sage_engine_looked_vectors(plain, rows, TINY_INDEXED, towers, &error));
    must(sage_engine_looked_vectors(engine, rows, TINY_INDEXED, out, &error));
    is_mixed(out, towers, TINY_INDEXED);
    must(sage_engine_looked_vectors(unasked, rows, TINY_INDEXED, out, &error)); /* the model was not trained on them */
    for (size_t i = 0; i < TINY_INDEXED * DIM; i++) assert_float_equal(out[i], towers[i], 0);
    /* Product 3 asks with its vector; itself it does not find. */
    vector_of(3, vector);
    must(sage_engine_similar(engine, sage_index_pid(sage_engine_index(engine), 3), 3, hits, &n, &error));
    must(sage_engine_vector(engine, vector, 5, nearest, &n_nearest, &error));
    assert_int_equal(n, 3);
    size_t at = nearest[0].pid == sage_index_pid(sage_engine_index(engine), 3);
    assert_int_equal(hits[0].pid, nearest[at].pid);
    sage_engine_close(engine);
    sage_engine_close(unasked);
}

static void test_users(void **state) {
    (void)state;
    enum { USERS = 150 };
    static float out[USERS * DIM], towers[USERS * DIM];
    static sage_history histories[USERS];
    const sage_known_event did[] = {{0, 3, SAGE_CLICK}, {40, 2, SAGE_CHECKOUT}, {7, 1, SAGE_SAVE}};
    const bool wanted[SAGE_SURFACES] = {[SAGE_ON_USER] = true};
    sage_scored hits[5], nearest[5];
    size_t n;
    float vector[DIM];
    for (size_t i = 0; i < USERS; i++) {
        snprintf(names[i], sizeof names[i], "Ann %zu", i);
        asked[i] = (sage_str){names[i], strlen(names[i])};
        histories[i] = (sage_history){did, 1 + i % 3, false, NULL};
    }
    give(SAGE_ON_USER, asked, USERS, DIM);
    sage_engine *engine = with(wanted);
    must(sage_engine_user_vectors(plain, histories, USERS, towers, &error));
    for (size_t i = 0; i < USERS; i++) histories[i].given = sage_engine_given_user(engine, asked[i]);
    must(sage_engine_user_vectors(engine, histories, USERS, out, &error));
    is_mixed(out, towers, USERS);
    /* Of somebody of whom nothing is known, and whatever the method. */
    const sage_history stranger = {NULL, 0, true, sage_engine_given_user(engine, asked[6])};
    vector_of(6, vector);
    must(sage_engine_vector(engine, vector, 5, nearest, &n, &error));
    must(sage_engine_user(engine, &stranger, 5, hits, &n, &error));
    assert_int_equal(n, 5);
    assert_int_equal(hits[0].pid, nearest[0].pid);
    must(sage_engine_user_hybrid(engine, &(sage_history){NULL, 0, false, stranger.given}, 5, hits, &n, &error));
    assert_int_equal(hits[0].pid, nearest[0].pid);
    sage_engine_close(engine);
}

static void test_what_cannot_be_had_is_told(void **state) {
    (void)state;
    const bool wanted[SAGE_SURFACES] = {[SAGE_ON_PRODUCT] = true};
    const uint32_t row = 0;
    float out[DIM];
    bool known;
    sage_given_set none = {{NULL}};
    sage_error fault = {0};
    sage_engine *engine = tiny_engine_with_towers(dir, 4);
    sage_fail(&fault, SAGE_E_FORMAT, "torn in two");
    sage_engine_take_given(engine, &none, wanted, SAGE_E_FORMAT, &fault);
    assert_int_equal(sage_engine_looked_vectors(engine, &row, 1, out, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "torn in two"));
    must(sage_engine_texts(engine, &SAGE_STR("red"), 1, out, &known, &error));
    sage_engine_close(engine);
    must(sage_fs_remove_tree(scratch_path(dir, "given"), &error));
    give(SAGE_ON_PRODUCT, &SAGE_STR("p1"), 1, DIM + 1);
    engine = with(wanted);
    assert_int_equal(sage_engine_looked_vectors(engine, &row, 1, out, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "17 numbers, the published model's 16"));
    sage_engine_close(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_what_cannot_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
