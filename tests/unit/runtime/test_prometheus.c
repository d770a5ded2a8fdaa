#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "prometheus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *method_name(int metric)
{
    static const char *const names[] = {"types.MerchantAuthenticationService/CreateSessionToken",
                                        "grpc.health.v1.Health/Check",
                                        "sessiond.v1.SessionService/WatchSession"};

    return metric < 3 ? names[metric] : NULL;
}

/* The third is one. */
static bool method_streams(int metric)
{
    return metric == 2;
}

static const char *connector_name(int metric)
{
    static const char *const names[] = {"nuvei", "paytm"};

    return metric < 2 ? names[metric] : NULL;
}

static int make_board(void **state)
{
    static struct ses_config config;
    struct ses_board_files files;
    struct ses_board *board = NULL;

    config.workers = 2;
    config.durability = SES_DURABILITY_PROCESS;
    if (ses_board_new(&config, &files, &board) != SES_OK)
        return -1;
    ses_board_files_close(&files);
    *state = board;
    return 0;
}

static int free_board(void **state)
{
    ses_board_free(*state);
    return 0;
}

/* NUL-terminated, static until the next call. */
static const char *render(const struct ses_board *board)
{
    static char text[512 * 1024];
    struct ses_board_view extra = {.now_mono_ns = 5000000000u,
                                   .durability = SES_DURABILITY_PROCESS,
                                   .table_used = 12,
                                   .table_room = 1000,
                                   .method_name = method_name,
                                   .method_streams = method_streams,
                                   .connector_name = connector_name};
    struct ses_buf out;

    ses_buf_init(&out, sizeof(text) - 1);
    assert_int_equal(ses_prometheus_render(board, &extra, &out), SES_OK);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    ses_buf_done(&out);
    return text;
}

static void expect_line(const char *text, const char *line)
{
    const char *at = text;

    while ((at = strstr(at, line)) != NULL) {
        if ((at == text || at[-1] == '\n') && at[strlen(line)] == '\n')
            return;
        at++;
    }
    fail_msg("no line '%s'", line);
}

static void counters_are_summed_over_slots(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    ses_count(&board->metrics[0], SES_C_SESSIONS_CREATED, 3);
    ses_count(&board->metrics[1], SES_C_SESSIONS_CREATED, 4);
    ses_gauge_set(&board->metrics[1], SES_C_STORE_RECORDS, 9);
    ses_gauge_set(&board->metrics[0], SES_C_STORE_SNAPSHOT_SECONDS, 40);
    ses_gauge_set(&board->metrics[1], SES_C_STORE_SNAPSHOT_SECONDS, 30);
    ses_gauge_set(&board->metrics[0], SES_C_TLS_CERTIFICATE_ENDS, 1800000000);
    ses_gauge_set(&board->metrics[1], SES_C_TLS_CERTIFICATE_ENDS, 1790000000);
    text = render(board);
    expect_line(text,
                "sessiond_tls_certificate_ends_seconds 1790000000"); /* an end: the earliest; 0 is none */
    expect_line(text, "# TYPE sessiond_sessions_created_total counter");
    expect_line(text, "sessiond_sessions_created_total 7");
    expect_line(text, "# TYPE sessiond_store_records gauge");
    expect_line(text, "sessiond_store_records 9");
    expect_line(text, "sessiond_store_oldest_snapshot_seconds 40"); /* an age: the highest */
    expect_line(text, "sessiond_table_entries 12");
    expect_line(text, "sessiond_table_capacity 1000");
    expect_line(text, "sessiond_durability_info{durability=\"process\"} 1");
}

