#include "http/h2_rig.h"

/* The engine against clients that keep to the protocol (drain, idle, flow) and against those that do not. */

static const struct ses_door_limits no_limits;

static int setup(void **state)
{
    (void)state;
    rig_open(&no_limits, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void reopen(const struct ses_door_limits *limits)
{
    rig_close();
    rig_open(limits, 0);
}

static void release_held(unsigned i)
{
    ses_exchange_release(rig.held[i]);
    rig.held[i] = NULL;
}

/* ---- settings */

static void settings_announce_the_limits(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_client(0, false);
    rig_pump();
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
                     4096);
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
                     32768);
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
                     256 * 1024 + SES_GRPC_PREFIX_BYTES);
    assert_int_equal(nghttp2_session_get_remote_window_size(rig.client), SES_H2_CONNECTION_WINDOW);
    assert_true(rig_frame(NGHTTP2_SETTINGS, 0, &id, &payload));
    assert_int_equal(payload.len, 4 * 6);
}

/* ---- plain HTTP */

static void get_resource(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_request("GET", "/plain?x=1", NULL, NULL, false);

    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
    rig_expect_line(rig_stream(id)->headers, "content-type: text/plain");
    rig_expect_line(rig_stream(id)->headers, "content-length: 10");
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "plain text");
    assert_true(rig_stream(id)->ended);
}

static void head_has_length_and_no_body(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_request("HEAD", "/plain", NULL, NULL, false);

    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
    rig_expect_line(rig_stream(id)->headers, "content-length: 10");
    assert_int_equal(rig_stream(id)->data.len, 0);
    assert_true(rig_stream(id)->ended);
}

static void body_limit(void **state)
{
    const struct ses_door_limits limits = {.body_bytes_max = 1000};
    static uint8_t body[1001];

    (void)state;
    reopen(&limits);
    rig_client(0, false);
    int32_t at = rig_request("POST", "/plain", "text/plain", NULL, true);
    int32_t above = rig_request("POST", "/plain", "text/plain", NULL, true);

    rig_upload(at, ses_slice(body, 1000), true);
    rig_upload(above, ses_slice(body, 1001), true);
    rig_pump();
    rig_expect_line(rig_stream(at)->headers, ":status: 200");
    rig_expect_line(rig_stream(above)->headers, ":status: 413");
    assert_true(rig_stream(above)->data.len > 0);
}

static void body_timeout(void **state)
{
    const struct ses_door_limits limits = {.body_ms = 20};

    (void)state;
    reopen(&limits);
    rig_client(0, false);
    int32_t id = rig_request("POST", "/plain", "text/plain", NULL, true);

    rig_pump();
    rig_wait(50);
    rig_expect_line(rig_stream(id)->headers, ":status: 408");
}

/* ---- flow */

static void output_of_one_turn_is_bounded(void **state)
{
    static uint8_t message[200 * 1024];

    (void)state;
    rig_client(1u << 24, false);
    rig_pump();
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 1 << 26), 0);
    for (unsigned i = 0; i < 20; i++)
        (void)rig_call("/t.T/Hold", NULL, ses_slice(message, sizeof message));
    rig_pump();
    for (unsigned i = 0; i < 20; i++) {
        ses_exchange_reply(rig.held[i], ses_slice(message, sizeof message));
        release_held(i);
    }
    size_t before = rig.wire.len;

    rig_produce();
    assert_true(rig.wire.len - before >= SES_CONN_HIGH_WATER);
    assert_true(rig.wire.len - before <= SES_CONN_HIGH_WATER + 16384 + 100);
    assert_true(rig.paused); /* who does not read is not read */
    rig_pump();
    assert_false(rig.paused);
    assert_int_equal(rig.h2->streams_count, 0);
}

/* ---- memory */

static void pages_are_zero_whenever_taken(void **state)
{
    struct ses_h2_pages *pages = ses_h2_pages_new();
    struct ses_h2 owner = {.page_used = true};
    static const uint8_t zeros[SES_H2_PAGE_BYTES];
    int elsewhere = 0;

    (void)state;
    assert_non_null(pages);
    uint8_t *a = ses_h2_pages_take(pages, &owner), *b = ses_h2_pages_take(pages, &owner);

    assert_memory_equal(a, zeros, sizeof zeros);
    memset(a, 1, SES_H2_PAGE_BYTES);
    memset(b, 1, 1);
    assert_false(ses_h2_pages_give(pages, &elsewhere));
    assert_true(ses_h2_pages_give(pages, a));
    assert_ptr_equal(ses_h2_pages_take(pages, &owner), a);
    assert_memory_equal(a, zeros, sizeof zeros);
    assert_int_equal(b[0], 1);
    ses_h2_pages_free(pages);
}

