/* Position embeddings for another number of patches than the trained one. */
#include "vit.h"
#include <math.h>

/* Keys 1981 with a = -0.75: the weight at a distance. */
static double cubic(double x) {
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

typedef struct tap4 {
    size_t at[4];
    double weight[4];
} tap4;

/* What a place takes along one side; places beyond the border are the border's. */
static tap4 taps_of(size_t from, size_t to, size_t place) {
    tap4 t;
    double centre = ((double)place + 0.5) * (double)from / (double)to - 0.5, first = floor(centre) - 1;
    for (int i = 0; i < 4; i++) {
        double at = first + i;
        t.weight[i] = cubic(centre - at);
        t.at[i] = at < 0 ? 0 : at >= (double)from ? from - 1 : (size_t)at;
    }
    return t;
}

void vit_resize_places(size_t from, size_t to, size_t dim, const real *places, real *resized) {
    for (size_t y = 0; y < to; y++)
        for (size_t x = 0; x < to; x++, resized += dim) {
            tap4 rows = taps_of(from, to, y), columns = taps_of(from, to, x);
            for (size_t c = 0; c < dim; c++) {
                double sum = 0;
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++)
                        sum += rows.weight[i] * columns.weight[j] *
                               (double)places[(rows.at[i] * from + columns.at[j]) * dim + c];
                resized[c] = (real)sum;
            }
        }
}
