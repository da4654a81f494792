/* Rows of a batch whose query is a user: what is known there, and that nothing of what comes later is. */
#include "dataset_sampler_people_help.h"

/* ---- who stands where ---- */

static void rows_come_in_their_order(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 400, .timed = true}, "split=hash");
    sage_sampler *sampler = sampler_of(&f);
    const sage_batch *b = batch_of(sampler, 0);
    assert_int_equal(b->n_users, 19); /* 0.3 of 64, beside searches */
    assert_int_equal(b->n_looked, 10);
    assert_int_equal(b->n_pictures, 0);
    assert_int_equal(b->n_given, 0);
    assert_int_equal(b->n_texts, 64 - 19 - 10);
    assert_false(sage_sampler_cold_start(sampler));
    for (size_t row = 0; row < b->n_pairs; row++) {
        unsigned surface = b->task[row] == SAGE_TASK_CATALOGUE ? SAGE_ON_SEARCH : b->task[row] / SAGE_EVENT_KINDS;
        unsigned wanted = row < b->n_texts ? SAGE_ON_SEARCH : row < first_user(b) ? SAGE_ON_PRODUCT : SAGE_ON_USER;
        assert_int_equal(surface, wanted);
    }
    assert_int_equal(b->user_begin[0], 0);
    for (size_t u = 0; u < b->n_users; u++) assert_true(b->user_begin[u + 1] >= b->user_begin[u]);
    sage_sampler_free(sampler);
    release(&f);
}

static void a_shop_without_users_has_the_batches_it_had(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.searches = 0}, "split=hash");
    fake_set(f.options, "user_share=0.5");
    fake_set(f.options, "closeup_share=0.3");
    sage_sampler *sampler = sampler_of(&f);
    assert_int_equal(batch_of(sampler, 0)->n_texts, 64);
    assert_true(sage_sampler_cold_start(sampler));
    sage_sampler_free(sampler);
    release(&f);
}

static void few_users_are_not_learned_by_heart(void **state) {
    (void)state;
    for (size_t users = 18; users <= 40; users += 22) {
        fixture f = shop_of((crowd){.users = users, .timed = true}, "holdout=0");
        sage_sampler *sampler = sampler_of(&f);
        const sage_batch *b = batch_of(sampler, 0);
        assert_int_equal(b->n_users, users > 20 ? 32 : 0); /* half where nobody searches */
        assert_int_equal(b->n_looked, users > 20 ? 16 : 0);
        sage_sampler_free(sampler);
        release(&f);
    }
}

/* ---- with times ---- */

static size_t before(const aim *a, double moment_ms) {
    size_t n = 0;
    while (n < a->trained && (double)a->user.events[n].time_ms < moment_ms) n++;
    return n;
}

/* Without dropout: the newest events before one moment, which is no later than the target and not too early. */
static void check_history(const aim *a, const sage_batch *b, size_t user, size_t most, double window_days) {
    size_t begin = b->user_begin[user], n = b->user_begin[user + 1] - begin, end = before(a, (double)a->event->time_ms);
    assert_true(n > 0 && n <= most && n <= end);
    double newest = (double)b->user_age[begin + n - 1] * (double)DAY, moment = 0;
    for (;; end--) { /* where the history may end */
        assert_true(end > 0);
        moment = (double)a->user.events[end - 1].time_ms + newest;
        bool fits = moment <= (double)a->event->time_ms + 1 && before(a, moment - 1) <= end &&
                    before(a, moment + 1) >= end && n == (end < most ? end : most);
        for (size_t i = 0; fits && i < n; i++) {
            const sage_user_event *e = &a->user.events[end - n + i];
            double age = (double)b->user_age[begin + i] * (double)DAY;
            fits = b->user_product[begin + i] == e->product && b->user_kind[begin + i] == e->kind &&
                   fabs(moment - (double)e->time_ms - age) < 1000;
        }
        if (fits) break;
    }
    double early = ((double)a->event->time_ms - moment) / (double)DAY;
    assert_true(early > -1e-4 && early < window_days + 1e-4);
}

