/* Products for a picture: the product that it shows, pictures that the shop has seen and others, and what is refused.
 */
#include <pretrained/builtin.h>
#include <support/published_shop.h>
#include <support/test.h>
#include <support/weights.h>

/* Products without any text, so that their vectors are what their one picture gives; and some that have words too. */
static const char *const files[] = {"base.jpg", "rgb.png", "wide.webp", "tall.jpg"};
enum { BARE = sizeof files / sizeof *files, PRODUCTS = BARE + 4 };

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], pictures[SAGE_PATH_MAX];
static sage_shop *shop;
static sage_error error;
static sage_hit kept[PRODUCTS];
static float first_score[BARE]; /* the first score of the last query by each picture */

/* tests/pictures/<from> as `to`, with `behind` after its end, which makes it another file of the same pixels. */
static void put(const char *from, const char *to, const char *behind) {
    const char *tests = getenv("SAGE_TEST_DIR");
    char path[SAGE_PATH_MAX];
    size_t n = 0, more = strlen(behind);
    snprintf(path, sizeof path, "%s/pictures/%s", tests != NULL ? tests : "tests", from);
    char *bytes = scratch_read(path, &n);
    assert_non_null(bytes);
    char *all = malloc(n + more + 1);
    assert_non_null(all);
    memcpy(all, bytes, n);
    memcpy(all + n, behind, more + 1);
    scratch_write(to, all, n + more);
    free(all);
    sage_free(bytes);
}

static void import_feed(void) {
    char feed[SAGE_PATH_MAX], text[2048] = "id\ttitle\timage_link\n";
    const char *const paths[] = {feed};
    sage_import_report report;
    for (size_t i = 0; i < PRODUCTS; i++)
        snprintf(text + strlen(text), 64, "p%zu\t%s\t%s\n", i, i < BARE ? "" : "red oak table", files[i % BARE]);
    snprintf(feed, sizeof feed, "%s", scratch_path(dir, "feed.tsv"));
    scratch_write(feed, text, strlen(text));
    tiny_must(sage_import_products(shop, paths, 1, NULL, NULL, &report, &error), &error, "import");
    assert_int_equal(report.added, PRODUCTS);
}

static void compute(const char *encoder, size_t vectors) {
    char setting[SAGE_PATH_MAX + 32];
    const sage_picture_options options = {.images_dir = pictures};
    sage_picture_report report;
    snprintf(setting, sizeof setting, "picture_encoder=%s", encoder);
    tiny_must(sage_options_set(sage_shop_options(shop), setting, &error), &error, setting);
    tiny_must(sage_import_pictures(shop, &options, NULL, &report, &error), &error, "pictures");
    assert_int_equal(report.vectors, vectors);
}

static void publish(void) {
    published_train(shop);
    published_embed(shop);
    published_index(shop);
}

static int ground(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX];
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(pictures, sizeof pictures, "%s", scratch_path(dir, "pictures"));
    tiny_must(sage_fs_mkdir(pictures, &error), &error, "mkdir");
    for (size_t i = 0; i < BARE; i++) {
        snprintf(path, sizeof path, "%s", scratch_path(pictures, files[i]));
        put(files[i], path, "");
    }
    tiny_must(sage_shop_init(shop_dir, &error), &error, "init");
    shop = published_open(shop_dir);
    import_feed();
    compute("builtin", PRODUCTS);
    publish();
    return 0;
}

static int clear(void **state) {
    (void)state;
    sage_shop_close(shop);
    scratch_remove(dir);
    return 0;
}

static sage_status ask(const char *path, size_t n_wanted, size_t *n) {
    const sage_query query = {.image = path, .n = n_wanted};
    const sage_hit *hits;
    sage_searcher *searcher = NULL;
    sage_status st = sage_searcher_open(shop, &searcher, &error);
    *n = 9;
    if (st == SAGE_OK) st = sage_search(searcher, &query, &hits, n, &error);
    for (size_t i = 0; st == SAGE_OK && i < *n; i++) {
        kept[i].score = hits[i].score;
        kept[i].pid = hits[i].pid;
    }
    sage_searcher_close(searcher);
    return st;
}

static void expect_found(const char *path, size_t product) {
    size_t n;
    tiny_must(ask(path, PRODUCTS, &n), &error, path);
    assert_int_equal(n, PRODUCTS);
    assert_true(kept[0].score > 0.3f && kept[0].score < 1.0001f);
    for (size_t i = 1; i < n; i++) assert_true(kept[i].score <= kept[i - 1].score);
    first_score[product] = kept[0].score;
}

static void expect_refused(const char *path, sage_status status, const char *text) {
    size_t n;
    char line[1200];
    error = (sage_error){0};
    sage_status st = ask(path, 3, &n);
    sage_error_line(&error, line, sizeof line);
    if (st != status || strstr(line, text) == NULL) fail_msg("status %d, \"%s\", not \"%s\"", (int)st, line, text);
    assert_int_equal(n, 0);
    assert_null(strchr(line, '\n'));
}

