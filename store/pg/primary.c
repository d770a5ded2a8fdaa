#include "primary.h"

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

#include "rules.h"
#include "sqlstate.h"
#include "told.h"

#define BACKOFF_FIRST_MS UINT64_C(50)
#define BACKOFF_LAST_MS  UINT64_C(2000)  /* of what mends itself */
#define BACKOFF_HAND_MS  UINT64_C(10000) /* of what somebody has to mend */
#define HURRY_MS         UINT64_C(20)    /* between beats without which nothing is read */
#define GOOD_MS          UINT64_C(10000) /* a connection that lasted so long was a good one */

static struct pg_link *link_of(const struct pg_slot *slot)
{
    return slot->owner;
}

/* ---- nodes ---- */

static bool mends_itself(enum ses_pg_cause cause)
{
    return cause == SES_PG_CAUSE_NONE || cause == SES_PG_CAUSE_UNREACHABLE ||
           cause == SES_PG_CAUSE_NO_PRIMARY || cause == SES_PG_CAUSE_NO_ANSWER;
}

/* Half of it by chance, so that many processes do not come together. */
static uint64_t backoff_ns(unsigned failures, enum ses_pg_cause cause)
{
    uint64_t last = mends_itself(cause) ? BACKOFF_LAST_MS : BACKOFF_HAND_MS;
    uint64_t ms = failures < 10 ? BACKOFF_FIRST_MS << failures : last;
    uint32_t chance;

    ses_random_bytes(&chance, sizeof(chance));
    if (ms > last || !mends_itself(cause))
        ms = last;
    return ms * SES_NS_PER_MS / 2 + ms * SES_NS_PER_MS / 2 * chance / UINT32_MAX;
}

static void node_failed(struct pg_link *link, unsigned node, enum ses_pg_cause cause,
                        const struct pg_fault *fault)
{
    struct pg_node *of = &link->nodes[node];
    uint64_t now = ses_clock_mono_ns();

    ses_pg_told_node(link, node, cause, fault);
    if (now < of->next_mono_ns)
        return; /* several connections failed for one reason */
    of->next_mono_ns = now + backoff_ns(of->failures++, cause);
}

/* That there is none to listen is no reason to wait with those that payments need. */
static void slot_failed(struct pg_link *link, const struct pg_slot *slot, enum ses_pg_cause cause,
                        const struct pg_fault *fault)
{
    if (slot->use == PG_USE_LISTEN)
        link->listen_next_mono_ns = ses_clock_mono_ns() + backoff_ns(link->listen_failures++, cause);
    else
        node_failed(link, slot->node, cause, fault);
}

/* A connection that is of no use. */
static void turn_away(struct pg_link *link, struct pg_slot *slot, enum ses_pg_cause cause,
                      const struct pg_fault *fault)
{
    ses_shard_count(link->options.metrics, link->shard, SES_S_CONNECTS_FAILED, 1);
    slot_failed(link, slot, cause, fault);
    ses_pg_slot_close(slot);
}

/* Reads too: no connection to it is what it was, or its tables are not what we read. */
static void give_up_node(struct pg_link *link, unsigned node, enum ses_pg_cause cause)
{
    link->nodes[node].pooled = link->nodes[node].pooled || cause == SES_PG_CAUSE_POOLER;
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].state != PG_SLOT_EMPTY && link->slots[i].node == node)
            ses_pg_slot_close(&link->slots[i]);
    node_failed(link, node, cause, NULL);
}

/* ---- the state ---- */

/* Of all nodes' causes that which tells most. */
static enum ses_pg_cause search_cause(const struct pg_link *link)
{
    static const enum ses_pg_cause ranked[] = {
        SES_PG_CAUSE_POOLER,    SES_PG_CAUSE_FORMAT,      SES_PG_CAUSE_SCHEMA,     SES_PG_CAUSE_RIGHTS,
        SES_PG_CAUSE_READ_ONLY, SES_PG_CAUSE_DISK_FULL,   SES_PG_CAUSE_NO_STANDBY, SES_PG_CAUSE_NO_ANSWER,
        SES_PG_CAUSE_TOO_MANY,  SES_PG_CAUSE_PASSWORD,    SES_PG_CAUSE_DATABASE,   SES_PG_CAUSE_TLS,
        SES_PG_CAUSE_REFUSED,   SES_PG_CAUSE_OLD_PRIMARY, SES_PG_CAUSE_NO_PRIMARY, SES_PG_CAUSE_UNREACHABLE};

