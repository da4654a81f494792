/* Queries made of published vectors: products that are looked at, with and without sentences beside, and what users
 * did. */
#include "oracle/random_batch.h"
#include "support/test.h"
#include "support/tiny_shop.h"
#include <embed/embed.h>

enum { OWN = 16, SAID = 6, DIM = OWN + SAID, READ = 6, LOOKED = 600, USERS = 900, PRODUCTS = 40 };

static char dir[SAGE_PATH_MAX], plain_dir[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX];
static sage_catalog *catalog;

/* The vocabulary lies there; random weights, so that nothing stands at zero. */
static void write_model(const char *path) {
    static const sage_group said = {SAGE_GROUP_SENTENCES, SAID};
    sage_vocab *vocab = NULL;
    sage_model *model = NULL;
    sage_error error = {0};
    size_t n, n_meta;
    tiny_must(sage_vocab_open(scratch_path(path, "vocabulary"), &vocab, &error), &error, "open the vocabulary");
    const sage_model_shape shape = {.vocab = sage_vocab_size(vocab),
                                    .rows = 300,
                                    .hashes = 2,
                                    .dim_embed = 16,
                                    .dim_model = 16,
                                    .heads = 2,
                                    .dim_ff = 32,
                                    .dim_head = 16,
                                    .dim_out = OWN,
                                    .n_groups = 1,
                                    .groups = {said},
                                    .beside = 0.49,
                                    .product_tower = true,
                                    .user_events = READ,
                                    .user_dim = 12,
                                    .user_layers = 1,
                                    .user_heads = 2};
    tiny_must(sage_model_new(&shape, NULL, NULL, 1, &model, &error), &error, "a model");
    rb_randomise(model, 3);
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    tiny_must(sage_safetensors_write(scratch_path(path, "model.safetensors"), tensors, n, meta, n_meta, &error), &error,
              "write the model");
    sage_model_free(model);
    sage_vocab_close(vocab);
}

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, 20, 0, 0, 0);
    tiny_publish_model(catalog, dir, 1);
    snprintf(plain_dir, sizeof plain_dir, "%s", scratch_path(dir, "models/1"));
    tiny_publish_model(catalog, dir, 2);
    snprintf(model_dir, sizeof model_dir, "%s", scratch_path(dir, "models/2"));
    write_model(model_dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    scratch_remove(dir);
    return 0;
}

static sage_encoder *open_encoder(const char *path) {
    sage_encoder *encoder = NULL;
    sage_error error = {0};
    tiny_must(sage_encoder_open(path, NULL, &encoder, &error), &error, "open the model");
    return encoder;
}

/* As they are published: unit vectors, of which every third says nothing. */
static void publish(size_t n, float *vectors) {
    sage_rng rng;
    sage_rng_seed(&rng, 8, 1);
    for (size_t i = 0; i < n; i++) {
        float *v = vectors + i * DIM, square = 0;
        for (size_t k = 0; k < DIM; k++) v[k] = k >= OWN && i % 3 == 0 ? 0 : (float)sage_rng_normal(&rng);
        for (size_t k = 0; k < DIM; k++) square += v[k] * v[k];
        for (size_t k = 0; k < DIM; k++) v[k] /= sqrtf(square);
    }
}

static float cosine(size_t n, const float *a, const float *b) {
    float ab = 0, aa = 0, bb = 0;
    for (size_t k = 0; k < n; k++) {
        ab += a[k] * b[k];
        aa += a[k] * a[k];
        bb += b[k] * b[k];
    }
    return ab / sqrtf(aa * bb);
}

static float square_of(size_t n, const float *x) {
    float sum = 0;
    for (size_t k = 0; k < n; k++) sum += x[k] * x[k];
    return sum;
}

/* The own part goes through the tower, whatever its length; what the product says stays as it is. */
static void products_keep_what_they_say(void **state) {
    (void)state;
    static float products[LOOKED][DIM], out[LOOKED][DIM], alone[DIM], own[DIM], own_out[DIM];
    sage_encoder *encoder = open_encoder(model_dir);
    assert_int_equal(sage_encoder_dim(encoder), DIM);
    publish(LOOKED, products[0]);
    assert_int_equal(sage_encoder_looked(encoder, products[0], LOOKED, out[0], NULL), SAGE_OK);
    for (size_t i = 0; i < LOOKED; i++) {
        assert_true(fabsf(square_of(DIM, out[i]) - 1) < 1e-5f);
        if (i % 3 == 0) {
            assert_true(square_of(SAID, out[i] + OWN) == 0);
            continue;
        }
        assert_true(cosine(SAID, out[i] + OWN, products[i] + OWN) > 0.9999f);
        assert_true(fabsf(square_of(SAID, out[i] + OWN) - 0.49f / 1.49f) < 1e-5f);
        if (i % 50 != 1) continue;
        assert_int_equal(sage_encoder_looked(encoder, products[i], 1, alone, NULL), SAGE_OK);
        assert_memory_equal(alone, out[i], sizeof alone);
        memcpy(own, products[i], OWN * sizeof *own);
        assert_int_equal(sage_encoder_looked(encoder, own, 1, own_out, NULL), SAGE_OK);
        assert_true(cosine(OWN, own_out, alone) > 0.9999f);
    }
    sage_encoder_close(encoder);
}

