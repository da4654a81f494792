#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/import_attributes.h>
#include <catalog/price.h>
#include <io/json.h>
#include <shop/index_columns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- which columns there are ---- */

typedef enum built_in {
    AVAILABILITY,
    PRICE,
    SALE_PRICE,
    CURRENCY,
    GROUP,
    FIRST_FIELD, /* then those of `fields` */
    N_FIELDS = 9,
    BUILT_IN = FIRST_FIELD + N_FIELDS
} built_in;

static const sage_field fields[N_FIELDS] = {SAGE_BRAND,   SAGE_CATEGORY, SAGE_TYPE,      SAGE_COLOR, SAGE_MATERIAL,
                                            SAGE_PATTERN, SAGE_SIZE,     SAGE_SIZE_TYPE, SAGE_DOMAIN};

_Static_assert((int)BUILT_IN == (int)SAGE_COLUMNS_BUILT_IN, "all of them are known");

struct sage_product_columns {
    sage_columns_writer *writer;
    sage_attribute_name *attributes; /* [n] ascending by name */
    size_t n;
    size_t *columns;                          /* [n] of the attributes; SIZE_MAX: left out */
    sage_column_spec specs[SAGE_COLUMNS_MAX]; /* [n_specs]; names live in `attributes` */
    size_t n_specs;
};

static size_t built_in_specs(sage_column_spec *specs) {
    specs[AVAILABILITY] = (sage_column_spec){"availability", SAGE_COLUMN_WORDS};
    specs[PRICE] = (sage_column_spec){"price", SAGE_COLUMN_PRICE};
    specs[SALE_PRICE] = (sage_column_spec){"sale_price", SAGE_COLUMN_PRICE};
    specs[CURRENCY] = (sage_column_spec){"currency", SAGE_COLUMN_WORDS};
    specs[GROUP] = (sage_column_spec){"item_group_id", SAGE_COLUMN_WORDS};
    for (size_t i = 0; i < N_FIELDS; i++)
        specs[FIRST_FIELD + i] = (sage_column_spec){sage_field_names[fields[i]], SAGE_COLUMN_WORDS};
    return BUILT_IN;
}

static sage_column_kind kind_of(sage_attribute_type type) {
    return type == SAGE_TEXT ? SAGE_COLUMN_WORDS : type == SAGE_BOOL ? SAGE_COLUMN_BOOL : SAGE_COLUMN_NUMBER;
}

static bool is_taken(const sage_column_spec *specs, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(specs[i].name, name) == 0) return true;
    return false;
}

sage_status sage_product_columns_new(sage_catalog *catalog, const char *dir, const sage_monitor *monitor,
                                     sage_product_columns **columns, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t left_out;
    *columns = NULL;
    sage_product_columns *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(sage_attributes_list(catalog, SAGE_COLUMNS_MAX - BUILT_IN, &made->attributes, &made->n, &left_out, error));
    if (left_out > 0)
        sage_warn(monitor, "%zu attributes that few products have cannot be filtered by: an index has %d columns",
                  left_out, SAGE_COLUMNS_MAX);
    made->columns = sage_alloc((made->n + 1) * sizeof *made->columns);
    if (made->columns == NULL) SAGE_TRY(sage_fail_memory(error, made->n * sizeof *made->columns));
    made->n_specs = built_in_specs(made->specs);
    for (size_t i = 0; i < made->n; i++) {
        const sage_attribute_name *attribute = &made->attributes[i];
        made->columns[i] = is_taken(made->specs, made->n_specs, attribute->name) ? SIZE_MAX : made->n_specs;
        /* An attribute "currency" stands beside prices that name theirs: the column says the same. */
        if (made->columns[i] == SIZE_MAX && strcasecmp(attribute->name, made->specs[CURRENCY].name) != 0)
            sage_warn(
                monitor,
                "the attribute %s cannot be filtered by: filters have a column of that name, made of other fields; "
                "rename it in the feed",
                attribute->name);
        if (made->columns[i] == made->n_specs)
            made->specs[made->n_specs++] = (sage_column_spec){attribute->name, kind_of(attribute->type)};
    }
    SAGE_TRY(sage_columns_create(dir, made->specs, made->n_specs, &made->writer, error));
    *columns = made;
    made = NULL;
out:
    sage_product_columns_free(made);
    return st;
}

