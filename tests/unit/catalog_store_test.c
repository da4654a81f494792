#include "catalog_help.h"
#include <catalog/picture_store.h>
#include <catalog/schema.h>
#include <sys/stat.h>

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) print_error("%s\n", message);
    assert_null(message);
    sqlite3_close(db);
}

static void an_existing_catalogue_is_left_alone(void **state) {
    (void)state;
    place p;
    place_open(&p);
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,a\n", NULL));
    assert_int_equal(sage_catalog_create(p.db, &p.error), SAGE_E_STATE);
    assert_int_equal(count_products(&p), 1);
    place_close(&p);
}

/* A process that was stopped while it made the file leaves one without tables. */
static void a_stopped_creation_is_taken_up(void **state) {
    (void)state;
    place p;
    char path[SAGE_PATH_MAX];
    place_open(&p);
    place_write(&p, "half.db", "");
    place_path(&p, "half.db", path);
    sage_catalog *catalog = NULL;
    assert_int_equal(sage_catalog_open(path, false, &catalog, &p.error), SAGE_E_FORMAT);
    run_sql(path, "PRAGMA journal_mode = WAL");
    need_ok(&p, sage_catalog_create(path, &p.error));
    need_ok(&p, sage_catalog_open(path, true, &catalog, &p.error));
    sage_catalog_close(catalog);
    place_close(&p);
}

static void what_is_no_catalogue_is_refused(void **state) {
    (void)state;
    place p;
    char path[SAGE_PATH_MAX];
    sage_catalog *catalog = NULL;
    place_open(&p);
    place_path(&p, "other.db", path);
    run_sql(path, "CREATE TABLE t(x); PRAGMA application_id = 7");
    assert_int_equal(sage_catalog_open(path, true, &catalog, &p.error), SAGE_E_FORMAT);
    assert_null(catalog);
    assert_non_null(strstr(p.error.text, "is not an itemsage catalogue"));
    assert_int_equal(sage_catalog_create(path, &p.error), SAGE_E_STATE);
    place_write(&p, "text.db",
                "this is no database at all, but a text that is longer than the header of one would be, and so on\n");
    place_path(&p, "text.db", path);
    assert_int_equal(sage_catalog_open(path, false, &catalog, &p.error), SAGE_E_FORMAT);
    place_path(&p, "absent.db", path);
    assert_int_equal(sage_catalog_open(path, true, &catalog, &p.error), SAGE_E_NOT_FOUND);
    assert_false(sage_fs_exists(path));
    place_close(&p);
}

static void a_newer_format_is_refused(void **state) {
    (void)state;
    place p;
    sage_catalog *catalog = NULL;
    place_open(&p);
    sage_catalog_close(p.catalog);
    p.catalog = NULL;
    run_sql(p.db, "PRAGMA user_version = 99");
    for (int write = 0; write < 2; write++) {
        assert_int_equal(sage_catalog_open(p.db, write != 0, &catalog, &p.error), SAGE_E_STATE);
        assert_non_null(strstr(p.error.text, "newer itemsage"));
    }
    place_close(&p);
}

static void reading_does_not_write(void **state) {
    (void)state;
    place p;
    sage_catalog *reader = NULL;
    place_open(&p);
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,a\n", NULL));
    need_ok(&p, sage_catalog_open(p.db, false, &reader, &p.error));
    const char *files[] = {"-"};
    assert_int_equal(sage_catalog_import_products(reader, files, 1, NULL, NULL, &p.report, &p.error), SAGE_E_STATE);
    assert_int_equal(sage_catalog_import_events(reader, files, 1, NULL, NULL, &p.report, &p.error), SAGE_E_STATE);
    assert_int_equal(sage_catalog_forget_user(reader, "x", NULL, &p.error), SAGE_E_STATE);
    assert_int_equal(sage_catalog_revision(reader), 1);
    /* A reader sees what a writer committed meanwhile. */
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,b\n", NULL));
    assert_int_equal(sage_catalog_revision(reader), 2);
    sage_catalog_close(reader);
    place_close(&p);
}

