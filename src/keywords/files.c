#include <io/map.h>
#include <keywords/files.h>
#include <xxhash.h>

sage_status sage_keywords_sum_of(const char *path, sage_keywords_sum *sum, sage_error *error) {
    sage_map map;
    sage_status st = sage_map_open(path, &map, error);
    if (st != SAGE_OK) return st;
    *sum = (sage_keywords_sum){.bytes = map.size, .xxh3 = XXH3_64bits(map.data, map.size)};
    sage_map_close(&map);
    return SAGE_OK;
}
