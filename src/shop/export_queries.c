/* Search texts, or users, as searches ask for them, for other programs and for `import vectors`. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/npy.h>
#include <itemsage/train.h>
#include <shop/search_user.h>
#include <shop/shop.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 128 };
static const size_t TEXTS_MAX_BYTES = (size_t)1 << 30;

typedef struct lines {
    char *data;
    sage_str *line; /* [n] without empty ones */
    size_t n, capacity;
} lines;

static sage_status read_lines(const char *path, lines *l, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bytes;
    SAGE_TRY(sage_fs_read_all(path, TEXTS_MAX_BYTES, &l->data, &bytes, error));
    for (char *at = l->data, *end = l->data + bytes; at < end;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        size_t len = (size_t)(stop - at);
        if (len > 0 && at[len - 1] == '\r') len--;
        if (sage_grow((void **)&l->line, &l->capacity, l->n + 1, sizeof *l->line))
            SAGE_TRY(sage_fail_memory(error, l->n * sizeof *l->line));
        if (len > 0) l->line[l->n++] = (sage_str){at, len};
        at = stop + 1;
    }
    if (l->n == 0) st = sage_fail_at(error, SAGE_E_STATE, path, 0, 0, "it holds no line");
out:
    return st;
}

/* What asks, and how: out [n][dim of the index], known[i] false where nothing is known of a line. n <= BLOCK. */
typedef struct asker asker;
typedef sage_status (*ask_fn)(asker *a, const sage_str *line, size_t n, float *out, bool *known, sage_error *error);
struct asker {
    ask_fn ask;
    sage_shop *shop;
    sage_engine *engine;
    sage_user_events did;
};

static sage_status ask_text(asker *a, const sage_str *line, size_t n, float *out, bool *known, sage_error *error) {
    return sage_engine_texts(a->engine, line, n, out, known, error);
}

static sage_status ask_user(asker *a, const sage_str *line, size_t n, float *out, bool *known, sage_error *error) {
    sage_status st = SAGE_OK;
    char id[SAGE_PATH_MAX];
    size_t dim = sage_index_dim(sage_engine_index(a->engine));
    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%.*s", (int)line[i].len, line[i].data);
        const sage_query query = {.user_id = id};
        SAGE_TRY(sage_user_events_read(&a->did, a->shop, sage_engine_index(a->engine), &query, true, error));
        const sage_history history = {a->did.list, a->did.n, false, sage_engine_given_user(a->engine, line[i])};
        known[i] = history.n > 0 || history.given != NULL;
        if (known[i]) SAGE_TRY(sage_engine_user_vectors(a->engine, &history, 1, out + i * dim, error));
    }
out:
    return st;
}

/* Only the lines that something is known of stay. */
static sage_status keep_known(asker *a, lines *l, float *vectors, sage_error *error) {
    sage_status st = SAGE_OK;
    bool known[BLOCK];
    size_t kept = 0;
    for (size_t at = 0; at < l->n; at += BLOCK) {
        size_t n = l->n - at < BLOCK ? l->n - at : BLOCK;
        SAGE_TRY(a->ask(a, l->line + at, n, vectors, known, error));
        for (size_t i = 0; i < n; i++)
            if (known[i]) l->line[kept++] = l->line[at + i];
    }
    l->n = kept;
out:
    return st;
}

/* The lines that stand beside the vectors' rows, into `text`. */
static sage_status write_vectors(asker *a, const lines *l, float *vectors, const char *npy, sage_buf *text,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    sage_npy_writer writer = {.fd = -1};
    bool known[BLOCK];
    SAGE_TRY(sage_npy_create(npy, l->n, sage_index_dim(sage_engine_index(a->engine)), &writer, error));
    for (size_t at = 0; st == SAGE_OK && at < l->n; at += BLOCK) {
        size_t n = l->n - at < BLOCK ? l->n - at : BLOCK;
        st = a->ask(a, l->line + at, n, vectors, known, error);
        if (st == SAGE_OK) st = sage_npy_add(&writer, vectors, n, error);
        for (size_t i = 0; i < n && st == SAGE_OK; i++) {
            st = sage_buf_add(text, l->line[at + i].data, l->line[at + i].len, error);
            if (st == SAGE_OK) st = sage_buf_byte(text, '\n', error);
        }
    }
    sage_status finished = sage_npy_finish(&writer, st == SAGE_OK ? error : NULL);
    SAGE_TRY(st);
    st = finished;
out:
    return st;
}

/* Both files are whole before either takes its place, as in export.c. */
static sage_status write_all(asker *a, const lines *l, float *vectors, const char *npy, const char *txt,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX];
    sage_buf text;
    sage_buf_init(&text, SIZE_MAX);
    SAGE_TRY(sage_fs_temporary(tmp, npy, error));
    st = write_vectors(a, l, vectors, tmp, &text, error);
    if (st == SAGE_OK) st = sage_fs_replace(txt, text.data, text.len, error);
    if (st == SAGE_OK) st = sage_fs_commit(tmp, npy, error);
    if (st != SAGE_OK) sage_fs_unlink(tmp, NULL);
out:
    sage_buf_free(&text);
    return st;
}

static sage_status export(asker *a, const char *file, const char *unknown, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_open_release opened = {.fd = {-1, -1, -1}};
    lines l = {.n = 0};
    float *vectors = NULL;
    char npy[SAGE_PATH_MAX], txt[SAGE_PATH_MAX];
    if ((size_t)snprintf(npy, sizeof npy, "%s.npy", out) >= sizeof npy ||
        (size_t)snprintf(txt, sizeof txt, "%s.txt", out) >= sizeof txt)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", out);
    SAGE_TRY(sage_shop_check_output(a->shop, npy, error));
    SAGE_TRY(sage_shop_check_output(a->shop, txt, error));
    SAGE_TRY(read_lines(file, &l, error));
    SAGE_TRY(sage_release_open(a->shop, true, &opened, error));
    a->engine = opened.engine;
    size_t dim = sage_index_dim(sage_engine_index(opened.engine));
    vectors = sage_alloc(BLOCK * dim * sizeof *vectors);
    if (vectors == NULL) SAGE_TRY(sage_fail_memory(error, BLOCK * dim * sizeof *vectors));
    SAGE_TRY(keep_known(a, &l, vectors, error));
    if (l.n == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_STATE, file, 0, 0, "%s", unknown));
    SAGE_TRY(write_all(a, &l, vectors, npy, txt, error));
out:
    sage_free(vectors);
    sage_free(l.line);
    sage_free(l.data);
    sage_release_close(&opened);
    sage_user_events_free(&a->did);
    return st;
}

sage_status sage_export_texts(sage_shop *shop, const char *texts_file, const char *out, sage_error *error) {
    asker a = {.ask = ask_text, .shop = shop};
    return export(&a, texts_file, "the published model knows nothing of any of its texts", out, error);
}

sage_status sage_export_users(sage_shop *shop, const char *users_file, const char *out, sage_error *error) {
    asker a = {.ask = ask_user, .shop = shop};
    return export(&a, users_file, "none of its users did anything with a published product", out, error);
}
