/* driver.h - outbound HTTP: one libcurl multi handle on the worker's loop.
 *
 * Connections are reused, TLS verified, redirects not followed, plain http to loopback addresses alone, and
 * only where that is allowed; response size bounded, a deadline always. A breaker per host opens after
 * repeated failures. Sent again only when nothing had been sent, or when the request is idempotent. No header
 * or body is ever logged.
 */
#ifndef SESSIOND_CONNECTOR_DRIVER_H
#define SESSIOND_CONNECTOR_DRIVER_H

#include <uv.h>

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/connector/connector.h>

struct ses_driver;
struct ses_host;

#define SES_DRIVER_WHY_SIZE 256

struct ses_driver_options {
    uv_loop_t *loop;
    bool sandbox;                /* loopback only, plain http allowed */
    bool plain_loopback;         /* plain http allowed to loopback hosts, which then are this machine's */
    bool private_peers;          /* addresses that are not the internet's may be called too */
    uint32_t connect_timeout_ms; /* not 0, nor is any number below */
    uint32_t total_timeout_ms;   /* the caller's deadline may be earlier */
    size_t response_bytes_max;
    unsigned calls_max;      /* in flight; above: SES_RESOURCE_EXHAUSTED */
    unsigned host_calls_max; /* of these, to one connector at one host; above: SES_BUSY */
    unsigned owner_percent;  /* of both, for one owner (base/share.h); above: SES_OVER_SHARE. 100: no bound */
    uint32_t connection_life_ms;  /* at most; then names are looked up again */
    struct ses_slice ca;          /* PEM: who alone may vouch for a peer; empty: whom the machine trusts */
    struct ses_slice certificate; /* PEM, with its key: who we are to a peer that asks; empty: nobody */
    struct ses_slice key;
    unsigned breaker_failures;   /* consecutive failures that open a host's breaker */
    uint32_t breaker_open_ms;    /* then one probe */
    struct ses_log *log;         /* breakers that open and close; may be NULL */
    struct ses_metrics *metrics; /* connector_ns; whoever parses counts connector_calls. May be NULL */
};

SES_MUST_CHECK enum ses_status ses_driver_new(const struct ses_driver_options *options,
                                              struct ses_driver **ret_driver);
/* Cancels what runs (done functions are not called), closes; handles finish on the loop. */
void ses_driver_free(struct ses_driver *driver);

/* Transport outcome. http_status 0: no answer, and outcome says why.
 *   UNREACHABLE    breaker open too: not a byte was sent, the connector cannot have acted
 *   TIMEOUT        it may have acted
 *   BAD_RESPONSE   too large, cut off: it may have acted
 * Else outcome is SUCCESS, whatever http_status is. body is valid during the call only. The driver must not
 * be freed inside. */
typedef void (*ses_outbound_fn)(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                                struct ses_slice body);

/* Inside a done function: libcurl's sentence on why there is no answer, for an operator, at most SES_DRIVER_WHY_SIZE; it
 * may hold what the peer has sent (a certificate's name), never what we have. Empty where it was not asked. */
const char *ses_driver_why(const struct ses_driver *driver);

/* Inside a done function: the answer's header "location", as it came; empty: it has none, or there is no answer. */
struct ses_slice ses_driver_location(const struct ses_driver *driver);

/* A call's place among those in flight, from before anything is written for it. As zeros: none. */
struct ses_outbound_place {
    struct ses_host *host;
    uint32_t owner; /* whose call it is, a small number for a merchant; 0: nobody's, and under no share */
};

/* Takes a place for a call to url. SES_OVER_SHARE (owner_percent), SES_RESOURCE_EXHAUSTED (calls_max), SES_BUSY
 * (host_calls_max), SES_INVALID_ARGUMENT (url), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_outbound_take(struct ses_driver *driver,
                                                 const struct ses_connector *connector, struct ses_slice url,
                                                 uint32_t owner, struct ses_outbound_place *ret_place);
/* The call is not made after all. Empties place; none is fine. */
void ses_outbound_give_back(struct ses_driver *driver, struct ses_outbound_place *place);
/* Starts a call in the place that was taken for its url; done is called later from the loop, never from inside.
 * There is no way back: a call that was made is awaited. Request slices are copied. deadline_mono_ns as
 * ses_clock_mono_ns. place is emptied, and given back on failure: SES_NO_MEMORY, SES_INVALID_ARGUMENT (a header). */
SES_MUST_CHECK enum ses_status ses_outbound_start(struct ses_driver *driver, struct ses_outbound_place *place,
                                                  const struct ses_outbound_request *request,
                                                  uint64_t deadline_mono_ns, ses_outbound_fn done, void *arg);

#endif
