/* One walk over the headers, with a bit for each name that a door reads. The table is the whole rule. */
#include "header_once.h"

static const struct {
    struct ses_slice name;
    const char *fault;
} once[] = {
    {SES_STR_INIT("origin"), "more than one origin header"},
    {SES_STR_INIT("content-type"), "more than one content-type header"},
    {SES_STR_INIT("x-request-id"), "more than one x-request-id header"},
    {SES_STR_INIT("content-encoding"), "more than one content-encoding header"},
    {SES_STR_INIT("connect-timeout-ms"), "more than one connect-timeout-ms header"},
    {SES_STR_INIT("connect-protocol-version"), "more than one connect-protocol-version header"},
    {SES_STR_INIT("connect-content-encoding"), "more than one connect-content-encoding header"},
    {SES_STR_INIT("grpc-timeout"), "more than one grpc-timeout header"},
    {SES_STR_INIT("grpc-encoding"), "more than one grpc-encoding header"},
};

#define ONCE (sizeof(once) / sizeof(once[0]))

static const char *check(struct ses_slice name, unsigned *seen)
{
    for (unsigned i = 0; i < ONCE; i++) {
        if (!ses_slice_eq(name, once[i].name))
            continue;
        if ((*seen & 1u << i) != 0)
            return once[i].fault;
        *seen |= 1u << i;
        break;
    }
    return NULL;
}

/* HTTP/2 has its :authority here under the name of host, and a host header beside it. */
static const char *check_host(struct ses_slice value, struct ses_slice *host)
{
    if (host->data != NULL && !ses_slice_ieq(*host, value))
        return "host contradicts :authority";
    *host = value;
    return NULL;
}

/* The names a plain resource might be given twice by proxies are passed over there, host never is: what
 * it says decides whom the request is for. */
const char *ses_header_fault(const struct ses_exchange *x)
{
    struct ses_slice host = SES_SLICE_EMPTY;
    const char *fault = NULL;
    unsigned seen = 0;

    for (size_t i = 0; i < x->headers_count && fault == NULL; i++) {
        struct ses_slice name = x->headers[i].name;

        if (ses_slice_eq(name, SES_STR("host")))
            fault = check_host(x->headers[i].value, &host);
        else if (x->door != SES_DOOR_PLAIN)
            fault = check(name, &seen);
    }
    return fault;
}
