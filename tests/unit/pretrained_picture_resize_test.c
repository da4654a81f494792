#include "pretrained_pictures.h"

static const sage_picture_rule cut = {16, 20, SAGE_RESAMPLE_BICUBIC, {0.5f, 0.4f, 0.3f}, {0.2f, 0.25f, 0.5f}};
static const sage_picture_rule stretched = {16, 0, SAGE_RESAMPLE_BILINEAR, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};

static void read_whole(const char *name, size_t wanted, sage_pixels *pixels) {
    assert_int_equal(sage_picture_read(picture_path(name), &sage_picture_limits_default, wanted, pixels, NULL, NULL),
                     SAGE_OK);
}

static void resizes_as_pillow_does(void **state) {
    (void)state;
    char source[64], reference[64];
    size_t width, height, cases = 0;
    int resample;
    sage_pixels from = {0}, to = {0}, wanted = {0};
    FILE *file = fopen(picture_path("resize.txt"), "r");
    assert_non_null(file);
    for (; fscanf(file, "%63s %zu %zu %d %63s", source, &width, &height, &resample, reference) == 5; cases++) {
        read_whole(source, 0, &from);
        picture_ppm(reference, &wanted);
        assert_int_equal(sage_picture_resize(&from, width, height, (sage_resample)resample, &to, NULL), SAGE_OK);
        if (picture_distance(&to, &wanted) > 1) fail_msg("%s is off by %d", reference, picture_distance(&to, &wanted));
    }
    fclose(file);
    assert_int_equal(cases, 15);
    sage_pixels_free(&from);
    sage_pixels_free(&to);
    sage_pixels_free(&wanted);
}

/* What is one colour stays it, white and black too, whatever the sizes. */
static void keeps_flat_colours(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 5, 17, 100, 257};
    static const unsigned char colours[][3] = {{255, 255, 255}, {0, 0, 0}, {1, 254, 77}};
    sage_pixels from = {0}, to = {0};
    for (size_t i = 0; i < 7 * 7 * 3 * 3; i++) {
        const unsigned char *colour = colours[i % 3];
        size_t width = sizes[i / 9 % 7], height = sizes[i / 63], n = 0;
        assert_int_equal(sage_pixels_size(&from, width, height, NULL), SAGE_OK);
        for (size_t p = 0; p < width * height; p++) memcpy(from.rgb + 3 * p, colour, 3);
        assert_int_equal(sage_picture_resize(&from, height + 1, 16, (sage_resample)(i / 3 % 3), &to, NULL), SAGE_OK);
        for (size_t p = 0; p < to.width * to.height; p++) n += memcmp(to.rgb + 3 * p, colour, 3) == 0;
        assert_int_equal(n, (height + 1) * 16);
    }
    sage_pixels_free(&from);
    sage_pixels_free(&to);
}

static void same_shape(const sage_picture_rule *rule, const char *reference) {
    sage_pixels from = {0}, scratch = {0}, wanted = {0};
    float out[3][16][16], worst = 0;
    read_whole("noise.png", 0, &from);
    picture_ppm(reference, &wanted);
    assert_int_equal(wanted.width, 16);
    assert_int_equal(sage_picture_shape(&from, rule, &scratch, &out[0][0][0], NULL), SAGE_OK);
    for (size_t i = 0; i < 3 * 256; i++) {
        size_t c = i / 256, p = i % 256;
        float value = (out[c][p / 16][p % 16] * rule->std[c] + rule->mean[c]) * 255 - (float)wanted.rgb[3 * p + c];
        if (value < 0) value = -value;
        worst = value > worst ? value : worst;
    }
    if (worst > 1.01f) fail_msg("%s is off by %g", reference, (double)worst);
    sage_pixels_free(&from);
    sage_pixels_free(&scratch);
    sage_pixels_free(&wanted);
}

static void shapes_for_encoders(void **state) {
    (void)state;
    same_shape(&cut, "noise-cut.ppm");
    same_shape(&stretched, "noise-stretched.ppm");
    assert_int_equal(sage_picture_wanted(&cut), 20);
    assert_int_equal(sage_picture_wanted(&stretched), 16);
}

