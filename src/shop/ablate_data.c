#include <base/alloc.h>
#include <base/error.h>
#include <dataset/meta.h>
#include <inttypes.h>
#include <io/map.h>
#include <io/version.h>
#include <shop/ablate_data.h>
#include <shop/ablate_frame.h>
#include <shop/sentences.h>
#include <shop/train_start.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- the print ---- */

enum { NAMES_MAX = 32, HEAD_BYTES = 1 << 16 };

typedef struct names {
    char name[NAMES_MAX][64];
    size_t n;
} names;

/* The files: not the frame, and not what is half written. */
static sage_status note_name(void *ctx, const char *name, sage_error *error) {
    names *all = ctx;
    if (name[0] == '.' || strcmp(name, SAGE_FRAME_DIR) == 0) return SAGE_OK;
    if (all->n == NAMES_MAX) return sage_fail(error, SAGE_E_LIMIT, "a dataset has at most %d files", NAMES_MAX);
    snprintf(all->name[all->n++], sizeof all->name[0], "%s", name);
    return SAGE_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

static sage_status add_file(XXH3_state_t *state, const char *dir, const char *name, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_map map = {0};
    SAGE_TRY(sage_path_join(path, dir, name, error));
    SAGE_TRY(sage_map_open(path, &map, error));
    uint64_t size = map.size;
    XXH3_128bits_update(state, name, strlen(name) + 1);
    XXH3_128bits_update(state, &size, sizeof size);
    if (size > 0) XXH3_128bits_update(state, map.data, size < HEAD_BYTES ? size : HEAD_BYTES);
out:
    sage_map_close(&map);
    return st;
}

static sage_status print_of(const char *dir, char print[SAGE_PRINT_TEXT], sage_error *error) {
    sage_status st = SAGE_OK;
    names all = {.n = 0};
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL) return sage_fail_memory(error, 1 << 10);
    XXH3_128bits_reset(state);
    SAGE_TRY(sage_fs_list(dir, note_name, &all, error));
    qsort(all.name, all.n, sizeof all.name[0], by_name);
    for (size_t i = 0; i < all.n; i++) SAGE_TRY(add_file(state, dir, all.name[i], error));
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(print, SAGE_PRINT_TEXT, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
out:
    XXH3_freeState(state);
    return st;
}

/* ---- finding one ---- */

typedef struct search {
    sage_shop *shop;
    const char *folder, *identity; /* of the encoder of texts; NULL: none */
    char parent[SAGE_PATH_MAX];
    const sage_options *options;
    const int64_t *revision; /* NULL: any, of those that ask something */
    const sage_monitor *monitor;
} search;

static bool fits(const search *s, uint64_t id, int64_t *revision) {
    char dir[SAGE_PATH_MAX];
    sage_dataset_info info;
    int64_t contents;
    if (sage_version_path(dir, s->parent, id, NULL) != SAGE_OK) return false;
    if (sage_meta_read(dir, &info, &contents, NULL) != SAGE_OK) return false;
    *revision = info.catalogue_revision;
    if (s->revision != NULL && *revision != *s->revision) return false;
    return sage_dataset_fresh_in(s->parent, s->shop->dir, id, *revision, s->options, s->identity);
}

bool sage_ablate_data_asks(const sage_dataset *dataset) {
    size_t n;
    for (unsigned part = SAGE_VALIDATION; part < SAGE_PARTS; part++)
        for (unsigned task = 0; task < SAGE_TASKS; task++)
            if (sage_dataset_pairs(dataset, (sage_part)part, task, &n) != NULL && n > 0) return true;
    for (size_t i = 0; i < sage_dataset_users(dataset); i++) {
        sage_packed_user user;
        sage_dataset_user(dataset, i, &user);
        for (size_t e = 0; e < user.n; e++)
            if (user.events[e].part != SAGE_TRAIN) return true;
    }
    return false;
}

/* data->dataset stays NULL where there is none, or it is damaged. */
static sage_status find(const search *s, sage_ablate_data *data, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t *ids = NULL;
    size_t n = 0;
    char line[1024];
    SAGE_TRY(sage_version_list(s->parent, &ids, &n, error));
    for (size_t i = n; i-- > 0 && data->dataset == NULL;) {
        sage_error damage = {0};
        if (!fits(s, ids[i], &data->revision)) continue;
        data->id = ids[i];
        st = sage_dataset_open(s->folder, ids[i], true, &data->dataset, &damage);
        if (st == SAGE_OK && (s->revision != NULL || sage_ablate_data_asks(data->dataset))) break;
        sage_dataset_close(data->dataset);
        data->dataset = NULL;
        if (st == SAGE_OK) continue;
        if (st != SAGE_E_FORMAT && st != SAGE_E_NOT_FOUND) {
            if (error != NULL) *error = damage;
            goto out;
        }
        sage_warn(s->monitor, "%s; another dataset is packed", sage_error_line(&damage, line, sizeof line));
        st = SAGE_OK;
    }
out:
    sage_free(ids);
    return st;
}

static sage_status pack(const search *s, sage_catalog *catalog, sage_sentences *sentences, sage_pool *pool,
                        sage_ablate_data *data, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_train_check_products(catalog, error));
    SAGE_TRY(sage_dataset_build_in(s->parent, catalog, s->shop->dir, s->options, sentences, pool, s->monitor, &data->id,
                                   error));
    data->revision = sage_catalog_revision(catalog);
    SAGE_TRY(sage_dataset_open(s->folder, data->id, true, &data->dataset, error));
out:
    return st;
}

