/* From picture files to the vectors of products: once for each content, again where a file changed, and on from where a
 * pass was stopped. */
#include "features_pictures_help.h"
#include <catalog/picture_find.h>

#define SETUP                                                                                                          \
    gallery g;                                                                                                         \
    (void)state;                                                                                                       \
    gallery_open(&g)

static const char two_products[] = "id,title,image_link,additional_image_link\na,A,one.jpg,two.png\nb,B,same.jpg,\n";

static void put_two_products(gallery *g) {
    gallery_put(g, "base.jpg", "one.jpg", "");
    gallery_put(g, "base.jpg", "same.jpg", "");
    gallery_put(g, "gray8.png", "two.png", "");
    gallery_import(g, two_products, false);
}

/* ---- the cache ---- */

static void each_content_is_encoded_once(void **state) {
    float one[256], same[256], two[256];
    SETUP;
    put_two_products(&g);
    product_seen before = see(&g.p, "a");
    gallery_run(&g);
    assert_int_equal(g.report.links, 3);
    assert_int_equal(g.report.read, 3);
    assert_int_equal(g.report.encoded, 2);
    assert_int_equal(g.report.pictures, 3);
    assert_int_equal(g.report.vectors, 3);
    assert_int_equal(g.report.products, 2);
    assert_int_equal(gallery_vector(&g, "a", 0, one, 256), 256);
    gallery_vector(&g, "b", 0, same, 256);
    gallery_vector(&g, "a", 1, two, 256);
    assert_memory_equal(one, same, sizeof one);
    assert_memory_not_equal(one, two, sizeof one);
    product_seen after = see(&g.p, "a");
    assert_memory_not_equal(&after.fingerprint, &before.fingerprint, sizeof after.fingerprint);
    assert_int_equal(sage_catalog_revision(g.p.catalog), 2);
    gallery_run(&g);
    assert_int_equal(g.report.read, 0);
    assert_int_equal(g.report.encoded, 0);
    assert_int_equal(g.report.products, 0);
    assert_int_equal(g.report.vectors, 3);
    assert_int_equal(sage_catalog_revision(g.p.catalog), 2);
    gallery_close(&g);
}

static void a_changed_file_is_read_again(void **state) {
    float before[256], after[256];
    SETUP;
    put_two_products(&g);
    gallery_run(&g);
    gallery_vector(&g, "a", 0, before, 256);
    product_seen b = see(&g.p, "b");
    gallery_put(&g, "lossy.webp", "one.jpg", "");
    gallery_put(&g, "gray8.png", "two.png", ""); /* another time, the same content */
    gallery_run(&g);
    assert_int_equal(g.report.read, 2);
    assert_int_equal(g.report.encoded, 1);
    assert_int_equal(g.report.products, 1);
    gallery_vector(&g, "a", 0, after, 256);
    assert_memory_not_equal(before, after, sizeof before);
    assert_int_equal(see(&g.p, "b").revision, b.revision);
    gallery_close(&g);
}

/* What was written within the clock's last ticks may be written again without another time. */
static void a_young_file_is_not_trusted(void **state) {
    SETUP;
    put_two_products(&g);
    assert_int_equal(utimensat(AT_FDCWD, scratch_path(g.dir, "one.jpg"), NULL, 0), 0);
    gallery_run(&g);
    gallery_run(&g);
    assert_int_equal(g.report.read, 1);
    assert_int_equal(g.report.encoded, 0);
    gallery_close(&g);
}

static void vectors_outlive_products_and_files(void **state) {
    SETUP;
    put_two_products(&g);
    gallery_run(&g);
    gallery_import(&g, "id,title\nc,C\n", true);
    gallery_run(&g);
    assert_int_equal(g.report.links, 0);
    assert_int_equal(unlink(scratch_path(g.dir, "one.jpg")), 0);
    gallery_import(&g, two_products, false);
    gallery_run(&g);
    assert_int_equal(g.report.read, 0);
    assert_int_equal(g.report.vectors, 3);
    assert_int_equal(g.report.rejected, 0);
    gallery_close(&g);
}

