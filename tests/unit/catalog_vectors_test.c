#include "catalog_help.h"
#include <io/npy.h>
#include <math.h>

enum { DIM = 4 };

#define SETUP                                                                                                          \
    place p;                                                                                                           \
    (void)state;                                                                                                       \
    place_open(&p);                                                                                                    \
    need_ok(&p,                                                                                                        \
            place_import(&p, "products.csv",                                                                           \
                         "id,title,image_link,additional_image_link\na,A,a0.png,a1.png\nb,B,b0.png,\nc,C,,\n", NULL))

static sage_status give_wide(place *p, const float *values, size_t rows, size_t dim, const char *ids) {
    char npy[SAGE_PATH_MAX], list[SAGE_PATH_MAX];
    sage_npy_writer writer;
    need_ok(p, sage_npy_create(place_path(p, "given.npy", npy), rows, dim, &writer, &p->error));
    need_ok(p, sage_npy_add(&writer, values, rows, &p->error));
    need_ok(p, sage_npy_finish(&writer, &p->error));
    place_write(p, "ids.txt", ids);
    return sage_catalog_import_image_vectors(p->catalog, p->dir, npy, place_path(p, "ids.txt", list), NULL, &p->report,
                                             &p->error);
}

static sage_status give(place *p, const float *values, size_t rows, const char *ids) {
    return give_wide(p, values, rows, DIM, ids);
}

/* The first value of picture `i` of a product, as the shop keeps it. */
static float kept(place *p, const product_seen *seen, size_t i) {
    char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    float row[64];
    sage_npy npy;
    need_ok(p, sage_path_join(path, place_path(p, "pictures", dir), seen->vectors[i], &p->error));
    need_ok(p, sage_npy_open(path, &npy, &p->error));
    assert_true(seen->rows[i] < npy.rows && npy.cols <= 64);
    sage_npy_row(&npy, seen->rows[i], row);
    sage_npy_close(&npy);
    return row[0];
}

static sage_status count_entry(void *ctx, const char *name, sage_error *error) {
    (void)name;
    (void)error;
    ++*(size_t *)ctx;
    return SAGE_OK;
}

static size_t files_kept(place *p) {
    char dir[SAGE_PATH_MAX];
    size_t n = 0;
    need_ok(p, sage_fs_list(place_path(p, "pictures", dir), count_entry, &n, &p->error));
    return n;
}

static const float some[][DIM] = {{1, 0, 0, 0}, {2, 0, 0, 0}, {3, 0, 0, 0}, {4, 0, 0, 0}, {5, 0, 0, 0}};

static void points_products_at_their_vectors(void **state) {
    SETUP;
    product_seen before = see(&p, "a"), c_before = see(&p, "c");
    need_ok(&p, give(&p, some[0], 5, "a\nnobody\nc\r\na\nc\n"));
    assert_int_equal(p.report.rows, 5);
    assert_int_equal(p.report.added, 2);
    assert_int_equal(p.report.rejected, 1);
    assert_int_equal(reason_count(&p.report, "unknown-product"), 1);
    product_seen a = see(&p, "a"), b = see(&p, "b"), c = see(&p, "c");
    assert_int_equal(a.n_images, 2);
    assert_string_equal(a.images[1], "a1.png");
    assert_true(kept(&p, &a, 0) == 1 && kept(&p, &a, 1) == 4);
    assert_int_equal(c.n_images, 2);
    assert_string_equal(c.images[0], "");
    assert_true(kept(&p, &c, 0) == 3 && kept(&p, &c, 1) == 5);
    assert_string_equal(b.vectors[0], "");
    assert_memory_not_equal(&a.fingerprint, &before.fingerprint, sizeof a.fingerprint);
    assert_memory_not_equal(&c.fingerprint, &c_before.fingerprint, sizeof a.fingerprint);
    assert_int_equal(a.revision, 2);
    assert_int_equal(b.revision, 1);
    assert_int_equal(sage_catalog_revision(p.catalog), 2);
    sage_shop_state counted = {0};
    need_ok(&p, sage_catalog_count(p.catalog, &counted, &p.error));
    assert_int_equal(counted.image_vectors, 4);
    assert_int_equal(counted.rejects, 1);
    assert_int_equal(files_kept(&p), 1);
    place_close(&p);
}

