#include <base/alloc.h>
#include <base/error.h>
#include <index/columns_file.h>
#include <io/fs.h>
#include <io/spool.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <text/lexicon.h>

typedef struct made_column {
    char name[SAGE_COLUMN_NAME_MAX + 1];
    sage_column_kind kind;
    sage_spool elements;
    sage_lexicon words;
    uint32_t *order, *rank; /* [words] once all rows are there: by their bytes, and each one's place there */
    /* of the row under construction */
    double number;
    uint32_t *codes; /* [n_codes] */
    size_t n_codes, capacity;
    uint32_t *carried; /* [n_carried]: words of the column that rows are carried from, by their numbers here */
    size_t n_carried;
} made_column;

struct sage_columns_writer {
    char path[SAGE_PATH_MAX];
    made_column *columns; /* [n] */
    size_t n, rows;
    uint32_t *lists; /* [n_lists] */
    size_t n_lists, lists_capacity;
    sage_buf folded;
};

/* ---- rows ---- */

static sage_status begin_column(made_column *made, const char *dir, const sage_column_spec *spec, size_t number,
                                sage_error *error) {
    char name[32];
    if (strlen(spec->name) > SAGE_COLUMN_NAME_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a filter column's name has %d bytes at most", SAGE_COLUMN_NAME_MAX);
    snprintf(made->name, sizeof made->name, "%s", spec->name);
    snprintf(name, sizeof name, ".column-%zu", number);
    made->kind = spec->kind;
    made->number = (double)NAN;
    return sage_spool_init(&made->elements, dir, name, error);
}

sage_status sage_columns_create(const char *dir, const sage_column_spec *specs, size_t n_specs,
                                sage_columns_writer **writer, sage_error *error) {
    sage_status st = SAGE_OK;
    *writer = NULL;
    if (n_specs > SAGE_COLUMNS_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "%zu filter columns; an index holds up to %d", n_specs, SAGE_COLUMNS_MAX);
    sage_columns_writer *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    sage_buf_init(&w->folded, SIZE_MAX);
    w->columns = sage_alloc_zero(n_specs + 1, sizeof *w->columns);
    if (w->columns == NULL) SAGE_TRY(sage_fail_memory(error, n_specs * sizeof *w->columns));
    SAGE_TRY(sage_path_join(w->path, dir, SAGE_COLUMNS_FILE, error));
    for (; w->n < n_specs; w->n++) SAGE_TRY(begin_column(&w->columns[w->n], dir, &specs[w->n], w->n, error));
    *writer = w;
    w = NULL;
out:
    sage_columns_abandon(w);
    return st;
}

void sage_columns_number(sage_columns_writer *writer, size_t column, double number) {
    if (isnan(writer->columns[column].number) && isfinite(number)) writer->columns[column].number = number;
}

sage_status sage_columns_word(sage_columns_writer *writer, size_t column, sage_str word, sage_error *error) {
    sage_status st = sage_column_fold(word, &writer->folded, error);
    if (st != SAGE_OK) return st;
    return sage_columns_folded(writer, column, (sage_str){writer->folded.data, writer->folded.len}, error);
}

static sage_status add_code(made_column *c, uint32_t number, sage_error *error) {
    for (size_t i = 0; i < c->n_codes; i++)
        if (c->codes[i] == number) return SAGE_OK;
    if (sage_grow((void **)&c->codes, &c->capacity, c->n_codes + 1, sizeof *c->codes) != 0)
        return sage_fail_memory(error, c->n_codes * sizeof *c->codes);
    c->codes[c->n_codes++] = number;
    c->words.list[number].count++;
    return SAGE_OK;
}

sage_status sage_columns_folded(sage_columns_writer *writer, size_t column, sage_str word, sage_error *error) {
    made_column *c = &writer->columns[column];
    uint32_t number;
    if (word.len == 0) return SAGE_OK;
    sage_status st = sage_lexicon_add(&c->words, word, &number, error);
    return st == SAGE_OK ? add_code(c, number, error) : st;
}

/* ---- rows of another version ---- */

static sage_status begin_carry(made_column *c, size_t n, sage_error *error) {
    c->carried = sage_alloc((n + 1) * sizeof *c->carried);
    if (c->carried == NULL) return sage_fail_memory(error, n * sizeof *c->carried);
    for (size_t i = 0; i < n; i++) c->carried[i] = SAGE_NO_WORD;
    c->n_carried = n;
    return SAGE_OK;
}

/* Each word is looked for once, not in each row; one that came meanwhile, where columns are open for changing, each
 * time.
 */
static sage_status carry_word(made_column *c, const sage_columns *before, const sage_column *column, uint32_t word,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t number = word < c->n_carried ? c->carried[word] : SAGE_NO_WORD;
    if (number == SAGE_NO_WORD) {
        const sage_str text = sage_column_text(before, column, word);
        if (text.len == 0) return SAGE_OK;
        SAGE_TRY(sage_lexicon_add(&c->words, text, &number, error));
        if (word < c->n_carried) c->carried[word] = number;
    }
    SAGE_TRY(add_code(c, number, error));
out:
    return st;
}

static sage_status carry_element(made_column *c, const sage_columns *before, const sage_column *column,
                                 uint32_t element, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 1;
    const uint32_t *words = &element;
    if (element == SAGE_NO_WORD) return SAGE_OK;
    if (c->carried == NULL) SAGE_TRY(begin_carry(c, sage_column_words(before, column), error));
    if ((element & SAGE_WORD_LIST) != 0) words = sage_columns_list(before, element, &n);
    for (size_t i = 0; i < n; i++) SAGE_TRY(carry_word(c, before, column, words[i], error));
out:
    return st;
}

sage_status sage_columns_carry(sage_columns_writer *writer, const sage_columns *before, size_t row, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < writer->n; i++) {
        const sage_column *column = sage_columns_at(before, i);
        if (column->numbers != NULL)
            sage_columns_number(writer, i, column->numbers[row]);
        else
            SAGE_TRY(carry_element(&writer->columns[i], before, column, column->codes[row], error));
    }
    st = sage_columns_row(writer, error);
out:
    return st;
}