static void all_threads_give_the_same_files(void **state) {
    char name[32], first[SAGE_IMAGES_MAX][64];
    SETUP;
    sage_buf feed;
    sage_buf_init(&feed, 1 << 16);
    need_ok(&g.p, sage_buf_text(&feed, "id,image_link\n", NULL));
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "%d", i % 60);
        gallery_put(&g, i % 2 ? "base.jpg" : "lossless.webp", name, name);
        need_ok(&g.p, sage_buf_printf(&feed, NULL, "%d,%s\n", i, name));
    }
    gallery_import(&g, feed.data, false);
    gallery_run(&g);
    memcpy(first, see(&g.p, "7").vectors, sizeof first);
    assert_int_equal(g.report.encoded, 60);
    assert_int_equal(sage_fs_remove_tree(scratch_path(g.p.dir, "pictures"), NULL), SAGE_OK);
    assert_int_equal(ask(&g.p, "DELETE FROM picture_vectors RETURNING 1"), 1);
    assert_int_equal(ask(&g.p, "DELETE FROM vector_files RETURNING 1"), 1);
    need_ok(&g.p, sage_pool_new(3, &g.pool, &g.p.error));
    g.encoder.pool = g.pool;
    gallery_run(&g);
    assert_int_equal(g.report.encoded, 60);
    assert_memory_equal(see(&g.p, "7").vectors, first, sizeof first); /* names are hashes of what is in them */
    sage_buf_free(&feed);
    gallery_close(&g);
}

/* ---- stops ---- */

static volatile sig_atomic_t cancel;

static void wish_to_stop(void *ctx, const sage_progress *progress) {
    (void)progress;
    cancel = --*(int *)ctx <= 0;
}

static void put_many(gallery *g, int n) {
    char name[32];
    sage_buf feed;
    sage_buf_init(&feed, 1 << 16);
    need_ok(&g->p, sage_buf_text(&feed, "id,image_link\n", NULL));
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%d.jpg", i);
        gallery_put(g, i < 40 ? "base.jpg" : "lossless.webp", name, name);
        need_ok(&g->p, sage_buf_printf(&feed, NULL, "%d,%s\n", i, name));
    }
    gallery_import(g, feed.data, false);
    sage_buf_free(&feed);
}

static void a_stopped_pass_goes_on(void **state) {
    int calls = 1; /* the first is made before the first batch */
    const sage_monitor monitor = {.ctx = &calls, .progress = wish_to_stop, .cancel = &cancel};
    SETUP;
    put_many(&g, 80);
    cancel = 0;
    g.monitor = &monitor;
    assert_int_equal(gallery_try(&g), SAGE_E_CANCELLED);
    assert_int_equal(g.report.encoded, 32);
    assert_int_equal(sage_catalog_revision(g.p.catalog), 1);
    assert_false(gallery_has(&g, "0", 0));
    g.monitor = NULL;
    gallery_run(&g);
    assert_int_equal(g.report.read, 48);
    assert_int_equal(g.report.encoded, 48);
    assert_int_equal(g.report.vectors, 80);
    gallery_close(&g);
}

static void segments_are_as_long_as_they_are_told(void **state) {
    SETUP;
    put_many(&g, 80);
    g.segment_rows = 32;
    gallery_run(&g);
    assert_int_equal(ask(&g.p, "SELECT count(*) FROM vector_files"), 3);
    assert_int_equal(ask(&g.p, "SELECT count(DISTINCT vector_row) FROM picture_vectors"), 32);
    assert_int_equal(ask(&g.p, "SELECT count(*) FROM images WHERE vector_file IS NOT NULL"), 80);
    gallery_close(&g);
}

/* ---- bad pictures ---- */

