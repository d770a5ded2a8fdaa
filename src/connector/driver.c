/* A call's way: room, host and its breaker, libcurl, perhaps once more, outcome, breaker, done function. What
 * is known before anything is sent (no time, breaker open) takes the same way out, on the next turn of the
 * loop: done is never called from inside start.
 */
#include <sessiond/connector/driver.h>

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/share.h>
#include <sessiond/base/units.h>

#include "outbound.h"

/* A repetition with less time left than this would only make the caller wait. */
#define REPEAT_BUDGET_MS_MIN 20

/* Two things close on the loop, in whichever order. */
static void maybe_free(struct ses_driver *driver)
{
    if (driver->refusal_timer_closed && driver->pools_closed)
        free(driver);
}

static void on_pools_closed(void *arg)
{
    struct ses_driver *driver = arg;

    driver->pools_closed = true;
    maybe_free(driver);
}

static void on_refusal_timer_closed(uv_handle_t *handle)
{
    struct ses_driver *driver = handle->data;

    driver->refusal_timer_closed = true;
    maybe_free(driver);
}

/* Back to the spares, or gone. */
static void recycle(struct ses_outbound *outbound)
{
    struct ses_driver *driver = outbound->driver;

    ses_list_remove(&outbound->node);
    ses_outbound_reset(outbound);
    if (driver->spares_count >= SES_DRIVER_SPARES_MAX) {
        ses_outbound_free(outbound);
        return;
    }
    ses_list_push_back(&driver->spares, &outbound->node);
    driver->spares_count++;
}

static struct ses_outbound *take_spare(struct ses_driver *driver)
{
    struct ses_list *node = ses_list_pop_back(&driver->spares);

    if (node == NULL)
        return ses_outbound_new(driver);
    driver->spares_count--;
    return SES_CONTAINER(node, struct ses_outbound, node);
}

/* A place on the board for the life of the worker, by whoever comes first: which hosts a worker calls is the
 * operator's choice, and few. A long name has none. */
static struct ses_breaker_cell *cell_of(struct ses_metrics *metrics, const struct ses_host *host)
{
    if (metrics == NULL || host->connector->metric < 0 || host->origin_bytes >= SES_METRIC_HOST_SIZE)
        return NULL;
    for (size_t i = 0; i < SES_METRIC_HOSTS_MAX; i++) {
        struct ses_breaker_cell *cell = &metrics->breakers[i];

        if (atomic_load_explicit(&cell->state, memory_order_relaxed) == 0) {
            cell->connector = host->connector->metric;
            memcpy(cell->origin, host->origin, host->origin_bytes);
            cell->origin[host->origin_bytes] = '\0';
            return cell;
        }
        if (cell->connector == host->connector->metric &&
            ses_slice_eq_str(ses_slice(host->origin, host->origin_bytes), cell->origin))
            return cell;
    }
    return NULL;
}

/* Released: whoever sees the state sees whose it is. */
static void tell_state(struct ses_driver *driver, struct ses_host *host)
{
    if (host->cell == NULL)
        host->cell = cell_of(driver->options.metrics, host);
    if (host->cell != NULL)
        atomic_store_explicit(&host->cell->state, 1u + host->breaker.state, memory_order_release);
}

static void log_breaker(const struct ses_outbound *outbound, enum ses_log_level level, const char *event)
{
    struct ses_log *log = outbound->driver->options.log;
    struct ses_log_line line;

    if (log == NULL)
        return;
    ses_log_begin(log, level, event, &line);
    ses_log_str(&line, "connector", outbound->connector->name);
    ses_log_slice(&line, "origin", ses_slice(outbound->host->origin, outbound->host->origin_bytes));
    ses_log_end(&line);
}

/* A time-out speaks against the host only if it was given half of the configured time: otherwise a caller
 * with short deadlines could close a connector to all others. */
static bool timeout_counts(const struct ses_outbound *outbound, uint64_t now_ns)
{
    return (now_ns - outbound->started_mono_ns) / SES_NS_PER_MS >=
           outbound->driver->options.total_timeout_ms / 2;
}

/*   what came                                      the breaker is told
 *   an answer that was read whole                  success
 *   one that we would not take (too large)         nothing; a probe is released
 *   a timeout that does not count (see above)      nothing; a probe is released
 *   anything else                                  failure
 */
