#include <index/graph.h>
#include <index/options.h>
#include <index/recall.h>

const sage_option sage_index_options[] = {
    {"index", "index", SAGE_OPT_CHOICE, 0, 0, "auto|exact|hnsw", "auto",
     "How vectors are searched: exact compares every product; hnsw walks a graph that `index` builds, much faster with "
     "many products and nearly as good. auto: a graph from 20,000 products on, where the vectors are of one length."},
    {"index", "index_m", SAGE_OPT_INT, SAGE_GRAPH_M_MIN, SAGE_GRAPH_M_MAX, NULL, "16",
     "Links of a product in the graph, twice as many on its lowest level: more find more, and take more memory."},
    {"index", "index_build", SAGE_OPT_INT, SAGE_GRAPH_M_MIN, SAGE_GRAPH_BUILD_MAX, NULL, "200",
     "Candidates that a product's links are chosen from (efConstruction), index_m at least: more make a better graph, "
     "and `index` slower."},
    {"index", "index_codes", SAGE_OPT_CHOICE, 0, 0, "int8|f32", "int8",
     "What walks compare: bytes made of the vectors (the last candidates are compared by the vectors themselves), or "
     "the vectors, which are four times as large."},
    {"index", "index_search", SAGE_OPT_INT, 1, SAGE_RECALL_WIDTH_MAX, NULL, "auto",
     "Candidates that a walk keeps (efSearch): more find more, and take longer. auto is the least that reaches "
     "index_recall, measured by `index`."},
    {"index", "index_recall", SAGE_OPT_REAL, 0.5, 0.999, NULL, "0.99",
     "The share of the 10 nearest products that walks have to find, on average. Where it is not set, what `index "
     "--tune` was given last."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};