static void bad_pictures_are_rejects_of_their_products(void **state) {
    static const char feed[] = "id,image_link,additional_image_link\n"
                               "a,one.jpg,\"missing.jpg,cut.jpg,text.jpg,empty.png\"\nb,cut.jpg,one.jpg\n"
                               "c,out.jpg,\nd,folder,\n";
    SETUP;
    char secret[SAGE_PATH_MAX];
    gallery_put(&g, "base.jpg", "one.jpg", "");
    gallery_write(&g, "cut.jpg", "\xFF\xD8\xFF\xE0 no more", 12);
    gallery_write(&g, "text.jpg", "<html>not here</html>", 21);
    gallery_write(&g, "empty.png", "", 0);
    assert_int_equal(mkdir(scratch_path(g.dir, "folder"), 0777), 0);
    gallery_import(&g, feed, false);
    place_write(&g.p, "secret.jpg", "x");
    assert_int_equal(symlink(place_path(&g.p, "secret.jpg", secret), scratch_path(g.dir, "out.jpg")), 0);
    gallery_run(&g);
    assert_int_equal(g.report.rejected, 7);
    assert_int_equal(gallery_reason(&g, "picture-missing"), 1);
    assert_int_equal(gallery_reason(&g, "picture-broken"), 4);
    assert_int_equal(gallery_reason(&g, "picture-unknown-format"), 1);
    assert_int_equal(gallery_reason(&g, "image-outside"), 1);
    assert_true(gallery_has(&g, "a", 0) && gallery_has(&g, "b", 1));
    assert_false(gallery_has(&g, "a", 2) || gallery_has(&g, "b", 0));
    sage_reject rejects[8];
    size_t n = 0;
    need_ok(&g.p, sage_catalog_rejects(g.p.catalog, rejects, 8, &n, &g.p.error));
    assert_int_equal(n, 7);
    assert_string_equal(rejects[6].reason, "picture-missing");
    assert_string_equal(rejects[6].raw, "missing.jpg");
    assert_non_null(strstr(rejects[6].detail, "picture 2 of \"a\""));
    /* They are not read again, and stay rejects. */
    gallery_run(&g);
    assert_int_equal(g.report.read, 0);
    assert_int_equal(g.report.rejected, 7);
    sage_shop_state counted = {0};
    need_ok(&g.p, sage_catalog_count(g.p.catalog, &counted, &g.p.error));
    assert_int_equal(counted.picture_rejects, 7);
    assert_int_equal(counted.rejects, 7);
    assert_string_equal(counted.picture_encoder, "builtin");
    g.again = true;
    gallery_run(&g);
    assert_int_equal(g.report.rejected, 7);
    assert_true(g.report.read > 0);
    g.again = false;
    gallery_put(&g, "noise.png", "cut.jpg", "");
    gallery_put(&g, "rgb.png", "missing.jpg", "");
    gallery_run(&g);
    assert_int_equal(g.report.read, 2);
    assert_int_equal(g.report.rejected, 4);
    assert_true(gallery_has(&g, "a", 1) && gallery_has(&g, "a", 2) && gallery_has(&g, "b", 0));
    gallery_close(&g);
}

static void what_cannot_be_read_is_tried_again(void **state) {
    SETUP;
    put_two_products(&g);
    if (geteuid() == 0) { /* who may read everything */
        gallery_close(&g);
        skip();
    }
    assert_int_equal(chmod(scratch_path(g.dir, "two.png"), 0), 0);
    gallery_run(&g);
    assert_int_equal(gallery_reason(&g, "picture-unreadable"), 1);
    assert_int_equal(chmod(scratch_path(g.dir, "two.png"), 0600), 0);
    gallery_run(&g);
    assert_int_equal(g.report.rejected, 0);
    assert_true(gallery_has(&g, "a", 1));
    gallery_close(&g);
}

/* ---- links ---- */

static sage_status note_absent(void *ctx, const char *link, const char *name, sage_error *error) {
    (void)error;
    return sage_buf_printf(ctx, NULL, "%s %s\n", link, name);
}