static sage_status element_of(sage_columns_writer *w, const made_column *c, uint32_t *element, sage_error *error) {
    *element = c->n_codes == 1 ? c->codes[0] : SAGE_NO_WORD;
    if (c->n_codes < 2) return SAGE_OK;
    const size_t at = w->n_lists, end = at + 1 + c->n_codes;
    if (end >= SAGE_WORD_LIST - 1)
        return sage_fail(error, SAGE_E_LIMIT, "the products' lists of values pass 2 billion; import fewer of them");
    if (sage_grow((void **)&w->lists, &w->lists_capacity, end, sizeof *w->lists) != 0)
        return sage_fail_memory(error, end * sizeof *w->lists);
    w->lists[at] = (uint32_t)c->n_codes;
    memcpy(w->lists + at + 1, c->codes, c->n_codes * sizeof *c->codes);
    w->n_lists = end;
    *element = SAGE_WORD_LIST | (uint32_t)at;
    return SAGE_OK;
}

sage_status sage_columns_row(sage_columns_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < writer->n; i++) {
        made_column *c = &writer->columns[i];
        uint32_t element;
        if (sage_column_is_number(c->kind)) {
            SAGE_TRY(sage_spool_add(&c->elements, &c->number, sizeof c->number, error));
        } else {
            SAGE_TRY(element_of(writer, c, &element, error));
            SAGE_TRY(sage_spool_add(&c->elements, &element, sizeof element, error));
        }
        c->number = (double)NAN;
        c->n_codes = 0;
    }
    writer->rows++;
out:
    return st;
}

/* ---- the file ---- */

static sage_status write_head(const sage_columns_writer *w, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_columns_shape shape = {w->rows, w->n};
    uint64_t text = 0, numbers = 0, others = 0, words = 0;
    SAGE_TRY(sage_packed_section(file, "shape", sizeof shape, error));
    SAGE_TRY(sage_packed_add(file, &shape, sizeof shape, error));
    SAGE_TRY(sage_packed_section(file, "columns", sizeof(sage_column_record), error));
    for (size_t i = 0; i < w->n; i++) {
        const made_column *c = &w->columns[i];
        const uint64_t at = sage_column_is_number(c->kind) ? numbers++ : others++;
        const sage_column_record record = {text, text + strlen(c->name), c->kind, at, words, c->words.n};
        SAGE_TRY(sage_packed_add(file, &record, sizeof record, error));
        text = record.name_end;
        words += record.words;
    }
out:
    return st;
}

static sage_status write_numbers(sage_columns_writer *w, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_packed_section(file, "numbers", sizeof(double), error));
    for (size_t i = 0; i < w->n; i++)
        if (sage_column_is_number(w->columns[i].kind)) SAGE_TRY(sage_spool_pour(&w->columns[i].elements, file, error));
out:
    return st;
}

/* An element by the places of its words in the order of their bytes; lists are changed where they stand. */
static uint32_t renumbered(sage_columns_writer *w, const made_column *c, uint32_t element) {
    if (element == SAGE_NO_WORD) return element;
    if ((element & SAGE_WORD_LIST) == 0) return c->rank[element];
    uint32_t *list = w->lists + (element & ~SAGE_WORD_LIST);
    for (uint32_t i = 1; i <= list[0]; i++) list[i] = c->rank[list[i]];
    return element;
}

