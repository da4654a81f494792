#include <base/error.h>
#include <dataset/check.h>
#include <math.h>

sage_status sage_check_damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "damaged dataset: %s; build it again", what);
}

bool sage_check_spans(const uint64_t *begin, size_t n_begin, size_t n, size_t n_data) {
    if (n_begin != n + 1 || begin[0] != 0 || begin[n] != n_data) return false;
    for (size_t i = 0; i < n; i++) {
        if (begin[i + 1] < begin[i]) return false;
    }
    return true;
}

/* Each product's fields start at 0, never fall, and end where the product does. */
static bool fields_span(const uint32_t *field, size_t n_field, const uint64_t *begin, size_t n) {
    if (n_field != n * SAGE_FIELD_ENDS) return false;
    for (size_t i = 0; i < n; i++, field += SAGE_FIELD_ENDS) {
        if (field[0] != 0 || field[SAGE_FIELDS] != begin[i + 1] - begin[i]) return false;
        for (size_t f = 0; f < SAGE_FIELDS; f++) {
            if (field[f + 1] < field[f]) return false;
        }
    }
    return true;
}

static bool all_below(const uint32_t *numbers, size_t n, size_t limit) {
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= limit) return false;
    }
    return true;
}

static bool pids_ascend(const int64_t *pids, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (pids[i] <= pids[i - 1]) return false;
    }
    return true;
}

/* Within each of n lists, numbers ascend. */
static bool lists_ascend(const uint32_t *numbers, const uint64_t *begin, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (uint64_t j = begin[i] + 1; j < begin[i + 1]; j++) {
            if (numbers[j] <= numbers[j - 1]) return false;
        }
    }
    return true;
}

static bool all_finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) return false;
    }
    return true;
}

typedef struct product_sizes {
    size_t pids, fingerprints, same, text, text_begin, text_field, ids, id_begin, id_field, words, word_begin, images,
        image_begin, image_prints, sentences, sentence_begin, sentence_dim, given;
} product_sizes;

/* A place of the vectors each, or none. */
static bool given_hold(const sage_dataset *d, size_t n_places) {
    size_t n = sage_given_count(d->given.of[SAGE_ON_PRODUCT]);
    if (d->product_given == NULL) return true;
    for (size_t i = 0; i < n_places; i++) {
        if (d->product_given[i] != UINT32_MAX && d->product_given[i] >= n) return false;
    }
    return n_places == d->n_products;
}

/* Whole vectors, at most one each. */
static bool sentences_hold(const uint64_t *begin, size_t n_begin, size_t n, size_t n_values, size_t dim) {
    if (dim == 0 || dim > 1 << 20 || n_values % dim != 0 || !sage_check_spans(begin, n_begin, n, n_values / dim))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (begin[i + 1] - begin[i] > 1) return false;
    }
    return true;
}

