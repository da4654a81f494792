/* Pours the spools into the two packed files. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/build.h>

enum { CHUNK = 4096 }; /* elements that are changed on their way */

static sage_status start(const sage_build *build, const char *name, const char magic[8], size_t sections,
                         const void *info, size_t info_bytes, sage_packed_writer **w, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, build->dir, name, error));
    SAGE_TRY(sage_packed_create(path, magic, SAGE_DATASET_VERSION, sections, w, error));
    SAGE_TRY(sage_packed_section(*w, "info", info_bytes, error));
    SAGE_TRY(sage_packed_add(*w, info, info_bytes, error));
out:
    return st;
}

static sage_status finish(sage_packed_writer **w, sage_error *error) {
    sage_packed_writer *writer = *w;
    *w = NULL;
    return sage_packed_finish(writer, error);
}

static sage_status write_sentences(sage_build *build, sage_packed_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    const uint64_t dim = sage_sentences_dim(build->sentences);
    sage_product_spools *s = &build->products;
    SAGE_TRY(sage_spool_section(&s->sentences, w, "sentences", 4, error));
    SAGE_TRY(sage_spool_section(&s->sentence_begin, w, "sentence_begin", 8, error));
    SAGE_TRY(sage_packed_section(w, "sentence_dim", sizeof dim, error));
    SAGE_TRY(sage_packed_add(w, &dim, sizeof dim, error));
out:
    return st;
}

sage_status sage_build_write_products(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *w = NULL;
    sage_product_spools *s = &build->products;
    sage_products_info info = {s->n, s->image_dim, sage_vocab_hash(build->vocab)};
    const struct {
        const char *name;
        size_t element_bytes;
        sage_spool *spool; /* NULL: made as they are written, from the texts, whose spools end after it */
    } sections[] = {
        {"pids", 8, &s->pids},
        {"fingerprints", sizeof(sage_fingerprint), &s->fingerprints},
        {"same", 8, &s->same},
        {"ids", 4, NULL},
        {"text", 1, &s->text},
        {"text_begin", 8, &s->text_begin},
        {"text_field", 4, &s->text_field},
        {"id_begin", 8, &s->id_begin},
        {"id_field", 4, &s->id_field},
        {"words", 4, &s->words},
        {"word_begin", 8, &s->word_begin},
        {"images", 4, &s->images},
        {"image_begin", 8, &s->image_begin},
        {"image_prints", 8, &s->image_prints},
    };
    const bool given = build->given.of[SAGE_ON_PRODUCT] != NULL;
    size_t n_sections = SAGE_PRODUCTS_SECTIONS + (build->sentences != NULL ? SAGE_PRODUCTS_SENTENCES : 0) + given;
    SAGE_TRY(start(build, SAGE_PRODUCTS_FILE, SAGE_PRODUCTS_MAGIC, n_sections, &info, sizeof info, &w, error));
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (sections[i].spool != NULL) {
            SAGE_TRY(sage_spool_section(sections[i].spool, w, sections[i].name, sections[i].element_bytes, error));
        } else {
            SAGE_TRY(sage_packed_section(w, sections[i].name, sections[i].element_bytes, error));
            SAGE_TRY(sage_build_ids(build, w, error));
        }
    }
    if (build->sentences != NULL) SAGE_TRY(write_sentences(build, w, error));
    if (given) SAGE_TRY(sage_spool_section(&s->given, w, "given", 4, error));
    SAGE_TRY(finish(&w, error));
out:
    sage_packed_abandon(w);
    return st;
}

/* ---- queries: the parts' streams one after another, their numbers moved up ---- */

/* A section of ends of all parts as begins of one whole: 0 first, each part's ends raised by what lies before it. */
static sage_status write_begins(sage_build *build, sage_packed_writer *w, const char *name, size_t spool_offset,
                                const uint64_t sizes[SAGE_PARTS], sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t base = 0, chunk[CHUNK] = {0};
    SAGE_TRY(sage_packed_section(w, name, sizeof *chunk, error));
    SAGE_TRY(sage_packed_add(w, chunk, sizeof *chunk, error));
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        sage_spool *spool = (sage_spool *)(void *)((char *)&build->parts[p] + spool_offset);
        SAGE_TRY(sage_spool_map(spool, error));
        const uint64_t *ends = (const uint64_t *)(const void *)spool->map.data;
        size_t n = build->parts[p].n_queries;
        for (size_t i = 0; i < n;) {
            size_t m = 0;
            for (; m < CHUNK && i < n; i++) chunk[m++] = base + ends[i];
            SAGE_TRY(sage_packed_add(w, chunk, m * sizeof *chunk, error));
        }
        base += sizes[p];
        sage_spool_free(spool);
    }
out:
    return st;
}

static sage_status write_pairs(sage_build *build, sage_packed_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t begin[SAGE_PARTS * SAGE_TASKS + 1] = {0};
    uint32_t first_query = 0;
    sage_pair chunk[CHUNK];
    SAGE_TRY(sage_packed_section(w, "pairs", sizeof(sage_pair), error));
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        for (size_t t = 0; t < SAGE_TASKS; t++) {
            sage_spool *spool = &build->parts[p].pairs[t];
            size_t n = build->parts[p].n_pairs[t];
            begin[p * SAGE_TASKS + t + 1] = begin[p * SAGE_TASKS + t] + n;
            SAGE_TRY(sage_spool_map(spool, error));
            const sage_pair *pairs = (const sage_pair *)(const void *)spool->map.data;
            for (size_t i = 0; i < n;) {
                size_t m = 0;
                for (; m < CHUNK && i < n; i++, m++) {
                    chunk[m] = pairs[i];
                    chunk[m].query += first_query;
                }
                SAGE_TRY(sage_packed_add(w, chunk, m * sizeof *chunk, error));
            }
            sage_spool_free(spool);
        }
        first_query += (uint32_t)build->parts[p].n_queries;
    }
    SAGE_TRY(sage_packed_section(w, "pair_begin", sizeof *begin, error));
    SAGE_TRY(sage_packed_add(w, begin, sizeof begin, error));
