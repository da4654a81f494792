/* Several encoders of pictures at once: their vectors side by side, the same that each makes alone, and none made twice
 * whatever passes there were. */
#include "features_pictures_help.h"
#include <base/alloc.h>
#include <catalog/picture_origin.h>
#include <features/features.h>
#include <features/picture_vector.h>

enum { WIDE = 512 };

static char encoders[SAGE_PATH_MAX]; /* the folder of small ones */

static const char *folder_of(const char *name) {
    static char path[SAGE_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", encoders, name);
    return strcmp(name, "builtin") == 0 ? NULL : path;
}

/* "a,b" */
static void use(gallery *g, const char *names) {
    sage_str one;
    char name[64];
    sage_picture_encoder_close(&g->encoder);
    for (const char *rest = names; sage_picture_parts_next(&rest, &one);) {
        snprintf(name, sizeof name, "%.*s", (int)one.len, one.data);
        need_ok(&g->p, sage_picture_encoder_join(&g->encoder, name, folder_of(name), &g->p.error));
    }
    assert_string_equal(g->encoder.name, names);
}

/* Encoders that are asked for small and for large pictures, of pictures of many sizes. */
static const char *const pictures[] = {"base.jpg", "wide.webp", "wide.png",  "wide.jpg",
                                       "tall.jpg", "rgb.png",   "noise.png", "lossless.webp"};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static void begin(gallery *g, const char *names) {
    char feed[1024] = "id,image_link\n";
    gallery_open(g);
    for (size_t i = 0; i < PICTURES; i++) {
        gallery_put(g, pictures[i], pictures[i], "");
        snprintf(feed + strlen(feed), 64, "%zu,%s\n", i, pictures[i]);
    }
    gallery_import(g, feed, false);
    use(g, names);
}

static void pass(gallery *g, const char *names, size_t encoded) {
    use(g, names);
    gallery_run(g);
    assert_int_equal(g->report.encoded, encoded);
    if (encoded == 0) assert_int_equal(g->report.read, 0); /* what lies there is known, and so are its vectors */
    assert_int_equal(g->report.vectors, PICTURES);
    assert_string_equal(g->report.encoder, names);
}

static void vectors_of(gallery *g, size_t dim, float out[PICTURES][WIDE]) {
    char id[8];
    memset(out, 0, sizeof(float[PICTURES][WIDE]));
    for (size_t i = 0; i < PICTURES; i++) {
        snprintf(id, sizeof id, "%zu", i);
        assert_int_equal(gallery_vector(g, id, 0, out[i], WIDE), dim);
    }
}

/* By a shop that has never seen them. */
static size_t alone(const char *names, float out[PICTURES][WIDE]) {
    gallery g;
    begin(&g, names);
    gallery_run(&g);
    assert_int_equal(g.report.encoded, PICTURES * g.encoder.n_parts);
    size_t dim = g.encoder.dim;
    vectors_of(&g, dim, out);
    gallery_close(&g);
    return dim;
}

static void expect_beside(float both[PICTURES][WIDE], float first[PICTURES][WIDE], size_t dim,
                          float second[PICTURES][WIDE], size_t more) {
    for (size_t i = 0; i < PICTURES; i++) {
        assert_memory_equal(both[i], first[i], dim * sizeof(float));
        assert_memory_equal(both[i] + dim, second[i], more * sizeof(float));
    }
}

static void parts_are_what_each_makes_alone(void **state) {
    static float builtin[PICTURES][WIDE], mobile[PICTURES][WIDE], both[PICTURES][WIDE];
    (void)state;
    size_t dim = alone("builtin", builtin), more = alone("mobilenet", mobile);
    assert_int_equal(alone("builtin,mobilenet", both), dim + more);
    expect_beside(both, builtin, dim, mobile, more);
    assert_int_equal(alone("mobilenet,builtin", both), dim + more);
    expect_beside(both, mobile, more, builtin, dim);
}

static void one_picture_gets_the_vector_of_a_pass(void **state) {
    static float both[PICTURES][WIDE];
    float vector[WIDE];
    gallery g;
    sage_picture_file file = {0};
    (void)state;
    begin(&g, "mobilenet,builtin");
    gallery_run(&g);
    vectors_of(&g, g.encoder.dim, both);
    for (size_t i = 0; i < PICTURES; i++) {
        need_ok(&g.p,
                sage_picture_load(scratch_path(g.dir, pictures[i]), &sage_picture_limits_default, &file, &g.p.error));
        need_ok(&g.p, sage_picture_vector(&g.encoder, "it", &file, vector, &g.p.error));
        assert_memory_equal(vector, both[i], g.encoder.dim * sizeof(float));
        sage_picture_file_free(&file);
    }
    gallery_close(&g);
}

/* ---- the cache ---- */

static void what_one_had_is_not_made_again_for_several(void **state) {
    static float builtin[PICTURES][WIDE], mobile[PICTURES][WIDE], both[PICTURES][WIDE];
    gallery g;
    (void)state;
    begin(&g, "builtin");
    pass(&g, "builtin", PICTURES);
    vectors_of(&g, 256, builtin);
    pass(&g, "mobilenet,builtin", PICTURES); /* of the network's alone */
    size_t more = g.encoder.parts[0].dim;
    vectors_of(&g, more + 256, both);
    pass(&g, "mobilenet", 0);
    vectors_of(&g, more, mobile);
    expect_beside(both, mobile, more, builtin, 256);
    gallery_close(&g);
}

static void what_several_had_is_made_again_for_nobody(void **state) {
    static float first[PICTURES][WIDE], now[PICTURES][WIDE], mobile[PICTURES][WIDE], both[PICTURES][WIDE];
    gallery g;
    (void)state;
    begin(&g, "builtin,mobilenet");
    pass(&g, "builtin,mobilenet", 2 * PICTURES);
    size_t more = g.encoder.parts[1].dim;
    vectors_of(&g, 256 + more, first);
    pass(&g, "builtin", 0);
    vectors_of(&g, 256, now);
    for (size_t i = 0; i < PICTURES; i++) assert_memory_equal(now[i], first[i], 256 * sizeof(float));
    pass(&g, "mobilenet", 0);
    vectors_of(&g, more, mobile);
    expect_beside(first, now, 256, mobile, more);
    pass(&g, "mobilenet,builtin", 0);
    vectors_of(&g, more + 256, both);
    expect_beside(both, mobile, more, now, 256);
    pass(&g, "clip,mobilenet,builtin", PICTURES);
    pass(&g, "clip", 0);
    gallery_put(&g, "gray8.png", pictures[0], ""); /* a new content: for both */
    pass(&g, "builtin,mobilenet", 2);
    pass(&g, "mobilenet", 0);
    gallery_close(&g);
}

static void a_damaged_file_is_no_source(void **state) {
    static float before[PICTURES][WIDE], after[PICTURES][WIDE];
    char dir[SAGE_PATH_MAX];
    size_t n;
    gallery g;
    (void)state;
    begin(&g, "builtin,mobilenet");
    gallery_run(&g);
    size_t dim = g.encoder.dim;
    vectors_of(&g, dim, before);
    product_seen seen = see(&g.p, "0");
    place_path(&g.p, "pictures", dir);
    char *bytes = scratch_read(scratch_path(dir, seen.vectors[0]), &n);
    bytes[n - dim * PICTURES * sizeof(float) + seen.rows[0] * dim * sizeof(float)] ^= 1;
    scratch_write(scratch_path(dir, seen.vectors[0]), bytes, n);
    pass(&g, "builtin", 1); /* that picture's alone */
    vectors_of(&g, 256, after);
    for (size_t i = 0; i < PICTURES; i++) assert_memory_equal(before[i], after[i], 256 * sizeof(float));
    sage_free(bytes);
    gallery_close(&g);
}

/* A file that is gone keeps what any encoder made of it, unless that is damaged too. */
static void parts_outlive_files(void **state) {
    static float before[PICTURES][WIDE], after[PICTURES][WIDE];
    char dir[SAGE_PATH_MAX];
    size_t n;
    gallery g;
    (void)state;
    begin(&g, "builtin,mobilenet");
    gallery_run(&g);
    size_t dim = g.encoder.dim;
    vectors_of(&g, dim, before);
    product_seen seen = see(&g.p, "2");
    for (size_t i = 0; i < PICTURES; i++) assert_int_equal(unlink(scratch_path(g.dir, pictures[i])), 0);
    pass(&g, "builtin", 0);
    vectors_of(&g, 256, after);
    for (size_t i = 0; i < PICTURES; i++) assert_memory_equal(before[i], after[i], 256 * sizeof(float));
    assert_int_equal(g.report.rejected, 0);
    use(&g, "clip");
    gallery_run(&g);
    assert_int_equal(gallery_reason(&g, "picture-missing"), PICTURES);
    place_path(&g.p, "pictures", dir);
    char *bytes = scratch_read(scratch_path(dir, seen.vectors[0]), &n);
    bytes[n - 1 - (PICTURES - 1 - seen.rows[0]) * dim * sizeof(float)] ^= 1;
    scratch_write(scratch_path(dir, seen.vectors[0]), bytes, n);
    use(&g, "mobilenet");
    gallery_run(&g);
    assert_int_equal(g.report.vectors, PICTURES - 1);
    assert_int_equal(gallery_reason(&g, "picture-missing"), 1);
    sage_free(bytes);
    gallery_close(&g);
}

static void all_threads_make_the_same(void **state) {
    static float one[PICTURES][WIDE], three[PICTURES][WIDE];
    gallery g;
    (void)state;
    size_t dim = alone("dinov2,builtin,clip", one);
    begin(&g, "builtin");
    need_ok(&g.p, sage_pool_new(3, &g.pool, &g.p.error));
    sage_picture_encoder_close(&g.encoder);
    g.encoder.pool = g.pool;
    const char *const names[] = {"dinov2", "builtin", "clip"};
    for (size_t i = 0; i < 3; i++)
        need_ok(&g.p, sage_picture_encoder_join(&g.encoder, names[i], folder_of(names[i]), &g.p.error));
    gallery_run(&g);
    vectors_of(&g, dim, three);
    assert_memory_equal(one, three, sizeof one);
    gallery_close(&g);
}

/* ---- names ---- */

static void the_catalogue_knows_the_parts(void **state) {
    gallery g;
    sage_picture_origin origin;
    sage_picture_parts parts, of_file;
    char identity[SAGE_PICTURE_IDENTITY_MAX];
    const char *name = NULL;
    (void)state;
    begin(&g, "mobilenet,builtin");
    gallery_run(&g);
    need_ok(&g.p, sage_catalog_picture_encoder(g.p.catalog, &name, &g.p.error));
    assert_string_equal(name, "mobilenet,builtin");
    need_ok(&g.p, sage_catalog_picture_origin(g.p.catalog, &origin, &g.p.error));
    assert_int_equal(origin.maker, SAGE_PICTURES_COMPUTED);
    assert_string_equal(origin.identity, g.encoder.identity);
    need_ok(&g.p, sage_catalog_encoder_parts(g.p.catalog, origin.identity, &parts, &g.p.error));
    assert_int_equal(parts.n, 2);
    assert_int_equal(parts.dim[0], g.encoder.parts[0].dim);
    assert_int_equal(parts.dim[1], 256);
    product_seen seen = see(&g.p, "0");
    need_ok(&g.p, sage_catalog_vector_parts(g.p.catalog, seen.vectors[0], &of_file, identity, &g.p.error));
    assert_true(sage_picture_parts_equal(&parts, &of_file));
    assert_string_equal(identity, origin.identity);
    assert_int_equal(sage_catalog_encoder_parts(g.p.catalog, "builtin-1,who", &parts, &g.p.error), SAGE_E_FORMAT);
    assert_int_equal(sage_catalog_encoder_parts(g.p.catalog, "a,b,c,d", &parts, &g.p.error), SAGE_E_FORMAT);
    need_ok(&g.p, sage_catalog_encoder_parts(g.p.catalog, "who", &parts, &g.p.error));
    assert_int_equal(parts.n, 1);
    gallery_close(&g);
}

/* Each part has length 1, not the whole. */
static void vectors_are_scaled_by_parts(void **state) {
    gallery g;
    char dir[SAGE_PATH_MAX];
    float *vectors = NULL;
    size_t capacity = 0, n = 0;
    sage_image_store *store = NULL;
    sage_picture_parts parts;
    (void)state;
    begin(&g, "mobilenet,builtin");
    gallery_run(&g);
    product_seen seen = see(&g.p, "0");
    const sage_image_ref image = {seen.vectors[0], seen.rows[0], ""};
    need_ok(&g.p, sage_image_store_open(g.p.catalog, place_path(&g.p, "pictures", dir), &store, &g.p.error));
    sage_image_store_parts(store, &parts);
    assert_int_equal(parts.n, 0);
    need_ok(&g.p, sage_image_store_add(store, &image, &vectors, &capacity, &n, &g.p.error));
    sage_image_store_parts(store, &parts);
    assert_int_equal(n, 1);
    assert_int_equal(parts.n, 2);
    const float *part = vectors;
    for (size_t i = 0; i < 2; part += parts.dim[i++]) {
        double sum = 0;
        for (size_t k = 0; k < parts.dim[i]; k++) sum += (double)part[k] * part[k];
        assert_true(sum > 0.9999 && sum < 1.0001);
    }
    sage_image_store_close(store);
    need_ok(&g.p, sage_image_store_open(g.p.catalog, dir, &store, &g.p.error));
    need_ok(&g.p, sage_image_store_expect(store, "builtin-1", &g.p.error));
    n = 0;
    assert_int_equal(sage_image_store_add(store, &image, &vectors, &capacity, &n, &g.p.error), SAGE_E_STATE);
    sage_image_store_close(store);
    sage_free(vectors);
    gallery_close(&g);
}

static void expect_no_join(gallery *g, const char *name, const char *dir, const char *text) {
    char before[SAGE_PICTURE_IDENTITY_MAX];
    size_t n = g->encoder.n_parts, dim = g->encoder.dim;
    snprintf(before, sizeof before, "%s", g->encoder.identity);
    assert_int_equal(sage_picture_encoder_join(&g->encoder, name, dir, &g->p.error), SAGE_E_ARGUMENT);
    if (strstr(g->p.error.text, text) == NULL) fail_msg("%s", g->p.error.text);
    assert_int_equal(g->encoder.n_parts, n);
    assert_int_equal(g->encoder.dim, dim);
    assert_string_equal(g->encoder.identity, before);
}

static void what_cannot_be_joined_is_said(void **state) {
    gallery g;
    (void)state;
    begin(&g, "mobilenet,builtin");
    expect_no_join(&g, "builtin", NULL, "one and the same");
    expect_no_join(&g, "twin", folder_of("mobilenet"), "'mobilenet' and 'twin' are one and the same");
    expect_no_join(&g, "words", folder_of("bert_mean"), "encoder of texts");
    need_ok(&g.p, sage_picture_encoder_join(&g.encoder, "clip", folder_of("clip"), &g.p.error));
    expect_no_join(&g, "dinov2", folder_of("dinov2"), "3 picture encoders at most");
    assert_string_equal(g.encoder.name, "mobilenet,builtin,clip");
    gallery_close(&g);
}

static void a_failed_allocation_loses_nothing(void **state) {
    static float good[PICTURES][WIDE], now[PICTURES][WIDE];
    gallery g;
    (void)state;
    size_t dim = alone("builtin,mobilenet", good);
    begin(&g, "builtin");
    gallery_run(&g);
    use(&g, "builtin,mobilenet");
    for (unsigned long n = 1;; n++) {
        sage_alloc_fail_from(n);
        sage_status st = gallery_try(&g);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        if (st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", n, g.p.error.text);
    }
    vectors_of(&g, dim, now);
    assert_memory_equal(good, now, sizeof good);
    gallery_close(&g);
}

int main(void) {
    const char *tests_dir = getenv("SAGE_TEST_DIR");
    snprintf(encoders, sizeof encoders, "%s/oracle/encoders", tests_dir != NULL ? tests_dir : "tests");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_what_each_makes_alone),
        cmocka_unit_test(one_picture_gets_the_vector_of_a_pass),
        cmocka_unit_test(what_one_had_is_not_made_again_for_several),
        cmocka_unit_test(what_several_had_is_made_again_for_nobody),
        cmocka_unit_test(a_damaged_file_is_no_source),
        cmocka_unit_test(parts_outlive_files),
        cmocka_unit_test(all_threads_make_the_same),
        cmocka_unit_test(the_catalogue_knows_the_parts),
        cmocka_unit_test(vectors_are_scaled_by_parts),
        cmocka_unit_test(what_cannot_be_joined_is_said),
        cmocka_unit_test(a_failed_allocation_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
