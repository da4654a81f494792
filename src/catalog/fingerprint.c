#include <base/error.h>
#include <catalog/fingerprint.h>
#include <text/normalise.h>
#include <xxhash.h>

static sage_status add_u32(sage_buf *buf, size_t value, sage_error *error) {
    const unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 24)};
    return sage_buf_add(buf, bytes, sizeof bytes, error);
}

static sage_status add_str(sage_buf *buf, sage_str text, sage_error *error) {
    sage_status st = add_u32(buf, text.len, error);
    return st == SAGE_OK ? sage_buf_add(buf, text.data, text.len, error) : st;
}

/* The length goes before bytes that are not known yet: written after them, into the room left for it. */
static sage_status add_normalised(sage_buf *buf, sage_str text, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t at = buf->len;
    SAGE_TRY(add_u32(buf, 0, error));
    if (text.len == 0) return SAGE_OK;
    SAGE_TRY(sage_normalise(text.data, text.len, buf, error));
    size_t len = buf->len - at - 4;
    for (size_t i = 0; i < 4; i++) buf->data[at + i] = (char)(unsigned char)(len >> (8 * i));
out:
    return st;
}

static sage_status add_picture(sage_buf *buf, const sage_picture *picture, sage_error *error) {
    sage_status st = sage_buf_byte(buf, picture->has_vector ? 'v' : 'l', error);
    if (st != SAGE_OK) return st;
    return picture->has_vector ? sage_buf_add(buf, picture->vector_hash, 16, error)
                               : add_str(buf, picture->link, error);
}

void sage_hash_bytes(const void *bytes, size_t n, unsigned char out[16]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, n));
    for (size_t i = 0; i < 16; i++) out[i] = canonical.digest[i];
}

void sage_hash_halves(uint64_t low, uint64_t high, unsigned char out[16]) {
    for (size_t i = 0; i < 8; i++) {
        out[i] = (unsigned char)(high >> (56 - 8 * i));
        out[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    }
}

sage_fingerprint sage_fingerprint_read(const unsigned char blob[16]) {
    sage_fingerprint fingerprint = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        fingerprint.high = fingerprint.high << 8 | blob[i];
        fingerprint.low = fingerprint.low << 8 | blob[8 + i];
    }
    return fingerprint;
}

sage_status sage_fingerprint_make(const sage_str fields[SAGE_FIELDS], const sage_picture *pictures, size_t n,
                                  sage_buf *scratch, unsigned char out[16], sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_clear(scratch);
    for (size_t f = 0; f < SAGE_FIELDS; f++) SAGE_TRY(add_normalised(scratch, fields[f], error));
    SAGE_TRY(add_u32(scratch, n, error));
    for (size_t i = 0; i < n; i++) SAGE_TRY(add_picture(scratch, &pictures[i], error));
    sage_hash_bytes(scratch->data, scratch->len, out);
out:
    return st;
}

sage_status sage_row_hash(const sage_feed_product *product, sage_buf *scratch, unsigned char out[16],
                          sage_error *error) {
    sage_status st = SAGE_OK;
    const int64_t prices[2] = {product->price_minor, product->sale_price_minor};
    sage_buf_clear(scratch);
    for (size_t i = 0; i < SAGE_P_TEXTS; i++) SAGE_TRY(add_str(scratch, product->text[i], error));
    for (size_t i = 0; i < 2; i++) {
        SAGE_TRY(add_u32(scratch, (uint32_t)((uint64_t)prices[i] & UINT32_MAX), error));
        SAGE_TRY(add_u32(scratch, (uint32_t)((uint64_t)prices[i] >> 32), error));
    }
    SAGE_TRY(sage_buf_add(scratch, product->currency, 4, error));
    SAGE_TRY(add_u32(scratch, product->n_images, error));
    for (size_t i = 0; i < product->n_images; i++) SAGE_TRY(add_str(scratch, product->images[i], error));
    SAGE_TRY(add_str(scratch, product->attributes_json, error));
    sage_hash_bytes(scratch->data, scratch->len, out);
out:
    return st;
}
