/* Interests of a user: medoids, importance, fair rounds, what is left out, and a user's query by the engine. */
#include <math.h>
#include <search/rounds.h>
#include <search/ward.h>
#include <support/test.h>
#include <support/tiny_release.h>

static char dir[SAGE_PATH_MAX];
static sage_engine *engine;
static const sage_index *tiny;
static sage_error error;
static const sage_interest_rules usual = {.events = 200, .interests = 5, .clusters = 20, .distance = 0.5, .days = 100};

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    engine = tiny_engine(dir);
    tiny = sage_engine_index(engine);
    return 0;
}

static int clear(void **state) {
    (void)state;
    sage_engine_close(engine);
    scratch_remove(dir);
    return 0;
}

static void must(sage_status st) {
    tiny_must(st, &error, "interests");
}

/* ---- interests ---- */

/* An index of the plane: rows at these angles (degrees), in three heaps and one alone. */
enum { PLANE = 8 };
static const double angles[PLANE] = {0, 4, 10, 90, 91, 180, 184, 270};

static sage_index *plane(void) {
    char at[SAGE_PATH_MAX];
    sage_index_writer *writer;
    sage_index *index;
    snprintf(at, sizeof at, "%s", scratch_path(dir, "plane"));
    must(sage_fs_mkdir(at, &error));
    must(sage_index_create(at, PLANE, 2, &writer, &error));
    for (size_t i = 0; i < PLANE; i++) {
        const double turn = angles[i] * acos(-1) / 180;
        const float vector[2] = {(float)cos(turn), (float)sin(turn)};
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {&"abcdefgh"[i], 1}};
        must(sage_index_add(writer, (int64_t)i + 1, vector, shown, &error));
    }
    must(sage_index_finish(writer, &error));
    must(sage_index_open(at, true, &index, &error));
    return index;
}

static void test_medoids_and_importance(void **state) {
    (void)state;
    sage_index *index = plane();
    sage_interest out[SAGE_INTERESTS_MAX];
    size_t n;
    /* Heap 0, 1, 2 is old but for the checkout of 1, which comes twice; 5 and 6 are new; 7 has no age. */
    const sage_known_event did[] = {{7, NAN, SAGE_CLICK}, {0, 200, SAGE_CLICK},    {1, 200, SAGE_CLICK},
                                    {2, 200, SAGE_CLICK}, {1, 100, SAGE_CHECKOUT}, {5, 100, SAGE_ADD_TO_CART},
                                    {6, 100, SAGE_SAVE}};
    must(sage_interests_find(index, did, sizeof did / sizeof *did, &usual, out, &n, &error));
    assert_int_equal(n, 3);
    const double e = exp(-1), heap = 3 * e + exp(1), pair = exp(0.6) + exp(0.3), all = heap + pair + e;
    assert_int_equal(out[0].row, 1); /* the middle one of three */
    assert_int_equal(out[0].products, 3);
    assert_float_equal(out[0].importance, heap / all, 1e-6);
    assert_int_equal(out[1].row, 6); /* of two, as far from each other, the newer one */
    assert_float_equal(out[1].importance, pair / all, 1e-6);
    assert_int_equal(out[2].row, 7); /* as old as the oldest whose age is known */
    assert_float_equal(out[2].importance, e / all, 1e-6);
    sage_index_close(index);
}

