/* What is told, and in which words. */
#include "status_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/metrics.h>
#include <sessiond/base/units.h>

/* ---- what the JSON says --------------------------------------------------------------------------------- */

/* A member by its path, "calls.answered"; a number beyond 2^53 comes as a text. 0 where there is none. */
static double number_at(const json_t *object, const char *path)
{
    char key[64];
    const char *dot;

    while (object != NULL && (dot = strchr(path, '.')) != NULL) {
        (void)snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
        object = json_object_get(object, key);
        path = dot + 1;
    }
    object = json_object_get(object, path);
    return json_is_string(object) ? strtod(json_string_value(object), NULL) : json_number_value(object);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "-" : text;
}

/* The row of an array whose member says so. */
static const json_t *row_of(const json_t *look, const char *array, const char *key, const json_t *value)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(look, array), i, row) {
        if (json_equal(json_object_get(row, key), value))
            return row;
    }
    return NULL;
}

/* Index and count of an array that may be no histogram at all: what does not fit is nothing. */
static bool bucket_at(const json_t *hist, size_t i, size_t *ret_index, double *ret_count)
{
    json_int_t index = json_integer_value(json_array_get(hist, i));

    if (index < 0 || index >= SES_HIST_BUCKETS)
        return false;
    *ret_index = (size_t)index;
    *ret_count = json_number_value(json_array_get(hist, i + 1));
    return true;
}

static void add_hist(const json_t *hist, double sign, double *buckets)
{
    for (size_t i = 0; i + 1 < json_array_size(hist); i += 2) {
        size_t index;
        double count;

        if (bucket_at(hist, i, &index, &count))
            buckets[index] += sign * count;
    }
}

double ctl_status_quantile_ms(const json_t *now, const json_t *before, double q)
{
    double buckets[SES_HIST_BUCKETS] = {0};
    double all = 0;
    double seen = 0;

    add_hist(now, 1, buckets);
    add_hist(before, -1, buckets);
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++)
        all += buckets[i];
    for (size_t i = 0; i < SES_HIST_BUCKETS && all > 0; i++) {
        seen += buckets[i];
        if (seen > q * all)
            return (double)ses_hist_upper(i) / (double)SES_NS_PER_MS;
    }
    return -1;
}

/* ---- what is made ----------------------------------------------------------------------------------------- */

struct view {
    const json_t *now;
    const json_t *before;
    double seconds; /* between the two; 0: there is no before */
    const struct ctl_look *look;
    struct ctl_grid grid; /* of the part that is being made */
};

static void add_heads(struct view *view, const char *const *heads, size_t count)
{
    struct ctl_row *row;

    view->grid.count = 0;
    row = ctl_grid_row(&view->grid);
    for (size_t i = 0; i < count; i++)
        ctl_row_put(row, false, heads[i]);
}

/* By the second; -1, a dash, without two looks. */
static double rate(const struct view *view, const json_t *now, const json_t *before, const char *path)
{
    double grown = number_at(now, path) - number_at(before, path);

    if (view->seconds <= 0 || before == NULL)
        return -1;
    return grown < 0 ? 0 : grown / view->seconds;
}

/* ---- the top ---------------------------------------------------------------------------------------------- */

static enum ses_status write_head(const struct view *view, struct ses_buf *out)
{
    const json_t *reasons = json_object_get(view->now, "reasons");
    struct ctl_row row = {.count = 0};
    char text[CTL_CELL_SIZE];
    const json_t *reason;
    size_t i;

    (void)snprintf(text, sizeof(text), "sessiond %.20s on %.60s", text_at(view->now, "version"),
                   text_at(view->now, "listen"));
    ctl_row_put(&row, false, text);
    ctl_row_put(&row, strcmp(text_at(view->now, "state"), "ready") != 0, text_at(view->now, "state"));
    json_array_foreach(reasons, i, reason) {
        ctl_row_put(&row, true, json_is_string(reason) ? json_string_value(reason) : "-");
    }
    if (number_at(view->now, "counters.overload_shedding") > 0)
        ctl_row_put(&row, true, "shedding load");
    (void)snprintf(text, sizeof(text), "durability %.20s", text_at(view->now, "durability"));
    ctl_row_put(&row, false, text);
    if (json_is_string(json_object_get(view->now, "log_level")) &&
        strcmp(text_at(view->now, "log_level"), "info") != 0) {
        (void)snprintf(text, sizeof(text), "log %.20s", text_at(view->now, "log_level"));
        ctl_row_put(&row, false, text);
    }
    ctl_row_named(&row, false, "up", (double)(uint64_t)number_at(view->now, "uptime_s"), " s");
    if (number_at(view->now, "worker_deaths") > 0)
        ctl_row_named(&row, false, "worker deaths", number_at(view->now, "worker_deaths"), "");
    return ctl_row_write(&row, view->look, out);
}

