/* What a keyword search thinks of the columns, for each row: BM25 (Robertson and Zaragoza 2009; k1 1.2, b 0.75) of the
 * query's distinct words, whole and without dropout or misspelling, in the products' sets of words (words.h), where
 * every word counts once:
 *
 *   t_ij = sum over words w of query i in product j of ln(1 + N / df_w) 2.2 / (1 + 1.2 (0.25 + 0.75 len_j / mean len))
 *
 * over the temperature; len counts distinct words, N and df are the vocabulary's. Words are looked up the other way
 * round: one walk over the columns' words gives each query word its columns, and a row adds up those of its words. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

void sage_teacher_free(sage_teacher *teacher) {
    sage_u32_list *lists[] = {&teacher->key_ids, &teacher->hit_word, &teacher->hit_column, &teacher->posting_begin,
                              &teacher->posting, &teacher->begin,    &teacher->count,      &teacher->column};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) sage_free(lists[i]->data);
    sage_free(teacher->score);
    sage_free(teacher->idf);
    sage_free(teacher->norm);
    sage_free(teacher->sums);
    sage_free(teacher->found);
    *teacher = (sage_teacher){0};
}

size_t sage_teacher_bytes(const sage_teacher *teacher) {
    const sage_teacher *t = teacher;
    size_t fours = t->key_ids.capacity + t->hit_word.capacity + t->hit_column.capacity + t->posting_begin.capacity +
                   t->posting.capacity + t->begin.capacity + t->count.capacity + t->column.capacity +
                   t->score_capacity + t->idf_capacity + t->norm_capacity + t->sums_capacity;
    return fours * 4 + t->found_capacity * 8;
}

static sage_status grow_floats(float **array, size_t *capacity, size_t n, sage_error *error) {
    if (sage_grow((void **)array, capacity, n, sizeof **array) == 0) return SAGE_OK;
    return sage_fail_memory(error, n * sizeof **array);
}

/* ---- words and columns ---- */

/* A word that the vocabulary has no room for is as rare as any. */
static sage_status weigh_words(sage_sampler *s, sage_error *error) {
    sage_teacher *t = &s->teacher;
    const sage_vocab *vocab = sage_dataset_vocab(s->dataset);
    double n = (double)sage_vocab_documents(vocab);
    sage_status st = grow_floats(&t->idf, &t->idf_capacity, s->tables.n_words, error);
    if (st != SAGE_OK) return st;
    for (size_t i = 0, seen = 0; i < s->keys.n; i++) {
        if (s->tables.row_slots[i] != seen) continue; /* slots are numbered as their words first occur */
        uint32_t id = t->key_ids.data[i];
        double df = id == SAGE_NO_ID ? 1 : fmax(1, sage_vocab_df(vocab, id));
        t->idf[seen++] = (float)log(1 + n / df);
    }
    return SAGE_OK;
}

static sage_status find_hits(sage_sampler *s, size_t columns, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_teacher *t = &s->teacher;
    const uint64_t *ends = s->dataset->word_begin;
    double mean = ends[s->n_products] > 0 ? (double)ends[s->n_products] / (double)s->n_products : 1;
    t->hit_word.n = t->hit_column.n = 0;
    SAGE_TRY(grow_floats(&t->norm, &t->norm_capacity, columns, error));
    for (size_t column = 0; column < columns; column++) {
        size_t n;
        const uint32_t *words = sage_dataset_words(s->dataset, s->product[column], &n);
        t->norm[column] = (float)(2.2 / (1 + 1.2 * (0.25 + 0.75 * (double)n / mean)) / s->settings.teacher_temperature);
        SAGE_TRY(sage_u32_reserve(&t->hit_word, t->hit_word.n + n, error));
        SAGE_TRY(sage_u32_reserve(&t->hit_column, t->hit_column.n + n, error));
        for (size_t i = 0; i < n; i++) {
            uint32_t slot = sage_mask_word_slot(s, words[i]);
            if (slot == UINT32_MAX) continue;
            t->hit_word.data[t->hit_word.n++] = slot;
            t->hit_column.data[t->hit_column.n++] = (uint32_t)column;
        }
    }
out:
    return st;
}

/* Hits by word, their columns still ascending (a counting sort). */
static sage_status sort_hits(sage_sampler *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_teacher *t = &s->teacher;
    size_t words = s->tables.n_words, n = t->hit_word.n;
    SAGE_TRY(sage_u32_reserve(&t->posting_begin, words + 2, error));
    SAGE_TRY(sage_u32_reserve(&t->posting, n, error));
    uint32_t *at = t->posting_begin.data + 1; /* once all are placed, at[w] is the end of word w */
    t->posting_begin.data[0] = 0;
    memset(at, 0, (words + 1) * sizeof *at);
    for (size_t i = 0; i < n; i++) at[t->hit_word.data[i] + 1]++;
    for (size_t w = 0; w < words; w++) at[w + 1] += at[w];
    for (size_t i = 0; i < n; i++) t->posting.data[at[t->hit_word.data[i]]++] = t->hit_column.data[i];
out:
    return st;
}