/* ---- one product ---- */

static double whole_units(int64_t minor, const char *currency) {
    int decimals = sage_currency_decimals(currency);
    double units = 1;
    for (int i = 0; i < decimals; i++) units *= 10;
    return (double)minor / units;
}

static sage_status to_writer(void *ctx, size_t column, sage_str word, sage_error *error) {
    return sage_columns_word(ctx, column, word, error);
}

static void number_to_writer(void *ctx, size_t column, double number) {
    sage_columns_number(ctx, column, number);
}

/* The parts between the marks, where there are several. */
static sage_status add_parts(const sage_column_sink *sink, size_t column, sage_str text, const char *marks,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t begin = 0, end; begin < text.len; begin = end + 1) {
        for (end = begin; end < text.len && strchr(marks, text.data[end]) == NULL;) end++;
        if (begin == 0 && end == text.len) break;
        SAGE_TRY(sink->word(sink->ctx, column, (sage_str){text.data + begin, end - begin}, error));
    }
out:
    return st;
}

static sage_status add_built_in(const sage_column_sink *sink, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    if (row->price_minor >= 0) sink->number(sink->ctx, PRICE, whole_units(row->price_minor, row->currency));
    if (row->sale_price_minor >= 0)
        sink->number(sink->ctx, SALE_PRICE, whole_units(row->sale_price_minor, row->currency));
    SAGE_TRY(sink->word(sink->ctx, CURRENCY, (sage_str){row->currency, strlen(row->currency)}, error));
    SAGE_TRY(sink->word(sink->ctx, AVAILABILITY, row->availability, error));
    SAGE_TRY(sink->word(sink->ctx, GROUP, row->item_group_id, error));
    for (size_t i = 0; i < N_FIELDS; i++) {
        const sage_str text = row->fields[fields[i]];
        SAGE_TRY(sink->word(sink->ctx, FIRST_FIELD + i, text, error));
        if (fields[i] == SAGE_COLOR || fields[i] == SAGE_MATERIAL)
            SAGE_TRY(add_parts(sink, FIRST_FIELD + i, text, "/,", error));
    }
out:
    return st;
}

static bool is_one_of(const char *text, const char *a, const char *b) {
    return strcasecmp(text, a) == 0 || strcasecmp(text, b) == 0;
}

static sage_status add_value(const sage_column_sink *sink, size_t column, sage_column_kind kind, const char *text,
                             sage_error *error) {
    const bool yes = is_one_of(text, "true", "yes"), no = is_one_of(text, "false", "no");
    switch (kind) {
    case SAGE_COLUMN_BOOL:
        return yes || no ? sink->word(sink->ctx, column, yes ? SAGE_STR("true") : SAGE_STR("false"), error) : SAGE_OK;
    case SAGE_COLUMN_NUMBER: sink->number(sink->ctx, column, yes ? 1 : no ? 0 : strtod(text, NULL)); return SAGE_OK;
    default: return sink->word(sink->ctx, column, (sage_str){text, strlen(text)}, error);
    }
}

/* Which column an attribute has, and of which kind; SIZE_MAX: none. */
typedef size_t (*column_fn)(const void *ctx, const char *name, sage_column_kind *kind);

static sage_status add_attributes(const sage_column_sink *sink, const sage_product_row *row, column_fn column_of,
                                  const void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *root = NULL, *values;
    const char *name;
    if (row->attributes.len == 0) return SAGE_OK;
    SAGE_TRY(sage_json_parse(row->attributes.data, row->attributes.len, "attributes", &root, error));
    json_object_foreach(root, name, values) {
        sage_column_kind kind = SAGE_COLUMN_WORDS;
        const size_t column = column_of(ctx, name, &kind), n = json_is_array(values) ? json_array_size(values) : 1;
        for (size_t i = 0; column != SIZE_MAX && i < n; i++) {
            const char *text = json_string_value(json_is_array(values) ? json_array_get(values, i) : values);
            if (text != NULL) SAGE_TRY(add_value(sink, column, kind, text, error));
        }
    }
out:
    json_decref(root);
    return st;
}

/* ---- of a version under construction ---- */

static int by_name(const void *name, const void *attribute) {
    return strcmp(name, ((const sage_attribute_name *)attribute)->name);
}

