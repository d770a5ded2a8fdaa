#include "link.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/clock.h>

#include "primary.h"
#include "rules.h"
#include "search.h"

#define TURN_MS 50
#define LATE_MS 500

/* ---- what it says ---- */

enum pg_state ses_pg_link_state(const struct pg_link *link)
{
    return link->state;
}

/* Whether another process of this machine has seen a later primary. */
static bool is_fenced(const struct pg_link *link)
{
    return ses_pg_rule(PG_RULE_FENCE) &&
           ses_pg_fence_timeline(link->options.shared, link->shard) > link->timeline;
}

static bool is_in_doubt(const struct pg_link *link)
{
    return ses_pg_rule(PG_RULE_DOUBT) &&
           link->lease_ms <= ses_pg_fence_doubted_ms(link->options.shared, link->shard);
}

/* A reader whose barrier hangs while writers have passed theirs: nobody shall wait for it as long as the
 * lease lasts. */
static bool has_no_reader(const struct pg_link *link)
{
    uint64_t absent = link->absent_mono_ns[PG_USE_READ];

    return absent != 0 && ses_clock_mono_ns() > absent + link->options.stall_ms * SES_NS_PER_MS;
}

/* Until when reads may be answered, ses_clock_boot_ms; 0: they may not. */
static uint64_t reads_until_ms(const struct pg_link *link)
{
    if (link->primary == PG_NOBODY || is_fenced(link) || is_in_doubt(link) || has_no_reader(link))
        return 0;
    return ses_pg_rule(PG_RULE_LEASE) ? ses_pg_link_lease_end_ms(link) : UINT64_MAX;
}

bool ses_pg_link_may_read(const struct pg_link *link)
{
    return ses_clock_boot_ms() < reads_until_ms(link);
}

int64_t ses_pg_link_epoch(const struct pg_link *link)
{
    return link->epoch;
}

int64_t ses_pg_link_skew_ms(const struct pg_link *link)
{
    return link->skew_ms;
}

enum ses_durability ses_pg_link_durability(const struct pg_link *link)
{
    return link->replica ? SES_DURABILITY_REPLICA : SES_DURABILITY_DISK;
}

bool ses_pg_link_is_watched(const struct pg_link *link)
{
    return ses_pg_audience_is_watched(&link->audience, ses_clock_boot_ms());
}

bool ses_pg_link_is_known(const struct pg_link *link)
{
    return ses_pg_audience_is_known(&link->audience, ses_clock_boot_ms());
}

/* ---- what it takes ---- */

/* The next beat is sent at once: the others shall know. */
void ses_pg_link_listen(struct pg_link *link, bool listens)
{
    if (listens && !link->listens)
        link->beat_mono_ns = 0;
    link->listens = listens;
}

/* No two are ready at the same nanosecond. */
uint64_t ses_pg_link_listener(const struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].use == PG_USE_LISTEN && link->slots[i].state == PG_SLOT_READY)
            return link->slots[i].ready_mono_ns;
    return 0;
}

static struct pg_slot *free_slot(struct pg_link *link, enum pg_use use)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].use == use && ses_pg_slot_is_free(&link->slots[i]))
            return &link->slots[i];
    return NULL;
}

bool ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    struct pg_slot *slot;

    SES_REQUIRE(use < PG_USE_COUNT);
    link->settles = link->settles || use == PG_USE_SETTLE;
    if (link->primary == PG_NOBODY || is_fenced(link) ||
        (use == PG_USE_WRITE && link->state != PG_STATE_OPEN))
        return false;
    slot = free_slot(link, use);
    if (slot == NULL)
        return false;
    ses_pg_slot_request(slot, request);
    return true;
}

/* ---- time ---- */

static void tell(const struct pg_link *link, enum ses_pg_view view)
{
    const struct pg_cell cell = {
        .owner = link->owner,
        .view = view,
        .cause = link->cause == SES_PG_CAUSE_NONE && !link->serves ? link->unserved : link->cause,
        .durability = ses_pg_link_durability(link),
        .skew_ms = link->skew_ms,
        .epoch = link->epoch,
        .reads_until_ms = link->absent_mono_ns[PG_USE_READ] != 0 ? 0 : reads_until_ms(link),
    };

    ses_pg_fence_tell(link->options.shared, link->shard, link->options.process, &cell);
}

static enum ses_pg_view view_of(const struct pg_link *link)
{
    static const enum ses_pg_view views[] = {[PG_STATE_SEARCHING] = SES_PG_SEARCHING,
                                             [PG_STATE_OPEN] = SES_PG_OPEN,
                                             [PG_STATE_STALLED] = SES_PG_STALLED};

    return link->serves ? views[link->state] : SES_PG_SEARCHING;
}

