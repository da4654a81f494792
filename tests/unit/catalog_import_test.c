#include "catalog_help.h"
#include <base/report.h>
#include <catalog/product_ahead.h>
#include <catalog/product_set.h>
#include <catalog/store.h>
#include <sys/stat.h>

#define SETUP                                                                                                          \
    place p;                                                                                                           \
    (void)state;                                                                                                       \
    place_open(&p)

static const char shirts[] =
    "id,title,description,link,image_link,price,availability,weight\n"
    "1,Red shirt,Soft,https://www.shop.example/p/1?x=1,https://cdn.example/1.jpg,12.99 EUR,in stock,10\n"
    "2,Blue shirt,Softer,https://www.shop.example/p/2,https://cdn.example/2.jpg,\"1,299.00 EUR\",in stock,20\n";

static void stores_and_reads_back(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", shirts, NULL));
    assert_int_equal(p.report.rows, 2);
    assert_int_equal(p.report.added, 2);
    assert_int_equal(p.report.bytes, strlen(shirts));
    assert_int_equal(p.report.rejected, 0);
    product_seen one = see(&p, "1"), two = see(&p, "2");
    assert_true(one.found && two.found);
    assert_string_equal(one.title, "Red shirt");
    assert_string_equal(one.domain, "shop.example");
    assert_string_equal(one.path, "/p/1");
    assert_string_equal(one.link, "https://www.shop.example/p/1?x=1");
    assert_string_equal(one.image_link, "https://cdn.example/1.jpg");
    assert_int_equal(one.n_images, 1);
    assert_int_equal(one.price, 1299);
    assert_int_equal(one.sale_price, -1);
    assert_string_equal(one.currency, "EUR");
    assert_int_equal(two.price, 129900);
    assert_true(two.pid > one.pid);
    assert_int_equal(sage_catalog_revision(p.catalog), 1);
    int64_t pid = 0;
    need_ok(&p, sage_catalog_find_product(p.catalog, "2", &pid, &p.error));
    assert_int_equal(pid, two.pid);
    assert_int_equal(sage_catalog_find_product(p.catalog, "3", &pid, &p.error), SAGE_E_NOT_FOUND);
    place_close(&p);
}

static void the_same_feed_changes_nothing(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", shirts, NULL));
    product_seen before = see(&p, "1");
    need_ok(&p, place_import(&p, "a.csv", shirts, NULL));
    assert_int_equal(p.report.unchanged, 2);
    assert_int_equal(p.report.added + p.report.changed + p.report.deleted, 0);
    assert_int_equal(sage_catalog_revision(p.catalog), 1);
    /* Neither does another order of the columns, nor blanks around values. */
    need_ok(
        &p,
        place_import(
            &p, "b.csv",
            "weight,availability,price,image_link,link,description,title,id\n"
            "10,in stock, 12.99 EUR ,https://cdn.example/1.jpg,https://www.shop.example/p/1?x=1,Soft, Red shirt,1\n",
            NULL));
    assert_int_equal(p.report.unchanged, 1);
    product_seen after = see(&p, "1");
    assert_memory_equal(&before, &after, sizeof before);
    place_close(&p);
}

static void a_price_changes_the_revision_alone(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv",
                             "id,title,price,availability\n1,Shirt,10 EUR,in stock\n2,Hat,5 EUR,in stock\n", NULL));
    product_seen before = see(&p, "1");
    need_ok(&p, place_import(&p, "a.csv",
                             "id,title,price,availability\n1,Shirt,9 EUR,out of stock\n2,Hat,5 EUR,in stock\n", NULL));
    assert_int_equal(p.report.changed, 1);
    assert_int_equal(p.report.unchanged, 1);
    product_seen after = see(&p, "1");
    assert_int_equal(after.price, 900);
    assert_int_equal(after.pid, before.pid);
    assert_int_equal(after.revision, 2);
    assert_memory_equal(&after.fingerprint, &before.fingerprint, sizeof before.fingerprint);
    assert_int_equal(see(&p, "2").revision, 1);
    place_close(&p);
}

