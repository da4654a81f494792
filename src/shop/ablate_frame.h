/* The products of a dataset as rows of an index that has no vectors to speak of: what judging knows products by. */
#ifndef SAGE_SHOP_ABLATE_FRAME_H
#define SAGE_SHOP_ABLATE_FRAME_H

#include <dataset/dataset.h>
#include <index/index.h>

#define SAGE_FRAME_DIR "frame"

/* Opens <dataset_dir>/frame, made where it is missing or damaged: row i is the dataset's product i, with its id and
 * item_group_id as the catalogue has them then. */
sage_status sage_frame_open(sage_catalog *catalog, const sage_dataset *dataset, const char *dataset_dir,
                            sage_index **frame, sage_error *error);

#endif
