/* What a release says beside its files, chosen on validation queries: weights of the hybrids, whether users are
 * answered by theirs, how wide the graph is searched. Choosing compares all vectors some thousand times, so where
 * little has changed the choice of the release before stands. */
#ifndef SAGE_SHOP_INDEX_CHOICES_H
#define SAGE_SHOP_INDEX_CHOICES_H

#include <shop/index_rows.h>
#include <shop/index_tune.h>

/* Without validation queries or users: those of the release in force, or constants. dataset: NULL for none. */
sage_status sage_choices_make(sage_shop *shop, const sage_dataset *dataset, sage_tune *tune, sage_release *release,
                              const sage_monitor *monitor, sage_error *error);
/* Whether those of the release before are good for one of these rows: the same models, options and program, and nine
 * tenths of the products as they were when they were chosen. */
bool sage_choices_stand(const sage_release *before, const sage_release *release, const sage_rows_job *rows);
void sage_choices_keep(const sage_release *before, const sage_rows_job *rows, sage_release *release);

#endif
