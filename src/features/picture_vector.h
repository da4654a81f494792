/* One picture's vector, of its file's bytes, as a pass over many makes it (features/pictures.h). */
#ifndef SAGE_FEATURES_PICTURE_VECTOR_H
#define SAGE_FEATURES_PICTURE_VECTOR_H

#include <features/picture_encoder.h>
#include <pretrained/picture.h>

/* out [encoder->dim], finite. `name` stands in error texts. SAGE_E_FORMAT: no picture, a broken one, or weights that
 * give numbers which are not finite; SAGE_E_LIMIT: too large. */
sage_status sage_picture_vector(sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                float *out, sage_error *error);

#endif
