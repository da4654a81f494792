#include <base/alloc.h>
#include <base/error.h>
#include <shop/live_values.h>
#include <stdlib.h>

typedef struct sage_product_value {
    size_t column, order;
    bool is_number;
    double number;
    size_t begin, len; /* of the word in the text */
} sage_product_value;

typedef struct taking {
    sage_product_values *values;
    sage_status status; /* numbers have nobody to tell */
    sage_error *error;
} taking;

void sage_product_values_init(sage_product_values *values) {
    *values = (sage_product_values){.n = 0};
    sage_buf_init(&values->text, SIZE_MAX);
}

void sage_product_values_free(sage_product_values *values) {
    sage_free(values->given);
    sage_buf_free(&values->text);
    sage_free(values->words);
    sage_free(values->list);
    sage_product_values_init(values);
}

static sage_status add(sage_product_values *v, sage_product_value value, sage_error *error) {
    if (sage_grow((void **)&v->given, &v->given_room, v->n_given + 1, sizeof *v->given) != 0)
        return sage_fail_memory(error, (v->n_given + 1) * sizeof *v->given);
    value.order = v->n_given;
    v->given[v->n_given++] = value;
    return SAGE_OK;
}

static void take_number(void *ctx, size_t column, double number) {
    taking *t = ctx;
    if (t->status == SAGE_OK)
        t->status =
            add(t->values, (sage_product_value){.column = column, .is_number = true, .number = number}, t->error);
}

static sage_status take_word(void *ctx, size_t column, sage_str word, sage_error *error) {
    const taking *t = ctx;
    const size_t begin = t->values->text.len;
    if (word.len == 0) return SAGE_OK;
    sage_status st = sage_buf_add(&t->values->text, word.data, word.len, error);
    return st == SAGE_OK ? add(t->values, (sage_product_value){column, 0, false, 0, begin, word.len}, error) : st;
}

static int by_column(const void *a, const void *b) {
    const sage_product_value *x = a, *y = b;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* A column's values lie together: of several numbers the first counts, words are one list. */
static void gather(sage_product_values *v) {
    size_t n_words = 0;
    v->n = 0;
    for (size_t i = 0; i < v->n_given; i++) {
        const sage_product_value *given = &v->given[i];
        const bool goes_on = i > 0 && given->column == v->given[i - 1].column;
        if (!goes_on)
            v->list[v->n++] = (sage_live_value){
                .column = given->column, .number = given->number, .words = v->words + n_words, .n_words = 0};
        if (given->is_number) continue;
        v->words[n_words++] = (sage_str){v->text.data + given->begin, given->len};
        v->list[v->n - 1].n_words++;
    }
}

sage_status sage_product_values_take(sage_product_values *v, const sage_known_columns *columns,
                                     const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    taking t = {v, SAGE_OK, error};
    const sage_column_sink sink = {take_number, take_word, &t};
    v->n = v->n_given = 0;
    sage_buf_clear(&v->text);
    SAGE_TRY(sage_known_columns_give(columns, row, &sink, error));
    SAGE_TRY(t.status);
    if (v->n_given > 1) qsort(v->given, v->n_given, sizeof *v->given, by_column);
    if (sage_grow((void **)&v->words, &v->words_room, v->n_given + 1, sizeof *v->words) != 0 ||
        sage_grow((void **)&v->list, &v->list_room, v->n_given + 1, sizeof *v->list) != 0)
        SAGE_TRY(sage_fail_memory(error, (v->n_given + 1) * sizeof *v->list));
    gather(v);
out:
    return st;
}
