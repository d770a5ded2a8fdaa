#include "search.h"

#include <sessiond/base/clock.h>

#define STANDBY_MS 250

static struct pg_slot *empty_slot(struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].state == PG_SLOT_EMPTY)
            return &link->slots[i];
    return NULL;
}

static void start(struct pg_link *link, unsigned node, enum pg_use use)
{
    struct pg_slot *slot = empty_slot(link);

    if (slot == NULL)
        return;
    slot->use = use;
    ses_shard_count(link->options.metrics, link->shard, SES_S_CONNECTS, 1);
    ses_pg_slot_start(slot, &link->target, node, link->nodes[node].address, ses_pg_link_password(link));
}

static void refill(struct pg_link *link, enum pg_use use, unsigned wanted)
{
    for (unsigned have = ses_pg_link_count(link, use); have < wanted; have++)
        start(link, link->primary, use);
}

static bool is_tried(const struct pg_link *link, unsigned node)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].state != PG_SLOT_EMPTY && link->slots[i].node == node)
            return true;
    return false;
}

static void probe(struct pg_link *link, uint64_t now_ns)
{
    for (unsigned node = 0; node < link->target.names.nodes; node++)
        if (now_ns >= link->nodes[node].next_mono_ns && !is_tried(link, node))
            start(link, node, PG_USE_COUNT);
}

/* A standby may be promoted while we look. */
static void ask_again(struct pg_link *link, uint64_t now_ns)
{
    for (unsigned i = 0; i < link->slots_count; i++) {
        struct pg_slot *slot = &link->slots[i];

        if (slot->state != PG_SLOT_STANDBY || slot->errand != PG_ERRAND_NONE || slot->conn.busy ||
            now_ns < slot->since_mono_ns + STANDBY_MS * SES_NS_PER_MS)
            continue;
        ses_pg_slot_look(slot);
    }
}

/* One that waits at the barrier is left there: a backend that waits for a standby does not end with its client. */
static void give_up_probes(struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].use == PG_USE_COUNT && link->slots[i].state < PG_SLOT_BARRIER)
            ses_pg_slot_close(&link->slots[i]);
}

/* One that waits for the standby is left there, likewise. */
static void stop_listening(struct pg_link *link)
{
    for (unsigned i = 0; i < link->slots_count; i++)
        if (link->slots[i].use == PG_USE_LISTEN && ses_pg_slot_is_free(&link->slots[i]))
            ses_pg_slot_close(&link->slots[i]);
}

void ses_pg_search_turn(struct pg_link *link)
{
    uint64_t now_ns = ses_clock_mono_ns();

    if (link->primary != PG_NOBODY && now_ns >= link->nodes[link->primary].next_mono_ns) {
        refill(link, PG_USE_WRITE, link->options.write_connections);
        refill(link, PG_USE_READ, link->options.read_connections);
        refill(link, PG_USE_SETTLE, link->settles ? 1 : 0);
        if (now_ns >= link->listen_next_mono_ns)
            refill(link, PG_USE_LISTEN, link->listens ? 1 : 0);
    }
    if (!link->listens)
        stop_listening(link);
    if (link->state == PG_STATE_OPEN) {
        give_up_probes(link);
        return;
    }
    probe(link, now_ns);
    ask_again(link, now_ns);
}
