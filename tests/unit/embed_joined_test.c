/* Vectors of several picture encoders side by side: each one's share goes to its own group of the model, from the
 * catalogue as from a dataset. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include <catalog/store.h>
#include <dataset/dataset.h>
#include <embed/embed.h>
#include <embed/product_block.h>
#include <math.h>

enum { DIM = 16, PRODUCTS = 60, SEEN = 40, FIRST = 3, SECOND = 5, WIDTH = FIRST + SECOND };

static char dir[SAGE_PATH_MAX], pictures[SAGE_PATH_MAX];
static sage_catalog *catalog;
static uint64_t dataset;
static sage_error error;

/* As if two encoders of the shop had made the vectors that lie there. */
static void attribute(const char *identity) {
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "INSERT OR IGNORE INTO encoders(identity, name, dim) VALUES('a', 'a', %d), ('b', 'b', %d), ('%s', 'x', %d);"
        "UPDATE vector_files SET encoder = (SELECT encoder FROM encoders WHERE identity = '%s')",
        FIRST, SECOND, identity, WIDTH, identity);
    tiny_must(sage_db_exec(catalog->db, sql, &error), &error, sql);
}

static uint64_t build_dataset(void) {
    size_t n = 0;
    while (sage_dataset_options[n].key) n++;
    sage_options *options = NULL;
    uint64_t id;
    tiny_must(sage_options_over(sage_dataset_options, n, &options, &error), &error, "options");
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    sage_options_free(options);
    return id;
}

static void publish_model(uint64_t number, size_t n_groups, const sage_group *groups) {
    char path[SAGE_PATH_MAX], from[SAGE_PATH_MAX], name[64];
    size_t n;
    tiny_model_dir(dir, number, path);
    snprintf(name, sizeof name, "dataset/%llu/vocab.bin", (unsigned long long)dataset);
    snprintf(from, sizeof from, "%s", scratch_path(dir, name));
    char *bytes = scratch_read(from, &n);
    assert_non_null(bytes);
    scratch_write(scratch_path(path, "vocabulary"), bytes, n);
    sage_free(bytes);
    tiny_write_model_of(path, number, n_groups, groups);
}

static const sage_group both[] = {{SAGE_GROUP_PICTURES, FIRST}, {SAGE_GROUP_PICTURES, SECOND}};
static const sage_group swapped[] = {{SAGE_GROUP_PICTURES, SECOND}, {SAGE_GROUP_PICTURES, FIRST}};
static const sage_group whole[] = {{SAGE_GROUP_PICTURES, WIDTH}};

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(pictures, sizeof pictures, "%s", scratch_path(dir, "pictures"));
    catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, PRODUCTS, 0, 0, 0);
    tiny_import_images(catalog, dir, SEEN, WIDTH);
    attribute("a,b");
    dataset = build_dataset();
    publish_model(1, 2, both);
    publish_model(2, 2, swapped);
    publish_model(3, 1, whole);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    scratch_remove(dir);
    return 0;
}

/* ---- what a dataset says of them ---- */

static double length(const float *vector, size_t dim) {
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (double)vector[i] * vector[i];
    return sqrt(sum);
}

static void a_dataset_has_the_parts(void **state) {
    (void)state;
    sage_dataset *d = NULL;
    sage_packed_product p;
    tiny_must(sage_dataset_open(dir, dataset, true, &d, &error), &error, "open");
    const sage_picture_parts *parts = sage_dataset_image_parts(d);
    assert_int_equal(sage_dataset_image_dim(d), WIDTH);
    assert_int_equal(parts->n, 2);
    assert_int_equal(parts->dim[0], FIRST);
    assert_int_equal(parts->dim[1], SECOND);
    for (size_t i = 0; i < SEEN; i++) {
        sage_dataset_product(d, i, &p);
        assert_int_equal(p.n_images, 1);
        assert_true(fabs(length(p.images, FIRST) - 1) < 1e-6);
        assert_true(fabs(length(p.images + FIRST, SECOND) - 1) < 1e-6);
    }
    sage_dataset_close(d);
}

/* ---- blocks of products ---- */

typedef struct rig {
    sage_vocab *vocab;
    sage_image_store *images;
    sage_model_shape shape;
    sage_product_block *block;
    sage_dataset *dataset;
} rig;

