/* The datasets of an ablation: SHOP/ablation/dataset/<n>, packed for it alone, so that it goes on with the same data
 * whatever is imported or trained meanwhile. */
#ifndef SAGE_SHOP_ABLATE_DATA_H
#define SAGE_SHOP_ABLATE_DATA_H

#include <index/index.h>
#include <shop/ablate_plan.h>
#include <shop/shop.h>

typedef struct sage_ablate_data {
    sage_dataset *dataset;
    uint64_t id;
    int64_t revision;
    char *text_encoder;          /* the option that it was packed with */
    char print[SAGE_PRINT_TEXT]; /* of what is in it: XXH3-128 over name, size and the first 64 KiB of each of its
                                    files, where the packed ones have the checksums of all that they hold */
    sage_index *frame;           /* rows: the dataset's products, in its order, with their item_group_id; vectors of one
                                    zero */
} sage_ablate_data;

/* Opens the newest one that is packed with these options, or packs one. base NULL: of whatever revision of the
 * catalogue where there is one that asks something, with a note where that has changed since, or, `anew`, of the one
 * that it has now. Else of the base's revision, since what is compared must be packed of the same; where there is none
 * and the catalogue has another by now, data->dataset stays NULL: all have to be packed anew. Close with
 * sage_ablate_data_close, whatever the call returns. */
sage_status sage_ablate_data_open(sage_shop *shop, const char *folder, const sage_options *options,
                                  const sage_ablate_data *base, bool anew, sage_pool *pool, const sage_monitor *monitor,
                                  sage_ablate_data *data, sage_error *error);
void sage_ablate_data_close(sage_ablate_data *data);
/* Whether `data` is what these options ask for. */
bool sage_ablate_data_fits(const sage_shop *shop, const char *folder, const sage_ablate_data *data,
                           const sage_options *options);
/* Whether anything was held out, so that a model can be judged on it. */
bool sage_ablate_data_asks(const sage_dataset *dataset);
/* Removes those that no later call can open any more: a newer one takes their place. */
sage_status sage_ablate_data_prune(const char *folder, sage_error *error);

#endif