static void tell_breaker(struct ses_outbound *outbound, enum ses_connector_outcome outcome, uint64_t now_ns)
{
    const struct ses_driver_options *options = &outbound->driver->options;
    struct ses_breaker *breaker = &outbound->host->breaker;
    uint64_t now_ms = now_ns / SES_NS_PER_MS;

    /* A host that sends its first line and hangs serves nobody: only an answer that was read whole counts. */
    if (outcome == SES_OUTCOME_SUCCESS) {
        if (ses_breaker_success(breaker))
            log_breaker(outbound, SES_LOG_INFO, "breaker_closed");
    } else if (outbound->unfit || (outcome == SES_OUTCOME_TIMEOUT && !timeout_counts(outbound, now_ns))) {
        if (outbound->probe)
            ses_breaker_release(breaker, now_ms);
    } else if (ses_breaker_failure(breaker, now_ms, options->breaker_failures, options->breaker_open_ms)) {
        log_breaker(outbound, SES_LOG_WARN, "breaker_open");
    }
    tell_state(outbound->driver, outbound->host);
}

static void leave(struct ses_outbound *outbound)
{
    struct ses_outbound_place place = {.host = outbound->host, .owner = outbound->owner};

    ses_outbound_detach(outbound);
    ses_outbound_give_back(outbound->driver, &place);
}

/* Out of libcurl, the counts and the list before done is called: it may start another call and find the room.
 * The answer's bytes are the outbound's, so that is recycled only afterwards. */
static void tell(struct ses_outbound *outbound, uint32_t http_status, enum ses_connector_outcome outcome)
{
    struct ses_driver *driver = outbound->driver;
    bool answered = http_status != 0;

    leave(outbound);
    ses_list_remove(&outbound->node);
    driver->telling = true;
    driver->why = answered ? "" : outbound->why;
    driver->answered = answered ? outbound->easy : NULL;
    outbound->done(outbound->arg, http_status, outcome,
                   answered ? ses_buf_view(&outbound->answer) : SES_SLICE_EMPTY);
    driver->telling = false;
    recycle(outbound);
}

const char *ses_driver_why(const struct ses_driver *driver)
{
    SES_REQUIRE(driver->telling);
    return driver->why;
}

struct ses_slice ses_driver_location(const struct ses_driver *driver)
{
    struct curl_header *header = NULL;

    SES_REQUIRE(driver->telling);
    if (driver->answered == NULL ||
        curl_easy_header(driver->answered, "location", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return SES_SLICE_EMPTY;
    return ses_slice_str(header->value);
}

/* True when the call was handed to libcurl once more; on a fresh connection, since another kept one may be as
 * dead as the first. */
static bool repeat(struct ses_outbound *outbound, CURLcode code, uint64_t now_ns)
{
    uint64_t left_ms =
        outbound->deadline_mono_ns > now_ns ? (outbound->deadline_mono_ns - now_ns) / SES_NS_PER_MS : 0;

    if (!ses_outbound_repeatable(outbound, code) || left_ms < REPEAT_BUDGET_MS_MIN)
        return false;
    ses_outbound_detach(outbound);
    ses_buf_clear(&outbound->answer);
    outbound->answer_header_bytes = 0;
    outbound->headers_ended = false;
    outbound->framing_told = false;
    outbound->retried = true;
    return ses_outbound_attach(outbound, now_ns, left_ms, true) == SES_OK;
}

static void finish(struct ses_outbound *outbound, CURLcode result)
{
    CURLcode code = ses_outbound_end(outbound, result);
    struct ses_metrics *metrics = outbound->driver->options.metrics;
    uint64_t now_ns = ses_clock_mono_ns();
    enum ses_connector_outcome outcome;
    uint32_t http_status;

    if (code == CURLE_FILESIZE_EXCEEDED)
        outbound->unfit = true;
    if (repeat(outbound, code, now_ns))
        return;
    outcome = ses_outbound_classify(outbound, code, &http_status);
    tell_breaker(outbound, outcome, now_ns);
    if (metrics != NULL && outbound->connector->metric >= 0)
        ses_hist_add(&metrics->connector_ns[outbound->connector->metric], now_ns - outbound->started_mono_ns);
    tell(outbound, http_status, outcome);
}

static void on_ended(struct ses_pool *pool, CURL *easy, CURLcode code)
{
    struct ses_outbound *outbound = NULL;

    (void)pool;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &outbound);
    finish(outbound, code);
}

/* Taken over as a whole: a done function may start a call that is refused too, and that one waits for the
 * next turn. A call cancelled meanwhile leaves the batch as it would leave the list. */
static void on_refusal_timer(uv_timer_t *timer)
{
    struct ses_driver *driver = timer->data;
    struct ses_list batch;
    struct ses_list *node;

    ses_list_init(&batch);
    while ((node = ses_list_pop(&driver->refused)) != NULL)
        ses_list_push_back(&batch, node);
    while ((node = ses_list_pop(&batch)) != NULL) {
        struct ses_outbound *outbound = SES_CONTAINER(node, struct ses_outbound, node);

        tell(outbound, 0, outbound->refused);
    }
}

static bool limits_are_set(const struct ses_driver_options *options)
{
    return options->connect_timeout_ms != 0 && options->total_timeout_ms != 0 &&
           options->response_bytes_max != 0 && options->calls_max != 0 && options->host_calls_max != 0 &&
           options->owner_percent != 0 && options->connection_life_ms != 0 &&
           options->breaker_failures != 0 && options->breaker_open_ms != 0;
}

enum ses_status ses_driver_new(const struct ses_driver_options *options, struct ses_driver **ret_driver)
{
    struct ses_driver *driver = calloc(1, sizeof(*driver));

