/* Segments in the making: one is filled while the one before it is written in the background. */
#ifndef SAGE_EMBED_OUTPUT_H
#define SAGE_EMBED_OUTPUT_H

#include "feed.h"

typedef struct sage_output sage_output; /* one thread at a time */

/* Segments of at most `room` rows; `manifest`, which must outlive it, names those that are finished, and is the
 * output's alone until it is closed. */
sage_status sage_output_open(const char *dir, uint64_t model, sage_manifest *manifest, sage_precision precision,
                             size_t room, sage_output **output, sage_error *error);
void sage_output_close(sage_output *output); /* what has not been finished is dropped */
/* Where the n vectors to be added next go: [n][dim], n <= room. Has the rows that there are written where no more fit.
 * Errors may be those of the segment before. */
sage_status sage_output_place(sage_output *output, size_t n, float **vectors, sage_error *error);
void sage_output_add(sage_output *output, const sage_feed_block *block);
sage_status sage_output_finish(sage_output *output, sage_error *error); /* all is written and named */

#endif