static void refuses_rules_without_sense(void **state) {
    (void)state;
    static float out[3 * 16 * 16];
    sage_pixels from = {0}, scratch = {0};
    sage_error error;
    sage_picture_rule rule = cut;
    assert_int_equal(sage_picture_shape(&from, &rule, &scratch, out, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_picture_resize(&from, 1, 1, SAGE_RESAMPLE_BICUBIC, &scratch, &error), SAGE_E_ARGUMENT);
    read_whole("noise.png", 0, &from);
    assert_int_equal(sage_picture_resize(&from, 0, 1, SAGE_RESAMPLE_BICUBIC, &scratch, &error), SAGE_E_ARGUMENT);
    rule.resize = 15;
    assert_int_equal(sage_picture_shape(&from, &rule, &scratch, out, &error), SAGE_E_ARGUMENT);
    rule = cut;
    rule.std[2] = 0;
    assert_int_equal(sage_picture_shape(&from, &rule, &scratch, out, &error), SAGE_E_ARGUMENT);
    rule = cut;
    rule.size = 0;
    assert_int_equal(sage_picture_shape(&from, &rule, &scratch, out, &error), SAGE_E_ARGUMENT);
    sage_pixels_free(&from);
    sage_pixels_free(&scratch);
}

/* The middle of a line of one pixel's height, half black and half white, without the 16,000 columns on either side. */
static void bears_extreme_ratios(void **state) {
    (void)state;
    static float out[3 * 16 * 16];
    sage_pixels from = {0}, scratch = {0};
    assert_int_equal(sage_pixels_size(&from, 32768, 1, NULL), SAGE_OK);
    for (size_t x = 0; x < 32768; x++) memset(from.rgb + 3 * x, x < 16384 ? 0 : 255, 3);
    assert_int_equal(sage_picture_shape(&from, &cut, &scratch, out, NULL), SAGE_OK);
    assert_true(out[0] < -1 && out[15] > 1);
    assert_int_equal(sage_picture_resize(&from, 1, 32768, SAGE_RESAMPLE_LANCZOS, &scratch, NULL), SAGE_OK);
    assert_in_range(scratch.rgb[0], 126, 129);
    sage_pixels_free(&from);
    sage_pixels_free(&scratch);
}

/* The average of by x by pixels each. */
static void average(const sage_pixels *from, size_t by, sage_pixels *to) {
    assert_int_equal(sage_pixels_size(to, from->width / by, from->height / by, NULL), SAGE_OK);
    for (size_t i = 0; i < to->width * to->height * 3; i++) {
        size_t x = i / 3 % to->width, y = i / 3 / to->width, sum = by * by / 2;
        for (size_t p = 0; p < by * by; p++)
            sum += from->rgb[((y * by + p / by) * from->width + x * by + p % by) * 3 + i % 3];
        to->rgb[i] = (unsigned char)(sum / (by * by));
    }
}

static double mean_distance(const sage_pixels *a, const sage_pixels *b) {
    double sum = 0;
    size_t n = a->width * a->height * 3;
    for (size_t i = 0; i < n; i++) sum += abs((int)a->rgb[i] - (int)b->rgb[i]);
    return sum / (double)n;
}

/* 300 x 240: what is wanted decides by how much it comes smaller; what comes is the average of what the file has. */
static void reads_large_pictures_smaller(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t wanted, width, height, by;
        double tolerance; /* of the mean difference */
    } cases[] = {
        {"wide.jpg", 240, 300, 240, 1, 0},      {"wide.jpg", 81, 300, 240, 1, 0},  {"wide.jpg", 80, 150, 120, 2, 2.5},
        {"wide.jpg", 41, 150, 120, 2, 2.5},     {"wide.jpg", 40, 75, 60, 4, 2.5},  {"wide.jpg", 20, 38, 30, 8, 255},
        {"wide.jpg", 1, 38, 30, 8, 255},        {"wide.webp", 81, 300, 240, 1, 0}, {"wide.webp", 80, 150, 120, 2, 2.5},
        {"wide.webp", 53, 100, 80, 3, 2.5},     {"wide.png", 80, 150, 120, 2, 0},  {"wide.png", 53, 100, 80, 3, 0},
        {"wide.png", 13, 25, 20, 12, 0},        {"wide.png", 22, 43, 35, 7, 255},  {"wide.png", 1, 2, 2, 160, 255},
        {"wide.png", SIZE_MAX, 300, 240, 1, 0},
    };
    sage_pixels whole = {0}, pixels = {0}, wanted = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_whole(cases[i].name, 0, &whole);
        read_whole(cases[i].name, cases[i].wanted, &pixels);
        assert_int_equal(pixels.width, cases[i].width);
        assert_int_equal(pixels.height, cases[i].height);
        if (cases[i].tolerance == 255) continue; /* not a whole number of blocks */
        average(&whole, cases[i].by, &wanted);
        if (mean_distance(&pixels, &wanted) > cases[i].tolerance)
            fail_msg("%s for %zu is off by %g", cases[i].name, cases[i].wanted, mean_distance(&pixels, &wanted));
    }
    sage_pixels_free(&whole);
    sage_pixels_free(&pixels);
    sage_pixels_free(&wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizes_as_pillow_does), cmocka_unit_test(keeps_flat_colours),
        cmocka_unit_test(shapes_for_encoders),    cmocka_unit_test(refuses_rules_without_sense),
        cmocka_unit_test(bears_extreme_ratios),   cmocka_unit_test(reads_large_pictures_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
