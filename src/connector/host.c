/* A small table that is searched from its begin: a worker calls a handful of hosts. Counts and breaker are
 * for each connector at each origin, so that one connector cannot close a host that it shares with another.
 */
#include "host.h"

#include <stdlib.h>

#include <sessiond/base/authority.h>

/* A text that is known here was checked when it came first, so that a repeated host costs a scan instead of a
 * parse. Empty: none, and so not known. */
static struct ses_slice origin_of(struct ses_slice url)
{
    struct ses_origin origin;

    return ses_origin_parse(url, &origin) == SES_OK ? origin.text : SES_SLICE_EMPTY;
}

/* FNV-1a: compared before the bytes are. */
static uint32_t hash_of(struct ses_slice text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ text.data[i]) * 16777619u;
    return hash;
}

struct ses_host *ses_hosts_find(const struct ses_hosts *hosts, const struct ses_connector *connector,
                                struct ses_slice url)
{
    struct ses_slice origin = origin_of(url);
    uint32_t hash = hash_of(origin);

    for (size_t i = 0; i < hosts->count; i++) {
        struct ses_host *host = hosts->table[i];

        if (host->hash == hash && host->connector == connector &&
            ses_slice_eq(ses_slice(host->origin, host->origin_bytes), origin))
            return host;
    }
    return NULL;
}

/* A free place in the table; the host that stood there is forgotten. */
static enum ses_status make_room(struct ses_hosts *hosts, size_t *ret_place)
{
    size_t oldest = SES_HOSTS_MAX;

    if (hosts->count < SES_HOSTS_MAX) {
        *ret_place = hosts->count;
        return SES_OK;
    }
    for (size_t i = 0; i < SES_HOSTS_MAX; i++) {
        if (hosts->table[i]->in_flight == 0 &&
            (oldest == SES_HOSTS_MAX || hosts->table[i]->used_ms < hosts->table[oldest]->used_ms))
            oldest = i;
    }
    if (oldest == SES_HOSTS_MAX)
        return SES_RESOURCE_EXHAUSTED;
    *ret_place = oldest;
    return SES_OK;
}

/* Its breaker is forgotten with it, and so is what was told of it. */
static void forget(struct ses_host *host)
{
    if (host->cell != NULL)
        atomic_store_explicit(&host->cell->state, 1u + SES_BREAKER_CLOSED, memory_order_relaxed);
    free(host);
}

static bool is_within(enum ses_hosts_reach reach, const struct ses_url *url)
{
    if (url->https && reach != SES_HOSTS_LOOPBACK)
        return true;
    return reach != SES_HOSTS_HTTPS && ses_url_loopback(url);
}

static enum ses_status add(struct ses_hosts *hosts, const struct ses_connector *connector,
                           struct ses_slice url, enum ses_hosts_reach reach, struct ses_host **ret_host)
{
    struct ses_slice origin = origin_of(url);
    struct ses_url parsed;
    struct ses_host *host;
    size_t place;
    enum ses_status status = ses_url_parse(url, &parsed);

    if (status == SES_NO_MEMORY)
        return status;
    if (status != SES_OK || origin.len == 0 || parsed.origin_bytes != origin.len ||
        origin.len >= SES_HOST_ORIGIN_SIZE || !is_within(reach, &parsed))
        return SES_INVALID_ARGUMENT;
    SES_TRY(make_room(hosts, &place));
    host = calloc(1, sizeof(*host));
    if (host == NULL)
        return SES_NO_MEMORY;
    host->connector = connector;
    host->hash = hash_of(origin);
    host->https = parsed.https;
    host->origin_bytes = origin.len;
    memcpy(host->origin, origin.data, origin.len);
    if (place == hosts->count)
        hosts->count++;
    else
        forget(hosts->table[place]);
    hosts->table[place] = host;
    *ret_host = host;
    return SES_OK;
}

enum ses_status ses_hosts_get(struct ses_hosts *hosts, const struct ses_connector *connector,
                              struct ses_slice url, enum ses_hosts_reach reach, uint64_t now_ms,
                              struct ses_host **ret_host)
{
    struct ses_host *host = ses_hosts_find(hosts, connector, url);

    if (url.len > SES_URL_BYTES_MAX)
        return SES_INVALID_ARGUMENT;
    if (host == NULL)
        SES_TRY(add(hosts, connector, url, reach, &host));
    host->used_ms = now_ms;
    *ret_host = host;
    return SES_OK;
}

void ses_hosts_done(struct ses_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->table[i]);
    hosts->count = 0;
}