static size_t column_of_attribute(const void *ctx, const char *name, sage_column_kind *kind) {
    const sage_product_columns *c = ctx;
    const sage_attribute_name *found =
        c->n > 0 ? bsearch(name, c->attributes, c->n, sizeof *c->attributes, by_name) : NULL;
    if (found == NULL) return SIZE_MAX;
    *kind = kind_of(found->type);
    return c->columns[found - c->attributes];
}

sage_status sage_product_columns_add(sage_product_columns *columns, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_column_sink sink = {number_to_writer, to_writer, columns->writer};
    SAGE_TRY(add_built_in(&sink, row, error));
    SAGE_TRY(add_attributes(&sink, row, column_of_attribute, columns, error));
    st = sage_columns_row(columns->writer, error);
out:
    return st;
}

/* ---- a product that is as it was ---- */

bool sage_product_columns_fit(const sage_product_columns *columns, const sage_columns *before) {
    if (before == NULL || sage_columns_count(before) != columns->n_specs) return false;
    for (size_t i = 0; i < columns->n_specs; i++) {
        const sage_column *column = sage_columns_at(before, i);
        const sage_str name = {columns->specs[i].name, strlen(columns->specs[i].name)};
        if (column->kind != columns->specs[i].kind || !sage_str_equal(column->name, name)) return false;
    }
    return true;
}

sage_status sage_product_columns_carry(sage_product_columns *columns, const sage_columns *before, size_t row,
                                       sage_error *error) {
    return sage_columns_carry(columns->writer, before, row, error);
}

sage_status sage_product_columns_finish(sage_product_columns *columns, sage_error *error) {
    sage_status st = sage_columns_finish(columns->writer, error);
    columns->writer = NULL;
    sage_product_columns_free(columns);
    return st;
}

void sage_product_columns_free(sage_product_columns *columns) {
    if (columns == NULL) return;
    sage_columns_abandon(columns->writer);
    sage_free(columns->attributes);
    sage_free(columns->columns);
    sage_free(columns);
}

/* ---- of one that is open ---- */

void sage_known_columns_find(const sage_columns *columns, sage_known_columns *known) {
    sage_column_spec specs[BUILT_IN];
    known->columns = columns;
    for (size_t i = built_in_specs(specs); i-- > 0;) {
        const sage_column *column =
            columns != NULL ? sage_columns_find(columns, (sage_str){specs[i].name, strlen(specs[i].name)}) : NULL;
        known->built_in[i] = column != NULL ? (size_t)(column - sage_columns_at(columns, 0)) : SIZE_MAX;
    }
}

/* Of attributes that an index has, names are equal to the letter. */
static size_t known_column(const void *ctx, const char *name, sage_column_kind *kind) {
    const sage_known_columns *known = ctx;
    const sage_column *column = sage_columns_find(known->columns, (sage_str){name, strlen(name)});
    if (column == NULL || !sage_str_equal(column->name, (sage_str){name, strlen(name)})) return SIZE_MAX;
    const size_t number = (size_t)(column - sage_columns_at(known->columns, 0));
    for (size_t i = 0; i < BUILT_IN; i++)
        if (known->built_in[i] == number) return SIZE_MAX;
    *kind = column->kind;
    return number;
}

/* Built-in ones by their places in this version. */
typedef struct placed {
    const sage_known_columns *known;
    const sage_column_sink *sink;
} placed;

static void number_to_place(void *ctx, size_t column, double number) {
    const placed *p = ctx;
    if (p->known->built_in[column] != SIZE_MAX) p->sink->number(p->sink->ctx, p->known->built_in[column], number);
}

static sage_status word_to_place(void *ctx, size_t column, sage_str word, sage_error *error) {
    const placed *p = ctx;
    if (p->known->built_in[column] == SIZE_MAX) return SAGE_OK;
    return p->sink->word(p->sink->ctx, p->known->built_in[column], word, error);
}

sage_status sage_known_columns_give(const sage_known_columns *known, const sage_product_row *row,
                                    const sage_column_sink *sink, sage_error *error) {
    sage_status st = SAGE_OK;
    placed p = {known, sink};
    const sage_column_sink places = {number_to_place, word_to_place, &p};
    if (known->columns == NULL) return SAGE_OK;
    SAGE_TRY(add_built_in(&places, row, error));
    SAGE_TRY(add_attributes(sink, row, known_column, known, error));
out:
    return st;
}
