#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <base/rng.h>
#include <eval/tsne.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { EXAGGERATED = 200, BISECTIONS = 60, POWER_ROUNDS = 60 };
static const float EXAGGERATION = 12;

/* ---- how alike ---- */

/* Of row i: p_j|i as exp(-beta d_j), with the beta whose entropy is that of the perplexity. */
static void bisect(const float *d, size_t n, size_t i, double perplexity, float *p) {
    double beta = 1, low = 0, high = INFINITY, wanted = log(perplexity), least = INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        if (j != i) least = fmin(least, (double)d[j]);
    for (int round = 0; round < BISECTIONS; round++) {
        double weighted = 0;
        sum = 0;
        for (size_t j = 0; j < n; j++) {
            double away = (double)d[j] - least, e = j != i ? exp(-beta * away) : 0;
            p[j] = (float)e;
            sum += e;
            weighted += e * away;
        }
        double entropy = log(sum) + beta * weighted / sum;
        if (fabs(entropy - wanted) < 1e-7) break;
        if (entropy > wanted)
            low = beta;
        else
            high = beta;
        beta = isinf(high) ? 2 * beta : (low + high) / 2;
    }
    for (size_t j = 0; j < n; j++) p[j] = (float)(p[j] / sum);
}

sage_status sage_tsne_alike(const float *distances, size_t n, double perplexity, float *p, sage_error *error) {
    float *row = sage_alloc_zero(n, sizeof *row);
    if (row == NULL) return sage_fail_memory(error, n * sizeof *row);
    for (size_t i = 0; i < n; i++) {
        bisect(distances + i * n, n, i, perplexity, row);
        memcpy(p + i * n, row, n * sizeof *row);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) p[i * n + j] = p[j * n + i] = (p[i * n + j] + p[j * n + i]) / (2 * (float)n);
    sage_free(row);
    return SAGE_OK;
}

/* ---- gradient ---- */

typedef struct pass {
    const float *p, *y;
    size_t n;
    float exaggeration;
    double *sums;
    float *attraction, *repulsion;
} pass;

/* Rows add up by themselves, in their order: who computes them changes nothing. */
static void pull_and_push(void *ctx, size_t begin, size_t end, size_t worker) {
    const pass *a = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const float *p = a->p + i * a->n, x = a->y[2 * i], y = a->y[2 * i + 1];
        float pull_x = 0, pull_y = 0, push_x = 0, push_y = 0, sum = 0;
        for (size_t j = 0; j < a->n; j++) {
            float dx = x - a->y[2 * j], dy = y - a->y[2 * j + 1], q = 1 / (1 + dx * dx + dy * dy);
            float near = a->exaggeration * p[j] * q, far = q * q;
            sum += q;
            pull_x += near * dx;
            pull_y += near * dy;
            push_x += far * dx;
            push_y += far * dy;
        }
        a->sums[i] = (double)sum - 1; /* without itself */
        a->attraction[2 * i] = pull_x;
        a->attraction[2 * i + 1] = pull_y;
        a->repulsion[2 * i] = push_x;
        a->repulsion[2 * i + 1] = push_y;
    }
}

void sage_tsne_gradient(const float *p, const float *y, size_t n, float exaggeration, sage_pool *pool, double *sums,
                        float *gradient) {
    pass a = {p, y, n, exaggeration, sums, gradient, gradient + 2 * n};
    double total = 0;
    if (pool != NULL)
        sage_pool_for_dynamic(pool, n, 32, pull_and_push, &a);
    else
        pull_and_push(&a, 0, n, 0);
    for (size_t i = 0; i < n; i++) total += sums[i];
    for (size_t i = 0; i < 2 * n; i++)
        gradient[i] = (float)(4 * ((double)a.attraction[i] - (double)a.repulsion[i] / total));
}

/* ---- where it begins ---- */

static void normalise(double *v, size_t dim) {
    double sum = 0;
    for (size_t d = 0; d < dim; d++) sum += v[d] * v[d];
    for (size_t d = 0; d < dim && sum > 0; d++) v[d] /= sqrt(sum);
}

/* One principal axis of centred rows by power iteration, at right angles to `other` (nullable). */
static void axis_of(const float *rows, size_t n, size_t dim, const double *other, uint64_t stream, double *axis,
                    double *next) {
    sage_rng rng;
    sage_rng_seed(&rng, 1, stream);
    for (size_t d = 0; d < dim; d++) axis[d] = sage_rng_normal(&rng);
    for (int round = 0; round < POWER_ROUNDS; round++) {
        double along = 0;
        normalise(axis, dim);
        memset(next, 0, dim * sizeof *next);
        for (size_t i = 0; i < n; i++) {
            double t = 0;
            for (size_t d = 0; d < dim; d++) t += (double)rows[i * dim + d] * axis[d];
            for (size_t d = 0; d < dim; d++) next[d] += t * (double)rows[i * dim + d];
        }
        for (size_t d = 0; d < dim && other != NULL; d++) along += next[d] * other[d];
        for (size_t d = 0; d < dim; d++) axis[d] = next[d] - (other != NULL ? along * other[d] : 0);
    }
    normalise(axis, dim);
}