static void test_rules_of_interests(void **state) {
    (void)state;
    sage_index *index = plane();
    sage_interest out[SAGE_INTERESTS_MAX];
    sage_interest_rules rules = usual;
    size_t n;
    sage_known_event did[PLANE];
    for (size_t i = 0; i < PLANE; i++) did[i] = (sage_known_event){(uint32_t)i, NAN, SAGE_CLICK};
    must(sage_interests_find(index, did, PLANE, &rules, out, &n, &error));
    assert_int_equal(n, 4);
    for (size_t i = 1; i < n; i++) assert_true(out[i].importance <= out[i - 1].importance);
    assert_float_equal(out[0].importance, 3. / PLANE, 1e-9);
    assert_int_equal(out[1].row, 6); /* pairs are equally important: the newer one is first */
    assert_int_equal(out[2].row, 4);
    rules.interests = 2;
    must(sage_interests_find(index, did, PLANE, &rules, out, &n, &error));
    assert_int_equal(n, 2);
    assert_float_equal(out[1].importance, 2. / PLANE, 1e-9); /* of all clusters, also those that are not kept */
    rules = usual;
    rules.clusters = 1;
    must(sage_interests_find(index, did, PLANE, &rules, out, &n, &error));
    assert_int_equal(n, 1);
    assert_int_equal(out[0].products, PLANE);
    rules = usual;
    rules.events = 2; /* the newest two: rows 6 and 7 */
    must(sage_interests_find(index, did, PLANE, &rules, out, &n, &error));
    assert_int_equal(n, 2);
    assert_int_equal(out[0].row, 7);
    assert_int_equal(out[1].row, 6);
    rules = usual;
    rules.distance = 0; /* everything by itself */
    must(sage_interests_find(index, did, PLANE, &rules, out, &n, &error));
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) assert_int_equal(out[i].products, 1);
    for (size_t i = 0; i < PLANE; i++) did[i].age = (float)(1e9 + (double)i); /* far older than any weight lasts */
    must(sage_interests_find(index, did, PLANE, &usual, out, &n, &error));
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) assert_true(out[i].importance > 0);
    sage_index_close(index);
}

static void test_options_are_the_rules(void **state) {
    (void)state;
    sage_options *options = NULL;
    sage_interest_rules rules;
    size_t rows = 0;
    while (sage_search_options[rows].key) rows++;
    must(sage_options_over(sage_search_options, rows, &options, &error));
    sage_interest_rules_read(options, &rules);
    assert_int_equal(rules.interests, 20);
    assert_int_equal(rules.events, 200);
    must(sage_options_set(options, "interests=9", &error));
    must(sage_options_set(options, "interest_days=3", &error));
    sage_interest_rules_read(options, &rules);
    assert_int_equal(rules.interests, 9);
    assert_float_equal(rules.days, 3, 0);
    sage_options_free(options);
}

/* ---- rounds ---- */

static size_t rounds(const sage_neighbour *lists, size_t stride, const size_t *found, const double *weights, size_t n,
                     size_t k, sage_turn *out, bool *dry) {
    sage_without without = {0};
    must(sage_without_begin(&without, tiny, &error));
    size_t turns = sage_rounds(lists, stride, found, weights, n, &without, k, out, dry);
    sage_without_free(&without);
    return turns;
}

static void test_rounds_are_fair_and_even(void **state) {
    (void)state;
    enum { N = 3, LONG = 40, TURNS = 40 };
    static sage_neighbour lists[N * LONG];
    static const double weights[N] = {5, 1, 1};
    static const char wanted[] = "aabacaa";
    const size_t found[N] = {LONG, LONG, LONG};
    sage_turn out[TURNS];
    bool dry;
    for (size_t i = 0; i < N * LONG; i++) lists[i] = (sage_neighbour){(uint32_t)i, 1 - (float)(i % LONG) / 100};
    assert_int_equal(rounds(lists, LONG, found, weights, N, 35, out, &dry), 35);
    assert_false(dry);
    size_t of[N] = {0};
    for (size_t i = 0; i < 35; i++) {
        assert_int_equal(out[i].list, wanted[i % 7] - 'a');
        assert_int_equal(out[i].hit.row, (size_t)out[i].list * LONG + of[out[i].list]++);
    }
}