static void the_fingerprint_is_of_normalised_text(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", "id,title,color\n1,Red  SHIRT,\n2,a,b\n", NULL));
    product_seen before = see(&p, "1"), two = see(&p, "2");
    need_ok(&p, place_import(&p, "a.csv", "id,title,color\n1,red shirt,\n2,ab,\n", NULL));
    assert_int_equal(p.report.changed, 2);
    product_seen after = see(&p, "1"), moved = see(&p, "2");
    assert_memory_equal(&after.fingerprint, &before.fingerprint, sizeof before.fingerprint);
    assert_memory_not_equal(&two.fingerprint, &moved.fingerprint, sizeof two.fingerprint);
    assert_memory_not_equal(&after.fingerprint, &moved.fingerprint, sizeof two.fingerprint);
    place_close(&p);
}

static void full_deletes_what_is_absent(void **state) {
    SETUP;
    const sage_import_options full = {.full = true};
    need_ok(&p, place_import(&p, "a.csv", "id,title,image_link\n1,a,x.png\n2,b,y.png\n3,c,z.png\n", NULL));
    int64_t pid = see(&p, "2").pid;
    need_ok(&p, place_import(&p, "a.csv", "id,title,image_link\n1,a,x.png\n3,c,z.png\n", &full));
    assert_int_equal(p.report.deleted, 1);
    assert_int_equal(p.report.unchanged, 2);
    assert_int_equal(count_products(&p), 2);
    assert_false(see(&p, "2").found);
    assert_int_equal(ask(&p, "SELECT count(*) FROM images"), 2);
    assert_int_equal(ask(&p, "SELECT deleted FROM imports ORDER BY import DESC LIMIT 1"), 1);
    assert_int_equal(ask(&p, "SELECT hash IS NOT NULL FROM imports ORDER BY import DESC LIMIT 1"), 1);
    assert_int_equal(sage_catalog_revision(p.catalog), 2);
    /* The number of a product that went is never given again. */
    need_ok(&p, place_import(&p, "a.csv", "id,title\n2,b\n", NULL));
    assert_true(see(&p, "2").pid > pid);
    place_close(&p);
}

static void full_takes_all_files_together(void **state) {
    SETUP;
    char a[SAGE_PATH_MAX], b[SAGE_PATH_MAX];
    const sage_import_options full = {.full = true};
    need_ok(&p, place_import(&p, "old.csv", "id,title\nold,x\n", NULL));
    place_write(&p, "a.csv", "id,title\n1,a\n");
    place_write(&p, "b.jsonl", "{\"id\":\"2\",\"title\":\"b\"}\n");
    const char *files[] = {place_path(&p, "a.csv", a), place_path(&p, "b.jsonl", b)};
    need_ok(&p, sage_catalog_import_products(p.catalog, files, 2, &full, NULL, &p.report, &p.error));
    assert_int_equal(p.report.added, 2);
    assert_int_equal(p.report.deleted, 1);
    assert_true(see(&p, "1").found && see(&p, "2").found);
    place_close(&p);
}

static void full_keeps_a_product_whose_row_is_bad(void **state) {
    SETUP;
    const sage_import_options full = {.full = true};
    need_ok(&p, place_import(&p, "a.csv", "id,title,price\n1,a,1 EUR\n2,b,2 EUR\n3,c,3 EUR\n", NULL));
    need_ok(&p, place_import(&p, "a.csv", "id,title,price\n1,a,1 EUR\n2,b,$2\n", &full));
    assert_int_equal(p.report.deleted, 1);
    assert_int_equal(p.report.rejected, 1);
    assert_int_equal(see(&p, "2").price, 200);
    assert_false(see(&p, "3").found);
    place_close(&p);
}

static void full_never_empties_the_shop(void **state) {
    SETUP;
    const sage_import_options full = {.full = true};
    need_ok(&p, place_import(&p, "empty.csv", "id,title\n", &full)); /* nothing to lose yet */
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,a\n2,b\n", NULL));
    assert_int_equal(place_import(&p, "b.csv", "id,title\n", &full), SAGE_E_STATE);
    assert_non_null(strstr(p.error.text, "all products would be deleted"));
    assert_int_equal(count_products(&p), 2);
    place_close(&p);
}

/* A feed of 3,000 products from the first-th on, each `step` further; of every seventh the title is `edition`'s. */
static char *feed_of(size_t first, size_t step, int edition, bool twice) {
    enum { N = 3000 };
    char *feed = malloc(2 * N * 64), *at = feed + sprintf(feed, "id,title\n");
    for (size_t i = 0; i < N; i++) {
        const size_t id = (first + i * step) % N;
        at += sprintf(at, "p%zu,Chair %zu of %d\n", id, id, id % 7 == 0 ? edition : 0);
        if (twice && i % 10 == 0) at += sprintf(at, "p%zu,Chair %zu again\n", id, id);
    }
    return feed;
}

