#include <base/alloc.h>
#include <base/error.h>
#include <index/columns_file.h>
#include <index/columns_impl.h>
#include <string.h>
#include <strings.h>

const char *const sage_column_kind_names[SAGE_COLUMN_KINDS] = {"number", "price", "words", "bool"};

static sage_status misfit(sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "the sizes of its filter columns do not fit each other");
}

typedef struct parts {
    const sage_column_record *records;
    const double *numbers;
    const uint32_t *codes;
    const sage_column_word *words;
    size_t n_numbers, n_codes, n_words; /* n_numbers and n_codes in columns */
} parts;

static bool take_column(const sage_columns *c, const parts *p, const sage_column_record *record, sage_column *column) {
    const bool number = sage_column_is_number(record->kind);
    if (record->kind >= SAGE_COLUMN_KINDS || record->name > record->name_end || record->name_end > c->n_texts ||
        record->at >= (number ? p->n_numbers : p->n_codes) || record->first_word > p->n_words ||
        record->words > p->n_words - record->first_word || record->words >= SAGE_WORD_LIST)
        return false;
    *column = (sage_column){.name = {c->texts + record->name, (size_t)(record->name_end - record->name)},
                            .kind = (sage_column_kind)record->kind,
                            .words = p->words + record->first_word,
                            .n_words = (size_t)record->words};
    if (number)
        column->numbers = p->numbers + (size_t)record->at * c->rows;
    else
        column->codes = p->codes + (size_t)record->at * c->rows;
    return true;
}

/* Elements of a section, as columns of `rows`. */
static sage_status get_columns(const sage_columns *c, const char *name, size_t element_bytes, const void **data,
                               size_t *n_columns, sage_error *error) {
    size_t n;
    sage_status st = sage_packed_get(c->file, name, element_bytes, data, &n, error);
    if (st != SAGE_OK) return st;
    *n_columns = c->rows > 0 ? n / c->rows : SAGE_COLUMNS_MAX;
    return c->rows > 0 && n % c->rows != 0 ? misfit(error) : SAGE_OK;
}

static sage_status read_sections(sage_columns *c, size_t rows, parts *p, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *data;
    size_t n;
    sage_columns_shape shape;
    SAGE_TRY(sage_packed_get(c->file, "shape", sizeof shape, &data, &n, error));
    if (n != 1) return misfit(error);
    memcpy(&shape, data, sizeof shape);
    SAGE_TRY(sage_packed_get(c->file, "columns", sizeof *p->records, &data, &c->n, error));
    p->records = data;
    if (shape.rows != rows || shape.columns != c->n || c->n > SAGE_COLUMNS_MAX) return misfit(error);
    c->rows = rows;
    SAGE_TRY(get_columns(c, "numbers", sizeof *p->numbers, &data, &p->n_numbers, error));
    p->numbers = data;
    SAGE_TRY(get_columns(c, "codes", sizeof *p->codes, &data, &p->n_codes, error));
    p->codes = data;
    SAGE_TRY(sage_packed_get(c->file, "lists", sizeof *c->lists, &data, &c->n_lists, error));
    c->lists = data;
    SAGE_TRY(sage_packed_get(c->file, "words", sizeof *p->words, &data, &p->n_words, error));
    p->words = data;
    SAGE_TRY(sage_packed_get(c->file, "texts", 1, &data, &c->n_texts, error));
    c->texts = data;
out:
    return st;
}

static sage_status take_columns(sage_columns *c, const parts *p, sage_error *error) {
    for (size_t i = 0; i < c->n; i++)
        if (!take_column(c, p, &p->records[i], &c->columns[i])) return misfit(error);
    return SAGE_OK;
}

