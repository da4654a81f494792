/* The towers for products that are looked at and for users: what they start as, any company, histories of any length,
 * what they refuse, files, memory. */
#include <base/alloc.h>
#include <model/user.h>
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/same_shape.h>
#include <support/scratch.h>
#include <support/test.h>
#include <support/vectors.h>

enum { OUT = 16, EVENTS = 20, USERS = 70, KINDS = 4 };

static const sage_model_shape shape = {.vocab = 80,
                                       .rows = 80,
                                       .hashes = 1,
                                       .dim_embed = 16,
                                       .dim_model = 24,
                                       .heads = 4,
                                       .dim_ff = 20,
                                       .dim_head = 18,
                                       .dim_out = OUT,
                                       .product_tower = true,
                                       .user_events = EVENTS,
                                       .user_dim = 24,
                                       .user_layers = 2,
                                       .user_heads = 3};

static sage_model *made(const sage_model_shape *of, bool random) {
    sage_model *model;
    assert_int_equal(sage_model_new(of, NULL, NULL, 2, &model, NULL), SAGE_OK);
    if (random) rb_randomise(model, 2);
    return model;
}

/* Histories of all lengths up to EVENTS, of one event in five no age. */
typedef struct crowd {
    uint32_t begin[USERS + 1];
    uint8_t kind[USERS * EVENTS];
    float age[USERS * EVENTS];
    real vectors[USERS * EVENTS * OUT];
    sage_query_batch queries;
} crowd;

static crowd *crowd_of(void) {
    crowd *c = calloc(1, sizeof *c);
    sage_rng rng;
    sage_rng_seed(&rng, 4, 4);
    assert_non_null(c);
    for (size_t u = 0; u < USERS; u++) c->begin[u + 1] = c->begin[u] + (uint32_t)(u % (EVENTS + 1));
    for (size_t e = 0; e < USERS * EVENTS; e++) {
        c->kind[e] = (uint8_t)(e % KINDS);
        c->age[e] = e % 5 == 0 ? (float)NAN : (float)(e % 90) / 3;
    }
    rb_units(c->vectors, USERS * EVENTS, OUT, &rng);
    c->queries = (sage_query_batch){
        .n_users = USERS, .user_begin = c->begin, .user_vectors = c->vectors, .user_kind = c->kind, .user_age = c->age};
    return c;
}

static void ages_and_ranks(void **state) {
    const float apart[] = {0, 1 / 24.0F, 1, 7, 30, 365, 2000};
    (void)state;
    for (size_t i = 1; i < 7; i++) assert_true(user_age_bucket(apart[i]) > user_age_bucket(apart[i - 1]) + 1);
    assert_int_equal(user_age_bucket(0), 0);
    assert_int_equal(user_age_bucket(1e30F), USER_AGES - 1);
    assert_int_equal(user_age_bucket(INFINITY), USER_AGES - 1);
    assert_int_equal(user_age_bucket(NAN), USER_AGES);
    const size_t ranks[] = {0, 1, 2, 3, 4, 6, 8, 12, 16, 23, 63}, buckets[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) assert_int_equal(user_rank_bucket(ranks[i]), buckets[i]);
}

/* Untrained, a product asks for what is near it, and a user for the mean of what was done, the stronger and the newer
 * the more. */
static void untrained_towers_are_plain_means(void **state) {
    (void)state;
    static const double by_kind[KINDS] = {0, 0.3, 0.6, 1};
    sage_model *model = made(&shape, false);
    crowd *c = crowd_of();
    real *out = calloc(2 * USERS * OUT, sizeof *out);
    c->queries.n_looked = USERS;
    c->queries.looked = c->vectors;
    for (size_t e = 0; e < USERS * EVENTS; e++) c->age[e] = (float)(e % 90);
    assert_int_equal(vectors_of_queries(model, NULL, &c->queries, out, NULL), SAGE_OK);
    for (size_t i = 0; i < USERS * OUT; i++) assert_true(fabs((double)(out[i] - c->vectors[i])) < 1e-6);
    for (size_t u = 1; u < USERS; u++) {
        double mean[OUT] = {0}, square = 0;
        if (c->begin[u] == c->begin[u + 1]) continue;
        for (size_t e = c->begin[u]; e < c->begin[u + 1]; e++) {
            double doublings = (double)user_age_bucket(c->age[e]) / 3;
            double share = exp(by_kind[c->kind[e]]) * pow(2, -0.3 * doublings);
            for (size_t k = 0; k < OUT; k++) mean[k] += share * (double)c->vectors[e * OUT + k];
        }
        for (size_t k = 0; k < OUT; k++) square += mean[k] * mean[k];
        for (size_t k = 0; k < OUT; k++)
            assert_true(fabs((double)out[(USERS + u) * OUT + k] - mean[k] / sqrt(square)) < 1e-5);
    }
    sage_model_free(model);
    free(c);
    free(out);
}

