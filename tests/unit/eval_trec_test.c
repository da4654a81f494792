/* TREC's files: what is refused and where, the order of a run, ids there and back, texts of queries. */
#include <eval/trec.h>
#include <io/fs.h>
#include <string.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/mman.h>

static sage_status parse(const char *text, sage_trec_kind kind, sage_trec_table *table, sage_error *error) {
    *table = (sage_trec_table){0};
    return sage_trec_parse(text, strlen(text), "file", kind, table, error);
}

static void refused(const char *text, sage_trec_kind kind, size_t line, const char *part) {
    sage_trec_table table;
    sage_error error = {0};
    assert_int_equal(parse(text, kind, &table, &error), SAGE_E_FORMAT);
    assert_string_equal(error.source, "file");
    assert_int_equal(error.line, line);
    if (strstr(error.text, part) == NULL) fail_msg("'%s' does not say '%s'", error.text, part);
    sage_trec_free(&table);
}

static void test_what_is_refused(void **state) {
    (void)state;
    refused("1 Q0 a 1 2.5 t\n1 Q0 b 2 2.5\n", SAGE_TREC_RUN, 2, "too few fields");
    refused("\n\n1 Q0 a 1 2.5 my tag\n", SAGE_TREC_RUN, 3, "too many fields");
    refused("1 Q0 a 1 high t\n", SAGE_TREC_RUN, 1, "score is no finite number");
    refused("1 Q0 a 1 nan t\n", SAGE_TREC_RUN, 1, "score is no finite number");
    refused("1 Q0 a 1 1e999 t\n", SAGE_TREC_RUN, 1, "score is no finite number");
    refused("1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n1 Q0 a 9 1 t\n", SAGE_TREC_RUN, 3, "first in line 1");
    refused("", SAGE_TREC_RUN, 0, "empty");
    refused("\n \n", SAGE_TREC_QRELS, 0, "empty");
    refused("\x1f\x8b\b", SAGE_TREC_RUN, 0, "compressed");
    refused("1 0 a\n", SAGE_TREC_QRELS, 1, "too few fields");
    refused("1 0 a x\n", SAGE_TREC_QRELS, 1, "grade is no finite number");
    refused("1 0 a 1\n1 0 a 2\n", SAGE_TREC_QRELS, 2, "first in line 1");
}

static void assert_line(const sage_trec_line *line, const char *query, const char *product, double value) {
    assert_true(sage_str_equal(line->query, (sage_str){query, strlen(query)}));
    assert_true(sage_str_equal(line->product, (sage_str){product, strlen(product)}));
    assert_float_equal(line->value, value, 1e-12);
}

/* As spreadsheets and editors of Windows write files. */
static void test_a_byte_order_mark(void **state) {
    (void)state;
    sage_trec_table table;
    sage_error error = {0};
    size_t at;
    assert_int_equal(parse("\xEF\xBB\xBF"
                           "1 0 a 1\r\n",
                           SAGE_TREC_QRELS, &table, &error),
                     SAGE_OK);
    assert_int_equal(sage_trec_find(&table, SAGE_STR("1"), &at), 1);
    sage_trec_free(&table);
    sage_trec_queries queries = {0};
    const char text[] = "\xEF\xBB\xBF"
                        "1\toak\r\n";
    assert_int_equal(sage_trec_parse_queries(text, sizeof text - 1, "file", &queries, &error), SAGE_OK);
    assert_non_null(sage_trec_query_of_id(&queries, SAGE_STR("1")));
    sage_trec_queries_free(&queries);
}

/* A file that fills its last page, without a line break, has nothing behind it that may be read. */
static void test_nothing_is_read_behind_the_end(void **state) {
    (void)state;
    static const char text[] = "1 0 a 12";
    sage_trec_table table = {0};
    sage_error error = {0};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = sizeof text - 1;
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    memcpy(map + page - n, text, n);
    assert_int_equal(sage_trec_parse(map + page - n, n, "file", SAGE_TREC_QRELS, &table, &error), SAGE_OK);
    assert_float_equal(table.lines[0].value, 12, 0);
    sage_trec_free(&table);
    munmap(map, 2 * page);
}