/* Seen by the shop, and with another content but the same pixels: the vector from the cache is the one computed now. */
static void a_product_is_found_by_its_picture(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX], other[SAGE_PATH_MAX];
    snprintf(other, sizeof other, "%s", scratch_path(dir, "other"));
    for (size_t i = 0; i < BARE; i++) {
        sage_hit first[PRODUCTS];
        snprintf(path, sizeof path, "%s", scratch_path(pictures, files[i]));
        expect_found(path, i);
        memcpy(first, kept, sizeof first);
        put(files[i], other, "behind the end");
        if (strstr(files[i], ".webp") == NULL) expect_found(other, i); /* WebP has no end to be behind */
        for (size_t k = 0; k < PRODUCTS; k++)
            assert_true(first[k].pid == kept[k].pid && first[k].score == kept[k].score);
        for (size_t k = 0; k < i; k++)
            assert_true(first_score[k] != first_score[i]); /* another picture, another query */
    }
}

static void files_that_are_no_pictures(void **state) {
    (void)state;
    static const char huge[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0";
    char path[SAGE_PATH_MAX];
    size_t n;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "picture"));
    expect_refused(scratch_path(dir, "nowhere"), SAGE_E_NOT_FOUND, "nowhere");
    expect_refused(pictures, SAGE_E_FORMAT, "pictures");
    scratch_write(path, "oak table", 9);
    expect_refused(path, SAGE_E_FORMAT, "picture");
    scratch_write(path, "", 0);
    expect_refused(path, SAGE_E_FORMAT, "picture");
    put("base.jpg", path, "");
    char *bytes = scratch_read(path, &n);
    scratch_write(path, bytes, n / 3);
    sage_free(bytes);
    expect_refused(path, SAGE_E_FORMAT, "picture");
    scratch_write(path, huge, sizeof huge - 1);
    expect_refused(path, SAGE_E_LIMIT, "picture");
}

static void queries_that_make_no_sense(void **state) {
    (void)state;
    const char *path = scratch_path(pictures, files[0]);
    const sage_query bad[] = {{.image = path, .text = "a", .n = 1},
                              {.image = path, .product_id = "p1", .n = 1},
                              {.image = path, .method = SAGE_KEYWORDS, .n = 1},
                              {.image = path, .method = SAGE_HYBRID, .n = 1},
                              {.image = path, .n = 0}};
    sage_searcher *searcher = NULL;
    const sage_hit *hits;
    size_t n;
    tiny_must(sage_searcher_open(shop, &searcher, &error), &error, "open a searcher");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sage_search(searcher, &bad[i], &hits, &n, &error), SAGE_E_ARGUMENT);
    sage_searcher_close(searcher);
}

static void short_memory(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(dir, "short.png"));
    put("rgb.png", path, "not in the cache");
    const sage_query query = {.image = path, .n = 3};
    sage_status st = SAGE_E_MEMORY;
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        const sage_hit *hits;
        size_t n;
        sage_searcher *searcher = NULL;
        tiny_must(sage_searcher_open(shop, &searcher, &error), &error, "open a searcher");
        sage_alloc_fail_from(at);
        st = sage_search(searcher, &query, &hits, &n, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        sage_searcher_close(searcher);
        assert_true(at < 10000);
    }
}

/* The catalogue says which pictures products have. */
static void without_a_catalogue(void **state) {
    (void)state;
    char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX];
    snprintf(from, sizeof from, "%s", scratch_path(shop_dir, "catalog.db"));
    snprintf(to, sizeof to, "%s", scratch_path(shop_dir, "catalog.away"));
    tiny_must(sage_fs_rename(from, to, &error), &error, "rename");
    expect_refused(scratch_path(pictures, files[1]), SAGE_E_NOT_FOUND, "catalog.db");
    tiny_must(sage_fs_rename(to, from, &error), &error, "rename back");
    expect_found(scratch_path(pictures, files[1]), 1);
}

static sage_status take_name(void *ctx, const char *name, sage_error *failure) {
    return strstr(name, ".npy") != NULL ? sage_path_join(ctx, scratch_path(shop_dir, "pictures"), name, failure)
                                        : SAGE_OK;
}

/* Half a file of vectors is told, and one of another width; nothing is lost by it. */
static void a_file_of_vectors_that_is_not_as_it_was(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX] = "";
    size_t n;
    tiny_must(sage_fs_list(scratch_path(shop_dir, "pictures"), take_name, path, &error), &error, "list");
    char *good = scratch_read(path, &n);
    assert_true(good != NULL && n > 128);
    scratch_write(path, good, n / 2);
    expect_refused(scratch_path(pictures, files[0]), SAGE_E_FORMAT, ".npy");
    sage_npy_writer writer;
    const float wide[SAGE_BUILTIN_DIM + 64] = {1};
    tiny_must(sage_npy_create(path, BARE, SAGE_BUILTIN_DIM + 64, &writer, &error), &error, "npy");
    for (size_t i = 0; i < BARE; i++) tiny_must(sage_npy_add(&writer, wide, 1, &error), &error, "npy");
    tiny_must(sage_npy_finish(&writer, &error), &error, "npy");
    expect_refused(scratch_path(pictures, files[0]), SAGE_E_STATE, "of another encoder than");
    scratch_write(path, good, n);
    expect_found(scratch_path(pictures, files[0]), 0);
    sage_free(good);
}

