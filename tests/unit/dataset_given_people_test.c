/* Users, and products that are looked at, with vectors of the shop's own: batches ask with them beside the towers,
 * which follow them. */
#include "dataset_sampler_people_help.h"

#include <features/given.h>

enum { DIM = 4, SELDOM = 3 };

/* Every third user has a vector, and every third product. */
static bool has_vector(size_t number) {
    return number % SELDOM == 0;
}

static void give(sage_surface surface, size_t n) {
    static float vectors[PRODUCTS * DIM];
    static char lines[PRODUCTS * 8];
    char path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX], line[32];
    sage_rng rng;
    size_t rows = 0;
    sage_error error;
    sage_rng_seed(&rng, 5, (uint64_t)surface);
    lines[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (!has_vector(i)) continue;
        for (size_t d = 0; d < DIM; d++) vectors[rows * DIM + d] = (float)sage_rng_unit(&rng) - 0.5f;
        if (surface == SAGE_ON_USER)
            snprintf(line, sizeof line, "u%zu\n", i);
        else
            snprintf(line, sizeof line, "%zu\n", 10 * (i + 1));
        strcat(lines, line);
        rows++;
    }
    fake_vectors("q.npy", vectors, rows, DIM);
    snprintf(npy, sizeof npy, "%s", scratch_path(fake_dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(fake_dir, "q.txt"));
    scratch_write(ids, lines, strlen(lines));
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "given"), NULL), SAGE_OK);
    assert_int_equal(sage_given_path(path, fake_dir, surface, NULL), SAGE_OK);
    if (sage_given_write(path, surface, npy, ids, &error) != SAGE_OK) fail_msg("%s", error.text);
}

static fixture given_shop(crowd c, const char *split) {
    sage_catalog *catalog = fake_shop(PRODUCTS, c.searches, 3);
    char id[16];
    for (size_t i = 0; i < PRODUCTS; i++) {
        snprintf(id, sizeof id, "%zu", 10 * (i + 1));
        catalog->products[i].id = fake_text(catalog, id);
    }
    add_users(catalog, &c);
    give(SAGE_ON_USER, USERS);
    give(SAGE_ON_PRODUCT, PRODUCTS);
    return shop_over(catalog, split);
}

static bool is_masked(const sage_batch *b, size_t row, size_t column) {
    size_t words = (b->n_pairs + b->n_random + 63) / 64;
    return (b->mask[row * words + column / 64] >> column % 64 & 1) != 0;
}

/* Whatever is like the product is no negative of the row. */
static void check_masked(const fixture *f, const sage_batch *b, size_t row, uint32_t product) {
    for (size_t column = 0; column < b->n_pairs + b->n_random; column++)
        if (f->dataset->same[b->product[column]] == f->dataset->same[product] && column != row)
            assert_true(is_masked(b, row, column));
}

/* The vector that the row of people asks with, or is to follow; NULL: none. */
static const float *vector_of(const fixture *f, const sage_sampler *s, size_t row) {
    size_t place = row - s->n_texts - s->pictures.n;
    if (s->task[row] / SAGE_EVENT_KINDS == SAGE_ON_USER)
        return sage_dataset_given_user(f->dataset, s->people.user[place]);
    return sage_dataset_given_product(f->dataset, s->people.looked_at[place]);
}

static void check_person(const fixture *f, const sage_sampler *s, const sage_batch *b, size_t row) {
    size_t place = row - s->n_texts - s->pictures.n;
    if (s->people.event[place] != SAGE_NO_EVENT) {
        sage_packed_user user;
        sage_dataset_user(f->dataset, s->people.user[place], &user);
        assert_true(s->people.event[place] >= user.first && s->people.event[place] < user.first + user.n);
        assert_int_equal(user.events[s->people.event[place] - user.first].product, b->product[row]);
        for (size_t i = 0; i < user.n; i++)
            if (user.events[i].part == SAGE_TRAIN) check_masked(f, b, row, user.events[i].product);
    }
    if (s->task[row] / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT) check_masked(f, b, row, s->people.looked_at[place]);
}

