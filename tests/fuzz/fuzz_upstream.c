/* What a server says to two calls of ours, in pieces. The first byte: bit 0: the second call has an effect too; bit 1: it is
 * abandoned after the first piece; bits 2 to 7: bytes of a piece, 0: all at once. The second call's message is larger than any
 * usual window, and leaves in pieces, one behind each that comes. Whatever comes, each call has one verdict, and is gone after
 * it. */
#include <stdlib.h>

#include "session.h"

#define ANSWER_BYTES_MAX 4096
#define OUT_MAX          (1u << 20)
#define HIGH_WATER       16384u
#define OUT_BEYOND       32768u /* a frame, and what the peer's own ones are answered by */
#define STREAMS          2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzzed {
    struct ses_up_stream stream;
    unsigned verdicts;
    unsigned gone;
};

static void on_verdict(void *arg, struct ses_up_stream *stream)
{
    struct fuzzed *fuzzed = SES_CONTAINER(stream, struct fuzzed, stream);

    (void)arg;
    SES_REQUIRE(stream->has_verdict && fuzzed->gone == 0);
    SES_REQUIRE(++fuzzed->verdicts == 1);
    /* An answer says that it is one. */
    SES_REQUIRE(stream->outcome != SES_UPSTREAM_ANSWERED ||
                (stream->answer.has_status && stream->answer.ended));
    SES_REQUIRE(stream->outcome != SES_UPSTREAM_NOT_SENT || !stream->answer.begun);
}

static void on_gone(void *arg, struct ses_up_stream *stream)
{
    struct fuzzed *fuzzed = SES_CONTAINER(stream, struct fuzzed, stream);

    (void)arg;
    SES_REQUIRE(fuzzed->verdicts == 1);
    SES_REQUIRE(++fuzzed->gone == 1);
}

static const struct ses_up_session_ops ops = {.on_verdict = on_verdict, .on_gone = on_gone};

static void begin(struct ses_up_session *session, struct fuzzed *fuzzed, struct ses_slice message,
                  bool effect)
{
    const struct ses_upstream_request request = {
        .path = SES_STR("/a.B/C"), .message = message, .effect = effect};

    SES_REQUIRE(ses_up_stream_init(&fuzzed->stream, &request, "h", false, ANSWER_BYTES_MAX) == SES_OK);
    SES_REQUIRE(ses_up_session_submit(session, &fuzzed->stream) == SES_OK);
}

static void abandon(struct ses_up_session *session, struct fuzzed *fuzzed)
{
    if (fuzzed->verdicts > 0 || fuzzed->gone > 0)
        return;
    ses_up_stream_verdict(&fuzzed->stream, SES_UPSTREAM_UNKNOWN, 4, "late");
    fuzzed->verdicts++;
    ses_up_session_abandon(session, &fuzzed->stream);
    ses_up_answer_done(&fuzzed->stream.answer);
}

static void hear(struct ses_up_session *session, struct fuzzed *fuzzed, struct ses_slice said, uint8_t how,
                 struct ses_buf *out)
{
    size_t piece = how >> 2 == 0 ? said.len : how >> 2;
    bool first = true;

    for (size_t at = 0; at < said.len; at += piece) {
        if (ses_up_session_receive(session, ses_slice_cut(said, at, at + piece)) != SES_OK)
            return;
        if (first && (how & 2) != 0)
            abandon(session, &fuzzed[1]);
        first = false;
        ses_buf_clear(out);
        if (ses_up_session_produce(session, out, HIGH_WATER) != SES_OK)
            return;
        SES_REQUIRE(out->len < HIGH_WATER + OUT_BEYOND);
    }
}

static void show(struct fuzzed *fuzzed)
{
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];
    struct ses_upstream_answer shown = {.outcome = SES_UPSTREAM_ANSWERED};

    if (fuzzed->stream.outcome == SES_UPSTREAM_ANSWERED)
        ses_up_answer_show(&fuzzed->stream.answer, pairs, &shown);
    SES_REQUIRE(shown.message.len <= ANSWER_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fuzzed fuzzed[STREAMS];
    static uint8_t large[200000];
    struct ses_up_session session;
    struct ses_buf out;

    if (len == 0)
        return 0;
    for (unsigned i = 0; i < STREAMS; i++)
        fuzzed[i] = (struct fuzzed){.verdicts = 0};
    ses_buf_init(&out, OUT_MAX);
    SES_REQUIRE(ses_up_session_open(&session, 10, ANSWER_BYTES_MAX, &ops, NULL) == SES_OK);
    SES_REQUIRE(ses_up_session_receive(&session, SES_STR("\0\0\0\4\0\0\0\0\0")) == SES_OK);
    begin(&session, &fuzzed[0], SES_STR("m"), true);
    begin(&session, &fuzzed[1], ses_slice(large, sizeof(large)), (data[0] & 1) != 0);
    SES_REQUIRE(ses_up_session_produce(&session, &out, HIGH_WATER) == SES_OK);
    hear(&session, fuzzed, ses_slice(data + 1, len - 1), data[0], &out);
    ses_up_session_lost(&session, "over");
    for (unsigned i = 0; i < STREAMS; i++) {
        SES_REQUIRE(fuzzed[i].verdicts == 1 && fuzzed[i].gone == 1);
        show(&fuzzed[i]);
        ses_up_stream_done(&fuzzed[i].stream);
    }
    ses_up_session_close(&session);
    ses_buf_done(&out);
    return 0;
}
