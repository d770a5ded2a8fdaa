/* The status table unfolded into rows, one lookup for each column. */
#include <sessiond/base/status.h>

#include <stdio.h>
#include <stdlib.h>

struct status_row {
    const char *name;
    uint32_t grpc;
    int http_connect;
    int http_route;
    const char *connect_name;
};

static const struct status_row rows[SES_STATUS_COUNT] = {
#define STATUS_ROW(status, code, connect, route, text) [SES_##status] = {#status, code, connect, route, text},
    SES_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

static const struct status_row *row_of(enum ses_status status)
{
    SES_REQUIRE((unsigned)status < SES_STATUS_COUNT);
    return &rows[status];
}

uint32_t ses_status_grpc(enum ses_status status)
{
    return row_of(status)->grpc;
}

int ses_status_http_connect(enum ses_status status)
{
    return row_of(status)->http_connect;
}

int ses_status_http_route(enum ses_status status)
{
    return row_of(status)->http_route;
}

const char *ses_status_connect_name(enum ses_status status)
{
    return row_of(status)->connect_name;
}

const char *ses_status_name(enum ses_status status)
{
    return row_of(status)->name;
}

const char *ses_status_grpc_name(uint32_t grpc_code)
{
    /* The first seventeen rows are the gRPC codes themselves, in order. */
    if (grpc_code > SES_UNAUTHENTICATED)
        return "UNKNOWN";
    return rows[grpc_code].name;
}

_Static_assert(SES_UNAUTHENTICATED == 16, "the status table must begin with the gRPC codes in their order");

/* Not through the log: what is broken may be the log. */
void ses_require_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "sessiond: broken invariant: %s (%s:%d)\n", expr, file, line);
    abort();
}
