/* A sound dataset with some bytes of its files changed. What opens can be read everywhere and sampled from. The input's
 * first byte says whether checksums are made right; changes follow. */
#include "packed_image.h"
#include <catalog/store.h>
#include <dataset/sampler.h>
#include <io/fs.h>
#include <io/npy.h>

enum { FILES = 5, PACKED = 4 };
static const char *const names[FILES] = {"vocab.bin", "products.bin", "queries.bin", "users.bin", "meta.json"};

static char dir[64];
static image sound[FILES];
static sage_options *options;

static void path_of(size_t file, char path[128]) {
    snprintf(path, 128, "%s/dataset/1/%s", dir, names[file]);
}

static void remove_all(void) {
    sage_fs_remove_tree(dir, NULL);
    sage_options_free(options);
}

static void make_options(void) {
    static sage_option table[64];
    size_t n = 0;
    for (const sage_option *o = sage_dataset_options; o->key != NULL; o++) table[n++] = *o;
    for (const sage_option *o = sage_sampler_options; o->key != NULL; o++) table[n++] = *o;
    FUZZ_CHECK(sage_options_over(table, n, &options, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_options_set(options, "batch=6", NULL) == SAGE_OK);
    FUZZ_CHECK(sage_options_set(options, "negatives=3", NULL) == SAGE_OK);
    FUZZ_CHECK(sage_options_set(options, "typo=0.2", NULL) == SAGE_OK);
    FUZZ_CHECK(sage_options_set(options, "mask_words=all", NULL) == SAGE_OK);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Six products get pictures' vectors of two encoders. */
static void give_pictures(sage_catalog *catalog) {
    char npy[128], ids[128];
    float vectors[6][8];
    sage_npy_writer writer;
    sage_import_report report;
    snprintf(npy, sizeof npy, "%s/given.npy", dir);
    snprintf(ids, sizeof ids, "%s/given.ids", dir);
    for (size_t i = 0; i < 48; i++) vectors[i / 8][i % 8] = (float)(i * 7 % 11) - 4.5f;
    FUZZ_CHECK(sage_npy_create(npy, 6, 8, &writer, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_npy_add(&writer, vectors[0], 6, NULL) == SAGE_OK && sage_npy_finish(&writer, NULL) == SAGE_OK);
    write_text(ids, "1\n2\n3\n4\n5\n5\n");
    FUZZ_CHECK(sage_catalog_import_image_vectors(catalog, dir, npy, ids, NULL, &report, NULL) == SAGE_OK);
    FUZZ_CHECK(
        sage_db_exec(catalog->db,
                     "INSERT INTO encoders(encoder, identity, name, dim) VALUES(1, 'a', 'a', 3), (2, 'b', 'b', 5),"
                     " (3, 'a,b', 'a,b', 8); UPDATE vector_files SET encoder = 3",
                     NULL) == SAGE_OK);
}

static sage_catalog *make_catalogue(void) {
    char db[128], products[128], events[128];
    sage_catalog *catalog;
    sage_import_report report;
    const sage_import_options import = {0};
    snprintf(db, sizeof db, "%s/catalog.db", dir);
    snprintf(products, sizeof products, "%s/products.tsv", dir);
    snprintf(events, sizeof events, "%s/events.tsv", dir);
    write_text(
        products,
        "id\ttitle\tbrand\n1\toak table\tArla\n2\toak chair\t\n3\tbrass lamp\tBolt\n4\tlamp\t\n5\twall lamp\tBolt\n"
        "6\toak shelf\tArla\n7\tred chair\t\n8\tblue chair\tArla\n9\tgarden table\t\n10\tdesk\t\n11\tdesk lamp\t\n");
    write_text(
        events,
        "event\tproduct_id\tquery\tuser_id\tsurface\ttimestamp\nclick\t1\toak\tann\t\t100\nclick\t2\toak\tann\t\t200\n"
        "checkout\t3\tlamp\tbob\t\t\nsave\t4\tlamp\nclick\t9\ttable\nadd_to_cart\t10\tdesk\nclick\t11\tdesk\n"
        "click\t7\tchair\nclick\t8\tblue chair\nsave\t4\t\tann\tuser\t300\ncheckout\t4\t\tann\tuser\t300\n"
        "save\t1\t\tcid\tuser\t\nclick\t2\t1\t\tproduct\t\nclick\t3\t1\t\tproduct\t\n");
    const char *const product_files[] = {products}, *const event_files[] = {events};
    FUZZ_CHECK(sage_catalog_create(db, NULL) == SAGE_OK && sage_catalog_open(db, true, &catalog, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_catalog_import_products(catalog, product_files, 1, &import, NULL, &report, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_catalog_import_events(catalog, event_files, 1, &import, NULL, &report, NULL) == SAGE_OK);
    give_pictures(catalog);
    return catalog;
}

static void build(void) {
    uint64_t id;
    snprintf(dir, sizeof dir, "%s/dataset_fuzz_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    make_options();
    sage_catalog *catalog = make_catalogue();
    FUZZ_CHECK(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, NULL) == SAGE_OK && id == 1);
    sage_catalog_close(catalog);
    for (size_t i = 0; i < FILES; i++) {
        char path[128];
        path_of(i, path);
        image_read(&sound[i], path);
    }
}

static void read_all(const sage_dataset *dataset) {
    size_t n = sage_dataset_products(dataset), vocab = sage_vocab_size(sage_dataset_vocab(dataset));
    for (size_t i = 0; i < n; i++) {
        sage_packed_product p;
        sage_dataset_product(dataset, i, &p);
        for (size_t f = 0; f < SAGE_FIELDS; f++) fuzz_touch(p.text[f].data, p.text[f].len);
        for (size_t j = 0; j < p.begin[SAGE_FIELDS]; j++) FUZZ_CHECK(p.ids[j] < vocab);
        FUZZ_CHECK(sage_picture_parts_dim(sage_dataset_image_parts(dataset)) == sage_dataset_image_dim(dataset));
        if (p.n_images > 0) fuzz_touch(p.images, p.n_images * sage_dataset_image_dim(dataset) * sizeof(float));
    }
    for (size_t i = 0; i < sage_dataset_queries(dataset); i++) {
        sage_packed_query q;
        sage_dataset_query(dataset, i, &q);
        fuzz_touch(q.text.data, q.text.len);
        for (size_t j = 0; j < q.n_ids; j++) FUZZ_CHECK(q.ids[j] < vocab);
        for (size_t j = 0; j < q.n_positives; j++) FUZZ_CHECK(q.positives[j] < n);
        FUZZ_CHECK(q.looked_at < n || q.looked_at == UINT32_MAX);
    }
    for (unsigned t = 0; t < SAGE_PARTS * SAGE_TASKS; t++) {
        size_t n_pairs;
        const sage_pair *pairs = sage_dataset_pairs(dataset, (sage_part)(t / SAGE_TASKS), t % SAGE_TASKS, &n_pairs);
        for (size_t i = 0; i < n_pairs; i++) {
            FUZZ_CHECK(pairs[i].product < n && pairs[i].query < sage_dataset_queries(dataset));
        }
    }
}

static void read_people(const sage_dataset *dataset) {
    sage_user_event known[64];
    size_t n_events = 0, n;
    for (size_t i = 0; i < sage_dataset_users(dataset); i++) {
        sage_packed_user u;
        sage_dataset_user(dataset, i, &u);
        fuzz_touch(u.id.data, u.id.len);
        FUZZ_CHECK(u.first == n_events && u.n <= 64);
        for (unsigned part = 0; part < SAGE_PARTS; part++) {
            FUZZ_CHECK(sage_user_known(&u, (sage_part)part, known) <= u.n);
            sage_user_moment(dataset, &u, (sage_part)part);
        }
        for (size_t e = 0; e < u.n; e++, n_events++) {
            FUZZ_CHECK(u.events[e].product < sage_dataset_products(dataset) && u.events[e].kind < SAGE_EVENT_KINDS);
            FUZZ_CHECK(sage_dataset_event_user(dataset, n_events) == i);
        }
    }
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        const uint32_t *targets = sage_dataset_targets(dataset, (sage_event_kind)kind, &n);
        for (size_t i = 0; i < n; i++) FUZZ_CHECK(targets[i] < n_events);
    }
}

static void sample(const sage_dataset *dataset) {
    sage_sampler *sampler = NULL;
    const sage_batch *batch;
    const sage_made_pairs *pairs;
    sage_error error = {0};
    if (sage_sampler_new(dataset, options, NULL, 1, &sampler, &error) != SAGE_OK) {
        FUZZ_CHECK(sampler == NULL && error.text[0] != '\0');
        return;
    }
    for (uint64_t step = 0; step < 3; step++) {
        FUZZ_CHECK(sage_sampler_batch(sampler, step, &batch, NULL) == SAGE_OK);
        size_t n = batch->image_begin != NULL ? batch->image_begin[batch->n_pairs + batch->n_random] : 0;
        if (n > 0) fuzz_touch(batch->images, n * sage_dataset_image_dim(dataset) * sizeof(float));
    }
    FUZZ_CHECK(sage_sampler_validation(sampler, 4, &pairs, NULL) == SAGE_OK);
    sage_sampler_free(sampler);
}

static void look(bool verify) {
    sage_dataset *dataset = NULL;
    sage_error error = {0};
    if (sage_dataset_open(dir, 1, verify, &dataset, &error) != SAGE_OK) {
        FUZZ_CHECK(dataset == NULL && error.text[0] != '\0');
        return;
    }
    read_all(dataset);
    read_people(dataset);
    sample(dataset);
    sage_dataset_close(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static image files[FILES];
    if (dir[0] == '\0') build();
    if (size == 0) return 0;
    memcpy(files, sound, sizeof files);
    image_changes(files, FILES, data, size);
    for (size_t i = 0; i < FILES; i++) {
        char path[128];
        path_of(i, path);
        if (i < PACKED && data[0] % 4 != 0) image_mend(&files[i]);
        image_write(&files[i], path);
    }
    look(data[0] % 8 < 4);
    return 0;
}
