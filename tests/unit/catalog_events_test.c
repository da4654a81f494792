#include "catalog_help.h"

#define SETUP                                                                                                          \
    place p;                                                                                                           \
    (void)state;                                                                                                       \
    place_open(&p);                                                                                                    \
    need_ok(&p, place_import(&p, "products.csv", "id,title\na,Red shirt\nb,Blue hat\n", NULL))

/* All rows of the cursor as lines "surface|query|key|pid>0|product|kind|count|time". */
static char *dump(place *p) {
    sage_event_cursor *cursor = NULL;
    const sage_event_row *row = NULL;
    sage_buf out;
    sage_buf_init(&out, 1 << 20);
    need_ok(p, sage_event_cursor_open(p->catalog, &cursor, &p->error));
    for (;;) {
        need_ok(p, sage_event_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        char time[32] = "-";
        if (row->time_ms != INT64_MIN) snprintf(time, sizeof time, "%lld", (long long)row->time_ms);
        need_ok(p, sage_buf_printf(&out, NULL, "%s|%.*s|%.*s|%s|%.*s|%s|%llu|%s\n", sage_surface_names[row->surface],
                                   (int)row->query.len, row->query.data, (int)row->query_key.len, row->query_key.data,
                                   row->pid > 0 ? "known" : "unknown", (int)row->product_id.len, row->product_id.data,
                                   sage_event_names[row->kind], (unsigned long long)row->count, time));
    }
    need_ok(p, sage_event_cursor_next(cursor, &row, &p->error));
    assert_null(row); /* and stays at the end */
    sage_event_cursor_close(cursor);
    need_ok(p, sage_buf_text(&out, "", NULL));
    return out.data;
}

static void need_dump(place *p, const char *expected) {
    char *got = dump(p);
    assert_string_equal(got, expected);
    free(got);
}

static void adds_up_and_orders(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv",
                             "timestamp,user_id,surface,query,product_id,event,count\n"
                             "2024-05-01,u1,search,Red  SHIRT,a,click,2\n"
                             "2024-05-02,u2,search,red shirt,a,click,3\n"
                             "2024-05-03,u2,search,red shirt,a,checkout,\n"
                             ",u2,search,red shirt,b,save,1\n"
                             ",u2,search,hat,b,click,1\n"
                             ",u1,user,,b,add_to_cart,1\n"
                             ",u1,product,a,b,click,1\n"
                             ",u1,image,photos/1.jpg,b,click,1\n",
                             NULL));
    assert_int_equal(p.report.rows, 8);
    assert_int_equal(p.report.added, 8);
    assert_int_equal(p.report.unknown_products, 0);
    need_dump(&p, "search|hat|hat|known|b|click|1|-\n"
                  "search|Red  SHIRT|red shirt|known|a|click|5|1714608000000\n"
                  "search|Red  SHIRT|red shirt|known|a|checkout|1|1714694400000\n"
                  "search|Red  SHIRT|red shirt|known|b|save|1|-\n"
                  "image|photos/1.jpg|photos/1.jpg|known|b|click|1|-\n"
                  "product|a|a|known|b|click|1|-\n"
                  "user|u1|u1|known|b|add_to_cart|1|-\n");
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.events, 8);
    assert_int_equal(counted.queries, 5);
    assert_int_equal(counted.task_n, 6);
    assert_string_equal(counted.tasks[0].task, "search/click");
    assert_int_equal(counted.tasks[0].events, 3);
    assert_int_equal(sage_catalog_revision(p.catalog), 2);
    assert_false(sage_catalog_simulated(p.catalog));
    place_close(&p);
}

