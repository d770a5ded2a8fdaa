#include "unit_clock.h"

#include "envelope_rig.h"

int envelope_setup(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.body_bytes_max = BODY_MAX;
    limits.exchange_ms_max = 5000;
    limits.body_ms = 3000;
    limits.streaming_ms = 60000;
    limits.gzip_bytes_min = 100;
    h1_rig_begin(&limits);
    h1_rig_connect();
    return 0;
}

void wait_ms(uint64_t ms)
{
    unit_clock_pass_ms(ms);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
    h1_rig_flush();
}

void call_as(const char *version, const char *path, const char *headers, struct ses_slice body)
{
    struct ses_buf text;

    forget_wire();
    h1_rig.started = 0;
    ses_buf_init(&text, SIZE_MAX / 4);
    assert_ok(ses_buf_appendf(&text, "POST %s %s\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", path, version,
                              headers, body.len));
    assert_ok(ses_buf_append(&text, body));
    (void)h1_rig_feed(ses_buf_view(&text));
    ses_buf_done(&text);
}

void call(const char *path, const char *headers, struct ses_slice body)
{
    call_as("HTTP/1.1", path, headers, body);
}

void expect_bytes(struct ses_slice bytes)
{
    if (memmem(h1_rig.wire.data, h1_rig.wire.len, bytes.data, bytes.len) == NULL)
        fail_msg("%zu bytes are not in:\n%.*s", bytes.len, (int)h1_rig.wire.len,
                 (const char *)h1_rig.wire.data);
}

void expect_body(struct ses_slice body)
{
    struct ses_slice wire = ses_buf_view(&h1_rig.wire);

    assert_true(wire.len > body.len + 4);
    assert_memory_equal(wire.data + wire.len - body.len - 4, "\r\n\r\n", 4);
    assert_memory_equal(wire.data + wire.len - body.len, body.data, body.len);
}

void expect_usable(void)
{
    assert_false(h1_rig.finished || h1_rig.cut);
    call("/t.S/Echo", "content-type: application/json\r\n", SES_STR("{}"));
    expect("HTTP/1.1 200 OK\r\n");
}
