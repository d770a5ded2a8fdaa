/* A request as HTTP/2 fields and one piece of body, in one block of memory that is wiped. */
#include "stream.h"

#include <stdarg.h>
#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/codec/grpc_metadata.h>

#define FIELD_OVERHEAD 32
#define PATH_MAX_BYTES 512

/* nghttp2_nv has no const; with NO_COPY it does not write. */
static uint8_t *unconst(const uint8_t *bytes)
{
    union {
        const uint8_t *from;
        uint8_t *to;
    } pointer = {.from = bytes};

    return pointer.to;
}

static void add(struct ses_up_stream *stream, struct ses_slice name, struct ses_slice value, uint8_t flags)
{
    stream->fields[stream->fields_count++] = (nghttp2_nv){
        .name = unconst(name.data),
        .value = unconst(value.data),
        .namelen = name.len,
        .valuelen = value.len,
        .flags = (uint8_t)(flags | NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE),
    };
    stream->list_bytes += name.len + value.len + FIELD_OVERHEAD;
}

static void add_static(struct ses_up_stream *stream, struct ses_slice name, const char *value)
{
    add(stream, name, ses_slice_str(value), NGHTTP2_NV_FLAG_NONE);
}

/* ---- checks ------------------------------------------------------------------------------------------- */

static bool path_ok(struct ses_slice path)
{
    if (path.len < 2 || path.len > PATH_MAX_BYTES || path.data[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] <= 0x20 || path.data[i] >= 0x7f)
            return false;
    }
    return true;
}

/* Names of metadata (Custom-Metadata of the protocol); those of the protocol and of HTTP are not the caller's. */
static bool name_ok(struct ses_slice name)
{
    static const char *const ours[] = {"te",      "content-type", "content-length", "user-agent",
                                       "host",    "trailer",      "connection",     "transfer-encoding",
                                       "upgrade", "keep-alive"};

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (ses_slice_eq_str(name, ours[i]))
            return false;
    }
    return name.len > 0 && !ses_slice_starts(name, SES_STR("grpc-"));
}

static size_t value_bytes(const struct ses_upstream_pair *pair)
{
    return ses_grpc_metadata_is_binary(pair->name) ? SES_BASE64_SIZE(pair->value.len) : pair->value.len;
}

/* How much memory it takes, all of it. */
static enum ses_status measure(const struct ses_upstream_request *request, size_t *ret_bytes)
{
    size_t bytes = request->path.len;

    if (!path_ok(request->path))
        return SES_INVALID_ARGUMENT;
    if (request->metadata_count > SES_UPSTREAM_METADATA_MAX || request->message.len > UINT32_MAX)
        return SES_TOO_LARGE;
    for (size_t i = 0; i < request->metadata_count; i++) {
        const struct ses_upstream_pair *pair = &request->metadata[i];

        if (!name_ok(pair->name) ||
            (!ses_grpc_metadata_is_binary(pair->name) && !ses_grpc_ascii_check(pair->value)))
            return SES_INVALID_ARGUMENT;
        if (pair->name.len + pair->value.len > SES_UPSTREAM_HEADERS_MAX)
            return SES_TOO_LARGE;
        bytes += pair->name.len + value_bytes(pair);
    }
    *ret_bytes = bytes + SES_GRPC_PREFIX_BYTES + request->message.len;
    return SES_OK;
}

/* ---- the copy ----------------------------------------------------------------------------------------- */

/* Room was made for all. */
static struct ses_slice copy(struct ses_up_stream *stream, struct ses_slice bytes)
{
    size_t at = stream->texts.len;

    SES_REQUIRE(ses_buf_append(&stream->texts, bytes) == SES_OK);
    return ses_slice_cut(ses_buf_view(&stream->texts), at, at + bytes.len);
}

static struct ses_slice copy_encoded(struct ses_up_stream *stream, struct ses_slice bytes)
{
    uint8_t *place = stream->texts.data + stream->texts.len;
    size_t len = ses_base64_encode(bytes, (char *)place);