static void import_feed(place *p, char *feed, bool full, uint64_t changed, uint64_t unchanged) {
    const sage_import_options options = {.full = full};
    need_ok(p, place_import(p, "feed.csv", feed, &options));
    assert_int_equal(p->report.changed, changed);
    assert_int_equal(p->report.unchanged, unchanged);
    free(feed);
}

/* Products are expected in the order in which they came; in any other they are found, too, and what each row says
 * counts as it would alone. */
static void feeds_come_in_any_order(void **state) {
    enum { SEVENTH = 429 };
    SETUP;
    import_feed(&p, feed_of(0, 1, 1, false), true, 0, 0);
    assert_int_equal(p.report.added, 3000);
    import_feed(&p, feed_of(0, 1, 2, false), true, SEVENTH, 3000 - SEVENTH);
    import_feed(&p, feed_of(1500, 1, 3, false), true, SEVENTH, 3000 - SEVENTH);
    import_feed(&p, feed_of(2999, 2999, 4, false), true, SEVENTH, 3000 - SEVENTH); /* from behind */
    import_feed(&p, feed_of(5, 1777, 5, false), true, SEVENTH, 3000 - SEVENTH);    /* in disorder */
    import_feed(&p, feed_of(0, 1, 5, false), true, 0, 3000);
    /* An id that comes again is of this import: the row is changed already, and goes there and back. */
    import_feed(&p, feed_of(0, 1, 5, true), true, 0, 3000);
    assert_int_equal(p.report.rejected, 300);
    assert_string_equal(see(&p, "p10").title, "Chair 10 again");
    assert_string_equal(see(&p, "p11").title, "Chair 11 of 0");
    /* Every other product, then one that is new, then all. */
    char some[] = "id,title\np0,Chair\np2,Chair\np4,Chair\nnew,Chair\np2999,Chair\n";
    const sage_import_options full = {.full = true};
    need_ok(&p, place_import(&p, "some.csv", some, &full));
    assert_int_equal(p.report.added, 1);
    assert_int_equal(p.report.changed, 4);
    assert_int_equal(p.report.deleted, 2996);
    need_ok(&p, place_import(&p, "some.csv", some, &full));
    assert_int_equal(p.report.unchanged, 5);
    place_close(&p);
}

static void expect_ahead(const sage_product_ahead *ahead, size_t id) {
    char text[16];
    const sage_str wanted = {text, (size_t)snprintf(text, sizeof text, "p%zu", id)};
    if (!sage_product_ahead_is(ahead, wanted)) fail_msg("%.*s is ahead, not %s", (int)ahead->id_len, ahead->id, text);
}

/* One row from elsewhere, as a product that came later is in the midst of others, leads nowhere; two in a row do, and
 * many give it up. */
static void one_row_leads_nobody_astray(void **state) {
    sage_product_ahead ahead = {.pid = 0};
    SETUP;
    import_feed(&p, feed_of(0, 1, 1, false), true, 0, 0);
    const int64_t first = see(&p, "p0").pid; /* then one by one */
    need_ok(&p, sage_product_ahead_init(&ahead, p.catalog->db, &p.error));
    for (size_t i = 0; i < 10; i++) {
        expect_ahead(&ahead, i);
        need_ok(&p, sage_product_ahead_take(&ahead, &p.error));
        need_ok(&p, sage_product_ahead_miss(&ahead, first + 2990, &p.error));
        need_ok(&p, sage_product_ahead_miss(&ahead, 0, &p.error));
    }
    expect_ahead(&ahead, 10);
    need_ok(&p, sage_product_ahead_miss(&ahead, first + 2999, &p.error)); /* the last */
    assert_true(ahead.at_end && ahead.pid == 0);
    need_ok(&p, sage_product_ahead_miss(&ahead, first + 20, &p.error));
    need_ok(&p, sage_product_ahead_miss(&ahead, first + 21, &p.error));
    expect_ahead(&ahead, 22);
    for (size_t i = 0; i < 1100; i++) need_ok(&p, sage_product_ahead_miss(&ahead, first + 2 * (int64_t)i, &p.error));
    assert_true(ahead.given_up && ahead.pid == 0);
    sage_product_ahead_free(&ahead);
    place_close(&p);
}