static void test_rounds_give_each_product_once(void **state) {
    (void)state;
    enum { LONG = 6 };
    /* The second list is the first one backwards. */
    const sage_neighbour lists[2 * LONG] = {{0, 9}, {1, 8}, {2, 7}, {3, 6}, {4, 5}, {5, 4},
                                            {5, 9}, {4, 8}, {3, 7}, {2, 6}, {1, 5}, {0, 4}};
    const size_t found[2] = {LONG, LONG}, shorter[2] = {1, LONG}, none[2] = {0, 0};
    const double weights[2] = {1, 1}, zero[2] = {1, 0};
    sage_turn out[2 * LONG];
    bool dry;
    assert_int_equal(rounds(lists, LONG, found, weights, 2, 2 * LONG, out, &dry), LONG);
    assert_true(dry);
    static const uint32_t turns[LONG] = {0, 5, 1, 4, 2, 3};
    for (size_t i = 0; i < LONG; i++) assert_int_equal(out[i].hit.row, turns[i]);
    assert_int_equal(rounds(lists, LONG, found, weights, 2, 4, out, &dry), 4);
    assert_false(dry);
    assert_int_equal(rounds(lists, LONG, shorter, weights, 2, 4, out, &dry), 4);
    assert_true(dry);
    assert_int_equal(out[3].list, 1);
    assert_int_equal(rounds(lists, LONG, shorter, zero, 2, 4, out, &dry), 4); /* what is left is given all the same */
    assert_int_equal(rounds(lists, LONG, none, weights, 2, 4, out, &dry), 0);
}

/* ---- a user's query ---- */

static size_t ask(const sage_known_event *did, size_t n_did, bool fresh, size_t k, sage_scored *out, uint16_t *of,
                  const sage_interest **interests, size_t *n_interests) {
    const sage_history history = {did, n_did, fresh};
    size_t n;
    must(sage_engine_interests(engine, &history, &usual, k, out, of, &n, interests, n_interests, &error));
    return n;
}

static void test_one_interest_is_its_own_list(void **state) {
    (void)state;
    const sage_known_event did = {17, 3, SAGE_CHECKOUT};
    const sage_interest *interests;
    sage_scored out[TINY_INDEXED], wanted[TINY_INDEXED];
    uint16_t of[TINY_INDEXED];
    size_t n, n_interests;
    must(sage_engine_vector(engine, sage_index_vectors(tiny) + 17 * TINY_INDEX_DIM, 30, wanted, &n, &error));
    assert_int_equal(ask(&did, 1, false, 30, out, of, &interests, &n_interests), 30);
    assert_int_equal(n_interests, 1);
    assert_int_equal(interests[0].row, 17);
    assert_float_equal(interests[0].importance, 1, 1e-9);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(out[i].pid, wanted[i].pid);
        assert_float_equal(out[i].score, wanted[i].score, 1e-6);
        assert_int_equal(of[i], 0);
    }
}

static double cosine(size_t a, size_t b) {
    double sum = 0;
    for (size_t d = 0; d < TINY_INDEX_DIM; d++)
        sum += (double)sage_index_vectors(tiny)[a * TINY_INDEX_DIM + d] *
               (double)sage_index_vectors(tiny)[b * TINY_INDEX_DIM + d];
    return sum;
}

static void test_every_product_comes_once_with_its_interest(void **state) {
    (void)state;
    sage_known_event did[30];
    const sage_interest *interests;
    sage_scored out[2 * TINY_INDEXED];
    uint16_t of[2 * TINY_INDEXED];
    size_t n_interests, row;
    bool seen[TINY_INDEXED] = {false};
    for (size_t i = 0; i < 30; i++)
        did[i] = (sage_known_event){(uint32_t)(i * 7 % TINY_INDEXED), (float)(30 - i), i % 4};
    size_t n = ask(did, 30, false, 2 * TINY_INDEXED, out, of, &interests, &n_interests);
    assert_int_equal(n, TINY_INDEXED);
    assert_true(n_interests > 1);
    for (size_t i = 0; i < n; i++) {
        assert_true(sage_index_find(tiny, out[i].pid, &row));
        assert_false(seen[row]);
        seen[row] = true;
        assert_true(of[i] < n_interests);
        assert_float_equal(out[i].score, cosine(row, interests[of[i]].row), 1e-5);
    }
    assert_int_equal(out[0].pid, sage_index_pid(tiny, interests[0].row));
    /* However long the result, it begins the same. */
    sage_scored few[4];
    assert_int_equal(ask(did, 30, false, 4, few, NULL, &interests, &n_interests), 4);
    for (size_t i = 0; i < 4; i++) assert_int_equal(few[i].pid, out[i].pid);
}

