/* The answering half of an HTTP exchange: headers, compression, and which words a refusal has at which
 * door. */
#include "http_call.h"

#include <sessiond/base/encode.h>
#include <sessiond/exchange/return_refusal.h>

#include "cors.h"
#include "gzip.h"

#define REFUSAL_MAX 512

void ses_http_answer_add(struct ses_http_answer *answer, struct ses_slice name, struct ses_slice value)
{
    SES_REQUIRE(answer->count < SES_HTTP_FIELDS_MAX);
    if (name.len > 0 && value.len > 0)
        answer->headers[answer->count++] = (struct ses_header){name, value};
}

/* A line break in a value would let its author write headers of his own. */
static bool is_clean(struct ses_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f)
            return false;
    }
    return true;
}

static bool is_binary_name(struct ses_slice name)
{
    return name.len > 4 && memcmp(name.data + name.len - 4, "-bin", 4) == 0;
}

/* Binary metadata travels as unpadded base64 (Connect protocol, "Headers"). */
static void add_reply_header(struct ses_exchange *x, struct ses_http_answer *answer, struct ses_header header)
{
    if (is_binary_name(header.name)) {
        char *text = ses_arena_alloc(&x->arena, SES_BASE64_SIZE(header.value.len));
        size_t len;

        if (text == NULL)
            return;
        len = ses_base64_encode(header.value, text);
        while (len > 0 && text[len - 1] == '=')
            len--;
        header.value = ses_slice(text, len);
    }
    if (is_clean(header.name) && is_clean(header.value))
        ses_http_answer_add(answer, header.name, header.value);
}

void ses_http_answer_metadata(struct ses_exchange *x, struct ses_http_answer *answer)
{
    for (size_t i = 0; i < x->reply_headers_count; i++)
        add_reply_header(x, answer, x->reply_headers[i]);
}

void ses_http_answer_trailers(struct ses_exchange *x, struct ses_http_answer *answer)
{
    for (size_t i = 0; i < x->reply_trailers_count; i++)
        add_reply_header(x, answer, x->reply_trailers[i]);
}

static void add_cors(const struct ses_exchange *x, struct ses_http_answer *answer)
{
    struct ses_header headers[SES_CORS_HEADERS_MAX];
    size_t count = ses_cors_headers(&ses_http_call_of(x)->doors->options.cors, x, headers);

    for (size_t i = 0; i < count; i++)
        ses_http_answer_add(answer, headers[i].name, headers[i].value);
}

void ses_http_answer_begin(struct ses_exchange *x, struct ses_http_answer *ret_answer,
                           struct ses_slice content_type)
{
    const struct http_call *call = ses_http_call_of(x);

    ret_answer->count = 0;
    ses_http_answer_add(ret_answer, SES_STR("content-type"), content_type);
    ses_http_answer_add(ret_answer, SES_STR("date"), ses_doors_date(call->doors));
    ses_http_answer_add(ret_answer, SES_STR("server"), ses_slice_str(call->doors->options.server_name));
    ses_http_answer_add(ret_answer, SES_STR("x-request-id"), ses_slice_str(x->request_id));
    ses_http_answer_add(ret_answer, call->extra_name, call->extra_value);
    add_cors(x, ret_answer);
}

/* Connect protocol, "Unary-Response": the trailers of a unary call stand among its headers. */
static void add_reply_trailer(struct ses_exchange *x, struct ses_http_answer *answer,
                              struct ses_header trailer)
{
    const char *name = ses_arena_printf(&x->arena, "trailer-%.*s", SES_FMT(trailer.name));

    if (name != NULL)
        add_reply_header(x, answer, (struct ses_header){ses_slice_str(name), trailer.value});
}

/* Compresses where it pays: large enough, asked for, and smaller afterwards. vary is told whenever the
 * answer could have been compressed, also to those who got it plain: a cache between us must not hand
 * one form to everybody. */
static struct ses_slice encode_body(struct ses_exchange *x, struct ses_http_answer *answer,
                                    struct ses_slice body)
{
    const struct http_call *call = ses_http_call_of(x);
    struct ses_slice packed = x->reply_gzip;

    if (body.len < call->doors->options.limits.gzip_bytes_min)
        return body;
    ses_http_answer_add(answer, SES_STR("vary"), SES_STR("accept-encoding"));
    if (!call->accepts_gzip)
        return body;
    if (packed.len == 0 && (ses_gzip_deflate(body, &x->arena, &packed) != SES_OK || packed.len >= body.len))
        return body;
    ses_http_answer_add(answer, SES_STR("content-encoding"), SES_STR("gzip"));
    return packed;
}

/* A call by GET can be repeated from a cache, and what a session is told of is for who asked: nobody keeps it. Errors too,
 * some of which are kept unless they say so (RFC 9110 section 15.1). */
static void add_no_store(const struct ses_exchange *x, struct ses_http_answer *answer)
{
    if (x->door == SES_DOOR_CONNECT && !ses_slice_eq_str(x->http_method, "POST"))
        ses_http_answer_add(answer, SES_STR("cache-control"), SES_STR("no-store"));
}

/* The deadline's timer is stopped before the answer is written: it must not answer a second time. */
static void respond(struct ses_exchange *x, int http_status, struct ses_slice content_type,
                    struct ses_slice body)
{
    const struct http_call *call = ses_http_call_of(x);
    struct ses_http_answer answer;

    ses_timer_stop(&x->deadline_timer);
    ses_http_answer_begin(x, &answer, content_type);
    add_no_store(x, &answer);
    body = encode_body(x, &answer, body);
    ses_http_answer_metadata(x, &answer);
    for (size_t i = 0; i < x->reply_trailers_count && x->door == SES_DOOR_CONNECT; i++)
        add_reply_trailer(x, &answer, x->reply_trailers[i]);
    call->ops->respond(x->stream, http_status, answer.headers, answer.count, body);
}

