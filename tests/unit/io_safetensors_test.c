#include <io/safetensors.h>
#include <jansson.h>
#include <support/scratch.h>
#include <support/test.h>

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
static const float weights[6] = {1, 2, 3, 4, 5, 6};
static const unsigned char mask[3] = {7, 8, 9};
static const double scale = 0.5;
static const sage_tensor_meta meta[] = {{"format", "pt"}, {"note", "with \"quotes\""}};

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_must(sage_path_join(path, dir, "x.safetensors", NULL) == SAGE_OK, dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void small(sage_tensor tensors[4]) {
    tensors[0] = (sage_tensor){.name = "mask", .dtype = SAGE_U8, .n_dims = 1, .dim = {3}, .data = mask, .bytes = 3};
    tensors[1] =
        (sage_tensor){.name = "weights", .dtype = SAGE_F32, .n_dims = 2, .dim = {2, 3}, .data = weights, .bytes = 24};
    tensors[2] = (sage_tensor){.name = "scale", .dtype = SAGE_F64, .data = &scale, .bytes = 8};
    tensors[3] = (sage_tensor){.name = "none", .dtype = SAGE_I64, .n_dims = 2, .dim = {0, 5}, .bytes = 0};
}

static sage_status write_small(void) {
    sage_tensor tensors[4];
    small(tensors);
    return sage_safetensors_replace(path, tensors, 4, meta, 2, NULL);
}

static sage_status check_small(bool values) {
    sage_safetensors *file;
    sage_tensor tensors[4];
    small(tensors);
    sage_status st = sage_safetensors_open(path, &file, NULL);
    if (st != SAGE_OK) return st;
    for (size_t i = 0; values && i < 4; i++) {
        const sage_tensor *found = sage_safetensors_at(file, i);
        assert_string_equal(found->name, tensors[i].name);
        assert_int_equal(found->dtype, tensors[i].dtype);
        assert_int_equal(found->n_dims, tensors[i].n_dims);
        assert_memory_equal(found->dim, tensors[i].dim, sizeof found->dim);
        assert_int_equal(found->bytes, tensors[i].bytes);
        assert_int_equal((uintptr_t)found->data % sage_dtype_bytes(found->dtype), 0);
        if (found->bytes > 0) assert_memory_equal(found->data, tensors[i].data, found->bytes);
        assert_ptr_equal(sage_safetensors_find(file, found->name), found);
    }
    for (size_t i = 0; i < sage_safetensors_count(file); i++) {
        const sage_tensor *found = sage_safetensors_at(file, i);
        unsigned sum = 0; /* touches every byte, for the sanitizer */
        for (size_t b = 0; b < found->bytes; b++) sum += ((const unsigned char *)found->data)[b];
        assert_true(sum <= 255 * found->bytes);
    }
    sage_safetensors_close(file);
    return SAGE_OK;
}

static void keeps_tensors(void **state) {
    (void)state;
    sage_safetensors *file;
    assert_int_equal(write_small(), SAGE_OK);
    assert_int_equal(check_small(true), SAGE_OK);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_safetensors_count(file), 4);
    assert_null(sage_safetensors_at(file, 4));
    assert_null(sage_safetensors_find(file, "absent"));
    assert_string_equal(sage_safetensors_meta(file, "note"), "with \"quotes\"");
    assert_null(sage_safetensors_meta(file, "absent"));
    sage_safetensors_close(file);
    sage_safetensors_close(NULL);
    assert_int_equal(sage_safetensors_write(path, NULL, 0, NULL, 0, NULL), SAGE_OK);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_safetensors_count(file), 0);
    assert_null(sage_safetensors_meta(file, "note"));
    sage_safetensors_close(file);
}

/* Data begins at a multiple of 64, wide elements first and without gaps, as the format's own library wants it. */
static void lies_as_documented(void **state) {
    (void)state;
    size_t n;
    assert_int_equal(write_small(), SAGE_OK);
    char *bytes = scratch_read(path, &n);
    uint64_t head;
    memcpy(&head, bytes, 8);
    assert_int_equal((head + 8) % 64, 0);
    assert_int_equal(n, head + 8 + 35);
    assert_memory_equal(bytes + 8, "{\"__metadata__\":{", 17);
    assert_non_null(strstr(bytes + 8, "\"weights\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]}"));
    assert_memory_equal(bytes + 8 + head, &scale, 8);
    assert_memory_equal(bytes + 8 + head + 8, weights, 24);
    assert_memory_equal(bytes + 8 + head + 32, mask, 3);
    sage_free(bytes);
}