/* By score whatever the ranks say; of equal scores, also those that differ beyond a float, the last id comes first. */
static void test_the_order_of_a_run(void **state) {
    (void)state;
    sage_trec_table table;
    sage_error error = {0};
    size_t at;
    const char *text = "2 Q0 x 1 1 t\r\n"
                       "1\tQ0\ta\t1\t1\tt\n"
                       "1 Q0 c 2 1.00000000001 t\n"
                       "1 Q0 b 3 7 t\n\n"
                       "1 Q0 d 4 -2 t";
    assert_int_equal(parse(text, SAGE_TREC_RUN, &table, &error), SAGE_OK);
    assert_int_equal(table.n, 5);
    assert_int_equal(sage_trec_find(&table, SAGE_STR("1"), &at), 4);
    assert_line(&table.lines[at], "1", "b", 7);
    assert_line(&table.lines[at + 1], "1", "c", 1.00000000001);
    assert_line(&table.lines[at + 2], "1", "a", 1);
    assert_line(&table.lines[at + 3], "1", "d", -2);
    assert_int_equal(sage_trec_find(&table, SAGE_STR("2"), &at), 1);
    assert_int_equal(sage_trec_find(&table, SAGE_STR("3"), &at), 0);
    sage_trec_free(&table);
}

static void test_ids_there_and_back(void **state) {
    (void)state;
    static const char *const ids[] = {"p1",
                                      "a b",
                                      "50%",
                                      "a%20b",
                                      "tab\there",
                                      "caf\xc3\xa9",
                                      ("no\xc2\xa0"
                                       "break")};
    sage_buf out, back;
    sage_error error = {0};
    sage_buf_init(&out, 1000);
    sage_buf_init(&back, 1000);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_int_equal(sage_trec_encode((sage_str){ids[i], strlen(ids[i])}, &out, &error), SAGE_OK);
        for (size_t c = 0; c < out.len; c++) assert_in_range((unsigned char)out.data[c], '!', '~');
        assert_int_equal(sage_trec_decode((sage_str){out.data, out.len}, &back, &error), SAGE_OK);
        assert_string_equal(back.data, ids[i]);
    }
    assert_int_equal(sage_trec_decode(SAGE_STR("100%"), &back, &error), SAGE_OK); /* no code: as it stands */
    assert_string_equal(back.data, "100%");
    assert_int_equal(sage_trec_decode(SAGE_STR("%2"), &back, &error), SAGE_OK);
    assert_string_equal(back.data, "%2");
    sage_buf_free(&out);
    sage_buf_free(&back);
}

static sage_status read_queries(const char *dir, const char *text, sage_trec_queries *queries, sage_error *error) {
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(dir, "queries.tsv"));
    scratch_write(path, text, strlen(text));
    *queries = (sage_trec_queries){0};
    return sage_trec_read_queries(path, queries, error);
}

static void test_queries(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    sage_trec_queries queries;
    sage_error error = {0};
    scratch_make(dir);
    assert_int_equal(read_queries(dir, "7\tOak  Table\nb\tlamp\r\n\n", &queries, &error), SAGE_OK);
    const sage_trec_query *table = sage_trec_query_of_key(&queries, SAGE_STR("oak table"));
    assert_non_null(table);
    assert_true(sage_str_equal(table->id, SAGE_STR("7")));
    const sage_trec_query *lamp = sage_trec_query_of_id(&queries, SAGE_STR("b"));
    assert_non_null(lamp);
    assert_true(sage_str_equal(lamp->key, SAGE_STR("lamp")));
    assert_null(sage_trec_query_of_key(&queries, SAGE_STR("Oak  Table")));
    assert_null(sage_trec_query_of_id(&queries, SAGE_STR("8")));
    sage_trec_queries_free(&queries);
    static const struct {
        const char *text;
        size_t line;
    } bad[] = {{"1 oak\n", 1},          {"\n", 0},
               {"1\toak\n\tlamp\n", 2}, {"1\toak\n2\t \n", 2},
               {"1\toak\n2\tOAK\n", 2}, {"1\toak\n2\tx\n1\tlamp\n", 3},
               {"1\t\xff\n", 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_queries(dir, bad[i].text, &queries, &error), SAGE_E_FORMAT);
        assert_int_equal(error.line, bad[i].line);
        sage_trec_queries_free(&queries);
    }
    scratch_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_refused),
                                       cmocka_unit_test(test_a_byte_order_mark),
                                       cmocka_unit_test(test_nothing_is_read_behind_the_end),
                                       cmocka_unit_test(test_the_order_of_a_run),
                                       cmocka_unit_test(test_ids_there_and_back),
                                       cmocka_unit_test(test_queries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
