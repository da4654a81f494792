#include <base/alloc.h>
#include <base/error.h>
#include <io/db.h>
#include <io/fs.h>
#include <io/packed.h>
#include <keywords/files.h>
#include <keywords/keywords.h>
#include <keywords/match.h>
#include <keywords/rank.h>

struct sage_keywords {
    sqlite3 *db;
    sqlite3_stmt *select;
    sage_match *match;
    sage_packed *packed;
    sage_rank rank;
    sage_buf expression;
};

static sage_status damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s is damaged (%s); run 'itemsage index' to build it again", path, what);
}

static sage_status check_sum(const sage_keywords_sum *wanted, size_t n, const char *db_path, sage_error *error) {
    sage_keywords_sum found;
    sage_status st = sage_keywords_sum_of(db_path, &found, error);
    if (st != SAGE_OK) return st;
    if (n != 1 || wanted->bytes != found.bytes || wanted->xxh3 != found.xxh3)
        return damaged(db_path, "its checksum differs", error);
    return SAGE_OK;
}

static sage_status open_bin(sage_keywords *k, const char *bin_path, const char *db_path, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *sum, *pids, *lengths;
    size_t n_sums, n_lengths;
    uint64_t words = 0;
    SAGE_TRY(sage_packed_open(bin_path, SAGE_KEYWORDS_MAGIC, SAGE_KEYWORDS_VERSION, true, &k->packed, error));
    SAGE_TRY(sage_packed_get(k->packed, "sum", sizeof(sage_keywords_sum), &sum, &n_sums, error));
    SAGE_TRY(sage_packed_get(k->packed, "pids", sizeof(int64_t), &pids, &k->rank.n, error));
    SAGE_TRY(sage_packed_get(k->packed, "lengths", sizeof(uint32_t), &lengths, &n_lengths, error));
    if (n_lengths != k->rank.n) {
        st = damaged(bin_path, "its sections do not fit each other", error);
        goto out;
    }
    SAGE_TRY(check_sum(sum, n_sums, db_path, error));
    k->rank.pids = pids;
    k->rank.lengths = lengths;
    for (size_t i = 0; i < k->rank.n; i++) words += k->rank.lengths[i];
    k->rank.mean_length = k->rank.n > 0 ? (double)words / (double)k->rank.n : 0;
out:
    return st;
}

sage_status sage_keywords_open(const char *dir, sage_keywords **keywords, sage_error *error) {
    sage_status st = SAGE_OK;
    char db_path[SAGE_PATH_MAX], bin_path[SAGE_PATH_MAX];
    *keywords = NULL;
    sage_keywords *k = sage_alloc_zero(1, sizeof *k);
    if (k == NULL) return sage_fail_memory(error, sizeof *k);
    sage_buf_init(&k->expression, 8 * (size_t)SAGE_KEYWORDS_QUERY_BYTES_MAX);
    SAGE_TRY(sage_path_join(db_path, dir, SAGE_KEYWORDS_DB, error));
    SAGE_TRY(sage_path_join(bin_path, dir, SAGE_KEYWORDS_BIN, error));
    SAGE_TRY(open_bin(k, bin_path, db_path, error));
    SAGE_TRY(sage_db_open(db_path, SAGE_DB_READ, &k->db, error));
    SAGE_TRY(sage_rank_register(k->db, &k->rank, error));
    SAGE_TRY(
        sage_db_prepare(k->db, "SELECT rowid, sage_bm25(words) FROM words WHERE words MATCH ?1", &k->select, error));
    SAGE_TRY(sage_match_new(k->db, &k->match, error));
    *keywords = k;
    k = NULL;
out:
    sage_keywords_close(k);
    return st;
}

void sage_keywords_close(sage_keywords *keywords) {
    if (keywords == NULL) return;
    sage_match_free(keywords->match);
    sqlite3_finalize(keywords->select);
    sage_db_close(keywords->db);
    sage_packed_close(keywords->packed);
    sage_buf_free(&keywords->expression);
    sage_free(keywords);
}

/* ---- the k best in hits[0..n): a heap whose root is the worst ---- */

static bool worse(const sage_keyword_hit *a, const sage_keyword_hit *b) {
    return a->score != b->score ? a->score < b->score : a->pid > b->pid;
}

static void sift_down(sage_keyword_hit *heap, size_t n, size_t at) {
    sage_keyword_hit moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(&heap[child + 1], &heap[child])) child++;
        if (!worse(&heap[child], &moved)) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sift_up(sage_keyword_hit *heap, size_t at) {
    sage_keyword_hit moved = heap[at];
    for (size_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (!worse(&moved, &heap[parent])) break;
        heap[at] = heap[parent];
    }
    heap[at] = moved;
}

static void offer(sage_keyword_hit *heap, size_t *n, size_t k, sage_keyword_hit hit) {
    if (*n < k) {
        heap[*n] = hit;
        sift_up(heap, (*n)++);
    } else if (worse(&heap[0], &hit)) {
        heap[0] = hit;
        sift_down(heap, k, 0);
    }
}

/* Heap -> descending: the worst goes to the end, again and again. */
static void sort_heap(sage_keyword_hit *heap, size_t n) {
    for (size_t left = n; left > 1; left--) {
        sage_keyword_hit worst = heap[0];
        heap[0] = heap[left - 1];
        heap[left - 1] = worst;
        sift_down(heap, left - 1, 0);
    }
}

/* Where pid stands among the wanted, or n_wanted. */
static size_t place_of(const sage_keywords_query *query, int64_t pid) {
    size_t low = 0, high = query->n_wanted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (query->wanted[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < query->n_wanted && query->wanted[low] == pid ? low : query->n_wanted;
}

static sage_status collect(sage_keywords *keywords, const sage_keywords_query *query, sage_keyword_hit *hits, size_t *n,
                           float *scores, sage_error *error) {
    sage_status st = SAGE_OK;
    for (bool row;;) {
        SAGE_TRY(sage_db_step(keywords->select, &row, error));
        if (!row) break;
        sage_keyword_hit hit = {.pid = sqlite3_column_int64(keywords->select, 0),
                                .score = (float)sqlite3_column_double(keywords->select, 1)};
        size_t place = place_of(query, hit.pid);
        if (place < query->n_wanted) scores[place] = hit.score;
        if (query->k > 0) offer(hits, n, query->k, hit);
    }
    sort_heap(hits, *n);
out:
    return st;
}

sage_status sage_keywords_search(sage_keywords *keywords, const sage_keywords_query *query, sage_keyword_hit *hits,
                                 size_t *n, float *scores, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_buf *expression = &keywords->expression;
    *n = 0;
    for (size_t i = 0; i < query->n_wanted; i++) scores[i] = 0;
    SAGE_TRY(sage_match_expression(keywords->match, query->text, query->len, &keywords->expression, error));
    if (expression->len == 0 || (query->k == 0 && query->n_wanted == 0)) goto out;
    if (sqlite3_bind_text(keywords->select, 1, expression->data, (int)expression->len, SQLITE_STATIC) != SQLITE_OK) {
        st = sage_db_fail(keywords->db, "search by keywords", error);
        goto out;
    }
    sage_rank_begin(&keywords->rank);
    SAGE_TRY(collect(keywords, query, hits, n, scores, error));
out:
    sqlite3_reset(keywords->select);
    sqlite3_clear_bindings(keywords->select);
    return st;
}
