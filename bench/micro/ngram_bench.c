/* How fast text becomes n-gram ids on one core, in parts.
 *
 *   ngram_bench FILE [REPEATS]
 *
 * Each line of FILE (UTF-8) is one text and one document. Prints medians over REPEATS (default 5) in MB of text a
 * second. */
#include <base/alloc.h>
#include <base/report.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text/normalise.h>
#include <text/vocab.h>
#include <unistd.h>

enum { REPEATS_MAX = 101, FILE_MAX = 1 << 30 };

typedef struct lines {
    sage_str *line;
    size_t n, capacity;
} lines;

static void die(const char *what, const sage_error *error) {
    fprintf(stderr, "ngram_bench: %s: %s\n", what, error->text);
    exit(1);
}

static lines split(const char *data, size_t n) {
    lines l = {0};
    for (size_t begin = 0; begin < n;) {
        const char *end = memchr(data + begin, '\n', n - begin);
        size_t len = end == NULL ? n - begin : (size_t)(end - data) - begin;
        if (sage_grow((void **)&l.line, &l.capacity, l.n + 1, sizeof *l.line) != 0) exit(1);
        l.line[l.n++] = (sage_str){data + begin, len};
        begin += len + 1;
    }
    return l;
}

/* All lines normalised into `out`, one after another; ends[i] is where line i ends. */
static void normalise(const lines *l, sage_buf *out, size_t *ends) {
    sage_error error;
    sage_buf_clear(out);
    for (size_t i = 0; i < l->n; i++) {
        if (sage_normalise(l->line[i].data, l->line[i].len, out, &error) != SAGE_OK) die("normalise", &error);
        ends[i] = out->len;
    }
}

typedef struct scratch {
    sage_str *words;
    size_t capacity;
    uint32_t *ids;
    size_t ids_capacity;
} scratch;

static size_t words_of(const sage_buf *text, const size_t *ends, size_t i, scratch *s) {
    size_t begin = i == 0 ? 0 : ends[i - 1], n = 0;
    sage_error error;
    if (sage_words(text->data + begin, ends[i] - begin, &s->words, &s->capacity, &n, &error) != SAGE_OK)
        die("words", &error);
    return n;
}

static void split_words(const sage_buf *text, const size_t *ends, size_t n, scratch *s) {
    for (size_t i = 0; i < n; i++) words_of(text, ends, i, s);
}

static void count(const sage_buf *text, const size_t *ends, size_t n, scratch *s, const char *dir, const char *path) {
    sage_vocab_limits limits = {{200000, 1000000, 64000}, {1, 2, 2}, (size_t)512 << 20};
    sage_vocab_builder *builder;
    sage_error error;
    if (sage_vocab_builder_new(&limits, dir, &builder, &error) != SAGE_OK) die("vocabulary", &error);
    for (size_t i = 0; i < n; i++) {
        size_t n_words = words_of(text, ends, i, s);
        if (sage_vocab_builder_text(builder, s->words, n_words, &error) != SAGE_OK) die("vocabulary", &error);
        if (sage_vocab_builder_end_document(builder, &error) != SAGE_OK) die("vocabulary", &error);
    }
    if (sage_vocab_builder_write(builder, path, NULL, &error) != SAGE_OK) die("vocabulary", &error);
    sage_vocab_builder_free(builder);
}

static size_t look_up(const sage_buf *text, const size_t *ends, size_t n, scratch *s, const sage_vocab *vocab) {
    size_t total = 0;
    sage_error error;
    for (size_t i = 0; i < n; i++) {
        size_t n_ids = 0, n_words = words_of(text, ends, i, s);
        if (sage_vocab_ids(vocab, s->words, n_words, &s->ids, &s->ids_capacity, &n_ids, &error) != SAGE_OK)
            die("ids", &error);
        total += n_ids;
    }
    return total;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void report(const char *name, double *times, size_t n, size_t bytes) {
    qsort(times, n, sizeof *times, compare);
    printf("%-12s %8.3f s  %8.1f MB/s\n", name, times[n / 2], (double)bytes / 1e6 / times[n / 2]);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: ngram_bench FILE [REPEATS]\n");
        return 2;
    }
    size_t repeats = argc > 2 ? strtoul(argv[2], NULL, 10) : 5, n_bytes, n_ids = 0;
    if (repeats < 1 || repeats > REPEATS_MAX) repeats = 5;
    char *data, dir[] = "/tmp/ngram-bench-XXXXXX", path[64];
    double times[4][REPEATS_MAX];
    sage_error error;
    if (sage_fs_read_all(argv[1], FILE_MAX, &data, &n_bytes, &error) != SAGE_OK) die("read", &error);
    if (mkdtemp(dir) == NULL) return 1;
    snprintf(path, sizeof path, "%s/vocab.bin", dir);
    lines l = split(data, n_bytes);
    size_t *ends = calloc(l.n + 1, sizeof *ends);
    if (ends == NULL) return 1;
    sage_buf text;
    scratch s = {0};
    sage_buf_init(&text, (size_t)4 << 30);
    for (size_t r = 0; r < repeats; r++) {
        double t[5];
        sage_vocab *vocab;
        t[0] = sage_now_s();
        normalise(&l, &text, ends);
        t[1] = sage_now_s();
        split_words(&text, ends, l.n, &s);
        t[2] = sage_now_s();
        count(&text, ends, l.n, &s, dir, path);
        t[3] = sage_now_s();
        if (sage_vocab_open(path, &vocab, &error) != SAGE_OK) die("open", &error);
        double opened = sage_now_s();
        n_ids = look_up(&text, ends, l.n, &s, vocab);
        t[4] = sage_now_s() - (opened - t[3]);
        for (size_t i = 0; i < 4; i++) times[i][r] = t[i + 1] - t[i];
        sage_vocab_close(vocab);
    }
    printf("%zu lines, %.1f MB, %zu ids\n", l.n, (double)n_bytes / 1e6, n_ids);
    report("normalise", times[0], repeats, n_bytes);
    report("words", times[1], repeats, n_bytes);
    report("vocabulary", times[2], repeats, n_bytes);
    report("ids", times[3], repeats, n_bytes);
    sage_fs_remove_tree(dir, NULL);
    sage_buf_free(&text);
    sage_free(s.words);
    sage_free(s.ids);
    sage_free(l.line);
    sage_free(data);
    free(ends);
    return 0;
}
