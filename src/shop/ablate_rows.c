#include <base/alloc.h>
#include <base/error.h>
#include <shop/ablate_rows.h>
#include <stdio.h>
#include <string.h>

/* ---- one row ---- */

static sage_status no_row(const char *text, sage_error *error) {
    return sage_fail(error, SAGE_E_ARGUMENT, "'%.200s' is no row; write name:key=value,key=value", text);
}

sage_status sage_row_parse(const char *text, sage_row_text *row, sage_error *error) {
    const char *colon = strchr(text, ':');
    size_t name = colon != NULL ? (size_t)(colon - text) : 0, len = colon != NULL ? strlen(colon + 1) : 0;
    *row = (sage_row_text){.name = ""};
    if (name == 0 || name >= sizeof row->name || memchr(text, '=', name) != NULL) return no_row(text, error);
    if (len + 2 > sizeof row->settings || strchr(colon + 1, '=') == NULL) return no_row(text, error);
    memcpy(row->name, text, name);
    memcpy(row->settings, colon + 1, len);
    char *begin = row->settings;
    for (char *comma = strchr(begin, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        const char *next = strchr(comma + 1, ',');
        size_t piece = next != NULL ? (size_t)(next - comma - 1) : strlen(comma + 1);
        if (memchr(comma + 1, '=', piece) != NULL) *comma = '\0';
    }
    return row->settings[0] != '\0' ? SAGE_OK : no_row(text, error);
}

static const char *next_setting(const char *setting) {
    return setting + strlen(setting) + 1;
}

char *sage_row_shown(const sage_row_text *row) {
    size_t n = 0;
    char *shown = sage_alloc_zero(1, sizeof row->settings);
    for (const char *s = row->settings; shown != NULL && *s != '\0'; s = next_setting(s))
        n += (size_t)snprintf(shown + n, sizeof row->settings - n, "%s%s", n > 0 ? " " : "", s);
    return shown;
}

sage_status sage_row_options(const sage_row_text *row, const sage_options *base, sage_options **options,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error fault = {0};
    *options = NULL;
    SAGE_TRY(sage_options_copy(base, options, error));
    for (const char *s = row->settings; *s != '\0' && st == SAGE_OK; s = next_setting(s))
        st = sage_options_set(*options, s, &fault);
    if (st != SAGE_OK) SAGE_TRY(sage_fail(error, st, "row '%s': %s", row->name, fault.text));
    if (sage_options_int(*options, "train_seed") != sage_options_int(base, "train_seed"))
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT,
                           "row '%s': every row is trained with the seeds 1 to N of --seeds; leave out train_seed",
                           row->name));
    if (sage_options_int(*options, "from") > 0 || sage_options_int(*options, "keep_products") > 0)
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT,
                           "an ablation trains every model from the beginning; leave out from and keep_products"));
out:
    if (st != SAGE_OK) {
        sage_options_free(*options);
        *options = NULL;
    }
    return st;
}

/* ---- tables ---- */

typedef struct fixed_table {
    const char *name, *title;
    const char *rows[SAGE_ROW_SETTINGS]; /* as sage_row_parse reads them; NULL ends them */
} fixed_table;

enum { INPUTS, ENCODER, NEGATIVES, LOGQ, TASKS, ROWS };
static const fixed_table tables[SAGE_PLAN_TABLES_MAX] = {
    [INPUTS] = {"inputs",
                "What of a product is read",
                {"texts alone:inputs=text", "pictures alone:inputs=pictures", "both:inputs=all", NULL}},
    [ENCODER] = {"encoder",
                 "How a product's tokens become one vector",
                 {"sum:encoder=sum,encoder_layers=1", "sum and MLP:encoder=sum_mlp,encoder_layers=1",
                  "concatenation and MLP:encoder=concat_mlp,encoder_layers=1",
                  "transformer, 1 layer:encoder=transformer,encoder_layers=1",
                  "transformer, 2 layers:encoder=transformer,encoder_layers=2", NULL}},
    [NEGATIVES] = {"negatives",
                   "Which negatives a softmax is over",
                   {"in-batch:softmaxes=in_batch", "random:softmaxes=random", "both, two softmaxes:softmaxes=both",
                    "both, one softmax:softmaxes=concat", NULL}},
    [LOGQ] = {"logq",
              "Correction of in-batch negatives by how often they are drawn",
              {"off:log_q=off", "exact:log_q=exact", NULL}},
    [TASKS] = {"tasks", "What is trained on: one task alone, or all", {NULL}},
    [ROWS] = {"rows", "Rows of your own", {NULL}},
};

static bool is_named(const char *name, const char *at, size_t len) {
    return name != NULL && strlen(name) == len && memcmp(name, at, len) == 0;
}