static void whoever_asks_gets_a_unit_vector(void **state) {
    (void)state;
    crowd *c = crowd_of();
    real *out = calloc(USERS * OUT, sizeof *out);
    for (int random = 0; random < 2; random++) {
        sage_model *model = made(&shape, random != 0);
        assert_int_equal(vectors_of_queries(model, NULL, &c->queries, out, NULL), SAGE_OK);
        for (size_t u = 0; u < USERS; u++) {
            double square = 0;
            for (size_t k = 0; k < OUT; k++) square += (double)(out[u * OUT + k] * out[u * OUT + k]);
            assert_true(fabs(square - 1) < 1e-5);
        }
        assert_memory_equal(out, out + (EVENTS + 1) * OUT, OUT * sizeof *out); /* who did nothing is anybody */
        sage_model_free(model);
    }
    free(c);
    free(out);
}

static void company_changes_no_bit(void **state) {
    (void)state;
    sage_model *model = made(&shape, true);
    crowd *c = crowd_of();
    real *together = calloc(USERS * OUT, sizeof *together), *other = calloc(USERS * OUT, sizeof *other);
    assert_true(user_chunks(&shape, &c->queries, NULL) > 5);
    for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        sage_frozen *frozen;
        assert_int_equal(sage_frozen_new(model, (sage_precision)p, NULL, &frozen, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_queries(frozen, &c->queries, together, NULL), SAGE_OK);
        for (size_t u = 0; u < USERS; u++) {
            real alone[OUT];
            sage_query_batch one = c->queries;
            one.n_users = 1;
            one.user_begin = c->begin + u;
            assert_int_equal(sage_frozen_queries(frozen, &one, alone, NULL), SAGE_OK);
            assert_memory_equal(alone, together + u * OUT, sizeof alone);
        }
        sage_frozen_free(frozen);
    }
    assert_int_equal(vectors_of_queries(model, NULL, &c->queries, together, NULL), SAGE_OK);
    for (size_t threads = 2; threads <= 4; threads++) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        assert_int_equal(vectors_of_queries(model, pool, &c->queries, other, NULL), SAGE_OK);
        assert_memory_equal(together, other, USERS * OUT * sizeof *other);
        sage_pool_free(pool);
    }
    sage_model_free(model);
    free(c);
    free(together);
    free(other);
}

typedef struct pass {
    sage_model *model;
    sage_work *work;
    sage_grads *grads;
    random_batch *batch;
} pass;

