#include <base/alloc.h>
#include <base/error.h>
#include <features/picture_vector.h>

void sage_picture_scratch_free(sage_picture_scratch *scratch) {
    sage_pixels_free(&scratch->pixels);
    sage_pixels_free(&scratch->shaped);
}

sage_status sage_picture_squares(const sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                 sage_picture_scratch *scratch, float *const *squares, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_info info;
    size_t decoded = 0; /* for which side */
    for (size_t i = 0; i < encoder->n_parts; i++) {
        const sage_picture_rule *rule = encoder->parts[i].rule;
        size_t wanted = sage_picture_wanted(rule);
        if (squares[i] == NULL) continue;
        if (decoded == 0 || !sage_picture_same_pixels(&info, decoded, wanted))
            SAGE_TRY(sage_picture_decode(name, file->bytes, file->n_bytes, &sage_picture_limits_default, wanted,
                                         &scratch->pixels, &info, error));
        decoded = wanted;
        SAGE_TRY(sage_picture_shape(&scratch->pixels, rule, &scratch->shaped, squares[i], error));
    }
out:
    return st;
}

static sage_status encode(sage_picture_encoder *encoder, const char *name, float *const *squares, float *out,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < encoder->n_parts; i++) {
        const sage_encoder_part *part = &encoder->parts[i];
        SAGE_TRY(sage_picture_encoder_run(encoder, i, 1, squares[i], out + part->at, error));
        SAGE_TRY(sage_picture_encoder_check(part, name, out + part->at, error));
    }
out:
    return st;
}

sage_status sage_picture_vector(sage_picture_encoder *encoder, const char *name, const sage_picture_file *file,
                                float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_scratch scratch = {{0}};
    float *squares[SAGE_PICTURE_PARTS_MAX] = {NULL};
    for (size_t i = 0; i < encoder->n_parts; i++) {
        const size_t s = encoder->parts[i].rule->size, bytes = 3 * s * s * sizeof *out;
        if ((squares[i] = sage_alloc(bytes)) == NULL) SAGE_TRY(sage_fail_memory(error, bytes));
    }
    SAGE_TRY(sage_picture_squares(encoder, name, file, &scratch, squares, error));
    SAGE_TRY(encode(encoder, name, squares, out, error));
out:
    for (size_t i = 0; i < encoder->n_parts; i++) sage_free(squares[i]);
    sage_picture_scratch_free(&scratch);
    return st;
}
