/* A product or a query as the model takes it: n-gram ids per field, and frozen image vectors. */
#ifndef SAGE_FEATURES_FEATURES_H
#define SAGE_FEATURES_FEATURES_H

#include <catalog/catalog.h>
#include <text/vocab.h>

/* The normalised texts of a product's fields; reused from product to product. */
typedef struct sage_product_text {
    sage_buf bytes;
    size_t begin[SAGE_FIELDS + 1]; /* field f is bytes.data[begin[f] .. begin[f+1]) */
} sage_product_text;
void sage_product_text_init(sage_product_text *text);
void sage_product_text_free(sage_product_text *text);
sage_status sage_product_text_read(const sage_product_row *row, sage_product_text *text, sage_error *error);

/* Ids of all fields; reused. ids[begin[f] .. begin[f+1]) belong to field f. */
typedef struct sage_product_ids {
    uint32_t *ids;
    size_t capacity;
    size_t begin[SAGE_FIELDS + 1];
    sage_str *words; /* scratch */
    size_t words_capacity;
} sage_product_ids;
void sage_product_ids_free(sage_product_ids *ids);
sage_status sage_product_ids_read(const sage_vocab *vocab, const sage_product_text *text, sage_product_ids *ids, sage_error *error);

/* Image vectors of a shop, by file and row; files are mapped once. Any width, the same for all. */
typedef struct sage_image_store sage_image_store;
sage_status sage_image_store_open(const char *pictures_dir, sage_image_store **store, sage_error *error);
void sage_image_store_close(sage_image_store *store);
/* Copies the vectors of a product's images into out (grown), L2-normalised; *n vectors of *dim. */
sage_status sage_image_store_read(sage_image_store *store, const sage_product_row *row, float **out, size_t *capacity, size_t *n, size_t *dim,
                                  sage_error *error);
#endif
