/* What a report is made of in a shop: the release before, single queries, the course of a training, the map; and short
 * memory on the way. */
#include <base/alloc.h>
#include <shop/report.h>
#include <support/published_ground.h>

static char page[SAGE_PATH_MAX];

static int with_held_out_events(void **state) {
    (void)state;
    published_ground("holdout=0.5");
    snprintf(page, sizeof page, "%s", scratch_path(dir, "page.html"));
    return 0;
}

static sage_status judge(sage_eval_report *report) {
    const sage_eval_options options = {.report_file = page};
    return sage_eval(shop, &options, NULL, report, &error);
}

static bool page_says(const char *text) {
    size_t n;
    char *data = scratch_read(page, &n);
    bool found = data != NULL && strstr(data, text) != NULL;
    sage_free(data);
    return found;
}

static bool has(const sage_eval_report *report, const char *method) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (strcmp(report->rows[i].method, method) == 0) return true;
    return false;
}

static void test_the_release_before_is_judged_beside(void **state) {
    (void)state;
    static sage_eval_report report;
    sage_open_release opened;
    sage_release now, before;
    tiny_must(judge(&report), &error, "judge");
    assert_true(has(&report, "co-click"));
    assert_false(has(&report, "previous"));
    assert_false(page_says("Release before"));
    published_index(shop); /* the same vectors again */
    tiny_must(sage_release_read(shop, &now, &error), &error, "current");
    tiny_must(sage_release_read_before(shop, &now, &before, &error), &error, "previous");
    assert_int_equal(before.index, now.index - 1);
    tiny_must(sage_release_open_kept(shop, &before, &opened, &error), &error, "open it");
    sage_release_close(&opened);
    tiny_must(judge(&report), &error, "judge");
    assert_true(has(&report, "previous"));
    assert_true(page_says("model 1, index 1"));
    /* They answer alike, so that nothing changed. */
    for (size_t i = 0; i < report.n_differences; i++)
        if (strcmp(report.differences[i].against, "previous") == 0 &&
            strcmp(report.differences[i].method, "hybrid") == 0)
            assert_true(report.differences[i].pair_recall[0].value == 0);
    assert_false(page_says("than the release before"));
    /* What it was made of may be gone. */
    tiny_must(sage_fs_remove_tree(scratch_path(shop_dir, "index/1"), &error), &error, "remove");
    tiny_must(judge(&report), &error, "judge");
    assert_false(has(&report, "previous"));
    assert_true(page_says("cannot be asked any more"));
}

/* A build that was stopped before it published left the newest versions. */
static void test_the_release_before_is_not_pruned(void **state) {
    (void)state;
    static const char *const rooms[] = {"index", "keywords"};
    sage_release now, before;
    char command[4 * SAGE_PATH_MAX];
    sage_open_release opened;
    for (size_t i = 0; i < 2; i++) {
        char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX], name[64];
        tiny_must(sage_release_read(shop, &now, &error), &error, "current");
        uint64_t version = i == 0 ? now.index : now.keywords;
        snprintf(name, sizeof name, "%s/%llu", rooms[i], (unsigned long long)version);
        snprintf(from, sizeof from, "%s", scratch_path(shop_dir, name));
        snprintf(name, sizeof name, "%s/%llu", rooms[i], (unsigned long long)version + 1);
        snprintf(to, sizeof to, "%s", scratch_path(shop_dir, name));
        snprintf(command, sizeof command, "cp -R '%s' '%s'", from, to);
        scratch_must(system(command) == 0, command);
    }
    published_index(shop);
    tiny_must(sage_release_read(shop, &now, &error), &error, "current");
    tiny_must(sage_release_read_before(shop, &now, &before, &error), &error, "previous");
    assert_int_equal(before.index, now.index - 2);
    tiny_must(sage_release_open_kept(shop, &before, &opened, &error), &error, "open it");
    sage_release_close(&opened);
}

static void test_a_page_needs_memory_and_says_so(void **state) {
    (void)state;
    sage_eval_report *report = calloc(1, sizeof *report);
    sage_status st = SAGE_E_MEMORY;
    scratch_must(report != NULL, "memory");
    sage_alloc_fail_from(0);
    tiny_must(judge(report), &error, "judge");
    unsigned long all = sage_alloc_fail_from(0), step = all / 150 + 1;
    for (unsigned long at = 1; st != SAGE_OK; at += step) {
        assert_true(at < 2 * all + 1000);
        sage_alloc_fail_from(at);
        st = judge(report);
        sage_alloc_fail_from(0);
    }
    free(report);
}

/* Of three queries with 1, 2 and 3 pairs; the first k of hybrid and of `previous`, list 3, as given. */
static sage_text_trial trial_of(const uint32_t hybrid[6], const uint32_t previous[6]) {
    static const sage_judgement list[] = {{.query = {"a", 1}, .pid = 1}, {.query = {"b", 1}, .pid = 2},
                                          {.query = {"b", 1}, .pid = 3}, {.query = {"c", 1}, .pid = 4},
                                          {.query = {"c", 1}, .pid = 5}, {.query = {"c", 1}, .pid = 6}};
    sage_text_trial trial = {.n_methods = 4, .depth = 100};
    tiny_must(sage_judge_read(&trial.judge, list, 6, &error), &error, "read");
    tiny_must(sage_judge_lists(&trial.judge, 4, &error), &error, "lists");
    for (size_t i = 0; i < 6; i++) {
        trial.judge.ranks[SAGE_HYBRID * 6 + i] = hybrid[i];
        trial.judge.ranks[3 * 6 + i] = previous[i];
    }
    return trial;
}

