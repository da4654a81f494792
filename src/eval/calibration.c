#include <eval/calibration.h>
#include <math.h>

/* Where bins end, in shares of what was counted: finer towards high scores, where the hits are. */
static const double ends[SAGE_CALIBRATION_BINS] = {0.4, 0.6, 0.75, 0.85, 0.91, 0.95, 0.975, 0.99, 0.996, 1};
static const double CELL = 2.0 / SAGE_SCORE_CELLS;

void sage_score_count(sage_score_counts *counts, float score, bool hit) {
    double at = ((double)score + 1) / CELL;
    size_t cell = !(at > 0) ? 0 : at >= SAGE_SCORE_CELLS ? SAGE_SCORE_CELLS - 1 : (size_t)at;
    counts->n[cell]++;
    counts->hits[cell] += hit;
    if (isfinite(score)) counts->sum[cell] += (double)score;
}

void sage_calibrate(const sage_score_counts *counts, sage_calibration *calibration) {
    uint64_t total = 0, before = 0;
    double sum = 0;
    size_t end = 0;
    sage_calibration_bin bin = {.n = 0};
    for (size_t c = 0; c < SAGE_SCORE_CELLS; c++) total += counts->n[c];
    calibration->n = 0;
    for (size_t c = 0; c < SAGE_SCORE_CELLS; c++) {
        if (counts->n[c] == 0) continue;
        if (bin.n == 0) bin.low = -1 + (double)c * CELL;
        bin.high = -1 + (double)(c + 1) * CELL;
        bin.n += counts->n[c];
        bin.hits += counts->hits[c];
        sum += counts->sum[c];
        before += counts->n[c];
        while (end + 1 < SAGE_CALIBRATION_BINS && ends[end] * (double)total <= (double)(before - bin.n)) end++;
        if ((double)before < ends[end] * (double)total && before < total) continue;
        bin.mean = sum / (double)bin.n;
        calibration->bins[calibration->n++] = bin;
        bin = (sage_calibration_bin){.n = 0};
        sum = 0;
    }
}