    if (driver == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(limits_are_set(options));
    driver->options = *options;
    ses_list_init(&driver->running);
    ses_list_init(&driver->refused);
    ses_list_init(&driver->spares);
    driver->pools = (struct ses_pools){
        .loop = options->loop,
        .peers = options->sandbox         ? SES_PEERS_LOOPBACK
                 : options->private_peers ? SES_PEERS_ANY
                                          : SES_PEERS_PUBLIC,
        .life_ms = driver->options.connection_life_ms,
        .on_ended = on_ended,
        .on_closed = on_pools_closed,
        .arg = driver,
    };
    if (ses_places_open(&driver->places, options->calls_max) != SES_OK ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        ses_pools_open(&driver->pools, ses_clock_mono_ns()) != SES_OK) {
        ses_places_close(&driver->places);
        free(driver);
        return SES_NO_MEMORY;
    }
    SES_REQUIRE(uv_timer_init(options->loop, &driver->refusal_timer) == 0); /* cannot fail */
    driver->refusal_timer.data = driver;
    *ret_driver = driver;
    return SES_OK;
}

static void drop_list(struct ses_list *list)
{
    struct ses_list *node;

    while ((node = ses_list_pop(list)) != NULL) {
        struct ses_outbound *outbound = SES_CONTAINER(node, struct ses_outbound, node);

        ses_outbound_detach(outbound);
        ses_outbound_free(outbound);
    }
}

/* First the calls, out of libcurl too, then the pools: a pool may be closed only when it has none. */
void ses_driver_free(struct ses_driver *driver)
{
    if (driver == NULL)
        return;
    SES_REQUIRE(!driver->telling);
    drop_list(&driver->running);
    drop_list(&driver->refused);
    drop_list(&driver->spares);
    ses_hosts_done(&driver->hosts);
    ses_places_close(&driver->places);
    ses_pools_close(&driver->pools);
    uv_close((uv_handle_t *)&driver->refusal_timer, on_refusal_timer_closed);
}

static void refuse(struct ses_outbound *outbound, enum ses_connector_outcome outcome)
{
    struct ses_driver *driver = outbound->driver;

    outbound->refused = outcome;
    ses_list_push_back(&driver->refused, &outbound->node);
    (void)uv_timer_start(&driver->refusal_timer, on_refusal_timer, 0, 0);
}

/* Sends it, or queues the outcome that is known already: no time left, or the breaker is open. */
static enum ses_status launch(struct ses_outbound *outbound)
{
    struct ses_driver *driver = outbound->driver;
    uint64_t now_ns = outbound->started_mono_ns;
    uint64_t left_ms =
        outbound->deadline_mono_ns > now_ns ? (outbound->deadline_mono_ns - now_ns) / SES_NS_PER_MS : 0;