static const char *fault_of_products(const sage_dataset *d, const product_sizes *s) {
    size_t n = d->n_products;
    if (s->pids != n || s->same != n || n >= UINT32_MAX) return "its sections differ in size";
    if (d->fingerprints != NULL && s->fingerprints != n) return "its sections differ in size";
    if (!pids_ascend(d->pids, n)) return "its product numbers do not ascend";
    if (!sage_check_spans(d->text_begin, s->text_begin, n, s->text)) return "its texts do not lie in order";
    if (!fields_span(d->text_field, s->text_field, d->text_begin, n))
        return "the fields of its texts do not lie in order";
    if (!sage_check_spans(d->id_begin, s->id_begin, n, s->ids)) return "its n-grams do not lie in order";
    if (!fields_span(d->id_field, s->id_field, d->id_begin, n)) return "the fields of its n-grams do not lie in order";
    if (!all_below(d->ids, s->ids, sage_vocab_size(d->vocab))) return "an n-gram is not in the vocabulary";
    if (!sage_check_spans(d->word_begin, s->word_begin, n, s->words)) return "its words do not lie in order";
    if (!lists_ascend(d->words, d->word_begin, n)) return "a product's words do not ascend";
    if (d->image_dim > 1 << 20 || (d->image_dim == 0 && s->images != 0)) return "its image vectors have a wrong size";
    if (d->image_dim != 0 && s->images % d->image_dim != 0) return "its image vectors have a wrong size";
    size_t n_images = d->image_dim == 0 ? 0 : s->images / d->image_dim;
    if (!sage_check_spans(d->image_begin, s->image_begin, n, n_images)) return "its image vectors do not lie in order";
    if (!all_finite(d->images, s->images)) return "an image vector is not finite";
    if (d->image_prints != NULL && s->image_prints != n_images) return "its image prints differ in number";
    if (!given_hold(d, s->given)) return "its given vectors differ in number";
    if (d->sentences == NULL) return NULL;
    if (!sentences_hold(d->sentence_begin, s->sentence_begin, n, s->sentences, d->sentence_dim))
        return "its sentences do not lie in order";
    if (!all_finite(d->sentences, s->sentences)) return "a sentence is not finite";
    return NULL;
}

/* Older files lack some. */
static bool has(const sage_packed *file, const char *name) {
    const void *found;
    size_t n;
    return sage_packed_get(file, name, 1, &found, &n, NULL) != SAGE_E_NOT_FOUND;
}

static sage_status get_sentences(sage_dataset *d, product_sizes *s, sage_error *error) {
    sage_status st = SAGE_OK;
    const uint64_t *dim;
    if (!has(d->product_file, "sentences")) return SAGE_OK;
    GET(d->product_file, "sentences", d->sentences, s->sentences);
    GET(d->product_file, "sentence_begin", d->sentence_begin, s->sentence_begin);
    GET(d->product_file, "sentence_dim", dim, s->sentence_dim);
    if (s->sentence_dim == 1) d->sentence_dim = *dim;
out:
    return st;
}

sage_status sage_dataset_check_products(sage_dataset *dataset, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset *d = dataset;
    const sage_products_info *info;
    product_sizes s;
    size_t n_info;
    GET(d->product_file, "info", info, n_info);
    GET(d->product_file, "pids", d->pids, s.pids);
    GET(d->product_file, "same", d->same, s.same);
    if (has(d->product_file, "fingerprints")) GET(d->product_file, "fingerprints", d->fingerprints, s.fingerprints);
    GET(d->product_file, "text", d->text, s.text);
    GET(d->product_file, "text_begin", d->text_begin, s.text_begin);
    GET(d->product_file, "text_field", d->text_field, s.text_field);
    GET(d->product_file, "ids", d->ids, s.ids);
    GET(d->product_file, "id_begin", d->id_begin, s.id_begin);
    GET(d->product_file, "id_field", d->id_field, s.id_field);
    GET(d->product_file, "words", d->words, s.words);
    GET(d->product_file, "word_begin", d->word_begin, s.word_begin);
    GET(d->product_file, "images", d->images, s.images);
    GET(d->product_file, "image_begin", d->image_begin, s.image_begin);
    if (has(d->product_file, "image_prints")) GET(d->product_file, "image_prints", d->image_prints, s.image_prints);
    SAGE_TRY(get_sentences(d, &s, error));
    if (has(d->product_file, "given")) GET(d->product_file, "given", d->product_given, s.given);
    if (n_info != 1) {
        st = sage_check_damaged(path, "its head has a wrong size", error);
        goto out;
    }
    if (info->vocab_hash != sage_vocab_hash(d->vocab)) {
        st = sage_check_damaged(path, "it belongs to another vocabulary", error);
        goto out;
    }
    d->n_products = info->products;
    d->image_dim = info->image_dim;
    const char *fault = fault_of_products(d, &s);
    if (fault != NULL) st = sage_check_damaged(path, fault, error);
out:
    return st;
}

