/* A whole evaluation over a tiny shop, against asking the engine one query at a time; and the choice of the fusion
 * against trying every weight. */
#include <base/rng.h>
#include <eval/eval.h>
#include <eval/searches.h>
#include <eval/text_trial.h>
#include <math.h>
#include <support/test.h>
#include <support/tiny_release.h>

enum { QUERIES = 40, PER_QUERY = 3, JUDGED = QUERIES * PER_QUERY };

static char dir[SAGE_PATH_MAX], texts[QUERIES][64];
static sage_engine *engine;
static sage_judgement judgements[JUDGED];
static const size_t k[] = {10, 100};

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Queries that name a product's colour, stuff or thing; its neighbours in the catalogue are relevant too. */
static void make_judgements(void) {
    static const char *const words[] = {"red",   "blue",   "oak",         "steel lamp", "green table",
                                        "linen", "chairs", "white shelf", "zzz",        "bed"};
    const sage_index *index = sage_engine_index(engine);
    for (size_t q = 0; q < QUERIES; q++) {
        snprintf(texts[q], sizeof texts[q], "%s %zu", words[q % 10], q);
        for (size_t i = 0; i < PER_QUERY; i++) {
            sage_judgement *j = &judgements[q * PER_QUERY + i];
            *j = (sage_judgement){{texts[q], strlen(texts[q])},
                                  (unsigned)(SAGE_ON_SEARCH * SAGE_EVENT_KINDS + (q + i) % 3),
                                  sage_index_pid(index, (7 * q + 11 * i) % TINY_INDEXED),
                                  NULL};
        }
    }
    judgements[4].pid = 0;
    judgements[9].pid = 123456789;
}

static int open_shop(void **state) {
    (void)state;
    scratch_make(dir);
    engine = tiny_engine(dir);
    make_judgements();
    return 0;
}

static int close_shop(void **state) {
    (void)state;
    sage_engine_close(engine);
    scratch_remove(dir);
    return 0;
}

/* Pair recall@k of one method, one query and one product after another. */
static double recall_by_hand(sage_method method, size_t depth, int task) {
    sage_scored out[TINY_INDEXED];
    sage_error error = {0};
    double hits = 0, pairs = 0;
    for (size_t i = 0; i < JUDGED; i++) {
        size_t n;
        if (task >= 0 && judgements[i].task != (unsigned)task) continue;
        must(
            sage_engine_text(engine, method, judgements[i].query.data, judgements[i].query.len, depth, out, &n, &error),
            &error);
        for (size_t rank = 0; rank < n; rank++) hits += out[rank].pid == judgements[i].pid;
        pairs++;
    }
    return hits / pairs;
}

static const sage_eval_row *row_of(const sage_eval_report *report, sage_method method, const char *task) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (strcmp(report->rows[i].method, sage_method_name(method)) == 0 && strcmp(report->rows[i].task, task) == 0)
            return &report->rows[i];
    fail_msg("no row of %s, %s", sage_method_name(method), task);
    return NULL;
}

static sage_status judged(const sage_judgement *list, size_t n, const sage_monitor *monitor, sage_eval_report *report,
                          sage_error *error) {
    sage_text_trial trial = {0};
    bool simulated = report->simulated;
    *report = (sage_eval_report){.n_k = 2, .k = {k[0], k[1]}, .simulated = simulated};
    sage_status st = sage_text_trial_run(&trial, engine, list, n, k[1], NULL, 0, NULL, monitor, error);
    if (st == SAGE_OK) st = sage_text_trial_report(&trial, report, error);
    sage_text_trial_free(&trial);
    return st;
}

