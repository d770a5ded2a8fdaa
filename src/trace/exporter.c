/* Once a second, and as soon as a batch has arrived while another full one waits. */
#include <sessiond/trace/exporter.h>

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/connector/driver.h>

#include "otlp.h"

#define EVERY_MS           1000
#define ANSWER_BYTES_MAX   (16 * SES_KIB)
#define ARENA_BYTES_MAX    (512 * SES_KIB)
#define CONNECTION_LIFE_MS 180000
#define BREAKER_FAILURES   5
#define BREAKER_OPEN_MS    10000
#define URL_SIZE           512

struct ses_exporter {
    struct ses_exporter_options options;
    struct ses_driver *driver;
    struct ses_arena arena;
    uv_timer_t timer;
    size_t under_way; /* spans of the batch that is on its way; they stay in the queue until it has ended */
    char url[URL_SIZE];
};

/* The driver's calls are a connector's; a collector is none, so that it has no metric. */
static const struct ses_connector collector = {.name = "otlp", .metric = -1};

static void tell_failure(struct ses_exporter *exporter, uint32_t http_status, const char *outcome,
                         const char *why)
{
    struct ses_log_line line;

    ses_log_begin_bounded(exporter->options.log, SES_LOG_WARN, "trace_export_failed", NULL, &line);
    ses_log_u64(&line, "http_status", http_status);
    ses_log_str(&line, "outcome", outcome);
    if (why[0] != '\0')
        ses_log_str(&line, "reason", why);
    ses_log_u64(&line, "spans", exporter->under_way);
    ses_log_end(&line);
}

/* Sent or lost, they go: a second try would hold up those behind them. */
static void end_batch(struct ses_exporter *exporter, enum ses_counter counter)
{
    ses_count(exporter->options.metrics, counter, exporter->under_way);
    ses_spans_drop(exporter->options.spans, exporter->under_way);
    exporter->under_way = 0;
}

static void send_batch(struct ses_exporter *exporter);

static void on_answer(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                      struct ses_slice body)
{
    struct ses_exporter *exporter = arg;
    bool taken = http_status >= 200 && http_status < 300;

    (void)body;
    if (!taken) {
        ses_count(exporter->options.metrics, SES_C_TRACE_EXPORTS_FAILED, 1);
        tell_failure(exporter, http_status, http_status != 0 ? "refused" : ses_outcome_code(outcome),
                     ses_driver_why(exporter->driver));
    }
    end_batch(exporter, taken ? SES_C_TRACE_SPANS_EXPORTED : SES_C_TRACE_SPANS_DROPPED);
    if (taken && ses_spans_count(exporter->options.spans) >= exporter->options.batch)
        send_batch(exporter);
}

static enum ses_status start_call(struct ses_exporter *exporter)
{
    struct ses_outbound_request request = {.url = ses_slice_str(exporter->url)};
    struct ses_outbound_place place;
    struct ses_otlp_resource resource = {
        .service_name = exporter->options.service_name,
        .instance = exporter->options.instance,
        .wall_ahead_ns = (int64_t)(ses_clock_wall_ms() * SES_NS_PER_MS - ses_clock_mono_ns()),
    };
    uint64_t deadline_ns = ses_clock_mono_ns() + exporter->options.timeout_ms * SES_NS_PER_MS;

    ses_arena_reset(&exporter->arena);
    SES_TRY(ses_otlp_encode(&resource, exporter->options.spans, exporter->under_way, &exporter->arena,
                            &request.body));
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/json"));
    SES_TRY(ses_outbound_take(exporter->driver, &collector, request.url, 0, &place));
    return ses_outbound_start(exporter->driver, &place, &request, deadline_ns, on_answer, exporter);
}

static void send_batch(struct ses_exporter *exporter)
{
    size_t count = ses_spans_count(exporter->options.spans);
    enum ses_status status;

    if (exporter->under_way > 0 || count == 0)
        return;
    exporter->under_way = count < exporter->options.batch ? count : exporter->options.batch;
    status = start_call(exporter);
    if (status == SES_OK)
        return;
    tell_failure(exporter, 0, ses_status_name(status), "");
    end_batch(exporter, SES_C_TRACE_SPANS_DROPPED);
}

static void on_timer(uv_timer_t *timer)
{
    send_batch(timer->data);
}

static enum ses_status open_driver(struct ses_exporter *exporter)
{
    const struct ses_exporter_options *options = &exporter->options;
    struct ses_driver_options driver = {
        .loop = options->loop,
        .sandbox =
            ses_slice_starts(ses_slice_str(options->endpoint), SES_STR("http://")), /* loopback alone */
        .private_peers = true, /* a collector is the operator's, and usually beside the server */
        .ca = options->ca,
        .certificate = options->certificate,
        .key = options->key,
        .connect_timeout_ms = options->timeout_ms,
        .total_timeout_ms = options->timeout_ms,
        .response_bytes_max = ANSWER_BYTES_MAX,
        .calls_max = 1,
        .host_calls_max = 1,
        .owner_percent = 100,
        .connection_life_ms = CONNECTION_LIFE_MS,
        .breaker_failures = BREAKER_FAILURES,
        .breaker_open_ms = BREAKER_OPEN_MS,
    };

    return ses_driver_new(&driver, &exporter->driver);
}

enum ses_status ses_exporter_new(const struct ses_exporter_options *options,
                                 struct ses_exporter **ret_exporter)
{
    struct ses_exporter *exporter = calloc(1, sizeof(*exporter));

    SES_REQUIRE(options->batch > 0 && options->batch <= SES_EXPORTER_BATCH_MAX && options->timeout_ms > 0);
    if (exporter == NULL)
        return SES_NO_MEMORY;
    exporter->options = *options;
    ses_arena_init(&exporter->arena, ARENA_BYTES_MAX);
    (void)snprintf(exporter->url, sizeof(exporter->url), "%s/v1/traces", options->endpoint);
    if (open_driver(exporter) != SES_OK) {
        free(exporter);
        return SES_NO_MEMORY;
    }
    SES_REQUIRE(uv_timer_init(options->loop, &exporter->timer) == 0); /* cannot fail */
    exporter->timer.data = exporter;
    (void)uv_timer_start(&exporter->timer, on_timer, EVERY_MS, EVERY_MS);
    *ret_exporter = exporter;
    return SES_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ses_exporter *exporter = handle->data;

    ses_arena_done(&exporter->arena);
    free(exporter);
}

void ses_exporter_free(struct ses_exporter *exporter)
{
    if (exporter == NULL)
        return;
    ses_driver_free(exporter->driver);
    exporter->under_way = ses_spans_count(exporter->options.spans);
    end_batch(exporter, SES_C_TRACE_SPANS_DROPPED);
    uv_close((uv_handle_t *)&exporter->timer, on_timer_closed);
}