typedef struct query_sizes {
    size_t surface, text, text_begin, ids, id_begin, positives, positive_begin, pairs, pair_begin, pictures,
        picture_begin, sentences, sentence_begin, looked_at;
} query_sizes;

static bool parts_span(const uint64_t *begin, size_t n) {
    if (begin[0] != 0 || begin[SAGE_PARTS] != n) return false;
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        if (begin[p + 1] < begin[p]) return false;
    }
    return true;
}

/* Every pair names a product, and a query of its own part and surface. */
static bool pairs_hold(const sage_dataset *d) {
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        for (unsigned t = 0; t < SAGE_TASKS; t++) {
            size_t n;
            const sage_pair *pairs = sage_dataset_pairs(d, (sage_part)p, t, &n);
            for (size_t i = 0; i < n; i++) {
                if (pairs[i].query < d->part_begin[p] || pairs[i].query >= d->part_begin[p + 1]) return false;
                if (pairs[i].product >= d->n_products || d->surface[pairs[i].query] != t / SAGE_EVENT_KINDS)
                    return false;
            }
        }
    }
    return true;
}

/* One of each query of the surface image that has no vector of the shop's own, perhaps one where it has, none of
 * others. */
static bool pictures_hold(const sage_dataset *d, const query_sizes *s) {
    if (d->image_dim == 0 ? s->pictures != 0 : s->pictures % d->image_dim != 0) return false;
    size_t n_pictures = d->image_dim == 0 ? 0 : s->pictures / d->image_dim;
    if (!sage_check_spans(d->picture_begin, s->picture_begin, d->n_queries, n_pictures)) return false;
    for (size_t i = 0; i < d->n_queries; i++) {
        uint64_t has = d->picture_begin[i + 1] - d->picture_begin[i], wants = d->surface[i] == SAGE_ON_IMAGE;
        if (has == wants) continue;
        const uint64_t *text = d->query_text_begin + i;
        const sage_str key = {d->query_text + text[0], text[1] - text[0]};
        if (has > wants || sage_given_find(d->given.of[SAGE_ON_IMAGE], key) == NULL) return false;
    }
    return true;
}

/* A product of each query of the surface product, of others none. */
static bool looked_at_hold(const sage_dataset *d, size_t n) {
    if (n != d->n_queries) return false;
    for (size_t i = 0; i < n; i++) {
        bool looks = d->surface[i] == SAGE_ON_PRODUCT;
        if (looks ? d->looked_at[i] >= d->n_products : d->looked_at[i] != UINT32_MAX) return false;
    }
    return true;
}

static const char *fault_of_queries(const sage_dataset *d, const query_sizes *s) {
    size_t n = d->n_queries;
    if (n >= UINT32_MAX || !parts_span(d->part_begin, n)) return "its parts do not lie in order";
    for (size_t i = 0; i < n; i++) {
        if (d->surface[i] >= SAGE_SURFACES) return "a query's surface is unknown";
    }
    if (!sage_check_spans(d->query_text_begin, s->text_begin, n, s->text)) return "its texts do not lie in order";
    if (!sage_check_spans(d->query_id_begin, s->id_begin, n, s->ids)) return "its n-grams do not lie in order";
    if (!all_below(d->query_ids, s->ids, sage_vocab_size(d->vocab))) return "an n-gram is not in the vocabulary";
    if (!sage_check_spans(d->positive_begin, s->positive_begin, n, s->positives))
        return "its positives do not lie in order";
    if (!all_below(d->positives, s->positives, d->n_products)) return "a positive is not among the products";
    if (!lists_ascend(d->positives, d->positive_begin, n)) return "a query's positives do not ascend";
    if (!sage_check_spans(d->pair_begin, s->pair_begin, SAGE_PARTS * SAGE_TASKS, s->pairs))
        return "its pairs do not lie in order";
    if (!pairs_hold(d)) return "a pair is out of range";
    if (d->pictures != NULL && !pictures_hold(d, s)) return "its pictures do not lie in order";
    if (d->pictures != NULL && !all_finite(d->pictures, s->pictures)) return "a picture's vector is not finite";
    if (d->looked_at != NULL && !looked_at_hold(d, s->looked_at)) return "a product that was looked at is out of range";
    if (d->query_sentences == NULL) return NULL;
    if (!sentences_hold(d->query_sentence_begin, s->sentence_begin, n, s->sentences, d->sentence_dim))
        return "its sentences do not lie in order";
    if (!all_finite(d->query_sentences, s->sentences)) return "a sentence is not finite";
    return NULL;
}