/* Rows 0 and 1, 5 and 6, ... are of one group. */
static void test_fresh_leaves_out_what_is_known_and_its_variants(void **state) {
    (void)state;
    const sage_known_event did[] = {{0, NAN, SAGE_CLICK}, {2, NAN, SAGE_CLICK}, {6, NAN, SAGE_SAVE}};
    const sage_interest *interests;
    sage_scored out[TINY_INDEXED];
    size_t n_interests, row, n = ask(did, 3, true, TINY_INDEXED, out, NULL, &interests, &n_interests);
    assert_int_equal(n, TINY_INDEXED - 5);
    for (size_t i = 0; i < n; i++) {
        assert_true(sage_index_find(tiny, out[i].pid, &row));
        assert_true(row != 0 && row != 1 && row != 2 && row != 5 && row != 6);
    }
    sage_known_event all[TINY_INDEXED];
    for (size_t i = 0; i < TINY_INDEXED; i++) all[i] = (sage_known_event){(uint32_t)i, NAN, SAGE_CLICK};
    assert_int_equal(ask(all, TINY_INDEXED, true, 10, out, NULL, &interests, &n_interests), 0);
    assert_int_equal(ask(all, TINY_INDEXED - 10, true, 5, out, NULL, &interests, &n_interests), 5); /* far down */
}

static void test_nothing_known_is_told(void **state) {
    (void)state;
    const sage_history history = {NULL, 0, false};
    const sage_interest *interests;
    sage_scored out[1];
    size_t n = 9, n_interests = 9;
    assert_int_equal(
        sage_engine_interests(engine, &history, &usual, 1, out, NULL, &n, &interests, &n_interests, &error),
        SAGE_E_ARGUMENT);
    assert_int_equal(n, 0);
    assert_int_equal(n_interests, 0);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    const sage_known_event did[] = {{0, NAN, SAGE_CLICK}, {40, NAN, SAGE_CLICK}, {80, NAN, SAGE_SAVE}};
    const sage_history history = {did, 3, true};
    const sage_interest *interests;
    sage_scored out[TINY_INDEXED];
    size_t n, n_interests;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_engine *other = NULL;
        must(sage_engine_open(dir, &tiny_release, true, NULL, &other, &error));
        sage_alloc_fail_from(from);
        sage_status st = sage_engine_interests(other, &history, &usual, TINY_INDEXED, out, NULL, &n, &interests,
                                               &n_interests, &error);
        done = sage_alloc_fail_from(0) < from;
        if (st != (done ? SAGE_OK : SAGE_E_MEMORY)) fail_msg("allocation %lu: %d %s", from, (int)st, error.text);
        sage_engine_close(other);
        assert_true(from < 1000);
    }
}

/* ---- towers ---- */

enum { READ = 4 }; /* events that the model reads */

static sage_engine *with_towers(void) {
    return tiny_engine_with_towers(dir, READ);
}

