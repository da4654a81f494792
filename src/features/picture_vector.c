#include <base/alloc.h>
#include <base/error.h>
#include <features/picture_vector.h>

sage_status sage_picture_vector(sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_picture_rule *rule = encoder->rule;
    const size_t square = 3 * rule->size * rule->size;
    sage_pixels pixels = {0}, scratch = {0};
    float *planes = sage_alloc(square * sizeof *planes);
    if (planes == NULL) return sage_fail_memory(error, square * sizeof *planes);
    SAGE_TRY(sage_picture_decode(name, file->bytes, file->n_bytes, &sage_picture_limits_default,
                                 sage_picture_wanted(rule), &pixels, NULL, error));
    SAGE_TRY(sage_picture_shape(&pixels, rule, &scratch, planes, error));
    SAGE_TRY(sage_picture_encoder_run(encoder, 1, planes, out, error));
    SAGE_TRY(sage_picture_encoder_check(encoder, name, out, error));
out:
    sage_pixels_free(&pixels);
    sage_pixels_free(&scratch);
    sage_free(planes);
    return st;
}