static void rig_open_with(rig *r, const sage_group *groups, size_t n_groups, size_t tokens, const int64_t *pids) {
    char path[SAGE_PATH_MAX];
    *r = (rig){.shape = {.tokens = tokens, .n_groups = n_groups}};
    memcpy(r->shape.groups, groups, n_groups * sizeof *groups);
    tiny_must(sage_version_path(path, scratch_path(dir, "models"), 1, &error), &error, "path");
    tiny_must(sage_vocab_open(scratch_path(path, "vocabulary"), &r->vocab, &error), &error, "vocabulary");
    tiny_must(sage_image_store_open(catalog, pictures, &r->images, &error), &error, "images");
    tiny_must(sage_product_block_new(r->vocab, &r->shape, NULL, pids, NULL, &r->block, &error), &error, "block");
    tiny_must(sage_dataset_open(dir, dataset, true, &r->dataset, &error), &error, "open");
}

static void rig_open(rig *r, const sage_group *groups, size_t n_groups) {
    rig_open_with(r, groups, n_groups, 0, NULL);
}

static void rig_close(rig *r) {
    sage_product_block_free(r->block);
    sage_image_store_close(r->images);
    sage_vocab_close(r->vocab);
    sage_dataset_close(r->dataset);
}

/* The first `n` products, every other one from the dataset where `packed`. */
static sage_status fill(rig *r, size_t n, bool packed) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    sage_packed_product p;
    tiny_must(sage_product_cursor_open(catalog, 0, 0, &cursor, &error), &error, "read");
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        tiny_must(sage_product_cursor_next(cursor, &row, &error), &error, "read");
        sage_dataset_product(r->dataset, i, &p);
        st = packed && i % 2 != 0 ? sage_product_block_add_packed(r->block, row->pid, &p, &error)
                                  : sage_product_block_add(r->block, row, r->images, &error);
    }
    sage_product_cursor_close(cursor);
    return st;
}

static void each_group_gets_its_share(void **state) {
    (void)state;
    rig r;
    sage_product_batch batch;
    sage_packed_product p;
    for (int packed = 0; packed <= 1; packed++) {
        rig_open(&r, both, 2);
        assert_int_equal(fill(&r, PRODUCTS, packed), SAGE_OK);
        tiny_must(sage_product_block_read(r.block, &batch, &error), &error, "lay out");
        for (size_t i = 0; i < PRODUCTS; i++) {
            sage_dataset_product(r.dataset, i, &p);
            for (size_t g = 0, at = 0; g < 2; at += both[g++].dim) {
                size_t begin = batch.group[g].begin[i];
                assert_int_equal(batch.group[g].begin[i + 1] - begin, i < SEEN);
                if (i < SEEN)
                    assert_memory_equal(batch.group[g].vectors + begin * both[g].dim, p.images + at,
                                        both[g].dim * sizeof *p.images);
            }
        }
        rig_close(&r);
    }
}

/* Rows and packed products alike, and none but those that have one. */
static void tokens_go_to_their_products(void **state) {
    (void)state;
    rig r;
    sage_product_batch batch;
    rig_open(&r, both, 2);
    const int64_t *all = sage_dataset_pids(r.dataset), pids[] = {all[2], all[5]};
    rig_close(&r);
    for (int packed = 0; packed <= 1; packed++) {
        rig_open_with(&r, both, 2, 2, pids);
        assert_int_equal(fill(&r, PRODUCTS, packed), SAGE_OK);
        tiny_must(sage_product_block_read(r.block, &batch, &error), &error, "lay out");
        for (size_t i = 0; i < PRODUCTS; i++) {
            size_t end = batch.token_begin[i + 1];
            assert_true(end > batch.token_begin[i]);
            assert_int_equal(batch.token_field[end - 1] == SAGE_FIELD_TOKEN, i == 2 || i == 5);
            if (batch.token_field[end - 1] != SAGE_FIELD_TOKEN) continue;
            const uint32_t *bag = batch.text.begin + batch.token_bag[end - 1];
            assert_int_equal(bag[1] - bag[0], 1);
            assert_int_equal(batch.text.ids[bag[0]], r.shape.vocab + (i == 5));
        }
        rig_close(&r);
    }
}

