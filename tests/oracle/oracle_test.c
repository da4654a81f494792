/* The model against PyTorch (make_fixtures.py wrote the fixtures): vectors, losses and every gradient. Built twice: in
 * f64, where nothing but rounding may differ, and in f32 as it is used, once for each kernel set that this machine has.
 */
#include <base/alloc.h>
#include <math.h>
#include <model/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>
#include <support/vectors.h>

static double tolerance(void) {
    return sizeof(real) == sizeof(double) ? 1e-10 : 1e-5;
}

static const sage_tensor *need(const sage_safetensors *file, const char *name) {
    const sage_tensor *t = sage_safetensors_find(file, name);
    if (t == NULL) fail_msg("the fixture has no tensor %s", name);
    return t;
}

static size_t need_size(const sage_safetensors *file, const char *key) {
    const char *text = sage_safetensors_meta(file, key);
    if (text == NULL) fail_msg("the fixture has no %s", key);
    return strtoul(text, NULL, 10);
}

static double value(const sage_tensor *t, size_t i) {
    double x;
    memcpy(&x, (const unsigned char *)t->data + i * sizeof x, sizeof x);
    return x;
}

static size_t count(const sage_tensor *t) {
    return t->bytes / sage_dtype_bytes(t->dtype);
}

static real *reals_of(const sage_safetensors *file, const char *name) {
    const sage_tensor *t = need(file, name);
    real *x = malloc((count(t) + 1) * sizeof *x);
    for (size_t i = 0; i < count(t); i++) x[i] = (real)value(t, i);
    return x;
}

/* |got - expected| <= tolerance |expected|, as vectors */
static void agree(const char *name, const real *got, const sage_tensor *expected) {
    double difference = 0, square = 0;
    for (size_t i = 0; i < count(expected); i++) {
        double e = value(expected, i), d = (double)got[i] - e;
        difference += d * d;
        square += e * e;
    }
    /* A gradient that is exactly zero may come out as rounding. */
    if (!(sqrt(difference) <= tolerance() * sqrt(square) + tolerance() * 1e-3))
        fail_msg("%s differs by %.3e, its norm is %.3e", name, sqrt(difference), sqrt(square));
}

typedef struct fixture {
    sage_safetensors *file;
    sage_product_batch products;
    sage_query_batch queries;
    sage_loss_spec spec;
    real *vectors[SAGE_GROUPS_MAX], *sentences, *pictures, *log_q, *weight, *teacher, *given, *given_products;
    real *looked, *looked_said, *user_vectors, *given_rows, *follow;
    float *user_age;
} fixture;

static void read_groups(fixture *f) {
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) {
        char begin[32], vectors[32];
        snprintf(begin, sizeof begin, "batch.begin%zu", g);
        snprintf(vectors, sizeof vectors, "batch.vectors%zu", g);
        if (sage_safetensors_find(f->file, begin) == NULL) continue;
        f->vectors[g] = reals_of(f->file, vectors);
        f->products.group[g] = (sage_group_rows){need(f->file, begin)->data, f->vectors[g]};
    }
}

static void read_users(fixture *f) {
    const sage_tensor *begin = sage_safetensors_find(f->file, "query.user_begin");
    if (begin == NULL) return;
    const sage_tensor *age = need(f->file, "query.user_age");
    f->user_age = malloc((count(age) + 1) * sizeof *f->user_age);
    for (size_t i = 0; i < count(age); i++) f->user_age[i] = (float)value(age, i);
    f->user_vectors = reals_of(f->file, "query.user_vectors");
    f->queries.n_users = count(begin) - 1;
    f->queries.user_begin = begin->data;
    f->queries.user_vectors = f->user_vectors;
    f->queries.user_kind = need(f->file, "query.user_kind")->data;
    f->queries.user_age = f->user_age;
}

static void read_looked(fixture *f) {
    const sage_tensor *looked = sage_safetensors_find(f->file, "query.looked");
    const sage_tensor *given = sage_safetensors_find(f->file, "query.given");
    if (looked != NULL) {
        f->queries.n_looked = looked->dim[0];
        f->queries.looked = f->looked = reals_of(f->file, "query.looked");
        f->looked_said = reals_of(f->file, "query.looked_said");
        if (count(need(f->file, "query.looked_said")) > 0) f->queries.looked_said = f->looked_said;
    }
    if (given != NULL) {
        f->queries.n_given = given->dim[0];
        f->queries.given = f->given_rows = reals_of(f->file, "query.given");
    }
}

/* Texts, with or without sentence vectors; pictures are what the others leave of the pairs. */
static void read_queries(fixture *f) {
    const sage_tensor *begin = need(f->file, "query.begin");
    size_t texts = count(begin) - 1;
    f->queries = (sage_query_batch){.n_texts = texts, .bags = {texts, need(f->file, "query.ids")->data, begin->data}};
    read_looked(f);
    read_users(f);
    f->queries.n_pictures =
        need_size(f->file, "pairs") - texts - f->queries.n_looked - f->queries.n_users - f->queries.n_given;
    f->sentences = reals_of(f->file, "query.sentences");
    f->pictures = reals_of(f->file, "query.pictures");
    if (count(need(f->file, "query.sentences")) > 0) f->queries.sentences = f->sentences;
    if (count(need(f->file, "query.pictures")) > 0) f->queries.pictures = f->pictures;
}

