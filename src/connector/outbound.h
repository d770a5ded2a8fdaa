/* outbound.h - one call in flight, and the driver as its two source files share it. */
#ifndef SESSIOND_SRC_CONNECTOR_OUTBOUND_H
#define SESSIOND_SRC_CONNECTOR_OUTBOUND_H

#include <curl/curl.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/list.h>
#include <sessiond/base/units.h>
#include <sessiond/connector/driver.h>

#include "host.h"
#include <sessiond/base/places.h>
#include "pool.h"

/* Idle calls (an easy handle and its buffers each) kept for reuse. */
#define SES_DRIVER_SPARES_MAX 64
/* URL and body of one request; the largest body is Paytm's, with customer and addresses of 12 KiB escaped. */
#define SES_OUTBOUND_REQUEST_BYTES_MAX (128 * SES_KIB)
#define SES_OUTBOUND_HEADER_LINE_MAX   (20 * SES_KIB)
/* A longer URL is parsed for each call. */
#define SES_OUTBOUND_URL_KEPT 256
/* All header lines of an answer together. libcurl keeps them in memory, so an endless list must end. */
#define SES_OUTBOUND_ANSWER_HEADER_BYTES_MAX (64 * SES_KIB)

struct ses_outbound {
    struct ses_list node; /* in one of the driver's lists */
    struct ses_driver *driver;
    const struct ses_connector *connector;
    struct ses_host *host;
    uint32_t owner;
    struct ses_pool *pool; /* whose connections it uses; NULL while libcurl does not have it */
    ses_outbound_fn done;
    void *arg;

    CURL *easy;
    CURLU *url;                           /* parsed once as long as calls go to the same one .. */
    char url_text[SES_OUTBOUND_URL_KEPT]; /* .. as this says; "": it holds another one */
    struct curl_slist *headers;
    struct ses_buf request; /* URL, NUL, body */
    struct ses_buf answer;
    size_t answer_header_bytes;
    uint64_t started_mono_ns;
    uint64_t deadline_mono_ns;
    bool idempotent;
    bool probe; /* of the host's breaker */
    bool retried;
    bool unfit;                         /* the answer came, but is one that nobody will read: see on_header */
    bool headers_ended;                 /* the empty line behind the answer's headers has come */
    bool framing_told;                  /* by a Content-Length or Transfer-Encoding */
    enum ses_connector_outcome refused; /* while in driver->refused */
    char why[CURL_ERROR_SIZE];          /* libcurl's words, of its last attempt */
};

struct ses_driver {
    struct ses_driver_options options;
    struct ses_pools pools;
    uv_timer_t refusal_timer; /* tells refused calls on the next turn */
    struct ses_hosts hosts;
    struct ses_places places;
    struct ses_list running;
    struct ses_list refused;
    struct ses_list spares;
    unsigned spares_count;
    unsigned in_flight; /* places that are taken */
    bool telling;       /* a done function runs .. */
    const char *why;    /* .. of a call that ended so */
    CURL *answered;     /* .. of a call that was answered; else NULL */
    bool refusal_timer_closed;
    bool pools_closed;
};

/* outbound.c: the libcurl side of one call. */

/* With an easy handle whose fixed options are set. NULL without memory. */
struct ses_outbound *ses_outbound_new(struct ses_driver *driver);
void ses_outbound_free(struct ses_outbound *outbound);
/* Copies the request. SES_INVALID_ARGUMENT for a header that would break out of its line, SES_TOO_LARGE,
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_outbound_prepare(struct ses_outbound *outbound,
                                                    const struct ses_outbound_request *request);
/* Hands the prepared call to libcurl, with at most budget_ms to go. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_outbound_attach(struct ses_outbound *outbound, uint64_t now_mono_ns,
                                                   uint64_t budget_ms, bool fresh);
void ses_outbound_detach(struct ses_outbound *outbound);
/* Forgets and wipes the request and the answer. */
void ses_outbound_reset(struct ses_outbound *outbound);
/* libcurl's code, corrected where it takes half an answer for a whole one. */
CURLcode ses_outbound_end(const struct ses_outbound *outbound, CURLcode code);
/* What the end of a transfer means. http_status 0: no answer. */
enum ses_connector_outcome ses_outbound_classify(const struct ses_outbound *outbound, CURLcode code,
                                                 uint32_t *ret_http_status);
/* May the call be made again although it failed? */
bool ses_outbound_repeatable(const struct ses_outbound *outbound, CURLcode code);

#endif
