/* What changes say of columns, as the log has it (docs/formats.md). */
#ifndef SAGE_INDEX_LIVE_VALUES_H
#define SAGE_INDEX_LIVE_VALUES_H

#include <index/columns_live.h>
#include <index/live.h>

/* SAGE_E_ARGUMENT: there is no such column. `columns` NULL: there are none. */
sage_status sage_live_values_write(const sage_columns_live *columns, const sage_live_value *values, size_t n,
                                   sage_buf *out, sage_error *error);
/* Into the row that is under change. SAGE_E_FORMAT: they are none. */
sage_status sage_live_values_read(sage_columns_live *columns, const char *data, size_t bytes, sage_error *error);

#endif
