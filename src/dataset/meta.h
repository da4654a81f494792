/* meta.json: what a dataset was built from. */
#ifndef SAGE_DATASET_META_H
#define SAGE_DATASET_META_H

#include <dataset/dataset.h>

/* Reads <dir>/meta.json into `info` (id excepted); SAGE_E_FORMAT where it is not one of this version. */
sage_status sage_meta_read(const char *dir, sage_dataset_info *info, sage_error *error);

#endif
