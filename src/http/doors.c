/* The doors of a worker: their limits, and the handing over of a connection to whoever finds out what
 * it speaks. */
#include <sessiond/http/door.h>

#include <stdlib.h>

#include <sessiond/base/units.h>

#include "engine.h"
#include "proxy.h"
#include "sniff.h"

/* Each has a reason to be there, and 0 would be none. */
static bool limits_are_set(const struct ses_door_limits *l)
{
    return l->body_bytes_max != 0 && l->header_bytes_max != 0 && l->headers_max != 0 && l->streams_max != 0 &&
           l->held_bytes_max != 0 && l->requests_max != 0 && l->errors_max != 0 && l->empty_frames_max != 0 &&
           l->control_frames_max != 0 && l->http2_idle_ms != 0 && l->header_ms != 0 &&
           l->write_stall_ms != 0 && l->body_ms != 0 && l->exchange_ms_max != 0 && l->streaming_ms != 0 &&
           l->gzip_bytes_min != 0;
}

enum ses_status ses_doors_new(const struct ses_door_options *options, struct ses_doors **ret_doors)
{
    struct ses_doors *doors = calloc(1, sizeof(*doors));

    if (doors == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(options->router != NULL && options->pool != NULL && options->timers != NULL);
    SES_REQUIRE(limits_are_set(&options->limits));
    doors->options = *options;
    *ret_doors = doors;
    return SES_OK;
}

void ses_doors_free(struct ses_doors *doors)
{
    if (doors == NULL)
        return;
    ses_h2_shared_free(doors->h2);
    free(doors);
}

void ses_doors_rest(struct ses_doors *doors)
{
    if (doors->h2 != NULL)
        ses_h2_shared_rest(doors->h2);
}

void ses_doors_accept(void *doors, struct ses_conn *conn)
{
    struct ses_doors *of = doors;

    if (ses_proxy_is_trusted(&of->options.proxies, ses_conn_peer(conn)) &&
        of->options.proxies.protocol != SES_PROXY_PROTOCOL_OFF)
        ses_proxy_attach(of, conn);
    else
        ses_sniff_attach(of, conn, SES_SLICE_EMPTY);
}
