#include <keywords/beside.h>
#include <keywords/impl.h>
#include <keywords/numbers.h>

void sage_beside_begin(sage_beside *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        words[i].list.look = (sage_list_block){.block = SAGE_NO_BLOCK};
        words[i].at = 0;
    }
}

/* To the first product that is not below `product`; false: there is none. */
static bool go_to(sage_keywords *k, sage_beside *word, uint32_t product) {
    sage_list_block *block = &word->list.look;
    bool begun = block->block != SAGE_NO_BLOCK;
    if (!begun || word->list.blocks[block->block].last < product) {
        uint32_t next = sage_list_seek(&word->list, begun ? block->block : 0, product);
        if (next == word->list.n_blocks || !sage_list_read(k, &word->list, next, block)) return false;
        word->at = 0;
        word->before = 0;
    }
    while (block->products[word->at] < product) word->before += block->counts[word->at++];
    return true;
}

/* The next product that holds all words, at or behind `product`. */
static bool meet(sage_keywords *k, sage_beside *words, size_t n, uint32_t *product) {
    for (size_t same = 0, i = 0; same < n; i = i + 1 < n ? i + 1 : 0) {
        if (!go_to(k, &words[i], *product)) return false;
        uint32_t found = words[i].list.look.products[words[i].at];
        same = found == *product ? same + 1 : 1;
        *product = found;
    }
    return true;
}

/* Where the word stands in the product that it has come to. */
static bool open_places(sage_keywords *k, sage_beside *word) {
    const sage_list_block *block = &word->list.look;
    const sage_keywords_place place = sage_keywords_unpack_place(word->list.blocks[block->block].at);
    /* sage_list_read has seen that what is skipped is there. */
    uint64_t skipped = sage_numbers_bytes(block->n, place.number_bits) + sage_numbers_bytes(block->n, place.count_bits),
             end = word->before + block->counts[word->at],
             bytes = sage_numbers_bytes(end, place.place_bits) + SAGE_KEYWORDS_SLACK;
    if (place.place_bits > 32 || bytes > k->postings_bytes - place.at - skipped) {
        k->damaged = true;
        return false;
    }
    word->places = k->postings + place.at + skipped;
    word->width = place.place_bits;
    word->place = 0;
    word->n_places = block->counts[word->at];
    return true;
}

static uint32_t place_of(const sage_beside *word) {
    return sage_number_get(word->places, word->before + word->place, word->width);
}

/* Does it stand at `wanted`? What is wanted ascends. */
static bool stands_at(sage_beside *word, uint64_t wanted) {
    while (word->place < word->n_places && place_of(word) < wanted) word->place++;
    return word->place < word->n_places && place_of(word) == wanted;
}

static uint32_t times_here(sage_keywords *k, sage_beside *words, size_t n) {
    uint32_t times = 0;
    for (size_t i = 0; i < n; i++)
        if (!open_places(k, &words[i])) return 0;
    for (; words->place < words->n_places; words->place++) {
        uint64_t first = place_of(words);
        bool together = true;
        for (size_t i = 1; i < n && together; i++) together = stands_at(&words[i], first + i);
        times += together;
    }
    return times;
}

bool sage_beside_next(sage_keywords *keywords, sage_beside *words, size_t n, uint32_t *product, uint32_t *times) {
    uint32_t next = words->list.look.block == SAGE_NO_BLOCK ? 0 : words->list.look.products[words->at] + 1;
    for (; meet(keywords, words, n, &next); next++) {
        *times = times_here(keywords, words, n);
        *product = next;
        if (*times > 0) return true;
    }
    return false;
}
