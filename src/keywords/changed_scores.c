#include <base/alloc.h>
#include <base/error.h>
#include <keywords/bm25.h>
#include <keywords/impl.h>

sage_status sage_changed_scores_begin(sage_keywords *keywords, sage_error *error) {
    sage_changed_scores *scores = &keywords->scores;
    const sage_word_lists *lists = &keywords->lists;
    const size_t parts = keywords->asked.n, words = lists->n_words;
    if (sage_grow((void **)&scores->hashes, &scores->hashes_capacity, parts + 1, sizeof *scores->hashes) != 0 ||
        sage_grow((void **)&scores->idf, &scores->idf_capacity, words + 1, sizeof *scores->idf) != 0)
        return sage_fail_memory(error, (parts + words) * sizeof *scores->hashes);
    for (size_t i = 0; i < parts; i++) scores->hashes[i] = sage_word_hash(sage_asked_stem(&keywords->asked, i));
    for (size_t i = 0; i < words; i++) scores->idf[i] = sage_bm25_idf((double)keywords->n, (double)lists->words[i].n);
    return SAGE_OK;
}

/* The sum in the order of the words, as that of a product of the file (walk.c). */
double sage_changed_score(const sage_keywords *keywords, const sage_words_change *change) {
    const sage_word_lists *lists = &keywords->lists;
    const sage_changed_words *words = change->words;
    double score = 0;
    if (words == NULL) return 0;
    const double length = words->n, mean = keywords->mean_length > 0 ? keywords->mean_length : 1;
    for (size_t i = 0; i < lists->n_words; i++) {
        const sage_word_asked *asked = &lists->words[i];
        const uint32_t times =
            sage_changed_words_times(words, keywords->scores.hashes + asked->begin, asked->end - asked->begin);
        if (times > 0) score += keywords->scores.idf[i] * sage_bm25_share(times, length, mean);
    }
    return score;
}

void sage_changed_scores_free(sage_changed_scores *scores) {
    sage_free(scores->hashes);
    sage_free(scores->idf);
}