static void accepts_other_names(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.jsonl",
                             "{\"event_name\":\"select_item\",\"item_id\":\"a\",\"search_term\":\"q\",\"event_"
                             "timestamp\":1714564800123456}\n"
                             "{\"event_name\":\"view_item\",\"item_id\":\"a\",\"search_term\":\"q\"}\n"
                             "{\"event_name\":\"add_to_wishlist\",\"item_id\":\"a\",\"search_term\":\"q\"}\n"
                             "{\"event_name\":\"ADD_TO_CART\",\"item_id\":\"a\",\"search_term\":\"q\"}\n"
                             "{\"event_name\":\"purchase\",\"item_id\":\"a\",\"user_pseudo_id\":\"anon\"}\n"
                             "{\"event\":\"purchase\",\"product_id\":\"b\",\"item_id\":\"a\",\"user_id\":\"u\",\"user_"
                             "pseudo_id\":\"anon\"}\n"
                             "{\"user_pseudo_id\":\"anon\",\"item_id\":\"a\",\"event\":\"purchase\",\"product_id\":"
                             "\"b\",\"user_id\":\"u\"}\n",
                             NULL));
    assert_int_equal(p.report.rejected, 0);
    need_dump(&p, "search|q|q|known|a|click|2|1714564800123\n"
                  "search|q|q|known|a|save|1|-\n"
                  "search|q|q|known|a|add_to_cart|1|-\n"
                  "user|anon|anon|known|a|checkout|1|-\n"
                  "user|u|u|known|b|checkout|2|-\n");
    place_close(&p);
}

static void refuses_bad_rows(void **state) {
    SETUP;
    char text[8192], query[4200];
    memset(query, 'q', sizeof query);
    snprintf(text, sizeof text,
             "timestamp\tuser_id\tsurface\tquery\tproduct_id\tevent\tcount\n"
             "\t\tsearch\tq\t\tclick\t\n"
             "\t\tsearch\tq\ta\t\t\n"
             "\t\tsearch\tq\ta\tlike\t\n"
             "\t\thome\tq\ta\tclick\t\n"
             "soon\t\tsearch\tq\ta\tclick\t\n"
             "\t\tsearch\tq\ta\tclick\t0\n"
             "\t\tsearch\tq\ta\tclick\t-1\n"
             "\t\tsearch\tq\ta\tclick\t1.5\n"
             "\t\tsearch\tq\ta\tclick\t1000000001\n"
             "\t\tsearch\tq\ta\tclick\t18446744073709551617\n"
             "\t\tsearch\t\ta\tclick\t\n"
             "\t\tproduct\t\ta\tclick\t\n"
             "\t\tuser\t\ta\tclick\t\n"
             "\t\tsearch\t\xC2\xA0\xE2\x80\xA8\ta\tclick\t\n"
             "\t\tsearch\t%.4097s\ta\tclick\t\n"
             "\t%.256s\tsearch\tq\ta\tclick\t\n"
             "\t\tsearch\tq\t%.256s\tclick\t\n"
             "\t\timage\t../x.jpg\ta\tclick\t\n"
             "\t\tsearch\tq\ta\tclick\t1000000000\n",
             query, query, query);
    need_ok(&p, place_events(&p, "e.tsv", text, NULL));
    assert_int_equal(p.report.rows, 19);
    assert_int_equal(p.report.added, 1);
    static const struct {
        const char *reason;
        unsigned n;
    } expected[] = {
        {"no-product-id", 1}, {"no-event", 1},       {"unknown-event", 1}, {"unknown-surface", 1},
        {"bad-timestamp", 1}, {"bad-count", 5},      {"no-query", 2},      {"no-user", 1},
        {"empty-query", 1},   {"query-too-long", 1}, {"bad-user-id", 1},   {"bad-product-id", 1},
        {"image-outside", 1},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (reason_count(&p.report, expected[i].reason) != expected[i].n) print_error("%s\n", expected[i].reason);
        assert_int_equal(reason_count(&p.report, expected[i].reason), expected[i].n);
    }
    place_close(&p);
}

/* position and propensity of all searches' events, by their order in the file; "-" where there is none. */
static void need_shown(place *p, const char *expected) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    sage_buf out;
    sage_buf_init(&out, 1 << 16);
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT coalesce(position, '-') || ' ' || coalesce(propensity, '-') || ';'"
                                        " FROM events ORDER BY event",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        need_ok(p, sage_buf_text(&out, (const char *)sqlite3_column_text(stmt, 0), NULL));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    need_ok(p, sage_buf_text(&out, "", NULL));
    assert_string_equal(out.data, expected);
    sage_buf_free(&out);
}

