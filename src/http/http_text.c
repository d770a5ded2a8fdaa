/* Fixed texts of HTTP: reasons, the body of a refusal, the date. */
#include "engine.h"

#include <stdio.h>
#include <time.h>

#include <sessiond/base/clock.h>

/* The statuses this server sends (RFC 9110 section 15, RFC 6585). */
static const struct {
    int http_status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *ses_http_reason(int http_status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].http_status == http_status)
            return reasons[i].reason;
    }
    return "";
}

enum ses_status ses_http_refusal_status(int http_status)
{
    switch (http_status) {
    case 408:
        return SES_DEADLINE_EXCEEDED;
    case 413:
        return SES_TOO_LARGE;
    case 414:
    case 431:
    case 503: /* of requests, bytes or memory; who is closed says so by an exchange */
        return SES_RESOURCE_EXHAUSTED;
    case 501:
    case 505:
        return SES_UNIMPLEMENTED;
    default:
        return SES_INVALID_ARGUMENT;
    }
}

size_t ses_http_refusal_body(bool is_rpc, int http_status, struct ses_slice message, char *ret_text,
                             size_t room)
{
    const char *code = ses_status_connect_name(ses_http_refusal_status(http_status));
    int len = is_rpc
                  ? snprintf(ret_text, room, "{\"code\":\"%s\",\"message\":\"%.*s\"}", code, SES_FMT(message))
                  : snprintf(ret_text, room, "{\"error\":{\"message\":\"%.*s\",\"code\":\"%d\"}}",
                             SES_FMT(message), http_status);

    SES_REQUIRE(len > 0 && (size_t)len < room); /* messages are literals of ours */
    return (size_t)len;
}

struct ses_slice ses_doors_date(struct ses_doors *doors)
{
    uint64_t now_s = ses_clock_wall_ms() / 1000;

    if (now_s != doors->date_wall_s) {
        time_t seconds = (time_t)now_s;
        struct tm tm;

        /* The process runs in the C locale: sessiond never calls setlocale. */
        if (gmtime_r(&seconds, &tm) == NULL ||
            strftime(doors->date, sizeof(doors->date), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
            return SES_SLICE_EMPTY;
        doors->date_wall_s = now_s;
    }
    return ses_slice(doors->date, SES_HTTP_DATE_SIZE - 1);
}
