/* Do scores mean what they say? How many of the listed products of about a score were chosen. */
#ifndef SAGE_EVAL_CALIBRATION_H
#define SAGE_EVAL_CALIBRATION_H

#include <eval/findings.h>
#include <stdbool.h>

/* Scores from -1 to 1 in cells of 1/1,024; what lies beyond counts to the last cell on its side. Zero-initialise. */
enum { SAGE_SCORE_CELLS = 2048 };
typedef struct sage_score_counts {
    uint64_t n[SAGE_SCORE_CELLS], hits[SAGE_SCORE_CELLS];
    double sum[SAGE_SCORE_CELLS];
} sage_score_counts;

void sage_score_count(sage_score_counts *counts, float score, bool hit);
/* Neighbouring cells together: the lowest bin has 40 % of what was counted, the highest 0.4 %, and a cell is never
 * divided; where one cell has more, there are fewer bins. The name is the caller's. */
void sage_calibrate(const sage_score_counts *counts, sage_calibration *calibration);

#endif
