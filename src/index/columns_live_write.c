/* Live columns as a version's. Words that no product has are not written. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/columns_live.h>
#include <string.h>

/* Names are terminated for the writer: a name and its byte more for each. */
static sage_status name_columns(const sage_columns *columns, sage_column_spec *specs, char *names, sage_error *error) {
    for (size_t i = 0; i < sage_columns_count(columns); i++) {
        const sage_column *column = sage_columns_at(columns, i);
        char *name = names + i * (SAGE_COLUMN_NAME_MAX + 1);
        if (column->name.len > SAGE_COLUMN_NAME_MAX)
            return sage_fail(error, SAGE_E_FORMAT, "the name of filter column %zu is damaged", i);
        memcpy(name, column->name.data, column->name.len);
        name[column->name.len] = '\0';
        specs[i] = (sage_column_spec){name, column->kind};
    }
    return SAGE_OK;
}

static sage_status create(const sage_columns *columns, const char *dir, sage_columns_writer **writer,
                          sage_error *error) {
    const size_t n = sage_columns_count(columns), bytes = n * (SAGE_COLUMN_NAME_MAX + 1);
    sage_status st = SAGE_OK;
    sage_column_spec *specs = sage_alloc_zero(n + 1, sizeof *specs);
    char *names = sage_alloc(bytes + 1);
    if (specs == NULL || names == NULL) {
        st = sage_fail_memory(error, bytes);
        goto out;
    }
    SAGE_TRY(name_columns(columns, specs, names, error));
    st = sage_columns_create(dir, specs, n, writer, error);
out:
    sage_free(specs);
    sage_free(names);
    return st;
}

sage_status sage_columns_live_write(const sage_columns_live *live, const char *dir, const uint32_t *slots, size_t n,
                                    sage_error *error) {
    const sage_columns *columns = sage_columns_live_view(live);
    sage_columns_writer *writer;
    sage_status st = create(columns, dir, &writer, error);
    if (st != SAGE_OK) return st;
    for (size_t row = 0; row < n; row++) {
        st = sage_columns_carry(writer, columns, slots[row], error);
        if (st != SAGE_OK) goto out;
    }
    return sage_columns_finish(writer, error);
out:
    sage_columns_abandon(writer);
    return st;
}
