/* Reading what users did, and the newest time of all. */
#include "catalog_help.h"

#include <catalog/store.h>

#define SETUP                                                                                                          \
    place p;                                                                                                           \
    (void)state;                                                                                                       \
    place_open(&p);                                                                                                    \
    need_ok(&p, place_import(&p, "products.csv", "id,title\na,Red shirt\nb,Blue hat\nc,Green sock\n", NULL))

/* All rows as lines "user|pid|kind|count|time". */
static void need_acts(place *p, const char *user, const char *expected) {
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row = NULL;
    sage_buf out;
    sage_buf_init(&out, 1 << 20);
    need_ok(p, sage_user_cursor_open(p->catalog, user, &cursor, &p->error));
    for (;;) {
        char time[32] = "-";
        need_ok(p, sage_user_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        if (row->time_ms != INT64_MIN) snprintf(time, sizeof time, "%lld", (long long)row->time_ms);
        need_ok(p, sage_buf_printf(&out, NULL, "%.*s|%lld|%s|%llu|%s\n", (int)row->user_id.len, row->user_id.data,
                                   (long long)row->pid, sage_event_names[row->kind], (unsigned long long)row->count,
                                   time));
    }
    need_ok(p, sage_user_cursor_next(cursor, &row, &p->error));
    assert_null(row); /* and stays at the end */
    sage_user_cursor_close(cursor);
    need_ok(p, sage_buf_text(&out, "", NULL));
    assert_string_equal(out.data, expected);
    sage_buf_free(&out);
}

static int64_t newest(place *p) {
    int64_t time_ms = 0;
    need_ok(p, sage_catalog_newest_event(p->catalog, &time_ms, &p->error));
    return time_ms;
}

/* Whatever the surface; without a user, or of an unknown product, nothing. What is alike is one. */
static void newest_first_by_user(void **state) {
    SETUP;
    need_acts(&p, NULL, "");
    need_ok(&p, place_events(&p, "e.csv",
                             "timestamp,user_id,surface,query,product_id,event,count\n"
                             "1970-01-01T00:00:01Z,zoe,search,Red  SHIRT,a,click,2\n"
                             "1970-01-01T00:00:03Z,zoe,image,p.jpg,c,click,1\n"
                             "1970-01-01T00:00:03Z,zoe,product,a,c,click,4\n"
                             "1970-01-01T00:00:03Z,zoe,search,sock,c,save,1\n"
                             ",zoe,user,,b,checkout,1\n"
                             "1970-01-01T00:00:02Z,,user,ann,b,add_to_cart,1\n"
                             "1970-01-01T00:00:04Z,ann,search,x,gone,click,1\n"
                             "1970-01-01T00:00:05Z,,search,x,a,click,1\n"
                             "1970-01-01T00:00:02Z,bob,user,ann,b,click,1\n",
                             NULL));
    assert_int_equal(p.report.added, 9);
    need_acts(&p, NULL,
              "ann|2|add_to_cart|1|2000\n"
              "bob|2|click|1|2000\n"
              "zoe|3|save|1|3000\nzoe|3|click|5|3000\nzoe|1|click|2|1000\nzoe|2|checkout|1|-\n");
    need_acts(&p, "ann", "ann|2|add_to_cart|1|2000\n");
    need_acts(&p, "zoe", "zoe|3|save|1|3000\nzoe|3|click|5|3000\nzoe|1|click|2|1000\nzoe|2|checkout|1|-\n");
    need_acts(&p, "nobody", "");
    need_acts(&p, "", "");
    need_ok(&p, place_import(&p, "more.csv", "id,title\ngone,Lamp\n", NULL)); /* its product comes later */
    need_acts(&p, "ann", "ann|4|click|1|4000\nann|2|add_to_cart|1|2000\n");
    place_close(&p);
}

/* SQLite counts how often a statement sorted, stepped through a whole table, or made an index for itself. */
static void reading_sorts_nothing(void **state) {
    SETUP;
    static const char *const whose[] = {NULL, "ann"};
    need_ok(&p, place_events(&p, "e.csv",
                             "user_id,query,product_id,event\nann,q,a,click\nann,q,b,click\nbob,q,a,click\n", NULL));
    for (size_t i = 0; i < 2; i++) {
        sage_user_cursor *cursor = NULL;
        const sage_user_row *row = NULL;
        need_ok(&p, sage_user_cursor_open(p.catalog, whose[i], &cursor, &p.error));
        do need_ok(&p, sage_user_cursor_next(cursor, &row, &p.error));
        while (row != NULL);
        size_t seen = 0;
        for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(p.catalog->db, s)) != NULL;) {
            if (strstr(sqlite3_sql(s), "FROM users") == NULL) continue;
            assert_int_equal(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0), 0);
            assert_int_equal(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_AUTOINDEX, 0), 0);
            if (whose[i] != NULL) assert_int_equal(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
            seen++;
        }
        assert_int_equal(seen, 1);
        sage_user_cursor_close(cursor);
    }
    place_close(&p);
}