static void a_cursor_reads_one_state(void **state) {
    (void)state;
    place p;
    sage_catalog *reader = NULL;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    place_open(&p);
    need_ok(&p, place_import(&p, "a.csv", "id,title,image_link\n1,a,old.png\n2,b,old.png\n", NULL));
    need_ok(&p, sage_catalog_open(p.db, false, &reader, &p.error));
    need_ok(&p, sage_product_cursor_open(reader, 0, 0, &cursor, &p.error));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    need_ok(&p, place_import(&p, "a.csv", "id,title,image_link\n2,new,new.png\n3,c,\n", NULL));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    need_text(row->fields[SAGE_TITLE], "b");
    assert_string_equal(row->images[0].link, "old.png");
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    assert_null(row);
    sage_product_cursor_close(cursor);
    sage_catalog_close(reader);
    place_close(&p);
}

static void a_cursor_of_fingerprints_gives_those_of_the_rows(void **state) {
    (void)state;
    place p;
    sage_product_cursor *rows = NULL, *prints = NULL;
    const sage_product_row *row = NULL, *print = NULL;
    place_open(&p);
    need_ok(&p, place_import(&p, "a.csv", "id,title,image_link\n1,a,old.png\n2,b,\n3,c,\n", NULL));
    need_ok(&p, place_import(&p, "b.csv", "id,title,image_link\n2,new,new.png\n", NULL));
    need_ok(&p, sage_product_cursor_open(p.catalog, 1, 0, &rows, &p.error));
    need_ok(&p, sage_product_cursor_open_prints(p.catalog, 1, &prints, &p.error));
    for (size_t n = 0;; n++) {
        need_ok(&p, sage_product_cursor_next(rows, &row, &p.error));
        need_ok(&p, sage_product_cursor_next(prints, &print, &p.error));
        if (row == NULL || print == NULL) {
            assert_int_equal(n, 2);
            break;
        }
        assert_true(row->pid == print->pid && row->revision == print->revision);
        assert_memory_equal(&row->fingerprint, &print->fingerprint, sizeof row->fingerprint);
        assert_int_equal(print->n_images, 0);
        assert_int_equal(print->fields[SAGE_TITLE].len, 0);
    }
    assert_true(row == NULL && print == NULL);
    sage_product_cursor_close(rows);
    sage_product_cursor_close(prints);
    place_close(&p);
}

static void meta_is_empty_where_absent(void **state) {
    (void)state;
    place p;
    const char *value = NULL;
    place_open(&p);
    need_ok(&p, sage_catalog_meta(p.catalog, "nothing", &value, &p.error));
    assert_string_equal(value, "");
    need_ok(&p, sage_catalog_meta(p.catalog, "revision", &value, &p.error));
    assert_string_equal(value, "0");
    place_close(&p);
}

static sage_status migrate(const place *p, const char *path, const sage_migrations *migrations, sage_error *error) {
    sage_status st;
    sqlite3 *db = NULL;
    int version = 0;
    (void)p;
    st = sage_db_open(path, SAGE_DB_WRITE, &db, error);
    if (st == SAGE_OK) st = sage_schema_version(db, path, &version, error);
    if (st == SAGE_OK) st = sage_schema_check(migrations, version, true, path, error);
    if (st == SAGE_OK) st = sage_schema_migrate(db, migrations, version, path, error);
    sage_db_close(db);
    return st;
}

/* A step to a version that is not released: the file is copied, then changed, all or nothing. */
static void an_older_format_is_backed_up_and_brought_up(void **state) {
    (void)state;
    enum { NOW = SAGE_CATALOG_VERSION };
    place p;
    char backup[SAGE_PATH_MAX], name[32];
    sage_catalog *old = NULL;
    place_open(&p);
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,a\n", NULL));
    sage_catalog_close(p.catalog);
    p.catalog = NULL;
    const char *steps[NOW + 2];
    memcpy(steps, sage_catalog_migrations.steps, NOW * sizeof *steps);
    steps[NOW] = "ALTER TABLE products ADD COLUMN extra TEXT; UPDATE products SET extra = 'x'";
    steps[NOW + 1] = "SELECT broken(";
    const sage_migrations next = {steps, NOW + 1}, broken = {steps, NOW + 2};
    assert_int_equal(sage_schema_check(&next, NOW, false, p.db, &p.error), SAGE_E_STATE); /* a reader is told */
    assert_non_null(strstr(p.error.text, "itemsage import"));
    assert_int_equal(migrate(&p, p.db, &broken, &p.error), SAGE_E_INTERNAL);
    assert_int_equal(ask(&p, "SELECT user_version FROM pragma_user_version"), NOW);
    assert_int_equal(ask(&p, "SELECT count(*) FROM pragma_table_info('products') WHERE name = 'extra'"), 0);
    need_ok(&p, migrate(&p, p.db, &next, &p.error));
    assert_int_equal(ask(&p, "SELECT user_version FROM pragma_user_version"), NOW + 1);
    assert_int_equal(ask(&p, "SELECT extra = 'x' FROM products"), 1);
    need_ok(&p, migrate(&p, p.db, &next, &p.error)); /* nothing left to do */
    snprintf(name, sizeof name, "catalog.db.v%d.bak", NOW);
    need_ok(&p, sage_catalog_open(place_path(&p, name, backup), false, &old, &p.error));
    int64_t pid = 0;
    need_ok(&p, sage_catalog_find_product(old, "1", &pid, &p.error));
    sage_catalog_close(old);
    assert_int_equal(sage_catalog_open(p.db, true, &p.catalog, &p.error),
                     SAGE_E_STATE); /* to this program it is newer */
    place_close(&p);
}

