#include <base/alloc.h>
#include <features/sentence_cache.h>
#include <features/sentence_file.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Files do not grow beyond this by taking in others: 200 MB at 384 numbers. */
enum { ROWS_MAX = 1 << 17 };

struct sage_sentence_cache {
    char dir[SAGE_PATH_MAX];
    size_t dim;
    sage_sentence_file **files; /* descending by rows */
    size_t n, capacity;
    uint64_t next; /* number of the next file */
    int lock;      /* -1: for reading */
};

/* ---- opening ---- */

static void insert(sage_sentence_cache *c, sage_sentence_file *file) {
    size_t at = c->n++;
    for (; at > 0 && c->files[at - 1]->rows < file->rows; at--) c->files[at] = c->files[at - 1];
    c->files[at] = file;
}

/* Damaged ones, and those that go away meanwhile, are passed over. */
static sage_status open_number(sage_sentence_cache *c, uint64_t number, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sentence_file *file = NULL;
    if (sage_grow((void **)&c->files, &c->capacity, c->n + 1, sizeof(sage_sentence_file *)) != 0)
        return sage_fail_memory(error, (c->n + 1) * sizeof(sage_sentence_file *));
    st = sage_sentence_file_open(c->dir, number, c->dim, &file, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_NOT_FOUND) return SAGE_OK;
    if (st == SAGE_OK) insert(c, file);
    return st;
}

static sage_status look_at(void *ctx, const char *name, sage_error *error) {
    sage_sentence_cache *c = ctx;
    char *end;
    if (name[0] < '1' || name[0] > '9') return SAGE_OK;
    uint64_t number = strtoull(name, &end, 10);
    if (strcmp(end, ".bin") != 0 || number >= UINT64_MAX / 2) return SAGE_OK;
    if (number >= c->next) c->next = number + 1;
    return open_number(c, number, error);
}

static sage_status make_folder(const char *parent, const char *dir, sage_error *error) {
    if (sage_fs_exists(dir)) return SAGE_OK;
    sage_status st = sage_fs_mkdir(dir, error);
    return st == SAGE_OK ? sage_fs_sync_dir(parent, error) : st;
}

static sage_status begin_writing(sage_sentence_cache *c, const char *shop_dir, const char *parent, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(make_folder(shop_dir, parent, error));
    SAGE_TRY(make_folder(parent, c->dir, error));
    SAGE_TRY(sage_path_join(path, c->dir, ".lock", error));
    SAGE_TRY(sage_fs_lock(path, true, &c->lock, error));
out:
    return st;
}

sage_status sage_sentence_cache_open(const char *shop_dir, const char *identity, size_t dim, bool write,
                                     sage_sentence_cache **cache, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX];
    sage_sentence_cache *c = sage_alloc_zero(1, sizeof *c);
    *cache = NULL;
    if (c == NULL) return sage_fail_memory(error, sizeof *c);
    c->dim = dim;
    c->next = 1;
    c->lock = -1;
    SAGE_TRY(sage_path_join(parent, shop_dir, "sentences", error));
    SAGE_TRY(sage_path_join(c->dir, parent, identity, error));
    if (write) SAGE_TRY(begin_writing(c, shop_dir, parent, error));
    if (sage_fs_exists(c->dir)) SAGE_TRY(sage_fs_list(c->dir, look_at, c, error));
    *cache = c;
    c = NULL;
out:
    sage_sentence_cache_close(c);
    return st;
}

void sage_sentence_cache_close(sage_sentence_cache *cache) {
    if (cache == NULL) return;
    for (size_t i = 0; i < cache->n; i++) sage_sentence_file_close(cache->files[i]);
    if (cache->lock >= 0) sage_fs_unlock(cache->lock);
    sage_free(cache->files);
    sage_free(cache);
}

size_t sage_sentence_cache_files(const sage_sentence_cache *cache) {
    return cache->n;
}

bool sage_sentence_cache_find(const sage_sentence_cache *cache, const sage_text_key *text, float *out) {
    for (size_t i = 0; i < cache->n; i++)
        if (sage_sentence_file_find(cache->files[i], text, out)) return true;
    return false;
}

/* ---- adding ---- */

/* What the new file is made of: vectors at hand, and the smallest files, from `kept` on. */
typedef struct gathered {
    sage_sentence_row *rows;
    size_t n, kept;
} gathered;

static size_t choose_files(const sage_sentence_cache *c, size_t n, size_t *rows) {
    size_t kept = c->n;
    *rows = n;
    for (; kept > 0 && c->files[kept - 1]->rows <= *rows && *rows + c->files[kept - 1]->rows <= ROWS_MAX; kept--)
        *rows += c->files[kept - 1]->rows;
    return kept;
}

static int by_text(const void *a, const void *b) {
    const sage_sentence_row *x = a, *y = b;
    return memcmp(x->text->bytes, y->text->bytes, sizeof x->text->bytes);
}

/* Damaged rows are left behind, and of rows of one text all but one. */
static sage_status gather(const sage_sentence_cache *c, size_t n, const sage_text_key *texts, const float *vectors,
                          gathered *g, sage_error *error) {
    size_t rows, unique = 0;
    g->kept = choose_files(c, n, &rows);
    g->rows = sage_alloc(rows * sizeof *g->rows);
    if (g->rows == NULL) return sage_fail_memory(error, rows * sizeof *g->rows);
    for (; g->n < n; g->n++) g->rows[g->n] = (sage_sentence_row){&texts[g->n], vectors + g->n * c->dim};
    for (size_t f = g->kept; f < c->n; f++)
        for (size_t i = 0; i < c->files[f]->rows; i++)
            if (sage_sentence_file_row(c->files[f], i, &g->rows[g->n])) g->n++;
    qsort(g->rows, g->n, sizeof *g->rows, by_text);
    for (size_t i = 0; i < g->n; i++)
        if (unique == 0 || by_text(&g->rows[unique - 1], &g->rows[i]) != 0) g->rows[unique++] = g->rows[i];
    g->n = unique;
    return SAGE_OK;
}

/* The new file stands; what it has taken in goes. */
static sage_status let_go(sage_sentence_cache *c, size_t kept, sage_error *error) {
    sage_status st = SAGE_OK;
    while (c->n > kept) {
        SAGE_TRY(sage_sentence_file_remove(c->dir, c->files[c->n - 1]->number, error));
        sage_sentence_file_close(c->files[--c->n]);
    }
out:
    return st;
}

sage_status sage_sentence_cache_add(sage_sentence_cache *cache, size_t n, const sage_text_key *texts,
                                    const float *vectors, sage_error *error) {
    sage_status st = SAGE_OK;
    gathered g = {0};
    if (n == 0) return SAGE_OK;
    if (cache->lock < 0) return sage_fail(error, SAGE_E_STATE, "the vectors of texts were opened for reading only");
    SAGE_TRY(gather(cache, n, texts, vectors, &g, error));
    SAGE_TRY(sage_sentence_file_write(cache->dir, cache->next, cache->dim, g.rows, g.n, error));
    SAGE_TRY(let_go(cache, g.kept, error));
    SAGE_TRY(open_number(cache, cache->next++, error));
out:
    sage_free(g.rows);
    return st;
}
