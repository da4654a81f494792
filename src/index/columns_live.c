#include <base/alloc.h>
#include <base/error.h>
#include <index/columns_impl.h>
#include <index/columns_live.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { LISTS_MORE = 1 << 26 }; /* elements of lists beside eight times the file's */

typedef union element {
    double number;
    uint32_t code;
} element;

struct sage_columns_live {
    sage_columns columns; /* what readers see */
    sage_columns_added added;
    sage_room *rooms; /* [columns], of elements */
    sage_room lists;
    sage_live_map shared; /* hashes of lists that came since -> their places */
    /* of the row under change */
    element *row;   /* [columns] */
    uint32_t *list; /* [n_list]: words of a column */
    size_t n_list, list_room;
    sage_buf folded;
};

/* ---- opening ---- */

static size_t element_bytes(const sage_column *column) {
    return column->numbers != NULL ? sizeof *column->numbers : sizeof *column->codes;
}

/* Elements [n] of the file, with room for more. */
static sage_status open_room(const sage_columns *from, const void *data, size_t bytes, size_t most, sage_room *room,
                             sage_error *error) {
    const char *path;
    uint64_t offset;
    if (bytes == 0 || !sage_packed_place(from->file, data, &path, &offset)) return sage_room_new(room, 0, most, error);
    return sage_room_of_file(room, path, offset, bytes, most, error);
}

static sage_status open_column(sage_columns_live *live, const sage_columns *from, size_t i, size_t rows_most,
                               sage_error *error) {
    sage_column *column = &live->columns.columns[i];
    const size_t width = element_bytes(column);
    const void *data = column->numbers != NULL ? (const void *)column->numbers : column->codes;
    sage_status st = open_room(from, data, from->rows * width, rows_most * width, &live->rooms[i], error);
    if (st != SAGE_OK) return st;
    if (column->numbers != NULL)
        column->numbers = (const double *)(const void *)live->rooms[i].data;
    else
        column->codes = (const uint32_t *)(const void *)live->rooms[i].data;
    return SAGE_OK;
}

static sage_status open_lists(sage_columns_live *live, const sage_columns *from, sage_error *error) {
    size_t most = 8 * from->n_lists + LISTS_MORE;
    if (most > SAGE_WORD_LIST) most = SAGE_WORD_LIST;
    sage_status st = open_room(from, from->lists, from->n_lists * sizeof *from->lists, most * sizeof *from->lists,
                               &live->lists, error);
    live->columns.lists = (const uint32_t *)(const void *)live->lists.data;
    return st;
}

static sage_status begin_added(sage_columns_live *live, const sage_columns *from, sage_error *error) {
    size_t first = 0;
    for (size_t i = 0; i < from->n; i++)
        if (from->columns[i].n_words > first) first = from->columns[i].n_words;
    live->columns.added = &live->added;
    return sage_added_begin(&live->added, (uint32_t)first, error);
}

sage_status sage_columns_live_new(const sage_columns *from, size_t rows_most, sage_columns_live **live,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    *live = NULL;
    sage_columns_live *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->columns = *from;
    sage_buf_init(&made->folded, SIZE_MAX);
    made->columns.columns = sage_alloc_zero(from->n + 1, sizeof *made->columns.columns);
    made->rooms = sage_alloc_zero(from->n + 1, sizeof *made->rooms);
    made->row = sage_alloc_zero(from->n + 1, sizeof *made->row);
    SAGE_TRY(begin_added(made, from, error));
    if (made->columns.columns == NULL || made->rooms == NULL || made->row == NULL) {
        st = sage_fail_memory(error, from->n * sizeof *made->columns.columns);
        goto out;
    }
    memcpy(made->columns.columns, from->columns, from->n * sizeof *from->columns);
    for (size_t i = 0; i < from->n; i++) SAGE_TRY(open_column(made, from, i, rows_most, error));
    SAGE_TRY(open_lists(made, from, error));
    *live = made;
    made = NULL;
out:
    sage_columns_live_free(made);
    return st;
}

void sage_columns_live_free(sage_columns_live *live) {
    if (live == NULL) return;
    for (size_t i = 0; live->rooms != NULL && i < live->columns.n; i++) sage_room_free(&live->rooms[i]);
    sage_room_free(&live->lists);
    sage_live_map_free(&live->shared);
    sage_added_end(&live->added);
    sage_buf_free(&live->folded);
    sage_free(live->columns.columns);
    sage_free(live->rooms);
    sage_free(live->row);
    sage_free(live->list);
    sage_free(live);
}

