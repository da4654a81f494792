/* A batch of files: read and hashed by all workers, sorted out by one (what is known needs no more), decoded and shaped
 * by all, encoded, and kept in the order of the links. Of several encoders each is asked only for what no pass before
 * has had of it. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/picture_find.h>
#include <features/picture_batch.h>
#include <features/pictures.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = SAGE_PICTURE_BATCH, BATCH_BYTES_MAX = 256 << 20 };

typedef struct job {
    sage_picture_task task;
    sage_picture_file file;
    sage_status st; /* of reading, then of decoding */
    sage_error error;
    size_t square; /* its place among those that are encoded; BATCH: it has none */
    bool settled;  /* it need not be read: its content's vector is at hand */
} job;

typedef struct pass {
    const sage_pictures_spec *spec;
    sage_picture_store *store;
    sage_picture_encoder *encoder;
    sage_pool *pool;
    sage_picture_report *report;
    sage_picture_segment segment;
    job *jobs; /* [BATCH + 1]: the last one waits for the next batch */
    size_t n;
    bool waits;
    sage_picture_batch batch;
} pass;

/* ---- memory ---- */

static sage_status allocate(pass *p, sage_error *error) {
    p->jobs = sage_alloc_zero(BATCH + 1, sizeof *p->jobs);
    if (p->jobs == NULL) return sage_fail_memory(error, (BATCH + 1) * sizeof *p->jobs);
    sage_status st = sage_picture_batch_init(&p->batch, p->encoder, p->pool, error);
    if (st != SAGE_OK) return st;
    return sage_picture_segment_init(&p->segment, p->store, p->encoder->dim, p->spec->segment_rows, error);
}

static void release(pass *p) {
    for (size_t i = 0; p->jobs != NULL && i < BATCH; i++) sage_picture_file_free(&p->jobs[i].file);
    sage_free(p->jobs);
    sage_picture_batch_free(&p->batch);
    sage_picture_segment_free(&p->segment);
    sage_picture_store_close(p->store);
}

/* ---- reading ---- */

static sage_status gather(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t bytes = 0;
    bool more = true;
    for (p->n = 0; p->n < BATCH; p->n++) {
        job *j = &p->jobs[p->n];
        if (p->waits)
            j->task = p->jobs[BATCH].task;
        else
            SAGE_TRY(sage_picture_store_next(p->store, &j->task, &more, error));
        p->waits = false;
        if (!more) break;
        bytes += j->task.size;
        if (p->n > 0 && bytes > BATCH_BYTES_MAX) {
            p->jobs[BATCH].task = j->task;
            p->waits = true;
            break;
        }
    }
out:
    return st;
}

static void read_files(void *ctx, size_t begin, size_t end, size_t worker_n) {
    pass *p = ctx;
    char path[SAGE_PATH_MAX];
    (void)worker_n;
    for (size_t i = begin; i < end; i++) {
        job *j = &p->jobs[i];
        if (j->settled) continue;
        j->error = (sage_error){0};
        j->st = sage_path_join(path, p->spec->images_dir, j->task.path, &j->error);
        if (j->st == SAGE_OK) j->st = sage_picture_load(path, &sage_picture_limits_default, &j->file, &j->error);
    }
}

/* ---- sorting out ---- */

/* NULL: not the file's fault. */
static const char *fault_of(const job *j) {
    sage_picture_format format;
    if (j->st == SAGE_E_LIMIT) return "picture-too-large";
    if (j->st != SAGE_E_FORMAT) return NULL;
    return j->file.n_bytes == 0 || sage_picture_format_of(j->file.bytes, j->file.n_bytes, &format)
               ? "picture-broken"
               : "picture-unknown-format";
}

static sage_status settle_bad(pass *p, job *j, const unsigned char content[16], sage_error *error) {
    const char *fault = fault_of(j);
    if (fault != NULL) return sage_picture_segment_file(&p->segment, &j->task, content, fault, j->error.text, error);
    if (j->st == SAGE_E_MEMORY || j->st == SAGE_E_INTERNAL) return sage_fail(error, j->st, "%s", j->error.text);
    const char *reason = j->st == SAGE_E_NOT_FOUND ? "picture-missing" : "picture-unreadable";
    return sage_picture_store_refuse(p->store, j->task.link, reason, j->error.text, error);
}

