#include <base/alloc.h>
#include <base/error.h>
#include <index/epoch.h>

void sage_epochs_begin(sage_epochs *epochs) {
    *epochs = (sage_epochs){.now = 1};
    pthread_mutex_init(&epochs->lock, NULL);
}

void sage_epochs_end(sage_epochs *epochs) {
    pthread_mutex_destroy(&epochs->lock);
}

sage_status sage_reader_new(sage_epochs *epochs, sage_reader **reader, sage_error *error) {
    sage_reader *made = sage_alloc_aligned(sizeof *made);
    *reader = made;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    pthread_mutex_lock(&epochs->lock);
    *made = (sage_reader){.next = epochs->readers};
    epochs->readers = made;
    pthread_mutex_unlock(&epochs->lock);
    return SAGE_OK;
}

void sage_reader_free(sage_epochs *epochs, sage_reader *reader) {
    if (reader == NULL) return;
    pthread_mutex_lock(&epochs->lock);
    sage_reader **at = &epochs->readers;
    while (*at != reader) at = &(*at)->next;
    *at = reader->next;
    pthread_mutex_unlock(&epochs->lock);
    sage_free(reader);
}

uint64_t sage_epochs_turn(sage_epochs *epochs) {
    return __atomic_fetch_add(&epochs->now, 1, __ATOMIC_SEQ_CST);
}

bool sage_epochs_passed(sage_epochs *epochs, uint64_t epoch) {
    bool passed = true;
    pthread_mutex_lock(&epochs->lock);
    for (const sage_reader *reader = epochs->readers; reader != NULL && passed; reader = reader->next) {
        uint64_t since = __atomic_load_n(&reader->since, __ATOMIC_SEQ_CST);
        passed = since == 0 || since > epoch;
    }
    pthread_mutex_unlock(&epochs->lock);
    return passed;
}