static void check_batch(const fixture *f, const sage_sampler *s, const sage_batch *b, size_t given[SAGE_SURFACES],
                        size_t *followed) {
    static const float nothing[DIM];
    size_t people = b->n_texts + b->n_pictures, first = b->n_pairs - b->n_given;
    assert_int_equal(people + b->n_looked + b->n_users, first);
    for (size_t row = people; row < b->n_pairs; row++) {
        const float *vector = vector_of(f, s, row);
        check_person(f, s, b, row);
        if (row >= first) {
            assert_non_null(vector);
            assert_memory_equal(b->given + (row - first) * DIM, vector, sizeof nothing);
            assert_true(b->weight[row] > 0);
            given[b->task[row] / SAGE_EVENT_KINDS]++;
        } else {
            assert_memory_equal(b->follow + row * DIM, vector != NULL ? vector : nothing, sizeof nothing);
            *followed += vector != NULL;
        }
    }
}

static void batches_ask_with_users_and_products(void **state) {
    (void)state;
    static const struct {
        crowd crowd;
        const char *split, *option;
    } cases[] = {
        {{.users = USERS, .timed = true}, "split=time", "user_half_life=30"},
        {{.users = USERS, .searches = 500}, "split=hash", "given_share=1"},
        {{.users = USERS, .looks = 900, .timed = true, .some_untimed = true}, "split=time", "given_share=auto"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = given_shop(cases[i].crowd, cases[i].split);
        size_t given[SAGE_SURFACES] = {0}, followed = 0;
        double expected = 0;
        fake_set(f.options, cases[i].option);
        sage_sampler *sampler = sampler_of(&f), *twin;
        assert_int_equal(sage_sampler_twin(sampler, NULL, &twin, NULL), SAGE_OK);
        for (uint64_t step = 0; step < 40; step++) {
            sage_sampler *s = step % 2 ? twin : sampler;
            check_batch(&f, s, batch_of(s, step), given, &followed);
        }
        assert_true(given[SAGE_ON_USER] > 0 && given[SAGE_ON_PRODUCT] > 0 && followed > 0);
        assert_int_equal(given[SAGE_ON_SEARCH], 0);
        for (size_t p = 0; p < PRODUCTS; p++) expected += (double)sampler->expected[p];
        assert_true(fabs(expected - 64) < 1e-3); /* logQ counts the rows that ask so, too */
        sage_sampler_free(twin);
        sage_sampler_free(sampler);
        release(&f);
    }
}

/* Too few of them for a tower: those who have vectors are learned from all the same, from their first event on. */
static void few_users_need_no_tower(void **state) {
    (void)state;
    fixture f = given_shop((crowd){.users = 6, .searches = 300}, "split=hash");
    size_t given[SAGE_SURFACES] = {0}, followed = 0;
    assert_false(sage_people_enough(f.dataset));
    sage_sampler *sampler = sampler_of(&f);
    for (uint64_t step = 0; step < 20; step++) {
        const sage_batch *b = batch_of(sampler, step);
        assert_int_equal(b->n_users, 0);
        check_batch(&f, sampler, b, given, &followed);
    }
    assert_true(given[SAGE_ON_USER] > 0);
    sage_sampler_free(sampler);
    release(&f);
}

/* Whoever wants no rows of users gets none. */
static void shares_are_kept(void **state) {
    (void)state;
    fixture f = given_shop((crowd){.users = USERS, .searches = 300}, "split=hash");
    fake_set(f.options, "user_share=0");
    fake_set(f.options, "closeup_share=0.25");
    fake_set(f.options, "given_share=0.5");
    sage_sampler *sampler = sampler_of(&f);
    const sage_batch *b = batch_of(sampler, 0);
    assert_int_equal(b->n_users, 0);
    assert_int_equal(b->n_looked + b->n_given, 16);
    for (size_t row = b->n_pairs - b->n_given; row < b->n_pairs; row++)
        assert_int_equal(b->task[row] / SAGE_EVENT_KINDS, SAGE_ON_PRODUCT);
    sage_sampler_free(sampler);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_ask_with_users_and_products),
        cmocka_unit_test(few_users_need_no_tower),
        cmocka_unit_test(shares_are_kept),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
