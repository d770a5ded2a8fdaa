/* The admin port's pages, made of what is on the board and of the table's usage: the housekeeper owns
 * neither and asks nobody. Everything is rendered on demand; scrapes are seconds apart. */
#include "admin.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/method/service.h>

#include "api_files.h"
#include "prometheus.h"
#include "readiness.h"
#include "status_json.h"
#include "status_page.h"

/* /metrics with every worker slot and histogram is the largest, some hundred KiB. */
#define PAGE_BYTES_MAX (2 * SES_MIB)
#define ROUTES_COUNT   7

/* A route needs its arg, hence an object; there is nothing else to remember. */
struct ses_admin {
    const struct ses_child_env *env;
    struct ses_route routes[ROUTES_COUNT];
};

typedef enum ses_status (*render_fn)(const struct ses_admin *admin, struct ses_buf *out);

/* Renders into a buffer of its own; the answer lives in the exchange's arena. */
static void answer(struct ses_exchange *x, const struct ses_admin *admin, int http_status, const char *type,
                   render_fn render)
{
    struct ses_slice body = SES_SLICE_EMPTY;
    enum ses_status status;
    struct ses_buf out;

    ses_buf_init(&out, PAGE_BYTES_MAX);
    status = render(admin, &out);
    if (status == SES_OK)
        status = ses_arena_copy(&x->arena, ses_buf_view(&out), &body);
    ses_buf_done(&out);
    if (status == SES_OK)
        ses_exchange_reply_raw(x, http_status, type, body);
    else
        ses_exchange_fail_status(x, status, "the page could not be rendered");
}

/* ---- resources ---------------------------------------------------------------------------------------- */

/* What an acknowledgement survives may change while the server runs on a database: of all shards that acknowledge something
 * the least. */
static void look_at_shards(const struct ses_child_env *env, struct ses_board_view *view)
{
    unsigned replicated = 0;
    unsigned others = 0;

    view->shards_count = env->config->pg.shards_count;
    for (unsigned i = 0; i < view->shards_count; i++) {
        struct ses_pg_shard_status *shard = &view->shards[i];

        ses_pg_shard_status(env->pg_shared, i, shard);
        if (shard->open + shard->stalled > 0 && shard->durability == SES_DURABILITY_REPLICA)
            replicated++;
        else if (shard->open + shard->stalled > 0)
            others++;
    }
    view->durability = replicated > 0 && others == 0 ? SES_DURABILITY_REPLICA : SES_DURABILITY_DISK;
}

/* Names come by functions from the ranks that own them: the board knows rows only. */
static struct ses_board_view view_of(const struct ses_admin *admin)
{
    struct ses_board_view view = {
        .now_mono_ns = ses_clock_mono_ns(),
        .method_name = ses_method_metric_name,
        .method_streams = ses_method_metric_streams,
        .connector_name = ses_connector_metric_name,
    };

    if (admin->env->pg_shared != NULL)
        look_at_shards(admin->env, &view);
    if (admin->env->store_shared == NULL)
        return view;
    view.durability = admin->env->board->durability; /* no more than a disk: the least of both */
    ses_store_usage(admin->env->store_shared, &view.table_used, &view.table_room);
    view.newest_ms = ses_store_newest_ms(admin->env->store_shared);
    return view;
}

static enum ses_status render_metrics(const struct ses_admin *admin, struct ses_buf *out)
{
    struct ses_board_view view = view_of(admin);

    return ses_prometheus_render(admin->env->board, &view, out);
}

/* What is amiss while the server serves on. */
static enum ses_status render_degraded(const struct ses_readiness *readiness, struct ses_buf *out)
{
    const char *reasons[SES_READINESS_REASONS_MAX];
    size_t count = ses_readiness_reasons(readiness, reasons);

    SES_TRY(ses_buf_appendf(out, "\"degraded\":%s,\"reasons\":[", count > 0 ? "true" : "false"));
    for (size_t i = 0; i < count; i++)
        SES_TRY(ses_buf_appendf(out, "%s\"%s\"", i == 0 ? "" : ",", reasons[i]));
    return ses_buf_append_str(out, "],");
}

/* Of a database: which shard is how, and why. The log has the sentence. */
static enum ses_status render_shards(const struct ses_board_view *view, struct ses_buf *out)
{
    if (view->shards_count == 0)
        return SES_OK;
    SES_TRY(ses_buf_append_str(out, "\"shards\":["));
    for (unsigned i = 0; i < view->shards_count; i++) {
        const struct ses_pg_shard_status *shard = &view->shards[i];

        SES_TRY(ses_buf_appendf(out,
                                "%s{\"shard\":%u,\"state\":\"%s\",\"cause\":\"%s\",\"durability\":\"%s\","
                                "\"reads\":%s,\"skew_ms\":%lld,\"timeline\":%u}",
                                i == 0 ? "" : ",", i, ses_pg_view_name(shard->view),
                                ses_pg_cause_name(shard->cause), ses_durability_name(shard->durability),
                                ses_pg_shard_reads(shard) ? "true" : "false", (long long)shard->skew_ms,
                                shard->timeline));
    }
    return ses_buf_append_str(out, "],");
}

