#include <base/alloc.h>
#include <base/error.h>
#include <features/features.h>
#include <io/fs.h>
#include <io/npy.h>
#include <math.h>
#include <string.h>

typedef struct vector_file {
    char *name;
    sage_npy npy;
} vector_file;

struct sage_image_store {
    char *dir;
    vector_file *files; /* few: one an import of vectors */
    size_t n_files, capacity;
    size_t last; /* where the last product's vectors lay */
    size_t dim;
    sage_catalog *catalog;
    sage_picture_parts parts;
    char *expected; /* the identity of the encoder that all are of; NULL: of any */
};

sage_status sage_image_store_open(sage_catalog *catalog, const char *pictures_dir, sage_image_store **store,
                                  sage_error *error) {
    sage_image_store *s = sage_alloc_zero(1, sizeof *s);
    *store = NULL;
    if (s == NULL || (s->dir = sage_strdup(pictures_dir)) == NULL) {
        sage_image_store_close(s);
        return sage_fail_memory(error, sizeof *s);
    }
    s->catalog = catalog;
    *store = s;
    return SAGE_OK;
}

sage_status sage_image_store_expect(sage_image_store *store, const char *identity, sage_error *error) {
    store->expected = sage_strdup(identity);
    return store->expected != NULL ? SAGE_OK : sage_fail_memory(error, strlen(identity));
}

void sage_image_store_close(sage_image_store *store) {
    if (store == NULL) return;
    for (size_t i = 0; i < store->n_files; i++) {
        sage_npy_close(&store->files[i].npy);
        sage_free(store->files[i].name);
    }
    sage_free(store->files);
    sage_free(store->dir);
    sage_free(store->expected);
    sage_free(store);
}

/* Vectors of one width may be of different encoders, where several are joined. */
static sage_status check_parts(sage_image_store *s, const sage_npy *npy, const char *name, const char *path,
                               sage_error *error) {
    sage_picture_parts parts = {.n = 1};
    char identity[SAGE_PICTURE_IDENTITY_MAX] = "";
    if (s->catalog != NULL) {
        sage_status st = sage_catalog_vector_parts(s->catalog, name, &parts, identity, error);
        if (st != SAGE_OK) return st;
    }
    if (s->expected != NULL && strcmp(s->expected, identity) != 0)
        return sage_fail(error, SAGE_E_STATE,
                         "the catalogue's pictures have vectors of another encoder (%.70s) than the model was trained "
                         "on (%.70s); run 'itemsage train' first",
                         identity[0] != '\0' ? identity : "from elsewhere", s->expected);
    if (parts.n == 1) parts.dim[0] = npy->cols;
    if (sage_picture_parts_dim(&parts) != npy->cols ||
        (s->parts.n != 0 && !sage_picture_parts_equal(&s->parts, &parts)))
        return sage_fail_at(
            error, SAGE_E_FORMAT, path, 0, 0,
            "image vectors of other encoders than others that are joined; run 'itemsage import images'");
    s->parts = parts;
    return SAGE_OK;
}

static sage_status check_file(sage_image_store *s, const sage_npy *npy, const char *path, sage_error *error) {
    if (npy->cols == 0 || (s->dim != 0 && npy->cols != s->dim)) {
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                            "image vectors of width %zu beside others of width %zu; import them all at one width",
                            npy->cols, s->dim);
    }
    s->dim = npy->cols;
    return SAGE_OK;
}

static sage_status open_file(sage_image_store *s, const char *name, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    vector_file file = {0};
    bool opened = false;
    if (strchr(name, '/') != NULL || name[0] == '.') {
        st = sage_fail(error, SAGE_E_FORMAT, "the catalogue names an image vector file \"%s\" outside the shop", name);
        goto out;
    }
    SAGE_TRY(sage_path_join(path, s->dir, name, error));
    SAGE_TRY(sage_npy_open(path, &file.npy, error));
    opened = true;
    SAGE_TRY(check_file(s, &file.npy, path, error));
    SAGE_TRY(check_parts(s, &file.npy, name, path, error));
    file.name = sage_strdup(name);
    if (file.name == NULL || sage_grow((void **)&s->files, &s->capacity, s->n_files + 1, sizeof *s->files) != 0) {
        st = sage_fail_memory(error, (s->n_files + 1) * sizeof *s->files);
        goto out;
    }
    s->last = s->n_files;
    s->files[s->n_files++] = file;
out:
    if (st != SAGE_OK && opened) sage_npy_close(&file.npy);
    if (st != SAGE_OK) sage_free(file.name);
    return st;
}

