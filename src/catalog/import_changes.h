/* Products that come, change and go one by one, as a server took them: all of a call in one transaction. */
#ifndef SAGE_CATALOG_IMPORT_CHANGES_H
#define SAGE_CATALOG_IMPORT_CHANGES_H

#include <catalog/catalog.h>

typedef enum sage_product_change { SAGE_PRODUCT_PUT, SAGE_PRODUCT_UPDATE, SAGE_PRODUCT_DELETE } sage_product_change;

typedef struct sage_changes_import sage_changes_import;
/* `report` and `monitor` stay as long. */
sage_status sage_changes_import_begin(sage_catalog *catalog, const sage_monitor *monitor, sage_import_report *report,
                                      sage_changes_import **changes, sage_error *error);
/* text: a JSON object with the names of a feed's fields. PUT: the whole product, in the place of what its id had.
 * UPDATE: what is named of prices, availability, item_group_id and attributes; one that is not there stays away.
 * DELETE: its id. What is no product is a reject; `number`, the line of its entry. */
sage_status sage_changes_import_take(sage_changes_import *changes, sage_product_change change, uint64_t number,
                                     sage_str text, sage_error *error);
/* Commits where `status` is SAGE_OK, and notes then that the entries up to `number` are in the catalogue; frees. */
sage_status sage_changes_import_end(sage_changes_import *changes, uint64_t number, sage_status status,
                                    sage_error *error);

/* Up to which entry they are in the catalogue; 0: none has come. */
sage_status sage_catalog_changes_folded(sage_catalog *catalog, uint64_t *number, sage_error *error);
/* From now on those behind `number` are to be brought in again: over a feed that is older than they. */
sage_status sage_catalog_changes_again(sage_catalog *catalog, uint64_t number, sage_error *error);
/* Up to which entry they are older than a whole feed that was imported: no feed of before needs them over it. */
sage_status sage_catalog_changes_settled(sage_catalog *catalog, uint64_t *number, sage_error *error);
sage_status sage_catalog_changes_settle(sage_catalog *catalog, uint64_t number, sage_error *error);

#endif