static void what_is_there_and_what_is_fresh(void **state) {
    sage_product_set set;
    const sage_import_options full = {.full = true};
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,Chair\n2,Table\n3,Lamp\n", NULL));
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,Chair\n3,Lamp of oak\n4,Bed\n", &full));
    const int64_t chair = see(&p, "1").pid, lamp = see(&p, "3").pid, bed = see(&p, "4").pid, table = chair + 1;
    need_ok(&p, sage_product_set_read(p.catalog, 1, &set, &p.error));
    assert_int_equal(set.n, 3);
    assert_true(sage_product_set_has(&set, chair) && !sage_product_set_is_fresh(&set, chair));
    assert_true(sage_product_set_has(&set, lamp) && sage_product_set_is_fresh(&set, lamp));
    assert_true(sage_product_set_has(&set, bed) && sage_product_set_is_fresh(&set, bed));
    assert_true(table != lamp && !sage_product_set_has(&set, table) && !sage_product_set_is_fresh(&set, table));
    assert_true(!sage_product_set_has(&set, 1 << 30) && !sage_product_set_is_fresh(&set, 1 << 30));
    sage_product_set_free(&set);
    need_ok(&p, sage_product_set_read(p.catalog, 2, &set, &p.error));
    assert_int_equal(set.n, 3);
    assert_false(sage_product_set_is_fresh(&set, lamp));
    sage_product_set_free(&set);
    place_close(&p);
}

static void the_latest_row_of_an_id_wins(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,first\n2,same\n1,second\n2,same\n", NULL));
    assert_int_equal(p.report.added, 2);
    assert_int_equal(p.report.unchanged, 1);
    assert_int_equal(p.report.rejected, 1);
    assert_int_equal(reason_count(&p.report, "duplicate-id"), 1);
    assert_string_equal(see(&p, "1").title, "second");
    sage_reject reject;
    size_t n = 0;
    need_ok(&p, sage_catalog_rejects(p.catalog, &reject, 1, &n, &p.error));
    assert_int_equal(reject.line, 4);
    assert_string_equal(reject.raw, "1,second");
    place_close(&p);
}

static void rejects_are_kept(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv",
                             "id,title,price,sale_price\n"
                             ",no id,,\n"
                             "2,b,12.99,\n"
                             "3,c,12.99 EUR,11.99 USD\n"
                             "4,d,12.99 EUR,\n"
                             "5,e,1.299 EUR,\n"
                             "6,bad \xff\xfe,1 EUR,\n"
                             "7,\"a\tb\n\x1b[31m\",x EUR,\n",
                             NULL));
    assert_int_equal(p.report.added, 1);
    assert_int_equal(p.report.rejected, 6);
    assert_int_equal(p.report.rows, 7);
    assert_int_equal(reason_count(&p.report, "no-id"), 1);
    assert_int_equal(reason_count(&p.report, "price-without-currency"), 1);
    assert_int_equal(reason_count(&p.report, "mixed-currencies"), 1);
    assert_int_equal(reason_count(&p.report, "ambiguous-price"), 1);
    assert_int_equal(reason_count(&p.report, "bad-price"), 1);
    sage_reject rejects[10];
    size_t n = 0;
    need_ok(&p, sage_catalog_rejects(p.catalog, rejects, 10, &n, &p.error));
    assert_int_equal(n, 6);
    assert_string_equal(rejects[0].reason, "bad-price");
    assert_int_equal(rejects[0].line, 8);
    assert_int_equal(rejects[0].column, 3);
    assert_non_null(strstr(rejects[0].source, "a.csv"));
    assert_string_equal(rejects[0].raw, "7,\"a\\tb\\n\\x1b[31m\",x EUR,");
    assert_non_null(strstr(rejects[1].raw, "\\xff\\xfe"));
    assert_string_equal(rejects[5].reason, "no-id");
    assert_int_equal(rejects[5].line, 2);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.rejects, 6);
    assert_int_equal(counted.reason_n, 6);
    /* Mended, and the rejects of that feed are gone; those of another stay. */
    need_ok(&p, place_import(&p, "other.csv", "id,title\n,x\n", NULL));
    need_ok(&p, place_import(&p, "a.csv", "id,title\n2,b\n", NULL));
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.rejects, 1);
    place_close(&p);
}