static void a_history_is_what_was_known_at_one_moment(void **state) {
    (void)state;
    static const struct {
        const char *window, *events;
        double days;
        size_t most;
    } cases[] = {{"user_window=14", "user_events=auto", 14, 64},
                 {"user_window=0", "user_events=5", 0, 5},
                 {"user_window=60", "user_events=3", 60, 3}};
    fixture f = timed_shop();
    fake_set(f.options, "event_dropout=0");
    for (size_t i = 0; i < 3; i++) {
        fake_set(f.options, cases[i].window);
        fake_set(f.options, cases[i].events);
        sage_sampler *sampler = sampler_of(&f);
        for (uint64_t step = 0; step < 40; step++) {
            const sage_batch *b = batch_of(sampler, step);
            assert_int_equal(b->n_users, 32);
            for (size_t u = 0; u < b->n_users; u++) {
                aim a;
                assert_true(aim_of(&f, sampler, b, first_user(b) + u, &a));
                check_history(&a, b, u, cases[i].most, cases[i].days);
            }
        }
        sage_sampler_free(sampler);
    }
    release(&f);
}

/* Whatever the settings: each known event is one of the user's that is trained on, strictly older than the target. */
static void nothing_of_the_future_is_known(void **state) {
    (void)state;
    for (int mixed = 0; mixed < 2; mixed++) {
        fixture f = shop_of((crowd){.users = USERS, .timed = true, .some_untimed = mixed != 0}, "split=time");
        sage_sampler *sampler = sampler_of(&f);
        size_t known = 0, timed = 0, early = 0, later = 0;
        for (uint64_t step = 0; step < 60; step++) {
            const sage_batch *b = batch_of(sampler, step);
            for (size_t u = 0; u < b->n_users; u++) {
                aim a;
                assert_true(aim_of(&f, sampler, b, first_user(b) + u, &a));
                later += a.trained < a.user.n;
                if (a.event->time_ms == INT64_MIN) continue;
                timed++;
                for (size_t i = b->user_begin[u]; i < b->user_begin[u + 1]; i++, known++) {
                    double least = 1e300;
                    assert_true(b->user_age[i] > 0);
                    for (size_t k = 0; k < a.trained; k++) { /* the latest it may have been is still before */
                        const sage_user_event *e = &a.user.events[k];
                        double ago = ((double)a.event->time_ms - (double)e->time_ms) / (double)DAY;
                        if (e->product != b->user_product[i] || e->kind != b->user_kind[i] || ago <= 0) continue;
                        if (e->time_ms != INT64_MIN && ago >= (double)b->user_age[i] - 1e-4 && ago < least) least = ago;
                    }
                    assert_true(least < 1e300);
                    early += least > (double)b->user_age[i] + 1e-3;
                }
            }
        }
        assert_true(timed > 500 && known > 2000 && early > 500 && later > 100);
        sage_sampler_free(sampler);
        release(&f);
    }
}

static void events_are_dropped_now_and_then(void **state) {
    (void)state;
    fixture f = timed_shop();
    size_t n[2] = {0};
    for (int drop = 0; drop < 2; drop++) {
        fake_set(f.options, drop ? "event_dropout=0.4" : "event_dropout=0");
        sage_sampler *sampler = sampler_of(&f);
        for (uint64_t step = 0; step < 50; step++) {
            const sage_batch *b = batch_of(sampler, step);
            n[drop] += b->user_begin[b->n_users];
        }
        sage_sampler_free(sampler);
    }
    assert_true(n[1] * 100 > n[0] * 55 && n[1] * 100 < n[0] * 65);
    release(&f);
}

/* ---- without times ---- */

static void without_times_some_of_the_others_are_known(void **state) {
    (void)state;
    fixture f = untimed_shop();
    fake_set(f.options, "user_events=12");
    sage_sampler *sampler = sampler_of(&f);
    size_t of_size[13] = {0};
    for (uint64_t step = 0; step < 60; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t u = 0; u < b->n_users; u++) {
            aim a;
            size_t at = 0, n = b->user_begin[u + 1] - b->user_begin[u];
            assert_true(aim_of(&f, sampler, b, first_user(b) + u, &a));
            assert_true(n >= 1 && n <= 12);
            of_size[n]++;
            for (size_t i = b->user_begin[u]; i < b->user_begin[u + 1]; i++, at++) {
                assert_true(isnan(b->user_age[i]));
                assert_int_not_equal(b->user_product[i], a.event->product);
                while (at < a.trained &&
                       (a.user.events[at].product != b->user_product[i] || a.user.events[at].kind != b->user_kind[i]))
                    at++;
                assert_true(at < a.trained); /* each of them once, in their order */
            }
        }
    }
    for (size_t n = 1; n <= 12; n++) assert_true(of_size[n] > 60);
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- as the split asks ---- */

