/* Names and types of attributes. A type only ever widens, bool < int < real < text, whatever later imports bring:
 *   bool  true false yes no, any case
 *   int   a 64-bit integer without leading zeros or plus sign ("007" is a code: text)
 *   real  a finite decimal number
 * Values are kept as the texts that they were; the type says how a filter may read all of them. A column of both bool
 * and int is int, where true counts as 1. */
#ifndef SAGE_CATALOG_IMPORT_ATTRIBUTES_H
#define SAGE_CATALOG_IMPORT_ATTRIBUTES_H

#include <catalog/import_product.h>
#include <catalog/store.h>

enum { SAGE_ATTRIBUTES_MAX = 4096 }; /* of a shop; a row that would pass it is refused: "too-many-attributes" */

typedef enum sage_attribute_type {
    SAGE_BOOL,
    SAGE_INT,
    SAGE_REAL,
    SAGE_TEXT,
    SAGE_ATTRIBUTE_TYPES
} sage_attribute_type;
extern const char *const sage_attribute_type_names[SAGE_ATTRIBUTE_TYPES];
sage_attribute_type sage_attribute_type_of(sage_str value);

typedef struct sage_attributes sage_attributes;
sage_status sage_attributes_load(sage_catalog *catalog, sage_attributes **attributes, sage_error *error);
void sage_attributes_free(sage_attributes *attributes);
/* Takes note of a row's attributes; False and *flaw where there is no room for a new name (then nothing of it is
 * noted). */
bool sage_attributes_note(sage_attributes *attributes, const sage_feed_product *product, sage_flaw *flaw);
/* Writes what is new or wider. */
sage_status sage_attributes_save(sage_attributes *attributes, sage_catalog *catalog, sage_error *error);

/* Names and types of attributes, ascending by name: of all, or of the `most` that most products have, where there are
 * more; *left_out says how many others there are. The list is the caller's to free. */
typedef struct sage_attribute_name {
    char name[SAGE_MAP_NAME_MAX];
    sage_attribute_type type;
} sage_attribute_name;
sage_status sage_attributes_list(sage_catalog *catalog, size_t most, sage_attribute_name **list, size_t *n,
                                 size_t *left_out, sage_error *error);

#endif
