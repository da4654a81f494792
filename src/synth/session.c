/* One simulated search: what is wanted, what is typed, what is shown, what is done. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <synth/world.h>

enum { STREAM_USER = 3, STREAM_SESSION = 4, QUERY_WORDS_MAX = 3, WANT_TRIES = 8 };
static const double POSITION_POWER = 0.6;

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void draw_taste(const sage_synth_world *w, uint64_t user, float taste[SAGE_SYNTH_DIM]) {
    sage_rng rng;
    sage_rng_seed(&rng, w->seed, sage_mix64(STREAM_USER) ^ user);
    for (size_t d = 0; d < SAGE_SYNTH_DIM; d++) taste[d] = (float)sage_rng_normal(&rng);
}

/* t_u . s_p / sqrt(dim) */
static double liking(const sage_synth_world *w, const float taste[SAGE_SYNTH_DIM], size_t product) {
    double sum = 0;
    for (size_t d = 0; d < SAGE_SYNTH_DIM; d++)
        sum += (double)taste[d] * (double)w->style[product * SAGE_SYNTH_DIM + d];
    return sum / sqrt(SAGE_SYNTH_DIM);
}

static size_t draw_popular(const sage_synth_world *w, sage_rng *rng) {
    double at = sage_rng_unit(rng) * w->popularity[w->n - 1];
    size_t low = 0, high = w->n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->popularity[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Popularity x exp(liking), by rejection with a bound on the factor. */
static size_t draw_wanted(const sage_synth_world *w, const float taste[SAGE_SYNTH_DIM], sage_rng *rng) {
    size_t product = draw_popular(w, rng);
    for (int i = 0; i < WANT_TRIES; i++) {
        if (sage_rng_unit(rng) < exp(liking(w, taste, product) - 3)) break;
        product = draw_popular(w, rng);
    }
    return product;
}

/* 1 to 3 words of the product in their order, three times in four of its title. Returns how many. */
static size_t draw_query(const sage_synth_world *w, size_t product, sage_rng *rng, uint32_t typed[QUERY_WORDS_MAX]) {
    uint32_t begin = w->word_begin[product], end = w->word_begin[product + 1], title_end = w->title_end[product];
    if (title_end > begin && (end == title_end || sage_rng_unit(rng) < 0.75))
        end = title_end;
    else if (end > title_end)
        begin = title_end;
    size_t have = end - begin, want = 1 + (size_t)sage_rng_below(rng, QUERY_WORDS_MAX), n = 0;
    if (want > have) want = have;
    for (size_t i = 0; i < have && n < want; i++) /* selection sampling keeps the order */
        if (sage_rng_unit(rng) * (double)(have - i) < (double)(want - n)) typed[n++] = w->words[begin + i];
    return n;
}

/* The wanted product's words that p has, weighted by idf. */
static double similarity(const sage_synth_world *w, size_t p, size_t wanted) {
    double both = 0, all = 0;
    for (uint32_t i = w->word_begin[wanted]; i < w->word_begin[wanted + 1]; i++) {
        double idf = (double)w->idf[w->words[i]];
        all += idf;
        for (uint32_t j = w->word_begin[p]; j < w->word_begin[p + 1]; j++)
            if (w->words[j] == w->words[i]) {
                both += idf;
                break;
            }
    }
    return all > 0 ? both / all : 0;
}

static void match(sage_synth_world *w, const uint32_t *typed, size_t n) {
    w->n_touched = 0;
    for (size_t i = 0; i < n; i++)
        for (uint32_t at = w->posting_begin[typed[i]]; at < w->posting_begin[typed[i] + 1]; at++) {
            uint32_t p = w->posting[at];
            if (w->score[p] == 0) w->touched[w->n_touched++] = p;
            w->score[p] += w->idf[typed[i]];
        }
}

/* The best SAGE_SYNTH_LIST of what matches; scores are cleared for the next search. */
static void show(sage_synth_world *w, sage_rng *rng, sage_synth_session *s) {
    float best[SAGE_SYNTH_LIST];
    s->n_shown = 0;
    for (size_t i = 0; i < w->n_touched; i++) {
        uint32_t p = w->touched[i];
        float score = w->score[p] + 0.5f * w->log_popularity[p] + 0.5f * (float)sage_rng_normal(rng);
        w->score[p] = 0;
        size_t at = s->n_shown < SAGE_SYNTH_LIST ? s->n_shown++ : SAGE_SYNTH_LIST;
        if (at == SAGE_SYNTH_LIST && score <= best[--at]) continue;
        for (; at && best[at - 1] < score; at--) {
            best[at] = best[at - 1];
            s->shown[at] = s->shown[at - 1];
        }
        best[at] = score;
        s->shown[at] = p;
    }
}

static void act(const sage_synth_world *w, const float taste[SAGE_SYNTH_DIM], size_t wanted, sage_rng *rng,
                sage_synth_session *s) {
    for (size_t i = 0; i < s->n_shown; i++) {
        double likes = liking(w, taste, s->shown[i]);
        bool looked = sage_rng_unit(rng) < pow((double)i + 1, -w->position_power);
        s->clicked[i] = looked && sage_rng_unit(rng) < sigmoid(4 * similarity(w, s->shown[i], wanted) + likes - 2.5);
        if (!s->clicked[i]) continue;
        s->saved[i] = sage_rng_unit(rng) < 0.15;
        s->carted[i] = sage_rng_unit(rng) < 0.25 * sigmoid(likes * sqrt(SAGE_SYNTH_DIM));
        s->bought[i] = s->carted[i] && sage_rng_unit(rng) < 0.5;
    }
}

void sage_synth_look_down(sage_synth_world *w, double position_power) {
    w->position_power = position_power > 0 ? position_power : POSITION_POWER;
}

void sage_synth_search(sage_synth_world *w, uint64_t user, uint64_t number, sage_synth_session *s) {
    float taste[SAGE_SYNTH_DIM];
    uint32_t typed[QUERY_WORDS_MAX];
    sage_rng rng;
    size_t len = 0;
    memset(s, 0, sizeof *s);
    draw_taste(w, user, taste);
    sage_rng_seed(&rng, w->seed, sage_mix64(STREAM_SESSION) ^ number);
    size_t wanted = draw_wanted(w, taste, &rng), n = draw_query(w, wanted, &rng, typed);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(s->query + len, sizeof s->query - len, "%s%s", i ? " " : "", w->word[typed[i]]);
    match(w, typed, n);
    show(w, &rng, s);
    act(w, taste, wanted, &rng, s);
}
