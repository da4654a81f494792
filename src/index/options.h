#ifndef SAGE_INDEX_OPTIONS_H
#define SAGE_INDEX_OPTIONS_H

#include <index/graph.h>
#include <itemsage/options.h>

enum { SAGE_BUILD_MAX = 4096 }; /* index_build at most */

extern const sage_option sage_index_options[]; /* index, index_m, ... */

#endif
