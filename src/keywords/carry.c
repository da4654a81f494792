#include <base/error.h>
#include <keywords/carry.h>
#include <keywords/impl.h>
#include <keywords/numbers.h>

typedef struct carrier {
    const sage_keywords *before;
    const uint32_t *numbers;
    sage_spool *run;
} carrier;

static sage_status damaged(const sage_keywords *k, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s is damaged (a list of products); it must be built again", k->path);
}

/* Where the places of a block begin; NULL where they do not lie in the file. */
static const unsigned char *places_of(const sage_keywords *k, const sage_keywords_place *place, uint32_t n,
                                      uint64_t n_places) {
    const uint64_t before = sage_numbers_bytes(n, place->number_bits) + sage_numbers_bytes(n, place->count_bits),
                   bytes = before + sage_numbers_bytes(n_places, place->place_bits) + SAGE_KEYWORDS_SLACK;
    if (place->place_bits > 32 || place->at > k->postings_bytes || bytes > k->postings_bytes - place->at) return NULL;
    return k->postings + place->at + before;
}

/* How often the word stands in what is carried over. */
static bool count_carried(const carrier *c, const sage_list *list, uint64_t *carried) {
    sage_list_block block;
    *carried = 0;
    for (uint32_t b = 0; b < list->n_blocks; b++) {
        if (!sage_list_unpack(c->before, list, b, &block)) return false;
        for (uint32_t i = 0; i < block.n; i++)
            if (c->numbers[block.products[i]] != SAGE_NOT_CARRIED) *carried += block.counts[i];
    }
    return true;
}

static sage_status carry_block(const carrier *c, const sage_list *list, uint32_t b, sage_occurrence *last,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    sage_list_block block;
    uint64_t n_places = 0, at = 0;
    if (!sage_list_unpack(c->before, list, b, &block)) return damaged(c->before, error);
    for (uint32_t i = 0; i < block.n; i++) n_places += block.counts[i];
    const sage_keywords_place place = sage_keywords_unpack_place(list->blocks[b].at);
    const unsigned char *places = places_of(c->before, &place, block.n, n_places);
    if (places == NULL) return damaged(c->before, error);
    for (uint32_t i = 0; i < block.n; at += block.counts[i++]) {
        const uint32_t number = c->numbers[block.products[i]];
        for (uint32_t j = 0; number != SAGE_NOT_CARRIED && j < block.counts[i]; j++)
            SAGE_TRY(sage_run_occurrence(
                c->run, last, (sage_occurrence){number, sage_number_get(places, at + j, place.place_bits)}, error));
    }
out:
    return st;
}

static sage_status carry_word(const carrier *c, size_t at, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_str word;
    sage_list list;
    uint64_t carried;
    sage_occurrence last = {0};
    if (!sage_keywords_word_at(c->before, at, &word) || !sage_list_of(c->before, at, &list) ||
        !count_carried(c, &list, &carried) || carried > UINT32_MAX)
        return damaged(c->before, error);
    if (carried == 0) return SAGE_OK;
    SAGE_TRY(sage_run_word(c->run, word, (uint32_t)carried, error));
    for (uint32_t b = 0; b < list.n_blocks; b++) SAGE_TRY(carry_block(c, &list, b, &last, error));
out:
    return st;
}

sage_status sage_keywords_pour_lists(const sage_keywords *before, const uint32_t *numbers, sage_spool *run,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    const carrier c = {before, numbers, run};
    for (size_t at = 0; at < before->n_words; at++) SAGE_TRY(carry_word(&c, at, error));
out:
    return st;
}