/* ---- one data ---- */

static sage_status find_or_pack(search *s, sage_catalog *catalog, sage_sentences *sentences,
                                const sage_ablate_data *base, bool anew, sage_pool *pool, sage_ablate_data *data,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t now = sage_catalog_revision(catalog);
    s->revision = base != NULL ? &base->revision : anew ? &now : NULL;
    SAGE_TRY(find(s, data, error));
    if (data->dataset == NULL && s->revision == NULL) {
        s->revision = &now;
        SAGE_TRY(find(s, data, error));
    }
    if (data->dataset != NULL && data->revision != now && base == NULL)
        sage_note(s->monitor,
                  "the catalogue has changed since dataset %llu of the ablation was packed; it goes on with that one "
                  "(--anew packs what there is now)",
                  (unsigned long long)data->id);
    if (data->dataset == NULL && (base == NULL || base->revision == now))
        SAGE_TRY(pack(s, catalog, sentences, pool, data, error));
out:
    return st;
}

sage_status sage_ablate_data_open(sage_shop *shop, const char *folder, const sage_options *options,
                                  const sage_ablate_data *base, bool anew, sage_pool *pool, const sage_monitor *monitor,
                                  sage_ablate_data *data, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_sentences *sentences = NULL;
    char dir[SAGE_PATH_MAX];
    const char *encoder = sage_options_text(options, "text_encoder");
    search s = {.shop = shop, .folder = folder, .options = options, .monitor = monitor};
    *data = (sage_ablate_data){.dataset = NULL};
    SAGE_TRY(sage_path_join(s.parent, folder, "dataset", error));
    SAGE_TRY(sage_fs_mkdir(s.parent, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_shop_sentences(shop, encoder, true, &sentences, error));
    s.identity = sentences != NULL ? sage_sentences_identity(sentences) : NULL;
    SAGE_TRY(find_or_pack(&s, catalog, sentences, base, anew, pool, data, error));
    if (data->dataset == NULL) goto out;
    if ((data->text_encoder = sage_strdup(encoder)) == NULL) SAGE_TRY(sage_fail_memory(error, strlen(encoder)));
    SAGE_TRY(sage_version_path(dir, s.parent, data->id, error));
    SAGE_TRY(print_of(dir, data->print, error));
    SAGE_TRY(sage_frame_open(catalog, data->dataset, dir, &data->frame, error));
out:
    sage_sentences_close(sentences);
    sage_catalog_close(catalog);
    return st;
}

void sage_ablate_data_close(sage_ablate_data *data) {
    sage_index_close(data->frame);
    sage_dataset_close(data->dataset);
    sage_free(data->text_encoder);
    *data = (sage_ablate_data){.dataset = NULL};
}

bool sage_ablate_data_fits(const sage_shop *shop, const char *folder, const sage_ablate_data *data,
                           const sage_options *options) {
    char parent[SAGE_PATH_MAX];
    sage_dataset_info info;
    sage_dataset_describe(data->dataset, &info);
    if (strcmp(data->text_encoder, sage_options_text(options, "text_encoder")) != 0) return false;
    return sage_path_join(parent, folder, "dataset", NULL) == SAGE_OK &&
           sage_dataset_fresh_in(parent, shop->dir, data->id, data->revision, options,
                                 info.text_encoder[0] != '\0' ? info.text_encoder : NULL);
}