    for (size_t i = 0; i < sizeof(ranked) / sizeof(ranked[0]); i++)
        for (unsigned node = 0; node < link->target.names.nodes; node++)
            if (link->nodes[node].cause == ranked[i])
                return ranked[i];
    return SES_PG_CAUSE_CONNECTING;
}

/* For how long the primary has been silent: since the first of the writes that wait was sent, unless one
 * that was sent later is answered (then that one alone waits, for a lock), or since nothing can take a
 * write. */
static uint64_t unanswered_ns(const struct pg_link *link)
{
    uint64_t oldest = link->absent_mono_ns[PG_USE_WRITE], answered = 0;

    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].use != PG_USE_COUNT && link->slots[i].answered_mono_ns > answered)
            answered = link->slots[i].answered_mono_ns;
    for (unsigned i = 0; i < link->slots_count; i++) {
        uint64_t since = link->slots[i].use != PG_USE_COUNT ? ses_pg_slot_waits_since(&link->slots[i]) : 0;

        if (since > answered && (oldest == 0 || since < oldest))
            oldest = since;
    }
    return oldest == 0 ? 0 : ses_clock_mono_ns() - oldest;
}

static enum pg_state judge_state(const struct pg_link *link, enum ses_pg_cause *ret_cause)
{
    *ret_cause = SES_PG_CAUSE_NONE;
    if (link->primary == PG_NOBODY) {
        *ret_cause = search_cause(link);
        return PG_STATE_SEARCHING;
    }
    if (link->block != SES_PG_CAUSE_NONE)
        *ret_cause = link->block;
    else if (unanswered_ns(link) > link->options.stall_ms * SES_NS_PER_MS &&
             !(link->late && link->state == PG_STATE_OPEN))
        *ret_cause = link->nodes[link->primary].cause != SES_PG_CAUSE_NONE ? link->nodes[link->primary].cause
                                                                           : SES_PG_CAUSE_NO_ANSWER;
    return *ret_cause == SES_PG_CAUSE_NONE ? PG_STATE_OPEN : PG_STATE_STALLED;
}

static void note_absent(struct pg_link *link, enum pg_use use)
{
    uint64_t *absent_mono_ns = &link->absent_mono_ns[use];
    bool there = link->primary == PG_NOBODY;

    for (unsigned i = 0; i < link->slots_count; i++)
        there = there || (link->slots[i].use == use && link->slots[i].state == PG_SLOT_READY);
    if (there)
        *absent_mono_ns = 0;
    else if (*absent_mono_ns == 0)
        *absent_mono_ns = ses_clock_mono_ns();
}

static void lose_primary(struct pg_link *link, enum ses_pg_cause cause)
{
    unsigned node = link->primary;

    link->primary = PG_NOBODY;
    ses_pg_audience_forget(&link->audience);
    link->lease_ms = 0;
    link->block = SES_PG_CAUSE_NONE;
    if (cause != SES_PG_CAUSE_NONE)
        node_failed(link, node, cause, NULL);
}

static bool has_primary(const struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].state == PG_SLOT_READY && link->slots[i].use != PG_USE_COUNT &&
            link->slots[i].timeline == link->timeline)
            return true;
    return false;
}

