#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "readiness.h"

#include <string.h>

#define NOW_NS UINT64_C(100000000000)
#define MS     UINT64_C(1000000)

static struct ses_config config;

static struct ses_board *board_of(unsigned workers, uint32_t missing_percent)
{
    struct ses_board_files files;
    struct ses_board *board = NULL;
    unsigned i;

    config.workers = workers;
    config.ready_missing_percent = missing_percent;
    assert_int_equal(ses_board_new(&config, &files, &board), SES_OK);
    ses_board_files_close(&files); /* the mapping holds the memory */
    board->start_ms = 1;
    for (i = 0; i < workers; i++) {
        board->accepts[i] = true;
        board->process[i].beat_mono_ns = NOW_NS;
    }
    return board;
}

static void expect(const struct ses_board *board, uint64_t now_ns, const char *name)
{
    struct ses_readiness readiness;

    ses_readiness_look(board, now_ns, &readiness);
    assert_string_equal(ses_readiness_name(&readiness), name);
    assert_int_equal(readiness.ready, strcmp(name, "ready") == 0 || strcmp(name, "degraded") == 0);
}

static void missing_slots_up_to_the_share_are_degraded(void **state)
{
    struct ses_board *board = board_of(4, 50);

    (void)state;
    expect(board, NOW_NS, "ready");
    board->accepts[0] = false;
    expect(board, NOW_NS, "degraded");
    board->accepts[1] = false;
    expect(board, NOW_NS, "degraded");
    board->accepts[2] = false;
    expect(board, NOW_NS, "not ready");
    ses_board_free(board);
    board = board_of(2, 0);
    board->accepts[1] = false;
    expect(board, NOW_NS, "not ready");
    ses_board_free(board);
}

/* All of them hang: nothing on the board but their heartbeats says so. */
static void a_worker_that_does_not_beat_does_not_serve(void **state)
{
    struct ses_board *board = board_of(2, 50);

    (void)state;
    expect(board, NOW_NS + (SES_BEAT_FRESH_MS - 1) * MS, "ready");
    board->unserved_since_ns = NOW_NS + SES_BEAT_FRESH_MS * MS;
    expect(board, NOW_NS + (SES_BEAT_FRESH_MS + SES_UNSERVED_MS) * MS, "not ready");
    board->process[1].beat_mono_ns = NOW_NS + SES_BEAT_FRESH_MS * MS;
    expect(board, NOW_NS + (SES_BEAT_FRESH_MS + SES_UNSERVED_MS) * MS, "degraded");
    ses_board_free(board);
}

/* A reload is no trouble, and nor is the moment in which the only worker is replaced. */
static void a_reload_changes_nothing(void **state)
{
    struct ses_board *board = board_of(3, 34);

    (void)state;
    board->accepts[0] = false; /* given up */
    expect(board, NOW_NS, "degraded");
    board->accepts[1] = false;
    board->replacing[1] = true;
    expect(board, NOW_NS, "degraded");
    ses_board_free(board);
    board = board_of(1, 50);
    board->accepts[0] = false;
    board->replacing[0] = true;
    expect(board, NOW_NS, "ready");
    board->unserved_since_ns = NOW_NS;
    expect(board, NOW_NS + (SES_UNSERVED_MS - 1) * MS, "ready");
    expect(board, NOW_NS + SES_UNSERVED_MS * MS, "not ready");
    ses_board_free(board);
}

static void refused_creates_are_degraded(void **state)
{
    struct ses_board *board = board_of(2, 50);
    struct ses_readiness readiness;

    (void)state;
    ses_gauge_set(&board->metrics[1], SES_C_TABLE_FULL, 1);
    expect(board, NOW_NS, "degraded");
    ses_readiness_look(board, NOW_NS, &readiness);
    assert_true(readiness.table_full && !readiness.store_full && !readiness.workers_missing);
    ses_gauge_set(&board->metrics[1], SES_C_TABLE_FULL, 0);
    ses_gauge_set(&board->metrics[0], SES_C_STORE_FULL, 1);
    ses_readiness_look(board, NOW_NS, &readiness);
    assert_true(!readiness.table_full && readiness.store_full);
    board->draining = true;
    expect(board, NOW_NS, "draining");
    ses_board_free(board);
}

/* One that is left says what it sees; the words of a worker that serves no more are nobody's. */
static void a_database_that_all_have_lost_is_not_ready(void **state)
{
    struct ses_board *board = board_of(3, 50);
    struct ses_readiness readiness;

    (void)state;
    ses_gauge_set(&board->metrics[0], SES_C_PG_AWAY, 1);
    ses_gauge_set(&board->metrics[1], SES_C_PG_AWAY, 1);
    expect(board, NOW_NS, "ready");
    board->accepts[2] = false;
    expect(board, NOW_NS, "not ready");
    ses_readiness_look(board, NOW_NS, &readiness);
    assert_true(readiness.store_away && !readiness.clock_off);
    board->accepts[1] = false;
    board->replacing[1] = true;
    ses_gauge_set(&board->metrics[0], SES_C_PG_AWAY, 0);
    expect(board, NOW_NS, "degraded");
    ses_board_free(board);
}

/* The others' sessions are served. */
static void a_shard_that_is_away_is_told(void **state)
{
    struct ses_board *board = board_of(2, 50);
    const char *reasons[SES_READINESS_REASONS_MAX];
    struct ses_readiness readiness;

    (void)state;
    ses_gauge_set(&board->metrics[0], SES_C_PG_SHARDS_AWAY, 1);
    expect(board, NOW_NS, "degraded");
    ses_readiness_look(board, NOW_NS, &readiness);
    assert_true(readiness.ready);
    assert_int_equal(ses_readiness_reasons(&readiness, reasons), 1);
    assert_string_equal(reasons[0], "shards_away");
    ses_board_free(board);
}

/* Its tokens would be refused by the other machines: one worker that knows is enough. */
static void a_clock_that_is_off_is_not_ready(void **state)
{
    struct ses_board *board = board_of(2, 50);
    const char *reasons[SES_READINESS_REASONS_MAX];
    struct ses_readiness readiness;

    (void)state;
    ses_gauge_set(&board->metrics[1], SES_C_PG_CLOCK_OFF, 1);
    expect(board, NOW_NS, "not ready");
    ses_readiness_look(board, NOW_NS, &readiness);
    assert_int_equal(ses_readiness_reasons(&readiness, reasons), 1);
    assert_string_equal(reasons[0], "clock_off");
    board->accepts[1] = false;
    expect(board, NOW_NS, "degraded");
    ses_board_free(board);
}

static void not_ready_before_the_start_is_over(void **state)
{
    struct ses_board *board = board_of(2, 50);

    (void)state;
    board->start_ms = 0;
    expect(board, NOW_NS, "not ready");
    ses_board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_slots_up_to_the_share_are_degraded),
        cmocka_unit_test(a_worker_that_does_not_beat_does_not_serve),
        cmocka_unit_test(a_reload_changes_nothing),
        cmocka_unit_test(refused_creates_are_degraded),
        cmocka_unit_test(a_database_that_all_have_lost_is_not_ready),
        cmocka_unit_test(a_shard_that_is_away_is_told),
        cmocka_unit_test(a_clock_that_is_off_is_not_ready),
        cmocka_unit_test(not_ready_before_the_start_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