static void a_model_takes_its_own_widths_alone(void **state) {
    (void)state;
    sage_model_shape shape = {.n_groups = 3, .groups = {both[0], both[1], {SAGE_GROUP_SENTENCES, 9}}};
    static const struct {
        sage_picture_parts parts;
        bool takes;
    } cases[] = {{{2, {FIRST, SECOND}}, true}, {{2, {SECOND, FIRST}}, false},    {{1, {WIDTH}}, false},
                 {{1, {FIRST}}, false},        {{3, {FIRST, SECOND, 9}}, false}, {{0, {0}}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(sage_takes_pictures(&shape, &cases[i].parts), cases[i].takes);
}

static void other_parts_are_refused(void **state) {
    (void)state;
    rig r;
    rig_open(&r, swapped, 2);
    assert_int_equal(fill(&r, 1, false), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "other encoders"));
    rig_close(&r);
    rig_open(&r, whole, 1);
    assert_int_equal(fill(&r, 1, false), SAGE_E_FORMAT);
    rig_close(&r);
}

/* ---- embedding ---- */

typedef struct vectors {
    float values[PRODUCTS][DIM];
} vectors;

static sage_status try_embed(uint64_t model, uint64_t from, const char *identity) {
    const sage_embed_spec spec = {.model = model, .dataset = from, .all = true, .pictures = identity};
    sage_embed_report report;
    return sage_embed_run(catalog, dir, &spec, NULL, NULL, &report, &error);
}

static void embed(uint64_t from, vectors *out) {
    sage_vectors *opened = NULL;
    tiny_must(try_embed(1, from, "a,b"), &error, "embed");
    tiny_must(sage_vectors_open(dir, 1, &opened, &error), &error, "open the vectors");
    assert_int_equal(sage_vectors_count(opened), PRODUCTS);
    for (size_t i = 0; i < PRODUCTS; i++) memcpy(out->values[i], sage_vectors_at(opened, i), sizeof out->values[i]);
    sage_vectors_close(opened);
}

static void the_dataset_gives_the_same_bits(void **state) {
    (void)state;
    vectors plain, packed;
    embed(0, &plain);
    embed(dataset, &packed);
    assert_memory_equal(&plain, &packed, sizeof plain);
}

/* A list in another order, or the same widths by another encoder, is not what the model was trained on. */
static void vectors_of_others_are_not_embedded(void **state) {
    (void)state;
    assert_int_equal(try_embed(2, 0, NULL), SAGE_E_FORMAT);
    assert_int_equal(try_embed(2, dataset, NULL), SAGE_E_FORMAT);
    assert_int_equal(try_embed(1, 0, "a,c"), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "itemsage train"));
    assert_int_equal(try_embed(1, 0, NULL), SAGE_OK);
}

/* ---- meta.json ---- */

static void rewrite(const char *path, const char *from, const char *to) {
    size_t n;
    char *bytes = scratch_read(path, &n), *at = strstr(bytes, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to)); /* of the same length */
    scratch_write(path, bytes, n);
    sage_free(bytes);
}

static void wrong_parts_are_refused_and_absent_ones_are_one(void **state) {
    (void)state;
    sage_dataset *d = NULL;
    char path[SAGE_PATH_MAX], name[64];
    snprintf(name, sizeof name, "dataset/%llu/meta.json", (unsigned long long)dataset);
    snprintf(path, sizeof path, "%s", scratch_path(dir, name));
    rewrite(path, "\"image_parts\"", "\"image_pints\"");
    tiny_must(sage_dataset_open(dir, dataset, true, &d, &error), &error, "open");
    assert_int_equal(sage_dataset_image_parts(d)->n, 1);
    assert_int_equal(sage_dataset_image_parts(d)->dim[0], WIDTH);
    sage_dataset_close(d);
    rewrite(path, "\"image_pints\"", "\"image_parts\"");
    rewrite(path, "    5\n", "    6\n");
    assert_int_equal(sage_dataset_open(dir, dataset, true, &d, &error), SAGE_E_FORMAT);
    rewrite(path, "    6\n", "   -6\n");
    assert_int_equal(sage_dataset_open(dir, dataset, true, &d, &error), SAGE_E_FORMAT);
    rewrite(path, "   -6\n", "  \"6\"\n");
    assert_int_equal(sage_dataset_open(dir, dataset, true, &d, &error), SAGE_E_FORMAT);
    rewrite(path, "  \"6\"\n", "    5\n");
    tiny_must(sage_dataset_open(dir, dataset, true, &d, &error), &error, "open");
    sage_dataset_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dataset_has_the_parts),
        cmocka_unit_test(each_group_gets_its_share),
        cmocka_unit_test(tokens_go_to_their_products),
        cmocka_unit_test(a_model_takes_its_own_widths_alone),
        cmocka_unit_test(other_parts_are_refused),
        cmocka_unit_test(the_dataset_gives_the_same_bits),
        cmocka_unit_test(vectors_of_others_are_not_embedded),
        cmocka_unit_test(wrong_parts_are_refused_and_absent_ones_are_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
