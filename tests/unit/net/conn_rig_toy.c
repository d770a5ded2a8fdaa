/* The engines of conn_rig.h. */
#include "conn_rig.h"

void act(struct toy *t, enum act what)
{
    switch (what) {
    case ACT_CUT:
        ses_conn_cut(t->conn);
        ses_conn_cut(t->conn);
        break;
    case ACT_FINISH:
        ses_conn_finish(t->conn);
        break;
    case ACT_ANSWER_FINISH:
        assert_int_equal(ses_buf_append_str(&t->out, "answer"), SES_OK);
        ses_conn_finish(t->conn);
        break;
    case ACT_PAUSE:
        ses_conn_read_pause(t->conn);
        break;
    case ACT_ATTACH:
        ses_conn_attach(t->conn, &second_ops, t);
        break;
    case ACT_NONE:
    case ACT_ERROR:
        break;
    }
}

static enum ses_status toy_bytes(void *engine, struct ses_slice bytes)
{
    struct toy *t = engine;

    t->inside = true;
    assert_int_equal(t->closes, 0);
    assert_int_equal(ses_buf_append(&t->got, bytes), SES_OK);
    if (t->echo) {
        assert_int_equal(ses_buf_append(&t->out, bytes), SES_OK);
        ses_conn_want_write(t->conn);
        ses_conn_want_write(t->conn);
    }
    act(t, t->on_bytes);
    t->inside = false;
    return t->on_bytes == ACT_ERROR ? SES_MALFORMED : SES_OK;
}

static enum ses_status toy_produce(void *engine, struct ses_buf *out)
{
    struct toy *t = engine;

    t->inside = true;
    assert_int_equal(t->closes, 0);
    t->produces++;
    assert_int_equal(ses_buf_append(out, ses_buf_view(&t->out)), SES_OK);
    ses_buf_clear(&t->out);
    while (t->produced < t->endless && out->len < SES_CONN_HIGH_WATER)
        assert_int_equal(ses_buf_append_byte(out, (uint8_t)(t->produced++ % 251)), SES_OK);
    act(t, t->on_produce);
    t->inside = false;
    return t->on_produce == ACT_ERROR ? SES_NO_MEMORY : SES_OK;
}

static void toy_drain(void *engine)
{
    struct toy *t = engine;

    t->drains++;
    t->inside = true;
    act(t, t->on_drain);
    t->inside = false;
}

static void toy_idle(void *engine)
{
    struct toy *t = engine;

    t->idles++;
    t->inside = true;
    act(t, t->on_idle);
    t->inside = false;
}

static void toy_drained(void *engine)
{
    struct toy *t = engine;

    t->draineds++;
    t->inside = true;
    act(t, t->on_drained);
    t->inside = false;
}

static void toy_throttle(void *engine, bool on)
{
    struct toy *t = engine;

    assert_int_equal(on, t->throttles % 2 == 0); /* on, off, on, .. */
    t->throttles++;
}

static void toy_eof(void *engine)
{
    struct toy *t = engine;

    t->eofs++;
    t->inside = true;
    act(t, t->on_eof);
    t->inside = false;
}

static void toy_close(void *engine)
{
    struct toy *t = engine;

    assert_false(t->inside); /* never under the engine's feet */
    t->closes++;
}

const struct ses_conn_ops toy_ops = {
    .on_bytes = toy_bytes,
    .on_produce = toy_produce,
    .on_drain = toy_drain,
    .on_idle = toy_idle,
    .on_drained = toy_drained,
    .on_throttle = toy_throttle,
    .on_eof = toy_eof,
    .on_close = toy_close,
};

static enum ses_status second_bytes(void *engine, struct ses_slice bytes)
{
    struct toy *t = engine;

    (void)bytes;
    assert_int_equal(ses_buf_append_str(&t->out, "second"), SES_OK);
    ses_conn_want_write(t->conn);
    return SES_OK;
}

const struct ses_conn_ops second_ops = {
    .on_bytes = second_bytes, .on_produce = toy_produce, .on_close = toy_close};
