/* link_impl.h - the private half of link.h. */
#ifndef SESSIOND_STORE_LINK_IMPL_H
#define SESSIOND_STORE_LINK_IMPL_H

#include <uv.h>

#include "audience.h"
#include "fence.h"
#include "link.h"
#include "slot.h"

#define PG_POOL_MAX  (16 + 16 + 1 + 1)
#define PG_SLOTS_MAX (PG_POOL_MAX + SES_PG_NODES_MAX)
#define PG_NOBODY    SES_PG_NODES_MAX /* no node */

/* What is remembered of a node. */
struct pg_node {
    unsigned failures;     /* in a row */
    unsigned address;      /* attempts: the next of its name's addresses */
    uint64_t next_mono_ns; /* not tried before */
    enum ses_pg_cause cause;
    enum ses_pg_cause told_cause;
    uint64_t told_mono_ns;
    bool
        pooled; /* by one that does not keep sessions: it would be found out again and again, by calls that fail */
};

struct pg_link {
    struct ses_pg_options options;
    unsigned shard;
    uint32_t owner; /* pid */
    struct pg_link_events events;
    struct pg_target target;
    struct ses_secret password; /* with its NUL; empty: none */
    uv_timer_t timer;
    struct pg_node nodes[SES_PG_NODES_MAX];
    struct pg_slot slots[PG_SLOTS_MAX]; /* any of them for any use: no more are ever open */
    unsigned slots_count;
    bool settles;             /* somebody has asked for that connection */
    bool listens;             /* likewise, and it is not over */
    unsigned listen_failures; /* in a row: only this connection is of no use then, its node is */
    uint64_t listen_next_mono_ns;
    struct pg_audience audience;

    enum pg_state state;
    enum ses_pg_cause cause; /* of a state that is not OPEN */
    unsigned primary;        /* node; PG_NOBODY: none is known */
    uint32_t timeline;       /* of the primary, or of the last one */
    enum ses_pg_cause block; /* why the primary takes no writes, as it said itself; NONE: it does */
    uint64_t
        lease_ms; /* when the last beat that counts was sent, ses_clock_boot_ms; 0: none to this primary */
    uint64_t beat_mono_ns; /* when the last one was sent */
    uint64_t turn_mono_ns; /* of the last turn */
    bool late;             /* the loop stood still: what would have come may wait in the socket */
    /* Since when the primary has no connection of that use that is READY; 0: it has one. */
    uint64_t absent_mono_ns[PG_USE_COUNT];
    int64_t epoch;
    int64_t skew_ms;
    bool replica;
    bool serves;                /* ses_pg_link_serve .. */
    enum ses_pg_cause unserved; /* .. and why not */

    uint64_t states_told_mono_ns; /* since when */
    unsigned states_told;         /* .. so many lines */
    unsigned counted;             /* connections, in the metrics */
    enum pg_state told_state;
    enum ses_pg_cause told_cause;
    uint64_t skew_told_mono_ns;
    uint64_t doubt_told_mono_ns;
};

static inline const char *ses_pg_link_password(const struct pg_link *link)
{
    return link->password.bytes != NULL ? (const char *)link->password.bytes : NULL;
}

/* Without another beat that counts. */
static inline uint64_t ses_pg_link_lease_end_ms(const struct pg_link *link)
{
    return link->lease_ms + link->options.read_lease_ms;
}

/* How many are on their way or there. */
static inline unsigned ses_pg_link_count(const struct pg_link *link, enum pg_use use)
{
    unsigned count = 0;

    for (unsigned i = 0; i < link->slots_count; i++)
        count += link->slots[i].state != PG_SLOT_EMPTY && link->slots[i].use == use;
    return count;
}

#endif
