/* Given search texts as bags of n-grams. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/files.h>

/* Appends the text's ids. */
static sage_status add_text(const sage_dataset *d, sage_str text, sage_str **words, size_t *words_capacity,
                            sage_given_texts *texts, size_t *n_ids, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n;
    SAGE_TRY(sage_field_words(text, words, words_capacity, &n, error));
    SAGE_TRY(sage_vocab_ids(d->vocab, *words, n, &texts->ids, &texts->capacity, n_ids, error));
out:
    return st;
}

sage_status sage_dataset_given_texts(const sage_dataset *dataset, size_t most, sage_given_texts *texts,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_given *given = dataset->given.of[SAGE_ON_SEARCH];
    size_t all = sage_given_count(given), n_ids = 0, words_capacity = 0;
    sage_str *words = NULL;
    *texts = (sage_given_texts){.n = all < most ? all : most};
    texts->begin = sage_alloc((texts->n + 1) * sizeof *texts->begin);
    texts->vector = sage_alloc(texts->n * sizeof *texts->vector + 1);
    if (texts->begin == NULL || texts->vector == NULL)
        SAGE_TRY(sage_fail_memory(error, texts->n * sizeof *texts->vector));
    texts->begin[0] = 0;
    for (size_t i = 0; i < texts->n; i++) {
        size_t place = (size_t)((unsigned __int128)i * all / texts->n);
        SAGE_TRY(add_text(dataset, sage_given_key(given, place), &words, &words_capacity, texts, &n_ids, error));
        texts->vector[i] = sage_given_vector(given, place);
        texts->begin[i + 1] = n_ids;
    }
out:
    sage_free(words);
    if (st != SAGE_OK) sage_given_texts_free(texts);
    return st;
}

void sage_given_texts_free(sage_given_texts *texts) {
    sage_free(texts->ids);
    sage_free(texts->begin);
    sage_free(texts->vector);
    *texts = (sage_given_texts){.n = 0};
}