static enum ses_status write_calls(const struct view *view, struct ses_buf *out)
{
    const json_t *now = json_object_get(view->now, "latency");
    const json_t *before = json_object_get(view->before, "latency");
    struct ctl_row row = {.count = 0};
    double failed = rate(view, view->now, view->before, "calls.failed");

    ctl_row_named(&row, false, "calls/s", rate(view, view->now, view->before, "calls.answered"), "");
    ctl_row_named(&row, false, "refused/s", rate(view, view->now, view->before, "calls.refused"), "");
    ctl_row_named(&row, failed > 0, "failed/s", failed, "");
    ctl_row_named(&row, false, "p50", ctl_status_quantile_ms(now, before, 0.5), " ms");
    ctl_row_named(&row, false, "p99", ctl_status_quantile_ms(now, before, 0.99), " ms");
    ctl_row_named(&row, false, "in progress", number_at(view->now, "counters.exchanges_open"), "");
    ctl_row_named(&row, false, "connections", number_at(view->now, "counters.connections_open"), "");
    return ctl_row_write(&row, view->look, out);
}

static enum ses_status write_load(const struct view *view, struct ses_buf *out)
{
    double used = number_at(view->now, "table.used");
    double room = number_at(view->now, "table.room");
    double headroom = 100 * number_at(view->now, "load.headroom");
    bool pressed = number_at(view->now, "pressed") > 0;
    struct ctl_row row = {.count = 0};
    char text[CTL_CELL_SIZE];

    (void)snprintf(text, sizeof(text), "sessions held %.0f of %.0f (%.1f %%)", used, room,
                   room > 0 ? 100 * used / room : 0.0);
    if (room > 0) /* a database is asked how many it holds */
        ctl_row_put(&row, pressed, text);
    ctl_row_named(&row, false, "created", number_at(view->now, "counters.sessions_created_total"), "");
    ctl_row_named(&row, headroom < 15, "headroom", (double)(uint64_t)headroom, " %");
    ctl_row_named(&row, false, "CPU of a call", number_at(view->now, "load.call_cpu_us"), " us");
    return ctl_row_write(&row, view->look, out);
}

/* One line a shard: who has sessions in a database has no disk of ours to look at. */
static enum ses_status write_shards(const struct view *view, const json_t *shards, struct ses_buf *out)
{
    const json_t *shard;
    size_t i;

    json_array_foreach(shards, i, shard) {
        bool open = strcmp(text_at(shard, "state"), "open") == 0;
        struct ctl_row row = {.count = 0};
        char text[CTL_CELL_SIZE];

        (void)snprintf(text, sizeof(text), "shard %zu %.20s%s%.30s", i, text_at(shard, "state"),
                       open ? "" : ": ", open ? "" : text_at(shard, "cause"));
        ctl_row_put(&row, !open, text);
        (void)snprintf(text, sizeof(text), "durability %.20s", text_at(shard, "durability"));
        ctl_row_put(&row, false, text);
        ctl_row_named(&row, false, "clock off by", number_at(shard, "skew_ms"), " ms");
        ctl_row_named(&row, false, "commits/s",
                      rate(view, view->now, view->before, "counters.store_pg_commits_total"), "");
        ctl_row_named(&row, false, "records/s",
                      rate(view, view->now, view->before, "counters.store_puts_total"), "");
        SES_TRY(ctl_row_write(&row, view->look, out));
    }
    return SES_OK;
}

static enum ses_status write_store(const struct view *view, struct ses_buf *out)
{
    const json_t *now = json_object_get(view->now, "sync");
    const json_t *before = json_object_get(view->before, "sync");
    double failed = number_at(view->now, "counters.store_failed_total");
    double poisoned = number_at(view->now, "counters.store_poisoned");
    struct ctl_row row = {.count = 0};
    char bytes[CTL_CELL_SIZE];
    char text[CTL_CELL_SIZE];

