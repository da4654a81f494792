/* What a run of `itemsage train` goes on from: options `from` and `keep_products`. */
#ifndef SAGE_SHOP_TRAIN_START_H
#define SAGE_SHOP_TRAIN_START_H

#include <io/fs.h>
#include <shop/shop.h>
#include <train/train.h>

/* SAGE_E_STATE where there is nothing to train on. */
sage_status sage_train_check_products(sage_catalog *catalog, sage_error *error);

/* Before there is a dataset: into start the file of the model that the run goes on from (path is where its name
 * stands), into the shop's options what follows: `from`, where products are kept, and the dataset's vocabulary_of.
 * Where `keep_products` names a model that itself was trained for another's products, it becomes that other.
 * SAGE_E_NOT_FOUND: there is no such model. */
sage_status sage_train_begin_from(sage_shop *shop, char path[SAGE_PATH_MAX], sage_train_start *start,
                                  sage_error *error);
/* Into start and *kept, the caller's to sage_free, the vectors of the model whose products stay as they are, in the
 * dataset's order; nothing where none do. SAGE_E_STATE: some products have none. */
sage_status sage_train_keep_products(const sage_shop *shop, const sage_dataset *dataset, float **kept,
                                     sage_train_start *start, sage_error *error);

#endif
