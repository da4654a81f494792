/* A frozen encoder at work, for bench/peers/pretrained.py:
 *   pretrained_bench DIR INPUT OUT f32|bf16 THREADS
 * INPUT: safetensors with "pixels" F32 [n][3][s][s], or "ids" U32 and "begin" U64 [n + 1]. All of it is encoded in
 * batches of 32: once to begin with, into OUT (.npy), and once more for each line of the standard input. Every pass is
 * answered by a line of JSON. */
#include <base/report.h>
#include <io/npy.h>
#include <io/safetensors.h>
#include <pretrained/encoder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32 };

typedef struct input {
    const float *pixels;
    const uint32_t *ids;
    size_t *begin, n;
} input;

static void stop_at(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "pretrained_bench: %s\n", error->text);
    exit(1);
}

static input open_input(const char *path) {
    sage_safetensors *file;
    sage_error error;
    input in = {0};
    stop_at(sage_safetensors_open(path, &file, &error), &error);
    const sage_tensor *pixels = sage_safetensors_find(file, "pixels"), *ids = sage_safetensors_find(file, "ids"),
                      *begin = sage_safetensors_find(file, "begin");
    if (pixels != NULL) {
        in.pixels = pixels->data;
        in.n = pixels->dim[0];
    } else if (ids != NULL && begin != NULL) {
        in.ids = ids->data;
        in.n = begin->dim[0] - 1;
        in.begin = malloc((in.n + 1) * sizeof *in.begin);
        for (size_t i = 0; i <= in.n; i++) in.begin[i] = (size_t)((const uint64_t *)begin->data)[i];
    } else {
        fprintf(stderr, "pretrained_bench: %s holds neither pixels nor ids and begin\n", path);
        exit(1);
    }
    return in;
}

static void encode(sage_pretrained *e, const input *in, size_t at, size_t n, float *out) {
    const sage_pretrained_info *info = sage_pretrained_about(e);
    size_t size = info->picture.size;
    sage_error error;
    stop_at(in->pixels != NULL
                ? sage_pretrained_pictures(e, n, in->pixels + at * 3 * size * size, out + at * info->dim, &error)
                : sage_pretrained_texts(e, n, in->ids, in->begin + at, out + at * info->dim, &error),
            &error);
}

static double pass(sage_pretrained *e, const input *in, float *out) {
    double began = sage_now_s();
    for (size_t at = 0; at < in->n; at += BATCH) encode(e, in, at, in->n - at < BATCH ? in->n - at : BATCH, out);
    return sage_now_s() - began;
}

/* Of this program alone: getrusage would include what the process was before its exec. */
static double peak_mib(void) {
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %lf kB", &kib) == 1) break;
    if (status != NULL) fclose(status);
    return kib / 1024;
}

static void write_vectors(const char *path, const float *out, size_t n, size_t dim) {
    sage_npy_writer writer;
    sage_error error;
    stop_at(sage_npy_create(path, n, dim, &writer, &error), &error);
    stop_at(sage_npy_add(&writer, out, n, &error), &error);
    stop_at(sage_npy_finish(&writer, &error), &error);
}

int main(int argc, char **argv) {
    sage_pretrained *e;
    sage_pool *pool;
    sage_error error;
    char line[64];
    if (argc != 6) {
        fprintf(stderr, "usage: pretrained_bench DIR INPUT OUT f32|bf16 THREADS\n");
        return 2;
    }
    input in = open_input(argv[2]);
    sage_precision precision = strcmp(argv[4], "bf16") == 0 ? SAGE_PRECISION_BF16 : SAGE_PRECISION_F32;
    stop_at(sage_pool_new((size_t)atoi(argv[5]), &pool, &error), &error);
    stop_at(sage_pretrained_open(argv[1], precision, pool, &e, &error), &error);
    const sage_pretrained_info *info = sage_pretrained_about(e);
    float *out = malloc(in.n * info->dim * sizeof *out);
    pass(e, &in, out);
    write_vectors(argv[3], out, in.n, info->dim);
    printf("{\"family\": \"%s\", \"n\": %zu, \"own_mib\": %.1f, \"gemm\": \"%s\"}\n", info->family, in.n,
           (double)sage_pretrained_bytes(e) / 1048576, sage_gemm_name(precision));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double seconds = pass(e, &in, out);
        printf("{\"s\": %.6f, \"peak_mib\": %.1f}\n", seconds, peak_mib());
        fflush(stdout);
    }
    free(out);
    free(in.begin);
    sage_pretrained_free(e);
    sage_pool_free(pool);
    return 0;
}