const sage_columns *sage_columns_live_view(const sage_columns_live *live) {
    return &live->columns;
}

sage_status sage_columns_live_fit(sage_columns_live *live, size_t rows, sage_error *error) {
    if (rows <= live->columns.rows) return SAGE_OK;
    for (size_t i = 0; i < live->columns.n; i++) {
        sage_status st = sage_room_grow(&live->rooms[i], rows * element_bytes(&live->columns.columns[i]), error);
        if (st != SAGE_OK) return st;
    }
    __atomic_store_n(&live->columns.rows, rows, __ATOMIC_RELEASE);
    return SAGE_OK;
}

/* ---- a row ---- */

void sage_columns_live_clear(sage_columns_live *live) {
    live->n_list = 0;
    for (size_t i = 0; i < live->columns.n; i++) {
        if (live->columns.columns[i].numbers != NULL)
            live->row[i].number = (double)NAN;
        else
            live->row[i].code = SAGE_NO_WORD;
    }
}

void sage_columns_live_take(sage_columns_live *live, size_t row) {
    live->n_list = 0;
    for (size_t i = 0; i < live->columns.n; i++) {
        const sage_column *column = &live->columns.columns[i];
        if (column->numbers != NULL)
            live->row[i].number = column->numbers[row];
        else
            live->row[i].code = column->codes[row];
    }
}

void sage_columns_live_number(sage_columns_live *live, size_t column, double number) {
    live->row[column].number = isfinite(number) ? number : (double)NAN;
}

sage_status sage_columns_live_word(sage_columns_live *live, size_t column, sage_str word, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t number;
    SAGE_TRY(sage_column_fold(word, &live->folded, error));
    if (live->folded.len == 0) return SAGE_OK;
    const sage_str folded = {live->folded.data, live->folded.len};
    number = sage_column_find(&live->columns, &live->columns.columns[column], folded);
    if (number == SAGE_NO_WORD) SAGE_TRY(sage_added_put(&live->added, column, folded, &number, error));
    for (size_t i = 0; i < live->n_list; i++)
        if (live->list[i] == number) return SAGE_OK;
    if (sage_grow((void **)&live->list, &live->list_room, live->n_list + 1, sizeof *live->list) != 0)
        return sage_fail_memory(error, (live->n_list + 1) * sizeof *live->list);
    live->list[live->n_list++] = number;
out:
    return st;
}

/* The place of the list at hand, which is added where none is equal. */
static sage_status place_list(sage_columns_live *live, uint32_t *place, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t bytes = live->n_list * sizeof *live->list, at = live->columns.n_lists, end = at + 1 + live->n_list;
    const int64_t hash = (int64_t)XXH3_64bits(live->list, bytes);
    uint32_t *lists = (uint32_t *)(void *)live->lists.data;
    for (size_t next = 0; sage_live_map_next(&live->shared, hash, &next, place);)
        if (lists[*place] == live->n_list && memcmp(lists + *place + 1, live->list, bytes) == 0) return SAGE_OK;
    if (end >= SAGE_WORD_LIST - 1)
        return sage_fail(error, SAGE_E_LIMIT, "the products' lists of values pass 2 billion; build the index again");
    SAGE_TRY(sage_live_map_fit(&live->shared, error));
    SAGE_TRY(sage_room_grow(&live->lists, end * sizeof *lists, error));
    lists[at] = (uint32_t)live->n_list;
    memcpy(lists + at + 1, live->list, bytes);
    __atomic_store_n(&live->columns.n_lists, end, __ATOMIC_RELEASE);
    *place = (uint32_t)at;
    sage_live_map_add(&live->shared, hash, *place);
out:
    return st;
}

sage_status sage_columns_live_words(sage_columns_live *live, size_t column, sage_error *error) {
    uint32_t place = 0;
    sage_status st = SAGE_OK;
    if (live->n_list > 1) st = place_list(live, &place, error);
    if (st == SAGE_OK)
        live->row[column].code = live->n_list > 1    ? SAGE_WORD_LIST | place
                                 : live->n_list == 1 ? live->list[0]
                                                     : SAGE_NO_WORD;
    live->n_list = 0;
    return st;
}

void sage_columns_live_store(sage_columns_live *live, size_t row) {
    for (size_t i = 0; i < live->columns.n; i++) {
        void *data = live->rooms[i].data;
        if (live->columns.columns[i].numbers != NULL)
            __atomic_store((double *)data + row, &live->row[i].number, __ATOMIC_RELEASE);
        else
            __atomic_store_n((uint32_t *)data + row, live->row[i].code, __ATOMIC_RELEASE);
    }
}
