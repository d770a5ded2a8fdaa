/* llhttp's callbacks: they only gather. Head and trailers are fed to llhttp behind the guard, the body
 * directly. Every callback may be called with a piece of what it reports, cut wherever the network cut
 * it. */
#include "h1.h"

#include "refusal_text.h"

/* RFC 7541 section 4.1's estimate of what a header costs its holder, used for HTTP/1.1 too so that both doors
 * have one limit. */
#define FIELD_OVERHEAD 32u

/* Remembers the first fault and makes llhttp stop. HPE_USER stops llhttp for good; our own fault stands
 * beside it and is what is told. */
static int fail(struct h1 *h1, int http_status, const char *message)
{
    if (h1->fault.http_status == 0)
        h1->fault = (struct ses_h1_fault){http_status, message};
    return HPE_USER;
}

/* All of the head lies in one buffer; spans are offsets because it moves when it grows. */
static int append(struct h1 *h1, const char *at, size_t len)
{
    enum ses_status status = ses_buf_append(&h1->text, ses_slice(at, len));

    if (status == SES_TOO_LARGE)
        return fail(h1, 431, SES_SAYS_HEADERS_TOO_LARGE);
    return status == SES_OK ? 0 : fail(h1, 503, SES_SAYS_OUT_OF_MEMORY);
}

/* Also counted as HTTP/2 would, with its 32 bytes: one limit for both doors. */
static int field_end(struct h1 *h1)
{
    if (!h1->field_open)
        return 0;
    h1->field_open = false;
    h1->counted_bytes += h1->field.name_len + h1->field.value_len + FIELD_OVERHEAD;
    if (h1->counted_bytes > h1->doors->options.limits.header_bytes_max)
        return fail(h1, 431, SES_SAYS_HEADERS_TOO_LARGE);
    if (ses_buf_append(&h1->spans, ses_slice(&h1->field, sizeof(h1->field))) != SES_OK)
        return fail(h1, 503, SES_SAYS_OUT_OF_MEMORY);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;

    h1->target_len += len;
    return append(h1, at, len);
}

/* A name that begins ends the field before it: llhttp has no callback for that which also comes for
 * empty values. */
static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;

    if (h1->field_named) {
        int error = field_end(h1);

        if (error != 0)
            return error;
    }
    if (!h1->field_open) {
        h1->field = (struct h1_span){.name_at = (uint32_t)h1->text.len};
        h1->field_open = true;
        h1->field_named = false;
    }
    h1->field.name_len += (uint32_t)len;
    return append(h1, at, len);
}

/* Ends the name also where the value is empty and on_header_value never comes. */
static int on_header_field_complete(llhttp_t *parser)
{
    struct h1 *h1 = parser->data;

    h1->field.value_at = (uint32_t)h1->text.len;
    h1->field_named = true;
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;

    h1->field.value_len += (uint32_t)len;
    return append(h1, at, len);
}

/* The head is judged before a byte of the body is taken: framing that could mean two things ends here. */
static int on_headers_complete(llhttp_t *parser)
{
    struct h1 *h1 = parser->data;
    int error = field_end(h1);

    if (error != 0)
        return error;
    h1->fault = ses_h1_check_head(h1);
    if (h1->fault.http_status != 0)
        return HPE_USER;
    h1->keep_alive = llhttp_should_keep_alive(parser) != 0;
    h1->trailers_from = ses_h1_fields_count(h1);
    parser->upgrade = 0; /* RFC 9110 section 7.8: an Upgrade (also h2c) may be ignored */
    h1->phase = H1_BODY;
    return 0;
}

/* The last chunk: what follows are header lines again, and the guard must see them first. */
static int on_chunk_header(llhttp_t *parser)
{
    struct h1 *h1 = parser->data;

    if (parser->content_length != 0)
        return 0;
    h1->phase = H1_TRAILER;
    ses_h1_guard_trailer(&h1->guard);
    return HPE_PAUSED;
}

/* The ceiling is the buffer's: a chunked body tells its length only at its end. */
static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;
    enum ses_status status = SES_OK;

    h1->body_bytes += len;
    if (!h1->passing_over)
        status = ses_buf_append(&h1->body, ses_slice(at, len));
    if (status == SES_TOO_LARGE)
        return fail(h1, 413, SES_SAYS_TOO_LARGE);
    return status == SES_OK ? 0 : fail(h1, 503, SES_SAYS_OUT_OF_MEMORY);
}

/* Paused behind the last byte: what follows is the next request, and none of its bytes may be taken
 * here. */