static void the_same_vectors_change_nothing(void **state) {
    SETUP;
    need_ok(&p, give(&p, some[0], 3, "a\na\nb\n"));
    product_seen a = see(&p, "a");
    need_ok(&p, give(&p, some[0], 4, "a\na\nb\nc\n")); /* one more: another file, the same vectors for a and b */
    assert_int_equal(p.report.unchanged, 2);
    assert_int_equal(p.report.added, 1);
    product_seen again = see(&p, "a");
    assert_int_equal(again.revision, a.revision);
    assert_memory_equal(&again.fingerprint, &a.fingerprint, sizeof a.fingerprint);
    assert_string_not_equal(again.vectors[0], a.vectors[0]);
    assert_true(kept(&p, &again, 1) == 2);
    assert_int_equal(files_kept(&p), 1); /* the old file is gone */
    need_ok(&p, give(&p, some[0], 4, "a\na\nb\nc\n"));
    assert_int_equal(p.report.unchanged, 3);
    assert_int_equal(sage_catalog_revision(p.catalog), 3);
    assert_int_equal(files_kept(&p), 1);
    place_close(&p);
}

static void new_vectors_replace_all_old_ones(void **state) {
    SETUP;
    need_ok(&p, give(&p, some[0], 4, "a\na\nc\nb\n"));
    need_ok(&p, give(&p, some[4], 1, "a\n"));
    assert_int_equal(p.report.changed, 1);
    product_seen a = see(&p, "a"), c = see(&p, "c");
    assert_true(kept(&p, &a, 0) == 5);
    assert_string_equal(a.vectors[1], "");
    assert_string_equal(a.images[1], "a1.png");
    assert_true(kept(&p, &c, 0) == 3);
    assert_int_equal(files_kept(&p), 2);
    place_close(&p);
}

static void a_changed_picture_loses_its_vector(void **state) {
    SETUP;
    need_ok(&p, give(&p, some[0], 4, "a\na\nc\nb\n"));
    product_seen before = see(&p, "b");
    need_ok(&p,
            place_import(&p, "products.csv",
                         "id,title,image_link,additional_image_link\na,A,a0.png,new.png\nb,B2,b0.png,\nc,C,c0.png,\n",
                         NULL));
    product_seen a = see(&p, "a"), b = see(&p, "b"), c = see(&p, "c");
    assert_true(kept(&p, &a, 0) == 1);
    assert_string_equal(a.vectors[1], "");
    assert_string_equal(a.images[1], "new.png");
    assert_true(kept(&p, &b, 0) == 4); /* its text changed, its picture did not */
    assert_memory_not_equal(&b.fingerprint, &before.fingerprint, sizeof b.fingerprint);
    assert_true(kept(&p, &c, 0) == 3); /* the picture that had no link has got one */
    assert_string_equal(c.images[0], "c0.png");
    place_close(&p);
}

static void a_picture_keeps_its_vector_where_it_moves(void **state) {
    SETUP;
    need_ok(&p, give(&p, some[0], 4, "a\na\nc\nb\n"));
    need_ok(&p,
            place_import(&p, "products.csv",
                         "id,title,image_link,additional_image_link\na,A,new.png,\"a1.png,a0.png\"\nb,B,x.png,b0.png\n"
                         "c,C,,\n",
                         NULL));
    product_seen a = see(&p, "a"), b = see(&p, "b"), c = see(&p, "c");
    assert_string_equal(a.images[0], "new.png");
    assert_string_equal(a.vectors[0], "");
    assert_true(kept(&p, &a, 1) == 2 && kept(&p, &a, 2) == 1);
    assert_string_equal(b.vectors[0], "");
    assert_true(kept(&p, &b, 1) == 4);
    assert_true(kept(&p, &c, 0) == 3);
    place_close(&p);
}