static void update_state(struct pg_link *link)
{
    enum ses_pg_cause cause;
    enum pg_state before = link->state;

    if (link->primary != PG_NOBODY && !has_primary(link))
        lose_primary(link, SES_PG_CAUSE_NONE);
    note_absent(link, PG_USE_WRITE);
    note_absent(link, PG_USE_READ);
    link->state = judge_state(link, &cause);
    link->cause = cause;
    ses_pg_told_state(link);
    if (link->state == before)
        return;
    if (link->state == PG_STATE_STALLED && link->block == SES_PG_CAUSE_NONE)
        ses_shard_count(link->options.metrics, link->shard, SES_S_STALLS, 1);
    link->events.state(link->events.arg, link->state);
    for (unsigned i = 0; i < link->slots_count && link->state == PG_STATE_OPEN; i++)
        if (link->slots[i].use != PG_USE_COUNT && ses_pg_slot_is_free(&link->slots[i]))
            link->events.ready(link->events.arg, link->slots[i].use);
}

/* ---- the primary ---- */

/* Those of an earlier timeline: nothing that they are told counts any more. */
static void drop_older(struct pg_link *link, uint32_t timeline)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].timeline != 0 && link->slots[i].timeline < timeline)
            ses_pg_slot_close(&link->slots[i]);
}

/* On their way to a node that is not the primary any more: their places are wanted. */
static void drop_elsewhere(struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++) {
        struct pg_slot *slot = &link->slots[i];

        if (slot->use != PG_USE_COUNT && slot->state < PG_SLOT_BARRIER && slot->node != link->primary)
            ses_pg_slot_close(slot);
    }
}

/* Which use a connection that was looking for a primary has from now on. */
static bool enlist(struct pg_link *link, struct pg_slot *slot)
{
    if (slot->use != PG_USE_COUNT)
        return true;
    if (ses_pg_link_count(link, PG_USE_WRITE) < link->options.write_connections)
        slot->use = PG_USE_WRITE;
    else if (ses_pg_link_count(link, PG_USE_READ) < link->options.read_connections)
        slot->use = PG_USE_READ;
    else
        return false;
    return true;
}

/* The barrier is passed: this server is a primary, and has its standby. Another node is taken for one only
 * with a later timeline; two names of one server are no reason to change. */
static bool adopt(struct pg_link *link, struct pg_slot *slot)
{
    struct pg_node *node = &link->nodes[slot->node];

    if (link->primary != PG_NOBODY && slot->timeline <= link->timeline && slot->node != link->primary)
        return false;
    if (slot->timeline > link->timeline && link->timeline != 0)
        ses_shard_count(link->options.metrics, link->shard, SES_S_PRIMARIES, 1);
    if (link->primary == PG_NOBODY || slot->timeline > link->timeline) {
        link->timeline = slot->timeline;
        link->primary = slot->node;
        link->lease_ms = 0;
        link->block = SES_PG_CAUSE_NONE;
        node->told_cause = SES_PG_CAUSE_NONE;
        ses_pg_audience_forget(&link->audience);
        drop_older(link, slot->timeline);
        drop_elsewhere(link);
    }
    node->cause = SES_PG_CAUSE_NONE;
    return enlist(link, slot);
}

static void take_beat(struct pg_link *link, const struct pg_beat *beat)
{
    int64_t skew_ms = beat->skew_ms;

    if (beat->sent_ms > link->lease_ms)
        link->lease_ms = beat->sent_ms;
    ses_pg_audience_beat(&link->audience, &beat->look, beat->said, beat->sent_ms, ses_clock_boot_ms());
    link->block = SES_PG_CAUSE_NONE;
    link->epoch = beat->look.epoch;
    link->replica = beat->look.replica;
    link->skew_ms = skew_ms;
    if ((skew_ms < 0 ? -skew_ms : skew_ms) > (int64_t)link->options.skew_max_ms)
        ses_pg_told_skew(link);
}

/* ---- what connections tell ---- */

static enum ses_pg_cause judge(const struct pg_link *link, const struct pg_look *look)
{
    uint32_t highest =
        ses_pg_rule(PG_RULE_FENCE) ? ses_pg_fence_timeline(link->options.shared, link->shard) : 0;

    return ses_pg_look_judge(look, link->shard, highest,
                             ses_pg_rule(PG_RULE_REPLICA) ? link->options.durability : SES_DURABILITY_DISK);
}