static void test_rows_are_what_the_engine_answers(void **state) {
    (void)state;
    static sage_eval_report report;
    sage_error error = {0};
    report.simulated = true;
    must(judged(judgements, JUDGED, NULL, &report, &error), &error);
    assert_int_equal(report.n_rows, 3 * 4); /* all and three tasks */
    assert_int_equal(report.n_k, 2);
    assert_int_equal(report.k[1], 100);
    assert_int_equal(report.unknown_pairs, 2);
    assert_true(report.simulated); /* the caller's */
    static const char *const tasks[] = {"search/click", "search/save", "search/add_to_cart"};
    for (int m = 0; m < SAGE_METHODS; m++) {
        const sage_eval_row *all = row_of(&report, (sage_method)m, "all");
        assert_int_equal(all->pairs, JUDGED);
        assert_int_equal(all->queries, QUERIES);
        for (size_t j = 0; j < 2; j++)
            assert_float_equal(all->pair_recall[j].value, recall_by_hand((sage_method)m, k[j], -1), 1e-9);
        for (int t = 0; t < 3; t++) {
            const sage_eval_row *row = row_of(&report, (sage_method)m, tasks[t]);
            assert_float_equal(row->pair_recall[0].value,
                               recall_by_hand((sage_method)m, 10, SAGE_ON_SEARCH * SAGE_EVENT_KINDS + t), 1e-9);
        }
    }
    const sage_eval_row *keywords = row_of(&report, SAGE_KEYWORDS, "all");
    assert_true(keywords->pair_recall[0].value > 0.05);
    assert_true(keywords->pair_recall[0].low < keywords->pair_recall[0].value);
}

static void test_wrong_arguments(void **state) {
    (void)state;
    static sage_eval_report report;
    sage_error error = {0};
    sage_judgement strange = {SAGE_STR("red"), SAGE_TASKS, 1};
    assert_int_equal(judged(&strange, 1, NULL, &report, &error), SAGE_E_ARGUMENT);
    assert_int_equal(judged(NULL, 0, NULL, &report, &error), SAGE_OK);
    assert_int_equal(row_of(&report, SAGE_HYBRID, "all")->queries, 0);
}

static double worth(double weight) {
    const sage_fusion fusion = {weight, 100};
    sage_engine_set_fusion(engine, &fusion);
    double sum = recall_by_hand(SAGE_HYBRID, 10, -1) + recall_by_hand(SAGE_HYBRID, 100, -1);
    sage_engine_set_fusion(engine, &tiny_release.fusion);
    return sum;
}

static void test_the_chosen_weight_is_the_best_of_the_grid(void **state) {
    (void)state;
    sage_error error = {0};
    sage_fusion fusion = {0.123, 100};
    double best = 0, best_away = 0;
    must(sage_eval_choose_fusion(engine, judgements, JUDGED, NULL, &fusion, &error), &error);
    for (int step = 0; step <= 20; step++) {
        double sum = worth(step / 20.0), away = fabs(step / 20.0 - 0.5);
        if (sum > best + 1e-9 || (sum > best - 1e-9 && away < best_away)) {
            best = sum;
            best_away = away;
        }
    }
    assert_float_equal(worth(fusion.weight), best, 1e-9);
    assert_float_equal(fabs(fusion.weight - 0.5), best_away, 1e-9);
    assert_int_equal(fusion.depth, 100);
    must(sage_eval_choose_fusion(engine, NULL, 0, NULL, &fusion, &error), &error);
    assert_float_equal(fusion.weight, 0.5, 0);
}