static void test_towers_of_users(void **state) {
    (void)state;
    enum { MANY = 130 };
    static sage_known_event did[MANY];
    static sage_history histories[MANY];
    static float out[MANY * TINY_INDEX_DIM], one[TINY_INDEX_DIM];
    sage_scored hits[TINY_INDEXED], wanted[TINY_INDEXED];
    sage_engine *towers = with_towers();
    size_t n, row;
    assert_true(sage_engine_has_user_tower(towers) && !sage_engine_has_user_tower(engine));
    assert_int_equal(sage_engine_user_vectors(engine, histories, 1, out, &error), SAGE_E_ARGUMENT);
    for (size_t i = 0; i < MANY; i++) {
        did[i] = (sage_known_event){(uint32_t)(i * 11 % TINY_INDEXED), (float)(MANY - i), (uint8_t)(i % 4)};
        histories[i] = (sage_history){did, i, false}; /* the first knows nothing */
    }
    must(sage_engine_user_vectors(towers, histories, MANY, out, &error));
    for (size_t d = 0; d < TINY_INDEX_DIM; d++) /* of one product: its own vector */
        assert_float_equal(out[TINY_INDEX_DIM + d], sage_index_vectors(tiny)[did[0].row * TINY_INDEX_DIM + d], 1e-5);
    const sage_history newest = {did + MANY - 1 - READ, READ, false};
    must(sage_engine_user_vectors(towers, &newest, 1, one, &error));
    for (size_t d = 0; d < TINY_INDEX_DIM; d++) /* older ones are not read */
        assert_float_equal(out[(MANY - 1) * TINY_INDEX_DIM + d], one[d], 1e-6);
    must(sage_engine_vector(towers, one, TINY_INDEXED, wanted, &n, &error));
    must(sage_engine_user(towers, &newest, 20, hits, &n, &error));
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++) assert_int_equal(hits[i].pid, wanted[i].pid);
    const sage_history fresh = {newest.events, READ, true};
    must(sage_engine_user(towers, &fresh, TINY_INDEXED, hits, &n, &error));
    assert_true(n < TINY_INDEXED);
    for (size_t i = 0; i < n; i++) {
        assert_true(sage_index_find(tiny, hits[i].pid, &row));
        for (size_t e = 0; e < READ; e++) assert_int_not_equal(row, fresh.events[e].row);
        if (i > 0) assert_true(hits[i].score <= hits[i - 1].score);
    }
    sage_engine_close(towers);
}

static double own_of(const sage_known_event *did, size_t n, size_t row, double half_life_days) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (did[i].row == row) sum += pow(0.5, (double)did[i].age / half_life_days);
    return sum;
}

/* Against every product's score: what the user knows competes whatever the depth, though the tower reads less. */
static void test_hybrid_of_users(void **state) {
    (void)state;
    const sage_known_event did[] = {{90, 200, 3}, {90, 100, 3}, {4, 80, 0}, {61, 40, 1}, {33, 20, 0}, {7, 1, 2}};
    const sage_own_rule rule = {0.3, 60}, none = {0, 60};
    const sage_history history = {did, 6, false}, fresh = {did, 6, true};
    const sage_fusion shallow = {0.5, 8};
    sage_scored hits[TINY_INDEXED], plain[TINY_INDEXED];
    sage_engine *towers = with_towers();
    float query[TINY_INDEX_DIM];
    size_t n, n_plain, row;
    assert_int_equal(sage_engine_user_hybrid(engine, &history, 5, hits, &n, &error), SAGE_E_ARGUMENT);
    sage_engine_set_fusion(towers, &shallow);
    sage_engine_set_own(towers, &rule);
    must(sage_engine_user_vectors(towers, &history, 1, query, &error));
    must(sage_engine_user_hybrid(towers, &history, TINY_INDEXED, hits, &n, &error));
    assert_int_equal(n, TINY_INDEXED);
    for (size_t i = 0; i < n; i++) {
        assert_true(sage_index_find(tiny, hits[i].pid, &row));
        double owned = 0.3 * log(1 + own_of(did, 6, row, 60) / 0.1), score = owned;
        sage_parts parts;
        sage_engine_parts(towers, hits[i], &parts);
        assert_float_equal(parts.own, owned, 1e-5);
        assert_float_equal(parts.vectors + parts.own, hits[i].score, 1e-5);
        for (size_t d = 0; d < TINY_INDEX_DIM; d++)
            score += (double)query[d] * (double)sage_index_vectors(tiny)[row * TINY_INDEX_DIM + d];
        assert_float_equal(hits[i].score, score, 1e-5);
        if (i > 0) assert_true(hits[i].score <= hits[i - 1].score);
    }
    must(sage_engine_user_hybrid(towers, &history, 8, plain, &n_plain, &error));
    assert_int_equal(n_plain, 8);
    for (size_t i = 0; i < n_plain; i++) assert_int_equal(plain[i].pid, hits[i].pid);
    /* What is known is left out: nothing own is left. */
    must(sage_engine_user_hybrid(towers, &fresh, 20, hits, &n, &error));
    must(sage_engine_user(towers, &fresh, 20, plain, &n_plain, &error));
    assert_int_equal(n, n_plain);
    for (size_t i = 0; i < n; i++) assert_true(hits[i].pid == plain[i].pid && hits[i].score == plain[i].score);
    sage_engine_set_own(towers, &none);
    must(sage_engine_user_hybrid(towers, &history, 20, hits, &n, &error));
    must(sage_engine_user(towers, &history, 20, plain, &n_plain, &error));
    assert_int_equal(n, n_plain);
    for (size_t i = 0; i < n; i++) assert_int_equal(hits[i].pid, plain[i].pid);
    sage_engine_close(towers);
}

