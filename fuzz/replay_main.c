/* Runs a fuzzer over files and the files of folders, where libFuzzer is not at hand. */
#include "fuzz.h"
#include <dirent.h>
#include <sys/stat.h>

static size_t ran;

static int run_file(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    int good = file != NULL && data != NULL && fread(data, 1, size, file) == size;
    if (good) LLVMFuzzerTestOneInput(data, size);
    if (file != NULL) fclose(file);
    free(data);
    ran++;
    return good ? 0 : -1;
}

static int run_path(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) return -1;
    if (!S_ISDIR(info.st_mode)) return run_file(path, (size_t)info.st_size);
    DIR *dir = opendir(path);
    int result = dir == NULL ? -1 : 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(dir)) != NULL;) {
        char below[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        result = run_path(below);
        if (result != 0) fprintf(stderr, "cannot run %s\n", below);
    }
    if (dir != NULL) closedir(dir);
    return result;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (run_path(argv[i]) != 0) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    }
    if (ran == 0) {
        fprintf(stderr, "usage: %s FILE-OR-FOLDER...\n", argv[0]);
        return 2;
    }
    printf("%zu inputs\n", ran);
    return 0;
}