/* User u's events: more than the model reads of every seventh one. */
typedef struct crowd {
    uint32_t begin[USERS + 1];
    float products[USERS * 3 * READ][DIM], age[USERS * 3 * READ], out[USERS][DIM];
    uint8_t kind[USERS * 3 * READ];
    sage_histories users;
} crowd;

static crowd *crowd_of(void) {
    static float published[PRODUCTS][DIM];
    crowd *c = calloc(1, sizeof *c);
    publish(PRODUCTS, published[0]);
    for (size_t u = 0, e = 0; u < USERS; u++) {
        size_t n = u % 7 == 6 ? 2 * READ + u % 3 : (u * 5) % (READ + 1);
        for (size_t k = 0; k < n; k++, e++) {
            memcpy(c->products[e], published[(e * 11) % PRODUCTS], sizeof c->products[e]);
            c->kind[e] = (uint8_t)(e % 4);
            c->age[e] = e % 6 == 0 ? NAN : (float)(n - k);
        }
        c->begin[u + 1] = (uint32_t)e;
    }
    c->users = (sage_histories){USERS, c->begin, c->products[0], c->kind, c->age};
    return c;
}

static void users_say_nothing_and_the_newest_events_count(void **state) {
    (void)state;
    sage_encoder *encoder = open_encoder(model_dir);
    crowd *c = crowd_of();
    assert_true(c->begin[USERS] > 4096);
    assert_int_equal(sage_encoder_users(encoder, &c->users, c->out[0], NULL), SAGE_OK);
    for (size_t u = 0; u < USERS; u++) {
        assert_true(fabsf(square_of(OWN, c->out[u]) - 1) < 1e-5f);
        assert_true(square_of(SAID, c->out[u] + OWN) == 0);
        if (u % 9 > 1) continue;
        uint32_t newest[2] = {c->begin[u], c->begin[u + 1]};
        float alone[DIM];
        if (newest[1] - newest[0] > READ) newest[0] = newest[1] - READ;
        sage_histories one = c->users;
        one.n = 1;
        one.begin = newest;
        assert_int_equal(sage_encoder_users(encoder, &one, alone, NULL), SAGE_OK);
        assert_memory_equal(alone, c->out[u], sizeof alone);
    }
    const sage_histories nobody = {.n = 0, .begin = c->begin};
    assert_int_equal(sage_encoder_users(encoder, &nobody, c->out[0], NULL), SAGE_OK);
    sage_encoder_close(encoder);
    free(c);
}

static void models_without_such_towers(void **state) {
    (void)state;
    sage_encoder *encoder = open_encoder(plain_dir);
    crowd *c = crowd_of();
    sage_error error = {0};
    assert_int_equal(sage_encoder_looked(encoder, c->products[0], 1, c->out[0], &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "without a tower"));
    assert_int_equal(sage_encoder_users(encoder, &c->users, c->out[0], &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "without a tower for users"));
    sage_encoder_close(encoder);
    free(c);
}

static void failed_allocations_are_errors(void **state) {
    (void)state;
    crowd *c = crowd_of();
    for (unsigned long n = 1;; n++) {
        sage_encoder *encoder = open_encoder(model_dir);
        sage_alloc_fail_from(n);
        sage_status st = sage_encoder_looked(encoder, c->products[0], 3, c->out[0], NULL);
        if (st == SAGE_OK) st = sage_encoder_users(encoder, &c->users, c->out[0], NULL);
        unsigned long made = sage_alloc_fail_from(0);
        sage_encoder_close(encoder);
        if (st == SAGE_OK && made < n) break;
        assert_int_equal(st, SAGE_E_MEMORY);
    }
    free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_keep_what_they_say),
        cmocka_unit_test(users_say_nothing_and_the_newest_events_count),
        cmocka_unit_test(models_without_such_towers),
        cmocka_unit_test(failed_allocations_are_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
