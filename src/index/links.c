#include <base/alloc.h>
#include <base/error.h>
#include <index/beam.h>
#include <index/links.h>
#include <index/score.h>

sage_status sage_chooser_new(sage_chooser *chooser, size_t m, sage_error *error) {
    size_t room = 2 * m + 1;
    *chooser = (sage_chooser){.keys = sage_alloc(room * sizeof *chooser->keys),
                              .chosen = sage_alloc(3 * room * sizeof *chooser->chosen)};
    if (chooser->keys == NULL || chooser->chosen == NULL) {
        sage_chooser_free(chooser);
        return sage_fail_memory(error, room * sizeof *chooser->keys);
    }
    chooser->scores = chooser->chosen + room;
    chooser->rows = chooser->scores + room;
    return SAGE_OK;
}

void sage_chooser_free(sage_chooser *chooser) {
    sage_free(chooser->keys);
    sage_free(chooser->chosen);
    *chooser = (sage_chooser){0};
}

size_t sage_choose(sage_chooser *chooser, const sage_codes *codes, const uint64_t *keys, size_t n, size_t most) {
    size_t taken = 0;
    for (size_t i = 0; i < n && taken < most; i++) {
        uint32_t row = sage_beam_row(keys[i]), score = sage_beam_score(keys[i]);
        bool hidden = false;
        sage_codes_score(codes, sage_codes_row(codes, row), taken, chooser->chosen, chooser->scores);
        for (size_t j = 0; j < taken; j++) hidden |= chooser->scores[j] > score;
        chooser->chosen[taken] = row;
        taken += !hidden;
    }
    return taken;
}

size_t sage_choose_once(sage_chooser *chooser, uint32_t row, size_t taken) {
    for (size_t i = 0; i < taken; i++)
        if (chooser->chosen[i] == row) return taken;
    chooser->chosen[taken] = row;
    return taken + 1;
}

size_t sage_choose_more(sage_chooser *chooser, const uint64_t *keys, size_t n, size_t taken, size_t most) {
    for (size_t i = 0; i < n && taken < most; i++) taken = sage_choose_once(chooser, sage_beam_row(keys[i]), taken);
    return taken;
}

void sage_link_to(sage_chooser *chooser, const sage_graph *graph, const sage_codes *codes, uint32_t row, uint32_t to,
                  unsigned level) {
    uint32_t *links = sage_graph_links(graph, row, level);
    size_t width = sage_graph_width(graph, level), n = 0;
    for (; n < width; n++) {
        chooser->rows[n] = sage_link(&links[n]);
        if (chooser->rows[n] == SAGE_NO_ROW) {
            sage_link_set(&links[n], to);
            return;
        }
    }
    chooser->rows[n++] = to;
    for (size_t i = 0; i < n; i++) sage_codes_prefetch(codes, chooser->rows[i]);
    sage_codes_score(codes, sage_codes_row(codes, row), n, chooser->rows, chooser->scores);
    for (size_t i = 0; i < n; i++) chooser->keys[i] = sage_beam_key(chooser->scores[i], chooser->rows[i]);
    sage_score_sort(chooser->keys, n);
    size_t kept = sage_choose(chooser, codes, chooser->keys, n, width);
    for (size_t i = 0; i < width; i++) sage_link_set(&links[i], i < kept ? chooser->chosen[i] : SAGE_NO_ROW);
}
