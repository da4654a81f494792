#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/fs.h>
#include <keywords/carry.h>
#include <keywords/cutter.h>
#include <keywords/files.h>
#include <keywords/gather.h>
#include <keywords/impl.h>
#include <keywords/keywords.h>
#include <keywords/lists.h>
#include <stdio.h>

struct sage_keywords_writer {
    char dir[SAGE_PATH_MAX];
    sage_cutter *cutter;
    sage_gather gather;
    sage_spool *runs;
    size_t n_runs, runs_capacity;
    sage_spool pids, lengths;
    sage_keywords_sizes sizes;
    uint32_t products; /* so far */
    uint32_t place;    /* words so far of the product that is being added */
    int64_t last_pid;
    const sage_keywords *before; /* NULL: none */
    uint32_t *numbers;           /* [products of before] in this index; SAGE_NOT_CARRIED */
    size_t looked;               /* in before, for the next pid */
};

sage_status sage_keywords_create(const char *dir, sage_keywords_writer **writer, sage_error *error) {
    sage_status st = SAGE_OK;
    *writer = NULL;
    sage_keywords_writer *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    SAGE_TRY(sage_path_join(w->dir, dir, "", error));
    SAGE_TRY(sage_cutter_new(&w->cutter, error));
    SAGE_TRY(sage_spool_init(&w->pids, dir, "pids", error));
    SAGE_TRY(sage_spool_init(&w->lengths, dir, "lengths", error));
    *writer = w;
    w = NULL;
out:
    sage_keywords_abandon(w);
    return st;
}

static sage_status pour(sage_keywords_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[32];
    snprintf(name, sizeof name, "run-%zu", w->n_runs);
    if (sage_grow((void **)&w->runs, &w->runs_capacity, w->n_runs + 1, sizeof *w->runs) != 0)
        return sage_fail_memory(error, (w->n_runs + 1) * sizeof *w->runs);
    SAGE_TRY(sage_spool_init(&w->runs[w->n_runs], w->dir, name, error));
    sage_spool *run = &w->runs[w->n_runs++];
    SAGE_TRY(sage_gather_pour(&w->gather, run, error));
    SAGE_TRY(sage_spool_map(run, error));
out:
    return st;
}

static sage_status take_token(void *ctx, const char *bytes, size_t len, size_t begin, size_t end, sage_error *error) {
    sage_keywords_writer *w = ctx;
    sage_status st = SAGE_OK;
    (void)begin;
    (void)end;
    if (sage_gather_full(&w->gather)) SAGE_TRY(pour(w, error));
    SAGE_TRY(sage_gather_add(&w->gather, bytes, len, w->products, w->place++, error));
out:
    return st;
}

static sage_status check_pid(const sage_keywords_writer *w, int64_t pid, sage_error *error) {
    if (w->products > 0 && pid <= w->last_pid) {
        return sage_fail(error, SAGE_E_ARGUMENT, "product %" PRId64 " came to the keyword index after %" PRId64, pid,
                         w->last_pid);
    }
    if (w->products == UINT32_MAX - 1) return sage_fail(error, SAGE_E_LIMIT, "the keyword index has too many products");
    return SAGE_OK;
}

static sage_status end_product(sage_keywords_writer *w, int64_t pid, uint32_t length, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_spool_add(&w->pids, &pid, sizeof pid, error));
    SAGE_TRY(sage_spool_add(&w->lengths, &length, sizeof length, error));
    w->sizes.total += length;
    if (length > w->sizes.longest) w->sizes.longest = length;
    w->last_pid = pid;
    w->products++;
out:
    return st;
}

sage_status sage_keywords_add(sage_keywords_writer *writer, int64_t pid, const sage_str *texts, size_t n_texts,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bytes = 0;
    SAGE_TRY(check_pid(writer, pid, error));
    writer->place = 0;
    for (size_t i = 0; i < n_texts; i++) {
        if (texts[i].len > SAGE_KEYWORDS_TEXT_BYTES_MAX - bytes)
            return sage_fail(error, SAGE_E_LIMIT, "the texts of product %" PRId64 " are longer than %d bytes", pid,
                             (int)SAGE_KEYWORDS_TEXT_BYTES_MAX);
        bytes += texts[i].len;
        SAGE_TRY(sage_cutter_each(writer->cutter, SAGE_TOKEN_STEMMED, texts[i].data, texts[i].len, take_token, writer,
                                  error));
    }
    SAGE_TRY(end_product(writer, pid, writer->place, error));
out:
    return st;
}

/* ---- going on from an older one ---- */

