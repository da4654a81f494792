/* jansson with the project's errors. */
#ifndef SAGE_IO_JSON_H
#define SAGE_IO_JSON_H

#include <itemsage/status.h>
#include <jansson.h>
#include <stdint.h>

/* Duplicate keys are refused. Errors carry file, line and column. */
sage_status sage_json_read(const char *path, size_t max_bytes, json_t **root, sage_error *error);
/* The same with all numbers as reals, so that whole ones past 64 bits are read too, as in what Python writes. */
sage_status sage_json_read_reals(const char *path, size_t max_bytes, json_t **root, sage_error *error);
sage_status sage_json_parse(const char *text, size_t n, const char *source, json_t **root, sage_error *error);
/* Written with sage_fs_replace, indented, keys in insertion order. */
sage_status sage_json_write(const char *path, const json_t *root, sage_error *error);
/* Typed members; SAGE_E_FORMAT naming the member where it is absent or of another type. */
sage_status sage_json_int(const json_t *object, const char *key, int64_t *value, const char *source, sage_error *error);
/* Of a whole number that is not negative. */
sage_status sage_json_count(const json_t *object, const char *key, uint64_t *value, const char *source,
                            sage_error *error);
sage_status sage_json_real(const json_t *object, const char *key, double *value, const char *source, sage_error *error);
sage_status sage_json_text(const json_t *object, const char *key, const char **value, const char *source,
                           sage_error *error);

/* ---- building: a shortage of memory anywhere shows at the end ---- */
/* The value, or, where something failed, NULL, and the value is freed. */
json_t *sage_json_or_free(json_t *value, int failed);

#endif
