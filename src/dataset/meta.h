/* meta.json: what a dataset was built from. */
#ifndef SAGE_DATASET_META_H
#define SAGE_DATASET_META_H

#include <dataset/dataset.h>

/* Reads <dir>/meta.json into `info` (id excepted); SAGE_E_FORMAT where it is not one of this version. `contents` gets
 * the SAGE_DATASET_CONTENTS of the program that wrote it; 0 where that was older than the number. */
sage_status sage_meta_read(const char *dir, sage_dataset_info *info, int64_t *contents, sage_error *error);
/* How a dataset was packed, whatever the catalogue held: of two of the same kind the newer one takes the other's place.
 * Free with sage_free; NULL where it cannot be read. */
sage_status sage_meta_kind(const char *dir, char **kind, int64_t *catalogue_revision, sage_error *error);

#endif