static sage_status find_file(sage_image_store *s, const char *name, const vector_file **file, sage_error *error) {
    if (s->n_files == 0 || strcmp(s->files[s->last].name, name) != 0) {
        size_t i = 0;
        while (i < s->n_files && strcmp(s->files[i].name, name) != 0) i++;
        s->last = i;
        if (i == s->n_files) {
            s->last = 0;
            sage_status st = open_file(s, name, error);
            if (st != SAGE_OK) return st;
        }
    }
    *file = &s->files[s->last];
    return SAGE_OK;
}

size_t sage_image_store_dim(const sage_image_store *store) {
    return store->dim;
}

void sage_image_store_parts(const sage_image_store *store, sage_picture_parts *parts) {
    *parts = store->parts;
}

double sage_image_scale(float *vector, size_t dim) {
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (double)vector[i] * vector[i];
    double inverse = sum > 0 && isfinite(sum) ? 1 / sqrt(sum) : 1;
    for (size_t i = 0; i < dim; i++) vector[i] = (float)(vector[i] * inverse);
    return sum;
}

double sage_image_scale_parts(float *vector, const sage_picture_parts *parts) {
    double least = INFINITY;
    for (size_t i = 0; i < parts->n; vector += parts->dim[i++]) {
        double sum = sage_image_scale(vector, parts->dim[i]);
        if (!(sum >= least)) least = sum;
    }
    return least;
}

/* *kept = false for a vector of length zero, or with a part that is. */
static sage_status scale(float *vector, const sage_picture_parts *parts, const sage_image_ref *image, bool *kept,
                         sage_error *error) {
    double sum = sage_image_scale_parts(vector, parts);
    *kept = sum > 0;
    if (!isfinite(sum)) {
        return sage_fail_at(error, SAGE_E_FORMAT, image->vector_file, 0, 0,
                            "image vector %llu is not finite; import the vectors again",
                            (unsigned long long)image->vector_row);
    }
    return SAGE_OK;
}

sage_status sage_image_store_add(sage_image_store *store, const sage_image_ref *image, float **out, size_t *capacity,
                                 size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    const vector_file *file;
    bool kept;
    if (image->vector_file == NULL || image->vector_file[0] == '\0') return SAGE_OK;
    SAGE_TRY(find_file(store, image->vector_file, &file, error));
    if (image->vector_row >= file->npy.rows) {
        st = sage_fail_at(error, SAGE_E_FORMAT, image->vector_file, 0, 0,
                          "image vector %llu of only %zu; import them again", (unsigned long long)image->vector_row,
                          file->npy.rows);
        goto out;
    }
    if (sage_grow((void **)out, capacity, (*n + 1) * store->dim, sizeof **out) != 0) {
        st = sage_fail_memory(error, (*n + 1) * store->dim * sizeof **out);
        goto out;
    }
    sage_npy_row(&file->npy, image->vector_row, *out + *n * store->dim);
    SAGE_TRY(scale(*out + *n * store->dim, &store->parts, image, &kept, error));
    *n += kept;
out:
    return st;
}

sage_status sage_image_store_read(sage_image_store *store, const sage_product_row *row, float **out, size_t *capacity,
                                  size_t *n, size_t *dim, sage_error *error) {
    sage_status st = SAGE_OK;
    *n = 0;
    for (size_t i = 0; i < row->n_images; i++)
        SAGE_TRY(sage_image_store_add(store, &row->images[i], out, capacity, n, error));
out:
    *dim = store->dim;
    return st;
}