static sage_status sort_words(made_column *c, sage_error *error) {
    c->order = sage_alloc((c->words.n + 1) * sizeof *c->order);
    c->rank = sage_alloc((c->words.n + 1) * sizeof *c->rank);
    if (c->order == NULL || c->rank == NULL) return sage_fail_memory(error, c->words.n * sizeof *c->order);
    sage_lexicon_sort(&c->words, c->order);
    for (size_t i = 0; i < c->words.n; i++) c->rank[c->order[i]] = (uint32_t)i;
    return SAGE_OK;
}

static sage_status write_column(sage_columns_writer *w, made_column *c, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t block[4096];
    SAGE_TRY(sort_words(c, error));
    SAGE_TRY(sage_spool_map(&c->elements, error));
    const uint32_t *elements = (const uint32_t *)(const void *)c->elements.map.data;
    for (size_t row = 0; row < w->rows;) {
        size_t n = 0;
        for (; n < 4096 && row < w->rows; n++) block[n] = renumbered(w, c, elements[row++]);
        SAGE_TRY(sage_packed_add(file, block, n * sizeof *block, error));
    }
    sage_spool_free(&c->elements);
out:
    return st;
}

static sage_status write_codes(sage_columns_writer *w, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_packed_section(file, "codes", sizeof(uint32_t), error));
    for (size_t i = 0; i < w->n; i++)
        if (!sage_column_is_number(w->columns[i].kind)) SAGE_TRY(write_column(w, &w->columns[i], file, error));
    SAGE_TRY(sage_packed_section(file, "lists", sizeof *w->lists, error));
    if (w->n_lists > 0) SAGE_TRY(sage_packed_add(file, w->lists, w->n_lists * sizeof *w->lists, error));
out:
    return st;
}

static sage_status write_words(const sage_columns_writer *w, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t text = 0;
    for (size_t i = 0; i < w->n; i++) text += strlen(w->columns[i].name);
    SAGE_TRY(sage_packed_section(file, "words", sizeof(sage_column_word), error));
    for (size_t i = 0; i < w->n; i++) {
        const made_column *c = &w->columns[i];
        for (size_t j = 0; j < c->words.n; j++) {
            const sage_lexeme *word = &c->words.list[c->order[j]];
            const sage_column_word record = {text, text + word->len, word->count};
            SAGE_TRY(sage_packed_add(file, &record, sizeof record, error));
            text = record.end;
        }
    }
out:
    return st;
}

static sage_status write_texts(const sage_columns_writer *w, sage_packed_writer *file, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_packed_section(file, "texts", 1, error));
    for (size_t i = 0; i < w->n; i++)
        SAGE_TRY(sage_packed_add(file, w->columns[i].name, strlen(w->columns[i].name), error));
    for (size_t i = 0; i < w->n; i++) {
        const made_column *c = &w->columns[i];
        for (size_t j = 0; j < c->words.n; j++) {
            const sage_str word = sage_lexicon_at(&c->words, c->order[j]);
            SAGE_TRY(sage_packed_add(file, word.data, word.len, error));
        }
    }
out:
    return st;
}

sage_status sage_columns_finish(sage_columns_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *file = NULL;
    SAGE_TRY(sage_packed_create(writer->path, SAGE_COLUMNS_MAGIC, SAGE_COLUMNS_VERSION, SAGE_COLUMNS_SECTIONS, &file,
                                error));
    SAGE_TRY(write_head(writer, file, error));
    SAGE_TRY(write_numbers(writer, file, error));
    SAGE_TRY(write_codes(writer, file, error));
    SAGE_TRY(write_words(writer, file, error));
    SAGE_TRY(write_texts(writer, file, error));
    st = sage_packed_finish(file, error);
    file = NULL;
out:
    sage_packed_abandon(file);
    sage_columns_abandon(writer);
    return st;
}

void sage_columns_abandon(sage_columns_writer *writer) {
    if (writer == NULL) return;
    for (size_t i = 0; writer->columns != NULL && i < writer->n; i++) {
        sage_spool_free(&writer->columns[i].elements);
        sage_lexicon_free(&writer->columns[i].words);
        sage_free(writer->columns[i].order);
        sage_free(writer->columns[i].rank);
        sage_free(writer->columns[i].codes);
        sage_free(writer->columns[i].carried);
    }
    sage_free(writer->columns);
    sage_free(writer->lists);
    sage_buf_free(&writer->folded);
    sage_free(writer);
}
