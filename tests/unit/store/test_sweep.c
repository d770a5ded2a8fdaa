/* When which part of the table is swept, on a link that the test plays: tests/pg has the rows. */
#include <endian.h>

#include "sweep.h"
#include "unit.h"
#include "unit_clock.h"

/* The link. */
static struct {
    enum pg_state state;
    bool full; /* no connection is free */
    struct pg_request *request;
    unsigned sent;
} played;

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link);
int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link);

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    (void)link;
    /* On any other one its answer would count as an acknowledgement, which it is not. */
    assert_int_equal(use, PG_USE_READ);
    assert_null(played.request);
    if (played.full)
        return false;
    played.request = request;
    played.sent++;
    return true;
}

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link)
{
    (void)link;
    return played.state;
}

int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link)
{
    (void)link;
    return 77;
}

static uint32_t page_of(const char *tid)
{
    uint32_t page;

    memcpy(&page, tid, sizeof(page));
    return be32toh(page);
}

static void set(PGresult *result, int column, const void *bytes, int len)
{
    assert_int_equal(PQsetvalue(result, 0, column, (char *)(uintptr_t)bytes, len), 1);
}

static void answer(enum pg_end end, bool mine, uint64_t gone, uint64_t pages)
{
    PGresAttDesc columns[3] = {{.name = (char[]){"a"}, .format = 1},
                               {.name = (char[]){"b"}, .format = 1},
                               {.name = (char[]){"c"}, .format = 1}};
    struct pg_answer told = {.end = end, .sqlstate = ""};
    struct pg_request *request = played.request;
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    const uint64_t numbers[] = {htobe64(gone), htobe64(pages)};
    const char turn = mine ? 1 : 0;

    assert_non_null(request);
    assert_int_equal(PQsetResultAttrs(result, 3, columns), 1);
    set(result, 0, &turn, 1);
    set(result, 1, &numbers[0], 8);
    set(result, 2, &numbers[1], 8);
    told.result = end == PG_END_DONE ? result : NULL;
    played.request = NULL;
    request->done(request, &told);
    PQclear(result);
}

static void begin(struct pg_sweep *sweep)
{
    unit_clock_stop();
    memset(&played, 0, sizeof(played));
    played.state = PG_STATE_OPEN;
    ses_pg_sweep_init(sweep, NULL, 0, NULL, 1000);
    ses_pg_sweep_turn(sweep);
    assert_null(played.request);
    unit_clock_pass_ms(1000);
    ses_pg_sweep_turn(sweep);
    assert_non_null(played.request);
}

static void test_first_step(void **state)
{
    struct pg_sweep sweep;
    uint64_t epoch;

    (void)state;
    begin(&sweep);
    memcpy(&epoch, played.request->values[0], sizeof(epoch));
    assert_int_equal(be64toh(epoch), 77);
    assert_int_equal(page_of(played.request->values[1]), 0);
    assert_int_equal(page_of(played.request->values[2]), PG_SWEEP_STEP_PAGES);
    ses_pg_sweep_turn(&sweep); /* one at a time */
    assert_int_equal(played.sent, 1);
}

/* All of it, each page once, in the time of a round; then again. */
static void test_a_round(void **state)
{
    const uint32_t pages = 5 * PG_SWEEP_STEP_PAGES + 1;
    struct pg_sweep sweep;
    uint64_t passed_ms = 0;

    (void)state;
    begin(&sweep);
    for (int round = 0; round < 2; round++) {
        for (uint32_t step = 0; step < 6; step++) {
            while (played.request == NULL) {
                unit_clock_pass_ms(1000);
                passed_ms += 1000;
                assert_in_range(passed_ms, 0, 2 * PG_SWEEP_ROUND_MS + 1000);
                ses_pg_sweep_turn(&sweep);
            }
            assert_int_equal(page_of(played.request->values[1]), step * PG_SWEEP_STEP_PAGES);
            answer(PG_END_DONE, true, 10, pages);
            assert_null(played.request); /* the next one is not due */
        }
        assert_in_range(passed_ms, (uint64_t)round * PG_SWEEP_ROUND_MS + PG_SWEEP_ROUND_MS / 2,
                        (uint64_t)(round + 1) * PG_SWEEP_ROUND_MS + 2000);
    }
}