/* Surrogates, overlong forms, what lies past U+10FFFF, a file's name in Latin-1: JSON would take none of them. */
static void rejects_are_shown_in_utf8(void **state) {
    SETUP;
    need_ok(&p,
            place_import(
                &p, "caf\xe9.csv",
                "id,title\n1,\xed\xa0\x80\n2,\xe0\x80\x80\n3,\xf4\x90\x80\x80\n4,\xc2\x9b\xc3\xa9\xe2\x82\xac\xff\n",
                NULL));
    sage_reject rejects[4];
    size_t n = 0;
    need_ok(&p, sage_catalog_rejects(p.catalog, rejects, 4, &n, &p.error));
    assert_int_equal(n, 4);
    assert_string_equal(rejects[3].raw, "1,\\xed\\xa0\\x80");
    assert_string_equal(rejects[2].raw, "2,\\xe0\\x80\\x80");
    assert_string_equal(rejects[1].raw, "3,\\xf4\\x90\\x80\\x80");
    assert_string_equal(rejects[0].raw, "4,\\xc2\\x9b\xc3\xa9\xe2\x82\xac\\xff");
    assert_non_null(strstr(rejects[0].source, "/caf\\xe9.csv"));
    place_close(&p);
}

static void ids_have_limits(void **state) {
    SETUP;
    char text[1024], id[300];
    memset(id, 'x', sizeof id);
    snprintf(text, sizeof text, "id,title\n%.255s,ok\n%.256s,too long\n\"a\tb\",tab\n", id, id);
    need_ok(&p, place_import(&p, "a.csv", text, NULL));
    assert_int_equal(p.report.added, 1);
    assert_int_equal(reason_count(&p.report, "bad-id"), 2);
    place_close(&p);
}