static void sweep_takes_only_zeros_of_quiet_engines(void **state)
{
    struct ses_h2_pages *pages = ses_h2_pages_new();
    struct ses_h2 quiet = {.page_used = true}, busy = {.page_used = true, .streams_count = 1}, unused = {0},
                  dirty = {.page_used = true};

    (void)state;
    uint8_t *bytes[] = {ses_h2_pages_take(pages, &quiet), ses_h2_pages_take(pages, &busy),
                        ses_h2_pages_take(pages, &unused), ses_h2_pages_take(pages, &dirty)};

    bytes[3][100] = 7;
    assert_int_equal(ses_h2_pages_sweep(pages), 1);
    assert_int_equal(bytes[3][100], 7);
    assert_false(quiet.page_used);
    assert_true(busy.page_used);
    assert_int_equal(ses_h2_pages_sweep(pages), 0);
    ses_h2_pages_free(pages);
}

/* What h2_pages.c counts on to be of use: nghttp2's empty table is all zeros. */
static void connection_serves_before_and_after_a_sweep(void **state)
{
    (void)state;
    rig_client(0, false);
    for (unsigned round = 0; round < 3; round++) {
        int32_t ids[50];

        for (unsigned i = 0; i < 50; i++)
            ids[i] = rig_call("/t.T/Echo", NULL, SES_STR("x"));
        rig_pump();
        for (unsigned i = 0; i < 50; i++)
            rig_expect_reply(ids[i], false, SES_STR("x"));
        assert_int_equal(ses_h2_pages_sweep(rig.doors->h2->pages), 1);
    }
}

