#include "listen.h"

#include <sessiond/base/units.h>

#include "hints.h"
#include "rows_impl.h"

#define EVERY_NS (500 * SES_NS_PER_MS)  /* a LISTEN */
#define AGAIN_NS (100 * SES_NS_PER_MS)  /* .. when there is no connection for it */
#define LIVES_NS (1500 * SES_NS_PER_MS) /* how long an answer counts */
#define KEEP_NS  (60 * SES_NS_PER_S)    /* the connection, when nothing is watched any more */
#define TOLD_NS  (60 * SES_NS_PER_S)

const struct pg_statement ses_pg_listen_sql = {
    .name = "sessiond_listen", .text = "LISTEN " PG_HINT_CHANNEL, .params = 0, .types = NULL};

void ses_pg_listen_init(struct pg_listen *listen, struct pg_rows *rows, unsigned shard)
{
    *listen = (struct pg_listen){.rows = rows, .shard = shard};
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_listen *listen = request->arg;

    listen->asking = false;
    listen->heard_ns = answer->end == PG_END_DONE ? request->sent_mono_ns : 0;
    ses_pg_sent_ended(listen->rows, PG_USE_LISTEN);
}

static void ask(struct pg_listen *listen, uint64_t now_ns)
{
    listen->asked_on = ses_pg_link_listener(listen->rows->options.link);
    listen->request = (struct pg_request){.statement = &ses_pg_listen_sql, .done = on_done, .arg = listen};
    listen->asking = ses_pg_send(listen->rows, PG_USE_LISTEN, &listen->request);
    listen->next_ns = now_ns + (listen->asking ? EVERY_NS : AGAIN_NS);
    if (!listen->asking) /* the one that did is gone */
        listen->heard_ns = 0;
}

/* The connection that was asked has gone, and another one may be there already, deaf. */
static void look_for_another(struct pg_listen *listen)
{
    uint64_t listener = ses_pg_link_listener(listen->rows->options.link);

    if (listen->asked_on == listener)
        return;
    listen->heard_ns = 0;
    if (listener != 0)
        listen->next_ns = 0;
}

/* ---- how this process watches ---- */

static void count(const struct pg_listen *listen, int64_t n)
{
    static const enum ses_shard_counter gauges[] = {
        [PG_WATCHING_BY_LOOKS] = SES_S_WATCH_LOOKS, [PG_WATCHING_BY_HINTS] = SES_S_WATCH_HINTS};

    if (listen->how != PG_WATCHING_NOTHING)
        ses_shard_gauge_add(listen->rows->options.store->metrics, listen->shard, gauges[listen->how], n);
}

static void tell(struct pg_listen *listen, uint64_t now_ns)
{
    if (listen->rows->options.store->log == NULL ||
        (listen->told_ns != 0 && now_ns < listen->told_ns + TOLD_NS))
        return;
    listen->told_ns = now_ns;
    ses_log_msg(
        listen->rows->options.store->log, SES_LOG_WARN, "shard_watch_polls",
        "shard %u: hints of what other machines put cannot be relied upon just now (the connection that listens "
        "is gone, beats are not acknowledged, or an older sessiond writes): what is watched is looked at instead, "
        "which costs the primary more",
        listen->shard);
}

static void watch_by(struct pg_listen *listen, enum pg_watching how, uint64_t now_ns)
{
    if (how == listen->how)
        return;
    if (listen->how == PG_WATCHING_BY_HINTS && how == PG_WATCHING_BY_LOOKS)
        tell(listen, now_ns);
    count(listen, -1);
    listen->how = how;
    count(listen, 1);
}

static enum pg_watching judge(const struct pg_listen *listen, bool watched, uint64_t now_ns)
{
    if (!watched)
        return PG_WATCHING_NOTHING;
    return listen->heard_ns != 0 && now_ns < listen->heard_ns + LIVES_NS &&
                   ses_pg_link_is_known(listen->rows->options.link)
               ? PG_WATCHING_BY_HINTS
               : PG_WATCHING_BY_LOOKS;
}

/* A pooler that does not keep sessions would take the LISTEN for somebody else's. */
static bool wants(const struct pg_listen *listen, uint64_t now_ns)
{
    return listen->rows->options.store->prepare && listen->wanted_ns != 0 &&
           now_ns < listen->wanted_ns + KEEP_NS;
}

uint64_t ses_pg_listen_turn(struct pg_listen *listen, bool watched, uint64_t now_ns)
{
    bool listens;

    if (watched)
        listen->wanted_ns = now_ns;
    listens = wants(listen, now_ns);
    ses_pg_link_listen(listen->rows->options.link, listens);
    if (!listen->asking)
        look_for_another(listen);
    if (listens && !listen->asking && now_ns >= listen->next_ns)
        ask(listen, now_ns);
    if (!listens)
        listen->heard_ns = 0;
    watch_by(listen, judge(listen, watched, now_ns), now_ns);
    if (!listens)
        return UINT64_MAX;
    return listen->asking ? now_ns + EVERY_NS : listen->next_ns;
}

void ses_pg_listen_done(struct pg_listen *listen)
{
    watch_by(listen, PG_WATCHING_NOTHING, 0);
}