static void pictures_are_counted_and_split(void **state) {
    SETUP;
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{\"id\":\"20\",\"image_link\":\"https://a/0\",\"additional_image_link\":[");
    for (int i = 1; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"https://a/%d\"", i > 1 ? "," : "", i);
    n += (size_t)snprintf(text + n, sizeof text - n,
                          "]}\n{\"id\":\"21\",\"image_link\":\"https://a/0\",\"additional_image_link\":\"");
    for (int i = 1; i < 21; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%shttps://a/%d", i > 1 ? "," : "", i);
    snprintf(text + n, sizeof text - n,
             "\"}\n{\"id\":\"2\",\"additional_image_link\":\"https://a/w_1,h_2/x.jpg , https://b/y.jpg,\"}\n"
             "{\"id\":\"3\",\"additional_image_link\":\"a.jpg, b.jpg\"}\n");
    need_ok(&p, place_import(&p, "a.jsonl", text, NULL));
    assert_int_equal(p.report.added, 3);
    assert_int_equal(reason_count(&p.report, "too-many-images"), 1);
    assert_int_equal(see(&p, "20").n_images, 20);
    assert_string_equal(see(&p, "20").images[19], "https://a/19");
    product_seen two = see(&p, "2");
    assert_int_equal(two.n_images, 2);
    assert_string_equal(two.images[0], "https://a/w_1,h_2/x.jpg");
    assert_string_equal(two.images[1], "https://b/y.jpg");
    assert_int_equal(see(&p, "3").n_images, 2);
    place_close(&p);
}

static void pictures_stay_in_their_folder(void **state) {
    SETUP;
    char pictures[SAGE_PATH_MAX], inside[SAGE_PATH_MAX], secret[SAGE_PATH_MAX];
    assert_int_equal(mkdir(place_path(&p, "pics", pictures), 0777), 0);
    place_write(&p, "secret.png", "x");
    place_write(&p, "pics/good.png", "x");
    assert_int_equal(symlink(place_path(&p, "secret.png", secret), place_path(&p, "pics/link.png", inside)), 0);
    const sage_import_options options = {.images_dir = pictures};
    static const char feed[] =
        "id,image_link\n"
        "good,good.png\nabsent,sub/absent.png\nweb,https://a.example/x.png\nturn,sub/../good.png\n"
        "up,../secret.png\ndeep,a/../../secret.png\nback,..\\secret.png\nroot,/etc/passwd\n"
        "drive,C:\\x.png\nfile,file:///etc/passwd\nlink,link.png\n";
    need_ok(&p, place_import(&p, "a.csv", feed, &options));
    assert_int_equal(p.report.added, 4);
    assert_int_equal(reason_count(&p.report, "image-outside"), 7);
    const char *dir = NULL;
    need_ok(&p, sage_catalog_meta(p.catalog, "images_dir", &dir, &p.error));
    char *real = realpath(pictures, NULL);
    assert_string_equal(dir, real);
    free(real);
    /* The folder is remembered: what leaves it is refused later too, and file: links into it are known. */
    char later[5 * SAGE_PATH_MAX];
    snprintf(later, sizeof later,
             "id,image_link\nroot,/etc/passwd\nfile,file://%s/good.png\nnew,file://localhost%s/new%%201.png\n"
             "out,file://%s/link.png\nhost,file://other%s/good.png\nnone,file:good.png\n",
             pictures, pictures, pictures, pictures);
    need_ok(&p, place_import(&p, "b.csv", later, NULL));
    assert_int_equal(p.report.added, 2);
    assert_int_equal(reason_count(&p.report, "image-outside"), 4);
    const sage_import_options nowhere = {.images_dir = "/nowhere/at/all"};
    assert_int_equal(place_import(&p, "a.csv", feed, &nowhere), SAGE_E_NOT_FOUND);
    place_close(&p);
}

static void merchants_come_from_links(void **state) {
    SETUP;
    need_ok(&p, place_import(
                    &p, "a.tsv",
                    "id\tlink\n1\thttps://www.a.example:8080/p/x?q#f\n2\t//b.example/y\n3\thttp://user:pw@c.example\n"
                    "4\t/only/path\n5\thttps://WWW.D.example/\n6\thttps://[::1]:80/z\n",
                    NULL));
    static const char *const expected[][3] = {{"1", "a.example", "/p/x"}, {"2", "b.example", "/y"},
                                              {"3", "c.example", ""},     {"4", "", "/only/path"},
                                              {"5", "D.example", "/"},    {"6", "[::1]:80", "/z"}};
    for (size_t i = 0; i < 6; i++) {
        product_seen seen = see(&p, expected[i][0]);
        assert_string_equal(seen.domain, expected[i][1]);
        assert_string_equal(seen.path, expected[i][2]);
    }
    place_close(&p);
}

static void attribute_types_only_widen(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.csv", "id,new,stock,weight,sku\n1,true,10,1.5,007\n2,No,-3,2,12\n", NULL));
    assert_int_equal(ask(&p, "SELECT type = 'bool' FROM attributes WHERE name = 'new'"), 1);
    assert_int_equal(ask(&p, "SELECT type = 'int' FROM attributes WHERE name = 'stock'"), 1);
    assert_int_equal(ask(&p, "SELECT type = 'real' FROM attributes WHERE name = 'weight'"), 1);
    assert_int_equal(ask(&p, "SELECT type = 'text' FROM attributes WHERE name = 'sku'"), 1);
    need_ok(&p, place_import(&p, "a.csv", "id,new,stock,weight\n1,1,2.5,heavy\n2,0,1,3\n", NULL));
    need_ok(&p, place_import(&p, "a.csv", "id,new,stock,weight\n1,true,1,1\n2,false,2,2\n", NULL));
    assert_int_equal(ask(&p, "SELECT type = 'int' FROM attributes WHERE name = 'new'"), 1);
    assert_int_equal(ask(&p, "SELECT type = 'real' FROM attributes WHERE name = 'stock'"), 1);
    assert_int_equal(ask(&p, "SELECT type = 'text' FROM attributes WHERE name = 'weight'"), 1);
    place_close(&p);
}

static void attributes_are_json(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.jsonl",
                             "{\"id\":\"1\",\"z\":\"a\\\"b\\\\\\n\\u0007\",\"a\":[\"x\",\"y\"],\"n\":7}\n", NULL));
    assert_int_equal(p.report.added, 1);
    assert_int_equal(ask(&p, "SELECT json_valid(attributes) FROM products"), 1);
    assert_int_equal(ask(&p, "SELECT attributes ->> '$.z' = 'a\"b\\' || char(10) || char(7) FROM products"), 1);
    assert_int_equal(ask(&p, "SELECT attributes ->> '$.a[1]' = 'y' FROM products"), 1);
    assert_int_equal(ask(&p, "SELECT attributes ->> '$.n' = '7' FROM products"), 1);
    place_close(&p);
}