    if (left_ms == 0) {
        refuse(outbound, SES_OUTCOME_TIMEOUT);
        return SES_OK;
    }
    if (!ses_breaker_allow(&outbound->host->breaker, now_ns / SES_NS_PER_MS, &outbound->probe)) {
        refuse(outbound, SES_OUTCOME_UNREACHABLE);
        return SES_OK;
    }
    tell_state(driver, outbound->host);
    if (ses_outbound_attach(outbound, now_ns, left_ms, false) != SES_OK) {
        if (outbound->probe)
            ses_breaker_release(&outbound->host->breaker, now_ns / SES_NS_PER_MS);
        tell_state(driver, outbound->host);
        return SES_NO_MEMORY;
    }
    ses_list_push_back(&driver->running, &outbound->node);
    return SES_OK;
}

/* ---- places ------------------------------------------------------------------------------------ */

/* Of the connector's places at that host, and of all: an owner that fills its share of one may have some elsewhere. */
static bool share_is_left(const struct ses_driver *driver, const struct ses_host *host, uint32_t owner)
{
    const struct ses_driver_options *options = &driver->options;

    return owner == 0 ||
           (ses_share_is_left(options->owner_percent, ses_places_held(&driver->places, host, owner),
                              host->in_flight, options->host_calls_max) &&
            ses_share_is_left(options->owner_percent, ses_places_held(&driver->places, NULL, owner),
                              driver->in_flight, options->calls_max));
}

static enum ses_hosts_reach reach_of(const struct ses_driver_options *options)
{
    if (options->sandbox)
        return SES_HOSTS_LOOPBACK;
    return options->plain_loopback ? SES_HOSTS_SIMULATED : SES_HOSTS_HTTPS;
}

/* The share first: who has more than its own is told so, also when all is full. */
enum ses_status ses_outbound_take(struct ses_driver *driver, const struct ses_connector *connector,
                                  struct ses_slice url, uint32_t owner, struct ses_outbound_place *ret_place)
{
    struct ses_host *host;

    SES_TRY(ses_hosts_get(&driver->hosts, connector, url, reach_of(&driver->options),
                          ses_clock_mono_ns() / SES_NS_PER_MS, &host));
    if (!share_is_left(driver, host, owner))
        return SES_OVER_SHARE;
    if (driver->in_flight >= driver->options.calls_max)
        return SES_RESOURCE_EXHAUSTED;
    if (host->in_flight >= driver->options.host_calls_max)
        return SES_BUSY;
    host->in_flight++;
    driver->in_flight++;
    if (owner != 0)
        ses_places_add(&driver->places, host, owner);
    *ret_place = (struct ses_outbound_place){.host = host, .owner = owner};
    return SES_OK;
}

void ses_outbound_give_back(struct ses_driver *driver, struct ses_outbound_place *place)
{
    if (place->host == NULL)
        return;
    place->host->in_flight--;
    driver->in_flight--;
    if (place->owner != 0)
        ses_places_remove(&driver->places, place->host, place->owner);
    *place = (struct ses_outbound_place){.host = NULL};
}

/* A refused call keeps its place too until it is told, as any other that leaves by `leave`. */
static enum ses_status start(struct ses_driver *driver, const struct ses_outbound_place *place,
                             const struct ses_outbound_request *request, uint64_t deadline_mono_ns,
                             ses_outbound_fn done, void *arg)
{
    uint64_t now_ns = ses_clock_mono_ns();
    uint64_t latest_ns = now_ns + (uint64_t)driver->options.total_timeout_ms * SES_NS_PER_MS;
    struct ses_outbound *outbound = take_spare(driver);
    enum ses_status status;

    if (outbound == NULL)
        return SES_NO_MEMORY;
    outbound->connector = place->host->connector;
    outbound->host = place->host;
    outbound->owner = place->owner;
    outbound->done = done;
    outbound->arg = arg;
    outbound->started_mono_ns = now_ns;
    outbound->deadline_mono_ns = deadline_mono_ns < latest_ns ? deadline_mono_ns : latest_ns;
    status = ses_outbound_prepare(outbound, request);
    if (status == SES_OK)
        status = launch(outbound);
    if (status != SES_OK)
        recycle(outbound);
    return status == SES_TOO_LARGE ? SES_INVALID_ARGUMENT : status;
}

enum ses_status ses_outbound_start(struct ses_driver *driver, struct ses_outbound_place *place,
                                   const struct ses_outbound_request *request, uint64_t deadline_mono_ns,
                                   ses_outbound_fn done, void *arg)
{
    struct ses_outbound_place taken = *place;
    enum ses_status status;

    SES_REQUIRE(taken.host != NULL);
    *place = (struct ses_outbound_place){.host = NULL};
    status = start(driver, &taken, request, deadline_mono_ns, done, arg);
    if (status != SES_OK)
        ses_outbound_give_back(driver, &taken);
    return status;
}