static void links_of_all_kinds(void **state) {
    SETUP;
    sage_buf feed, absent;
    sage_buf_init(&feed, 1 << 16);
    sage_buf_init(&absent, 1 << 16);
    gallery_put(&g, "base.jpg", "a b.jpg", "");
    need_ok(&g.p,
            sage_buf_printf(
                &feed, NULL,
                "id,image_link\nfile,file://%s/a%%20b.jpg\nlost,file:%s/lost.jpg\n"
                "host,file://elsewhere%s/a%%20b.jpg\nup,file://%s/../secret.jpg\nweb,https://s.example/x/main.jpg\n"
                "web2,https://s.example/y/main.jpg\n",
                g.dir, g.dir, g.dir, g.dir));
    gallery_import(&g, feed.data, false);
    assert_int_equal(g.p.report.added, 4);
    assert_int_equal(reason_count(&g.p.report, "image-outside"), 2);
    gallery_run(&g);
    assert_true(gallery_has(&g, "file", 0));
    assert_int_equal(g.report.absent, 2);
    assert_int_equal(gallery_reason(&g, "picture-missing"), 1);
    need_ok(&g.p, sage_catalog_absent_pictures(g.p.catalog, g.dir, note_absent, &absent, NULL, &g.p.error));
    char name[64] = "";
    const char *second = strstr(absent.data, "https://s.example/y/main.jpg ");
    assert_non_null(second);
    assert_int_equal(sscanf(second, "https://s.example/y/main.jpg %63s", name), 1);
    assert_int_equal(strlen(name), 32);
    gallery_put(&g, "noise.png", name, "");
    gallery_run(&g);
    assert_true(gallery_has(&g, "web2", 0));
    assert_false(gallery_has(&g, "web", 0));
    assert_int_equal(g.report.absent, 1);
    sage_buf_clear(&absent);
    need_ok(&g.p, sage_catalog_absent_pictures(g.p.catalog, g.dir, note_absent, &absent, NULL, &g.p.error));
    assert_null(strstr(absent.data, "/y/"));
    assert_non_null(strstr(absent.data, "/x/"));
    sage_buf_free(&feed);
    sage_buf_free(&absent);
    gallery_close(&g);
}

/* ---- other vectors ---- */

static void another_encoder_takes_all(void **state) {
    float vector[256];
    char dir[SAGE_PATH_MAX];
    const char *tests = getenv("SAGE_TEST_DIR");
    SETUP;
    put_two_products(&g);
    gallery_run(&g);
    sage_picture_encoder builtin = g.encoder;
    snprintf(dir, sizeof dir, "%s/oracle/encoders/mobilenet", tests != NULL ? tests : "tests");
    need_ok(&g.p, sage_picture_encoder_open("mobile", dir, NULL, &g.encoder, &g.p.error));
    gallery_run(&g);
    assert_int_equal(g.report.encoded, 2);
    assert_int_equal(gallery_vector(&g, "a", 0, vector, 256), g.encoder.dim);
    assert_int_not_equal(g.encoder.dim, 256);
    const char *name = NULL;
    need_ok(&g.p, sage_catalog_picture_encoder(g.p.catalog, &name, &g.p.error));
    assert_string_equal(name, "mobile");
    sage_picture_encoder_close(&g.encoder);
    g.encoder = builtin;
    gallery_run(&g); /* back: all of it is still there */
    assert_int_equal(g.report.read, 0);
    assert_int_equal(g.report.products, 2);
    assert_int_equal(gallery_vector(&g, "a", 0, vector, 256), 256);
    gallery_close(&g);
}

static void give(gallery *g, const char *ids, size_t n) {
    static const float values[2][3] = {{1, 2, 3}, {4, 5, 6}};
    char npy[SAGE_PATH_MAX], list[SAGE_PATH_MAX];
    sage_npy_writer writer;
    need_ok(&g->p, sage_npy_create(place_path(&g->p, "given.npy", npy), n, 3, &writer, &g->p.error));
    need_ok(&g->p, sage_npy_add(&writer, values[0], n, &g->p.error));
    need_ok(&g->p, sage_npy_finish(&writer, &g->p.error));
    place_write(&g->p, "ids.txt", ids);
    need_ok(&g->p, sage_catalog_import_image_vectors(g->p.catalog, g->p.dir, npy, place_path(&g->p, "ids.txt", list),
                                                     NULL, &g->p.report, &g->p.error));
}