static void read_prefixes(fixture *f) {
    const char *text = sage_safetensors_meta(f->file, "prefixes");
    char *end;
    if (text == NULL) return;
    for (; *text != '\0'; text = end) f->spec.prefixes[f->spec.n_prefixes++] = strtoul(text, &end, 10);
    f->spec.prefix_weight = (real)strtod(sage_safetensors_meta(f->file, "prefix_weight"), NULL);
}

static void read_follow(fixture *f) {
    if (sage_safetensors_find(f->file, "query.follow") == NULL) return;
    f->queries.follow = f->follow = reals_of(f->file, "query.follow");
    f->spec.follow_weight = (real)strtod(sage_safetensors_meta(f->file, "follow_weight"), NULL);
}

/* The older ones say in_batch alone. */
static sage_softmaxes softmaxes_of(const sage_safetensors *file) {
    static const char *const names[] = {"both", "in_batch", "random", "concat"};
    const char *name = sage_safetensors_meta(file, "softmaxes");
    if (name == NULL) return need_size(file, "in_batch") != 0 ? SAGE_SOFTMAX_BOTH : SAGE_SOFTMAX_RANDOM;
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) return (sage_softmaxes)i;
    fail_msg("softmaxes are %s", name);
    return SAGE_SOFTMAX_BOTH;
}

static void open_fixture(const char *name, char path[512], fixture *f) {
    sage_error error = {0};
    const char *tests = getenv("SAGE_TEST_DIR");
    snprintf(path, 512, "%s/oracle/fixtures/%s.safetensors", tests != NULL ? tests : "tests", name);
    memset(f, 0, sizeof *f);
    if (sage_safetensors_open(path, &f->file, &error) != SAGE_OK) fail_msg("%s", error.text);
    size_t pairs = need_size(f->file, "pairs"), random = need_size(f->file, "random");
    f->products = (sage_product_batch){.n = pairs + random,
                                       .token_begin = need(f->file, "batch.token_begin")->data,
                                       .token_field = need(f->file, "batch.token_field")->data,
                                       .text = {.n = count(need(f->file, "batch.begin")) - 1,
                                                .ids = need(f->file, "batch.ids")->data,
                                                .begin = need(f->file, "batch.begin")->data}};
    read_groups(f);
    read_queries(f);
    f->log_q = reals_of(f->file, "spec.log_q");
    f->weight = reals_of(f->file, "spec.weight");
    f->spec = (sage_loss_spec){.n_pairs = pairs,
                               .n_random = random,
                               .log_q = f->log_q,
                               .weight = f->weight,
                               .mask = need(f->file, "spec.mask")->data,
                               .task = need(f->file, "spec.task")->data,
                               .softmaxes = softmaxes_of(f->file),
                               .smoothing = (real)strtod(sage_safetensors_meta(f->file, "smoothing"), NULL),
                               .teacher_weight = (real)strtod(sage_safetensors_meta(f->file, "teacher"), NULL)};
    if (sage_safetensors_find(f->file, "spec.queries") != NULL)
        f->spec.queries = f->given = reals_of(f->file, "spec.queries");
    if (sage_safetensors_find(f->file, "spec.products") != NULL)
        f->spec.products = f->given_products = reals_of(f->file, "spec.products");
    read_prefixes(f);
    read_follow(f);
    if (f->spec.teacher_weight > 0) {
        f->spec.teacher_begin = need(f->file, "teacher.begin")->data;
        f->spec.teacher_column = need(f->file, "teacher.column")->data;
        f->spec.teacher_score = f->teacher = reals_of(f->file, "teacher.score");
    }
}

static void close_fixture(fixture *f) {
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) free(f->vectors[g]);
    free(f->sentences);
    free(f->pictures);
    free(f->log_q);
    free(f->weight);
    free(f->teacher);
    free(f->given);
    free(f->given_products);
    free(f->looked);
    free(f->looked_said);
    free(f->user_vectors);
    free(f->user_age);
    free(f->given_rows);
    free(f->follow);
    sage_safetensors_close(f->file);
}

static void check_vectors(const fixture *f, const sage_model *model, sage_pool *pool) {
    size_t out = sage_shape_out(sage_model_shape_of(model));
    real *p = malloc(f->products.n * out * sizeof *p), *q = malloc(f->spec.n_pairs * out * sizeof *q);
    assert_int_equal(vectors_of_products(model, pool, &f->products, p, NULL), SAGE_OK);
    assert_int_equal(vectors_of_queries(model, pool, &f->queries, q, NULL), SAGE_OK);
    if (f->given_products == NULL) agree("product vectors", p, need(f->file, "out.products"));
    if (f->given == NULL) agree("query vectors", q, need(f->file, "out.queries"));
    free(p);
    free(q);
}