    ctl_row_named(&row, false, "commits/s",
                  rate(view, view->now, view->before, "counters.store_commits_total"), "");
    ctl_row_named(&row, false, "records/s", rate(view, view->now, view->before, "counters.store_puts_total"),
                  "");
    ctl_row_named(&row, false, "sync p99", ctl_status_quantile_ms(now, before, 0.99), " ms");
    ctl_row_named(&row, false, "records", number_at(view->now, "counters.store_records"), "");
    ctl_format_bytes(number_at(view->now, "counters.store_bytes"), bytes);
    (void)snprintf(text, sizeof(text), "of %.40s", bytes);
    ctl_row_put(&row, false, text);
    ctl_row_named(&row, failed > 0, "failed", failed, "");
    ctl_row_named(&row, poisoned > 0, "poisoned", poisoned, "");
    return ctl_row_write(&row, view->look, out);
}

/* ---- workers and connectors ------------------------------------------------------------------------------- */

static const char *trouble_of(const json_t *worker)
{
    if (number_at(worker, "store_poisoned") > 0)
        return "poisoned";
    if (number_at(worker, "store_full") > 0)
        return "full";
    return number_at(worker, "store_pressed") > 0 ? "filling" : "ok";
}

static void put_bytes(struct ctl_row *row, const json_t *process, const char *name)
{
    char text[CTL_CELL_SIZE];

    ctl_format_bytes(number_at(process, name), text);
    ctl_row_put(row, false, json_object_get(process, name) == NULL ? "-" : text);
}

/* A process that was replaced meanwhile has begun its CPU time anew. */
static void put_process(const struct view *view, const json_t *worker, struct ctl_row *row)
{
    const json_t *pid = json_object_get(worker, "pid");
    const json_t *process = row_of(view->now, "processes", "pid", pid);
    const json_t *before = row_of(view->before, "processes", "pid", pid);
    double cpu = process == NULL ? -1 : rate(view, process, before, "cpu_s");

    ctl_row_number(row, false, cpu < 0 ? -1 : 100 * cpu);
    put_bytes(row, process, "anonymous_bytes"); /* a server of a version before does not tell it */
    put_bytes(row, process, "resident_bytes");
}

static void add_worker(struct view *view, const json_t *worker)
{
    const json_t *before = row_of(view->before, "workers", "slot", json_object_get(worker, "slot"));
    const json_t *latency = json_object_get(worker, "latency");
    const json_t *latency_before = json_object_get(before, "latency");
    const char *state = text_at(worker, "state");
    double failed = rate(view, worker, before, "calls.failed");
    double beat_ms = number_at(worker, "beat_ms");
    struct ctl_row *row = ctl_grid_row(&view->grid);

    ctl_row_number(row, false, number_at(worker, "slot"));
    ctl_row_put(row, strcmp(state, "ready") != 0, state);
    ctl_row_number(row, false, number_at(worker, "pid"));
    ctl_row_number(row, false, number_at(worker, "generation"));
    ctl_row_number(row, beat_ms > 2000, beat_ms / 1000);
    ctl_row_number(row, number_at(worker, "busy") > 0.85, 100 * number_at(worker, "busy"));
    ctl_row_number(row, false, rate(view, worker, before, "calls.answered"));
    ctl_row_number(row, false, ctl_status_quantile_ms(latency, latency_before, 0.5));
    ctl_row_number(row, false, ctl_status_quantile_ms(latency, latency_before, 0.99));
    ctl_row_number(row, failed > 0, failed);
    ctl_row_number(row, false, number_at(worker, "connections_open"));
    ctl_row_number(row, false, rate(view, worker, before, "store_commits_total"));
    ctl_row_put(row, strcmp(trouble_of(worker), "ok") != 0, trouble_of(worker));
    put_process(view, worker, row);
}

static enum ses_status write_workers(struct view *view, struct ses_buf *out)
{
    static const char *const heads[] = {"worker",  "state",  "pid",     "starts",   "beat s", "busy %",
                                        "calls/s", "p50 ms", "p99 ms",  "failed/s", "conns",  "commits/s",
                                        "store",   "CPU %",  "own mem", "resident"};
    const json_t *worker;
    size_t i;