static void requests_carry_their_labels(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    board->metrics[0].requests[0][0] = 5;
    board->metrics[1].requests[0][0] = 6;
    board->metrics[1].requests[0][3] = 1;
    board->metrics[0].connector_calls[1][5] = 2;
    text = render(board);
    expect_line(text, "sessiond_requests_total{service=\"types.MerchantAuthenticationService\",method="
                      "\"CreateSessionToken\","
                      "code=\"OK\"} 11");
    expect_line(text, "sessiond_requests_total{service=\"types.MerchantAuthenticationService\",method="
                      "\"CreateSessionToken\","
                      "code=\"INVALID_ARGUMENT\"} 1");
    expect_line(text, "sessiond_connector_calls_total{connector=\"paytm\",outcome=\"timeout\"} 2");
    expect_line(text, "sessiond_connector_calls_total{connector=\"nuvei\",outcome=\"success\"} 0");
    /* Known series are there before their first value. */
    expect_line(
        text,
        "sessiond_requests_total{service=\"grpc.health.v1.Health\",method=\"Check\",code=\"DATA_LOSS\"} 0");
}

static void histogram_is_cumulative_in_seconds(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    ses_hist_add(&board->metrics[0].commit_ns, 8191);    /* below 2^13 */
    ses_hist_add(&board->metrics[0].commit_ns, 8192);    /* not below it */
    ses_hist_add(&board->metrics[1].commit_ns, 1000000); /* 1 ms: below 2^20 */
    ses_hist_add(&board->metrics[1].commit_ns, UINT64_C(1) << 40);
    text = render(board);
    expect_line(text, "# TYPE sessiond_store_commit_seconds histogram");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"8.192e-06\"} 1");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"1.6384e-05\"} 2");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"0.000524288\"} 2");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"0.001048576\"} 3");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"34.3597384\"} 3");
    expect_line(text, "sessiond_store_commit_seconds_bucket{le=\"+Inf\"} 4");
    expect_line(text, "sessiond_store_commit_seconds_count 4");
}

static void labelled_histogram_has_well_formed_labels(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    ses_hist_add(&board->metrics[0].request_ns[1], 9000);
    text = render(board);
    expect_line(
        text,
        "sessiond_request_seconds_bucket{service=\"grpc.health.v1.Health\",method=\"Check\",le=\"+Inf\"} 1");
    expect_line(text, "sessiond_request_seconds_count{service=\"grpc.health.v1.Health\",method=\"Check\"} 1");
    /* Known series are there before their first value. */
    expect_line(text, "sessiond_request_seconds_count{service=\"types.MerchantAuthenticationService\",method="
                      "\"CreateSessionToken\"} 0");
    ses_hist_add(&board->metrics[0].request_ns[2], UINT64_C(600000000000));
    text = render(board);
    assert_null(strstr(text, "sessiond_request_seconds_count{service=\"sessiond"));
    expect_line(text, "sessiond_stream_seconds_count{service=\"sessiond.v1.SessionService\",method="
                      "\"WatchSession\"} 1");
    expect_line(text, "sessiond_stream_seconds_sum{service=\"sessiond.v1.SessionService\",method="
                      "\"WatchSession\"} 600");
}

static void families_have_a_line_for_each_value(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    ses_family_add(&board->metrics[0], SES_F_DOORS, 1, 1);
    ses_family_add(&board->metrics[1], SES_F_DOORS, 1, 2);
    ses_family_add(&board->metrics[1], SES_F_DOORS, 4, 1); /* no such value: nowhere */
    ses_family_add(NULL, SES_F_DOORS, 0, 1);
    ses_family_add(&board->metrics[0], SES_F_REFUSALS, SES_REASON_TOKEN_EXPIRED, 1);
    ses_family_add(&board->metrics[0], SES_F_REFUSALS, SES_REASON_NONE, 1);
    text = render(board);
    expect_line(text, "# TYPE sessiond_door_requests_total counter");
    expect_line(text, "sessiond_door_requests_total{door=\"grpc\"} 0");
    expect_line(text, "sessiond_door_requests_total{door=\"connect\"} 3");
    expect_line(text, "sessiond_door_requests_total{door=\"plain\"} 0");
    expect_line(text, "sessiond_refusals_total{reason=\"AMOUNT_NOT_ACCEPTED\"} 0");
    expect_line(text, "sessiond_refusals_total{reason=\"TOKEN_EXPIRED\"} 1");
    expect_line(text, "sessiond_refusals_total{reason=\"NONE\"} 1");
    expect_line(text, "sessiond_session_transitions_total{status=\"REVOKED\"} 0");
}