/* A catalogue as one of tests/cases/formats has it, closed. */
static void lay_format(place *p, const char *name) {
    char source[SAGE_PATH_MAX], *sql = NULL;
    size_t n = 0;
    const char *tests = getenv("SAGE_TEST_DIR");
    place_open(p);
    sage_catalog_close(p->catalog);
    p->catalog = NULL;
    assert_int_equal(sage_fs_unlink(p->db, NULL), SAGE_OK);
    snprintf(source, sizeof source, "%s/cases/formats/%s", tests != NULL ? tests : "tests", name);
    need_ok(p, sage_fs_read_all(source, 1 << 20, &sql, &n, &p->error));
    run_sql(p->db, sql);
    free(sql);
}

/* Every released format opens for ever: the tables of version 1 as they were released, with content. */
static void released_format_1_opens(void **state) {
    (void)state;
    place p;
    char backup[SAGE_PATH_MAX];
    lay_format(&p, "catalog-v1.sql");
    assert_int_equal(sage_catalog_open(p.db, false, &p.catalog, &p.error), SAGE_E_STATE); /* a reader changes nothing */
    need_ok(&p, sage_catalog_open(p.db, true, &p.catalog, &p.error));
    assert_int_equal(ask(&p, "SELECT user_version FROM pragma_user_version"), SAGE_CATALOG_VERSION);
    assert_true(sage_fs_exists(place_path(&p, "catalog.db.v1.bak", backup)));
    assert_int_equal(ask(&p, "SELECT count(*) FROM imports WHERE source <> ''"), 3);
    assert_int_equal(ask(&p, "SELECT encoder IS NULL FROM vector_files"), 1); /* from elsewhere, as they were */
    product_seen shirt = see(&p, "shirt-1"), hat = see(&p, "hat");
    assert_string_equal(shirt.title, "Red Shirt");
    assert_int_equal(shirt.pid, 1);
    assert_int_equal(shirt.price, 1299);
    assert_int_equal(shirt.sale_price, 999);
    assert_string_equal(shirt.currency, "EUR");
    assert_string_equal(shirt.domain, "shop.example");
    assert_int_equal(shirt.n_images, 2);
    assert_int_equal(strlen(shirt.vectors[0]), 36);
    assert_string_equal(shirt.vectors[1], "");
    assert_int_equal(hat.pid, 2);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.products, 2);
    assert_int_equal(counted.events, 3);
    assert_int_equal(counted.unknown_product_events, 1);
    assert_int_equal(counted.rejects, 2);
    assert_int_equal(counted.catalogue_revision, 3);
    /* The feed it was made of finds nothing to change: fingerprints and row hashes are part of the format. */
    need_ok(&p, place_import(
                    &p, "products.csv",
                    "id,title,description,link,image_link,additional_image_link,brand,product_type,price,sale_price,"
                    "availability,item_group_id,weight\n"
                    "shirt-1,Red Shirt,\"Soft, "
                    "warm\",https://www.shop.example/p/1,https://cdn.example/1.jpg,https://cdn.example/1b.jpg,Acme,"
                    "Clothing > Shirts,12.99 EUR,9.99 EUR,in stock,shirt,180\n"
                    "hat,Blauer H\xC3\xBCt,,,,,,,5 EUR,,,,75.5\n",
                    NULL));
    assert_int_equal(p.report.unchanged, 2);
    assert_int_equal(place_events(&p, "events.csv",
                                  "timestamp,user_id,surface,query,product_id,event,count,event_id\n"
                                  "2024-05-01T12:00:00Z,ann,search,Red Shirt,shirt-1,click,2,e1\n"
                                  "2024-05-01T12:01:00Z,ann,search,red shirt,gone,save,1,e2\n"
                                  ",bob,user,,hat,checkout,1,\n,bob,user,,hat,like,1,\n",
                                  NULL),
                     SAGE_E_STATE);
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    need_ok(&p, sage_product_cursor_open(p.catalog, 0, 0, &cursor, &p.error));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    sage_fingerprint stored = row->fingerprint;
    sage_product_cursor_close(cursor);
    need_ok(&p, place_import(&p, "products.csv", "id,title\nshirt-1,Other\n", NULL));
    shirt = see(&p, "shirt-1");
    assert_memory_not_equal(&shirt.fingerprint, &stored, sizeof stored);
    place_close(&p);
}

