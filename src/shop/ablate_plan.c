#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <inttypes.h>
#include <itemsage/itemsage.h>
#include <shop/ablate_plan.h>
#include <shop/ablate_rows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <train/run_file.h>
#include <xxhash.h>

/* ---- options ---- */

/* NULL: no memory. The time that a run may take is no part of what run.json compares, but of what comes out. */
static char *identity_of(const sage_options *options) {
    json_t *texts = sage_run_options(options);
    char *printed = NULL, *identity = NULL;
    if (texts != NULL && json_object_del(texts, "train_seed") == 0 &&
        json_object_set_new(texts, "minutes", json_string(sage_options_text(options, "minutes"))) == 0)
        printed = json_dumps(texts, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(texts);
    if (printed != NULL) identity = sage_strdup(printed);
    free(printed);
    return identity;
}

char *sage_plan_settings(const sage_options *options) {
    sage_buf text;
    const sage_option *row;
    json_t *texts = sage_run_options(options);
    sage_status st = texts != NULL ? SAGE_OK : SAGE_E_MEMORY;
    sage_buf_init(&text, 1 << 16);
    for (size_t i = 0; st == SAGE_OK && (row = sage_options_row(options, i)) != NULL; i++) {
        if (!sage_options_is_set(options, row->key) || strcmp(row->key, "train_seed") == 0) continue;
        if (json_object_get(texts, row->key) == NULL) continue;
        st = sage_buf_printf(&text, NULL, "%s%s=%s", text.len > 0 ? " " : "", row->key,
                             sage_options_text(options, row->key));
    }
    json_decref(texts);
    char *copy = st == SAGE_OK ? sage_strndup(text.len > 0 ? text.data : "", text.len) : NULL;
    sage_buf_free(&text);
    return copy;
}

void sage_plan_key(const char *dataset_print, const sage_plan_variant *variant, size_t seed,
                   char key[SAGE_PRINT_TEXT]) {
    char number[32];
    XXH3_state_t *state = XXH3_createState();
    XXH128_hash_t hash = {0, 0};
    snprintf(number, sizeof number, " %zu %s ", seed, ITEMSAGE_VERSION);
    if (state != NULL) {
        XXH3_128bits_reset(state);
        XXH3_128bits_update(state, dataset_print, strlen(dataset_print));
        XXH3_128bits_update(state, number, strlen(number));
        XXH3_128bits_update(state, variant->identity, strlen(variant->identity));
        hash = XXH3_128bits_digest(state);
    }
    XXH3_freeState(state);
    snprintf(key, SAGE_PRINT_TEXT, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

/* ---- variants ---- */

/* The one with these options, a new one where there is none. Takes the options. */
static sage_status variant_of(sage_plan *plan, sage_options *options, const char *label, size_t *variant,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    char *identity = identity_of(options);
    if (identity == NULL) SAGE_TRY(sage_fail_memory(error, 1 << 14));
    for (*variant = 0; *variant < plan->n_variants; ++*variant)
        if (strcmp(plan->variants[*variant].identity, identity) == 0) goto out;
    if (plan->n_variants == SAGE_PLAN_VARIANTS_MAX)
        SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "at most %d variants", SAGE_PLAN_VARIANTS_MAX));
    sage_plan_variant *made = &plan->variants[plan->n_variants];
    if ((made->label = sage_strdup(label)) == NULL) SAGE_TRY(sage_fail_memory(error, strlen(label)));
    made->options = options;
    made->identity = identity;
    options = NULL;
    identity = NULL;
    plan->n_variants++;
out:
    sage_options_free(options);
    sage_free(identity);
    return st;
}

static sage_status add_row(sage_plan *plan, sage_plan_table *table, const sage_row_text *text, const sage_options *base,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    sage_options *options = NULL;
    if (table->n_rows == SAGE_ABLATE_ROWS_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a table has at most %d rows", SAGE_ABLATE_ROWS_MAX);
    sage_plan_row *row = &table->rows[table->n_rows++];
    row->name = sage_strdup(text->name);
    row->settings = sage_row_shown(text);
    if (row->name == NULL || row->settings == NULL) return sage_fail_memory(error, sizeof *text);
    SAGE_TRY(sage_row_options(text, base, &options, error));
    st = variant_of(plan, options, row->settings[0] != '\0' ? row->settings : "base", &row->variant, error);
out:
    return st;
}

/* The base stands first where it is none of the rows. */
static sage_status put_base_in(sage_plan *plan, sage_plan_table *table, const sage_options *base, sage_error *error) {
    static const sage_row_text as_set = {.name = "as set"};
    for (size_t r = 0; r < table->n_rows; r++)
        if (table->rows[r].variant == 0) return SAGE_OK;
    sage_status st = add_row(plan, table, &as_set, base, error);
    if (st != SAGE_OK) return st;
    sage_plan_row own = table->rows[table->n_rows - 1];
    memmove(table->rows + 1, table->rows, (table->n_rows - 1) * sizeof own);
    table->rows[0] = own;
    return SAGE_OK;
}

static sage_status add_table(sage_plan *plan, const sage_table_text *text, const sage_options *base,
                             const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_plan_table *table = &plan->tables[plan->n_tables++];
    table->name = text->name;
    table->title = text->title;
    for (size_t r = 0; r < text->n_rows; r++) {
        SAGE_TRY(add_row(plan, table, &text->rows[r], base, error));
        if (table->rows[r].variant == 0 && strcmp(text->name, "rows") == 0)
            sage_note(monitor, "row '%s' changes nothing that a model is made of: it is the base", text->rows[r].name);
    }
    SAGE_TRY(put_base_in(plan, table, base, error));
out:
    return st;
}

sage_status sage_plan_check(const sage_ablate_options *wanted, const sage_options *base, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_row_text row;
    SAGE_TRY(sage_tables_check(wanted->tables, error));
    for (size_t r = 0; r < wanted->n_rows; r++) {
        sage_options *options = NULL;
        SAGE_TRY(sage_row_parse(wanted->rows[r], &row, error));
        SAGE_TRY(sage_row_options(&row, base, &options, error));
        sage_options_free(options);
    }
out:
    return st;
}

sage_status sage_plan_make(const sage_ablate_options *wanted, const sage_options *base, const sage_dataset *dataset,
                           const sage_monitor *monitor, sage_plan **plan, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_options *own = NULL;
    size_t first;
    sage_table_text *text = sage_alloc_zero(1, sizeof *text);
    sage_plan *p = *plan = sage_alloc_zero(1, sizeof *p);
    if (p == NULL || text == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *p));
    SAGE_TRY(sage_options_copy(base, &own, error));
    SAGE_TRY(variant_of(p, own, "base", &first, error));
    for (size_t t = 0; t < SAGE_PLAN_TABLES_MAX; t++) {
        bool fits = false;
        SAGE_TRY(sage_table_read(t, wanted, base, dataset, monitor, text, &fits, error));
        if (fits) SAGE_TRY(add_table(p, text, base, monitor, error));
    }
    if (p->n_tables == 0)
        st = sage_fail(error, SAGE_E_STATE,
                       "no table fits this shop; import what it lacks, or give rows of your own with --row");
out:
    sage_free(text);
    return st;
}

void sage_plan_free(sage_plan *plan) {
    if (plan == NULL) return;
    for (size_t t = 0; t < plan->n_tables; t++) {
        for (size_t r = 0; r < plan->tables[t].n_rows; r++) {
            sage_free(plan->tables[t].rows[r].name);
            sage_free(plan->tables[t].rows[r].settings);
        }
    }
    for (size_t v = 0; v < plan->n_variants; v++) {
        sage_options_free(plan->variants[v].options);
        sage_free(plan->variants[v].identity);
        sage_free(plan->variants[v].label);
    }
    sage_free(plan);
}