/* A table that is larger than turns come: a step's answer begins the next one. */
static void test_large_table(void **state)
{
    struct pg_sweep sweep;

    (void)state;
    begin(&sweep);
    answer(PG_END_DONE, true, 0, UINT64_C(1000) * 600 * PG_SWEEP_STEP_PAGES); /* a step each millisecond */
    unit_clock_pass_ms(100);
    ses_pg_sweep_turn(&sweep);
    for (unsigned steps = 0; steps < 99; steps++)
        answer(PG_END_DONE, true, 0, UINT64_C(1000) * 600 * PG_SWEEP_STEP_PAGES);
    assert_in_range(played.sent, 99, 102);
}

static void test_what_was_missed_is_not_made_up_for_at_once(void **state)
{
    const uint64_t pages = UINT64_C(1000) * 600 * PG_SWEEP_STEP_PAGES;
    struct pg_sweep sweep;

    (void)state;
    begin(&sweep);
    answer(PG_END_DONE, true, 0, pages);
    played.state = PG_STATE_STALLED;
    unit_clock_pass_ms(300000);
    ses_pg_sweep_turn(&sweep);
    assert_null(played.request);
    played.state = PG_STATE_OPEN;
    ses_pg_sweep_turn(&sweep);
    while (played.request != NULL && played.sent < 10000)
        answer(PG_END_DONE, true, 0, pages);
    assert_in_range(played.sent, 1900, 2100);
}

static void test_another_sweeps(void **state)
{
    struct pg_sweep sweep;

    (void)state;
    begin(&sweep);
    answer(PG_END_DONE, false, 0, 5000);
    unit_clock_pass_ms(PG_SWEEP_ROUND_MS - 1);
    ses_pg_sweep_turn(&sweep);
    assert_null(played.request);
    unit_clock_pass_ms(1);
    ses_pg_sweep_turn(&sweep);
    assert_non_null(played.request);
    assert_int_equal(page_of(played.request->values[1]), 0);
}

/* The same step again, later. */
static void test_failures(void **state)
{
    static const enum pg_end ends[] = {PG_END_REFUSED, PG_END_UNKNOWN};
    struct pg_sweep sweep;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&sweep);
        answer(PG_END_DONE, true, 0, 2 * PG_SWEEP_STEP_PAGES);
        unit_clock_pass_ms(PG_SWEEP_ROUND_MS / 2);
        ses_pg_sweep_turn(&sweep);
        answer(ends[i], false, 0, 0);
        ses_pg_sweep_turn(&sweep);
        assert_null(played.request);
        unit_clock_pass_ms(60000);
        played.full = true;
        ses_pg_sweep_turn(&sweep);
        assert_null(played.request);
        played.full = false;
        ses_pg_sweep_turn(&sweep);
        assert_non_null(played.request);
        assert_int_equal(page_of(played.request->values[1]), PG_SWEEP_STEP_PAGES);
    }
}

/* Empty, or of one page. */
static void test_small_table(void **state)
{
    struct pg_sweep sweep;

    (void)state;
    for (uint64_t pages = 0; pages < 2; pages++) {
        begin(&sweep);
        answer(PG_END_DONE, true, 0, pages);
        unit_clock_pass_ms(PG_SWEEP_ROUND_MS - 1);
        ses_pg_sweep_turn(&sweep);
        assert_null(played.request);
        unit_clock_pass_ms(1);
        ses_pg_sweep_turn(&sweep);
        assert_non_null(played.request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_a_round),
        cmocka_unit_test(test_large_table),
        cmocka_unit_test(test_what_was_missed_is_not_made_up_for_at_once),
        cmocka_unit_test(test_another_sweeps),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_small_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
