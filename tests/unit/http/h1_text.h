/* h1_text.h - requests and answers of HTTP/1.1 as text, for the tests of h1*.c. */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H1_TEXT_H
#define SESSIOND_TESTS_UNIT_HTTP_H1_TEXT_H

#include "unit.h"

#include <stdio.h>

#include "h1_rig.h"

#define HOST "Host: a.example\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST "POST /t.S/Echo HTTP/1.1\r\n" HOST JSON
#define GET  "GET /page HTTP/1.1\r\n" HOST
#define HOLD "POST /t.S/Hold HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"

RIG int setup(void **state)
{
    (void)state;
    rig_begin(NULL);
    return 0;
}

RIG int teardown(void **state)
{
    (void)state;
    rig_end();
    return 0;
}

RIG void feed(const char *text)
{
    (void)rig_feed(ses_slice_str(text));
}

RIG bool wrote(const char *text)
{
    return rig.wire.len > 0 && memmem(rig.wire.data, rig.wire.len, text, strlen(text)) != NULL;
}

RIG void expect(const char *text)
{
    if (!wrote(text))
        fail_msg("\"%s\" is not in:\n%.*s", text, (int)rig.wire.len, (const char *)rig.wire.data);
}

RIG unsigned answers(void)
{
    unsigned count = 0;

    for (size_t i = 0; i + 9 < rig.wire.len; i++)
        count += memcmp(rig.wire.data + i, "HTTP/1.1 ", 9) == 0 && rig.wire.data[i + 9] < 0x3a; /* a digit */
    return count;
}

RIG void forget_wire(void)
{
    ses_buf_clear(&rig.wire);
}

/* A request on a connection of its own. */
RIG void fresh(struct ses_slice request)
{
    rig_close();
    forget_wire();
    rig.held_count = 0;
    rig.started = 0;
    rig_connect();
    (void)rig_feed(request);
}

RIG struct ses_buf text_of(const char *head, const char *unit, size_t count, const char *tail)
{
    struct ses_buf text;

    ses_buf_init(&text, SIZE_MAX / 4);
    assert_ok(ses_buf_append_str(&text, head));
    for (size_t i = 0; i < count; i++)
        assert_ok(ses_buf_append_str(&text, unit));
    assert_ok(ses_buf_append_str(&text, tail));
    return text;
}

#endif
