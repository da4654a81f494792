/* Rows whose query is a picture: one that events began with, or one of a product's own, which the product then has to
 * be found by without: that picture and its copies are left out of its tokens in that row. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/prints.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

size_t sage_sampler_images(const sage_sampler *sampler) {
    const sage_dataset *d = sampler->dataset;
    return d->image_dim == 0 || d->image_prints == NULL ? 0 : (size_t)d->image_begin[sampler->n_products];
}

sage_status sage_pictures_allocate(sage_sampler *sampler, sage_error *error) {
    sage_picture_rows *p = &sampler->pictures;
    size_t n = p->n, dim = sampler->dataset->image_dim;
    if (n == 0) return SAGE_OK;
    p->image = sage_alloc(n * sizeof *p->image);
    p->print = sage_alloc(n * sizeof *p->print);
    p->held_out = sage_alloc(n * sizeof *p->held_out);
    p->vectors = sage_alloc(n * dim * sizeof *p->vectors);
    p->n_slots = 16;
    while (p->n_slots < 2 * n) p->n_slots *= 2;
    p->slots = sage_alloc(p->n_slots * sizeof *p->slots);
    p->next = sage_alloc(n * sizeof *p->next);
    if (p->image == NULL || p->print == NULL || p->held_out == NULL || p->vectors == NULL || p->slots == NULL ||
        p->next == NULL)
        return sage_fail_memory(error, n * dim * sizeof *p->vectors);
    return SAGE_OK;
}

static bool has_picture(const sage_sampler *s, const sage_task_source *source, size_t place, void *ctx) {
    const uint64_t *begin = s->dataset->picture_begin + source->pairs[place].query;
    (void)ctx;
    return begin[1] > begin[0];
}

sage_status sage_pictures_choose(sage_sampler *sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_dataset_given_count(sampler->dataset, SAGE_ON_IMAGE) == 0) return SAGE_OK; /* then all have one */
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++)
        SAGE_TRY(sage_source_choose(sampler, SAGE_ON_IMAGE * SAGE_EVENT_KINDS + k, has_picture, NULL, error));
out:
    return st;
}

void sage_pictures_free(sage_picture_rows *pictures) {
    sage_free(pictures->image);
    sage_free(pictures->print);
    sage_free(pictures->held_out);
    sage_free(pictures->vectors);
    sage_free(pictures->slots);
    sage_free(pictures->next);
}

size_t sage_pictures_bytes(const sage_sampler *sampler) {
    const sage_picture_rows *p = &sampler->pictures;
    return p->n * (sizeof *p->image + sizeof *p->print + 1 + sizeof *p->next +
                   sampler->dataset->image_dim * sizeof *p->vectors) +
           p->n_slots * sizeof *p->slots;
}

uint32_t sage_pictures_owner(const sage_sampler *sampler, uint64_t image) {
    const uint64_t *begin = sampler->dataset->image_begin;
    size_t low = 0, high = sampler->n_products; /* begin[low] <= image < begin[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (begin[middle] <= image)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)low;
}

void sage_pictures_fill(sage_sampler *sampler, size_t row) {
    const sage_dataset *d = sampler->dataset;
    sage_picture_rows *p = &sampler->pictures;
    size_t i = row - sampler->n_texts, dim = d->image_dim;
    const float *vector;
    sage_rng rng;
    sage_row_rng(sampler, &rng, SAGE_STREAM_PICTURE, row);
    if (sampler->query[row] == UINT32_MAX) {
        vector = d->images + p->image[i] * dim;
    } else {
        sage_packed_query query;
        sage_dataset_query(d, sampler->query[row], &query);
        vector = query.picture;
    }
    memcpy(p->vectors + i * dim, vector, dim * sizeof *vector);
    p->print[i] = sage_picture_print(vector, dim);
    p->held_out[i] = sage_rng_unit(&rng) < sampler->settings.picture_holdout;
}

bool sage_pictures_hold_out(const sage_sampler *sampler, size_t column, uint64_t print) {
    const sage_picture_rows *p = &sampler->pictures;
    if (column < sampler->n_texts || column >= sampler->n_texts + p->n) return false;
    size_t i = column - sampler->n_texts;
    return p->held_out[i] && p->print[i] == print;
}

/* ---- masks: a product that shows the row's picture is no negative of it ---- */

enum { NONE = UINT32_MAX };

static void index_prints(sage_picture_rows *p) {
    memset(p->slots, 0xFF, p->n_slots * sizeof *p->slots);
    for (size_t i = p->n; i-- > 0;) {
        size_t at = sage_mix64(p->print[i]) & (p->n_slots - 1);
        while (p->slots[at] != NONE && p->print[p->slots[at]] != p->print[i]) at = (at + 1) & (p->n_slots - 1);
        p->next[i] = p->slots[at];
        p->slots[at] = (uint32_t)i;
    }
}

static uint32_t find_print(const sage_picture_rows *p, uint64_t print) {
    size_t at = sage_mix64(print) & (p->n_slots - 1);
    while (p->slots[at] != NONE && p->print[p->slots[at]] != print) at = (at + 1) & (p->n_slots - 1);
    return p->slots[at];
}

void sage_pictures_mask(sage_sampler *sampler) {
    sage_sampler *s = sampler;
    const sage_dataset *d = s->dataset;
    size_t columns = s->settings.batch + s->n_random, words = (columns + 63) / 64;
    if (s->pictures.n == 0 || d->image_prints == NULL) return;
    index_prints(&s->pictures);
    for (size_t column = 0; column < columns; column++) {
        uint32_t product = s->product[column];
        for (uint64_t image = d->image_begin[product]; image < d->image_begin[product + 1]; image++) {
            for (uint32_t i = find_print(&s->pictures, d->image_prints[image]); i != NONE; i = s->pictures.next[i])
                s->mask[(s->n_texts + i) * words + column / 64] |= UINT64_C(1) << column % 64;
        }
    }
}
