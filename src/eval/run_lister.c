#include <base/alloc.h>
#include <base/error.h>
#include <eval/run_lister.h>
#include <stdio.h>

struct sage_run_lister {
    sage_trec_table table;
    const sage_trec_queries *queries;
    const sage_index *index;
    sage_buf id;
    sage_scored *list;
    size_t capacity;
    char name[16];
    sage_run_cover cover;
};

sage_status sage_run_lister_open(const sage_run_file *file, const sage_trec_queries *queries, const sage_index *index,
                                 sage_run_lister **lister, sage_error *error) {
    sage_run_lister *r = sage_alloc_zero(1, sizeof *r);
    if (r == NULL) return sage_fail_memory(error, sizeof *r);
    r->queries = queries;
    r->index = index;
    sage_buf_init(&r->id, 4096);
    snprintf(r->name, sizeof r->name, "%s", file->name);
    sage_status st = sage_trec_read(file->file, SAGE_TREC_RUN, &r->table, error);
    if (st == SAGE_OK)
        *lister = r;
    else
        sage_run_lister_close(r);
    return st;
}

void sage_run_lister_close(sage_run_lister *r) {
    if (r == NULL) return;
    sage_trec_free(&r->table);
    sage_buf_free(&r->id);
    sage_free(r->list);
    sage_free(r);
}

static sage_status list_query(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_run_lister *r = ctx;
    size_t begin = 0, row;
    (void)query;
    const sage_trec_query *known = sage_trec_query_of_key(r->queries, text);
    *n = known != NULL ? sage_trec_find(&r->table, known->id, &begin) : 0;
    if (*n > 0)
        r->cover.queries++;
    else
        r->cover.no_queries++;
    if (*n > depth) *n = depth;
    if (sage_grow((void **)&r->list, &r->capacity, *n, sizeof *r->list) != 0)
        return sage_fail_memory(error, *n * sizeof *r->list);
    for (size_t i = 0; i < *n; i++) {
        SAGE_TRY(sage_trec_decode(r->table.lines[begin + i].product, &r->id, error));
        bool there = sage_index_find_id(r->index, r->id.data, &row);
        r->cover.unknown_products += !there;
        r->list[i].pid = there ? sage_index_pid(r->index, row) : INT64_MIN + (int64_t)i;
        r->list[i].score = (float)r->table.lines[begin + i].value;
    }
    *list = r->list;
out:
    return st;
}

sage_text_lister sage_run_text_lister(sage_run_lister *lister) {
    return (sage_text_lister){.name = lister->name, .ctx = lister, .list = list_query};
}

sage_run_cover sage_run_lister_cover(sage_run_lister *lister) {
    sage_run_cover cover = lister->cover;
    lister->cover = (sage_run_cover){0};
    return cover;
}

size_t sage_run_lister_lines(const sage_run_lister *lister) {
    return lister->table.n;
}

size_t sage_run_lister_ties(const sage_run_lister *lister) {
    size_t ties = 0;
    for (size_t i = 1; i < lister->table.n; i++) {
        const sage_trec_line *before = &lister->table.lines[i - 1], *line = &lister->table.lines[i];
        ties += (float)line->value == (float)before->value && sage_str_equal(line->query, before->query);
    }
    return ties;
}
