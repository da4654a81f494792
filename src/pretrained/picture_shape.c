/* Pixels as an encoder takes them. */
#include <base/error.h>
#include <pretrained/picture_resize.h>

enum { SIZE_MAX_PIXELS = 4096 }; /* encoders take 224 to 1,024 */

size_t sage_picture_wanted(const sage_picture_rule *rule) {
    return rule->resize != 0 ? rule->resize : rule->size;
}

static sage_status check(const sage_pixels *from, const sage_picture_rule *rule, sage_error *error) {
    if (from->width == 0 || from->height == 0) return sage_fail(error, SAGE_E_ARGUMENT, "a picture without pixels");
    if (rule->size == 0 || rule->size > SIZE_MAX_PIXELS || (rule->resize != 0 && rule->resize < rule->size) ||
        rule->resize > SIZE_MAX_PIXELS)
        return sage_fail(error, SAGE_E_ARGUMENT, "pictures of size %zu cut from a side of %zu; sizes go from 1 to %d",
                         rule->size, rule->resize, SIZE_MAX_PIXELS);
    for (size_t c = 0; c < 3; c++) {
        if (rule->std[c] == 0) return sage_fail(error, SAGE_E_ARGUMENT, "a standard deviation of 0 for pictures");
    }
    return SAGE_OK;
}

/* The part of one direction that is wanted; `other` is the other direction's length. */
static sage_span span(size_t length, size_t other, const sage_picture_rule *rule) {
    if (rule->resize == 0) return (sage_span){rule->size, 0, rule->size};
    size_t whole = length <= other ? rule->resize : rule->resize * length / other;
    return (sage_span){whole, (whole - rule->size) / 2, rule->size};
}

sage_status sage_picture_shape(const sage_pixels *from, const sage_picture_rule *rule, sage_pixels *scratch, float *out,
                               sage_error *error) {
    float value[3][256];
    sage_status st = SAGE_OK;
    SAGE_TRY(check(from, rule, error));
    SAGE_TRY(sage_picture_resize_part(from, span(from->width, from->height, rule),
                                      span(from->height, from->width, rule), rule->resample, scratch, error));
    for (size_t c = 0; c < 3; c++) {
        for (size_t v = 0; v < 256; v++) value[c][v] = ((float)v / 255 - rule->mean[c]) / rule->std[c];
    }
    size_t n = rule->size * rule->size;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < 3; c++) out[c * n + i] = value[c][scratch->rgb[3 * i + c]];
    }
out:
    return st;
}