static void the_newest_time_is_kept(void **state) {
    SETUP;
    assert_true(newest(&p) == INT64_MIN);
    need_ok(&p, place_events(&p, "a.csv", "query,product_id,event\nq,a,click\n", NULL));
    assert_true(newest(&p) == INT64_MIN);
    need_ok(&p, place_events(&p, "b.csv",
                             "timestamp,user_id,query,product_id,event\n1970-01-01T00:00:09Z,ann,q,a,click\n"
                             "1970-01-01T00:00:04Z,bob,q,a,click\n1970-01-01T00:00:05Z,bob,q,a,like\n",
                             NULL));
    assert_int_equal(newest(&p), 9000);
    need_ok(&p, place_events(&p, "c.csv",
                             "timestamp,user_id,query,product_id,event\n1970-01-01T00:00:06Z,ann,q,a,click\n", NULL));
    assert_int_equal(newest(&p), 9000); /* an older log comes later */
    need_ok(&p, sage_catalog_forget_user(p.catalog, "ann", NULL, &p.error));
    assert_int_equal(newest(&p), 4000);
    need_acts(&p, NULL, "bob|1|click|1|4000\n");
    assert_int_equal(ask(&p, "SELECT count(*) FROM users"), 1);
    need_ok(&p, sage_catalog_forget_user(p.catalog, "bob", NULL, &p.error));
    assert_true(newest(&p) == INT64_MIN);
    need_acts(&p, NULL, "");
    place_close(&p);
}

/* A large import makes the index of users anew; one that is refused at its end leaves the old one. */
static void a_large_import_keeps_the_index(void **state) {
    SETUP;
    enum { EVENTS = 21000 };
    static const char there[] = "SELECT count(*) FROM sqlite_schema WHERE name = 'events_user' AND sql LIKE '%time%'";
    sage_buf log;
    sage_buf_init(&log, 8 << 20);
    need_ok(&p, sage_buf_text(&log, "timestamp,user_id,query,product_id,event\n", NULL));
    for (int i = 0; i < EVENTS; i++)
        need_ok(&p, sage_buf_printf(&log, NULL, "%d,u%d,q,%s,click\n", 1700000000 + i, i % 7, i % 2 ? "a" : "b"));
    need_ok(&p, place_events(&p, "e.csv", log.data, NULL));
    for (int round = 0; round < 2; round++) {
        sage_user_cursor *cursor = NULL;
        const sage_user_row *row = NULL;
        size_t n = 0;
        int64_t last = INT64_MAX;
        assert_int_equal(ask(&p, there), 1);
        need_ok(&p, sage_user_cursor_open(p.catalog, "u3", &cursor, &p.error));
        for (;; n++) {
            need_ok(&p, sage_user_cursor_next(cursor, &row, &p.error));
            if (row == NULL) break;
            assert_true(row->time_ms < last);
            last = row->time_ms;
        }
        sage_user_cursor_close(cursor);
        assert_int_equal(n, EVENTS / 7);
        if (round == 0) assert_int_equal(place_events(&p, "e.csv", log.data, NULL), SAGE_E_STATE);
    }
    sage_buf_free(&log);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_first_by_user),
        cmocka_unit_test(reading_sorts_nothing),
        cmocka_unit_test(the_newest_time_is_kept),
        cmocka_unit_test(a_large_import_keeps_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