/* How many workers know the upstream server to be up or down; those that are in neither have not looked lately. */
static enum ses_status render_upstream(const struct ses_admin *admin, struct ses_buf *out)
{
    size_t cell = ses_family_info(SES_F_UPSTREAM_HEALTH)->cell;

    if (admin->env->config->upstream.grpc[0] == '\0')
        return SES_OK;
    return ses_buf_appendf(out, "\"upstream\":{\"up\":%llu,\"down\":%llu},",
                           (unsigned long long)ses_board_family(admin->env->board, cell),
                           (unsigned long long)ses_board_family(admin->env->board, cell + 1));
}

/* The body tells more than the status line: a probe needs 200 or 503, a person wants to know which
 * worker. */
static enum ses_status render_ready(const struct ses_admin *admin, struct ses_buf *out)
{
    const struct ses_board *board = admin->env->board;
    struct ses_board_view view = view_of(admin);
    uint64_t now_ns = view.now_mono_ns;
    struct ses_readiness readiness;

    ses_readiness_look(board, now_ns, &readiness);
    SES_TRY(ses_buf_appendf(out, "{\"ready\":%s,\"state\":\"%s\",", readiness.ready ? "true" : "false",
                            ses_readiness_name(&readiness)));
    SES_TRY(render_degraded(&readiness, out));
    SES_TRY(render_shards(&view, out));
    SES_TRY(render_upstream(admin, out));
    SES_TRY(ses_buf_appendf(
        out, "\"draining\":%s,\"listen\":\"%s\",\"sessions_loaded\":%llu,\"workers\":[",
        readiness.draining ? "true" : "false", board->listen,
        (unsigned long long)atomic_load_explicit(&board->sessions_loaded, memory_order_relaxed)));
    for (unsigned i = 0; i < board->workers; i++) {
        uint64_t beat_ns = ses_board_beat_ns(board, i);

        SES_TRY(ses_buf_appendf(
            out, "%s{\"slot\":%u,\"state\":\"%s\",\"pid\":%d,\"generation\":%u,\"heartbeat_age_ms\":%llu}",
            i == 0 ? "" : ",", i, ses_slot_state_name(ses_board_state(board, i)), ses_board_pid(board, i),
            ses_board_generation(board, i),
            (unsigned long long)(beat_ns > now_ns ? 0 : (now_ns - beat_ns) / SES_NS_PER_MS)));
    }
    return ses_buf_append_str(out, "]}\n");
}

static void start_metrics(struct ses_exchange *x, void *arg)
{
    answer(x, arg, 200, SES_PROMETHEUS_TYPE, render_metrics);
}

/* Alive is what answers; whether it can serve is /readyz's question. */
static void start_healthz(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply_raw(x, 200, "text/plain; charset=utf-8", SES_STR("ok\n"));
}

static void start_readyz(struct ses_exchange *x, void *arg)
{
    const struct ses_admin *admin = arg;
    struct ses_readiness readiness;

    ses_readiness_look(admin->env->board, ses_clock_mono_ns(), &readiness);
    answer(x, admin, readiness.ready ? 200 : 503, "application/json", render_ready);
}

/* For programs that look again and again. */
static void start_status(struct ses_exchange *x, void *arg)
{
    const struct ses_admin *admin = arg;
    struct ses_board_view view = view_of(admin);
    struct ses_slice json;
    enum ses_status status = ses_status_json(admin->env->board, &view, &x->arena, &json);

    ses_exchange_reply_header(x, SES_STR("cache-control"), SES_STR("no-store"));
    if (status == SES_OK)
        ses_exchange_reply_raw(x, 200, "application/json", json);
    else
        ses_exchange_fail_status(x, status, "the status could not be rendered");
}

/* A PLAIN route ending in '/' is a prefix: whatever has no route of its own arrives here. */
static void start_page(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_status_page_reply(x);
}

/* ---- life --------------------------------------------------------------------------------------------- */

enum ses_status ses_admin_new(const struct ses_child_env *env, struct ses_admin **ret_admin)
{
    static const struct {
        const char *path;
        const char *flow;
        void (*start)(struct ses_exchange *x, void *arg);
    } rows[ROUTES_COUNT] = {
        {"/metrics", "metrics", start_metrics},
        {"/healthz", "healthz", start_healthz},
        {"/readyz", "readyz", start_readyz},
        {"/status.json", "status", start_status},
        {"/openapi.json", "openapi", ses_api_description_start},
        {"/api", "api", ses_api_page_start},
        {"/", "page", start_page},
    };
    struct ses_admin *admin = calloc(1, sizeof(*admin));

    if (admin == NULL)
        return SES_NO_MEMORY;
    admin->env = env;
    for (size_t i = 0; i < ROUTES_COUNT; i++)
        admin->routes[i] = (struct ses_route){.path = rows[i].path,
                                              .kind = SES_ROUTE_PLAIN,
                                              .get = true,
                                              .flow = rows[i].flow,
                                              .metric = -1,
                                              .start = rows[i].start,
                                              .arg = admin};
    *ret_admin = admin;
    return SES_OK;
}

void ses_admin_free(struct ses_admin *admin)
{
    free(admin);
}

const struct ses_route *ses_admin_routes(const struct ses_admin *admin, size_t *ret_count)
{
    *ret_count = ROUTES_COUNT;
    return admin->routes;
}