static void check_dense(const fixture *f, const sage_model *model, const sage_grads *grads) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++) {
        char name[160];
        snprintf(name, sizeof name, "grad.%s", params[i].name);
        const sage_tensor *expected = need(f->file, name);
        assert_int_equal(count(expected), params[i].rows * params[i].cols);
        agree(name, grads->dense + params[i].offset, expected);
    }
}

/* Touched rows spread out, so that rows that should have been touched and were not show too. */
static void check_sparse(const char *name, const fixture *f, size_t n, const uint32_t *index, const real *grad,
                         size_t width) {
    const sage_tensor *expected = need(f->file, name);
    real *all = calloc(count(expected), sizeof *all);
    for (size_t i = 0; i < n; i++) {
        assert_true((index[i] + 1) * width <= count(expected));
        if (i > 0) assert_true(index[i] > index[i - 1]);
        memcpy(all + index[i] * width, grad + i * width, width * sizeof *all);
    }
    agree(name, all, expected);
    free(all);
}

static void check_loss(const fixture *f, const sage_loss *loss) {
    const real got[7] = {(real)loss->total,     (real)loss->in_batch, (real)loss->random, (real)loss->teacher,
                         (real)loss->sentences, (real)loss->prefixes, (real)loss->follow};
    double follow = (double)f->spec.follow_weight * loss->follow;
    double by_task = 0, weights = 0, all_weights = 0;
    agree("loss", got, need(f->file, "out.loss"));
    for (size_t i = 0; i < SAGE_MODEL_TASKS_MAX; i++) {
        by_task += loss->task_sum[i];
        weights += loss->task_weight[i];
    }
    for (size_t i = 0; i < f->spec.n_pairs; i++) all_weights += (double)f->weight[i];
    assert_true(fabs(weights - all_weights) < 1e-9);
    assert_true(fabs(by_task / weights + loss->sentences + loss->prefixes + follow - loss->total) < 1e-9);
}

static void check_with(const char *name, size_t threads) {
    char path[512];
    fixture f;
    sage_error error = {0};
    sage_pool *pool = NULL;
    sage_model *model = NULL;
    sage_work *work = NULL;
    sage_grads *grads = NULL;
    sage_loss loss;
    open_fixture(name, path, &f);
    if (sage_model_load(path, &model, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_work_new(pool, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    check_vectors(&f, model, pool);
    for (int again = 0; again < 2; again++) { /* nothing may be left over from the first time */
        if (sage_model_step(model, work, &f.products, f.given == NULL ? &f.queries : NULL, &f.spec, grads, &loss,
                            &error) != SAGE_OK)
            fail_msg("%s", error.text);
        check_loss(&f, &loss);
        check_dense(&f, model, grads);
        check_sparse("grad.table", &f, grads->n_rows, grads->rows, grads->row_grad,
                     sage_model_shape_of(model)->dim_embed);
        check_sparse("grad.importance", &f, grads->n_ids, grads->ids, grads->id_grad,
                     sage_model_shape_of(model)->hashes);
    }
    sage_grads_free(grads);
    sage_work_free(work);
    sage_pool_free(pool);
    sage_model_free(model);
    close_fixture(&f);
}

static void check(void **state) {
    check_with(*state, 1);
    check_with(*state, 3);
}

int main(void) {
    static char names[][32] = {"plain",
                               "hashed_images",
                               "in_batch_alone",
                               "catalogue_smoothed",
                               "softmax_in_batch",
                               "softmax_concat",
                               "clamped_images",
                               "teacher",
                               "teacher_catalogue",
                               "given_plain_text",
                               "plain_head",
                               "sentences",
                               "pictures_and_sentences",
                               "four_groups",
                               "pictures_alone",
                               "text_alone",
                               "pictures_are_read",
                               "pictures_no_tokens",
                               "sentences_beside",
                               "looked_at",
                               "users",
                               "users_alone",
                               "users_and_all",
                               "tokens",
                               "tokens_hashed",
                               "prefixes",
                               "prefixes_beside",
                               "given_products",
                               "follow",
                               "sum",
                               "sum_mlp",
                               "sum_plain_head",
                               "concat_mlp",
                               "concat_beside",
                               "concat_texts",
                               "two_layers",
                               "three_layers",
                               "four_layers"};
    struct CMUnitTest tests[sizeof names / sizeof *names];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        tests[i] = (struct CMUnitTest){names[i], check, NULL, NULL, names[i]};
    const char *forced = getenv("ITEMSAGE_ISA");
    if (forced != NULL && strcmp(sage_isa(), forced) != 0) {
        printf("skipped: this machine has no %s\n", forced);
        return 77;
    }
    return cmocka_run_group_tests_name(sage_isa(), tests, NULL, NULL);
}