/* Where the content stands in the batch, or would. */
static size_t square_of(const pass *p, const unsigned char content[16]) {
    size_t s = 0;
    while (s < p->batch.n && memcmp(p->batch.at[s].content, content, 16) != 0) s++;
    return s;
}

/* Another content for the batch; what passes before have had of its parts needs no encoding. */
static sage_status add_content(pass *p, const job *j, const unsigned char *content, bool *lacks, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_new *one = &p->batch.at[p->batch.n];
    float *vector = p->batch.vectors + p->batch.n * p->encoder->dim;
    bool found = false;
    *one = (sage_picture_new){.content = content, .file = &j->file, .name = j->task.path};
    *lacks = false;
    for (size_t i = 0; i < p->encoder->n_parts; i++) {
        SAGE_TRY(sage_picture_store_recall(p->store, content, i, vector + p->encoder->parts[i].at, &found, error));
        one->lacks[i] = !found;
        *lacks = *lacks || !found;
    }
    p->batch.n++;
out:
    return st;
}

/* What lies at an unchanged place, or lay there, and all parts have seen. */
static sage_status settle_kept(pass *p, job *j, sage_error *error) {
    sage_status st = SAGE_OK;
    bool lacks = false;
    j->square = BATCH;
    j->settled = false;
    if (!j->task.kept) return SAGE_OK;
    j->settled = sage_picture_segment_has(&p->segment, j->task.content) || square_of(p, j->task.content) < p->batch.n;
    if (!j->settled) SAGE_TRY(sage_picture_store_known(p->store, j->task.content, &j->settled, error));
    if (j->settled) return SAGE_OK;
    SAGE_TRY(add_content(p, j, j->task.content, &lacks, error));
    j->settled = !lacks;
    p->batch.n -= lacks; /* its file is damaged */
out:
    return st;
}

static sage_status sort_out_one(pass *p, job *j, sage_error *error) {
    static const unsigned char none[16];
    sage_status st = SAGE_OK;
    bool known = false, lacks;
    if (j->settled) return SAGE_OK;
    if (j->st != SAGE_OK) return settle_bad(p, j, none, error);
    p->report->read++;
    p->report->bytes += j->file.n_bytes;
    known = sage_picture_segment_has(&p->segment, j->file.hash);
    if (!known) SAGE_TRY(sage_picture_store_known(p->store, j->file.hash, &known, error));
    if (known) return sage_picture_segment_file(&p->segment, &j->task, j->file.hash, NULL, NULL, error);
    j->square = square_of(p, j->file.hash);
    if (j->square == p->batch.n) SAGE_TRY(add_content(p, j, j->file.hash, &lacks, error));
out:
    return st;
}

/* ---- encoding ---- */

static sage_status encode(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_picture_batch_run(&p->batch, &p->report->encoded, error));
    for (size_t s = 0; s < p->batch.n; s++) {
        const sage_picture_new *one = &p->batch.at[s];
        if (one->st == SAGE_OK)
            sage_picture_segment_add(&p->segment, one->content, p->batch.vectors + s * p->encoder->dim);
    }
out:
    return st;
}

/* Files whose content was encoded now, or could not be: all that have it. */
static sage_status settle(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < p->n; i++) {
        job *j = &p->jobs[i];
        if (j->square == BATCH) continue;
        j->st = p->batch.at[j->square].st;
        j->error = p->batch.at[j->square].error;
        if (j->st == SAGE_OK)
            SAGE_TRY(sage_picture_segment_file(&p->segment, &j->task, j->file.hash, NULL, NULL, error));
        else
            SAGE_TRY(settle_bad(p, j, j->file.hash, error));
    }
out:
    return st;
}

