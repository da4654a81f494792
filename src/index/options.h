#ifndef SAGE_INDEX_OPTIONS_H
#define SAGE_INDEX_OPTIONS_H

#include <itemsage/options.h>

extern const sage_option sage_index_options[]; /* index, index_m, ... */

#endif