typedef struct asked {
    size_t rows, ahead, first; /* ahead: an event after the target is known; first: the target was the user's first */
} asked;

/* Whatever is known is of the user's other products, each event once; ages count from the newest of them. */
static void check_others(const sage_batch *b, size_t user, const aim *a, asked *seen) {
    size_t begin = b->user_begin[user], end = b->user_begin[user + 1], at = 0;
    bool ahead = false;
    assert_true(end > begin);
    for (size_t i = begin; i < end; i++, at++) {
        assert_int_not_equal(b->user_product[i], a->event->product);
        while (at < a->trained &&
               (a->user.events[at].product != b->user_product[i] || a->user.events[at].kind != b->user_kind[i]))
            at++;
        assert_true(at < a->trained);
        assert_true(b->user_age[i] <= (i > begin ? b->user_age[i - 1] : 90));
        ahead |= a->user.events[at].time_ms >= a->event->time_ms;
    }
    assert_true(b->user_age[end - 1] == 0);
    seen->rows++;
    seen->ahead += ahead;
    seen->first += a->user.events[0].time_ms == a->event->time_ms;
}

static void a_split_by_hash_is_trained_as_it_asks(void **state) {
    (void)state;
    static const struct {
        const char *split, *known;
        bool others;
    } cases[] = {{"split=hash", "user_known=auto", true},
                 {"split=time", "user_known=auto", false},
                 {"split=hash", "user_known=before", false},
                 {"split=time", "user_known=others", true}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        fixture f = shop_of((crowd){.users = USERS, .timed = true}, cases[c].split);
        fake_set(f.options, "event_dropout=0");
        fake_set(f.options, cases[c].known);
        sage_sampler *sampler = sampler_of(&f);
        asked seen = {0};
        for (uint64_t step = 0; step < 40; step++) {
            const sage_batch *b = batch_of(sampler, step);
            for (size_t u = 0; u < b->n_users; u++) {
                aim a;
                assert_true(aim_of(&f, sampler, b, first_user(b) + u, &a));
                if (cases[c].others)
                    check_others(b, u, &a, &seen);
                else
                    check_history(&a, b, u, 64, 14);
            }
        }
        if (cases[c].others) assert_true(seen.rows > 1000 && seen.ahead > seen.rows / 4 && seen.first > 20);
        sage_sampler_free(sampler);
        fake_set(f.options, "user_known=auto");
        release(&f);
    }
}

/* Every event from which something can be learned is drawn once an epoch, others never. */
static void epochs_visit_every_target_once(void **state) {
    (void)state;
    fixture f = timed_shop();
    fake_set(f.options, "user_half_life=0");
    sage_sampler *sampler = sampler_of(&f);
    const sage_task_source *task = &sampler->tasks[SAGE_ON_USER * SAGE_EVENT_KINDS + SAGE_CLICK];
    size_t all, drawn = 0, first = 0;
    const uint32_t *targets = sage_dataset_targets(f.dataset, SAGE_CLICK, &all);
    uint8_t *seen = calloc(all, 1);
    assert_true(seen != NULL && task->n < all && task->rows > 5);
    for (uint64_t step = 0; drawn < task->n; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t i = 0; i < task->rows && drawn < task->n; i++, drawn++) {
            assert_int_equal(b->task[task->begin + i], SAGE_ON_USER * SAGE_EVENT_KINDS + SAGE_CLICK);
            uint32_t number = sampler->people.event[task->begin + i - first_looked(b)];
            for (size_t k = 0; k < all; k++) seen[k] = (uint8_t)(seen[k] + (targets[k] == number));
        }
    }
    for (size_t k = 0; k < all; k++) {
        sage_packed_user user;
        sage_dataset_user(f.dataset, sage_dataset_event_user(f.dataset, targets[k]), &user);
        bool begins = user.events[0].time_ms == user.events[targets[k] - user.first].time_ms;
        assert_int_equal(seen[k], !begins);
        first += begins;
    }
    assert_true(first > 20);
    free(seen);
    sage_sampler_free(sampler);
    release(&f);
}

static bool is_masked(const sage_batch *b, size_t row, size_t column) {
    size_t words = (b->n_pairs + b->n_random + 63) / 64;
    return b->mask[row * words + column / 64] >> column % 64 & 1;
}