/* Slabs in memory, rows in the file; more rows than one buffer holds. The checksum is that of the rows. */
static void slabs_are_written_row_by_row(void **state) {
    (void)state;
    enum { COLUMNS = 7, SLAB = 4 };
    static const size_t lengths[] = {0, 1, 3, 70000};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        size_t rows = lengths[l];
        float *plain = calloc(rows * COLUMNS + 1, sizeof *plain), *slabs = calloc(rows * COLUMNS + 1, sizeof *slabs);
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < COLUMNS; c++) {
                plain[r * COLUMNS + c] = (float)(r * COLUMNS + c);
                slabs[c < SLAB ? r * SLAB + c : rows * SLAB + r * (COLUMNS - SLAB) + c - SLAB] = plain[r * COLUMNS + c];
            }
        sage_tensor in_rows = {.name = "t",
                               .dtype = SAGE_F32,
                               .n_dims = 2,
                               .dim = {rows, COLUMNS},
                               .data = plain,
                               .bytes = rows * COLUMNS * sizeof *plain};
        sage_tensor in_slabs = in_rows;
        in_slabs.data = slabs;
        in_slabs.slab = SLAB;
        char sum_of_rows[SAGE_TENSORS_SUM_BYTES], sum_of_slabs[SAGE_TENSORS_SUM_BYTES];
        sage_tensors_sum(&in_rows, 1, sum_of_rows);
        sage_tensors_sum(&in_slabs, 1, sum_of_slabs);
        assert_string_equal(sum_of_rows, sum_of_slabs);
        size_t n, m;
        assert_int_equal(sage_safetensors_replace(path, &in_rows, 1, NULL, 0, NULL), SAGE_OK);
        char *wanted = scratch_read(path, &n);
        assert_int_equal(sage_safetensors_replace(path, &in_slabs, 1, NULL, 0, NULL), SAGE_OK);
        char *got = scratch_read(path, &m);
        assert_int_equal(n, m);
        assert_memory_equal(wanted, got, n);
        sage_free(wanted);
        sage_free(got);
        free(plain);
        free(slabs);
    }
}

/* Mapped pages of files, which are shared memory where the scratch folder is a tmpfs; 0 where nobody says. */
static size_t resident_kib(void) {
    char line[128];
    size_t kib = 0, some;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "RssFile: %zu", &some) == 1 || sscanf(line, "RssShmem: %zu", &some) == 1) kib += some;
    if (status != NULL) fclose(status);
    return kib;
}

/* What was read and released is no longer the process's memory, and is still there for who asks again. */
static void read_bytes_can_be_released(void **state) {
    (void)state;
    enum { BYTES = 12 << 20, MOST_KIB = 2048 };
    unsigned char *bytes = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) bytes[i] = (unsigned char)(i * 7 / 5);
    sage_tensor one = {.name = "t", .dtype = SAGE_U8, .n_dims = 1, .dim = {BYTES}, .data = bytes, .bytes = BYTES};
    sage_safetensors *file;
    char sum[SAGE_TENSORS_SUM_BYTES], of_file[SAGE_TENSORS_SUM_BYTES];
    assert_int_equal(sage_safetensors_replace(path, &one, 1, NULL, 0, NULL), SAGE_OK);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    const sage_tensor *found = sage_safetensors_at(file, 0);
    size_t before = resident_kib();
    sage_tensors_sum(&one, 1, sum);
    sage_safetensors_sum(file, of_file);
    assert_string_equal(of_file, sum);
    assert_true(resident_kib() < before + MOST_KIB);
    for (int again = 0; again < 2; again++) {
        assert_memory_equal(found->data, bytes, BYTES);
        if (before > 0) assert_true(resident_kib() > before + BYTES / 1024 - MOST_KIB);
        sage_safetensors_release(file, (const unsigned char *)found->data + 5, BYTES - 10);
        assert_true(resident_kib() < before + MOST_KIB);
    }
    sage_safetensors_close(file);
    free(bytes);
}

static void refuses_wrong_tensors(void **state) {
    (void)state;
    sage_tensor tensors[4];
    small(tensors);
    tensors[1].bytes = 20;
    assert_int_equal(sage_safetensors_write(path, tensors, 4, NULL, 0, NULL), SAGE_E_INTERNAL);
    small(tensors);
    strcpy(tensors[1].name, "mask");
    assert_int_equal(sage_safetensors_write(path, tensors, 4, NULL, 0, NULL), SAGE_E_INTERNAL);
    strcpy(tensors[1].name, "");
    assert_int_equal(sage_safetensors_write(path, tensors, 4, NULL, 0, NULL), SAGE_E_INTERNAL);
    small(tensors);
    tensors[0].slab = 2; /* of one dimension */
    assert_int_equal(sage_safetensors_write(path, tensors, 4, NULL, 0, NULL), SAGE_E_INTERNAL);
    small(tensors);
    tensors[0].n_dims = 2;
    tensors[0].dim[1] = SIZE_MAX;
    assert_int_equal(sage_safetensors_write(path, tensors, 4, NULL, 0, NULL), SAGE_E_INTERNAL);
}

