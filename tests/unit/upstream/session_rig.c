#include "session_rig.h"

#define BYTES_MAX (64u << 20)

static struct rig_stream *of(struct ses_up_stream *stream)
{
    return SES_CONTAINER(stream, struct rig_stream, stream);
}

static void on_verdict(void *arg, struct ses_up_stream *stream)
{
    (void)arg;
    assert_true(stream->has_verdict);
    of(stream)->verdicts++;
}

static void on_gone(void *arg, struct ses_up_stream *stream)
{
    (void)arg;
    assert_int_equal(of(stream)->verdicts, 1);
    of(stream)->gone++;
}

static const struct ses_up_session_ops ops = {.on_verdict = on_verdict, .on_gone = on_gone};

static void open_ours(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    ses_buf_init(&rig->to_peer, BYTES_MAX);
    ses_buf_init(&rig->to_us, BYTES_MAX);
    assert_ok(ses_up_session_open(&rig->session, 100, RIG_ANSWER_BYTES_MAX, &ops, rig));
}

void rig_open_silent(struct rig *rig)
{
    open_ours(rig);
    peer_open(&rig->peer, 0, 0, 0);
}

void rig_open(struct rig *rig, uint32_t streams_max, uint32_t window, uint32_t headers_max)
{
    open_ours(rig);
    peer_open(&rig->peer, streams_max, window, headers_max);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    rig_talk(rig);
    assert_true(rig->session.ready);
}

void rig_lose(struct rig *rig)
{
    if (!rig->is_lost)
        ses_up_session_lost(&rig->session, "the test is over");
    rig->is_lost = true;
}

void rig_close(struct rig *rig)
{
    rig_lose(rig);
    ses_up_session_close(&rig->session);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        if (rig->streams[i].stream.body.len == 0)
            continue;
        assert_int_equal(rig->streams[i].verdicts, 1);
        assert_int_equal(rig->streams[i].gone, 1);
        ses_up_stream_done(&rig->streams[i].stream);
    }
    peer_close(&rig->peer);
    ses_buf_done(&rig->to_peer);
    ses_buf_done(&rig->to_us);
}

void rig_send(struct rig *rig)
{
    if (rig->broken)
        return;
    rig->broken = ses_up_session_produce(&rig->session, &rig->to_peer, BYTES_MAX) != SES_OK;
    (void)peer_receive(&rig->peer, ses_buf_view(&rig->to_peer));
    ses_buf_clear(&rig->to_peer);
}

void rig_hear(struct rig *rig)
{
    peer_produce(&rig->peer, &rig->to_us);
    if (!rig->broken && rig->to_us.len > 0)
        rig->broken = ses_up_session_receive(&rig->session, ses_buf_view(&rig->to_us)) != SES_OK;
    ses_buf_clear(&rig->to_us);
}

void rig_talk(struct rig *rig)
{
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        rig_send(rig);
        rig_hear(rig);
        if (!rig->broken && ses_up_session_wants_write(&rig->session))
            quiet = 0;
    }
}

struct ses_up_stream *rig_submit(struct rig *rig, unsigned at, bool effect, struct ses_slice message)
{
    const struct ses_upstream_request request = {
        .path = SES_STR("/a.B/C"), .message = message, .effect = effect};
    struct ses_up_stream *stream = &rig->streams[at].stream;

    assert_ok(ses_up_stream_init(stream, &request, "host:1", false, RIG_ANSWER_BYTES_MAX));
    assert_ok(ses_up_session_submit(&rig->session, stream));
    return stream;
}

void rig_ended(const struct rig *rig, unsigned at, enum ses_upstream_outcome outcome, uint32_t grpc_status,
               const char *why)
{
    const struct rig_stream *stream = &rig->streams[at];

    assert_int_equal(stream->verdicts, 1);
    assert_int_equal(stream->gone, 1);
    assert_int_equal(stream->stream.outcome, outcome);
    assert_int_equal(stream->stream.grpc_status, grpc_status);
    assert_string_equal(stream->stream.why, why);
}

void rig_late(const struct rig *rig, unsigned at, enum ses_upstream_outcome outcome, const char *why)
{
    const struct rig_stream *stream = &rig->streams[at];

    assert_int_equal(stream->verdicts, 1);
    assert_int_equal(stream->gone, 0);
    assert_int_equal(stream->stream.outcome, outcome);
    assert_string_equal(stream->stream.why, why);
}

void rig_open_still(const struct rig *rig, unsigned at)
{
    assert_int_equal(rig->streams[at].verdicts, 0);
    assert_int_equal(rig->streams[at].gone, 0);
}
