/* Sorted runs of words and where they stand, in temporary files that this process alone reads; and merging them. A run
 * is, for each word in ascending order: its length, bytes and number of occurrences, then of each occurrence the
 * product and the place, less those of the one before. Numbers are seven bits a byte, the lowest first. */
#ifndef SAGE_KEYWORDS_RUNS_H
#define SAGE_KEYWORDS_RUNS_H

#include <base/buf.h>
#include <io/spool.h>

typedef struct sage_occurrence {
    uint32_t product, place;
} sage_occurrence;

sage_status sage_run_word(sage_spool *run, sage_str word, uint32_t count, sage_error *error);
/* *before is {0} at first, and is moved on. */
sage_status sage_run_occurrence(sage_spool *run, sage_occurrence *before, sage_occurrence one, sage_error *error);

typedef struct sage_run_reader {
    const sage_map *map;
    size_t at, released;
    sage_str word;       /* into the map */
    uint32_t left;       /* occurrences of the word behind `one` */
    sage_occurrence one; /* the next */
    bool ended;
} sage_run_reader;

/* The words of all runs in ascending order, equal ones as one, with their occurrences by product, whichever run they
 * are in; of a product that two runs have, the earlier run's come first. The runs, mapped, stay the caller's. */
typedef struct sage_runs {
    sage_run_reader *readers; /* [n_runs], in the order in which they were written */
    uint32_t *heap;           /* those that have not ended, by word, product and run, the smallest first */
    size_t n_heap;
    sage_buf word;
    bool within;    /* the run on top goes on with the word */
    uint64_t limit; /* the run on top stays there as long as its place (product, run) is below */
} sage_runs;

sage_status sage_runs_begin(sage_runs *runs, const sage_spool *spools, size_t n, sage_error *error);
void sage_runs_end(sage_runs *runs);
/* The next word, in runs->word; *more is false behind the last. All occurrences of the one before must be read. */
sage_status sage_runs_word(sage_runs *runs, bool *more, sage_error *error);
/* The word's next occurrence, ascending; false behind the last. */
bool sage_runs_occurrence(sage_runs *runs, sage_occurrence *one);

#endif
