#include <base/alloc.h>
#include <base/error.h>
#include <eval/trec.h>
#include <eval/trec_write.h>
#include <io/fs.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 20, ENCODED_MAX = 4 * 256 };

typedef struct run_file {
    char path[SAGE_PATH_MAX], tmp[SAGE_PATH_MAX];
    int fd;     /* -1: not open */
    bool whole; /* tmp is, and has not taken its place yet */
    sage_buf text;
} run_file;

struct sage_trec_writer {
    const char *prefix;
    const char *const *methods;
    const sage_index *index;
    size_t n_methods;
    run_file *files;
    sage_buf encoded;
    sage_status failed; /* the first file that could not be written, and why; no more is written then */
    sage_error why;
};

static sage_status name_run(sage_trec_writer *w, size_t method, sage_error *error) {
    run_file *file = &w->files[method];
    if ((size_t)snprintf(file->path, sizeof file->path, "%s.%s.run", w->prefix, w->methods[method]) >=
        sizeof file->path)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", w->prefix);
    sage_status st = sage_fs_check_plain(file->path, error);
    if (st == SAGE_OK) st = sage_fs_temporary(file->tmp, file->path, error);
    return st;
}

sage_status sage_trec_writer_new(const char *prefix, const char *const *methods, size_t n_methods,
                                 const sage_index *index, sage_trec_writer **writer, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trec_writer *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    *w = (sage_trec_writer){.prefix = prefix, .methods = methods, .index = index};
    sage_buf_init(&w->encoded, ENCODED_MAX);
    if (!(w->files = sage_alloc_zero(n_methods, sizeof *w->files)))
        SAGE_TRY(sage_fail_memory(error, n_methods * sizeof *w->files));
    w->n_methods = n_methods;
    for (size_t m = 0; m < n_methods; m++) w->files[m].fd = -1;
    for (size_t m = 0; m < n_methods; m++) sage_buf_init(&w->files[m].text, SIZE_MAX);
    for (size_t m = 0; m < n_methods; m++) SAGE_TRY(name_run(w, m, error));
    for (size_t m = 0; m < n_methods && w->failed == SAGE_OK; m++)
        w->failed = sage_fs_create(w->files[m].tmp, false, &w->files[m].fd, &w->why);
    *writer = w;
    w = NULL;
out:
    sage_trec_writer_free(w);
    return st;
}

void sage_trec_writer_free(sage_trec_writer *w) {
    if (w == NULL) return;
    for (size_t m = 0; m < w->n_methods; m++) {
        run_file *file = &w->files[m];
        sage_buf_free(&file->text);
        if (file->fd >= 0) sage_fs_close(file->fd, file->tmp, NULL);
        if (file->fd >= 0 || file->whole) sage_fs_unlink(file->tmp, NULL);
    }
    sage_buf_free(&w->encoded);
    sage_free(w->files);
    sage_free(w);
}

static sage_status flush(run_file *file, sage_error *error) {
    sage_status st = sage_fs_write(file->fd, file->tmp, file->text.data, file->text.len, error);
    sage_buf_clear(&file->text);
    return st;
}

static sage_status encode(sage_trec_writer *w, int64_t pid, sage_error *error) {
    size_t row;
    const char *id = sage_index_find(w->index, pid, &row) ? sage_index_shown(w->index, row, SAGE_SHOW_ID) : "";
    return sage_trec_encode((sage_str){id, strlen(id)}, &w->encoded, error);
}

static sage_status add_list(sage_trec_writer *w, size_t method, size_t query, const sage_scored *list, size_t n,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    run_file *file = &w->files[method];
    float last = INFINITY;
    for (size_t i = 0; i < n; i++) {
        float score = list[i].score < last ? list[i].score : nextafterf(last, -INFINITY);
        last = score;
        SAGE_TRY(encode(w, list[i].pid, error));
        SAGE_TRY(sage_buf_printf(&file->text, error, "%zu Q0 %s %zu %.9g itemsage-%s\n", query + 1, w->encoded.data,
                                 i + 1, (double)score, w->methods[method]));
    }
    if (file->text.len > FLUSH_BYTES) SAGE_TRY(flush(file, error));
out:
    return st;
}

/* What is judged goes on without the files. */
static sage_status see(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error) {
    sage_trec_writer *w = ctx;
    (void)error;
    if (method < w->n_methods && w->failed == SAGE_OK) w->failed = add_list(w, method, query, list, n, &w->why);
    return SAGE_OK;
}

sage_list_observer sage_trec_writer_observer(sage_trec_writer *writer) {
    return (sage_list_observer){.ctx = writer, .see = see};
}

static sage_status finish_run(run_file *file, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(flush(file, error));
    SAGE_TRY(sage_fs_sync(file->fd, file->tmp, error));
    int fd = file->fd;
    file->fd = -1;
    file->whole = true;
    SAGE_TRY(sage_fs_close(fd, file->tmp, error));
out:
    return st;
}

/* All are whole before the first takes its place: runs and queries of two times would not fit each other. */
sage_status sage_trec_writer_finish(sage_trec_writer *w, const sage_str *texts, size_t n_texts, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_buf text;
    sage_buf_init(&text, SIZE_MAX);
    if (w->failed != SAGE_OK) {
        if (error != NULL) *error = w->why;
        return w->failed;
    }
    if ((size_t)snprintf(path, sizeof path, "%s.queries.tsv", w->prefix) >= sizeof path)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", w->prefix);
    for (size_t q = 0; q < n_texts; q++)
        SAGE_TRY(sage_buf_printf(&text, error, "%zu\t%.*s\n", q + 1, (int)texts[q].len, texts[q].data));
    for (size_t m = 0; m < w->n_methods; m++) SAGE_TRY(finish_run(&w->files[m], error));
    SAGE_TRY(sage_fs_replace(path, text.data != NULL ? text.data : "", text.len, error));
    for (size_t m = 0; m < w->n_methods; m++) {
        SAGE_TRY(sage_fs_commit(w->files[m].tmp, w->files[m].path, error));
        w->files[m].whole = false;
    }
out:
    sage_buf_free(&text);
    return st;
}

sage_status sage_qrels_line(sage_buf *out, sage_buf *encoded, size_t query, sage_str id, long long grade,
                            sage_error *error) {
    sage_status st = sage_trec_encode(id, encoded, error);
    return st == SAGE_OK ? sage_buf_printf(out, error, "%zu 0 %s %lld\n", query + 1, encoded->data, grade) : st;
}
