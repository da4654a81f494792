/* Averaging whole blocks of pixels while rows come in, so that a large picture never lies in memory. */
#include <base/alloc.h>
#include <pretrained/picture_codec.h>
#include <string.h>

static size_t blocks(size_t n, size_t by) {
    return (n + by - 1) / by;
}

sage_status sage_box_begin(sage_box *box, const sage_picture_job *job, size_t by, sage_error *error) {
    size_t columns = blocks(job->info->width, by);
    *box = (sage_box){.width = job->info->width, .by = by, .pixels = job->pixels};
    sage_status st = sage_pixels_size(job->pixels, columns, blocks(job->info->height, by), error);
    if (st != SAGE_OK || by == 1) return st;
    box->sums = sage_alloc_zero(columns * 3, sizeof *box->sums);
    return box->sums != NULL ? SAGE_OK : sage_fail_memory(error, columns * 3 * sizeof *box->sums);
}

void sage_box_free(sage_box *box) {
    sage_free(box->sums);
    *box = (sage_box){0};
}

/* `rows` rows have been summed; the last column may have fewer pixels than `by`. */
static void put_row(sage_box *box, size_t y, size_t rows) {
    size_t columns = box->pixels->width;
    unsigned char *rgb = box->pixels->rgb + y * columns * 3;
    for (size_t x = 0; x < columns; x++) {
        size_t wide = x + 1 < columns ? box->by : box->width - x * box->by;
        uint32_t count = (uint32_t)(wide * rows);
        for (size_t c = 0; c < 3; c++) rgb[3 * x + c] = (unsigned char)((box->sums[3 * x + c] + count / 2) / count);
    }
    memset(box->sums, 0, columns * 3 * sizeof *box->sums);
}

void sage_box_row(sage_box *box, const unsigned char *rgb) {
    if (box->by == 1) {
        memcpy(box->pixels->rgb + box->rows++ * box->width * 3, rgb, box->width * 3);
        return;
    }
    uint32_t *sum = box->sums;
    for (size_t x = 0; x < box->width; sum += 3) {
        size_t end = x + box->by < box->width ? x + box->by : box->width;
        uint32_t red = 0, green = 0, blue = 0;
        for (; x < end; x++) {
            red += rgb[3 * x];
            green += rgb[3 * x + 1];
            blue += rgb[3 * x + 2];
        }
        sum[0] += red;
        sum[1] += green;
        sum[2] += blue;
    }
    if (++box->rows % box->by == 0) put_row(box, box->rows / box->by - 1, box->by);
}

size_t sage_box_end(sage_box *box) {
    size_t rest = box->rows % box->by;
    if (rest > 0) put_row(box, box->rows / box->by, rest);
    return blocks(box->rows, box->by);
}
