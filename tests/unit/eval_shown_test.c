/* Where the catalogue's events say that held-out products were shown, and which of those events count. */
#include "catalog_help.h"
#include <eval/shown.h>

enum { CLICK = SAGE_ON_SEARCH * SAGE_EVENT_KINDS, SAVE, PRODUCT_CLICK = SAGE_ON_PRODUCT * SAGE_EVENT_KINDS };

/* The cut lies at 2024-05-02T00:00:00Z. */
static const int64_t CUT_MS = 1714608000000;
static const char log_text[] = "timestamp,user_id,surface,query,product_id,event,count,position,propensity\n"
                               "2024-05-01,ann,search,Red,a,click,1,4,\n"   /* before the cut */
                               "2024-05-03,ann,search,red,a,click,2,2,\n"   /* 2 of 2 each */
                               "2024-05-03,bob,search,red,a,save,1,8,0.5\n" /* its own propensity: 2 */
                               "2024-05-04,bob,search,red,b,click,1,,\n"    /* says nothing */
                               "2024-05-04,bob,search,red,gone,click,1,1,\n"
                               "2024-05-04,bob,search,blue,b,click,1,50,\n" /* cut to 10 */
                               ",cid,search,blue,a,click,1,3,\n"            /* without a time */
                               "2024-05-04,cid,product,a,b,click,1,5,\n";

static int64_t pid_of(place *p, const char *id) {
    int64_t pid = 0;
    need_ok(p, sage_catalog_find_product(p->catalog, id, &pid, &p->error));
    return pid;
}

static sage_shown_source open_log(place *p, int64_t after_ms) {
    place_open(p);
    need_ok(p, place_import(p, "products.csv", "id,title\na,Red shirt\nb,Blue hat\n", NULL));
    need_ok(p, place_events(p, "log.csv", log_text, NULL));
    assert_int_equal(p->report.rejected, 0);
    return (sage_shown_source){.catalog = p->catalog, .rule = {.power = 1, .clip = 10}, .after_ms = after_ms};
}

static void need_shown(const sage_exposure *shown, double weight, uint64_t events, uint64_t clipped) {
    assert_float_equal(shown->weight, weight, 1e-12);
    assert_int_equal(shown->events, events);
    assert_int_equal(shown->clipped, clipped);
}

/* By time a pair's earlier events are no part of what is held out; an event without a time is not, either. */
static void test_by_time_only_what_is_later_counts(void **state) {
    (void)state;
    place p;
    sage_shown_source source = open_log(&p, CUT_MS);
    const int64_t a = pid_of(&p, "a"), b = pid_of(&p, "b");
    sage_judgement list[] = {{SAGE_STR("blue"), CLICK, a}, {SAGE_STR("blue"), CLICK, b}, {SAGE_STR("green"), CLICK, a},
                             {SAGE_STR("red"), CLICK, a},  {SAGE_STR("red"), SAVE, a},   {SAGE_STR("red"), CLICK, b}};
    need_ok(&p, sage_shown_judgements(&source, SAGE_ON_SEARCH, list, 6, &p.error));
    need_shown(&list[0].shown, 0, 0, 0);
    need_shown(&list[1].shown, 10, 1, 1);
    need_shown(&list[2].shown, 0, 0, 0);
    need_shown(&list[3].shown, 4, 2, 0);
    need_shown(&list[4].shown, 2, 1, 0);
    need_shown(&list[5].shown, 0, 0, 0);
    place_close(&p);
}

static void test_by_hash_all_of_a_pair_counts(void **state) {
    (void)state;
    place p;
    sage_shown_source source = open_log(&p, INT64_MIN);
    sage_judgement list[] = {{SAGE_STR("blue"), CLICK, pid_of(&p, "a")}, {SAGE_STR("red"), CLICK, pid_of(&p, "a")}};
    need_ok(&p, sage_shown_judgements(&source, SAGE_ON_SEARCH, list, 2, &p.error));
    need_shown(&list[0].shown, 3, 1, 0);
    need_shown(&list[1].shown, 8, 3, 0);
    sage_judgement looked[] = {{SAGE_STR("a"), PRODUCT_CLICK, pid_of(&p, "b")}};
    need_ok(&p, sage_shown_judgements(&source, SAGE_ON_PRODUCT, looked, 1, &p.error));
    need_shown(&looked[0].shown, 5, 1, 0);
    place_close(&p);
}

/* What users did counts under their ids, whatever the surface. */
static void test_users(void **state) {
    (void)state;
    place p;
    sage_shown_source source = open_log(&p, CUT_MS);
    enum { USER_CLICK = SAGE_ON_USER * SAGE_EVENT_KINDS, USER_SAVE };
    const int64_t a = pid_of(&p, "a"), b = pid_of(&p, "b");
    sage_trial_past pasts[] = {
        {.id = SAGE_STR("an")}, {.id = SAGE_STR("ann")}, {.id = SAGE_STR("bob")}, {.id = SAGE_STR("cid")}};
    sage_trial trial = {.surface = SAGE_ON_USER, .pasts = pasts};
    const sage_judge_entry wanted[] = {
        {.pid = a, .task = USER_CLICK}, {.pid = a, .task = USER_SAVE}, {.pid = b, .task = USER_CLICK}};
    for (size_t user = 0; user < 4; user++) need_ok(&p, sage_judge_add(&trial.judge, wanted, 3, &p.error));
    need_ok(&p, sage_shown_users(&source, &trial, &p.error));
    static const struct {
        double weight;
        uint64_t events, clipped;
    } expected[] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0},  {4, 2, 0}, {0, 0, 0}, {0, 0, 0},
                    {0, 0, 0}, {2, 1, 0}, {10, 1, 1}, {0, 0, 0}, {0, 0, 0}, {5, 1, 0}};
    assert_int_equal(trial.judge.n_entries, 12);
    for (size_t e = 0; e < 12; e++)
        need_shown(&trial.judge.entries[e].shown, expected[e].weight, expected[e].events, expected[e].clipped);
    sage_judge_free(&trial.judge);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time_only_what_is_later_counts),
        cmocka_unit_test(test_by_hash_all_of_a_pair_counts),
        cmocka_unit_test(test_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