static void test_stops_on_request(void **state) {
    (void)state;
    static sage_eval_report report;
    static volatile sig_atomic_t stop = 1;
    const sage_monitor monitor = {.cancel = &stop};
    sage_fusion fusion = {0.5, 100};
    assert_int_equal(judged(judgements, JUDGED, &monitor, &report, NULL), SAGE_E_CANCELLED);
    assert_int_equal(sage_eval_choose_fusion(engine, judgements, JUDGED, &monitor, &fusion, NULL), SAGE_E_CANCELLED);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    static sage_eval_report report;
    sage_error error;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_fusion fusion = {0.5, 100};
        sage_alloc_fail_from(from);
        sage_status st = judged(judgements, 12, NULL, &report, &error);
        if (st == SAGE_OK) st = sage_eval_choose_fusion(engine, judgements, 12, NULL, &fusion, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
}

/* ---- searches by picture ---- */

/* Queries that are products' own vectors, wanted: these products; but one wants a product that is not there. */
static void test_pictures_have_rows_of_their_own(void **state) {
    (void)state;
    enum { PICTURES = 8 };
    static sage_eval_report report;
    static char links[PICTURES][8];
    sage_error error = {0};
    sage_judge judge = {0};
    sage_judgement list[PICTURES];
    const sage_index *index = sage_engine_index(engine);
    size_t dim = sage_index_dim(index);
    float *targets = sage_alloc(PICTURES * dim * sizeof *targets);
    assert_non_null(targets);
    for (size_t q = 0; q < PICTURES; q++) {
        size_t row = 5 * q + 1;
        snprintf(links[q], sizeof links[q], "%zu.jpg", q);
        list[q] = (sage_judgement){{links[q], strlen(links[q])},
                                   SAGE_ON_IMAGE * SAGE_EVENT_KINDS + (q < 2 ? SAGE_SAVE : SAGE_CLICK),
                                   q == 0 ? 123456789 : sage_index_pid(index, row),
                                   NULL};
        memcpy(targets + q * dim, sage_index_vectors(index) + row * dim, dim * sizeof *targets);
    }
    must(judged(judgements, JUDGED, NULL, &report, &error), &error);
    size_t n_rows = report.n_rows, unknown = report.unknown_pairs;
    must(sage_eval_pictures(engine, list, PICTURES, targets, 100, NULL, &judge, &report, &error), &error);
    assert_int_equal(report.n_rows, n_rows + 3);
    assert_int_equal(report.unknown_pairs, unknown + 1);
    const sage_eval_row *all = row_of(&report, SAGE_VECTORS, "image"),
                        *saves = row_of(&report, SAGE_VECTORS, "image/save");
    assert_int_equal(all->queries, PICTURES);
    assert_true(all->pair_recall[0].value == 7.0 / 8 && saves->pair_recall[0].value == 0.5);
    assert_true(row_of(&report, SAGE_VECTORS, "image/click")->pair_recall[0].value == 1);
    assert_int_equal(judge.n_queries, PICTURES);
    for (size_t e = 0; e < judge.n_entries; e++) assert_int_equal(judge.ranks[e], e == 0 ? SAGE_RANK_MISS : 0);
    sage_judge_free(&judge);
    for (unsigned long from = 1;; from++) {
        report.n_rows = n_rows;
        sage_alloc_fail_from(from);
        sage_status st = sage_eval_pictures(engine, list, PICTURES, targets, 100, NULL, &judge, &report, &error);
        bool done = sage_alloc_fail_from(0) < from;
        sage_judge_free(&judge);
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        if (done) break;
    }
    sage_free(targets);
}

/* ---- the release's own methods for people and products ---- */

enum { PEOPLE = 30, MOST_EVENTS = 40 };

static void make_pasts(sage_past pasts[PEOPLE], sage_user_event events[PEOPLE][MOST_EVENTS]) {
    sage_rng rng;
    sage_rng_seed(&rng, 4, 4);
    for (size_t u = 0; u < PEOPLE; u++) {
        size_t n = u == 3 ? 0 : 1 + sage_rng_below(&rng, MOST_EVENTS - 1);
        bool timed = u % 2 != 0;
        for (size_t i = 0; i < n; i++)
            events[u][i] = (sage_user_event){.time_ms = timed ? (int64_t)i * 86400000 : INT64_MIN,
                                             .product = (uint32_t)sage_rng_below(&rng, TINY_INDEXED),
                                             .count = 1,
                                             .kind = (uint8_t)sage_rng_below(&rng, SAGE_EVENT_KINDS)};
        pasts[u] = (sage_past){events[u], n, timed ? (int64_t)(n + 1) * 86400000 : INT64_MIN, SAGE_STR("")};
    }
}

/* Several users at once find what each finds alone, however deep; ages are days before the moment. */
static void test_interests_of_many_users(void **state) {
    (void)state;
    static sage_user_event events[PEOPLE][MOST_EVENTS];
    static sage_neighbour out[PEOPLE * TINY_INDEXED];
    const size_t depths[] = {5, 60, TINY_INDEXED};
    sage_past pasts[PEOPLE];
    size_t found[PEOPLE];
    sage_error error = {0};
    sage_searches searches = {.engine = engine,
                              .rules = {.events = 50, .interests = 6, .clusters = 20, .distance = 0.2, .days = 10}};
    sage_lister lister = sage_by_interests(&searches);
    const sage_index *index = sage_engine_index(engine);
    make_pasts(pasts, events);
    for (size_t d = 0; d < 3; d++) {
        must(lister.list(lister.ctx, pasts, PEOPLE, depths[d], out, found, &error), &error);
        for (size_t u = 0; u < PEOPLE; u++) {
            sage_known_event known[MOST_EVENTS];
            sage_scored expected[TINY_INDEXED];
            const sage_interest *interests;
            size_t n = 0, n_interests;
            for (size_t i = 0; i < pasts[u].n; i++)
                known[i] = (sage_known_event){events[u][i].product, u % 2 ? (float)(pasts[u].n + 1 - i) : NAN,
                                              events[u][i].kind};
            const sage_history history = {.events = known, .n = pasts[u].n};
            if (pasts[u].n > 0)
                must(sage_engine_interests(engine, &history, &searches.rules, depths[d], expected, NULL, &n, &interests,
                                           &n_interests, &error),
                     &error);
            assert_int_equal(found[u], n);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(sage_index_pid(index, out[u * depths[d] + i].row), expected[i].pid);
                assert_float_equal(out[u * depths[d] + i].score, expected[i].score, 1e-5);
            }
        }
    }
    sage_searches_free(&searches);
}

