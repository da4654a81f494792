#include <io/fs.h>
#include <io/room.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_BYTES = 20000 };

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];

static unsigned char byte_at(size_t i) {
    return (unsigned char)(i * 31 + 7);
}

static int setup(void **state) {
    (void)state;
    unsigned char bytes[FILE_BYTES];
    for (size_t i = 0; i < FILE_BYTES; i++) bytes[i] = byte_at(i);
    scratch_make(dir);
    scratch_must(sage_path_join(path, dir, "file", NULL) == SAGE_OK, dir);
    scratch_must(sage_fs_replace(path, bytes, FILE_BYTES, NULL) == SAGE_OK, path);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void assert_zeros(const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) assert_int_equal(bytes[i], 0);
}

static void grows_where_it_stands(void **state) {
    (void)state;
    sage_room room;
    sage_error error = {0};
    assert_int_equal(sage_room_new(&room, 0, (size_t)1 << 30, NULL), SAGE_OK);
    const unsigned char *data = room.data;
    for (size_t bytes = 1; bytes < 40u << 20; bytes = 3 * bytes + 5) {
        size_t before = room.bytes;
        assert_int_equal(sage_room_grow(&room, bytes, NULL), SAGE_OK);
        assert_ptr_equal(room.data, data);
        assert_int_equal(room.bytes, bytes);
        assert_zeros(room.data + before, bytes - before);
        memset(room.data + before, 1, bytes - before);
    }
    assert_int_equal(sage_room_grow(&room, 1, NULL), SAGE_OK);
    assert_int_equal(sage_room_grow(&room, (size_t)1 << 30, NULL), SAGE_OK);
    room.data[((size_t)1 << 30) - 1] = 1;
    assert_int_equal(sage_room_grow(&room, ((size_t)1 << 30) + 1, &error), SAGE_E_LIMIT);
    assert_non_null(strstr(error.text, "1024 MiB"));
    sage_room_free(&room);
    sage_room_free(&room);
}

/* Any part of a file, wherever it begins and ends: its bytes, then zeros; the file never changes. */
static void begins_with_a_part_of_a_file(void **state) {
    (void)state;
    static const size_t parts[][2] = {{0, FILE_BYTES}, {64, 4032}, {64, 4033}, {4096, 4096},   {8128, 0},
                                      {4160, 11000},   {0, 1},     {0, 0},     {FILE_BYTES, 0}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sage_room room;
        size_t at = parts[i][0], bytes = parts[i][1], more = bytes + 100000;
        assert_int_equal(sage_room_of_file(&room, path, at, bytes, 1u << 22, NULL), SAGE_OK);
        assert_int_equal(room.bytes, bytes);
        assert_int_equal((uintptr_t)room.data % 64, at % 64);
        for (size_t b = 0; b < bytes; b++) assert_int_equal(room.data[b], byte_at(at + b));
        assert_int_equal(sage_room_grow(&room, more, NULL), SAGE_OK);
        assert_zeros(room.data + bytes, more - bytes);
        memset(room.data, 0xee, more);
        sage_room_free(&room);
    }
    size_t n;
    char *now = scratch_read(path, &n);
    assert_int_equal(n, FILE_BYTES);
    for (size_t b = 0; b < n; b++) assert_int_equal((unsigned char)now[b], byte_at(b));
    sage_free(now);
}

static void what_is_refused(void **state) {
    (void)state;
    sage_room room;
    assert_int_equal(sage_room_of_file(&room, path, 0, FILE_BYTES + 1, 1u << 20, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_room_of_file(&room, path, FILE_BYTES + 1, 0, 1u << 20, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_room_of_file(&room, path, UINT64_MAX - 10, 100, 1u << 20, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_room_of_file(&room, dir, 0, 0, SIZE_MAX, NULL), SAGE_E_MEMORY);
    assert_int_equal(sage_room_new(&room, 0, SIZE_MAX / 2, NULL), SAGE_E_MEMORY);
    assert_int_equal(sage_room_of_file(&room, "/nothing/here", 0, 0, 1, NULL), SAGE_E_NOT_FOUND);
    assert_null(room.begin);
}

/* What a process may map may be limited: a room then takes twice what it has to, and says so when it is full. */
static void address_space_may_be_limited(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        sage_room room;
        struct rlimit limit;
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = (rlim_t)1 << 50;
        bool right = setrlimit(RLIMIT_AS, &limit) == 0;
        right = right && sage_room_new(&room, 5u << 20, (size_t)1 << 40, NULL) == SAGE_OK;
        right = right && room.most == 11u << 20 && sage_room_grow(&room, 11u << 20, NULL) == SAGE_OK;
        right = right && sage_room_grow(&room, (11u << 20) + 1, NULL) == SAGE_E_LIMIT;
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_where_it_stands),
        cmocka_unit_test(begins_with_a_part_of_a_file),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(address_space_may_be_limited),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
