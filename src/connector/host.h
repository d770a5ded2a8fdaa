/* host.h - the origins (scheme, host, port) this worker has called, each with its breaker. */
#ifndef SESSIOND_SRC_CONNECTOR_HOST_H
#define SESSIOND_SRC_CONNECTOR_HOST_H

#include <sessiond/base/metrics.h>
#include <sessiond/connector/connector.h>

#include <sessiond/base/breaker.h>
#include "url.h"

/* The operator's allow-list and three default hosts decide who can be here; above this the least recently
 * used idle one is forgotten. */
#define SES_HOSTS_MAX        256
#define SES_HOST_ORIGIN_SIZE (SES_URL_HOST_SIZE + 16)

struct ses_host {
    const struct ses_connector *connector;
    uint32_t hash;
    unsigned in_flight;
    uint64_t used_ms;
    bool https;
    struct ses_breaker breaker;
    struct ses_breaker_cell *cell; /* where its state is told; NULL: nowhere */
    size_t origin_bytes;
    char origin[SES_HOST_ORIGIN_SIZE];
};

enum ses_hosts_reach {
    SES_HOSTS_HTTPS,     /* https:// */
    SES_HOSTS_SIMULATED, /* that, and http:// of loopback hosts */
    SES_HOSTS_LOOPBACK,  /* loopback hosts alone, by either */
};

struct ses_hosts {
    size_t count;
    struct ses_host *table[SES_HOSTS_MAX];
};

/* NULL when this connector has not been called there, or not lately. */
struct ses_host *ses_hosts_find(const struct ses_hosts *hosts, const struct ses_connector *connector,
                                struct ses_slice url);
/* The entry of a URL's origin, made when it is new. SES_INVALID_ARGUMENT: not a URL, or one that
 * may not be called: plain http to anything but a loopback host, or to that where reach does not allow it.
 * SES_RESOURCE_EXHAUSTED: all hosts are busy. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_hosts_get(struct ses_hosts *hosts, const struct ses_connector *connector,
                                             struct ses_slice url, enum ses_hosts_reach reach,
                                             uint64_t now_ms, struct ses_host **ret_host);
void ses_hosts_done(struct ses_hosts *hosts);

#endif