static bool is_wanted(size_t t, const sage_ablate_options *wanted) {
    if (t == ROWS) return wanted->n_rows > 0;
    if (wanted->tables == NULL) return tables[t].name != NULL && wanted->n_rows == 0;
    for (const char *at = wanted->tables;; at += strcspn(at, ",") + 1) {
        size_t len = strcspn(at, ",");
        if (is_named(tables[t].name, at, len)) return true;
        if (at[len] == '\0') return false;
    }
}

static sage_status no_table(const char *name, size_t len, sage_error *error) {
    char known[128] = "";
    for (size_t t = 0; t < ROWS; t++) {
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", at > 0 ? ", " : "", tables[t].name);
    }
    return sage_fail(error, SAGE_E_ARGUMENT, "no table '%.*s'; there are %s", (int)len, name, known);
}

sage_status sage_tables_check(const char *list, sage_error *error) {
    for (const char *at = list; at != NULL; at += strcspn(at, ",") + 1) {
        size_t len = strcspn(at, ","), t = 0;
        while (t < ROWS && !is_named(tables[t].name, at, len)) t++;
        if (t == ROWS) return no_table(at, len, error);
        if (at[len] == '\0') break;
    }
    return SAGE_OK;
}

static sage_status add_text(sage_table_text *table, const char *text, sage_error *error) {
    if (table->n_rows == SAGE_ABLATE_ROWS_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a table has at most %d rows", SAGE_ABLATE_ROWS_MAX);
    return sage_row_parse(text, &table->rows[table->n_rows++], error);
}

/* What a batch holds says which tasks are trained on, and whether negatives are drawn at all. */
typedef struct first_batch {
    bool trained[SAGE_TASKS], whole_catalogue;
    size_t n_trained;
} first_batch;

static sage_status look_at_batch(const sage_options *base, const sage_dataset *dataset, first_batch *first,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *sampler = NULL;
    const sage_batch *batch;
    *first = (first_batch){.n_trained = 0};
    SAGE_TRY(sage_sampler_new(dataset, base, NULL, 1, &sampler, error));
    SAGE_TRY(sage_sampler_batch(sampler, 0, &batch, error));
    first->whole_catalogue = batch->full_catalogue;
    for (size_t i = 0; i < batch->n_pairs; i++)
        if (batch->task[i] < SAGE_TASKS) first->trained[batch->task[i]] = true;
    for (unsigned t = 0; t < SAGE_TASKS; t++) first->n_trained += first->trained[t];
out:
    sage_sampler_free(sampler);
    return st;
}

static sage_status read_tasks(const first_batch *first, sage_table_text *table, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(add_text(table, "all:tasks=all", error));
    for (unsigned t = 0; t < SAGE_TASKS; t++) {
        char name[32], text[96];
        if (!first->trained[t]) continue;
        sage_task_name(t, name);
        snprintf(text, sizeof text, "%s alone:tasks=%s", name, name);
        SAGE_TRY(add_text(table, text, error));
    }
out:
    return st;
}

/* Why a table says nothing about this dataset; NULL: it does. */
static const char *unfit(size_t t, const sage_dataset *dataset, const first_batch *first) {
    if (t == INPUTS && sage_dataset_image_dim(dataset) == 0) return "the shop has no vectors of pictures";
    if ((t == LOGQ || t == NEGATIVES) && first->whole_catalogue)
        return "every step scores the whole catalogue, so nothing is drawn; set a smaller batch to compare";
    if (t == TASKS && first->n_trained < 2) return "fewer than two tasks are trained on";
    return NULL;
}

sage_status sage_table_read(size_t t, const sage_ablate_options *wanted, const sage_options *base,
                            const sage_dataset *dataset, const sage_monitor *monitor, sage_table_text *table,
                            bool *fits, sage_error *error) {
    sage_status st = SAGE_OK;
    first_batch first = {.n_trained = 0};
    *fits = is_wanted(t, wanted);
    if (!*fits) return SAGE_OK;
    memset(table, 0, sizeof *table);
    table->name = tables[t].name;
    table->title = tables[t].title;
    if (t != ROWS) SAGE_TRY(look_at_batch(base, dataset, &first, error));
    const char *why = t != ROWS ? unfit(t, dataset, &first) : NULL;
    if (why != NULL) sage_note(monitor, "table %s is left out: %s", table->name, why);
    *fits = why == NULL;
    if (t == TASKS && *fits) SAGE_TRY(read_tasks(&first, table, error));
    for (size_t r = 0; *fits && tables[t].rows[r] != NULL; r++) SAGE_TRY(add_text(table, tables[t].rows[r], error));
    for (size_t r = 0; t == ROWS && r < wanted->n_rows; r++) SAGE_TRY(add_text(table, wanted->rows[r], error));
out:
    return st;
}
