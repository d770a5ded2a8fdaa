#include "unit.h"

#include "board.h"

#include <fcntl.h>

static struct ses_config config;

static struct ses_board *board_of(unsigned workers, struct ses_board_files *ret_files)
{
    struct ses_board *board = NULL;

    config.workers = workers;
    assert_ok(ses_board_new(&config, ret_files, &board));
    return board;
}

/* Two programs, one after the other, with old workers and new ones: one board. */
static void both_memories_are_shared(void **state)
{
    struct ses_board_files files;
    struct ses_board *first = board_of(3, &files);
    struct ses_board *second = NULL;

    (void)state;
    assert_ok(ses_board_attach(&files, 3, &second));
    assert_ptr_not_equal(first, second);
    first->accepts[2] = true;
    ses_board_beat(first, 2);
    ses_count(&first->metrics[3], SES_C_CONNECTIONS_ACCEPTED, 5);
    assert_true(second->accepts[2]);
    assert_true(ses_board_beat_ns(second, 2) == ses_board_beat_ns(first, 2));
    assert_int_equal(ses_board_counter(second, SES_C_CONNECTIONS_ACCEPTED), 5);
    ses_board_free(first);
    ses_board_free(second);
    ses_board_files_close(&files);
}

/* Who is there is known to both; what is counted is each one's own. */
static void counters_can_be_new_ones(void **state)
{
    struct ses_board_files files;
    struct ses_board *first = board_of(2, &files);
    struct ses_board_files others = {.board = files.board, .counters = -1};
    struct ses_board *second = NULL;

    (void)state;
    ses_count(&first->metrics[0], SES_C_CONNECTIONS_ACCEPTED, 5);
    assert_ok(ses_board_attach(&others, 2, &second));
    assert_true(others.counters >= 0 && others.counters != files.counters);
    ses_board_beat(first, 1);
    assert_true(ses_board_beat_ns(second, 1) != 0);
    assert_int_equal(ses_board_counter(second, SES_C_CONNECTIONS_ACCEPTED), 0);
    ses_count(&second->metrics[0], SES_C_CONNECTIONS_ACCEPTED, 1);
    assert_int_equal(ses_board_counter(first, SES_C_CONNECTIONS_ACCEPTED), 5);
    ses_board_free(first);
    ses_board_free(second);
    (void)close(others.counters);
    ses_board_files_close(&files);
}

/* Refused, and the descriptors are still there: there may be a way back. */
static void another_size_is_refused(void **state)
{
    struct ses_board_files files;
    struct ses_board *board = board_of(2, &files);
    struct ses_board_files wrong = files;
    struct ses_board *none = NULL;

    (void)state;
    assert_int_equal(ses_board_attach(&wrong, 3, &none), SES_FAILED_PRECONDITION);
    wrong.board = files.counters;
    assert_int_equal(ses_board_attach(&wrong, 2, &none), SES_FAILED_PRECONDITION);
    assert_null(none);
    assert_true(fcntl(files.board, F_GETFD) >= 0 && fcntl(files.counters, F_GETFD) >= 0);
    assert_int_equal(fcntl(files.board, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ses_board_free(board);
    ses_board_files_close(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_memories_are_shared),
        cmocka_unit_test(counters_can_be_new_ones),
        cmocka_unit_test(another_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