/* y [n][2] with a standard deviation of 1e-4 along the first axis. rows are centred. */
static sage_status begin(const float *rows, size_t n, size_t dim, float *y, sage_error *error) {
    double *axes = sage_alloc_zero(3 * dim, sizeof *axes), sum = 0;
    if (axes == NULL) return sage_fail_memory(error, 3 * dim * sizeof *axes);
    axis_of(rows, n, dim, NULL, 1, axes, axes + 2 * dim);
    axis_of(rows, n, dim, axes, 2, axes + dim, axes + 2 * dim);
    for (size_t i = 0; i < n; i++) {
        double at[2] = {0, 0};
        for (size_t d = 0; d < dim; d++) {
            at[0] += (double)rows[i * dim + d] * axes[d];
            at[1] += (double)rows[i * dim + d] * axes[dim + d];
        }
        sum += at[0] * at[0];
        y[2 * i] = (float)at[0];
        y[2 * i + 1] = (float)at[1];
    }
    double scale = sum > 0 ? 1e-4 / sqrt(sum / (double)n) : 0;
    for (size_t i = 0; i < 2 * n; i++) y[i] = (float)(y[i] * scale);
    sage_free(axes);
    return SAGE_OK;
}

static void centre(float *rows, size_t n, size_t dim) {
    for (size_t d = 0; d < dim; d++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++) mean += (double)rows[i * dim + d];
        for (size_t i = 0; i < n; i++) rows[i * dim + d] -= (float)(mean / (double)n);
    }
}

/* ---- descent ---- */

/* As the authors' own program: momentum, and a step of its own for every number. state [8 n], zeros: speed, gain, and
 * the gradient with its scratch. */
static sage_status descend(const float *p, size_t n, sage_pool *pool, const sage_monitor *monitor, double *sums,
                           float *state, float *y, sage_error *error) {
    float *speed = state, *gain = state + 2 * n, *gradient = state + 4 * n;
    float rate = fmaxf((float)n / EXAGGERATION / 4, 12);
    for (size_t i = 0; i < 2 * n; i++) gain[i] = 1;
    for (int round = 0; round < SAGE_TSNE_ITERATIONS; round++) {
        if (sage_cancelled(monitor)) return sage_check_cancel(monitor, "the map", error);
        bool early = round < EXAGGERATED;
        sage_tsne_gradient(p, y, n, early ? EXAGGERATION : 1, pool, sums, gradient);
        for (size_t i = 0; i < 2 * n; i++) {
            bool same = (gradient[i] > 0) == (speed[i] > 0);
            gain[i] = fmaxf(same ? gain[i] * 0.8f : gain[i] + 0.2f, 0.01f);
            speed[i] = (early ? 0.5f : 0.8f) * speed[i] - rate * gain[i] * gradient[i];
            y[i] += speed[i];
        }
        centre(y, n, 2);
    }
    return SAGE_OK;
}

static void measure(const float *rows, size_t n, size_t dim, float *distances) {
    for (size_t i = 0; i < n; i++) {
        distances[i * n + i] = 0;
        for (size_t j = 0; j < i; j++) {
            float sum = 0;
            for (size_t d = 0; d < dim; d++) {
                float away = rows[i * dim + d] - rows[j * dim + d];
                sum += away * away;
            }
            distances[i * n + j] = distances[j * n + i] = sum;
        }
    }
}

sage_status sage_tsne(const float *vectors, size_t n, size_t dim, sage_pool *pool, const sage_monitor *monitor,
                      float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    float *rows = NULL, *p = NULL, *state = NULL;
    double *sums = NULL, perplexity = n > 91 ? 30 : fmax(1, ((double)n - 1) / 3);
    if (n > SAGE_TSNE_MAX) return sage_fail(error, SAGE_E_LIMIT, "a map has at most %d places", SAGE_TSNE_MAX);
    memset(out, 0, 2 * n * sizeof *out);
    if (n < 3 || dim == 0) {
        for (size_t i = 0; i < n; i++) out[2 * i] = (float)i - 0.5f * (float)(n - 1);
        return SAGE_OK;
    }
    rows = sage_alloc_zero(n, dim * sizeof *rows);
    p = sage_alloc_zero(n, n * sizeof *p);
    state = sage_alloc_zero(8 * n, sizeof *state);
    sums = sage_alloc_zero(n, sizeof *sums);
    if (rows == NULL || p == NULL || state == NULL || sums == NULL)
        SAGE_TRY(sage_fail_memory(error, n * (n + dim) * sizeof *p));
    memcpy(rows, vectors, n * dim * sizeof *rows);
    centre(rows, n, dim);
    measure(rows, n, dim, p);
    SAGE_TRY(sage_tsne_alike(p, n, perplexity, p, error));
    SAGE_TRY(begin(rows, n, dim, out, error));
    SAGE_TRY(descend(p, n, pool, monitor, sums, state, out, error));
out:
    sage_free(sums);
    sage_free(state);
    sage_free(p);
    sage_free(rows);
    return st;
}
