/* Hashes that tell whether a product changed, all XXH3-128 in canonical (big-endian) form.
 *
 * fingerprint  what the model sees: for each of the 12 fields its length (u32, little-endian) and normalised bytes; the
 *              number of pictures (u32); for each picture a byte 'v' and the 16-byte hash of its vector where it has
 * one, else 'l', the length of its link (u32) and the link. Neither price nor stock: those leave the vector good. row
 * hash     everything that a feed gives of a product, as it was read. */
#ifndef SAGE_CATALOG_FINGERPRINT_H
#define SAGE_CATALOG_FINGERPRINT_H

#include <catalog/catalog.h>
#include <catalog/import_product.h>

typedef struct sage_picture {
    sage_str link;
    bool has_vector;
    int64_t vector_file, vector_row; /* vector_files.file and the row in it */
    unsigned char vector_hash[16];   /* of the f32 values */
} sage_picture;

/* `scratch` is cleared and used. SAGE_E_LIMIT where normalised text passes its maximum. */
sage_status sage_fingerprint_make(const sage_str fields[SAGE_FIELDS], const sage_picture *pictures, size_t n,
                                  sage_buf *scratch, unsigned char out[16], sage_error *error);
sage_status sage_row_hash(const sage_feed_product *product, sage_buf *scratch, unsigned char out[16],
                          sage_error *error);
void sage_hash_bytes(const void *bytes, size_t n, unsigned char out[16]);
sage_fingerprint sage_fingerprint_read(const unsigned char blob[16]);
/* From the halves that sage_feed_hash gives. */
void sage_hash_halves(uint64_t low, uint64_t high, unsigned char out[16]);

#endif
