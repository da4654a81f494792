/* One picture's vector, of its file's bytes, as a pass over many makes it (features/pictures.h). */
#ifndef SAGE_FEATURES_PICTURE_VECTOR_H
#define SAGE_FEATURES_PICTURE_VECTOR_H

#include <features/picture_encoder.h>
#include <pretrained/picture.h>

/* One thread's, zeroed before the first use. */
typedef struct sage_picture_scratch {
    sage_pixels pixels, shaped;
} sage_picture_scratch;
void sage_picture_scratch_free(sage_picture_scratch *scratch);

/* The squares [3][s][s] that the encoder's parts take of a picture: squares [n_parts]; NULL: that one is not asked for.
 * Decoded once where parts see the same pixels, so that each sees what it would alone. Errors as below. */
sage_status sage_picture_squares(const sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                 sage_picture_scratch *scratch, float *const *squares, sage_error *error);

/* out [encoder->dim], finite. `name` stands in error texts. SAGE_E_FORMAT: no picture, a broken one, or weights that
 * give numbers which are not finite; SAGE_E_LIMIT: too large. */
sage_status sage_picture_vector(sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                float *out, sage_error *error);

#endif