static size_t acts_of(place *p, const char *user) {
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row = NULL;
    size_t n = 0;
    need_ok(p, sage_user_cursor_open(p->catalog, user, &cursor, &p->error));
    for (;; n++) {
        need_ok(p, sage_user_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
    }
    sage_user_cursor_close(cursor);
    return n;
}

/* In formats before 3 an event of the surface user need not have named its user otherwise; the newest time was not
 * kept. */
static void format_3_finds_users_of_before(void **state) {
    (void)state;
    place p;
    int64_t newest = 0;
    lay_format(&p, "catalog-v1.sql");
    run_sql(p.db, "INSERT INTO queries VALUES(90, 3, 'cid', NULL), (91, 0, 'cid', NULL);"
                  "INSERT INTO events(query, product, kind, count, time, user) SELECT 90, product, 1, 1, 5, NULL"
                  " FROM event_products WHERE id = 'hat';"
                  "INSERT INTO events(query, product, kind, count, time, user) SELECT 91, product, 1, 1, NULL, NULL"
                  " FROM event_products WHERE id = 'hat'");
    need_ok(&p, sage_catalog_open(p.db, true, &p.catalog, &p.error));
    assert_int_equal(acts_of(&p, "cid"), 1);
    assert_int_equal(acts_of(&p, "bob"), 1);
    assert_int_equal(acts_of(&p, "ann"), 1); /* her other event is of a product that is gone */
    assert_int_equal(ask(&p, "SELECT count(*) FROM events WHERE user IS NULL"), 1);
    assert_int_equal(ask(&p, "SELECT count(*) FROM users"), 3);
    need_ok(&p, sage_catalog_newest_event(p.catalog, &newest, &p.error));
    assert_true(newest == 1714564860000);
    uint64_t events = 0;
    need_ok(&p, sage_catalog_forget_user(p.catalog, "cid", &events, &p.error));
    assert_int_equal(events, 1);
    place_close(&p);
}

/* Everything of a shown cursor, as sums. */
typedef struct shown {
    size_t n;
    uint64_t count, positions;
    double propensities;
} shown;

static shown shown_on(place *p, sage_surface surface) {
    sage_shown_cursor *cursor = NULL;
    const sage_shown_row *row = NULL;
    shown all = {0};
    need_ok(p, sage_shown_cursor_open(p->catalog, surface, &cursor, &p->error));
    for (;; all.n++) {
        need_ok(p, sage_shown_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        all.count += row->count;
        all.positions += row->position;
        all.propensities += row->propensity;
    }
    sage_shown_cursor_close(cursor);
    return all;
}

static void released_format_3_opens(void **state) {
    (void)state;
    place p;
    int64_t newest = 0;
    lay_format(&p, "catalog-v3.sql");
    need_ok(&p, sage_catalog_open(p.db, true, &p.catalog, &p.error));
    assert_int_equal(acts_of(&p, NULL), 4);
    assert_int_equal(acts_of(&p, "ann"), 2);
    need_ok(&p, sage_catalog_newest_event(p.catalog, &newest, &p.error));
    assert_true(newest == 1714564860000);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.products, 2);
    assert_int_equal(counted.events, 5);
    assert_int_equal(counted.unknown_product_events, 1);
    assert_int_equal(shown_on(&p, SAGE_ON_SEARCH).n, 0); /* nobody had said where products were shown */
    assert_int_equal(shown_on(&p, SAGE_ON_USER).n, 0);
    assert_int_equal(ask(&p, "SELECT count(*) FROM events WHERE position IS NULL AND propensity IS NULL"), 5);
    need_ok(&p, place_events(&p, "more.csv", "query,product_id,event,position\nhat,hat,click,4\n", NULL));
    assert_int_equal(shown_on(&p, SAGE_ON_SEARCH).positions, 4);
    place_close(&p);
}

static void released_format_4_opens(void **state) {
    (void)state;
    place p;
    lay_format(&p, "catalog-v4.sql");
    need_ok(&p, sage_catalog_open(p.db, true, &p.catalog, &p.error));
    assert_int_equal(acts_of(&p, NULL), 4);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.events, 5);
    assert_int_equal(counted.rejects, 2);
    shown search = shown_on(&p, SAGE_ON_SEARCH), product = shown_on(&p, SAGE_ON_PRODUCT);
    assert_int_equal(search.n, 1); /* the other is of a product that is gone */
    assert_int_equal(search.count, 2);
    assert_int_equal(search.positions, 3);
    assert_int_equal(product.n, 1);
    assert_int_equal(product.positions, 0);
    assert_float_equal(product.propensities, 0.25, 0);
    shown users = shown_on(&p, SAGE_ON_USER);
    assert_int_equal(users.n, 3);
    assert_int_equal(users.positions, 4);
    assert_float_equal(users.propensities, 0.75, 0);
    uint64_t events = 0;
    need_ok(&p, sage_catalog_forget_user(p.catalog, "ann", &events, &p.error));
    assert_int_equal(events, 2);
    assert_int_equal(shown_on(&p, SAGE_ON_USER).n, 1);
    assert_int_equal(shown_on(&p, SAGE_ON_SEARCH).n, 0);
    place_close(&p);
}