static void keeps_where_products_were_shown(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv",
                             "query,product_id,event,position,propensity,event_id\n"
                             "q,a,click,1,,1\nq,a,click,1000000000,1,2\nq,a,click,,.5,3\nq,a,click,7,2.5e-3,4\n"
                             "q,a,click,,,5\nq,a,click,2,1.000000e+00,6\nq,a,click,9,,1\n",
                             NULL));
    assert_int_equal(p.report.unchanged, 1); /* an event_id that was seen keeps what it said */
    need_shown(&p, "1 -;1000000000 1.0;- 0.5;7 0.0025;- -;2 1.0;");
    place_close(&p);
}

/* GA4's index counts from 0, beside item_id alone; by --map it is a position. */
static void an_index_of_ga4_counts_from_0(void **state) {
    SETUP;
    const sage_import_options map = {.map = "position=index"};
    need_ok(&p, place_events(&p, "ga4.jsonl",
                             "{\"event_name\":\"select_item\",\"item_id\":\"a\",\"search_term\":\"q\",\"index\":0}\n"
                             "{\"event_name\":\"select_item\",\"item_id\":\"a\",\"search_term\":\"q\",\"index\":4}\n"
                             "{\"event_name\":\"select_item\",\"item_id\":\"a\",\"search_term\":\"q\",\"index\":4,"
                             "\"position\":9}\n",
                             NULL));
    need_ok(&p, place_events(&p, "own.csv", "index,query,product_id,event\n0,q,a,click\nx,q,a,click\n", NULL));
    assert_int_equal(p.report.rejected, 0);
    need_ok(&p, place_events(&p, "map.csv", "index,search_term,item_id,event\n1,q,a,click\n0,q,a,click\n", &map));
    assert_int_equal(reason_count(&p.report, "bad-position"), 1);
    need_ok(&p, place_events(&p, "bad.csv", "index,search_term,item_id,event\n-1,q,a,click\n", NULL));
    assert_int_equal(reason_count(&p.report, "bad-position"), 1);
    need_shown(&p, "1 -;5 -;9 -;- -;- -;1 -;");
    place_close(&p);
}

static void refuses_positions_and_propensities_that_are_none(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv",
                             "query;product_id;event;position;propensity\n"
                             "q;a;click;0;\nq;a;click;-1;\nq;a;click;1.5;\nq;a;click;first;\nq;a;click;1000000001;\n"
                             "q;a;click;;0\nq;a;click;;-0.1\nq;a;click;;1.01\nq;a;click;;0,5\nq;a;click;;nan\n"
                             "q;a;click;;1e-400\nq;a;click;;1e\nq;a;click;;.\nq;a;click;;5e1\nq;a;click;;0x1\n"
                             "q;a;click;;0.5 0\n",
                             NULL));
    assert_int_equal(p.report.added, 0);
    assert_int_equal(reason_count(&p.report, "bad-position"), 5);
    assert_int_equal(reason_count(&p.report, "bad-propensity"), 11);
    place_close(&p);
}

static void refuses_a_file_that_holds_no_events(void **state) {
    SETUP;
    assert_int_equal(place_events(&p, "e.csv", "id,title\na,x\n", NULL), SAGE_E_FORMAT);
    assert_non_null(strstr(p.error.text, "--map product_id=COLUMN"));
    const sage_import_options map = {.map = "product_id=sku,event=what,query=words"};
    need_ok(&p, place_events(&p, "e.csv", "sku,what,words\na,click,x\n", &map));
    assert_int_equal(p.report.added, 1);
    place_close(&p);
}

static const char some_events[] = "query,product_id,event,event_id\nq,a,click,1\nq,b,click,2\nq,b,click,\n";

