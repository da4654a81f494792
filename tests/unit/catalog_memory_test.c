/* Each allocation of an operation fails in turn, and all after it: the call says so, and the catalogue is as it was. */
#include "catalog_help.h"
#include <base/alloc.h>
#include <io/npy.h>

static const char products[] =
    "id,title,link,image_link,additional_image_link,price,weight,color\n"
    "1,Red shirt \xC3\x84,https://www.shop.example/p/1,https://a/1.jpg,https://a/2.jpg,1 EUR,10,red\n"
    ",no id,,,,,,\n2,Blue hat,,,,2 EUR,1.5,\n1,Again,,,,,,\n";
static const char joined[] =
    "{\"id\":\"9\",\"product_type\":[\"a\",\"b\"],\"size\":\"x\",\"a\":\"1\",\"b\":[\"2\",\"3\"]}\n";
static const char events[] = "timestamp,user_id,query,product_id,event,count,event_id\n"
                             "2024-05-01,u,Red,1,click,1,a\n2024-05-01,,Blue \xC3\x84,7,save,1,b\n,u,x,1,like,1,\n";

typedef sage_status (*work_fn)(place *p);

static sage_status import_csv(place *p) {
    return place_import(p, "a.csv", products, NULL);
}

static sage_status import_jsonl(place *p) {
    const sage_import_options full = {.full = true, .map = "size=size"};
    return place_import(p, "a.jsonl", joined, &full);
}

static sage_status import_events(place *p) {
    const sage_import_options again = {.again = true};
    return place_events(p, "e.csv", events, &again);
}

static sage_status import_vectors(place *p) {
    char npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX];
    return sage_catalog_import_image_vectors(p->catalog, p->dir, place_path(p, "v.npy", npy),
                                             place_path(p, "ids.txt", ids), NULL, &p->report, &p->error);
}

static sage_status read_all(place *p) {
    sage_product_cursor *product_cursor = NULL;
    sage_event_cursor *event_cursor = NULL;
    const sage_product_row *product = NULL;
    const sage_event_row *event = NULL;
    sage_status st = sage_product_cursor_open(p->catalog, 0, 0, &product_cursor, &p->error);
    do {
        if (st == SAGE_OK) st = sage_product_cursor_next(product_cursor, &product, &p->error);
    } while (st == SAGE_OK && product != NULL);
    if (st == SAGE_OK) st = sage_event_cursor_open(p->catalog, &event_cursor, &p->error);
    do {
        if (st == SAGE_OK) st = sage_event_cursor_next(event_cursor, &event, &p->error);
    } while (st == SAGE_OK && event != NULL);
    sage_product_cursor_close(product_cursor);
    sage_event_cursor_close(event_cursor);
    return st;
}

static sage_status read_users(place *p) {
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row = NULL;
    int64_t newest = 0;
    sage_status st = sage_user_cursor_open(p->catalog, NULL, &cursor, &p->error);
    do {
        if (st == SAGE_OK) st = sage_user_cursor_next(cursor, &row, &p->error);
    } while (st == SAGE_OK && row != NULL);
    sage_user_cursor_close(cursor);
    return st == SAGE_OK ? sage_catalog_newest_event(p->catalog, &newest, &p->error) : st;
}

static sage_status reopen(place *p) {
    sage_catalog *other = NULL;
    sage_status st = sage_catalog_open(p->db, false, &other, &p->error);
    const char *value = NULL;
    if (st == SAGE_OK) st = sage_catalog_meta(other, "revision", &value, &p->error);
    sage_catalog_close(other);
    return st;
}

/* Runs `work` until no allocation of it is left to fail; before that it must fail and change nothing. */
static void fail_each(place *p, work_fn work) {
    int64_t revision = sage_catalog_revision(p->catalog);
    for (unsigned long n = 1; n < 10000; n++) {
        int64_t rows = ask(
            p, "SELECT (SELECT count(*) FROM products) + (SELECT count(*) FROM events) + (SELECT count(*) FROM rejects)"
               " + (SELECT count(vector_file) FROM images)");
        sage_alloc_fail_from(n);
        sage_status st = work(p);
        sage_alloc_fail_from(0);
        if (st == SAGE_OK) {
            assert_true(n > 1);
            return;
        }
        assert_int_equal(st, SAGE_E_MEMORY);
        assert_int_equal(sage_catalog_revision(p->catalog), revision);
        assert_int_equal(ask(p, "SELECT (SELECT count(*) FROM products) + (SELECT count(*) FROM events) + (SELECT "
                                "count(*) FROM rejects)"
                                " + (SELECT count(vector_file) FROM images)"),
                         rows);
    }
    fail();
}

static void every_allocation_may_fail(void **state) {
    static const work_fn all[] = {import_csv, import_events, import_vectors, read_all,
                                  read_users, reopen,        import_jsonl};
    static const float vectors[2][2] = {{1, 2}, {3, 4}};
    (void)state;
    place p;
    char path[SAGE_PATH_MAX];
    sage_npy_writer writer;
    place_open(&p);
    need_ok(&p, sage_npy_create(place_path(&p, "v.npy", path), 2, 2, &writer, &p.error));
    need_ok(&p, sage_npy_add(&writer, vectors[0], 2, &p.error));
    need_ok(&p, sage_npy_finish(&writer, &p.error));
    place_write(&p, "ids.txt", "1\n2\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) fail_each(&p, all[i]);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
