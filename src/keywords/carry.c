#include <base/error.h>
#include <keywords/carry.h>
#include <keywords/impl.h>
#include <keywords/numbers.h>

static sage_status damaged(const sage_keywords *k, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s is damaged (a list of products); it must be built again", k->path);
}

sage_status sage_carried_word(const sage_carried *carried, bool *more, sage_str *word, sage_error *error) {
    const sage_keywords *before = carried->before;
    *more = before != NULL && carried->at < before->n_words;
    return !*more || sage_keywords_word_at(before, carried->at, word) ? SAGE_OK : damaged(before, error);
}

/* Where the places of a block begin; NULL where they do not lie in the file. */
static const unsigned char *places_of(const sage_keywords *k, const sage_keywords_place *place, uint32_t n,
                                      uint64_t n_places) {
    const uint64_t before = sage_numbers_bytes(n, place->number_bits) + sage_numbers_bytes(n, place->count_bits),
                   bytes = before + sage_numbers_bytes(n_places, place->place_bits) + SAGE_KEYWORDS_SLACK;
    if (place->place_bits > 32 || place->at > k->postings_bytes || bytes > k->postings_bytes - place->at) return NULL;
    return k->postings + place->at + before;
}

static sage_status each_of_block(const sage_carried *c, const sage_list *list, uint32_t b, sage_carried_fn fn,
                                 void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_list_block block;
    uint64_t n_places = 0;
    if (!sage_list_unpack(c->before, list, b, &block)) return damaged(c->before, error);
    for (uint32_t i = 0; i < block.n; i++) n_places += block.counts[i];
    const sage_keywords_place place = sage_keywords_unpack_place(list->blocks[b].at);
    sage_carried_one one = {.places = places_of(c->before, &place, block.n, n_places), .place_bits = place.place_bits};
    if (one.places == NULL) return damaged(c->before, error);
    for (uint32_t i = 0; i < block.n; one.first += block.counts[i++]) {
        one.product = c->numbers[block.products[i]];
        one.count = block.counts[i];
        if (one.product != SAGE_NOT_CARRIED) SAGE_TRY(fn(ctx, &one, error));
    }
out:
    return st;
}

sage_status sage_carried_each(sage_carried *carried, sage_carried_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_list list;
    if (!sage_list_of(carried->before, carried->at, &list)) return damaged(carried->before, error);
    for (uint32_t b = 0; b < list.n_blocks; b++) SAGE_TRY(each_of_block(carried, &list, b, fn, ctx, error));
    carried->at++;
out:
    return st;
}