static void a_shop_has_so_many_attributes(void **state) {
    SETUP;
    sage_buf feed;
    sage_buf_init(&feed, 1 << 20);
    for (int i = 0; i < 4100; i++)
        need_ok(&p, sage_buf_printf(&feed, NULL, "{\"id\":\"%d\",\"attribute%d\":\"x\"}\n", i, i));
    need_ok(&p, place_import(&p, "a.jsonl", feed.data, NULL));
    assert_int_equal(p.report.added, 4096);
    assert_int_equal(reason_count(&p.report, "too-many-attributes"), 4);
    sage_buf_free(&feed);
    place_close(&p);
}

static void repeated_fields(void **state) {
    SETUP;
    need_ok(&p, place_import(&p, "a.jsonl",
                             "{\"id\":\"1\",\"product_type\":[\"a > b\",\"c\"]}\n"
                             "{\"id\":\"2\",\"title\":[\"a\",\"b\"]}\n"
                             "{\"id\":\"3\",\"price\":[\"1 EUR\",\"2 EUR\"]}\n",
                             NULL));
    assert_int_equal(p.report.added, 1);
    assert_string_equal(see(&p, "1").type, "a > b, c");
    assert_int_equal(reason_count(&p.report, "repeated-field"), 2);
    place_close(&p);
}

