#include "shard.h"

#define SWEEP_DELAY_MS 30000 /* a process more than the one before it, until its first step */

/* ---- what its parts tell each other ---- */

static void wake(void *arg)
{
    const struct pg_shard *shard = arg;

    shard->events.wake(shard->events.arg);
}

static void tell_broken(struct pg_shard *shard)
{
    if (!shard->told_broken)
        ses_log_msg(
            shard->rows.options.store->log, SES_LOG_ERROR, "shard_map_broken",
            "shard %u: its tables shard and slot do not tell what each of the 4096 slots is: its sessions are "
            "refused. Run sessiondctl store schema",
            shard->number);
    shard->told_broken = true;
}

/* Before that nothing is known of its keys, and it counts as one that is not there. */
static void on_mapped(void *arg, enum pg_map_news news)
{
    struct pg_shard *shard = arg;

    shard->events.mapped(shard->events.arg, shard, news);
    ses_pg_link_serve(shard->link, shard->rows.map.known,
                      news == PG_MAP_BROKEN ? SES_PG_CAUSE_SCHEMA : SES_PG_CAUSE_CONNECTING);
    if (news == PG_MAP_BROKEN)
        tell_broken(shard);
    else
        shard->told_broken = false;
}

static void on_admission(void *arg, enum ses_pg_cause cause)
{
    struct pg_shard *shard = arg;

    shard->rows.asking.allowed = cause == SES_PG_CAUSE_NONE;
    if (cause != SES_PG_CAUSE_NONE)
        ses_pg_link_serve(shard->link, false, cause);
    wake(shard);
}

static void on_ready(void *arg, enum pg_use use)
{
    struct pg_shard *shard = arg;

    ses_pg_rows_ready(&shard->rows, use);
    wake(shard);
}

static void on_state(void *arg, enum pg_state state)
{
    struct pg_shard *shard = arg;

    (void)state;
    for (unsigned use = 0; use < PG_USE_COUNT; use++)
        ses_pg_rows_ready(&shard->rows, (enum pg_use)use);
    wake(shard);
}

static void on_link_closed(void *arg)
{
    struct pg_shard *shard = arg;

    shard->link_closed = true;
}

static void on_changed(void *arg, const struct ses_store_key *key, const uint8_t id[PG_ID_BYTES])
{
    struct pg_shard *shard = arg;

    ses_pg_watches_note(&shard->watches, key, id);
}

static void on_shown(void *arg, const struct ses_store_key *key, const uint8_t id[PG_ID_BYTES])
{
    struct pg_shard *shard = arg;

    ses_pg_watches_shown(&shard->watches, key, id);
}

static void on_written(void *arg, const struct ses_store_key *key, bool ours)
{
    struct pg_shard *shard = arg;

    ses_pg_hints_note(&shard->hints, key);
    if (!ours)
        ses_pg_watches_doubt(&shard->watches, key);
}

/* What this process put was told without. */
static void on_told(void *arg, const char *payload)
{
    struct pg_shard *shard = arg;
    struct pg_hint hint;

    if (!ses_pg_hint_read(payload, &hint) ||
        memcmp(&hint.sender, &shard->hints.sender, sizeof(hint.sender)) == 0)
        return;
    ses_pg_watches_hint(&shard->watches, &hint);
    if (shard->watches.hinted_count > 0)
        wake(shard);
}

/* ---- turning ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t ses_pg_shard_turn(struct pg_shard *shard, uint64_t now_ns)
{
    uint64_t due_ns = ses_pg_admission_turn(&shard->admission, now_ns);

    ses_pg_hints_pump(&shard->hints, now_ns, true);
    due_ns = earlier(due_ns, ses_pg_rows_turn(&shard->rows, now_ns));
    due_ns = earlier(due_ns, ses_pg_listen_turn(&shard->listen, shard->watches.count > 0, now_ns));
    due_ns =
        earlier(due_ns, ses_pg_watches_turn(&shard->watches, ses_pg_listen_relies(&shard->listen), now_ns));
    ses_pg_hints_pump(&shard->hints, now_ns, false);
    return due_ns;
}

bool ses_pg_shard_has_news(const struct pg_shard *shard)
{
    return ses_pg_rows_ended(&shard->rows) || !ses_list_empty(&shard->watches.news);
}

void ses_pg_shard_tell(struct pg_shard *shard)
{
    ses_pg_rows_tell(&shard->rows);
    ses_pg_watches_tell(&shard->watches);
}

void ses_pg_shard_rehome(struct pg_shard *shard, pg_way_fn *way, void *arg)
{
    struct ses_list strays;
    struct ses_list *node;

    ses_pg_watches_take_strays(&shard->watches, &strays);
    while ((node = ses_list_pop(&strays)) != NULL) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);
        struct pg_rows *to = NULL;

        if (way(arg, &watch->key, &to) != PG_WAY_THERE ||
            !ses_pg_watches_adopt(&SES_CONTAINER(to, struct pg_shard, rows)->watches, watch))
            ses_pg_watches_keep(&shard->watches, watch);
    }
}

/* Releases are not pending, but whoever waits for a lease's end should not have to wait for its time. */
bool ses_pg_shard_is_quiet(const struct pg_shard *shard)
{
    return shard->rows.pending == 0 && shard->rows.releases_count == 0;
}

/* ---- its life ---- */

enum ses_status ses_pg_shard_open(struct pg_shard *shard, const struct ses_pg_options *options,
                                  unsigned number, struct pg_inflight *inflight,
                                  const struct pg_shard_events *shard_events)
{
    struct pg_link_events events = {
        .ready = on_ready, .state = on_state, .told = on_told, .closed = on_link_closed, .arg = shard};
    struct pg_rows_options rows = {.shard = number,
                                   .inflight = inflight,
                                   .store = options,
                                   .changed = on_changed,
                                   .changed_arg = shard,
                                   .written = on_written,
                                   .written_arg = shard,
                                   .shown = on_shown,
                                   .shown_arg = shard,
                                   .wake = wake,
                                   .wake_arg = shard,
                                   .mapped = on_mapped,
                                   .mapped_arg = shard};
    enum ses_status status;

    shard->number = number;
    shard->events = *shard_events;
    status = ses_pg_rows_init(&shard->rows, &rows);
    ses_pg_watches_init(&shard->watches, &shard->rows);
    ses_pg_hints_init(&shard->hints, &shard->rows);
    ses_pg_listen_init(&shard->listen, &shard->rows, number);
    ses_pg_admission_init(&shard->admission, &shard->rows, on_admission, shard);
    shard->rows.asking.allowed = shard->admission.admitted;
    if (status == SES_OK)
        status = ses_pg_link_new(options, number, &events, &shard->link);
    shard->rows.options.link = shard->link;
    ses_pg_sweep_init(&shard->sweep, shard->link, number, options->metrics,
                      SWEEP_DELAY_MS * (1 + (uint64_t)options->process));
    return status;
}

void ses_pg_shard_close(struct pg_shard *shard)
{
    shard->link_closed = shard->link == NULL;
    ses_pg_link_free(shard->link);
    ses_pg_rows_tell(&shard->rows);
}

void ses_pg_shard_done(struct pg_shard *shard)
{
    ses_pg_listen_done(&shard->listen);
    ses_pg_watches_done(&shard->watches);
    ses_pg_admission_done(&shard->admission);
    ses_pg_rows_done(&shard->rows);
}