sage_status sage_columns_open(const char *path, size_t rows, bool verify, sage_columns **columns, sage_error *error) {
    sage_status st = SAGE_OK;
    parts p = {0};
    *columns = NULL;
    sage_error inner = {0};
    sage_columns *c = sage_alloc_zero(1, sizeof *c);
    if (c == NULL) return sage_fail_memory(error, sizeof *c);
    c->columns = sage_alloc_zero(SAGE_COLUMNS_MAX, sizeof *c->columns);
    if (c->columns == NULL) SAGE_TRY(sage_fail_memory(error, SAGE_COLUMNS_MAX * sizeof *c->columns));
    SAGE_TRY(sage_packed_open(path, SAGE_COLUMNS_MAGIC, SAGE_COLUMNS_VERSION, verify, &c->file, error));
    st = read_sections(c, rows, &p, &inner);
    if (st == SAGE_OK) st = take_columns(c, &p, &inner);
    if (st != SAGE_OK) {
        sage_fail(error, st, "%s is damaged: %s; run 'itemsage index' to build it again", path, inner.text);
        goto out;
    }
    *columns = c;
    c = NULL;
out:
    sage_columns_close(c);
    return st;
}

sage_status sage_columns_verify(const sage_columns *columns, const sage_monitor *monitor, sage_error *error) {
    return sage_packed_verify(columns->file, monitor, error);
}

void sage_columns_close(sage_columns *columns) {
    if (columns == NULL) return;
    sage_packed_close(columns->file);
    sage_free(columns->columns);
    sage_free(columns);
}

size_t sage_columns_count(const sage_columns *columns) {
    return columns->n;
}

size_t sage_columns_rows(const sage_columns *columns) {
    return __atomic_load_n(&columns->rows, __ATOMIC_ACQUIRE);
}

const sage_column *sage_columns_at(const sage_columns *columns, size_t column) {
    return &columns->columns[column];
}

static char joined(char c) {
    return c == ' ' || c == '-' ? '_' : c;
}

/* Names as feeds write them: "Weight kg" for weight_kg. */
static bool alike_but_for_gaps(sage_str a, sage_str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        const char x = joined(a.data[i]), y = joined(b.data[i]);
        if (strncasecmp(&x, &y, 1) != 0) return false;
    }
    return true;
}

const sage_column *sage_columns_find(const sage_columns *columns, sage_str name) {
    const sage_column *alike = NULL;
    for (size_t i = 0; i < columns->n; i++) {
        sage_str here = columns->columns[i].name;
        if (here.len == name.len && strncasecmp(here.data, name.data, name.len) == 0) return &columns->columns[i];
        if (alike == NULL && alike_but_for_gaps(here, name)) alike = &columns->columns[i];
    }
    return alike;
}

sage_str sage_column_text(const sage_columns *columns, const sage_column *column, size_t word) {
    if (word >= column->n_words)
        return columns->added != NULL ? sage_added_text(columns->added, (uint32_t)word) : SAGE_STR("");
    const sage_column_word *at = &column->words[word];
    if (at->begin > at->end || at->end > columns->n_texts) return SAGE_STR("");
    return (sage_str){columns->texts + at->begin, (size_t)(at->end - at->begin)};
}

uint32_t sage_column_find(const sage_columns *columns, const sage_column *column, sage_str word) {
    size_t low = 0, high = column->n_words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sage_str_order(sage_column_text(columns, column, middle), word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < column->n_words && sage_str_equal(sage_column_text(columns, column, low), word)) return (uint32_t)low;
    return columns->added != NULL ? sage_added_find(columns->added, (size_t)(column - columns->columns), word)
                                  : SAGE_NO_WORD;
}

size_t sage_column_words(const sage_columns *columns, const sage_column *column) {
    size_t n = column->n_words;
    const size_t n_added = columns->added != NULL ? sage_added_count(columns->added) : 0;
    for (size_t i = 0; i < n_added; i++)
        n += sage_added_column(columns->added, i) == (size_t)(column - columns->columns);
    return n;
}

const uint32_t *sage_columns_list(const sage_columns *columns, uint32_t element, size_t *n) {
    const size_t at = element & ~SAGE_WORD_LIST, n_lists = __atomic_load_n(&columns->n_lists, __ATOMIC_ACQUIRE);
    *n = 0;
    if (at >= n_lists || columns->lists[at] > n_lists - at - 1) return NULL;
    *n = columns->lists[at];
    return columns->lists + at + 1;
}