/* All engines make their frames in one buffer: one that stopped half way is not disturbed by another. */
static void engines_share_a_frame_buffer(void **state)
{
    static uint8_t message[200 * 1024];
    struct ses_h2 *other;
    struct ses_buf out;
    int32_t ids[4];

    (void)state;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 31);
    rig_client(1u << 24, false);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 1 << 26), 0);
    for (unsigned i = 0; i < 4; i++)
        ids[i] = rig_call("/t.T/Hold", NULL, ses_slice(message, sizeof message));
    rig_pump();
    for (unsigned i = 0; i < 4; i++) {
        ses_exchange_reply(rig.held[i], ses_slice(message, sizeof message));
        release_held(i);
    }
    rig_produce(); /* stops at the bound of a turn */
    assert_false(rig_stream(ids[3])->ended);
    assert_ok(ses_h2_new(rig.doors->h2, &rig_io, NULL, "other", &other));
    ses_buf_init(&out, 1 << 20);
    assert_ok(ses_h2_receive(other, SES_STR(NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0")));
    assert_ok(ses_h2_produce(other, &out));
    assert_true(out.len > 30);
    assert_int_equal(out.data[3], NGHTTP2_SETTINGS);
    ses_buf_done(&out);
    ses_h2_free(other);
    rig.want_write = true;
    rig_pump();
    for (unsigned i = 0; i < 4; i++)
        rig_expect_reply(ids[i], false, ses_slice(message, sizeof message));
}

static unsigned allocations_left;
static nghttp2_mem real_memory;

/* What an engine that ran out of memory leaves behind (h2_memory.c) is meant to stay. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void count_leaks(bool count)
{
    if (__lsan_disable == NULL)
        return;
    if (count)
        __lsan_enable();
    else
        __lsan_disable();
}

static void *failing_malloc(size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.malloc(size, arg));
}

static void *failing_calloc(size_t count, size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.calloc(count, size, arg));
}

static void *failing_realloc(void *bytes, size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.realloc(bytes, size, arg));
}

/* nghttp2's n-th allocation fails, for every n that two calls, a stream and a drain need. */
static void any_allocation_may_fail(void **state)
{
    bool complete = false;

    (void)state;
    for (unsigned n = 0; n < 1000 && !complete; n++) {
        reopen(&no_limits);
        rig_lose_connection();
        nghttp2_mem *memory = &rig.doors->h2->memory;

        real_memory = *memory;
        memory->malloc = failing_malloc;
        memory->calloc = failing_calloc;
        memory->realloc = failing_realloc;
        allocations_left = n;
        rig_client(0, false);
        count_leaks(false);
        enum ses_status status = ses_h2_new(rig.doors->h2, &rig_io, NULL, "peer", &rig.h2);

        if (status != SES_OK) {
            count_leaks(true);
            continue;
        }
        int32_t a = rig_call("/t.T/Echo", NULL, SES_STR("x")), b = rig_call("/t.T/Three", NULL, SES_STR("y"));

        rig_pump();
        if (rig.h2 != NULL)
            ses_h2_drain(rig.h2);
        rig_pump();
        count_leaks(true);
        complete = allocations_left > 0;
        if (complete) {
            rig_expect_reply(a, false, SES_STR("x"));
            rig_expect_status(b, 0);
        }
        assert_null(rig.h2);
    }
    assert_true(complete);
}

/* ---- leaving */

static void drain_finishes_what_runs(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t running = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    rig_pump();
    ses_h2_drain(rig.h2);
    assert_true(rig.want_write);
    rig_produce();
    /* The first GOAWAY refuses nothing: what is on its way is still served. */
    assert_int_equal(rig.goaway_last, INT32_MAX);
    rig_pump();
    assert_int_equal(rig.goaways, 2);
    assert_int_equal(rig.goaway_last, running);
    assert_int_equal(rig.goaway_code, NGHTTP2_NO_ERROR);
    assert_non_null(rig.h2);
    ses_exchange_reply(rig.held[0], SES_STR("done"));
    release_held(0);
    rig_pump();
    rig_expect_reply(running, false, SES_STR("done"));
    assert_null(rig.h2);
}

static void drain_without_streams_ends_at_once(void **state)
{
    (void)state;
    rig_client(0, false);
    rig_pump();
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

/* A client that answers no ping is given a moment, no more. */
static void drain_does_not_wait_for_a_dead_peer(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_pump();
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 1);
    rig_wait(SES_H2_DRAIN_NOTICE_MS + 50);
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

static void drain_ends_streams_without_an_end(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t silent = rig_call("/t.T/Watch", NULL, SES_STR("x")),
            begun = rig_call("/t.T/Watch", NULL, SES_STR("x"));

    rig_pump();
    ses_exchange_send(rig.held[1], SES_STR("state"));
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_false(rig_stream(silent)->ended);
    rig_wait(SES_H2_DRAIN_STREAMS_MS + 50);
    rig_expect_status(silent, 14);
    rig_expect_status(begun, 14);
    assert_int_equal(rig.cancelled, 2);
    assert_null(rig.h2);
}

static void idle_connection_is_closed(void **state)
{
    (void)state;
    rig_client(0, false);
    rig_pump();
    ses_h2_idle(rig.h2);
    rig_pump();
    assert_int_equal(rig.goaways, 1);
    assert_int_equal(rig.goaway_code, NGHTTP2_NO_ERROR);
    assert_null(rig.h2);
}

static void idle_with_streams_asks_for_life(void **state)
{
    (void)state;
    rig_client(0, false);
    (void)rig_call("/t.T/Watch", NULL, SES_STR("x"));
    rig_pump();
    ses_h2_idle(rig.h2);
    rig_pump();
    assert_int_equal(rig.touched, 1);
    assert_int_equal(rig_frames(NGHTTP2_PING), 1);
    ses_h2_idle(rig.h2); /* was answered: asked again */
    assert_false(rig.cut);
    ses_h2_idle(rig.h2); /* was not: the client's answer has not been fetched */
    assert_true(rig.cut);
}

static void client_that_leaves_is_let_go(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    rig_pump();
    assert_int_equal(nghttp2_submit_goaway(rig.client, 0, 0, NGHTTP2_NO_ERROR, NULL, 0), 0);
    rig_pump();
    assert_non_null(rig.h2);
    ses_exchange_reply(rig.held[0], SES_STR("done"));
    release_held(0);
    rig_pump();
    rig_expect_reply(id, false, SES_STR("done"));
    assert_null(rig.h2);
}

/* ---- bad clients: the connection */

static void bad_preface(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_raw("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
    /* Our half of the preface comes first all the same (RFC 9113 section 3.4). */
    assert_true(rig_frame(NGHTTP2_SETTINGS, 0, &id, &payload));
    assert_int_equal(rig.wire.data[3], NGHTTP2_SETTINGS);
}

static void first_frame_is_not_settings(void **state)
{
    static const uint8_t ping[8];

    (void)state;
    rig_raw(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

static void oversize_frame(void **state)
{
    static const uint8_t head[9] = {0x00, 0x40, 0x01, NGHTTP2_DATA, 0, 0, 0, 0, 1};

    (void)state;
    rig_raw_preface();
    rig_raw(head, sizeof head);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FRAME_SIZE_ERROR);
}

static void data_on_stream_zero(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_DATA, 0, 0, "x", 1);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

static void ping_flood(void **state)
{
    static const uint8_t ping[8];

    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < 5000; i++)
        rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(rig_frames(NGHTTP2_PING) < 5000);
}

static void pings_that_are_read_are_answered(void **state)
{
    static const uint8_t ping[8] = "12345678";
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < 3000; i++) {
        rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
        rig_pump();
    }
    assert_int_equal(rig_frames(NGHTTP2_PING), 3000);
    assert_true(rig_frame(NGHTTP2_PING, 0, &id, &payload));
    assert_memory_equal(payload.data, ping, sizeof ping);
}

static void settings_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < SES_H2_SETTINGS_MAX + 10 && rig.h2 != NULL; i++) {
        rig_raw_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
        rig_pump(); /* acknowledgements are read: nghttp2's own bound does not count */
    }
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(rig_frames(NGHTTP2_SETTINGS) <= SES_H2_SETTINGS_MAX + 1);
}

static void continuation_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_HEADERS, 0, 1, NULL, 0);
    for (unsigned i = 0; i < 20; i++)
        rig_raw_frame(NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void empty_data_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_request(1, 0);
    for (unsigned i = 0; i < 1000; i++)
        rig_raw_frame(NGHTTP2_DATA, 0, 1, NULL, 0);
    rig_pump();
    assert_non_null(rig.h2);
    rig_raw_frame(NGHTTP2_DATA, 0, 1, NULL, 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void connection_window_overflow(void **state)
{
    static const uint8_t increment[4] = {0x7f, 0xff, 0xff, 0xff};

    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, increment, sizeof increment);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

static void more_data_than_the_window(void **state)
{
    static uint8_t data[16384];

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 200; id += 2)
        rig_raw_request(id, 0);
    /* Produced nothing so far: no window was given back. */
    for (unsigned i = 0; i < 100; i++)
        rig_raw_frame(NGHTTP2_DATA, 0, (int32_t)(1 + 2 * (i % 100)), data, sizeof data);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

static void streams_above_the_limit(void **state)
{
    const struct ses_door_limits limits = {.streams_max = 10};
    static const uint8_t message[] = {0, 0, 0, 0, 0};
    static const char *const fields[] = {
        ":method", "POST",         ":scheme",          "http", ":path", "/t.T/Hold", ":authority",
        "rig",     "content-type", "application/grpc", NULL};

    (void)state;
    reopen(&limits);
    rig_raw_preface();
    rig_pump();
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    for (int32_t id = 1; id < 40 && rig.h2 != NULL; id += 2) {
        rig_raw_headers(id, 0, fields);
        rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message, sizeof message);
    }
    rig_pump();
    assert_int_equal(rig.held_count, 10);
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(rig.cancelled, 10);
}

static void rapid_reset(void **state)
{
    static const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 2 * 10000 && rig.h2 != NULL; id += 2) {
        rig_raw_request(id, 0);
        rig_raw_frame(NGHTTP2_RST_STREAM, 0, id, cancel, sizeof cancel);
        rig_pump();
    }
    struct ses_slice payload;
    int32_t id;

    assert_null(rig.h2);
    assert_true(rig_frame(NGHTTP2_GOAWAY, 0, &id, &payload));
    assert_true(rig_u32(payload.data) < 2 * (SES_H2_RESETS_BURST + 10 * SES_H2_RESETS_PER_SECOND));
}

