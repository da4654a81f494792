/* A batch of files: read and hashed by all workers, sorted out by one (what is known needs no more), decoded and shaped
 * by all, encoded, and kept in the order of the links. Of several encoders each is asked only for what no pass before
 * has had of it. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/picture_find.h>
#include <features/picture_segment.h>
#include <features/picture_vector.h>
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
    size_t squares, owners[BATCH];             /* of each square, the job that has its bytes */
    bool lacks[BATCH][SAGE_PICTURE_PARTS_MAX]; /* of each square, the parts that are to be computed */
    float *pixels[SAGE_PICTURE_PARTS_MAX];     /* the squares as the parts take them */
    float *vectors, *made;                     /* [BATCH][dim]; of one part */
    sage_picture_scratch *workers;
    size_t n_workers;
} pass;

/* ---- memory ---- */

static size_t square_of_part(const sage_picture_encoder *encoder, size_t part) {
    const size_t s = encoder->parts[part].rule->size;
    return 3 * s * s;
}

static sage_status allocate(pass *p, sage_error *error) {
    const sage_picture_encoder *e = p->encoder;
    p->n_workers = sage_pool_threads(p->pool);
    p->jobs = sage_alloc_zero(BATCH + 1, sizeof *p->jobs);
    p->workers = sage_alloc_zero(p->n_workers, sizeof *p->workers);
    p->vectors = sage_alloc(BATCH * e->dim * sizeof *p->vectors);
    p->made = sage_alloc(BATCH * e->dim * sizeof *p->made);
    if (p->jobs == NULL || p->workers == NULL || p->vectors == NULL || p->made == NULL)
        return sage_fail_memory(error, BATCH * e->dim * sizeof *p->vectors);
    for (size_t i = 0; i < e->n_parts; i++) {
        size_t bytes = BATCH * square_of_part(e, i) * sizeof **p->pixels;
        if ((p->pixels[i] = sage_alloc(bytes)) == NULL) return sage_fail_memory(error, bytes);
    }
    return sage_picture_segment_init(&p->segment, p->store, p->encoder->dim, p->spec->segment_rows, error);
}

static void release(pass *p) {
    for (size_t i = 0; p->jobs != NULL && i < BATCH; i++) sage_picture_file_free(&p->jobs[i].file);
    for (size_t i = 0; p->workers != NULL && i < p->n_workers; i++) sage_picture_scratch_free(&p->workers[i]);
    for (size_t i = 0; i < SAGE_PICTURE_PARTS_MAX; i++) sage_free(p->pixels[i]);
    sage_free(p->jobs);
    sage_free(p->workers);
    sage_free(p->vectors);
    sage_free(p->made);
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
        j->square = BATCH;
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

static size_t square_of(const pass *p, const unsigned char content[16]) {
    size_t s = 0;
    while (s < p->squares && memcmp(p->jobs[p->owners[s]].file.hash, content, 16) != 0) s++;
    return s;
}

/* Of the parts, what passes before have had. */
static sage_status recall(pass *p, size_t square, const unsigned char content[16], sage_error *error) {
    sage_status st = SAGE_OK;
    float *vector = p->vectors + square * p->encoder->dim;
    bool found = false;
    for (size_t i = 0; i < p->encoder->n_parts; i++) {
        SAGE_TRY(sage_picture_store_recall(p->store, content, i, vector + p->encoder->parts[i].at, &found, error));
        p->lacks[square][i] = !found;
    }
out:
    return st;
}

static sage_status sort_out_one(pass *p, size_t i, sage_error *error) {
    static const unsigned char none[16];
    sage_status st = SAGE_OK;
    job *j = &p->jobs[i];
    bool known = false;
    if (j->st != SAGE_OK) return settle_bad(p, j, none, error);
    p->report->read++;
    p->report->bytes += j->file.n_bytes;
    known = sage_picture_segment_has(&p->segment, j->file.hash);
    if (!known) SAGE_TRY(sage_picture_store_known(p->store, j->file.hash, &known, error));
    if (known) return sage_picture_segment_file(&p->segment, &j->task, j->file.hash, NULL, NULL, error);
    j->square = square_of(p, j->file.hash);
    if (j->square < p->squares) goto out;
    p->owners[p->squares++] = i;
    SAGE_TRY(recall(p, j->square, j->file.hash, error));
out:
    return st;
}

/* ---- decoding and encoding ---- */

static void decode_squares(void *ctx, size_t begin, size_t end, size_t worker_n) {
    pass *p = ctx;
    for (size_t s = begin; s < end; s++) {
        job *j = &p->jobs[p->owners[s]];
        float *squares[SAGE_PICTURE_PARTS_MAX];
        for (size_t i = 0; i < p->encoder->n_parts; i++)
            squares[i] = p->lacks[s][i] ? p->pixels[i] + s * square_of_part(p->encoder, i) : NULL;
        j->st = sage_picture_squares(p->encoder, NULL, &j->file, &p->workers[worker_n], squares, &j->error);
    }
}

/* Good squares that lack the part move together; gives which ones they are. */
static size_t close_up(pass *p, size_t part, size_t which[BATCH]) {
    const size_t square = square_of_part(p->encoder, part);
    float *pixels = p->pixels[part];
    size_t good = 0;
    for (size_t s = 0; s < p->squares; s++) {
        if (p->jobs[p->owners[s]].st != SAGE_OK || !p->lacks[s][part]) continue;
        if (good != s) memcpy(pixels + good * square, pixels + s * square, square * sizeof *pixels);
        which[good++] = s;
    }
    return good;
}

static sage_status encode_part(pass *p, size_t number, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_encoder_part *part = &p->encoder->parts[number];
    size_t which[BATCH] = {0}, good = close_up(p, number, which);
    if (good > 0) SAGE_TRY(sage_picture_encoder_run(p->encoder, number, good, p->pixels[number], p->made, error));
    for (size_t i = 0; i < good; i++) {
        const float *vector = p->made + i * part->dim;
        SAGE_TRY(sage_picture_encoder_check(part, p->jobs[p->owners[which[i]]].task.path, vector, error));
        memcpy(p->vectors + which[i] * p->encoder->dim + part->at, vector, part->dim * sizeof *vector);
    }
    p->report->encoded += good;
out:
    return st;
}

static sage_status encode(pass *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool_for_dynamic(p->pool, p->squares, 1, decode_squares, p);
    for (size_t i = 0; i < p->encoder->n_parts; i++) SAGE_TRY(encode_part(p, i, error));
    for (size_t s = 0; s < p->squares; s++) {
        const job *j = &p->jobs[p->owners[s]];
        if (j->st == SAGE_OK) sage_picture_segment_add(&p->segment, j->file.hash, p->vectors + s * p->encoder->dim);
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
        const job *owner = &p->jobs[p->owners[j->square]];
        if (j != owner) {
            j->st = owner->st;
            j->error = owner->error;
        }
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
    p->squares = 0;
    sage_pool_for_dynamic(p->pool, p->n, 1, read_files, p);
    for (size_t i = 0; i < p->n; i++) SAGE_TRY(sort_out_one(p, i, error));
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