/* The routes' body names the HTTP status; for a refusal of the door's own no gRPC code has it (405,
 * 415). Literals of ours only: the text is put into JSON as it is. */
static struct ses_slice refusal_body(struct ses_exchange *x, int http_status, const struct ses_error *error)
{
    char text[REFUSAL_MAX];
    size_t len = ses_http_refusal_body(false, http_status, error->message, text, sizeof(text));
    struct ses_slice body;

    return ses_arena_copy(&x->arena, ses_slice(text, len), &body) == SES_OK ? body : SES_SLICE_EMPTY;
}

static void answer_page(struct ses_exchange *x, int http_status)
{
    const struct ses_header *headers = ses_return_page_headers();

    x->reply_headers_count = 0;
    for (size_t i = 0; i < SES_RETURN_PAGE_HEADERS_MAX; i++)
        ses_exchange_reply_header(x, headers[i].name, headers[i].value);
    respond(x, http_status, SES_STR(SES_RETURN_PAGE_TYPE), ses_return_refusal_body(http_status));
}

/* RFC 9110 section 10.2.3, in whole seconds: never sooner than RetryInfo says. */
static void set_retry_after(struct ses_exchange *x, const struct ses_error *error)
{
    struct http_call *call = ses_http_call_of(x);
    const char *text = NULL;

    if (error->retry_delay_ms > 0)
        text = ses_arena_printf(&x->arena, "%u", (error->retry_delay_ms - 1) / 1000 + 1);
    if (text == NULL)
        return;
    call->extra_name = SES_STR("retry-after");
    call->extra_value = ses_slice_str(text);
}

/* What Connect has no code for is unknown to it (its table from HTTP statuses to codes): a wrong method of HTTP, a wrong
 * type. It is told so, whatever it is counted as. */
static enum ses_status encode_connect(const struct ses_error *error, int http_status, struct ses_arena *arena,
                                      struct ses_slice *ret_body)
{
    struct ses_error unknown;

    if (http_status != 405 && http_status != 415)
        return ses_error_encode_json(error, SES_DOOR_CONNECT, arena, ret_body);
    unknown = *error;
    unknown.status = SES_UNKNOWN;
    return ses_error_encode_json(&unknown, SES_DOOR_CONNECT, arena, ret_body);
}

static enum ses_status encode_error(struct ses_exchange *x, const struct ses_error *error, int http_status,
                                    struct ses_slice *ret_body)
{
    if (x->door == SES_DOOR_CONNECT)
        return encode_connect(error, http_status, &x->arena, ret_body);
    return ses_error_encode_json(error, x->door, &x->arena, ret_body);
}

/* Who names a type of no protocol and does not say that it speaks Connect may be a client of gRPC or gRPC-Web, which
 * reads no body here and must not be told that it missed an error of Connect's: clients of Connect take the type with a
 * charset too, others compare it whole. */
static struct ses_slice error_type(const struct ses_exchange *x, int http_status)
{
    bool connect = ses_exchange_header(x, "connect-protocol-version", NULL).len > 0;

    return x->door == SES_DOOR_CONNECT && http_status == 415 && !connect
               ? SES_STR("application/json; charset=utf-8")
               : SES_STR("application/json");
}

/* At the return URL every error is a page, whatever door it came through: the reader is a shopper. */
void ses_http_answer_error(struct ses_exchange *x, const struct ses_error *error)
{
    const struct http_call *call = ses_http_call_of(x);
    int http_status = call->refusal_status;
    struct ses_slice body;

    set_retry_after(x, error);
    if (ses_return_path_check(x->path)) {
        answer_page(x, http_status != 0 ? http_status : ses_status_http_route(error->status));
        return;
    }
    if (http_status == 0 && x->door == SES_DOOR_CONNECT)
        http_status = ses_status_http_connect(error->status);
    else if (http_status == 0)
        http_status = ses_status_http_route(error->status);
    if (call->refusal_status != 0 && x->door != SES_DOOR_CONNECT)
        body = refusal_body(x, http_status, error);
    else if (encode_error(x, error, http_status, &body) != SES_OK)
        body = x->door == SES_DOOR_CONNECT
                   ? SES_STR("{\"code\":\"resource_exhausted\",\"message\":\"out of memory\"}")
                   : SES_STR("{\"error\":{\"message\":\"out of memory\",\"code\":\"429\"}}");
    respond(x, http_status, error_type(x, http_status), body);
}

/* ---- what the exchange calls */

static void on_send(struct ses_exchange *x, struct ses_slice message)
{
    ses_http_call_of(x)->message = message; /* end follows at once (ses_exchange_reply) */
}

static void on_end(struct ses_exchange *x, const struct ses_error *error)
{
    if (error != NULL)
        ses_http_answer_error(x, error);
    else
        respond(x, 200,
                x->encoding == SES_ENCODING_PROTO ? SES_STR("application/proto")
                                                  : SES_STR("application/json"),
                ses_http_call_of(x)->message);
}

static void on_raw(struct ses_exchange *x, int http_status, const char *content_type, struct ses_slice body)
{
    respond(x, http_status, ses_slice_str(content_type), body);
}

static size_t on_backlog(const struct ses_exchange *x)
{
    (void)x;
    return 0; /* one whole answer: nothing streams here */
}

const struct ses_exchange_ops ses_http_answer_ops = {
    .send = on_send,
    .end = on_end,
    .raw = on_raw,
    .backlog = on_backlog,
};
