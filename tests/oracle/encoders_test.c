/* Frozen encoders against PyTorch: every folder of encoders/ (see make_encoders.py), each number of threads and both
 * precisions; and twice, without allocating anew. */
#include <base/alloc.h>
#include <io/safetensors.h>
#include <math.h>
#include <pretrained/encoder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

typedef struct oracle_case {
    sage_safetensors *file;
    const sage_tensor *vectors;
    const float *pixels;
    const uint32_t *ids;
    size_t n, *begin;
} oracle_case;

static void folder_of(char out[512], const char *name) {
    const char *dir = getenv("SAGE_TEST_DIR");
    snprintf(out, 512, "%s/oracle/encoders/%s", dir != NULL ? dir : "tests", name);
}

static oracle_case open_case(const char *folder) {
    char path[600];
    oracle_case c = {0};
    sage_error error = {0};
    snprintf(path, sizeof path, "%s/case.safetensors", folder);
    if (sage_safetensors_open(path, &c.file, &error) != SAGE_OK) fail_msg("%s", error.text);
    c.vectors = sage_safetensors_find(c.file, "vectors");
    c.n = c.vectors->dim[0];
    const sage_tensor *pixels = sage_safetensors_find(c.file, "pixels"), *ids = sage_safetensors_find(c.file, "ids");
    if (pixels != NULL) {
        c.pixels = pixels->data;
        return c;
    }
    const uint64_t *begin = sage_safetensors_find(c.file, "begin")->data;
    c.ids = ids->data;
    c.begin = malloc((c.n + 1) * sizeof *c.begin);
    for (size_t i = 0; i <= c.n; i++) c.begin[i] = (size_t)begin[i];
    return c;
}

static void close_case(oracle_case *c) {
    sage_safetensors_close(c->file);
    free(c->begin);
}

static void run(sage_pretrained *e, const oracle_case *c, float *out) {
    sage_error error = {0};
    sage_status st = c->pixels != NULL ? sage_pretrained_pictures(e, c->n, c->pixels, out, &error)
                                       : sage_pretrained_texts(e, c->n, c->ids, c->begin, out, &error);
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

/* Every number in f32; the direction in bf16, whose roundings random weights make the most of. */
static void compare(const char *name, const oracle_case *c, size_t dim, const float *out, sage_precision precision) {
    assert_int_equal(c->vectors->dim[1], dim);
    const float *expected = c->vectors->data;
    for (size_t i = 0; i < c->n; i++, out += dim, expected += dim) {
        double cosine = 0, length = 0;
        for (size_t j = 0; j < dim; j++) {
            cosine += (double)out[j] * (double)expected[j];
            length += (double)expected[j] * (double)expected[j];
            if (precision == SAGE_PRECISION_F32 && !(fabs((double)out[j] - (double)expected[j]) <= 2e-5))
                fail_msg("%s: vector %zu [%zu] is %.7g, PyTorch's %.7g", name, i, j, (double)out[j],
                         (double)expected[j]);
        }
        if (length > 0 && !(cosine > 0.95)) fail_msg("%s: vector %zu has the cosine %g to PyTorch's", name, i, cosine);
    }
}

static void try(const char *name, sage_precision precision, size_t threads) {
    char folder[512];
    sage_pretrained *e;
    sage_pool *pool;
    sage_error error = {0};
    folder_of(folder, name);
    oracle_case c = open_case(folder);
    assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    if (sage_pretrained_open(folder, precision, pool, &e, &error) != SAGE_OK) fail_msg("%s: %s", name, error.text);
    const sage_pretrained_info *info = sage_pretrained_about(e);
    float *out = malloc(c.n * info->dim * sizeof *out);
    size_t bytes = sage_pretrained_bytes(e);
    run(e, &c, out);
    compare(name, &c, info->dim, out, precision);
    assert_true(sage_pretrained_bytes(e) > bytes && bytes > info->parameters);
    memset(out, 0xff, c.n * info->dim * sizeof *out);
    if (threads == 1) sage_alloc_fail_from(1); /* sizes repeat: nothing is asked for */
    run(e, &c, out);
    sage_alloc_fail_from(0);
    compare(name, &c, info->dim, out, precision);
    free(out);
    sage_pretrained_free(e);
    sage_pool_free(pool);
    close_case(&c);
}

static void as_pytorch(void **state) {
    for (size_t threads = 1; threads <= 3; threads++) try(*state, SAGE_PRECISION_F32, threads);
    try(*state, SAGE_PRECISION_BF16, 2);
}

int main(void) {
    static const char *const names[] = {"bert_mean",       "bert_cls_f16",   "distilbert_bf16", "clip",
                                        "clip_vision_f16", "siglip_vision",  "dinov2",          "mobilenet",
                                        "mobilenet_even",  "mobilenet_plain"};
    enum { N = sizeof names / sizeof *names };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = as_pytorch, .initial_state = (void *)(uintptr_t)names[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
