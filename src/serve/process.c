#include <dirent.h>
#include <serve/process.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double resident_bytes(void) {
    unsigned long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "%lu %lu", &all, &resident) != 2) resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double descriptors(void) {
    double n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) return 0;
    while (readdir(dir) != NULL) n++;
    closedir(dir);
    return n - 3; /* ".", ".." and the one that lists them */
}

sage_process sage_process_read(void) {
    struct rusage usage;
    sage_process process = {.resident_bytes = resident_bytes(), .descriptors = descriptors()};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        process.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return process;
}