static void test_products_by_their_own_vectors(void **state) {
    (void)state;
    enum { LOOKED = 3, DEPTH = 7 };
    sage_neighbour out[LOOKED * DEPTH];
    sage_user_event events[LOOKED];
    sage_past pasts[LOOKED];
    size_t found[LOOKED];
    sage_error error = {0};
    sage_searches searches = {.engine = engine};
    sage_lister lister = sage_by_own_vector(&searches);
    const sage_index *index = sage_engine_index(engine);
    assert_string_equal(lister.name, "vectors"); /* there is no tower */
    for (size_t q = 0; q < LOOKED; q++) {
        events[q] = (sage_user_event){.product = (uint32_t)(11 * q + 4)};
        pasts[q] = (sage_past){&events[q], 1, INT64_MIN, SAGE_STR("")};
    }
    must(lister.list(lister.ctx, pasts, LOOKED, DEPTH, out, found, &error), &error);
    for (size_t q = 0; q < LOOKED; q++) {
        sage_scored expected[DEPTH];
        size_t n;
        must(sage_engine_vector(engine, sage_index_vectors(index) + events[q].product * sage_index_dim(index), DEPTH,
                                expected, &n, &error),
             &error);
        assert_int_equal(found[q], n);
        for (size_t i = 0; i < n; i++) assert_int_equal(sage_index_pid(index, out[q * DEPTH + i].row), expected[i].pid);
    }
    sage_searches_free(&searches);
}

enum { READ = 8 };

/* The same shop with a model that has both towers. */
static sage_engine *with_towers(void) {
    char path[SAGE_PATH_MAX], vocabulary[SAGE_PATH_MAX];
    sage_engine *other = NULL;
    sage_error error = {0};
    sage_release release = tiny_release;
    size_t n;
    release.query_model = 2;
    tiny_model_dir(dir, 2, path);
    char *words = scratch_read(scratch_path(dir, "models/1/vocabulary"), &n);
    snprintf(vocabulary, sizeof vocabulary, "%s", scratch_path(path, "vocabulary"));
    scratch_write(vocabulary, words, n);
    sage_free(words);
    tiny_write_model_with(path, 2, 0, NULL, READ);
    must(sage_engine_open(dir, &release, true, NULL, &other, &error), &error);
    return other;
}

static void check_list(const sage_neighbour *list, size_t found, const float *query, size_t depth) {
    sage_scored expected[TINY_INDEXED];
    sage_error error = {0};
    size_t n;
    must(sage_engine_vector(engine, query, depth, expected, &n, &error), &error);
    assert_int_equal(found, n);
    for (size_t i = 0; i < n; i++) assert_float_equal(list[i].score, expected[i].score, 1e-5);
}