/* Each of these makes us reset a stream that has begun; a hundred in ten seconds are enough. */
static void made_you_reset(void **state, void (*provoke)(int32_t id))
{
    unsigned streams = 0;

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 2 * 1000 && rig.h2 != NULL; id += 2) {
        provoke(id);
        streams++;
        rig_pump();
    }
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(streams, 101);
}

static void provoke_window(int32_t id)
{
    static const uint8_t increment[4] = {0x7f, 0xff, 0xff, 0xff};

    rig_raw_request(id, 0);
    rig_raw_frame(NGHTTP2_WINDOW_UPDATE, 0, id, increment, sizeof increment);
}

static void provoke_length(int32_t id)
{
    static const char *const fields[] = {RIG_REQUEST_FIELDS, "content-length", "5", NULL};

    rig_raw_headers(id, 0, fields);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "123456", 6);
}

static void provoke_field(int32_t id)
{
    static const char *const fields[] = {RIG_REQUEST_FIELDS, "x-a", "b\x01", NULL};

    rig_raw_headers(id, 0, fields);
}

static void made_you_reset_by_window(void **state)
{
    made_you_reset(state, provoke_window);
}

static void made_you_reset_by_length(void **state)
{
    made_you_reset(state, provoke_length);
}

static void made_you_reset_by_field(void **state)
{
    made_you_reset(state, provoke_field);
}