    add_heads(view, heads, sizeof(heads) / sizeof(heads[0]));
    json_array_foreach(json_object_get(view->now, "workers"), i, worker) {
        add_worker(view, worker);
    }
    return ctl_grid_write(&view->grid, view->look, out);
}

/* Of a connector at all its hosts; in words where one is open. */
static bool breaker_of(const struct view *view, const json_t *name, char ret_text[CTL_CELL_SIZE])
{
    const json_t *breaker;
    size_t i;

    (void)snprintf(ret_text, CTL_CELL_SIZE, "-");
    json_array_foreach(json_object_get(view->now, "breakers"), i, breaker) {
        if (!json_equal(json_object_get(breaker, "connector"), name))
            continue;
        if (number_at(breaker, "open") > 0) {
            (void)snprintf(ret_text, CTL_CELL_SIZE, "OPEN at %.80s", text_at(breaker, "origin"));
            return true;
        }
        (void)snprintf(ret_text, CTL_CELL_SIZE, "closed");
    }
    return false;
}

static double failed_of(const json_t *connector)
{
    return number_at(connector, "outcomes.auth_failed") + number_at(connector, "outcomes.server_error") +
           number_at(connector, "outcomes.timeout") + number_at(connector, "outcomes.unreachable") +
           number_at(connector, "outcomes.bad_response");
}

static double calls_of(const json_t *connector)
{
    return failed_of(connector) + number_at(connector, "outcomes.success") +
           number_at(connector, "outcomes.declined") + number_at(connector, "outcomes.rate_limited");
}

static void add_connector(struct view *view, const json_t *connector)
{
    const json_t *name = json_object_get(connector, "name");
    const json_t *before = row_of(view->before, "connectors", "name", name);
    const json_t *latency = json_object_get(connector, "latency");
    const json_t *latency_before = json_object_get(before, "latency");
    double grown = calls_of(connector) - calls_of(before);
    bool fresh = before != NULL && view->seconds > 0;
    struct ctl_row *row = ctl_grid_row(&view->grid);
    char text[CTL_CELL_SIZE];
    bool open = breaker_of(view, name, text);

    ctl_row_put(row, false, text_at(connector, "name"));
    ctl_row_number(row, false, fresh ? grown / view->seconds : -1);
    ctl_row_number(row, false, ctl_status_quantile_ms(latency, latency_before, 0.5));
    ctl_row_number(row, false, ctl_status_quantile_ms(latency, latency_before, 0.99));
    ctl_row_number(row, false, number_at(connector, "outcomes.success"));
    ctl_row_number(row, false, number_at(connector, "outcomes.declined"));
    ctl_row_number(row, fresh && failed_of(connector) > failed_of(before), failed_of(connector));
    ctl_row_put(row, open, text);
}

static enum ses_status write_connectors(struct view *view, struct ses_buf *out)
{
    static const char *const heads[] = {"connector", "calls/s",  "p50 ms", "p99 ms",
                                        "success",   "declined", "failed", "breaker"};
    const json_t *connector;
    size_t i;

    add_heads(view, heads, sizeof(heads) / sizeof(heads[0]));
    json_array_foreach(json_object_get(view->now, "connectors"), i, connector) {
        add_connector(view, connector);
    }
    return ctl_grid_write(&view->grid, view->look, out);
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static enum ses_status write_all(struct view *view, struct ses_buf *out)
{
    const json_t *shards = json_object_get(view->now, "shards");

    SES_TRY(write_head(view, out));
    SES_TRY(write_calls(view, out));
    SES_TRY(write_load(view, out));
    SES_TRY(shards == NULL ? write_store(view, out) : write_shards(view, shards, out));
    SES_TRY(ses_buf_append_byte(out, '\n'));
    SES_TRY(write_workers(view, out));
    return write_connectors(view, out);
}

enum ses_status ctl_status_table(const json_t *now, const json_t *before, const struct ctl_look *look,
                                 struct ses_buf *out)
{
    bool same = number_at(now, "uptime_s") >= number_at(before, "uptime_s");
    double ms = number_at(now, "mono_ms") - number_at(before, "mono_ms");
    struct view *view = calloc(1, sizeof(*view));
    enum ses_status status;

    if (view == NULL)
        return SES_NO_MEMORY;
    view->now = now;
    view->look = look;
    if (before != NULL && same && ms > 0) {
        view->before = before;
        view->seconds = ms / 1000;
    }
    status = write_all(view, out);
    free(view);
    return status;
}
