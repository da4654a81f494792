/* What `status --columns` shows. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/index.h>
#include <io/version.h>
#include <itemsage/search.h>
#include <math.h>
#include <shop/search_where.h>
#include <shop/searcher.h>
#include <shop/shop.h>
#include <string.h>

/* The most frequent values, those with fewer products after those with more, equals in order. */
static void find_common(const sage_columns *columns, const sage_column *column, sage_filter_column *out) {
    for (size_t word = 0; word < column->n_words; word++) {
        const uint64_t rows = column->words[word].rows;
        size_t at = out->n_common;
        while (at > 0 && out->common[at - 1].products < rows) at--;
        if (at == SAGE_COMMON_VALUES) continue;
        if (out->n_common < SAGE_COMMON_VALUES) out->n_common++;
        memmove(&out->common[at + 1], &out->common[at], (out->n_common - at - 1) * sizeof *out->common);
        const sage_str text = sage_column_text(columns, column, word);
        out->common[at].text = text.data;
        out->common[at].bytes = text.len;
        out->common[at].products = rows;
    }
}

static void describe(const sage_columns *columns, const sage_column *column, sage_filter_column *out) {
    *out = (sage_filter_column){.name = column->name.data,
                                .name_bytes = column->name.len,
                                .kind = sage_column_kind_names[column->kind],
                                .values = column->n_words,
                                .least = INFINITY,
                                .most = -INFINITY};
    for (size_t row = 0; row < sage_columns_rows(columns); row++) {
        if (column->codes != NULL) {
            out->products += column->codes[row] != SAGE_NO_WORD;
        } else if (!isnan(column->numbers[row])) {
            out->products++;
            out->least = fmin(out->least, column->numbers[row]);
            out->most = fmax(out->most, column->numbers[row]);
        }
    }
    find_common(columns, column, out);
}

static sage_status each_column(const sage_index *index, sage_filter_column_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_columns *columns;
    SAGE_TRY(sage_where_columns(index, &columns, error));
    for (size_t i = 0; i < sage_columns_count(columns); i++) {
        sage_filter_column column;
        describe(columns, sage_columns_at(columns, i), &column);
        SAGE_TRY(fn(ctx, &column, error));
    }
out:
    return st;
}

sage_status sage_searcher_columns(sage_searcher *searcher, sage_filter_column_fn fn, void *ctx, sage_error *error) {
    sage_status st = sage_searcher_enter(searcher, error);
    if (st != SAGE_OK) return st;
    st = each_column(sage_engine_index(searcher->opened.engine), fn, ctx, error);
    sage_searcher_leave(searcher);
    return st;
}

sage_status sage_shop_columns(sage_shop *shop, sage_filter_column_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_release release;
    sage_index *index = NULL;
    int held = -1;
    SAGE_TRY(sage_release_read(shop, &release, error));
    SAGE_TRY(sage_shop_path(shop, "index", parent, error));
    SAGE_TRY(sage_version_hold(parent, release.index, &held, error));
    SAGE_TRY(sage_version_path(dir, parent, release.index, error));
    SAGE_TRY(sage_index_open(dir, false, &index, error));
    SAGE_TRY(sage_shop_advise(sage_index_expect(index, dir, false, release.columns, error),
                              "run 'itemsage index' to publish a release anew", error));
    SAGE_TRY(each_column(index, fn, ctx, error));
out:
    sage_index_close(index);
    sage_fs_unlock(held);
    return st;
}
