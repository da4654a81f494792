/* A product or a query as the model takes it: n-gram ids per field, and frozen image vectors. */
#ifndef SAGE_FEATURES_FEATURES_H
#define SAGE_FEATURES_FEATURES_H

#include <catalog/picture_parts.h>
#include <text/vocab.h>

/* What a field gives to the model: its first so many words. Nothing shorter than a page of prose is cut; without a
 * bound one megabyte of description would be a hundred products' work. */
enum { SAGE_FIELD_WORDS_MAX = 1000 };

/* The normalised texts of a product's fields; reused from product to product. */
typedef struct sage_product_text {
    sage_buf bytes;
    size_t begin[SAGE_FIELDS + 1]; /* field f is bytes.data[begin[f] .. begin[f+1]) */
} sage_product_text;
void sage_product_text_init(sage_product_text *text);
void sage_product_text_free(sage_product_text *text);
sage_status sage_product_text_read(const sage_product_row *row, sage_product_text *text, sage_error *error);
sage_str sage_product_text_field(const sage_product_text *text, sage_field field); /* lives as long as the text */

/* The words of a normalised field that count, in place of what *words held; views into `field`. */
sage_status sage_field_words(sage_str field, sage_str **words, size_t *capacity, size_t *n, sage_error *error);

/* Ids of all fields; reused (zeroed before the first use). ids[begin[f] .. begin[f+1]) belong to field f: its words,
 * then bigrams, then trigrams. */
typedef struct sage_product_ids {
    uint32_t *ids;
    size_t capacity;
    size_t begin[SAGE_FIELDS + 1];
    sage_str *words; /* scratch */
    size_t words_capacity;
} sage_product_ids;
void sage_product_ids_free(sage_product_ids *ids);
sage_status sage_product_ids_read(const sage_vocab *vocab, const sage_product_text *text, sage_product_ids *ids,
                                  sage_error *error);

/* Image vectors of a shop, by file and row; files are mapped once. Any width and parts, the same for all. One thread at
 * a time. */
typedef struct sage_image_store sage_image_store;
/* The catalogue, which says of which parts vectors are, must outlive the store; NULL: all are of one part. */
sage_status sage_image_store_open(sage_catalog *catalog, const char *pictures_dir, sage_image_store **store,
                                  sage_error *error);
void sage_image_store_close(sage_image_store *store);
/* From now on a file whose vectors are not of the encoder of this identity is SAGE_E_STATE. Once at most. */
sage_status sage_image_store_expect(sage_image_store *store, const char *identity, sage_error *error);
/* Copies the vectors of a product's images into out (grown), each part L2-normalised; *n vectors of *dim (0 as long as
 * no vector has been read). Images without a vector, and those with a part of length zero, are passed over; one that is
 * not finite, a row outside its file or a file of another width or of other parts is SAGE_E_FORMAT. */
sage_status sage_image_store_read(sage_image_store *store, const sage_product_row *row, float **out, size_t *capacity,
                                  size_t *n, size_t *dim, sage_error *error);
/* Appends the vector of one image to those of out, as above. */
sage_status sage_image_store_add(sage_image_store *store, const sage_image_ref *image, float **out, size_t *capacity,
                                 size_t *n, sage_error *error);
size_t sage_image_store_dim(const sage_image_store *store); /* 0 as long as no vector has been read */
void sage_image_store_parts(const sage_image_store *store, sage_picture_parts *parts); /* n = 0: as above */
/* Scales one vector to length 1 as the store does; returns its squared length before. Where that is 0 or not finite
 * the vector stays as it is. */
double sage_image_scale(float *vector, size_t dim);
/* Each part to length 1; returns the least squared length of a part, or one that is not finite. */
double sage_image_scale_parts(float *vector, const sage_picture_parts *parts);

#endif