static void test_worst_and_changed_queries(void **state) {
    (void)state;
    enum { NO = SAGE_RANK_MISS };
    static sage_chosen_queries worst, gained, lost;
    sage_text_trial trial =
        trial_of((const uint32_t[]){NO, 0, 12, NO, 3, 30}, (const uint32_t[]){0, 50, 60, NO, NO, 40});
    tiny_must(sage_report_choose(&trial, 10, 3, &worst, &gained, &lost, &error), &error, "choose");
    assert_int_equal(worst.n, 3);
    assert_int_equal(worst.list[0].text.data[0], 'c'); /* two missed */
    assert_int_equal(worst.list[1].text.data[0], 'a'); /* one of one */
    assert_int_equal(worst.list[2].text.data[0], 'b'); /* one of two */
    assert_true(worst.list[0].pairs == 3 && worst.list[0].found == 1 && worst.list[0].n_wanted == 3);
    /* Missed ones first. */
    assert_true(worst.list[0].wanted[0] == 4 && worst.list[0].place[0] == 0);
    assert_true(worst.list[0].wanted[1] == 6 && worst.list[0].place[1] == 31 && worst.list[0].before[1] == 41);
    assert_true(worst.list[0].wanted[2] == 5 && worst.list[0].place[2] == 4);
    assert_true(gained.n == 2 && lost.n == 1);
    assert_int_equal(lost.list[0].text.data[0], 'a');
    assert_true(lost.list[0].found == 0 && lost.list[0].found_before == 1);
    tiny_must(sage_report_choose(&trial, 10, SIZE_MAX, &worst, &gained, &lost, &error), &error, "choose");
    assert_true(worst.n == 3 && gained.n == 0 && lost.n == 0);
    sage_text_trial_free(&trial);
}

static void test_the_course_of_a_training_is_read_as_far_as_it_reads(void **state) {
    (void)state;
    static sage_training training;
    char path[SAGE_PATH_MAX];
    sage_buf text;
    sage_buf_init(&text, 1 << 20);
    for (size_t i = 1; i <= 1000; i++) {
        tiny_must(sage_buf_printf(&text, &error,
                                  "{\"step\":%zu,\"loss\":%zu.5,\"in_batch\":0,\"random\":2,\"tasks\":{}}\n", i, i),
                  &error, "write");
        if (i % 500 == 0)
            tiny_must(sage_buf_printf(&text, &error,
                                      "{\"validation\":%zu,\"recall10\":0.%zu,\"tasks\":{\"search/click\":0.25}}\n", i,
                                      i / 100),
                      &error, "write");
        if (i == 700) tiny_must(sage_buf_text(&text, "no JSON\n", &error), &error, "write");
    }
    tiny_must(sage_buf_text(&text, "{\"step\":1001,\"loss\":1", &error), &error, "write"); /* cut off */
    snprintf(path, sizeof path, "%s", scratch_path(shop_dir, "models/77"));
    tiny_must(sage_fs_mkdir(path, &error), &error, path);
    scratch_write(scratch_path(path, "metrics.jsonl"), text.data, text.len);
    tiny_must(sage_report_training_read(shop, 77, &training, &error), &error, "read");
    assert_int_equal(training.n_losses, 2); /* in_batch is 0 all the way */
    assert_string_equal(training.losses[1].name, "random");
    const sage_training_line *loss = &training.losses[0];
    assert_true(loss->n > 100 && loss->n <= SAGE_TRAINING_POINTS);
    for (size_t i = 0; i < loss->n; i++) assert_true(loss->value[i] == loss->step[i] + 0.5);
    assert_true(loss->step[loss->n - 1] > 990);
    assert_int_equal(training.n_validations, 2);
    assert_string_equal(training.validations[0].name, "all");
    assert_true(training.validations[0].n == 2 && training.validations[0].step[1] == 1000);
    assert_true(training.validations[1].value[0] == 0.25);
    memset(&training, 0, sizeof training);
    tiny_must(sage_report_training_read(shop, 78, &training, &error), &error, "read"); /* there is none */
    assert_int_equal(training.n_losses, 0);
    sage_buf_free(&text);
    tiny_must(sage_fs_remove_tree(path, &error), &error, path);
}

static void test_the_map_has_colours_by_category(void **state) {
    (void)state;
    sage_open_release opened;
    sage_product_map map;
    sage_arena *arena = sage_arena_new(1 << 16);
    bool used[SAGE_MAP_GROUPS] = {false};
    tiny_must(sage_release_open(shop, true, &opened, &error), &error, "open");
    tiny_must(sage_report_map_make(sage_engine_index(opened.engine), NULL, NULL, arena, &map, &error), &error, "map");
    assert_int_equal(map.n, PUBLISHED_PRODUCTS);
    assert_string_equal(map.by, "category");
    for (size_t i = 0; i < map.n; i++) {
        assert_true(map.points[i].group < map.n_groups || (map.others && map.points[i].group == SAGE_MAP_GROUPS - 1));
        used[map.points[i].group] = true;
        assert_true(map.points[i].title[0] != '\0');
    }
    assert_int_equal(map.n_groups, 1); /* "Furniture > table" and the like */
    assert_string_equal(map.groups[0], "Furniture");
    assert_true(used[0] && !map.others);
    sage_release_close(&opened);
    sage_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_release_before_is_judged_beside),
        cmocka_unit_test(test_the_release_before_is_not_pruned),
        cmocka_unit_test(test_worst_and_changed_queries),
        cmocka_unit_test(test_the_course_of_a_training_is_read_as_far_as_it_reads),
        cmocka_unit_test(test_the_map_has_colours_by_category),
        cmocka_unit_test(test_a_page_needs_memory_and_says_so),
    };
    return cmocka_run_group_tests(tests, with_held_out_events, clear);
}