sage_status sage_keywords_go_on(sage_keywords_writer *writer, const sage_keywords *before, sage_error *error) {
    writer->numbers = sage_alloc((before->n + 1) * sizeof *writer->numbers);
    if (writer->numbers == NULL) return sage_fail_memory(error, before->n * sizeof *writer->numbers);
    for (size_t i = 0; i < before->n; i++) writer->numbers[i] = SAGE_NOT_CARRIED;
    writer->before = before;
    return SAGE_OK;
}

sage_status sage_keywords_carry(sage_keywords_writer *writer, int64_t pid, bool *carried, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_keywords *before = writer->before;
    *carried = false;
    if (before == NULL) return SAGE_OK;
    SAGE_TRY(check_pid(writer, pid, error));
    const size_t at = writer->looked = sage_keywords_seek(before, writer->looked, pid);
    if (at == before->n || before->pids[at] != pid) return SAGE_OK;
    writer->numbers[at] = writer->products;
    *carried = true;
    SAGE_TRY(end_product(writer, pid, before->lengths[at], error));
out:
    return st;
}

/* The postings are most of the file and go straight into it; what is made beside them comes after. */
static sage_status write_lists(sage_keywords_writer *w, sage_packed_writer *packed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_runs runs = {0};
    sage_carried carried = {.before = w->before, .numbers = w->numbers};
    sage_spool words = {0}, text = {0}, blocks = {0};
    sage_lists_writer lists = {.packed = packed,
                               .words = &words,
                               .text = &text,
                               .blocks = &blocks,
                               .mean_length = w->products > 0 ? (double)w->sizes.total / w->products : 0};
    SAGE_TRY(sage_spool_init(&words, w->dir, "words", error));
    SAGE_TRY(sage_spool_init(&text, w->dir, "text", error));
    SAGE_TRY(sage_spool_init(&blocks, w->dir, "blocks", error));
    SAGE_TRY(sage_spool_map(&w->lengths, error));
    lists.lengths = (const uint32_t *)(const void *)w->lengths.map.data;
    SAGE_TRY(sage_runs_begin(&runs, w->runs, w->n_runs, error));
    SAGE_TRY(sage_packed_section(packed, "postings", 1, error));
    SAGE_TRY(sage_lists_write(&lists, &runs, &carried, error));
    SAGE_TRY(sage_spool_section(&words, packed, "words", sizeof(sage_keywords_word), error));
    SAGE_TRY(sage_spool_section(&text, packed, "text", 1, error));
    SAGE_TRY(sage_spool_section(&blocks, packed, "blocks", sizeof(sage_keywords_block), error));
out:
    sage_runs_end(&runs);
    sage_lists_writer_free(&lists);
    sage_spool_free(&words);
    sage_spool_free(&text);
    sage_spool_free(&blocks);
    return st;
}

static sage_status write_file(sage_keywords_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_packed_writer *packed = NULL;
    SAGE_TRY(sage_path_join(path, w->dir, SAGE_KEYWORDS_BIN, error));
    SAGE_TRY(
        sage_packed_create(path, SAGE_KEYWORDS_MAGIC, SAGE_KEYWORDS_VERSION, SAGE_KEYWORDS_SECTIONS, &packed, error));
    SAGE_TRY(sage_packed_section(packed, "sizes", sizeof w->sizes, error));
    SAGE_TRY(sage_packed_add(packed, &w->sizes, sizeof w->sizes, error));
    SAGE_TRY(write_lists(w, packed, error));
    SAGE_TRY(sage_spool_section(&w->pids, packed, "pids", sizeof(int64_t), error));
    SAGE_TRY(sage_spool_section(&w->lengths, packed, "lengths", sizeof(uint32_t), error));
    st = sage_packed_finish(packed, error);
    packed = NULL;
out:
    sage_packed_abandon(packed);
    return st;
}

sage_status sage_keywords_finish(sage_keywords_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(pour(writer, error));
    sage_gather_free(&writer->gather);
    SAGE_TRY(write_file(writer, error));
out:
    sage_keywords_abandon(writer);
    return st;
}

void sage_keywords_abandon(sage_keywords_writer *writer) {
    if (writer == NULL) return;
    sage_cutter_free(writer->cutter);
    sage_gather_free(&writer->gather);
    for (size_t i = 0; i < writer->n_runs; i++) sage_spool_free(&writer->runs[i]);
    sage_free(writer->runs);
    sage_free(writer->numbers);
    sage_spool_free(&writer->pids);
    sage_spool_free(&writer->lengths);
    sage_free(writer);
}
