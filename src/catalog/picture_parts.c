#include <catalog/picture_parts.h>
#include <string.h>

size_t sage_picture_parts_dim(const sage_picture_parts *parts) {
    size_t dim = 0;
    for (size_t i = 0; i < parts->n; i++) dim += parts->dim[i];
    return dim;
}

bool sage_picture_parts_equal(const sage_picture_parts *a, const sage_picture_parts *b) {
    return a->n == b->n && memcmp(a->dim, b->dim, a->n * sizeof *a->dim) == 0;
}

bool sage_picture_parts_next(const char **list, sage_str *one) {
    if (*list == NULL) return false;
    const char *begin = *list + strspn(*list, " "), *end = strchr(begin, ',');
    *one = (sage_str){begin, end != NULL ? (size_t)(end - begin) : strlen(begin)};
    while (one->len > 0 && begin[one->len - 1] == ' ') one->len--;
    *list = end != NULL ? end + 1 : NULL;
    return true;
}
