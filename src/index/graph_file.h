/* A graph and its codes as the file graph.bin of an index version, a packed container "SAGEIGRA" (docs/formats.md). The
 * arrays lie in it as they lie in memory, so that an opened one is walked where it is mapped. */
#ifndef SAGE_INDEX_GRAPH_FILE_H
#define SAGE_INDEX_GRAPH_FILE_H

#include <index/hnsw.h>

#define SAGE_INDEX_GRAPH_FILE  "graph.bin"
#define SAGE_INDEX_GRAPH_MAGIC "SAGEIGRA"

/* vectors_sum: checksum of the vectors that it was built over (sage_packed_sum), by which a graph of others is told. */
sage_status sage_hnsw_write(const sage_hnsw *hnsw, const char *path, uint64_t vectors_sum, sage_error *error);

/* vectors [n][dim] as for sage_hnsw_build. Sizes, and what tells where a row's links lie, are checked in any case; a
 * link that leads nowhere is passed over (walk.c). `verify`: checksums, and every link and copy. */
sage_status sage_hnsw_open(const char *path, const float *vectors, size_t n, size_t dim, uint64_t vectors_sum,
                           bool verify, sage_hnsw **hnsw, sage_error *error);

#endif