/* The same of version 2: vectors that were computed of pictures, and what is known of the files. */
static void released_format_2_opens(void **state) {
    (void)state;
    place p;
    const char *encoder = NULL;
    lay_format(&p, "catalog-v2.sql");
    need_ok(&p, sage_catalog_open(p.db, true, &p.catalog, &p.error));
    product_seen hat = see(&p, "hat"), sock = see(&p, "sock");
    assert_int_equal(hat.n_images, 2);
    assert_int_equal(strlen(hat.vectors[0]), 36);
    assert_string_equal(hat.vectors[1], "");
    assert_string_equal(sock.vectors[0], hat.vectors[0]);
    assert_int_equal(sock.rows[0], hat.rows[0]);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.images, 4);
    assert_int_equal(counted.image_vectors, 2);
    assert_int_equal(counted.picture_rejects, 1);
    assert_string_equal(counted.picture_encoder, "builtin");
    need_ok(&p, sage_catalog_picture_encoder(p.catalog, &encoder, &p.error));
    assert_string_equal(encoder, "builtin");
    need_ok(&p, place_import(&p, "products.csv",
                             "id,title,image_link,additional_image_link,price\nhat,Blue hat,hat.png,bad.png,5 EUR\n"
                             "sock,Sock,hat.png,https://cdn.example/s.jpg,3 EUR\n",
                             NULL));
    assert_int_equal(p.report.unchanged, 2);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_existing_catalogue_is_left_alone),
        cmocka_unit_test(a_stopped_creation_is_taken_up),
        cmocka_unit_test(what_is_no_catalogue_is_refused),
        cmocka_unit_test(a_newer_format_is_refused),
        cmocka_unit_test(reading_does_not_write),
        cmocka_unit_test(a_cursor_reads_one_state),
        cmocka_unit_test(a_cursor_of_fingerprints_gives_those_of_the_rows),
        cmocka_unit_test(meta_is_empty_where_absent),
        cmocka_unit_test(an_older_format_is_backed_up_and_brought_up),
        cmocka_unit_test(released_format_1_opens),
        cmocka_unit_test(released_format_2_opens),
        cmocka_unit_test(format_3_finds_users_of_before),
        cmocka_unit_test(released_format_3_opens),
        cmocka_unit_test(released_format_4_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
