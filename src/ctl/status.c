/* A running server in a screenful: health, workers and a few totals, all by the admin port and none
 * from shared memory, so that any version can ask any other. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_get.h"

/* What of /metrics is worth a line; the sum over all labels is shown. */
static const struct {
    const char *metric;
    const char *label;
} lines[] = {
    {"sessiond_connections_open", "connections open"},
    {"sessiond_exchanges_open", "requests in progress"},
    {"sessiond_requests_total", "requests answered"},
    {"sessiond_protocol_errors_total", "protocol errors"},
    {"sessiond_sessions_created_total", "sessions created"},
    {"sessiond_sessions_replayed_total", "sessions replayed"},
    {"sessiond_sessions_continued_total", "sessions continued"},
    {"sessiond_sessions_conflict_total", "conflicts refused"},
    {"sessiond_connector_calls_total", "connector calls"},
    {"sessiond_store_records", "records in the store"},
    {"sessiond_store_bytes", "bytes in the store"},
    {"sessiond_store_failed_total", "writes failed"},
    {"sessiond_store_poisoned", "shards poisoned"},
    {"sessiond_log_lines_lost_total", "log lines lost"},
};

#define LINES_COUNT (sizeof(lines) / sizeof(lines[0]))

struct totals {
    double sum[LINES_COUNT];
    bool seen[LINES_COUNT];
};

/* One line of Prometheus text: name, optional {labels}, space, value. Comments begin with '#'. A label's
 * value may hold spaces, so the value is what stands behind the last one (we write no timestamps). */
static void add_line(struct ses_slice line, struct totals *totals)
{
    size_t name_len = 0;
    size_t value_at = line.len;
    char value[64];

    while (name_len < line.len && line.data[name_len] != ' ' && line.data[name_len] != '{')
        name_len++;
    while (value_at > 0 && line.data[value_at - 1] != ' ')
        value_at--;
    if (line.len == 0 || line.data[0] == '#' || value_at <= name_len || line.len - value_at >= sizeof(value))
        return;
    memcpy(value, line.data + value_at, line.len - value_at);
    value[line.len - value_at] = '\0';
    for (size_t i = 0; i < LINES_COUNT; i++) {
        if (ses_slice_eq_str(ses_slice_cut(line, 0, name_len), lines[i].metric)) {
            totals->sum[i] += strtod(value, NULL);
            totals->seen[i] = true;
        }
    }
}

/* The format's lines are independent of each other; what is not known is passed over. */
static void add_all(struct ses_slice text, struct totals *totals)
{
    while (text.len > 0) {
        size_t end = ses_slice_find(text, '\n');

        add_line(ses_slice_cut(text, 0, end), totals);
        text = ses_slice_cut(text, end + 1, text.len);
    }
}

/* /readyz is passed on as it is; metrics are summed over workers and labels. */
static int print_json(long health, const json_t *ready, const struct totals *totals, int code)
{
    json_t *metrics = json_object();

    for (size_t i = 0; i < LINES_COUNT; i++) {
        if (totals->seen[i])
            (void)json_object_set_new(metrics, lines[i].metric, json_real(totals->sum[i]));
    }
    return ctl_print_json(
        json_pack("{s:I,s:O?,s:o}", "healthz", (json_int_t)health, "readyz", ready, "metrics", metrics), true,
        code);
}

/* A body without the list, or no body at all, prints nothing: jansson's getters take NULL. */
static void print_workers(const json_t *ready)
{
    size_t i;
    const json_t *worker;

    json_array_foreach(json_object_get(ready, "workers"), i, worker) {
        const char *state = json_string_value(json_object_get(worker, "state"));

        printf("worker %" JSON_INTEGER_FORMAT ": %s, pid %" JSON_INTEGER_FORMAT
               ", heartbeat %" JSON_INTEGER_FORMAT " ms ago\n",
               json_integer_value(json_object_get(worker, "slot")), state == NULL ? "unknown" : state,
               json_integer_value(json_object_get(worker, "pid")),
               json_integer_value(json_object_get(worker, "heartbeat_age_ms")));
    }
}

/* NO in capitals: it is read in a hurry. */
static int print_text(long health, const json_t *ready, const struct totals *totals, int code)
{
    printf("health: %s (HTTP %ld)\n", health == 200 ? "ok" : "NOT OK", health);
    if (ready != NULL)
        printf("ready: %s%s\n", json_is_true(json_object_get(ready, "ready")) ? "yes" : "NO",
               json_is_true(json_object_get(ready, "draining")) ? ", draining" : "");
    print_workers(ready);
    for (size_t i = 0; i < LINES_COUNT; i++) {
        if (totals->seen[i])
            printf("%s: %.0f\n", lines[i].label, totals->sum[i]);
    }
    return code;
}

/* The bodies of the three resources; 0 when the port does not answer. /readyz answers 503 with the same body
 * while not ready. */
static long fetch(const char *admin, json_t **ret_ready, struct totals *ret_totals)
{
    struct ses_buf body;

    ses_buf_init(&body, CTL_HTTP_BODY_MAX);
    long health = ctl_http_get(admin, "/healthz", &body);

    if (health != 0) {
        ses_buf_clear(&body);
        if (ctl_http_get(admin, "/readyz", &body) != 0)
            *ret_ready = json_loadb((const char *)body.data, body.len, 0, NULL);
        ses_buf_clear(&body);
        if (ctl_http_get(admin, "/metrics", &body) == 200)
            add_all(ses_buf_view(&body), ret_totals);
    }
    ses_buf_done(&body);
    return health;
}

/* Good means alive and ready: a draining or poisoned server answers, but monitoring should see it. */
int ctl_status(const struct ctl *ctl)
{
    struct totals totals = {0};
    json_t *ready = NULL;
    long health = fetch(ctl->admin, &ready, &totals);
    int code = health == 200 && json_is_true(json_object_get(ready, "ready")) ? CTL_DONE : CTL_FAILED;

    if (health != 0)
        code =
            ctl->json ? print_json(health, ready, &totals, code) : print_text(health, ready, &totals, code);
    json_decref(ready);
    return code;
}
