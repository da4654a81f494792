#include <base/error.h>
#include <catalog/import_common.h>
#include <catalog/import_map.h>
#include <catalog/judgement_feed.h>
#include <stdlib.h>
#include <string.h>
#include <text/normalise.h>

enum { QUERY, PRODUCT_ID, GRADE, FIELDS };
enum { ID_MAX = 255, QUERY_MAX = 4096, NUMBER_MAX = 64, TOLD_MAX = 5 };
static const double GRADE_MAX = 1e6;

static const sage_map_name names[] = {
    {"query", QUERY}, {"search_term", QUERY}, {"product_id", PRODUCT_ID}, {"item_id", PRODUCT_ID},
    {"grade", GRADE}, {"relevance", GRADE},   {"rating", GRADE},
};

typedef struct reader {
    sage_field_map map;
    sage_buf key;
    sage_str value[FIELDS];
    size_t column[FIELDS];
    double grade;
} reader;

static bool gather(reader *r, const sage_feed_row *row, sage_flaw *flaw) {
    memset(r->value, 0, sizeof r->value);
    for (size_t i = 0; i < row->n_fields; i++) {
        int meaning = sage_map_meaning(&r->map, i, row->fields[i].name);
        sage_str value = sage_trim(row->fields[i].value);
        if (meaning == SAGE_MAP_OTHER || value.len == 0) continue;
        int field = names[meaning].field;
        flaw->column = row->fields[i].column;
        if (r->value[field].len > 0)
            return sage_flaw_set(flaw, "repeated-field", "%s is given twice; a judgement has one", names[meaning].name);
        r->value[field] = value;
        r->column[field] = row->fields[i].column;
    }
    flaw->column = 0;
    return true;
}

static bool take_texts(const reader *r, sage_flaw *flaw) {
    if (r->value[QUERY].len == 0) return sage_flaw_set(flaw, "no-query", "the row has no query");
    if (r->value[PRODUCT_ID].len == 0) return sage_flaw_set(flaw, "no-product-id", "the row has no product_id");
    flaw->column = r->column[QUERY];
    if (r->value[QUERY].len > QUERY_MAX)
        return sage_flaw_set(flaw, "query-too-long", "query \"%s\" is longer than %d bytes",
                             sage_show(r->value[QUERY]).text, QUERY_MAX);
    flaw->column = r->column[PRODUCT_ID];
    if (r->value[PRODUCT_ID].len > ID_MAX)
        return sage_flaw_set(flaw, "bad-product-id", "product_id \"%s\" is longer than %d bytes",
                             sage_show(r->value[PRODUCT_ID]).text, ID_MAX);
    return true;
}

static bool take_grade(reader *r, sage_flaw *flaw) {
    char copy[NUMBER_MAX], *end;
    sage_str text = r->value[GRADE];
    if (text.len == 0) return sage_flaw_set(flaw, "no-grade", "the row has no grade");
    flaw->column = r->column[GRADE];
    bool fits = text.len < sizeof copy;
    if (fits) {
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
        r->grade = strtod(copy, &end);
        fits = strspn(copy, "0123456789+-.eE") == text.len && *end == '\0' && r->grade >= 0 && r->grade <= GRADE_MAX;
    }
    return fits ||
           sage_flaw_set(flaw, "bad-grade", "grade \"%s\" is no number from 0 to 1000000", sage_show(text).text);
}

static sage_status take(reader *r, const sage_feed_row *row, sage_flaw *flaw, sage_error *error) {
    *flaw = (sage_flaw){0};
    if (!gather(r, row, flaw) || !take_texts(r, flaw) || !take_grade(r, flaw)) return SAGE_OK;
    sage_buf_clear(&r->key);
    sage_status st = sage_normalise(r->value[QUERY].data, r->value[QUERY].len, &r->key, error);
    if (st == SAGE_OK && r->key.len == 0) {
        flaw->column = r->column[QUERY];
        sage_flaw_set(flaw, "empty-query", "nothing is left of the query \"%s\" when it is normalised",
                      sage_show(r->value[QUERY]).text);
    }
    return st;
}

static void tell(const sage_import *import, size_t line, size_t column, const char *detail) {
    if (import->report->rejected > TOLD_MAX) return;
    if (column > 0)
        sage_warn(import->monitor, "%s:%zu:%zu: left out: %s", import->source, line, column, detail);
    else
        sage_warn(import->monitor, "%s:%zu: left out: %s", import->source, line, detail);
}

static sage_status refuse(sage_import *import, const sage_feed_row *row, const sage_flaw *flaw, sage_error *error) {
    sage_status st =
        flaw != NULL ? sage_import_reject_row(import, row, flaw, error) : sage_import_reject_unread(import, row, error);
    if (st != SAGE_OK) return st;
    if (flaw != NULL)
        tell(import, row->line, flaw->column, flaw->detail);
    else
        tell(import, row->reject_line > 0 ? row->reject_line : row->line, row->reject_column, row->reject_detail);
    return SAGE_OK;
}

static sage_status read_rows(reader *r, sage_feed *feed, sage_import *import, sage_judgement_fn fn, void *ctx,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_feed_row *row = NULL;
    sage_flaw flaw;
    for (;;) {
        SAGE_TRY(sage_feed_next(feed, &row, error));
        if (row == NULL) break;
        import->report->rows++;
        if (row->reject == NULL) SAGE_TRY(take(r, row, &flaw, error));
        if (row->reject != NULL || flaw.reason != NULL) {
            SAGE_TRY(refuse(import, row, row->reject != NULL ? NULL : &flaw, error));
        } else {
            const sage_feed_judgement judgement = {{r->key.data, r->key.len}, r->value[PRODUCT_ID], r->grade};
            SAGE_TRY(fn(ctx, &judgement, error));
            import->report->added++;
        }
        SAGE_TRY(sage_import_tick(import, error));
    }
    const char *unseen = sage_map_unseen(&r->map);
    if (unseen != NULL) sage_warn(import->monitor, "%s: no row has \"%s\", which --map names", import->source, unseen);
out:
    return st;
}

sage_status sage_scan_judgements(const char *file, const char *map, sage_judgement_fn fn, void *ctx,
                                 const sage_monitor *monitor, sage_import_report *report, sage_error *error) {
    static const char *const needed[] = {"query", "product_id", "grade"};
    sage_status st = SAGE_OK;
    sage_feed *feed = NULL;
    sage_import import = {0};
    reader r = {.grade = 0};
    sage_buf_init(&r.key, 64 * QUERY_MAX);
    SAGE_TRY(sage_import_begin(&import, NULL, "read", monitor, report, error));
    import.source = file;
    SAGE_TRY(sage_map_init(&r.map, names, sizeof names / sizeof *names, map, error));
    SAGE_TRY(sage_feed_open(file, SAGE_FEED_AUTO, &feed, error));
    SAGE_TRY(sage_map_check_header(&r.map, feed, file, error));
    for (size_t i = 0; i < FIELDS; i++) SAGE_TRY(sage_map_require(&r.map, feed, file, needed[i], error));
    SAGE_TRY(read_rows(&r, feed, &import, fn, ctx, error));
out:
    sage_import_end(&import);
    sage_feed_close(feed);
    sage_buf_free(&r.key);
    return st;
}