static void the_same_content_is_refused(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv", some_events, NULL));
    assert_int_equal(place_events(&p, "copy.csv", some_events, NULL), SAGE_E_STATE);
    assert_non_null(strstr(p.error.text, "--again"));
    assert_int_equal(ask(&p, "SELECT count(*) FROM events"), 3);
    assert_int_equal(ask(&p, "SELECT count(*) FROM imports WHERE kind = 'events'"), 1);
    const sage_import_options again = {.again = true};
    need_ok(&p, place_events(&p, "e.csv", some_events, &again));
    assert_int_equal(p.report.unchanged, 2); /* known by their event_id */
    assert_int_equal(p.report.added, 1);
    assert_int_equal(ask(&p, "SELECT count(*) FROM events"), 4);
    /* A log without a row is no repetition of another one. */
    need_ok(&p, place_events(&p, "empty1.csv", "query,product_id,event\n", NULL));
    need_ok(&p, place_events(&p, "empty2.csv", "query,product_id,event\n", NULL));
    place_close(&p);
}

static void the_same_file_twice_in_one_import_is_refused(void **state) {
    SETUP;
    char path[SAGE_PATH_MAX];
    place_write(&p, "e.csv", some_events);
    const char *files[] = {place_path(&p, "e.csv", path), path};
    assert_int_equal(sage_catalog_import_events(p.catalog, files, 2, NULL, NULL, &p.report, &p.error), SAGE_E_STATE);
    assert_int_equal(ask(&p, "SELECT count(*) FROM events"), 0);
    place_close(&p);
}

static void event_ids_remove_duplicates(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv",
                             "query,product_id,event,event_id\nq,a,click,x1\nq,a,click,x1\nother "
                             "words,zz,click,x1\nq,a,click,\nq,a,click,\n",
                             NULL));
    assert_int_equal(p.report.added, 3);
    assert_int_equal(p.report.unchanged, 2);
    assert_int_equal(ask(&p, "SELECT count(*) FROM queries"), 1); /* a duplicate leaves nothing behind */
    assert_int_equal(ask(&p, "SELECT count(*) FROM event_products"), 1);
    place_close(&p);
}

static void events_find_their_product_later(void **state) {
    SETUP;
    const sage_import_options full = {.full = true};
    need_ok(&p, place_events(&p, "e.csv", "query,product_id,event\nq,c,click\nq,c,save\nq,a,click\n", NULL));
    assert_int_equal(p.report.unknown_products, 2);
    assert_int_equal(p.report.added, 3);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.unknown_product_events, 2);
    need_dump(&p, "search|q|q|unknown|c|click|1|-\nsearch|q|q|unknown|c|save|1|-\nsearch|q|q|known|a|click|1|-\n");
    need_ok(&p, place_import(&p, "more.csv", "id,title\nc,Green sock\n", NULL));
    need_dump(&p, "search|q|q|known|a|click|1|-\nsearch|q|q|known|c|click|1|-\nsearch|q|q|known|c|save|1|-\n");
    /* A product that goes leaves its events, unknown again. */
    need_ok(&p, place_import(&p, "less.csv", "id,title\nc,Green sock\n", &full));
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.unknown_product_events, 1);
    assert_int_equal(counted.events, 3);
    place_close(&p);
}

static void simulated_events_are_remembered(void **state) {
    SETUP;
    need_ok(&p, place_events(&p, "e.csv", "query,product_id,event,event_id\nq,a,click,simulate\n", NULL));
    assert_false(sage_catalog_simulated(p.catalog));
    need_ok(&p, place_events(&p, "e.csv", "query,product_id,event,event_id\nq,a,click,simulated-1\n", NULL));
    assert_true(sage_catalog_simulated(p.catalog));
    place_close(&p);
}

