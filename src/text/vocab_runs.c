#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <string.h>
#include <text/vocab_runs.h>

enum {
    RECORD_HEAD = 7,
    WRITE_BYTES = 1 << 16
}; /* df u32, len u16, kind u8, then the bytes; read by this process alone */

int sage_counted_compare(const sage_counted *a, const sage_counted *b) {
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
    if (order != 0) return order;
    return (a->len > b->len) - (a->len < b->len);
}

sage_status sage_run_create(const char *path, sage_run_writer *writer, sage_error *error) {
    *writer = (sage_run_writer){.fd = -1, .path = path};
    sage_buf_init(&writer->buf, 2 * WRITE_BYTES);
    return sage_fs_create(path, false, &writer->fd, error);
}

static sage_status flush(sage_run_writer *writer, sage_error *error) {
    sage_status st = sage_fs_write(writer->fd, writer->path, writer->buf.data, writer->buf.len, error);
    sage_buf_clear(&writer->buf);
    return st;
}

sage_status sage_run_add(sage_run_writer *writer, const sage_counted *ngram, sage_error *error) {
    sage_status st = SAGE_OK;
    unsigned char head[RECORD_HEAD];
    memcpy(head, &ngram->df, 4);
    memcpy(head + 4, &ngram->len, 2);
    head[6] = ngram->kind;
    SAGE_TRY(sage_buf_add(&writer->buf, head, sizeof head, error));
    SAGE_TRY(sage_buf_add(&writer->buf, ngram->bytes, ngram->len, error));
    if (writer->buf.len >= WRITE_BYTES) SAGE_TRY(flush(writer, error));
out:
    return st;
}

sage_status sage_run_finish(sage_run_writer *writer, sage_status st, sage_error *error) {
    if (st == SAGE_OK && writer->buf.len > 0) st = flush(writer, error);
    if (writer->fd >= 0) {
        sage_status closed = sage_fs_close(writer->fd, writer->path, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sage_buf_free(&writer->buf);
    return st;
}

static void advance(sage_run_source *source) {
    if (source->at == source->n) {
        source->ended = true;
    } else if (source->array != NULL) {
        source->head = source->array[source->at++];
    } else {
        const unsigned char *record = source->map.data + source->at;
        memcpy(&source->head.df, record, 4);
        memcpy(&source->head.len, record + 4, 2);
        source->head.kind = record[6];
        source->head.bytes = (const char *)record + RECORD_HEAD;
        source->at += RECORD_HEAD + source->head.len;
    }
}

static bool before(const sage_run_merge *merge, size_t a, size_t b) {
    return sage_counted_compare(&merge->sources[merge->heap[a]].head, &merge->sources[merge->heap[b]].head) < 0;
}

static void sift_down(sage_run_merge *merge, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < merge->n_heap && before(merge, left, least)) least = left;
        if (right < merge->n_heap && before(merge, right, least)) least = right;
        if (least == at) return;
        uint32_t swap = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = swap;
        at = least;
    }
}

sage_status sage_run_merge_begin(sage_run_merge *merge, sage_run_source *sources, size_t n_sources, sage_error *error) {
    *merge = (sage_run_merge){.sources = sources, .heap = sage_alloc(n_sources * sizeof *merge->heap)};
    if (merge->heap == NULL) return sage_fail_memory(error, n_sources * sizeof *merge->heap);
    for (size_t i = 0; i < n_sources; i++) {
        if (sources[i].array == NULL) sources[i].n = sources[i].map.size;
        sources[i].at = 0;
        sources[i].ended = false;
        advance(&sources[i]);
        if (!sources[i].ended) merge->heap[merge->n_heap++] = (uint32_t)i;
    }
    for (size_t i = merge->n_heap; i-- > 0;) sift_down(merge, i);
    return SAGE_OK;
}

bool sage_run_merge_next(sage_run_merge *merge, sage_counted *ngram) {
    bool any = false;
    while (merge->n_heap > 0) {
        sage_run_source *top = &merge->sources[merge->heap[0]];
        if (!any) {
            *ngram = top->head;
            any = true;
        } else if (sage_counted_compare(ngram, &top->head) == 0) {
            ngram->df += top->head.df;
        } else {
            break;
        }
        advance(top);
        if (top->ended) merge->heap[0] = merge->heap[--merge->n_heap];
        sift_down(merge, 0);
    }
    return any;
}

void sage_run_merge_end(sage_run_merge *merge) {
    sage_free(merge->heap);
    *merge = (sage_run_merge){0};
}
