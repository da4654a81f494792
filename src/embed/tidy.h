/* The end of a run: what is gone is listed, what is superseded is let go, and too much garbage is compacted away. */
#ifndef SAGE_EMBED_TIDY_H
#define SAGE_EMBED_TIDY_H

#include "plan.h"

/* Every vector of `plan` is up to date when this is called. Segments without a live vector are dropped; where more than
 * a quarter of the remaining rows are garbage, the live ones are written into one new segment (*compacted). One new
 * manifest makes it so; then the old files are removed. */
sage_status sage_embed_tidy(const char *dir, uint64_t model, const sage_embed_plan *plan, bool *compacted,
                            sage_error *error);

#endif