/* A row for each, under its own name. */
static void every_reason_has_its_row(void **state)
{
    const struct ses_metric_info *info = ses_family_info(SES_F_REFUSALS);

    (void)state;
    assert_int_equal(info->count, SES_REASON_COUNT);
    for (size_t i = 1; i < info->count; i++)
        assert_string_equal(info->values[i], ses_reason_name((enum ses_reason)i));
}

static void a_breaker_is_told_by_connector_and_origin(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    for (unsigned i = 0; i < 2; i++) {
        struct ses_breaker_cell *cell = &board->metrics[i].breakers[i];

        board->state[i] = SES_SLOT_READY;
        board->metrics[i].process.started_wall_ms = 1;
        cell->connector = 1;
        (void)snprintf(cell->origin, sizeof(cell->origin), "https://a\"b\\c");
        cell->state = 1 + i; /* closed here, open there */
    }
    text = render(board);
    expect_line(text,
                "sessiond_connector_breaker_open{connector=\"paytm\",origin=\"https://a\\\"b\\\\c\"} 1");
    board->metrics[0].breakers[0].state = 3; /* probing */
    expect_line(render(board),
                "sessiond_connector_breaker_open{connector=\"paytm\",origin=\"https://a\\\"b\\\\c\"} 2");
    board->state[1] = SES_SLOT_WAITING; /* what its dead worker knew is known by nobody */
    expect_line(render(board),
                "sessiond_connector_breaker_open{connector=\"paytm\",origin=\"https://a\\\"b\\\\c\"} 1");
}

static void processes_tell_of_themselves(void **state)
{
    struct ses_board *board = *state;
    struct ses_metrics *supervisor = ses_board_supervisor(board);
    const char *text;

    board->state[0] = SES_SLOT_READY;
    board->metrics[0].process.started_wall_ms = 1700000000250;
    board->metrics[0].process.cpu_ns = 1500000000;
    board->metrics[0].process.resident_bytes = UINT64_C(5) << 30;
    board->metrics[0].process.anonymous_bytes = 11;
    board->metrics[0].process.file_bytes = 12;
    board->metrics[0].process.shared_bytes = 13;
    board->metrics[0].process.files_open = 12;
    board->metrics[1].process.started_wall_ms = 1; /* of a process that is gone */
    supervisor->process.started_wall_ms = 2;
    supervisor->process.files_max = 1048576;
    text = render(board);
    expect_line(text, "# TYPE process_cpu_seconds_total counter");
    expect_line(text, "process_cpu_seconds_total{role=\"worker\",worker=\"0\"} 1.5");
    expect_line(text, "process_resident_memory_bytes{role=\"worker\",worker=\"0\"} 5368709120");
    expect_line(text, "process_resident_anonymous_bytes{role=\"worker\",worker=\"0\"} 11");
    expect_line(text, "process_resident_file_bytes{role=\"worker\",worker=\"0\"} 12");
    expect_line(text, "process_resident_shared_bytes{role=\"worker\",worker=\"0\"} 13");
    expect_line(text, "process_open_fds{role=\"worker\",worker=\"0\"} 12");
    expect_line(text, "process_start_time_seconds{role=\"worker\",worker=\"0\"} 1700000000.25");
    expect_line(text, "process_max_fds{role=\"supervisor\",worker=\"\"} 1048576");
    assert_null(strstr(text, "process_cpu_seconds_total{role=\"worker\",worker=\"1\"}"));
    assert_null(strstr(text, "process_cpu_seconds_total{role=\"housekeeper\""));
}

