#include <index/filter.h>

static size_t next_by_bits(const sage_filter *filter, size_t n, size_t *row, uint32_t *rows, size_t room) {
    size_t taken = 0, at = *row;
    if (n > filter->n) n = filter->n;
    while (at < n && taken < room) {
        uint64_t word = filter->bits[at / 64] >> at % 64;
        if (word == 0) {
            at = (at / 64 + 1) * 64;
            continue;
        }
        at += (size_t)__builtin_ctzll(word);
        if (at >= n) break;
        rows[taken++] = (uint32_t)at++;
    }
    *row = at;
    return taken;
}

size_t sage_filter_next(const sage_filter *filter, size_t n, size_t *row, uint32_t *rows, size_t room) {
    if (filter != NULL && filter->bits != NULL) return next_by_bits(filter, n, row, rows, room);
    size_t taken = 0, at = *row;
    for (; at < n && taken < room; at++) {
        rows[taken] = (uint32_t)at;
        taken += filter == NULL || filter->accepts(filter->ctx, (uint32_t)at);
    }
    *row = at;
    return taken;
}