/* ---- rows ---- */

static bool repeated(const uint32_t *slots, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (slots[j] == slots[i]) return true;
    }
    return false;
}

/* Rows get room for as many columns as their words have at most; `pack` closes the gaps. */
static sage_status make_room(sage_sampler *s, size_t columns, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_teacher *t = &s->teacher;
    size_t rows = s->settings.batch, total = 0, words = (columns + 63) / 64;
    SAGE_TRY(sage_u32_reserve(&t->begin, rows + 1, error));
    SAGE_TRY(sage_u32_reserve(&t->count, rows, error));
    for (size_t row = 0; row < rows; row++) {
        size_t most = 0;
        t->begin.data[row] = (uint32_t)total;
        for (size_t i = s->key_begin.data[row]; i < s->key_begin.data[row + 1]; i++) {
            uint32_t slot = s->tables.row_slots[i];
            most += t->posting_begin.data[slot + 1] - t->posting_begin.data[slot];
        }
        total += most < columns ? most : columns;
        if (total > UINT32_MAX)
            return sage_fail(error, SAGE_E_LIMIT,
                             "more than 2^32 scores of the teacher; make batch or negatives smaller");
    }
    SAGE_TRY(sage_u32_reserve(&t->column, total, error));
    SAGE_TRY(grow_floats(&t->score, &t->score_capacity, total, error));
    SAGE_TRY(grow_floats(&t->sums, &t->sums_capacity, s->n_workers * columns, error));
    if (sage_grow((void **)&t->found, &t->found_capacity, s->n_workers * words, sizeof *t->found) != 0)
        return sage_fail_memory(error, s->n_workers * words * sizeof *t->found);
    memset(t->sums, 0, s->n_workers * columns * sizeof *t->sums);
    memset(t->found, 0, s->n_workers * words * sizeof *t->found);
out:
    return st;
}

/* `sums` and `found` are zero before and after. */
static void score_row(sage_sampler *s, size_t row, size_t columns, float *sums, uint64_t *found) {
    sage_teacher *t = &s->teacher;
    const uint32_t *slots = s->tables.row_slots + s->key_begin.data[row];
    size_t n = s->key_begin.data[row + 1] - s->key_begin.data[row], at = t->begin.data[row];
    for (size_t i = 0; i < n; i++) {
        if (repeated(slots, i)) continue;
        for (size_t k = t->posting_begin.data[slots[i]]; k < t->posting_begin.data[slots[i] + 1]; k++) {
            uint32_t column = t->posting.data[k];
            sums[column] += t->idf[slots[i]];
            found[column / 64] |= UINT64_C(1) << column % 64;
        }
    }
    for (size_t w = 0; w < (columns + 63) / 64; w++) {
        for (uint64_t bits = found[w]; bits != 0; bits &= bits - 1) {
            size_t column = w * 64 + (size_t)__builtin_ctzll(bits);
            t->column.data[at] = (uint32_t)column;
            t->score[at++] = sums[column] * t->norm[column];
            sums[column] = 0;
        }
        found[w] = 0;
    }
    t->count.data[row] = (uint32_t)(at - t->begin.data[row]);
}

static void score_rows(void *ctx, size_t begin, size_t end, size_t number) {
    sage_sampler *s = ctx;
    size_t columns = s->settings.batch + s->n_random;
    float *sums = s->teacher.sums + number * columns;
    uint64_t *found = s->teacher.found + number * ((columns + 63) / 64);
    for (size_t row = begin; row < end; row++) score_row(s, row, columns, sums, found);
}

static void pack(sage_teacher *t, size_t rows) {
    uint32_t at = 0;
    for (size_t row = 0; row < rows; row++) {
        size_t from = t->begin.data[row], n = t->count.data[row];
        t->begin.data[row] = at;
        if (from != at && n > 0) {
            memmove(t->column.data + at, t->column.data + from, n * sizeof *t->column.data);
            memmove(t->score + at, t->score + from, n * sizeof *t->score);
        }
        at += (uint32_t)n;
    }
    t->begin.data[rows] = at;
}

sage_status sage_sampler_teach(sage_sampler *sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    size_t columns = s->settings.batch + s->n_random;
    if (s->settings.teacher <= 0) return SAGE_OK;
    SAGE_TRY(weigh_words(s, error));
    SAGE_TRY(find_hits(s, columns, error));
    SAGE_TRY(sort_hits(s, error));
    SAGE_TRY(make_room(s, columns, error));
    sage_pool_for(s->pool, s->settings.batch, 1, score_rows, s);
    pack(&s->teacher, s->settings.batch);
out:
    return st;
}
