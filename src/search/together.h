/* What the same users dealt with: of each product of the index the products most like it by item-kNN (eval/item_knn.h),
 * counted from the part that the model is trained on and from nothing else. index/<n>/together.bin, "SAGEITOG", is
 * written when a release is built:
 *   begin: u64 [rows + 1], ascending from 0; near: {u32 row, f32 score} [begin[rows]], each row's by descending score >
 * 0
 */
#ifndef SAGE_SEARCH_TOGETHER_H
#define SAGE_SEARCH_TOGETHER_H

#include <index/index.h>

#define SAGE_TOGETHER_FILE  "together.bin"
#define SAGE_TOGETHER_MAGIC "SAGEITOG"
enum { SAGE_TOGETHER_VERSION = 1 };

typedef struct sage_together sage_together; /* read-only, any number of threads */
bool sage_together_exists(const char *dir);
/* SAGE_E_NOT_FOUND: it is `wanted` and not there. Users would be answered by less than was chosen for them, without a
 * word. */
sage_status sage_together_expect(const char *dir, bool wanted, sage_error *error);
/* From the folder of an index of so many rows. *together is NULL where it has none, which is fine. SAGE_E_FORMAT: it is
 * damaged. `verify`: checksums, and every list and row; else lists are checked as they are asked for, and a list that
 * cannot be is an empty one. */
sage_status sage_together_open(const char *dir, size_t rows, bool verify, sage_together **together, sage_error *error);
/* What `verify` does, of a file that is open: beside its readers. monitor: may ask to stop; may be NULL. */
sage_status sage_together_verify(const sage_together *together, const sage_monitor *monitor, sage_error *error);
void sage_together_close(sage_together *together);
bool sage_together_has(const sage_together *together, size_t row); /* a list that is not empty */
const sage_neighbour *sage_together_of(const sage_together *together, size_t row, size_t *n);

#endif