/* The towers' lists are those nearest to what the engine makes of each past. */
static void test_towers_of_people_and_products(void **state) {
    (void)state;
    enum { DEPTH = 9 };
    static sage_user_event events[PEOPLE][MOST_EVENTS];
    static sage_neighbour out[PEOPLE * DEPTH];
    sage_past pasts[PEOPLE];
    size_t found[PEOPLE];
    float query[TINY_INDEX_DIM];
    sage_error error = {0};
    sage_searches searches = {.engine = with_towers()};
    make_pasts(pasts, events);
    sage_lister lister = sage_by_user_tower(&searches);
    must(lister.list(lister.ctx, pasts, PEOPLE, DEPTH, out, found, &error), &error);
    for (size_t u = 0; u < PEOPLE; u++) {
        sage_known_event known[MOST_EVENTS];
        for (size_t i = 0; i < pasts[u].n; i++)
            known[i] =
                (sage_known_event){events[u][i].product, u % 2 ? (float)(pasts[u].n + 1 - i) : NAN, events[u][i].kind};
        const sage_history history = {.events = known, .n = pasts[u].n};
        must(sage_engine_user_vectors(searches.engine, &history, 1, query, &error), &error);
        check_list(out + u * DEPTH, found[u], query, DEPTH);
    }
    lister = sage_by_product_tower(&searches);
    assert_string_equal(lister.name, "vectors");
    assert_string_equal(sage_by_own_vector(&searches).name, "similar");
    pasts[3] = (sage_past){events[4], 1, INT64_MIN, SAGE_STR("")}; /* had nothing */
    must(lister.list(lister.ctx, pasts, PEOPLE, DEPTH, out, found, &error), &error);
    for (size_t q = 0; q < PEOPLE; q++) {
        must(sage_engine_looked_vectors(searches.engine, &pasts[q].events[0].product, 1, query, &error), &error);
        check_list(out + q * DEPTH, found[q], query, DEPTH);
    }
    sage_engine_close(searches.engine);
    sage_searches_free(&searches);
}

/* ---- judgements of a dataset ---- */

static void test_judgements_of_a_dataset(void **state) {
    (void)state;
    static sage_option table[64];
    size_t n = 0, total = 0;
    uint64_t id;
    sage_error error = {0};
    sage_options *options;
    sage_dataset *dataset;
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import_events(catalog, dir, TINY_INDEXED);
    while (sage_dataset_options[n].key != NULL && n < 64) {
        table[n] = sage_dataset_options[n];
        n++;
    }
    must(sage_options_over(table, n, &options, &error), &error);
    must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error);
    must(sage_dataset_open(dir, id, true, &dataset, &error), &error);
    for (unsigned part = 0; part < SAGE_PARTS; part++) {
        sage_judgement *list;
        must(sage_judgements_of(dataset, (sage_part)part, SAGE_ON_SEARCH, &list, &n, &error), &error);
        total += n;
        for (size_t i = 0; i < n; i++) {
            sage_product_cursor *cursor;
            const sage_product_row *row;
            char colour[16] = "";
            must(sage_product_cursor_open(catalog, list[i].pid - 1, 0, &cursor, &error), &error);
            must(sage_product_cursor_next(cursor, &row, &error), &error);
            assert_int_equal(row->pid, list[i].pid);
            /* Every made query is a product's colour and thing. */
            for (size_t c = 0; c < sizeof colour - 1 && c < list[i].query.len && list[i].query.data[c] != ' '; c++)
                colour[c] = list[i].query.data[c];
            assert_int_equal(strncmp(row->fields[SAGE_TITLE].data, colour, strlen(colour)), 0);
            sage_product_cursor_close(cursor);
            for (size_t j = i + 1; j < n; j++) { /* pairs of one query together */
                bool same = list[j].query.len == list[i].query.len &&
                            memcmp(list[j].query.data, list[i].query.data, list[i].query.len) == 0;
                if (same) assert_true(list[j - 1].query.data == list[i].query.data);
            }
        }
        sage_free(list);
    }
    assert_int_equal(total, TINY_INDEXED);
    sage_dataset_close(dataset);
    sage_options_free(options);
    sage_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_what_the_engine_answers),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_the_chosen_weight_is_the_best_of_the_grid),
        cmocka_unit_test(test_stops_on_request),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_pictures_have_rows_of_their_own),
        cmocka_unit_test(test_interests_of_many_users),
        cmocka_unit_test(test_products_by_their_own_vectors),
        cmocka_unit_test(test_towers_of_people_and_products),
        cmocka_unit_test(test_judgements_of_a_dataset),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