    while (len > 0 && place[len - 1] == '=')
        len--;
    stream->texts.len += len;
    return ses_slice(place, len);
}

static void add_pair(struct ses_up_stream *stream, const struct ses_upstream_pair *pair)
{
    struct ses_slice name = copy(stream, pair->name);
    struct ses_slice value = ses_grpc_metadata_is_binary(pair->name) ? copy_encoded(stream, pair->value)
                                                                     : copy(stream, pair->value);

    add(stream, name, value, NGHTTP2_NV_FLAG_NO_INDEX);
}

/* "grpc-timeout" has eight digits: milliseconds are enough for a day. */
static void add_timeout(struct ses_up_stream *stream, uint32_t timeout_ms)
{
    if (timeout_ms == 0)
        return;
    (void)snprintf(stream->timeout, sizeof(stream->timeout), "%um",
                   (unsigned)(timeout_ms > 99999999 ? 99999999 : timeout_ms));
    add(stream, SES_STR("grpc-timeout"), ses_slice_str(stream->timeout), NGHTTP2_NV_FLAG_NO_INDEX);
}

static void fill(struct ses_up_stream *stream, const struct ses_upstream_request *request,
                 const char *authority, bool tls)
{
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    add_static(stream, SES_STR(":method"), "POST");
    add_static(stream, SES_STR(":scheme"), tls ? "https" : "http");
    add(stream, SES_STR(":path"), copy(stream, request->path), NGHTTP2_NV_FLAG_NONE);
    add_static(stream, SES_STR(":authority"), authority);
    add_static(stream, SES_STR("te"), "trailers");
    add_static(stream, SES_STR("content-type"), "application/grpc");
    add_static(stream, SES_STR("user-agent"), "grpc-sessiond");
    add_static(stream, SES_STR("grpc-accept-encoding"), "identity");
    add_timeout(stream, request->timeout_ms);
    for (size_t i = 0; i < request->metadata_count; i++)
        add_pair(stream, &request->metadata[i]);
    ses_grpc_prefix(false, request->message.len, prefix);
    stream->body = copy(stream, ses_slice(prefix, sizeof(prefix)));
    stream->body.len += copy(stream, request->message).len;
}

enum ses_status ses_up_stream_init(struct ses_up_stream *stream, const struct ses_upstream_request *request,
                                   const char *authority, bool tls, size_t answer_bytes_max)
{
    size_t bytes = 0;

    memset(stream, 0, offsetof(struct ses_up_stream, why));
    stream->why[0] = '\0';
    stream->effect = request->effect;
    ses_list_init(&stream->node);
    SES_TRY(measure(request, &bytes));
    ses_buf_init_wiped(&stream->texts, bytes);
    SES_TRY(ses_buf_reserve(&stream->texts, bytes));
    fill(stream, request, authority, tls);
    if (stream->list_bytes > SES_UPSTREAM_HEADERS_MAX) {
        ses_buf_done(&stream->texts);
        return SES_TOO_LARGE;
    }
    ses_up_answer_init(&stream->answer, answer_bytes_max);
    return SES_OK;
}

void ses_up_stream_again(struct ses_up_stream *stream)
{
    size_t answer_bytes_max = stream->answer.message.max;

    ses_up_answer_done(&stream->answer);
    ses_up_answer_init(&stream->answer, answer_bytes_max);
    stream->id = 0;
    stream->sent = 0;
    stream->left = false;
    stream->reset = false;
    stream->lost = false;
    stream->has_verdict = false;
}

void ses_up_stream_done(struct ses_up_stream *stream)
{
    ses_up_answer_done(&stream->answer);
    ses_buf_done(&stream->texts);
}

void ses_up_stream_verdict(struct ses_up_stream *stream, enum ses_upstream_outcome outcome,
                           uint32_t grpc_status, const char *why, ...)
{
    va_list args;

    if (stream->has_verdict)
        return;
    stream->has_verdict = true;
    stream->outcome = outcome;
    stream->grpc_status = grpc_status;
    va_start(args, why);
    (void)vsnprintf(stream->why, sizeof(stream->why), why, args);
    va_end(args);
}