static void bad_vectors_change_nothing(void **state) {
    SETUP;
    float bad[2][DIM] = {{1, 2, 3, 4}, {1, NAN, 3, 4}};
    assert_int_equal(give(&p, bad[0], 2, "a\nb\n"), SAGE_E_FORMAT);
    assert_int_equal(p.error.line, 2);
    assert_int_equal(p.error.column, 2);
    bad[1][1] = INFINITY;
    assert_int_equal(give(&p, bad[0], 2, "a\nb\n"), SAGE_E_FORMAT);
    assert_int_equal(give(&p, some[0], 3, "a\nb\n"), SAGE_E_FORMAT);
    assert_non_null(strstr(p.error.text, "2 ids for the 3 vectors"));
    assert_int_equal(give(&p, some[0], 2, "a\nb\nc\n"), SAGE_E_FORMAT);
    assert_int_equal(ask(&p, "SELECT count(vector_file) FROM images"), 0);
    assert_int_equal(sage_catalog_revision(p.catalog), 1);
    /* Zeros have no direction. */
    static const float zeros[2][DIM] = {{0, 0, 0, 0}, {1, 0, 0, 0}};
    need_ok(&p, give(&p, zeros[0], 2, "a\nb\n"));
    assert_int_equal(reason_count(&p.report, "zero-vector"), 1);
    assert_int_equal(p.report.added, 1);
    place_close(&p);
}

static void one_width_for_all(void **state) {
    SETUP;
    static const float narrow[2][2] = {{1, 2}, {3, 4}};
    need_ok(&p, give(&p, some[0], 2, "a\nb\n"));
    assert_int_equal(give_wide(&p, narrow[0], 2, 2, "a\nc\n"), SAGE_E_ARGUMENT);
    assert_non_null(strstr(p.error.text, "2 wide"));
    product_seen a = see(&p, "a");
    assert_true(kept(&p, &a, 0) == 1);
    assert_string_equal(see(&p, "c").vectors[0], "");
    /* A whole new set may be of another width. */
    need_ok(&p, give_wide(&p, narrow[0], 2, 2, "a\nb\n"));
    assert_int_equal(p.report.changed, 2);
    assert_int_equal(files_kept(&p), 1);
    place_close(&p);
}

static void at_most_twenty(void **state) {
    SETUP;
    float many[21][DIM];
    sage_buf ids;
    sage_buf_init(&ids, 1024);
    for (size_t i = 0; i < 21; i++) {
        for (size_t j = 0; j < DIM; j++) many[i][j] = (float)(i + 1);
        need_ok(&p, sage_buf_text(&ids, "c\n", NULL));
    }
    need_ok(&p, give(&p, many[0], 21, ids.data));
    assert_int_equal(reason_count(&p.report, "too-many-images"), 1);
    product_seen c = see(&p, "c");
    assert_int_equal(c.n_images, 20);
    assert_true(kept(&p, &c, 19) == 20);
    sage_buf_free(&ids);
    place_close(&p);
}

static void stopping_leaves_all_as_it_was(void **state) {
    SETUP;
    char npy[SAGE_PATH_MAX], list[SAGE_PATH_MAX];
    volatile sig_atomic_t cancel = 1;
    const sage_monitor monitor = {.cancel = &cancel};
    need_ok(&p, give(&p, some[0], 2, "a\nb\n"));
    need_ok(&p, give(&p, some[1], 2, "a\nb\n"));
    place_write(&p, "ids.txt", "b\na\n");
    assert_int_equal(sage_catalog_import_image_vectors(p.catalog, p.dir, place_path(&p, "given.npy", npy),
                                                       place_path(&p, "ids.txt", list), &monitor, &p.report, &p.error),
                     SAGE_E_CANCELLED);
    product_seen a = see(&p, "a");
    assert_true(kept(&p, &a, 0) == 2);
    cancel = 0;
    need_ok(&p, sage_catalog_import_image_vectors(p.catalog, p.dir, npy, list, &monitor, &p.report, &p.error));
    a = see(&p, "a");
    assert_true(kept(&p, &a, 0) == 3);
    assert_int_equal(files_kept(&p), 1);
    place_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_products_at_their_vectors),
        cmocka_unit_test(the_same_vectors_change_nothing),
        cmocka_unit_test(new_vectors_replace_all_old_ones),
        cmocka_unit_test(a_changed_picture_loses_its_vector),
        cmocka_unit_test(a_picture_keeps_its_vector_where_it_moves),
        cmocka_unit_test(bad_vectors_change_nothing),
        cmocka_unit_test(one_width_for_all),
        cmocka_unit_test(at_most_twenty),
        cmocka_unit_test(stopping_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
