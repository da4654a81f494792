/* Rows of a batch whose query is a product that is looked at, and who is no negative of them and of users. */
#include "dataset_sampler_people_help.h"

static bool within(const sage_user_event *a, const sage_user_event *b, int64_t window_ms) {
    if (a->time_ms == INT64_MIN || b->time_ms == INT64_MIN) return a->time_ms == b->time_ms;
    return llabs(a->time_ms - b->time_ms) <= window_ms;
}

static bool fits(const fixture *f, const aim *a, size_t i, int64_t window_ms) {
    const sage_user_event *e = &a->user.events[i];
    return within(e, a->event, window_ms) && same_of(f, e->product) != same_of(f, a->event->product);
}

/* What is looked at is something else that the same user dealt with about that time, each such event as often. */
static void check_looked(const fixture *f, int64_t window_ms) {
    sage_sampler *sampler = sampler_of(f);
    size_t rows = 0, first = 0;
    double expected_first = 0;
    for (uint64_t step = 0; step < 150; step++) {
        const sage_batch *b = batch_of(sampler, step);
        assert_int_equal(b->n_looked, 16);
        for (size_t i = 0; i < b->n_looked; i++, rows++) {
            aim a;
            size_t row = first_looked(b) + i, n = 0, product = 0;
            bool found = false, is_first = false;
            assert_true(aim_of(f, sampler, b, row, &a));
            assert_true(b->weight[row] == 1);
            for (size_t k = 0; k < a.trained; k++) {
                if (!fits(f, &a, k, window_ms)) continue;
                bool it = a.user.events[k].product == b->looked_at[i];
                if (n == 0) product = a.user.events[k].product;
                found |= it;
                n++;
            }
            assert_true(found);
            for (size_t k = 0; k < a.trained; k++) {
                if (fits(f, &a, k, window_ms) && a.user.events[k].product == product) expected_first += 1.0 / (double)n;
            }
            is_first = product == b->looked_at[i];
            first += is_first;
        }
    }
    assert_true(fabs((double)first - expected_first) < 4 * sqrt((double)rows / 4)); /* deviations of a coin at most */
    sage_sampler_free(sampler);
}

static void what_is_looked_at_is_something_else_of_the_same_user(void **state) {
    (void)state;
    fixture timed = timed_shop(), untimed = untimed_shop();
    fixture mixed = shop_of((crowd){.users = USERS, .timed = true, .some_untimed = true}, "split=time");
    check_looked(&timed, 7 * DAY);
    fake_set(timed.options, "closeup_window=1");
    check_looked(&timed, DAY);
    check_looked(&untimed, 0);
    check_looked(&mixed, 7 * DAY);
    release(&timed);
    release(&untimed);
    release(&mixed);
}

static void nothing_is_drawn_that_stands_alone(void **state) {
    (void)state;
    fixture f = timed_shop();
    fake_set(f.options, "closeup_window=0.2"); /* nearly all do: only what was done at one time is left */
    sage_sampler *sampler = sampler_of(&f);
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        const sage_task_source *task = &sampler->tasks[SAGE_ON_PRODUCT * SAGE_EVENT_KINDS + kind];
        size_t all, together = 0;
        const uint32_t *targets = sage_dataset_targets(f.dataset, (sage_event_kind)kind, &all);
        for (size_t i = 0; i < all; i++) {
            aim a = {.trained = 0};
            sage_dataset_user(f.dataset, sage_dataset_event_user(f.dataset, targets[i]), &a.user);
            a.event = &a.user.events[targets[i] - a.user.first];
            bool any = false;
            for (size_t k = 0; k < a.user.n; k++)
                any |= a.user.events[k].part == SAGE_TRAIN && fits(&f, &a, k, DAY / 5);
            together += any;
        }
        assert_int_equal(task->n, together);
        assert_true(together < all / 2);
    }
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- events of the surface product ---- */

static void events_that_say_what_was_looked_at_have_half(void **state) {
    (void)state;
    for (int users = 0; users < 2; users++) {
        fixture f = shop_of((crowd){.users = users ? USERS : 0, .looks = 200, .timed = true}, "split=hash");
        sage_sampler *sampler = sampler_of(&f);
        size_t said = 0, rows = 0;
        for (uint64_t step = 0; step < 20; step++) {
            const sage_batch *b = batch_of(sampler, step);
            assert_int_equal(b->n_looked, users ? 16 : 10); /* half of users' half; alone 0.15 */
            for (size_t i = 0; i < b->n_looked; i++, rows++) {
                aim a;
                size_t row = first_looked(b) + i;
                if (aim_of(&f, sampler, b, row, &a)) continue;
                sage_packed_query q;
                sage_dataset_query(f.dataset, sampler->query[row], &q);
                assert_int_equal(q.surface, SAGE_ON_PRODUCT);
                assert_int_equal(q.part, SAGE_TRAIN);
                assert_int_equal(q.looked_at, b->looked_at[i]);
                assert_int_equal(b->task[row] / SAGE_EVENT_KINDS, SAGE_ON_PRODUCT);
                bool found = false;
                for (size_t k = 0; k < q.n_positives; k++) found |= q.positives[k] == b->product[row];
                assert_true(found);
                said++;
            }
        }
        assert_int_equal(said, users ? rows / 2 : rows);
        assert_false(sage_sampler_cold_start(sampler));
        sage_sampler_free(sampler);
        release(&f);
    }
}

/* ---- masks ---- */

static bool alike_one(const fixture *f, const aim *a, uint32_t product) {
    for (size_t i = 0; i < a->trained; i++) {
        if (same_of(f, a->user.events[i].product) == same_of(f, product)) return true;
    }
    return false;
}

static bool alike_a_positive(const fixture *f, uint32_t query, uint32_t product) {
    sage_packed_query q;
    sage_dataset_query(f->dataset, query, &q);
    for (size_t i = 0; i < q.n_positives; i++) {
        if (same_of(f, q.positives[i]) == same_of(f, product)) return true;
    }
    return false;
}

static void what_a_user_dealt_with_is_no_negative(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .looks = 100, .timed = true}, "split=time");
    fake_set(f.options, "cold_negatives=on"); /* whatever else is masked has its own test */
    sage_sampler *sampler = sampler_of(&f);
    size_t masked = 0;
    for (uint64_t step = 0; step < 5; step++) {
        const sage_batch *b = batch_of(sampler, step);
        size_t columns = b->n_pairs + b->n_random, words = (columns + 63) / 64;
        for (size_t row = first_looked(b); row < b->n_pairs; row++) {
            aim a;
            bool has_user = aim_of(&f, sampler, b, row, &a), looks = row < first_user(b);
            uint32_t looked_at = looks ? b->looked_at[row - first_looked(b)] : b->product[row];
            for (size_t c = 0; c < columns; c++) {
                bool wanted = same_of(&f, b->product[c]) == same_of(&f, b->product[row]) ||
                              same_of(&f, b->product[c]) == same_of(&f, looked_at) ||
                              (has_user ? alike_one(&f, &a, b->product[c])
                                        : alike_a_positive(&f, sampler->query[row], b->product[c]));
                wanted = wanted && c != row;
                assert_int_equal(b->mask[row * words + c / 64] >> c % 64 & 1, wanted);
                masked += wanted;
            }
        }
    }
    assert_true(masked > 5000);
    sage_sampler_free(sampler);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_looked_at_is_something_else_of_the_same_user),
        cmocka_unit_test(nothing_is_drawn_that_stands_alone),
        cmocka_unit_test(events_that_say_what_was_looked_at_have_half),
        cmocka_unit_test(what_a_user_dealt_with_is_no_negative),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