static void test_towers_of_products(void **state) {
    (void)state;
    static const uint32_t rows[] = {0, 17, 119};
    float out[3 * TINY_INDEX_DIM];
    sage_scored hits[TINY_INDEXED], wanted[TINY_INDEXED];
    sage_engine *towers = with_towers();
    size_t n;
    assert_true(sage_engine_has_product_tower(towers) && !sage_engine_has_product_tower(engine));
    for (int tower = 0; tower < 2; tower++) { /* without one their own vectors ask */
        must(sage_engine_looked_vectors(tower ? towers : engine, rows, 3, out, &error));
        for (size_t i = 0; i < 3; i++)
            for (size_t d = 0; d < TINY_INDEX_DIM; d++)
                assert_float_equal(out[i * TINY_INDEX_DIM + d], sage_index_vectors(tiny)[rows[i] * TINY_INDEX_DIM + d],
                                   1e-5);
    }
    must(sage_engine_similar(engine, sage_index_pid(tiny, 17), 10, wanted, &n, &error));
    must(sage_engine_similar(towers, sage_index_pid(tiny, 17), 10, hits, &n, &error));
    for (size_t i = 0; i < n; i++) assert_float_equal(hits[i].score, wanted[i].score, 1e-5);
    sage_engine_close(towers);
}

static void test_every_allocation_of_towers_may_fail(void **state) {
    (void)state;
    const sage_known_event did[] = {{0, NAN, SAGE_CLICK}, {40, 3, SAGE_CHECKOUT}};
    const sage_history history = {did, 2, true}, known = {did, 2, false};
    sage_scored out[5];
    size_t n;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_engine *other = with_towers();
        sage_alloc_fail_from(from);
        sage_status st = sage_engine_user(other, &history, 5, out, &n, &error);
        if (st == SAGE_OK) st = sage_engine_user_hybrid(other, &known, 5, out, &n, &error);
        if (st == SAGE_OK) st = sage_engine_similar(other, sage_index_pid(tiny, 3), 5, out, &n, &error);
        done = sage_alloc_fail_from(0) < from;
        if (st != (done ? SAGE_OK : SAGE_E_MEMORY)) fail_msg("allocation %lu: %d %s", from, (int)st, error.text);
        sage_engine_close(other);
        assert_true(from < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_medoids_and_importance),
        cmocka_unit_test(test_rules_of_interests),
        cmocka_unit_test(test_options_are_the_rules),
        cmocka_unit_test(test_rounds_are_fair_and_even),
        cmocka_unit_test(test_rounds_give_each_product_once),
        cmocka_unit_test(test_one_interest_is_its_own_list),
        cmocka_unit_test(test_every_product_comes_once_with_its_interest),
        cmocka_unit_test(test_fresh_leaves_out_what_is_known_and_its_variants),
        cmocka_unit_test(test_nothing_known_is_told),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_towers_of_users),
        cmocka_unit_test(test_hybrid_of_users),
        cmocka_unit_test(test_towers_of_products),
        cmocka_unit_test(test_every_allocation_of_towers_may_fail),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