static void columns_can_be_mapped(void **state) {
    SETUP;
    const sage_import_options map = {.map = "id=SKU, title = Name"};
    need_ok(&p, place_import(&p, "a.csv", "sku,name,title\nx,The name,An attribute\n", &map));
    assert_string_equal(see(&p, "x").title, "The name");
    assert_int_equal(ask(&p, "SELECT attributes ->> '$.title' = 'An attribute' FROM products"), 1);
    const sage_import_options spelled = {.map = "title=Product Name, id = g:SKU"};
    need_ok(&p, place_import(&p, "a.csv", "sku,Product-Name\nspelled,As the feed names it\n", &spelled));
    assert_string_equal(see(&p, "spelled").title, "As the feed names it");
    static const struct {
        const char *map;
        sage_status status;
        const char *text;
    } bad[] = {
        {"name=title", SAGE_E_ARGUMENT, "there is no field \"name\""},
        {"title", SAGE_E_ARGUMENT, "is not field=column"},
        {"title=", SAGE_E_ARGUMENT, "is not field=column"},
        {"title=name,title=sku", SAGE_E_ARGUMENT, "given twice"},
        {"title=name,brand=name", SAGE_E_ARGUMENT, "given twice"},
        {"title=absent", SAGE_E_ARGUMENT, "no column \"absent\""},
        {"title=name", SAGE_E_FORMAT, "no column \"id\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const sage_import_options options = {.map = bad[i].map};
        assert_int_equal(place_import(&p, "a.csv", "sku,name\ny,z\n", &options), bad[i].status);
        if (strstr(p.error.text, bad[i].text) == NULL) print_error("%s: %s\n", bad[i].map, p.error.text);
        assert_non_null(strstr(p.error.text, bad[i].text));
    }
    assert_int_equal(count_products(&p), 2);
    place_close(&p);
}

/* The first file is good, the second cannot be what it claims: nothing of either is stored. */
static void a_file_that_is_no_feed_changes_nothing(void **state) {
    SETUP;
    char a[SAGE_PATH_MAX], b[SAGE_PATH_MAX];
    place_write(&p, "a.csv", "id,title\n1,a\n");
    place_write(&p, "b.jsonl", "id,title\n2,b\n");
    const char *files[] = {place_path(&p, "a.csv", a), place_path(&p, "absent.csv", b)};
    assert_int_equal(sage_catalog_import_products(p.catalog, files, 2, NULL, NULL, &p.report, &p.error),
                     SAGE_E_NOT_FOUND);
    files[1] = place_path(&p, "b.jsonl", b);
    const sage_import_options jsonl = {.format = SAGE_FEED_JSONL};
    assert_int_equal(sage_catalog_import_products(p.catalog, files + 1, 1, &jsonl, NULL, &p.report, &p.error),
                     SAGE_E_FORMAT);
    assert_int_equal(count_products(&p), 0);
    assert_int_equal(ask(&p, "SELECT count(*) FROM imports"), 0);
    assert_int_equal(sage_catalog_revision(p.catalog), 0);
    assert_int_equal(sage_catalog_import_products(p.catalog, files, 0, NULL, NULL, &p.report, &p.error),
                     SAGE_E_ARGUMENT);
    place_close(&p);
}

typedef struct stopping {
    volatile sig_atomic_t cancel;
    uint64_t ticks;
} stopping;

static void stop_later(void *ctx, const sage_progress *progress) {
    stopping *s = ctx;
    assert_string_equal(progress->stage, "import");
    if (++s->ticks == 1) s->cancel = 1;
}

static void stopping_leaves_the_catalogue_as_it_was(void **state) {
    SETUP;
    stopping s = {0};
    const sage_monitor monitor = {.ctx = &s, .progress = stop_later, .cancel = &s.cancel};
    sage_buf feed;
    char path[SAGE_PATH_MAX];
    need_ok(&p, place_import(&p, "old.csv", "id,title\n1,a\n", NULL));
    sage_buf_init(&feed, 1 << 20);
    need_ok(&p, sage_buf_text(&feed, "id,title\n", NULL));
    for (int i = 0; i < 2000; i++) need_ok(&p, sage_buf_printf(&feed, NULL, "%d,title %d\n", i, i));
    place_write(&p, "big.csv", feed.data);
    const char *files[] = {place_path(&p, "big.csv", path)};
    assert_int_equal(sage_catalog_import_products(p.catalog, files, 1, NULL, &monitor, &p.report, &p.error),
                     SAGE_E_CANCELLED);
    assert_true(p.report.rows < 2000);
    assert_int_equal(count_products(&p), 1);
    assert_string_equal(see(&p, "1").title, "a");
    assert_int_equal(sage_catalog_revision(p.catalog), 1);
    need_ok(&p, sage_catalog_import_products(p.catalog, files, 1, NULL, NULL, &p.report, &p.error));
    assert_int_equal(count_products(&p), 2000);
    sage_buf_free(&feed);
    place_close(&p);
}

static void cursors_begin_where_they_are_told(void **state) {
    SETUP;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,a\n2,b\n3,c\n", NULL));
    need_ok(&p, place_import(&p, "a.csv", "id,title\n1,new\n3,new\n", NULL));
    need_ok(&p, sage_product_cursor_open(p.catalog, 0, 1, &cursor, &p.error));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    need_text(row->id, "1");
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    need_text(row->id, "3");
    int64_t last = row->pid;
    for (int i = 0; i < 2; i++) {
        need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
        assert_null(row); /* and stays at the end */
    }
    sage_product_cursor_close(cursor);
    need_ok(&p, sage_product_cursor_open(p.catalog, last - 1, 0, &cursor, &p.error));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    need_text(row->id, "3");
    sage_product_cursor_close(cursor);
    need_ok(&p, sage_product_cursor_open(p.catalog, 0, 2, &cursor, &p.error));
    need_ok(&p, sage_product_cursor_next(cursor, &row, &p.error));
    assert_null(row);
    sage_product_cursor_close(cursor);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_and_reads_back),
        cmocka_unit_test(the_same_feed_changes_nothing),
        cmocka_unit_test(a_price_changes_the_revision_alone),
        cmocka_unit_test(the_fingerprint_is_of_normalised_text),
        cmocka_unit_test(full_deletes_what_is_absent),
        cmocka_unit_test(full_takes_all_files_together),
        cmocka_unit_test(full_keeps_a_product_whose_row_is_bad),
        cmocka_unit_test(full_never_empties_the_shop),
        cmocka_unit_test(feeds_come_in_any_order),
        cmocka_unit_test(one_row_leads_nobody_astray),
        cmocka_unit_test(what_is_there_and_what_is_fresh),
        cmocka_unit_test(the_latest_row_of_an_id_wins),
        cmocka_unit_test(rejects_are_kept),
        cmocka_unit_test(rejects_are_shown_in_utf8),
        cmocka_unit_test(ids_have_limits),
        cmocka_unit_test(pictures_are_counted_and_split),
        cmocka_unit_test(pictures_stay_in_their_folder),
        cmocka_unit_test(merchants_come_from_links),
        cmocka_unit_test(attribute_types_only_widen),
        cmocka_unit_test(attributes_are_json),
        cmocka_unit_test(a_shop_has_so_many_attributes),
        cmocka_unit_test(repeated_fields),
        cmocka_unit_test(columns_can_be_mapped),
        cmocka_unit_test(a_file_that_is_no_feed_changes_nothing),
        cmocka_unit_test(stopping_leaves_the_catalogue_as_it_was),
        cmocka_unit_test(cursors_begin_where_they_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