/* Errors far apart are an unlucky client, not an attack: the count starts anew. */
static void rate_forgets(void **state)
{
    struct ses_h2_rate rate = {0};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_false(ses_h2_rate_exceeded(&rate, 10));
    assert_true(ses_h2_rate_exceeded(&rate, 10));
    rate.window_start_ns -= (SES_H2_RATE_WINDOW_MS + 1) * UINT64_C(1000000);
    assert_false(ses_h2_rate_exceeded(&rate, 10));
    assert_int_equal(rate.count, 1);
}

/* One byte stands for a field of 2900: a frame of 16 KiB would be 47 MB. */
static void hpack_bomb(void **state)
{
    static char value[2900];
    static const char *fields[2 * 6 + 2 * 2000 + 1];
    size_t count = 0;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    static const char *const first[] = {RIG_REQUEST_FIELDS};

    memcpy(fields, first, sizeof first);
    count = sizeof first / sizeof first[0];
    for (unsigned i = 0; i < 2000; i++) {
        fields[count++] = "x";
        fields[count++] = value;
    }
    rig_raw_preface();
    rig_raw_headers(1, NGHTTP2_FLAG_END_STREAM, fields);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void many_small_fields(void **state)
{
    static const char *fields[2 * 6 + 2 * 5000 + 1];
    static const char *const first[] = {RIG_REQUEST_FIELDS};
    size_t count = sizeof first / sizeof first[0];

    (void)state;
    memcpy(fields, first, sizeof first);
    for (unsigned i = 0; i < 5000; i++) {
        fields[count++] = "x";
        fields[count++] = "";
    }
    rig_raw_preface();
    rig_raw_headers(1, NGHTTP2_FLAG_END_STREAM, fields);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void slow_header_block(void **state)
{
    const struct ses_door_limits limits = {.header_ms = 20};

    (void)state;
    reopen(&limits);
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_HEADERS, 0, 1, NULL, 0);
    rig_pump();
    assert_non_null(rig.h2);
    rig_wait(50);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void quick_header_blocks_are_not_timed(void **state)
{
    const struct ses_door_limits limits = {.header_ms = 20};

    (void)state;
    reopen(&limits);
    rig_raw_preface();
    rig_raw_request(1, 0);
    rig_pump();
    rig_wait(50);
    assert_non_null(rig.h2);
}

/* ---- bad clients: one stream */

static void expect_malformed(const char *const *fields, uint8_t flags)
{
    rig_raw_preface();
    rig_raw_headers(1, flags, fields);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    assert_non_null(rig.h2);
    assert_int_equal(rig.h2->streams_count, 0);
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 0);
    /* The connection serves on. */
    rig_raw_request(3, 0);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, "\0\0\0\0\1x", 6);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 2);
    assert_int_equal(rig_frames(NGHTTP2_DATA), 1);
}

#define MALFORMED(name, ...)                                                                                 \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        static const char *const fields[] = {__VA_ARGS__, NULL};                                             \
                                                                                                             \
        (void)state;                                                                                         \
        expect_malformed(fields, 0);                                                                         \
    }