out:
    return st;
}

static sage_status query_ids(sage_build *build, sage_spool *ids, sage_spool *id_begin, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *list = NULL;
    size_t capacity = 0;
    uint64_t end = 0;
    SAGE_TRY(sage_spool_add(id_begin, &end, sizeof end, error));
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        sage_part_spools *part = &build->parts[p];
        SAGE_TRY(sage_spool_map(&part->surface, error));
        SAGE_TRY(sage_spool_map(&part->text, error));
        SAGE_TRY(sage_spool_map(&part->text_end, error));
        const uint64_t *ends = (const uint64_t *)(const void *)part->text_end.map.data;
        for (size_t q = 0, begin = 0; q < part->n_queries; begin = ends[q++]) {
            size_t n_words, n = 0;
            if (part->surface.map.data[q] == SAGE_ON_SEARCH) {
                sage_str text = {(const char *)part->text.map.data + begin, ends[q] - begin};
                SAGE_TRY(sage_field_words(text, &build->words, &build->words_capacity, &n_words, error));
                SAGE_TRY(sage_vocab_ids(build->vocab, build->words, n_words, &list, &capacity, &n, error));
            }
            end += n;
            SAGE_TRY(sage_spool_add(ids, list, n * sizeof *list, error));
            SAGE_TRY(sage_spool_add(id_begin, &end, sizeof end, error));
        }
    }
out:
    sage_free(list);
    return st;
}

static sage_status pour_parts(sage_build *build, sage_packed_writer *w, const char *name, size_t element_bytes,
                              size_t spool_offset, sage_error *error) {
    sage_status st = sage_packed_section(w, name, element_bytes, error);
    for (size_t p = 0; p < SAGE_PARTS && st == SAGE_OK; p++) {
        st = sage_spool_pour((sage_spool *)(void *)((char *)&build->parts[p] + spool_offset), w, error);
    }
    return st;
}

sage_status sage_build_write_queries(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *w = NULL;
    sage_spool ids = {0}, id_begin = {0};
    sage_queries_info info = {.products = build->products.n, .vocab_hash = sage_vocab_hash(build->vocab)};
    uint64_t text_bytes[SAGE_PARTS], n_positives[SAGE_PARTS], n_pictures[SAGE_PARTS], n_sentences[SAGE_PARTS];
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        info.part_begin[p + 1] = info.part_begin[p] + build->parts[p].n_queries;
        info.unknown[p] = build->parts[p].unknown;
        text_bytes[p] = build->parts[p].text.bytes;
        n_positives[p] = build->parts[p].positives.bytes / sizeof(uint32_t);
        n_pictures[p] = build->parts[p].n_pictures;
        n_sentences[p] = build->parts[p].n_sentences;
    }
    if (info.part_begin[SAGE_PARTS] >= UINT32_MAX) {
        st = sage_fail(error, SAGE_E_LIMIT, "a dataset holds at most 2^32 - 2 queries");
        goto out;
    }
    SAGE_TRY(sage_spool_init(&ids, build->dir, "query-ids.tmp", error));
    SAGE_TRY(sage_spool_init(&id_begin, build->dir, "query-id-begin.tmp", error));
    SAGE_TRY(query_ids(build, &ids, &id_begin, error));
    size_t n_sections = SAGE_QUERIES_SECTIONS + (build->sentences != NULL ? SAGE_QUERIES_SENTENCES : 0);
    n_sections += build->n_looked > 0;
    SAGE_TRY(start(build, SAGE_QUERIES_FILE, SAGE_QUERIES_MAGIC, n_sections, &info, sizeof info, &w, error));
    SAGE_TRY(pour_parts(build, w, "surface", 1, offsetof(sage_part_spools, surface), error));
    SAGE_TRY(pour_parts(build, w, "text", 1, offsetof(sage_part_spools, text), error));
    SAGE_TRY(write_begins(build, w, "text_begin", offsetof(sage_part_spools, text_end), text_bytes, error));
    SAGE_TRY(sage_spool_section(&ids, w, "ids", 4, error));
    SAGE_TRY(sage_spool_section(&id_begin, w, "id_begin", 8, error));
    SAGE_TRY(pour_parts(build, w, "positives", 4, offsetof(sage_part_spools, positives), error));
    SAGE_TRY(write_begins(build, w, "positive_begin", offsetof(sage_part_spools, positive_end), n_positives, error));
    SAGE_TRY(write_pairs(build, w, error));
    SAGE_TRY(pour_parts(build, w, "pictures", 4, offsetof(sage_part_spools, pictures), error));
    SAGE_TRY(write_begins(build, w, "picture_begin", offsetof(sage_part_spools, picture_end), n_pictures, error));
    if (build->sentences != NULL) {
        SAGE_TRY(pour_parts(build, w, "sentences", 4, offsetof(sage_part_spools, sentences), error));
        SAGE_TRY(
            write_begins(build, w, "sentence_begin", offsetof(sage_part_spools, sentence_end), n_sentences, error));
    }
    if (build->n_looked > 0)
        SAGE_TRY(pour_parts(build, w, "looked_at", 4, offsetof(sage_part_spools, looked_at), error));
    SAGE_TRY(finish(&w, error));
out:
    sage_packed_abandon(w);
    sage_spool_free(&ids);
    sage_spool_free(&id_begin);
    return st;
}