/* The header is padded to a multiple of 8, and by `shift` blanks more; 16 bytes of data follow. */
static sage_status open_text(const char *header, size_t shift, sage_error *error) {
    char bytes[2048] = {0};
    uint64_t n = (strlen(header) + 7) / 8 * 8 + shift;
    memset(bytes + 8, ' ', n);
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, strlen(header));
    scratch_write(path, bytes, 8 + n + 16);
    sage_safetensors *file;
    sage_status st = sage_safetensors_open(path, &file, error);
    sage_safetensors_close(file);
    return st;
}

static void checks_the_header(void **state) {
    (void)state;
    static const struct {
        const char *header, *says; /* says NULL: is good */
        size_t shift;
    } cases[] = {
        {"{}      ", NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", NULL}, /* a gap is no harm */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "is not aligned", 1},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "does not fit its shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[17],\"data_offsets\":[0,17]}}", "outside the file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9,8]}}", "outside the file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", "outside the file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", "outside the file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,18446744073709551615]}}", "not valid JSON"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4611686018427387904,4611686018427387904],\"data_offsets\":[0,0]}}",
         "does not fit its shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", "no list of sizes"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", "at most 8 dimensions"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", "at most 8 dimensions"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", "no known element type"},
        {"{\"a\":3}", "no known element type"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[1,3]}}",
         "overlaps"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[2,4]}}",
         "duplicate"},
        {"{\"__metadata__\":[]}", "__metadata__ is no object"},
        {"{\"__metadata__\":{\"x\":1}}", "is no text"},
        {"[]", "no JSON object"},
        {"", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sage_error error = {0};
        sage_status st = open_text(cases[i].header, cases[i].shift, &error);
        if (cases[i].says == NULL) {
            assert_int_equal(st, SAGE_OK);
        } else {
            assert_int_equal(st, SAGE_E_FORMAT);
            assert_non_null(strstr(error.text, cases[i].says));
        }
    }
    char name[512];
    snprintf(name, sizeof name, "{\"%0200d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
    assert_int_equal(open_text(name, 0, NULL), SAGE_E_FORMAT);
}

/* Changed bytes give an error or tensors inside the file, cut files always an error. */
static void stays_inside_damaged_files(void **state) {
    (void)state;
    size_t n;
    assert_int_equal(write_small(), SAGE_OK);
    char *bytes = scratch_read(path, &n);
    for (size_t cut = 0; cut < n; cut++) {
        scratch_write(path, bytes, cut);
        assert_int_equal(check_small(false), SAGE_E_FORMAT);
    }
    for (size_t at = 0; at < n; at++) {
        const int changes[] = {1 << at % 8, 0xFF};
        for (int i = 0; i < 2; i++) {
            bytes[at] = (char)(bytes[at] ^ changes[i]);
            scratch_write(path, bytes, n);
            sage_status st = check_small(false);
            assert_true(st == SAGE_OK || st == SAGE_E_FORMAT || st == SAGE_E_LIMIT);
            bytes[at] = (char)(bytes[at] ^ changes[i]);
        }
    }
    sage_free(bytes);
}

static void survives_short_memory(void **state) {
    (void)state;
    json_set_alloc_funcs(sage_alloc, sage_free);
    sage_status st = SAGE_E_MEMORY;
    unsigned long n;
    for (n = 1; st != SAGE_OK; n++) {
        sage_alloc_fail_from(n);
        st = write_small();
        if (st == SAGE_OK) st = check_small(true);
        sage_alloc_fail_from(0);
        /* jansson takes a text for broken where its buffer cannot grow. */
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY || st == SAGE_E_FORMAT);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 50);
}

static bool write_op(void *ctx) {
    (void)ctx;
    return write_small() == SAGE_OK;
}

static void replaces_at_once(void **state) {
    (void)state;
    uint64_t calls;
    assert_int_equal(fault_child(write_op, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        for (uint64_t call = 1; call <= calls; call++) {
            scratch_write(path, "old", 3);
            int outcome = fault_child(write_op, NULL, (sage_fault_kind)kind, call, NULL);
            bool old = scratch_holds(path, "old", 3);
            if (!old) assert_int_equal(check_small(true), SAGE_OK);
            if (outcome == FAULT_DONE || call == calls) assert_false(old);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_tensors),
        cmocka_unit_test(lies_as_documented),
        cmocka_unit_test(slabs_are_written_row_by_row),
        cmocka_unit_test(read_bytes_can_be_released),
        cmocka_unit_test(refuses_wrong_tensors),
        cmocka_unit_test(checks_the_header),
        cmocka_unit_test(stays_inside_damaged_files),
        cmocka_unit_test(survives_short_memory),
        cmocka_unit_test(replaces_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
