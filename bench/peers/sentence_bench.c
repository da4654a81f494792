/* Texts to vectors, from end to end, for bench/peers/sentences.py:
 *   sentence_bench DIR TEXTS OUT f32|bf16 THREADS
 * TEXTS: a JSON string a line. OUT: .npy [lines][dim]. */
#include <base/alloc.h>
#include <io/json.h>
#include <io/map.h>
#include <io/npy.h>
#include <pretrained/sentence.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop_at(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "sentence_bench: %s\n", error->text);
    exit(1);
}

static json_t *read_texts(const char *path) {
    sage_map map;
    sage_error error = {0};
    json_t *texts = json_array();
    stop_at(sage_map_open(path, &map, &error), &error);
    for (const char *line = (const char *)map.data, *end = line + map.size; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop != NULL ? stop : end) - line);
        json_t *text = json_loadb(line, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!json_is_string(text) || json_array_append_new(texts, text) != 0) {
            fprintf(stderr, "sentence_bench: line %zu of %s is no JSON string\n", json_array_size(texts) + 1, path);
            exit(1);
        }
        line += n + 1;
    }
    sage_map_close(&map);
    return texts;
}

static void write_vectors(const char *path, const float *out, size_t n, size_t dim) {
    sage_npy_writer writer;
    sage_error error = {0};
    stop_at(sage_npy_create(path, n, dim, &writer, &error), &error);
    stop_at(sage_npy_add(&writer, out, n, &error), &error);
    stop_at(sage_npy_finish(&writer, &error), &error);
}

int main(int argc, char **argv) {
    sage_sentence_encoder *encoder;
    sage_pool *pool;
    sage_error error = {0};
    if (argc != 6) {
        fprintf(stderr, "usage: sentence_bench DIR TEXTS OUT f32|bf16 THREADS\n");
        return 2;
    }
    json_t *rows = read_texts(argv[2]);
    size_t n = json_array_size(rows);
    stop_at(sage_pool_new((size_t)atoi(argv[5]), &pool, &error), &error);
    stop_at(sage_sentence_encoder_open(argv[1], strcmp(argv[4], "bf16") == 0 ? SAGE_PRECISION_BF16 : SAGE_PRECISION_F32,
                                       pool, &encoder, &error),
            &error);
    size_t dim = sage_sentence_encoder_dim(encoder);
    sage_str *texts = sage_alloc_zero(n, sizeof *texts);
    float *out = sage_alloc_zero(n * dim, sizeof *out);
    if (texts == NULL || out == NULL) return 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(rows, i);
        texts[i] = (sage_str){json_string_value(row), json_string_length(row)};
    }
    stop_at(sage_sentence_encoder_run(encoder, n, texts, out, &error), &error);
    write_vectors(argv[3], out, n, dim);
    sage_free(texts);
    sage_free(out);
    json_decref(rows);
    sage_sentence_encoder_free(encoder);
    sage_pool_free(pool);
    return 0;
}