/* What a server says of itself and may take back. */
static bool may_change(enum ses_pg_cause cause)
{
    return cause == SES_PG_CAUSE_READ_ONLY || cause == SES_PG_CAUSE_NO_STANDBY;
}

static bool is_primary(const struct pg_link *link, const struct pg_slot *slot)
{
    return slot->node == link->primary && slot->timeline == link->timeline;
}

static void on_looked(struct pg_slot *slot, const struct pg_look *look)
{
    struct pg_link *link = link_of(slot);
    enum ses_pg_cause cause = link->nodes[slot->node].pooled ? SES_PG_CAUSE_POOLER : judge(link, look);

    if (cause == SES_PG_CAUSE_NONE) {
        if (ses_pg_rule(PG_RULE_BARRIER))
            ses_pg_slot_beat(slot);
        else
            ses_pg_slot_pass(slot, look);
        return;
    }
    ses_pg_told_node(link, slot->node, cause, NULL);
    if (slot->use == PG_USE_COUNT && (cause == SES_PG_CAUSE_NO_PRIMARY || may_change(cause))) {
        ses_pg_slot_await(slot); /* what may change while it is connected: asked again */
    } else {
        turn_away(link, slot, cause, NULL);
    }
    update_state(link);
}

static bool on_beaten(struct pg_slot *slot, const struct pg_beat *beat)
{
    struct pg_link *link = link_of(slot);
    enum ses_pg_cause cause = judge(link, &beat->look);
    bool counts = cause == SES_PG_CAUSE_NONE;

    if (counts && ses_pg_rule(PG_RULE_FENCE))
        counts = ses_pg_fence_raise(link->options.shared, link->shard, slot->timeline) == slot->timeline;
    if (counts && adopt(link, slot)) {
        take_beat(link, beat);
    } else if (!counts && is_primary(link, slot) && may_change(cause)) {
        link->block = cause;
        link->replica = beat->look.replica;
    } else if (cause == SES_PG_CAUSE_POOLER || cause == SES_PG_CAUSE_FORMAT) {
        give_up_node(link, slot->node, cause);
    } else {
        counts = false;
        turn_away(link, slot, cause, NULL);
    }
    update_state(link);
    return counts;
}

static void on_doubted(struct pg_slot *slot, bool warned)
{
    struct pg_link *link = link_of(slot);

    if (warned)
        ses_shard_count(link->options.metrics, link->shard, SES_S_UNREPLICATED, 1);
    if (slot->timeline < link->timeline)
        return; /* of a server that is not believed anyway */
    ses_pg_fence_doubt(link->options.shared, link->shard, ses_clock_boot_ms());
    link->beat_mono_ns = 0;
    ses_pg_told_doubt(link);
}

/* Of a primary that was one: it stays, and is asked again by the next beat. */
static void on_refused(struct pg_slot *slot, const char *sqlstate)
{
    struct pg_link *link = link_of(slot);
    struct pg_fault fault = {.sqlstate = ""};
    enum ses_pg_cause cause = sqlstate[0] == '\0' ? SES_PG_CAUSE_REFUSED : ses_pg_cause_of(sqlstate, "");

    for (unsigned i = 0; i < sizeof(fault.sqlstate) && sqlstate[i] != '\0'; i++)
        fault.sqlstate[i] = sqlstate[i];
    if (slot->state == PG_SLOT_READY) {
        link->block = cause;
        ses_pg_told_node(link, slot->node, cause, &fault);
        link->nodes[slot->node].cause = SES_PG_CAUSE_NONE;
    } else {
        turn_away(link, slot, cause, &fault);
    }
    update_state(link);
}

static void on_idle(struct pg_slot *slot)
{
    struct pg_link *link = link_of(slot);

    ses_pg_primary_beat(link);
    if (ses_pg_slot_is_free(slot) &&
        (link->state == PG_STATE_OPEN || slot->use == PG_USE_READ || slot->use == PG_USE_LISTEN))
        link->events.ready(link->events.arg, slot->use);
}

