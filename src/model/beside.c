#include "beside.h"
#include <math.h>
#include <string.h>

void beside_products(const sage_model_shape *s, const sage_product_batch *batch, size_t first, size_t n, real *x) {
    const sage_ops *ops = sage_ops_best();
    size_t width = beside_width(s), at = 0;
    memset(x, 0, n * width * sizeof(real));
    for (size_t g = token_groups(s); g < s->n_groups; at += s->groups[g++].dim) {
        const sage_group_rows *rows = &batch->group[g];
        size_t dim = s->groups[g].dim;
        for (size_t i = 0; i < n && rows->begin != NULL; i++)
            for (size_t row = rows->begin[first + i]; row < rows->begin[first + i + 1]; row++)
                ops->axpy(dim, 1, rows->vectors + row * dim, x + i * width + at);
    }
}

void beside_texts(const sage_model_shape *s, const sage_query_batch *queries, size_t first, size_t n, real *x) {
    size_t width = beside_width(s);
    if (queries->sentences != NULL)
        memcpy(x, queries->sentences + first * width, n * width * sizeof(real));
    else
        memset(x, 0, n * width * sizeof(real));
}

void beside_publish(const sage_model_shape *s, const real *own, const real *mapped, real *out) {
    const sage_ops *ops = sage_ops_best();
    size_t width = beside_width(s);
    real *said = out + s->dim_out;
    if (own != NULL)
        memcpy(out, own, s->dim_out * sizeof(real));
    else
        memset(out, 0, s->dim_out * sizeof(real));
    if (width == 0) return;
    memcpy(said, mapped, width * sizeof(real));
    double length = sqrt((double)ops->dot(width, said, said)), square = own != NULL;
    if (length > 0) {
        ops->scale(width, (real)(sqrt(s->beside) / length), said);
        square += s->beside;
    }
    if (square > 0) ops->scale(s->dim_out + width, (real)(1 / sqrt(square)), out);
}

void sage_shape_own(const sage_model_shape *s, size_t n, const real *published, real *own) {
    const sage_ops *ops = sage_ops_best();
    size_t o = s->dim_out, width = sage_shape_out(s);
    for (size_t i = 0; i < n; i++, own += o) {
        memcpy(own, published + i * width, o * sizeof(real));
        double length = width > o ? sqrt((double)ops->dot(o, own, own)) : 1;
        if (width > o && length > 0) ops->scale(o, (real)(1 / length), own);
    }
}