static void forgets_a_person(void **state) {
    SETUP;
    need_ok(&p,
            place_events(&p, "e.csv",
                         "user_id,surface,query,product_id,event\n"
                         "ann,search,my own name ann,a,click\nann,search,shared,a,click\nbob,search,shared,a,click\n"
                         "ann,user,,b,click\nbob,user,ann,b,save\nann,search,bad,a,like\nbob,search,bad,a,like\n",
                         NULL));
    assert_int_equal(p.report.rejected, 2);
    uint64_t events = 0;
    need_ok(&p, sage_catalog_forget_user(p.catalog, "ann", &events, &p.error));
    assert_int_equal(events, 4);
    need_dump(&p, "search|shared|shared|known|a|click|1|-\n");
    assert_int_equal(ask(&p, "SELECT count(*) FROM users WHERE user_id = 'ann'"), 0);
    assert_int_equal(ask(&p, "SELECT count(*) FROM queries"), 1);
    assert_int_equal(ask(&p, "SELECT count(*) FROM rejects"), 1);
    assert_int_equal(sage_catalog_revision(p.catalog), 3);
    need_ok(&p, sage_catalog_forget_user(p.catalog, "nobody", &events, &p.error));
    assert_int_equal(events, 0);
    assert_int_equal(sage_catalog_forget_user(p.catalog, "", &events, &p.error), SAGE_E_ARGUMENT);
    /* Not a byte of the name is left in the file. */
    sage_catalog_close(p.catalog);
    p.catalog = NULL;
    char *bytes = NULL;
    size_t n = 0;
    need_ok(&p, sage_fs_read_all(p.db, 64 << 20, &bytes, &n, &p.error));
    assert_null(memmem(bytes, n, "my own name", 11));
    assert_non_null(memmem(bytes, n, "shared", 6));
    free(bytes);
    place_close(&p);
}

typedef struct scanned {
    size_t n, known;
    bool fail;
} scanned;

static sage_status count_row(void *ctx, const sage_event_row *row, sage_error *error) {
    (void)error;
    scanned *s = ctx;
    s->n++;
    s->known += row->pid > 0;
    if (s->n == 1) need_text(row->query_key, "some words");
    return s->fail ? SAGE_E_CANCELLED : SAGE_OK;
}

static void scanning_stores_nothing(void **state) {
    SETUP;
    char path[SAGE_PATH_MAX];
    scanned s = {0};
    place_write(&p, "e.csv", "query,product_id,event\nSome  Words,a,click\nq,zz,click\nq,a,like\n");
    place_path(&p, "e.csv", path);
    need_ok(&p, sage_catalog_scan_events(p.catalog, path, NULL, count_row, &s, &p.report, &p.error));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.known, 1);
    assert_int_equal(p.report.rows, 3);
    assert_int_equal(p.report.unknown_products, 1);
    assert_int_equal(p.report.rejected, 1);
    assert_int_equal(reason_count(&p.report, "unknown-event"), 1);
    assert_int_equal(ask(&p, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM rejects)"), 0);
    s = (scanned){.fail = true};
    assert_int_equal(sage_catalog_scan_events(p.catalog, path, NULL, count_row, &s, &p.report, &p.error),
                     SAGE_E_CANCELLED);
    assert_int_equal(s.n, 1);
    assert_int_equal(sage_catalog_scan_events(p.catalog, "/nowhere", NULL, count_row, &s, &p.report, &p.error),
                     SAGE_E_NOT_FOUND);
    place_close(&p);
}

static void names_tasks(void **state) {
    (void)state;
    char name[32];
    sage_task_name(SAGE_ON_SEARCH * SAGE_EVENT_KINDS + SAGE_ADD_TO_CART, name);
    assert_string_equal(name, "search/add_to_cart");
    sage_task_name(SAGE_TASKS - 1, name);
    assert_string_equal(name, "user/checkout");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_up_and_orders),
        cmocka_unit_test(accepts_other_names),
        cmocka_unit_test(refuses_bad_rows),
        cmocka_unit_test(keeps_where_products_were_shown),
        cmocka_unit_test(an_index_of_ga4_counts_from_0),
        cmocka_unit_test(refuses_positions_and_propensities_that_are_none),
        cmocka_unit_test(refuses_a_file_that_holds_no_events),
        cmocka_unit_test(the_same_content_is_refused),
        cmocka_unit_test(the_same_file_twice_in_one_import_is_refused),
        cmocka_unit_test(event_ids_remove_duplicates),
        cmocka_unit_test(events_find_their_product_later),
        cmocka_unit_test(simulated_events_are_remembered),
        cmocka_unit_test(forgets_a_person),
        cmocka_unit_test(scanning_stores_nothing),
        cmocka_unit_test(names_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