sage_status sage_dataset_check_queries(sage_dataset *dataset, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset *d = dataset;
    const sage_queries_info *info;
    query_sizes s;
    size_t n_info;
    GET(d->query_file, "info", info, n_info);
    GET(d->query_file, "surface", d->surface, s.surface);
    GET(d->query_file, "text", d->query_text, s.text);
    GET(d->query_file, "text_begin", d->query_text_begin, s.text_begin);
    GET(d->query_file, "ids", d->query_ids, s.ids);
    GET(d->query_file, "id_begin", d->query_id_begin, s.id_begin);
    GET(d->query_file, "positives", d->positives, s.positives);
    GET(d->query_file, "positive_begin", d->positive_begin, s.positive_begin);
    GET(d->query_file, "pairs", d->pairs, s.pairs);
    GET(d->query_file, "pair_begin", d->pair_begin, s.pair_begin);
    if (has(d->query_file, "pictures")) {
        GET(d->query_file, "pictures", d->pictures, s.pictures);
        GET(d->query_file, "picture_begin", d->picture_begin, s.picture_begin);
    }
    if (has(d->query_file, "sentences")) {
        GET(d->query_file, "sentences", d->query_sentences, s.sentences);
        GET(d->query_file, "sentence_begin", d->query_sentence_begin, s.sentence_begin);
    }
    if (has(d->query_file, "looked_at")) GET(d->query_file, "looked_at", d->looked_at, s.looked_at);
    if (n_info != 1) {
        st = sage_check_damaged(path, "its head has a wrong size", error);
        goto out;
    }
    if (info->vocab_hash != sage_vocab_hash(d->vocab) || info->products != d->n_products) {
        st = sage_check_damaged(path, "it belongs to other products", error);
        goto out;
    }
    d->n_queries = s.surface;
    for (size_t p = 0; p <= SAGE_PARTS; p++) d->part_begin[p] = info->part_begin[p];
    for (size_t p = 0; p < SAGE_PARTS; p++) d->unknown[p] = info->unknown[p];
    const char *fault = fault_of_queries(d, &s);
    if (fault != NULL) st = sage_check_damaged(path, fault, error);
out:
    return st;
}

sage_status sage_dataset_check_made(sage_dataset *dataset, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset *d = dataset;
    const uint64_t *ends;
    size_t n_ends, n_text, n_begin, n_values;
    GET(d->made_file, "product", d->made_product, d->n_made_all);
    GET(d->made_file, "ends", ends, n_ends);
    GET(d->made_file, "text", d->made_text, n_text);
    GET(d->made_file, "text_begin", d->made_text_begin, n_begin);
    GET(d->made_file, "sentences", d->made_sentences, n_values);
    bool whole = n_ends == 2 && ends[0] <= ends[1] && ends[1] == d->n_made_all && d->sentence_dim > 0 &&
                 n_values % d->sentence_dim == 0 && n_values / d->sentence_dim == d->n_made_all &&
                 sage_check_spans(d->made_text_begin, n_begin, d->n_made_all, n_text) &&
                 all_below(d->made_product, d->n_made_all, d->n_products) && all_finite(d->made_sentences, n_values);
    if (!whole) st = sage_check_damaged(path, "its made queries do not lie in order", error);
    if (whole) d->n_made = ends[0];
out:
    return st;
}