static pass pass_in(const sage_model_shape *of, size_t pairs, size_t looked, size_t users) {
    pass p = {.model = made(of, true), .batch = calloc(1, sizeof *p.batch)};
    assert_int_equal(sage_work_new(NULL, SAGE_PRECISION_F32, &p.work, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(p.model, &p.grads, NULL), SAGE_OK);
    rb_fill(p.batch, of, pairs, 6, 3);
    rb_people(p.batch, of, looked, users);
    return p;
}

static pass pass_of(size_t pairs, size_t looked, size_t users) {
    return pass_in(&shape, pairs, looked, users);
}

static void pass_free(pass *p) {
    sage_grads_free(p->grads);
    sage_work_free(p->work);
    sage_model_free(p->model);
    free(p->batch);
}

static sage_status step(const pass *p, sage_loss *loss, sage_error *error) {
    const random_batch *b = p->batch;
    return sage_model_step(p->model, p->work, &b->products, &b->queries, &b->spec, p->grads, loss, error);
}

static void training_sees_what_inference_gives(void **state) {
    (void)state;
    sage_loss loss;
    pass p = pass_of(16, 4, 7);
    real given[OUT] = {1}, out[16 * OUT];
    p.batch->queries.n_texts = p.batch->queries.bags.n = 4;
    p.batch->queries.n_given = 1;
    p.batch->queries.given = given;
    assert_int_equal(step(&p, &loss, NULL), SAGE_OK);
    assert_int_equal(vectors_of_queries(p.model, NULL, &p.batch->queries, out, NULL), SAGE_OK);
    for (size_t i = 0; i < 16 * OUT; i++) assert_true(fabs((double)(out[i] - p.work->tower.q[i])) < 1e-6);
    assert_memory_equal(out + 15 * OUT, given, sizeof given);
    pass_free(&p);
}

/* A tower has a gradient where it has rows, and the loss says which ones had. */
static void a_tower_without_rows_has_no_gradient(void **state) {
    (void)state;
    for (size_t looked = 0; looked <= 4; looked += 4)
        for (size_t users = 0; users <= 6; users += 6) {
            pass p = pass_of(10, looked, users);
            sage_loss loss;
            size_t n, of[SAGE_TOWERS + 1] = {0};
            const sage_param *params = sage_model_params(p.model, &n);
            assert_int_equal(step(&p, &loss, NULL), SAGE_OK);
            unsigned expected = (looked + users < 10) << SAGE_TOWER_SEARCH | (looked > 0) << SAGE_TOWER_PRODUCT |
                                (users > 0) << SAGE_TOWER_USER;
            assert_int_equal(loss.towers, expected);
            for (size_t i = 0; i < n; i++) {
                bool any = false;
                for (size_t k = 0; k < params[i].rows * params[i].cols; k++)
                    any = any || p.grads->dense[params[i].offset + k] != 0;
                of[params[i].tower]++;
                if (params[i].tower != SAGE_TOWER_NONE) assert_true(any == (expected >> params[i].tower & 1));
            }
            assert_int_equal(of[SAGE_TOWER_PRODUCT], 5);
            assert_int_equal(of[SAGE_TOWER_USER], 17 + 13 * shape.user_layers);
            pass_free(&p);
        }
}

static void refused(const pass *p, const char *what) {
    sage_loss loss;
    sage_error error;
    real out[16 * OUT];
    assert_int_equal(step(p, &loss, &error), SAGE_E_ARGUMENT);
    if (strstr(error.text, what) == NULL) fail_msg("%s", error.text);
    assert_int_equal(vectors_of_queries(p->model, NULL, &p->batch->queries, out, &error), SAGE_E_ARGUMENT);
    if (strstr(error.text, what) == NULL) fail_msg("%s", error.text);
}

static void bad_histories(void **state) {
    (void)state;
    sage_loss loss;
    pass p = pass_of(9, 2, 5);
    random_batch *b = p.batch;
    uint32_t kept = b->user_begin[3];
    b->user_kind[3] = KINDS;
    refused(&p, "of no known kind");
    b->user_kind[3] = 0;
    b->user_age[2] = -1;
    refused(&p, "younger than the query");
    b->user_age[2] = 0;
    b->user_begin[3] = b->user_begin[2] + EVENTS + 1;
    refused(&p, "more than 20 events");
    b->user_begin[3] = kept;
    b->user_begin[1] = 3; /* behind the next one's */
    refused(&p, "more than 20 events");
    b->user_begin[1] = 0;
    assert_int_equal(step(&p, &loss, NULL), SAGE_OK);
    pass_free(&p);
}

static void models_without_the_towers(void **state) {
    (void)state;
    sage_model_shape bare = shape;
    pass p = pass_of(9, 2, 5);
    bare.product_tower = false;
    sage_model_free(p.model);
    p.model = made(&bare, true);
    refused(&p, "without a tower for that");
    bare.product_tower = true;
    bare.user_events = 0;
    sage_model_free(p.model);
    p.model = made(&bare, true);
    refused(&p, "without a tower for users");
    bare = shape;
    bare.user_heads = 5;
    sage_model *none;
    assert_int_equal(sage_model_new(&bare, NULL, NULL, 2, &none, NULL), SAGE_E_ARGUMENT);
    bare.user_heads = 3;
    bare.user_layers = SAGE_USER_LAYERS_MAX + 1;
    assert_int_equal(sage_model_new(&bare, NULL, NULL, 2, &none, NULL), SAGE_E_ARGUMENT);
    pass_free(&p);
}

/* No seed means another model because there are towers beside it. */
static void the_rest_starts_as_without(void **state) {
    (void)state;
    sage_model_shape bare = shape;
    bare.product_tower = false;
    bare.user_events = bare.user_dim = bare.user_layers = bare.user_heads = 0;
    sage_model *with = made(&shape, false), *without = made(&bare, false);
    size_t n, m, same = 0;
    const sage_param *a = sage_model_params(with, &n), *b = sage_model_params(without, &m);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (strcmp(a[i].name, b[k].name) == 0) {
                assert_memory_equal(sage_model_dense(with) + a[i].offset, sage_model_dense(without) + b[k].offset,
                                    a[i].rows * a[i].cols * sizeof(real));
                same++;
            }
    assert_int_equal(same, m);
    assert_memory_equal(sage_model_table(with), sage_model_table(without), 80 * 16 * sizeof(real));
    sage_model_free(with);
    sage_model_free(without);
}

static void a_step_keeps_within_its_need(void **state) {
    (void)state;
    sage_model_shape wide = shape;
    wide.dim_embed = wide.dim_model = wide.dim_head = 128;
    wide.dim_out = 64; /* of narrower layers a library's blocks are more than they hold */
    wide.user_dim = 128;
    wide.user_heads = 4;
    wide.user_events = 9;
    for (size_t users = 3; users <= 8; users += 5) {
        pass p = pass_in(&wide, 16, 4, users);
        const random_batch *b = p.batch;
        sage_loss loss;
        size_t n = b->products.n, texts = b->queries.n_texts;
        sage_work_sizes sizes = {.products = n,
                                 .text_bags = b->products.text.n,
                                 .queries = 16,
                                 .looked = 4,
                                 .users = users,
                                 .events = b->user_begin[users],
                                 .ids = b->bag_begin[b->products.text.n] + b->query_begin[texts],
                                 .columns = n};
        assert_int_equal(step(&p, &loss, NULL), SAGE_OK);
        size_t need = sage_work_need(&wide, 1, SAGE_PRECISION_F32, &sizes), bytes = sage_work_bytes(p.work);
        if (bytes > need || need > 2 * bytes) fail_msg("%zu users: %zu of %zu", users, bytes, need);
        pass_free(&p);
    }
}

static void no_batch_makes_more_chunks_than_foreseen(void **state) {
    (void)state;
    crowd *c = crowd_of();
    for (size_t most = 0; most <= EVENTS; most++) {
        for (size_t u = 0; u < USERS; u++)
            c->begin[u + 1] = c->begin[u] + (uint32_t)(u % 3 == 0 ? most : u % (most + 1));
        size_t chunks = user_chunks(&shape, &c->queries, NULL);
        assert_true(chunks <= user_chunks_most(&shape, USERS, c->begin[USERS]));
    }
    free(c);
}

static void from_a_file(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    scratch_make(dir);
    const char *path = scratch_path(dir, "users.safetensors");
    sage_model *model = made(&shape, true), *loaded;
    sage_frozen *frozen;
    crowd *c = crowd_of();
    size_t n, n_meta, sum = 0;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    real *out = calloc(2 * USERS * OUT, sizeof *out), *other = out + USERS * OUT;
    sage_error error;
    assert_int_equal(vectors_of_queries(model, NULL, &c->queries, out, NULL), SAGE_OK);
    assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
    if (sage_model_load(path, &loaded, &error) != SAGE_OK) fail_msg("%s", error.text);
    same_shape(sage_model_shape_of(loaded), &shape);
    assert_memory_equal(sage_model_dense(model), sage_model_dense(loaded), sage_model_dense_size(model) * sizeof(real));
    assert_int_equal(sage_frozen_load(path, SAGE_PRECISION_F32, NULL, &frozen, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_queries(frozen, &c->queries, other, NULL), SAGE_OK);
    assert_memory_equal(out, other, USERS * OUT * sizeof *out);
    for (size_t i = 0; i < n_meta; i++) sum += strncmp(meta[i].key, "user_", 5) == 0;
    assert_int_equal(sum, 4);
    sage_tensor_meta lies[64];
    memcpy(lies, meta, n_meta * sizeof *lies);
    for (size_t i = 0; i < n_meta; i++)
        if (strcmp(meta[i].key, "user_dim") == 0) lies[i].value = "27";
    assert_int_equal(sage_safetensors_write(path, tensors, n, lies, n_meta, NULL), SAGE_OK);
    sage_model_free(loaded);
    assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "user.in.weight"));
    sage_frozen_free(frozen);
    sage_model_free(model);
    free(c);
    free(out);
    scratch_remove(dir);
}