static void headroom_is_what_serving_workers_have_left(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    expect_line(render(board), "sessiond_headroom_ratio 0.0000"); /* nobody serves */
    board->accepts[0] = true;
    board->process[0].beat_mono_ns = 4999000000u;
    board->metrics[0].load.busy_ppm = 250000;
    board->metrics[0].load.calls_ppm = 3000000000u;
    board->metrics[0].load.call_cpu_ns = 40000;
    board->metrics[1].load.busy_ppm = 900000; /* does not serve */
    expect_line(render(board), "sessiond_headroom_ratio 0.7500");
    board->accepts[1] = true;
    board->process[1].beat_mono_ns = 4999000000u;
    board->metrics[1].load.calls_ppm = 1000000000u;
    board->metrics[1].load.call_cpu_ns = 80000;
    text = render(board);
    expect_line(text, "sessiond_headroom_ratio 0.4250");
    expect_line(text, "sessiond_call_cpu_seconds 0.000050000");
    board->state[1] = SES_SLOT_READY;
    board->metrics[1].process.started_wall_ms = 1;
    expect_line(render(board), "sessiond_worker_busy_ratio{worker=\"1\"} 0.9");
}

static void workers_are_told_one_by_one(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    ses_count(&board->metrics[1], SES_C_STORE_COMMITS, 9);
    board->metrics[1].requests[0][0] = 5;
    board->metrics[1].requests[0][3] = 3;  /* INVALID_ARGUMENT: not ours */
    board->metrics[1].requests[1][14] = 2; /* UNAVAILABLE */
    text = render(board);
    expect_line(text, "# TYPE sessiond_worker_store_commits_total counter");
    expect_line(text, "sessiond_worker_store_commits_total{worker=\"0\"} 0");
    expect_line(text, "sessiond_worker_store_commits_total{worker=\"1\"} 9");
    expect_line(text, "sessiond_worker_requests_total{worker=\"1\"} 10");
    expect_line(text, "sessiond_worker_requests_failed_total{worker=\"1\"} 2");
}

/* Of a dead worker: its gauges go, its counters stay. */
static void a_new_worker_begins_with_its_gauges_at_zero(void **state)
{
    struct ses_board *board = *state;
    struct ses_metrics *metrics = &board->metrics[0];

    ses_count(metrics, SES_C_SESSIONS_CREATED, 3);
    ses_gauge_set(metrics, SES_C_CONNECTIONS_OPEN, 4);
    ses_gauge_set(metrics, SES_C_STORE_POISONED, 1);
    metrics->breakers[0].state = 2;
    ses_shard_gauge_set(metrics, 0, SES_S_OPEN, 1);
    ses_shard_gauge_set(metrics, 1, SES_S_OPEN, 1);
    ses_metrics_reset_gauges(metrics, 1);
    assert_int_equal(metrics->counter[SES_C_SESSIONS_CREATED], 3);
    assert_int_equal(metrics->counter[SES_C_CONNECTIONS_OPEN], 0);
    assert_int_equal(metrics->counter[SES_C_STORE_POISONED], 1); /* until its shard was opened again */
    assert_int_equal(metrics->breakers[0].state, 0);
    assert_int_equal(metrics->shard[0].counter[SES_S_OPEN], 0);
    assert_int_equal(metrics->shard[1].counter[SES_S_OPEN],
                     1); /* one shard is configured: this is not looked at */
}

static void worker_gauges_tell_state_and_age(void **state)
{
    struct ses_board *board = *state;
    const char *text;

    board->state[0] = SES_SLOT_READY;
    board->state[1] = SES_SLOT_WAITING;
    board->accepts[0] = true;
    board->process[0].pid = 42;
    board->process[0].generation = 3;
    board->process[0].beat_mono_ns = 3500000000u;
    board->process[1].beat_mono_ns = 6000000000u; /* a beat between our clock reading and this one */
    text = render(board);
    expect_line(text, "sessiond_ready 0");
    expect_line(text, "sessiond_worker_up{worker=\"0\"} 1");
    expect_line(text, "sessiond_worker_up{worker=\"1\"} 0");
    expect_line(text, "sessiond_worker_pid{worker=\"0\"} 42");
    expect_line(text, "sessiond_worker_generation{worker=\"0\"} 3");
    expect_line(text, "sessiond_worker_heartbeat_age_seconds{worker=\"0\"} 1.5");
    expect_line(text, "sessiond_worker_heartbeat_age_seconds{worker=\"1\"} 0");
    expect_line(text, "sessiond_degraded{reason=\"workers_missing\"} 0"); /* not started yet */
    board->start_ms = 1;
    expect_line(render(board), "sessiond_degraded{reason=\"workers_missing\"} 1");
    board->state[1] = SES_SLOT_READY;
    board->accepts[1] = true;
    text = render(board);
    expect_line(text, "sessiond_ready 1");
    expect_line(text, "sessiond_degraded{reason=\"workers_missing\"} 0");
    board->draining = true;
    expect_line(render(board), "sessiond_ready 0");
}