static void on_notified(struct pg_slot *slot, const char *payload)
{
    const struct pg_link *link = link_of(slot);

    if (link->events.told != NULL)
        link->events.told(link->events.arg, payload);
}

static void on_ended(struct pg_slot *slot, enum pg_slot_state was, const struct pg_fault *fault)
{
    struct pg_link *link = link_of(slot);
    struct pg_node *node = &link->nodes[slot->node];
    enum ses_pg_cause cause = ses_pg_cause_of(fault->sqlstate, fault->text);

    /* A connection that was there has passed its handshake, whatever TLS says of its end. */
    if (was >= PG_SLOT_LOOKING && cause == SES_PG_CAUSE_TLS)
        cause = SES_PG_CAUSE_UNREACHABLE;
    if (was == PG_SLOT_READY && ses_clock_mono_ns() > slot->ready_mono_ns + GOOD_MS * SES_NS_PER_MS) {
        ses_pg_told_node(link, slot->node, cause, fault);
        *(slot->use == PG_USE_LISTEN ? &link->listen_failures : &node->failures) = 0;
    } else {
        ses_shard_count(link->options.metrics, link->shard, SES_S_CONNECTS_FAILED, was < PG_SLOT_READY);
        node->address += was < PG_SLOT_LOOKING;
        slot_failed(link, slot, cause, fault);
    }
    update_state(link);
}

const struct pg_slot_ops ses_pg_primary_ops = {
    .looked = on_looked,
    .beaten = on_beaten,
    .doubted = on_doubted,
    .refused = on_refused,
    .idle = on_idle,
    .notified = on_notified,
    .ended = on_ended,
};

/* ---- time ---- */

/* In time; and at once when the lease ran out although the primary answers: this machine was suspended, and whoever woke
 * with it reads already. */
static bool beat_is_due(const struct pg_link *link)
{
    uint64_t since_ns = ses_clock_mono_ns() - link->beat_mono_ns;

    if (since_ns >= link->options.beat_ms * SES_NS_PER_MS)
        return true;
    return link->block == SES_PG_CAUSE_NONE && since_ns >= HURRY_MS * SES_NS_PER_MS &&
           ses_clock_boot_ms() >= ses_pg_link_lease_end_ms(link);
}

void ses_pg_primary_beat(struct pg_link *link)
{
    struct pg_slot *free_slot = NULL;

    if (link->primary == PG_NOBODY || !beat_is_due(link))
        return;
    for (unsigned i = 0; i < link->slots_count; i++) {
        struct pg_slot *slot = &link->slots[i];

        if (slot->use != PG_USE_WRITE || slot->state != PG_SLOT_READY)
            continue;
        if (slot->errand == PG_ERRAND_BEAT)
            return;
        if (free_slot == NULL && ses_pg_slot_is_free(slot))
            free_slot = slot;
    }
    if (free_slot == NULL)
        return;
    link->beat_mono_ns = ses_clock_mono_ns();
    ses_pg_slot_beat(free_slot);
}

void ses_pg_primary_turn(struct pg_link *link)
{
    if (link->primary != PG_NOBODY && ses_pg_rule(PG_RULE_FENCE) &&
        ses_pg_fence_timeline(link->options.shared, link->shard) > link->timeline) {
        link->timeline = ses_pg_fence_timeline(link->options.shared, link->shard);
        lose_primary(link, SES_PG_CAUSE_OLD_PRIMARY);
        drop_older(link, link->timeline);
    }
    for (unsigned i = 0; i < link->slots_count; i++) {
        const struct pg_slot *slot = &link->slots[i];

        if (slot->state == PG_SLOT_BARRIER && slot->use == PG_USE_COUNT &&
            ses_clock_mono_ns() > slot->since_mono_ns + link->options.stall_ms * SES_NS_PER_MS)
            ses_pg_told_node(link, slot->node, SES_PG_CAUSE_NO_ANSWER, NULL);
    }
    ses_pg_primary_beat(link);
    update_state(link);
}