void ses_pg_link_serve(struct pg_link *link, bool serves, enum ses_pg_cause cause)
{
    if (link->serves == serves && link->unserved == cause)
        return;
    link->serves = serves;
    link->unserved = cause;
    tell(link, view_of(link));
}

static void count_connections(struct pg_link *link)
{
    unsigned count = 0;

    for (unsigned i = 0; i < link->slots_count; i++)
        count += link->slots[i].conn.pg != NULL;
    if (count != link->counted)
        ses_shard_gauge_add(link->options.metrics, link->shard, SES_S_CONNECTIONS,
                            (int64_t)count - (int64_t)link->counted);
    link->counted = count;
}

static void on_turn(uv_timer_t *timer)
{
    struct pg_link *link = timer->data;
    uint64_t now_ns = ses_clock_mono_ns();

    link->late = now_ns - link->turn_mono_ns > LATE_MS * SES_NS_PER_MS;
    link->turn_mono_ns = now_ns;
    for (unsigned i = 0; i < link->slots_count; i++)
        ses_pg_slot_turn(&link->slots[i], now_ns);
    ses_pg_primary_turn(link);
    ses_pg_search_turn(link);
    count_connections(link);
    tell(link, view_of(link));
}

/* ---- its life ---- */

static void free_link(struct pg_link *link)
{
    ses_pg_target_done(&link->target);
    ses_secret_free(&link->password);
    free(link);
}

static enum ses_status take_password(struct pg_link *link, const struct ses_secret *password)
{
    if (password == NULL || password->len == 0)
        return SES_OK;
    SES_TRY(ses_secret_new(password->len + 1, &link->password));
    memcpy(link->password.bytes, password->bytes, password->len);
    return SES_OK;
}

static unsigned slots_of(const struct pg_link *link)
{
    return link->options.write_connections + link->options.read_connections + 1 + 1 +
           link->target.names.nodes;
}

static bool options_are_whole(const struct ses_pg_options *options, unsigned shard)
{
    return options->loop != NULL && options->shared != NULL && options->log != NULL &&
           shard < options->shards_count && options->process < SES_PG_PROCESSES_MAX &&
           options->read_lease_ms != 0 && options->beat_ms != 0 && options->stall_ms != 0 &&
           options->connect_timeout_ms != 0 && options->write_connections >= 1 &&
           options->write_connections <= 16 && options->read_connections >= 1 &&
           options->read_connections <= 16;
}

enum ses_status ses_pg_link_new(const struct ses_pg_options *options, unsigned shard,
                                const struct pg_link_events *events, struct pg_link **ret_link)
{
    struct pg_link *link = calloc(1, sizeof(*link));
    struct ses_fault fault;
    enum ses_status status;

    SES_REQUIRE(options_are_whole(options, shard));
    if (link == NULL)
        return SES_NO_MEMORY;
    link->options = *options;
    link->options.password = NULL;
    link->shard = shard;
    link->owner = (uint32_t)getpid();
    link->events = *events;
    link->primary = PG_NOBODY;
    link->state = PG_STATE_SEARCHING;
    link->cause = SES_PG_CAUSE_CONNECTING;
    ses_pg_audience_init(&link->audience);
    link->unserved = SES_PG_CAUSE_CONNECTING;
    status = ses_pg_target_init(&link->target, options->shards[shard], &fault);
    if (status == SES_OK)
        status = take_password(link, options->password);
    if (status != SES_OK) {
        free_link(link);
        return status;
    }
    link->slots_count = slots_of(link);
    for (unsigned i = 0; i < link->slots_count; i++)
        ses_pg_slot_init(&link->slots[i], &link->options, &link->listens, &ses_pg_primary_ops, PG_USE_COUNT,
                         link);
    (void)uv_timer_init(link->options.loop, &link->timer);
    link->timer.data = link;
    (void)uv_timer_start(&link->timer, on_turn, 0, TURN_MS);
    tell(link, SES_PG_SEARCHING); /* the word of a predecessor that was killed would count for seconds */
    *ret_link = link;
    return SES_OK;
}

/* Pools of polls were closed before: this is the last handle. */
static void on_timer_closed(uv_handle_t *handle)
{
    struct pg_link *link = handle->data;

    if (link->events.closed != NULL)
        link->events.closed(link->events.arg);
    free_link(link);
}

void ses_pg_link_free(struct pg_link *link)
{
    if (link == NULL)
        return;
    link->primary = PG_NOBODY;
    link->state = PG_STATE_SEARCHING;
    (void)uv_timer_stop(&link->timer);
    for (unsigned i = 0; i < link->slots_count; i++)
        ses_pg_slot_close(&link->slots[i]);
    count_connections(link);
    tell(link, SES_PG_NOBODY);
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}