/* The format: every sample follows the HELP and TYPE of its family, each family once, every line ends. */
static void every_sample_has_its_type_once(void **state)
{
    char *text = strdup(render(*state));
    char family[128] = "";
    char *line;
    char *rest;

    assert_non_null(text);
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, "# HELP %127s", family) == 1) {
            char again[160];

            (void)snprintf(again, sizeof(again), "\n# HELP %s ", family);
            assert_null(strstr(rest, again));
            continue;
        }
        if (strncmp(line, "# TYPE ", 7) == 0)
            assert_memory_equal(line + 7, family, strlen(family));
        else
            assert_memory_equal(line, family, strlen(family));
    }
    free(text);
}

static void quantiles_of_a_sum(void **state)
{
    struct ses_board *board = *state;
    struct ses_hist_sum sum;
    int i;

    for (i = 0; i < 99; i++)
        ses_hist_add(&board->metrics[i % 2].commit_ns, 1000);
    ses_hist_add(&board->metrics[0].commit_ns, 1000000);
    ses_board_hist(board, offsetof(struct ses_metrics, commit_ns), &sum);
    assert_int_equal(sum.count, 100);
    assert_in_range(ses_hist_sum_quantile(&sum, 0.5), 1000, 1125);
    assert_in_range(ses_hist_sum_quantile(&sum, 0.98), 1000, 1125);
    assert_in_range(ses_hist_sum_quantile(&sum, 0.99), 1000000, 1125000);
    assert_in_range(ses_hist_sum_quantile(&sum, 1.0), 1000000, 1125000);
    ses_board_hist(board, offsetof(struct ses_metrics, batch_puts), &sum);
    assert_int_equal(ses_hist_sum_quantile(&sum, 0.5), 0);
}

static void too_small_a_buffer_is_a_status(void **state)
{
    struct ses_board_view extra = {
        .method_name = method_name, .method_streams = method_streams, .connector_name = connector_name};
    struct ses_buf out;

    ses_buf_init(&out, 1000);
    assert_int_equal(ses_prometheus_render(*state, &extra, &out), SES_TOO_LARGE);
    ses_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_are_summed_over_slots, make_board, free_board),
        cmocka_unit_test_setup_teardown(requests_carry_their_labels, make_board, free_board),
        cmocka_unit_test_setup_teardown(histogram_is_cumulative_in_seconds, make_board, free_board),
        cmocka_unit_test_setup_teardown(labelled_histogram_has_well_formed_labels, make_board, free_board),
        cmocka_unit_test_setup_teardown(families_have_a_line_for_each_value, make_board, free_board),
        cmocka_unit_test_setup_teardown(every_reason_has_its_row, make_board, free_board),
        cmocka_unit_test_setup_teardown(a_breaker_is_told_by_connector_and_origin, make_board, free_board),
        cmocka_unit_test_setup_teardown(processes_tell_of_themselves, make_board, free_board),
        cmocka_unit_test_setup_teardown(headroom_is_what_serving_workers_have_left, make_board, free_board),
        cmocka_unit_test_setup_teardown(workers_are_told_one_by_one, make_board, free_board),
        cmocka_unit_test_setup_teardown(a_new_worker_begins_with_its_gauges_at_zero, make_board, free_board),
        cmocka_unit_test_setup_teardown(worker_gauges_tell_state_and_age, make_board, free_board),
        cmocka_unit_test_setup_teardown(every_sample_has_its_type_once, make_board, free_board),
        cmocka_unit_test_setup_teardown(quantiles_of_a_sum, make_board, free_board),
        cmocka_unit_test_setup_teardown(too_small_a_buffer_is_a_status, make_board, free_board),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