/* A shop has vectors of one origin, and so of one width. */
static void vectors_from_elsewhere_and_computed_ones_never_mix(void **state) {
    float vector[256];
    const char *name = NULL;
    SETUP;
    put_two_products(&g);
    gallery_run(&g);
    product_seen b = see(&g.p, "b");
    give(&g, "a\n", 1);
    assert_int_equal(gallery_vector(&g, "a", 0, vector, 256), 3);
    assert_false(gallery_has(&g, "a", 1) || gallery_has(&g, "b", 0));
    assert_int_not_equal(see(&g.p, "b").revision, b.revision);
    need_ok(&g.p, sage_catalog_picture_encoder(g.p.catalog, &name, &g.p.error));
    assert_string_equal(name, "none");
    gallery_run(&g); /* asked for: the other way round; the cache has all */
    assert_int_equal(g.report.read, 0);
    assert_int_equal(gallery_vector(&g, "a", 0, vector, 256), 256);
    product_seen again = see(&g.p, "b");
    assert_memory_equal(&again.fingerprint, &b.fingerprint, sizeof b.fingerprint);
    assert_int_equal(ask(&g.p, "SELECT count(*) FROM vector_files WHERE encoder IS NULL"), 0);
    gallery_close(&g);
}

/* ---- pictures of events ---- */

static bool finds(gallery *g, const char *link, uint64_t *row) {
    sage_picture_finder *finder;
    sage_image_ref image;
    need_ok(&g->p, sage_picture_finder_open(g->p.catalog, &finder, &g->p.error));
    need_ok(&g->p, sage_picture_finder_find(finder, (sage_str){link, strlen(link)}, &image, &g->p.error));
    bool found = image.vector_file[0] != '\0';
    *row = image.vector_row;
    sage_picture_finder_close(finder);
    return found;
}

static void searched(gallery *g, const char *file, const char *link) {
    char text[256];
    snprintf(text, sizeof text, "surface,query,product_id,event\nimage,%s,a,click\nsearch,red,a,click\n", link);
    need_ok(&g->p, place_events(&g->p, file, text, NULL));
}

static void pictures_of_events_have_vectors(void **state) {
    uint64_t row, of_product;
    SETUP;
    put_two_products(&g);
    gallery_put(&g, "rgb.png", "photo.png", "seen by nobody yet");
    searched(&g, "e1.csv", "photo.png");
    searched(&g, "e2.csv", "missing.png");
    gallery_run(&g);
    int64_t revision = sage_catalog_revision(g.p.catalog);
    assert_int_equal(g.report.searched, 2);
    assert_int_equal(g.report.searched_vectors, 1);
    assert_true(finds(&g, "photo.png", &row));
    assert_false(finds(&g, "missing.png", &row));
    assert_false(finds(&g, "../photo.png", &row));

    gallery_run(&g); /* nothing is new */
    assert_int_equal(g.report.read, 0);
    assert_int_equal(sage_catalog_revision(g.p.catalog), revision);

    /* No product changes, but what a dataset would hold does. */
    gallery_put(&g, "rgb.png", "missing.png", "");
    gallery_run(&g);
    assert_int_equal(g.report.products, 0);
    assert_int_equal(g.report.searched_vectors, 2);
    assert_true(sage_catalog_revision(g.p.catalog) > revision);
    assert_true(finds(&g, "missing.png", &row));

    assert_true(finds(&g, "two.png", &of_product)); /* a product's own link, too */
    assert_int_equal(of_product, see(&g.p, "a").rows[1]);
    gallery_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_content_is_encoded_once),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(a_young_file_is_not_trusted),
        cmocka_unit_test(vectors_outlive_products_and_files),
        cmocka_unit_test(all_threads_give_the_same_files),
        cmocka_unit_test(a_stopped_pass_goes_on),
        cmocka_unit_test(segments_are_as_long_as_they_are_told),
        cmocka_unit_test(bad_pictures_are_rejects_of_their_products),
        cmocka_unit_test(what_cannot_be_read_is_tried_again),
        cmocka_unit_test(links_of_all_kinds),
        cmocka_unit_test(another_encoder_takes_all),
        cmocka_unit_test(pictures_of_events_have_vectors),
        cmocka_unit_test(vectors_from_elsewhere_and_computed_ones_never_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
