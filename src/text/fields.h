/* The 12 text features of a product, in the paper's order. The numbers are part of file formats: never reorder. */
#ifndef SAGE_TEXT_FIELDS_H
#define SAGE_TEXT_FIELDS_H

typedef enum sage_field {
    SAGE_TITLE,
    SAGE_DESCRIPTION,
    SAGE_DOMAIN,   /* the merchant: host of `link` without "www." */
    SAGE_LINK,     /* path of `link` */
    SAGE_CATEGORY, /* google_product_category */
    SAGE_TYPE,     /* product_type */
    SAGE_BRAND,
    SAGE_COLOR,
    SAGE_MATERIAL,
    SAGE_PATTERN,
    SAGE_SIZE,
    SAGE_SIZE_TYPE,
    SAGE_FIELDS
} sage_field;

/* Feed column names: "title", "description", "domain", "link", "google_product_category", ... */
extern const char *const sage_field_names[SAGE_FIELDS];

#endif