MALFORMED(no_path, ":method", "POST", ":scheme", "http", "content-type", "application/grpc")
MALFORMED(no_method, ":path", "/t.T/Echo", ":scheme", "http", "content-type", "application/grpc")
MALFORMED(two_paths, RIG_REQUEST_FIELDS, ":path", "/other")
MALFORMED(pseudo_behind_regular, ":method", "POST", "x-a", "b", ":scheme", "http", ":path", "/t.T/Echo")
MALFORMED(unknown_pseudo, ":method", "POST", ":scheme", "http", ":path", "/t.T/Echo", ":nope", "x")
MALFORMED(response_pseudo, ":method", "POST", ":scheme", "http", ":path", "/t.T/Echo", ":status", "200")
MALFORMED(upper_case_name, RIG_REQUEST_FIELDS, "X-Upper", "x")
MALFORMED(connection_field, RIG_REQUEST_FIELDS, "connection", "close")
MALFORMED(transfer_encoding, RIG_REQUEST_FIELDS, "transfer-encoding", "chunked")
MALFORMED(te_other_than_trailers, RIG_REQUEST_FIELDS, "te", "gzip")
MALFORMED(control_in_value, RIG_REQUEST_FIELDS, "x-a", "a\rb")
MALFORMED(empty_path, ":method", "POST", ":scheme", "http", ":path", "", "content-type", "application/grpc")

static void content_length_mismatch(void **state)
{
    (void)state;
    rig_raw_preface();
    provoke_length(1);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(rig.h2->streams_count, 0);
}

static void stream_window_overflow(void **state)
{
    (void)state;
    rig_raw_preface();
    provoke_window(1);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_FLOW_CONTROL_ERROR);
    assert_non_null(rig.h2);
}

/* Promises cost nothing, and what has come is bounded over all streams of a connection. */
static void held_bytes_are_bounded(void **state)
{
    static uint8_t part[250000];
    unsigned refused = 0;

    (void)state;
    rig_client(0, false);
    for (unsigned i = 0; i < 100; i++) {
        int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);

        rig_upload(id, SES_STR("\0\0\4\0\0"), false); /* promises 256 KiB */
        rig_upload(id, ses_slice(part, sizeof part), false);
    }
    rig_pump();
    assert_true(rig.doors->h2->held_bytes <= SES_H2_HELD_CONNECTION_MAX);
    for (int32_t id = 1; id < 200; id += 2)
        refused += rig_stream(id)->ended ? 1 : 0;
    assert_true(refused > 20 && refused < 50);
    for (int32_t id = 1; id < 200; id += 2) {
        if (rig_stream(id)->ended)
            rig_expect_status(id, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(settings_announce_the_limits),
        TEST(get_resource),
        TEST(head_has_length_and_no_body),
        TEST(body_limit),
        TEST(body_timeout),
        TEST(output_of_one_turn_is_bounded),
        TEST(pages_are_zero_whenever_taken),
        TEST(sweep_takes_only_zeros_of_quiet_engines),
        TEST(connection_serves_before_and_after_a_sweep),
        TEST(engines_share_a_frame_buffer),
        TEST(any_allocation_may_fail),
        TEST(drain_finishes_what_runs),
        TEST(drain_without_streams_ends_at_once),
        TEST(drain_does_not_wait_for_a_dead_peer),
        TEST(drain_ends_streams_without_an_end),
        TEST(idle_connection_is_closed),
        TEST(idle_with_streams_asks_for_life),
        TEST(client_that_leaves_is_let_go),
        TEST(bad_preface),
        TEST(first_frame_is_not_settings),
        TEST(oversize_frame),
        TEST(data_on_stream_zero),
        TEST(ping_flood),
        TEST(pings_that_are_read_are_answered),
        TEST(settings_flood),
        TEST(continuation_flood),
        TEST(empty_data_flood),
        TEST(connection_window_overflow),
        TEST(more_data_than_the_window),
        TEST(streams_above_the_limit),
        TEST(rapid_reset),
        TEST(made_you_reset_by_window),
        TEST(made_you_reset_by_length),
        TEST(made_you_reset_by_field),
        TEST(rate_forgets),
        TEST(hpack_bomb),
        TEST(many_small_fields),
        TEST(slow_header_block),
        TEST(quick_header_blocks_are_not_timed),
        TEST(no_path),
        TEST(no_method),
        TEST(two_paths),
        TEST(pseudo_behind_regular),
        TEST(unknown_pseudo),
        TEST(response_pseudo),
        TEST(upper_case_name),
        TEST(connection_field),
        TEST(transfer_encoding),
        TEST(te_other_than_trailers),
        TEST(control_in_value),
        TEST(empty_path),
        TEST(content_length_mismatch),
        TEST(stream_window_overflow),
        TEST(held_bytes_are_bounded),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
