#include "h1_text.h"

int h1_rig_setup(void **state)
{
    (void)state;
    h1_rig_begin(NULL);
    return 0;
}

int h1_rig_teardown(void **state)
{
    (void)state;
    h1_rig_end();
    return 0;
}

void feed(const char *text)
{
    (void)h1_rig_feed(ses_slice_str(text));
}

bool wrote(const char *text)
{
    return h1_rig.wire.len > 0 && memmem(h1_rig.wire.data, h1_rig.wire.len, text, strlen(text)) != NULL;
}

void expect(const char *text)
{
    if (!wrote(text))
        fail_msg("\"%s\" is not in:\n%.*s", text, (int)h1_rig.wire.len, (const char *)h1_rig.wire.data);
}

unsigned answers(void)
{
    unsigned count = 0;

    for (size_t i = 0; i + 9 < h1_rig.wire.len; i++)
        count +=
            memcmp(h1_rig.wire.data + i, "HTTP/1.1 ", 9) == 0 && h1_rig.wire.data[i + 9] < 0x3a; /* a digit */
    return count;
}

void forget_wire(void)
{
    ses_buf_clear(&h1_rig.wire);
}

void fresh(struct ses_slice request)
{
    h1_rig_close();
    forget_wire();
    h1_rig.held_count = 0;
    h1_rig.started = 0;
    h1_rig_connect();
    (void)h1_rig_feed(request);
}

struct ses_buf text_of(const char *head, const char *unit, size_t count, const char *tail)
{
    struct ses_buf text;

    ses_buf_init(&text, SIZE_MAX / 4);
    assert_ok(ses_buf_append_str(&text, head));
    for (size_t i = 0; i < count; i++)
        assert_ok(ses_buf_append_str(&text, unit));
    assert_ok(ses_buf_append_str(&text, tail));
    return text;
}