static sage_status run_batch(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    p->batch.n = 0;
    for (size_t i = 0; i < p->n; i++) SAGE_TRY(settle_kept(p, &p->jobs[i], error));
    sage_pool_for_dynamic(p->pool, p->n, 1, read_files, p);
    for (size_t i = 0; i < p->n; i++) SAGE_TRY(sort_out_one(p, &p->jobs[i], error));
    SAGE_TRY(encode(p, error));
    SAGE_TRY(settle(p, error));
out:
    for (size_t i = 0; i < p->n; i++) sage_picture_file_free(&p->jobs[i].file);
    return st;
}

/* ---- the pass ---- */

static void tell(const pass *p, sage_ticker *ticker, double began_s) {
    char detail[96];
    double seconds = sage_now_s() - began_s;
    snprintf(detail, sizeof detail, "%" PRIu64 " encoded  %.0f pictures/s", p->report->encoded,
             seconds > 0 ? (double)p->report->read / seconds : 0);
    sage_ticker_tick(ticker, sage_picture_store_done(p->store), detail);
}

static sage_status read_all(pass *p, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_ticker ticker;
    double began_s = sage_now_s();
    sage_ticker_begin(&ticker, monitor, "pictures", p->report->links);
    for (;;) {
        SAGE_TRY(gather(p, error));
        if (p->n == 0) break;
        SAGE_TRY(run_batch(p, error));
        bool stop = sage_cancelled(monitor);
        if (stop || sage_picture_segment_full(&p->segment)) SAGE_TRY(sage_picture_segment_commit(&p->segment, error));
        if (stop) SAGE_TRY(sage_check_cancel(monitor, "pictures", error));
        tell(p, &ticker, began_s);
    }
    SAGE_TRY(sage_picture_segment_commit(&p->segment, error));
out:
    sage_ticker_end(&ticker, sage_picture_store_done(p->store));
    return st;
}

static void report_products(sage_picture_report *report, const sage_import_report *linked) {
    report->pictures = linked->rows;
    report->vectors = linked->unchanged;
    report->products = linked->added + linked->changed;
    report->rejected = linked->rejected;
    report->reason_n = linked->reason_n;
    memcpy(report->reasons, linked->reasons, sizeof report->reasons);
}

sage_status sage_pictures_run(sage_catalog *catalog, const sage_pictures_spec *spec, sage_picture_encoder *encoder,
                              sage_pool *pool, const sage_monitor *monitor, sage_picture_report *report,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    pass p = {.spec = spec, .encoder = encoder, .pool = pool, .report = report};
    sage_picture_source source = {.shop_dir = spec->shop_dir,
                                  .images_dir = spec->images_dir,
                                  .identity = encoder->identity,
                                  .name = encoder->name,
                                  .dim = encoder->dim,
                                  .n_parts = encoder->n_parts,
                                  .again = spec->again};
    double began_s = sage_now_s();
    sage_import_report *linked = sage_alloc_zero(1, sizeof *linked);
    memset(report, 0, sizeof *report);
    if (linked == NULL) return sage_fail_memory(error, sizeof *linked);
    for (size_t i = 0; i < encoder->n_parts; i++)
        source.parts[i] =
            (sage_picture_part){encoder->parts[i].identity, encoder->parts[i].name, encoder->parts[i].dim};
    snprintf(report->encoder, sizeof report->encoder, "%.*s", (int)sizeof report->encoder - 1, encoder->name);
    SAGE_TRY(sage_picture_store_open(catalog, &source, monitor, &p.store, error));
    report->links = sage_picture_store_links(p.store);
    SAGE_TRY(allocate(&p, error));
    SAGE_TRY(read_all(&p, monitor, error));
    report->absent = sage_picture_store_absent(p.store);
    SAGE_TRY(sage_picture_store_link(p.store, monitor, linked, error));
    report_products(report, linked);
    SAGE_TRY(sage_catalog_searched_pictures(catalog, &report->searched, error));
    report->searched_vectors = sage_picture_store_searched(p.store);
out:
    release(&p);
    sage_free(linked);
    report->seconds = sage_now_s() - began_s;
    return st;
}
