#include <keywords/impl.h>
#include <keywords/numbers.h>

bool sage_list_of(const sage_keywords *keywords, size_t word, sage_list *list) {
    const sage_keywords_word *found = &keywords->words[word];
    uint32_t first = found[0].block, end = found[1].block;
    list->n = list->n_blocks = 0;
    list->products = list->counts = NULL;
    list->look.block = list->scan.block = SAGE_NO_BLOCK;
    if (first > end || end > keywords->n_blocks || found->count == 0 || found->count > keywords->n ||
        (found->count - 1) / SAGE_KEYWORDS_BLOCK + 1 != end - first)
        return false;
    list->blocks = keywords->blocks + first;
    list->n_blocks = end - first;
    list->n = found->count;
    return true;
}

void sage_list_of_word(sage_keywords *keywords, sage_str word, sage_list *list) {
    size_t at = sage_keywords_find_word(keywords, word);
    if (at < keywords->n_words) {
        if (!sage_list_of(keywords, at, list)) keywords->damaged = true;
        return;
    }
    list->n = list->n_blocks = 0;
    list->products = list->counts = NULL;
    list->look.block = list->scan.block = SAGE_NO_BLOCK;
}

static uint32_t products_of(const sage_list *list, uint32_t block) {
    uint32_t left = list->n - block * SAGE_KEYWORDS_BLOCK;
    return left < SAGE_KEYWORDS_BLOCK ? left : SAGE_KEYWORDS_BLOCK;
}

/* Products ascend and end with what the block promises, which is below n: so all are. */
bool sage_list_unpack(const sage_keywords *k, const sage_list *list, uint32_t block, sage_list_block *out) {
    const sage_keywords_place place = sage_keywords_unpack_place(list->blocks[block].at);
    uint64_t product = block > 0 ? (uint64_t)list->blocks[block - 1].last + 1 : 0;
    uint32_t n = out->n = products_of(list, block);
    out->block = block;
    if (place.number_bits > 32 || place.count_bits > 32 || list->blocks[block].last >= k->n) return false;
    uint64_t number_bytes = sage_numbers_bytes(n, place.number_bits),
             bytes = number_bytes + sage_numbers_bytes(n, place.count_bits) + SAGE_KEYWORDS_SLACK;
    if (place.at > k->postings_bytes || bytes > k->postings_bytes - place.at) return false;
    const unsigned char *numbers = k->postings + place.at, *counts = numbers + number_bytes;
    for (uint32_t i = 0; i < n; i++) {
        product += sage_number_get(numbers, i, place.number_bits);
        out->products[i] = (uint32_t)product++;
    }
    for (uint32_t i = 0; i < n; i++) out->counts[i] = sage_number_get(counts, i, place.count_bits) + 1;
    return product == (uint64_t)list->blocks[block].last + 1;
}

bool sage_list_read(sage_keywords *keywords, const sage_list *list, uint32_t block, sage_list_block *out) {
    out->block = block;
    out->n = products_of(list, block);
    if (list->products != NULL) {
        size_t first = (size_t)block * SAGE_KEYWORDS_BLOCK, bytes = out->n * sizeof *out->products;
        memcpy(out->products, list->products + first, bytes);
        memcpy(out->counts, list->counts + first, bytes);
        return true;
    }
    if (sage_list_unpack(keywords, list, block, out)) return true;
    keywords->damaged = true;
    out->n = 0;
    return false;
}

/* In growing steps, then halves. */
uint32_t sage_list_seek(const sage_list *list, uint32_t from, uint32_t product) {
    uint32_t low = from, high = from, step = 1;
    while (high < list->n_blocks && list->blocks[high].last < product) {
        low = high + 1;
        high = step < list->n_blocks - high ? high + step : list->n_blocks;
        step *= 2;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->blocks[middle].last < product)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sage_list_find(sage_keywords *keywords, sage_list *list, uint32_t product, uint32_t *at) {
    sage_list_block *look = &list->look;
    uint32_t from = look->block == SAGE_NO_BLOCK || (look->block > 0 && list->blocks[look->block - 1].last >= product)
                        ? 0
                        : look->block;
    uint32_t block = sage_list_seek(list, from, product);
    if (block == list->n_blocks) return false;
    if (block != look->block && !sage_list_read(keywords, list, block, look)) return false;
    uint32_t low = 0, n = look->n;
    while (n > 0) {
        uint32_t half = n / 2;
        bool below = look->products[low + half] < product;
        low += below ? half + 1 : 0;
        n = below ? n - half - 1 : half;
    }
    *at = low;
    return low < look->n && look->products[low] == product;
}