static int on_message_complete(llhttp_t *parser)
{
    struct h1 *h1 = parser->data;
    int error = field_end(h1);

    if (error != 0)
        return error;
    h1->fault = ses_h1_check_trailers(h1);
    if (h1->fault.http_status != 0)
        return HPE_USER;
    h1->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void ses_h1_parse_init(struct h1 *h1)
{
    llhttp_init(&h1->parser, HTTP_REQUEST, &settings);
    h1->parser.data = h1;
}

void ses_h1_parse_reset(struct h1 *h1)
{
    ses_buf_done(&h1->text);
    ses_buf_done(&h1->spans);
    ses_buf_done(&h1->body);
}

/* llhttp_reset keeps settings and data. The buffers' ceilings are set, their memory comes with the
 * bytes. */
void ses_h1_parse_begin(struct h1 *h1)
{
    const struct ses_door_limits *limits = &h1->doors->options.limits;

    llhttp_reset(&h1->parser);
    ses_h1_guard_init(&h1->guard, limits->headers_max, limits->header_bytes_max);
    ses_buf_init(&h1->text, limits->header_bytes_max + SES_H1_REQUEST_LINE_MAX);
    ses_buf_init(&h1->spans, limits->headers_max * sizeof(struct h1_span));
    ses_buf_init(&h1->body, limits->body_bytes_max);
    h1->phase = H1_HEAD;
    h1->target_len = 0;
    h1->field_open = false;
    h1->field_named = false;
    h1->trailers_from = 0;
    h1->counted_bytes = 0;
    h1->body_bytes = 0;
    h1->body_raw_bytes = 0;
    h1->judged = false;
    h1->passing_over = false;
    h1->complete = false;
    h1->keep_alive = false;
    h1->head_method = false;
    h1->chunked = false;
    h1->expects_continue = false;
}

/* llhttp's own refusals in our words. */
static struct ses_h1_fault fault_of(llhttp_errno_t error)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return (struct ses_h1_fault){501, "unknown HTTP method"};
    case HPE_INVALID_VERSION:
        return (struct ses_h1_fault){505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    case HPE_INVALID_URL:
        return (struct ses_h1_fault){400, "the request target is malformed"};
    case HPE_INVALID_CONTENT_LENGTH:
        return (struct ses_h1_fault){400, "content-length is malformed"};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return (struct ses_h1_fault){400, "content-length is repeated or stands beside transfer-encoding"};
    case HPE_INVALID_TRANSFER_ENCODING:
        return (struct ses_h1_fault){400, "transfer-encoding must be chunked and nothing else"};
    case HPE_INVALID_CHUNK_SIZE:
    case HPE_STRICT:
        return (struct ses_h1_fault){400, "the chunked framing is malformed"};
    default:
        return (struct ses_h1_fault){400, "the request is malformed"};
    }
}

/* Runs llhttp over bytes of which it may take all; returns what it took. At a pause the position tells
 * how much was taken; at an error it does not matter, the connection ends. */
static size_t execute(struct h1 *h1, struct ses_slice bytes)
{
    const char *data = (const char *)bytes.data;
    llhttp_errno_t error = llhttp_execute(&h1->parser, data, bytes.len);
    size_t used = bytes.len;

    if (error == HPE_PAUSED) {
        used = (size_t)(llhttp_get_error_pos(&h1->parser) - data);
        llhttp_resume(&h1->parser);
    } else if (error != HPE_OK && h1->fault.http_status == 0) {
        h1->fault = fault_of(error);
    }
    return used;
}

/* Whose words a refusal has hangs on the target, which may have come in the same piece as the fault. All but the
 * faulty byte has passed the guard; of several faults the guard's stands. */
static void show_target(struct h1 *h1, struct ses_slice bytes)
{
    if (h1->phase == H1_HEAD && bytes.len > 0) /* llhttp reckons with the address even of nothing */
        (void)execute(h1, bytes);
}

/* Guard first, llhttp behind it with exactly the bytes that the guard let through. */
static size_t parse_lines(struct h1 *h1, struct ses_slice bytes)
{
    size_t used;
    bool done;
    bool parser_done;
    bool trailer = h1->phase == H1_TRAILER;
    struct ses_h1_fault fault = ses_h1_guard_step(&h1->guard, bytes, &used, &done);

    if (fault.http_status != 0) {
        h1->fault = fault;
        show_target(h1, ses_slice_cut(bytes, 0, used - 1));
        return used;
    }
    (void)execute(h1, ses_slice_cut(bytes, 0, used));
    /* Both agree where a head ends, or there is a way to smuggle. */
    parser_done = trailer ? h1->complete : h1->phase != H1_HEAD;
    if (h1->fault.http_status == 0 && done != parser_done)
        h1->fault = (struct ses_h1_fault){400, "the request is malformed"};
    return used;
}

static size_t parse_body(struct h1 *h1, struct ses_slice bytes)
{
    size_t used;

    /* Exactly the body: llhttp would go on with the next request. */
    if (!h1->chunked)
        bytes = ses_slice_cut(bytes, 0,
                              h1->parser.content_length < bytes.len ? h1->parser.content_length : bytes.len);
    used = execute(h1, bytes);
    h1->body_raw_bytes += used;
    if (h1->fault.http_status == 0 && !h1->passing_over &&
        h1->body_raw_bytes > H1_FRAMING_BYTES + (1 + H1_FRAMING_PER_BYTE) * h1->body_bytes)
        h1->fault = (struct ses_h1_fault){400, "too much chunk framing for the body"};
    return used;
}

size_t ses_h1_parse(struct h1 *h1, struct ses_slice bytes)
{
    if (h1->phase == H1_BODY)
        return parse_body(h1, bytes);
    return parse_lines(h1, bytes);
}
