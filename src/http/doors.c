/* The doors of a worker: their limits, and the handing over of a connection to whoever finds out what
 * it speaks. The defaults are for those who build doors without a configuration (tests, tools). */
#include <sessiond/http/door.h>

#include <stdlib.h>

#include <sessiond/base/units.h>

#include "engine.h"
#include "sniff.h"

static void fill_defaults(struct ses_door_limits *limits)
{
    /* clang-format off */
    static const struct ses_door_limits defaults = {
        .body_bytes_max = 256 * SES_KIB,
        .header_bytes_max = 32 * SES_KIB,
        .headers_max = 100,
        .streams_max = 4096,
        .held_bytes_max = 8 * SES_MIB,
        .write_stall_ms = 30000,
        .requests_max = 100000,
        .errors_max = 100,
        .empty_frames_max = 1000,
        .control_frames_max = 10000,
        .header_ms = 10000,
        .body_ms = 30000,
        .exchange_ms_max = 30000,
        .streaming_ms = 3600000,
        .gzip_bytes_min = 1024,
    };
#define FILL(name) limits->name = limits->name != 0 ? limits->name : defaults.name
    FILL(body_bytes_max); FILL(header_bytes_max); FILL(headers_max); FILL(streams_max);
    FILL(requests_max); FILL(errors_max); FILL(empty_frames_max); FILL(header_ms);
    FILL(held_bytes_max); FILL(write_stall_ms); FILL(streaming_ms); FILL(control_frames_max);
    FILL(body_ms); FILL(exchange_ms_max); FILL(gzip_bytes_min);
#undef FILL
    /* clang-format on */
}

enum ses_status ses_doors_new(const struct ses_door_options *options, struct ses_doors **ret_doors)
{
    struct ses_doors *doors = calloc(1, sizeof(*doors));

    if (doors == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(options->router != NULL && options->pool != NULL && options->timers != NULL);
    doors->options = *options;
    fill_defaults(&doors->options.limits);
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

void ses_doors_accept(void *doors, struct ses_conn *conn)
{
    ses_sniff_attach(doors, conn);
}