/* Of rows begin .. end and columns of products that nobody dealt with: how many are masked, and of how many. */
static size_t masked_untouched(const sage_sampler *sampler, const sage_batch *b, const bool *touched, size_t begin,
                               size_t end, size_t *all) {
    size_t masked = 0;
    for (size_t row = begin; row < end; row++)
        for (size_t column = 0; column < b->n_pairs + b->n_random; column++) {
            if (touched[sampler->product[column]] || column == row) continue;
            masked += is_masked(b, row, column);
            ++*all;
        }
    return masked;
}

static void what_nobody_dealt_with_is_no_negative_of_users(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = 60, .searches = 400, .timed = true}, "split=hash");
    bool touched[PRODUCTS] = {false};
    for (size_t u = 0; u < sage_dataset_users(f.dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(f.dataset, u, &user);
        for (size_t i = 0; i < user.n; i++)
            if (user.part == SAGE_TRAIN && user.events[i].part == SAGE_TRAIN) touched[user.events[i].product] = true;
    }
    for (unsigned task = 0; task < SAGE_TASKS; task++) {
        size_t n;
        const sage_pair *pairs = sage_dataset_pairs(f.dataset, SAGE_TRAIN, task, &n);
        for (size_t i = 0; i < n; i++) touched[pairs[i].product] = true;
    }
    for (size_t on = 0; on < 2; on++) {
        fake_set(f.options, on ? "cold_negatives=on" : "cold_negatives=off");
        sage_sampler *sampler = sampler_of(&f);
        size_t of_people = 0, of_texts = 0, people = 0, texts = 0;
        for (uint64_t step = 0; step < 20; step++) {
            const sage_batch *b = batch_of(sampler, step);
            people += masked_untouched(sampler, b, touched, b->n_texts, b->n_pairs, &of_people);
            texts += masked_untouched(sampler, b, touched, 0, b->n_texts, &of_texts);
        }
        assert_true(of_people > 100 && of_texts > 100);
        assert_true(texts < of_texts / 2);
        if (on)
            assert_true(people < of_people / 2);
        else
            assert_int_equal(people, of_people);
        sage_sampler_free(sampler);
    }
    release(&f);
}

/* In every n draws an event comes n times its share, but for one more or less; and half a life halves it. */
static void older_events_are_drawn_less_often(void **state) {
    (void)state;
    fixture f = timed_shop();
    fake_set(f.options, "user_half_life=20");
    sage_sampler *sampler = sampler_of(&f);
    unsigned task = (unsigned)SAGE_ON_USER * SAGE_EVENT_KINDS + SAGE_CLICK;
    const sage_task_source *source = &sampler->tasks[task];
    size_t *drawn = calloc(source->n, sizeof *drawn), done = 0;
    assert_non_null(source->weights);
    for (uint64_t step = 0; done < source->n; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t row = source->begin; row < source->begin + source->rows && done < source->n; row++, done++) {
            size_t i = 0;
            while (source->events[i] != sampler->people.event[row - first_looked(b)]) i++;
            drawn[i]++;
        }
    }
    double all = 0;
    const sage_user_event *events = f.dataset->user_events;
    for (size_t i = 0; i < source->n; i++) {
        double share = sage_source_share(source, i), wanted = share * (double)source->n;
        double days = (double)(events[source->events[0]].time_ms - events[source->events[i]].time_ms) / (double)DAY;
        assert_true(fabs((double)drawn[i] - wanted) < 1.001);
        assert_true(fabs(log2(sage_source_share(source, 0) / share) - days / 20) < 1e-6);
        all += share;
    }
    assert_true(fabs(all - 1) < 1e-9);
    free(drawn);
    sage_sampler_free(sampler);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_their_order),
        cmocka_unit_test(a_shop_without_users_has_the_batches_it_had),
        cmocka_unit_test(few_users_are_not_learned_by_heart),
        cmocka_unit_test(a_history_is_what_was_known_at_one_moment),
        cmocka_unit_test(nothing_of_the_future_is_known),
        cmocka_unit_test(events_are_dropped_now_and_then),
        cmocka_unit_test(without_times_some_of_the_others_are_known),
        cmocka_unit_test(a_split_by_hash_is_trained_as_it_asks),
        cmocka_unit_test(epochs_visit_every_target_once),
        cmocka_unit_test(what_nobody_dealt_with_is_no_negative_of_users),
        cmocka_unit_test(older_events_are_drawn_less_often),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