/* A model of before: its config.json does not say which encoder it was. The last such key is the one; among the options
 * there is another. */
static void a_model_that_does_not_say(void **state) {
    (void)state;
    size_t n;
    char *at = NULL;
    const char *path = scratch_path(shop_dir, "models/1/config.json");
    char *config = scratch_read(path, &n), *changed = malloc(n + 1);
    assert_true(config != NULL && changed != NULL);
    memcpy(changed, config, n);
    changed[n] = '\0';
    for (char *next = changed; (next = strstr(next, "\"picture_encoder\"")) != NULL; next++) at = next;
    assert_non_null(at);
    memcpy(at, "\"picture_unknown\"", 17);
    scratch_write(path, changed, n);
    expect_refused(scratch_path(pictures, files[0]), SAGE_E_STATE, "not known which encoder");
    scratch_write(path, config, n);
    expect_found(scratch_path(pictures, files[0]), 0);
    free(changed);
    sage_free(config);
}

static void take_encoder(const char *weights) {
    sage_encoder_about about;
    tiny_must(sage_encoder_add(shop, "look", weights, true, NULL, &about, &error), &error, "add an encoder");
}

/* A network that was taken in: what the shop has seen is found whatever becomes of it, anything else needs that one. */
static void the_encoder_must_be_the_same(void **state) {
    (void)state;
    char weights[SAGE_PATH_MAX], other[SAGE_PATH_MAX], seen[SAGE_PATH_MAX], config[SAGE_PATH_MAX];
    size_t n;
    snprintf(weights, sizeof weights, "%s", scratch_path(dir, "weights"));
    snprintf(config, sizeof config, "%s", scratch_path(weights, "config.json"));
    snprintf(other, sizeof other, "%s", scratch_path(dir, "unseen.png"));
    snprintf(seen, sizeof seen, "%s", scratch_path(pictures, "rgb.png"));
    put("rgb.png", other, "not in the cache");
    weights_of_pictures(weights);
    take_encoder(weights);
    compute("look", PRODUCTS);
    expect_refused(seen, SAGE_E_STATE, "of another encoder than"); /* the release is still the old model's */
    publish();
    expect_found(seen, 1);
    expect_found(other, 1);

    char *text = scratch_read(config, &n), *longer = malloc(n + 1);
    assert_true(text != NULL && longer != NULL);
    memcpy(longer, text, n);
    longer[n] = '\n';
    scratch_write(config, longer, n + 1);
    take_encoder(weights);
    expect_found(seen, 1);
    expect_refused(other, SAGE_E_STATE, "'look' is not the one");
    tiny_must(sage_encoder_remove(shop, "look", &error), &error, "remove");
    expect_found(seen, 1);
    expect_refused(other, SAGE_E_STATE, "'look', which the published model was trained with, is gone");
    scratch_write(config, text, n);
    take_encoder(weights);
    expect_found(other, 1);
    free(longer);
    sage_free(text);
}

static void vectors_from_elsewhere(void **state) {
    (void)state;
    enum { DIM = 6 };
    char npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX], text[256] = "";
    sage_npy_writer writer;
    sage_import_report report;
    snprintf(npy, sizeof npy, "%s", scratch_path(dir, "v.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(dir, "v.ids"));
    tiny_must(sage_npy_create(npy, PRODUCTS, DIM, &writer, &error), &error, "vectors");
    for (size_t i = 0; i < PRODUCTS; i++) {
        float vector[DIM];
        for (size_t k = 0; k < DIM; k++) vector[k] = (float)((i * 7 + k * 3) % 11) - 4.5f;
        tiny_must(sage_npy_add(&writer, vector, 1, &error), &error, "vectors");
        snprintf(text + strlen(text), 16, "p%zu\n", i);
    }
    tiny_must(sage_npy_finish(&writer, &error), &error, "vectors");
    scratch_write(ids, text, strlen(text));
    tiny_must(sage_import_image_vectors(shop, npy, ids, NULL, &report, &error), &error, "import vectors");
    expect_refused(scratch_path(pictures, files[0]), SAGE_E_STATE, "of another encoder than");
    publish();
    expect_refused(scratch_path(pictures, files[0]), SAGE_E_STATE, "were made elsewhere");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_is_found_by_its_picture),
        cmocka_unit_test(files_that_are_no_pictures),
        cmocka_unit_test(queries_that_make_no_sense),
        cmocka_unit_test(short_memory),
        cmocka_unit_test(without_a_catalogue),
        cmocka_unit_test(a_file_of_vectors_that_is_not_as_it_was),
        cmocka_unit_test(a_model_that_does_not_say),
        cmocka_unit_test(the_encoder_must_be_the_same),
        cmocka_unit_test(vectors_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