static void memory_runs_out(void **state) {
    (void)state;
    crowd *c = crowd_of();
    real *out = calloc(USERS * OUT, sizeof *out);
    sage_model *model = made(&shape, true);
    unsigned long at = 0;
    for (sage_status st = SAGE_E_MEMORY; st != SAGE_OK;) {
        sage_alloc_fail_from(++at);
        st = vectors_of_queries(model, NULL, &c->queries, out, NULL);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    assert_true(at > 8);
    sage_model_free(model);
    free(c);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ages_and_ranks),
                                       cmocka_unit_test(untrained_towers_are_plain_means),
                                       cmocka_unit_test(whoever_asks_gets_a_unit_vector),
                                       cmocka_unit_test(company_changes_no_bit),
                                       cmocka_unit_test(training_sees_what_inference_gives),
                                       cmocka_unit_test(a_tower_without_rows_has_no_gradient),
                                       cmocka_unit_test(bad_histories),
                                       cmocka_unit_test(models_without_the_towers),
                                       cmocka_unit_test(the_rest_starts_as_without),
                                       cmocka_unit_test(a_step_keeps_within_its_need),
                                       cmocka_unit_test(no_batch_makes_more_chunks_than_foreseen),
                                       cmocka_unit_test(from_a_file),
                                       cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
