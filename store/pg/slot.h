/* slot.h - a place for one connection, and its way to being usable: resolve the name, connect, set the
 * session up and look who is there, wait at the barrier, then one errand at a time. Which node, and what is
 * thought of it, decides the link.
 *
 *   EMPTY -> RESOLVING -> CONNECTING -> LOOKING -+-> STANDBY (looks again) -+-> BARRIER -> READY
 *                                                +--------------------------+
 *
 * The barrier is a write of the connection's own. A server that was cut off from its standby, or has
 * restarted while commits waited, shows rows that no other machine has; it cannot acknowledge a write before
 * they have got there.
 */
#ifndef SESSIOND_STORE_SLOT_H
#define SESSIOND_STORE_SLOT_H

#include "look.h"
#include "resolve.h"

enum pg_slot_state {
    PG_SLOT_EMPTY,
    PG_SLOT_RESOLVING,
    PG_SLOT_CONNECTING,
    PG_SLOT_LOOKING,
    PG_SLOT_STANDBY,
    PG_SLOT_BARRIER,
    PG_SLOT_READY
};

enum pg_errand {
    PG_ERRAND_NONE,
    PG_ERRAND_LOOK,
    PG_ERRAND_BEAT,
    PG_ERRAND_REQUEST,
    PG_ERRAND_SEAL /* the beat behind what settles: what it saw is on the standby too */
};

struct pg_slot;

struct pg_beat {
    struct pg_look look;
    uint64_t sent_ms; /* sessiond's time (clock.h): a machine that was suspended knows how long */
    int64_t skew_ms;
    bool said; /* that this machine watches */
};

struct pg_slot_ops {
    /* A look has come; the link calls ses_pg_slot_await, ses_pg_slot_beat or ses_pg_slot_close. */
    void (*looked)(struct pg_slot *slot, const struct pg_look *look);
    /* A beat is acknowledged; the first one has passed the barrier, and the slot is READY. false: it does
     * not count (the server is not what it was), and the link may have closed the slot. */
    bool (*beaten)(struct pg_slot *slot, const struct pg_beat *beat);
    /* A write was not acknowledged by the rules, and may be seen: a warning came, or its connection is gone. */
    void (*doubted)(struct pg_slot *slot, bool warned);
    /* A statement was refused while nobody else was told: greeting, look, beat. */
    void (*refused)(struct pg_slot *slot, const char *sqlstate);
    /* It takes another errand. */
    void (*idle)(struct pg_slot *slot);
    /* Somebody told a channel that it listens to; not to be closed inside. */
    void (*notified)(struct pg_slot *slot, const char *payload);
    /* It is EMPTY again, and was in that state; what it had to do has been told. */
    void (*ended)(struct pg_slot *slot, enum pg_slot_state was, const struct pg_fault *fault);
};

struct pg_slot {
    struct pg_conn conn;
    const struct pg_slot_ops *ops;
    void *owner;                          /* the link's */
    const struct ses_pg_options *options; /* the link's copy */
    const bool *watches;                  /* the link's: whether its beats say that this machine watches */
    enum pg_use use;                      /* PG_USE_COUNT: looks for a primary */
    enum pg_slot_state state;
    unsigned node;
    uint64_t since_mono_ns;      /* in this state */
    uint64_t ready_mono_ns;      /* when it became READY */
    uint64_t answered_mono_ns;   /* when the write was sent that was answered last */
    uint32_t timeline;           /* of the last look */
    char server[PG_SERVER_SIZE]; /* likewise */
    char mark[PG_MARK_SIZE];     /* of this connection's greeting */
    bool hints;                  /* of the last look: beats tell who watches */
    /* its own */
    struct pg_resolve *resolve;
    const struct pg_target *target;
    const char *password;
    unsigned address; /* which of the name's addresses */
    enum pg_errand errand;
    uint64_t sent_mono_ns;
    uint64_t sent_ms; /* these two of beats only: the first is a system call */
    uint64_t sent_wall_ms;
    bool said;
    struct pg_request *request;
    PGresult *held; /* of a request that waits to be sealed */
};

void ses_pg_slot_init(struct pg_slot *slot, const struct ses_pg_options *options, const bool *watches,
                      const struct pg_slot_ops *ops, enum pg_use use, void *owner);
/* Of an empty one; its end is told by `ended`, never inside. address: counts attempts, so that each address
 * of a name has its turn. */
void ses_pg_slot_start(struct pg_slot *slot, const struct pg_target *target, unsigned node, unsigned address,
                       const char *password);
/* EMPTY, and a request is told PG_END_UNKNOWN; neither `ended` nor `doubted` is called: what is on its way
 * is not cut short by it. */
void ses_pg_slot_close(struct pg_slot *slot);
/* [while looked, and later] It is a standby: stays, and is asked again by ses_pg_slot_look. */
void ses_pg_slot_await(struct pg_slot *slot);
void ses_pg_slot_look(struct pg_slot *slot);
/* A beat: of one that was looked at, the barrier. */
void ses_pg_slot_beat(struct pg_slot *slot);
/* [PG_RULE_BARRIER left out] As if it had been acknowledged. */
void ses_pg_slot_pass(struct pg_slot *slot, const struct pg_look *look);
void ses_pg_slot_request(struct pg_slot *slot, struct pg_request *request);

static inline bool ses_pg_slot_is_free(const struct pg_slot *slot)
{
    return slot->state == PG_SLOT_READY && slot->errand == PG_ERRAND_NONE && !slot->conn.busy;
}

/* When the write that is on its way was sent; 0: none is. */
uint64_t ses_pg_slot_waits_since(const struct pg_slot *slot);
/* Ends what is doomed, and attempts that took too long: the name and the other end's kernel are waited for during
 * connect_timeout_ms, the server's welcome for a minute, since it may be at work for us (as long as it waits itself,
 * authentication_timeout). A server that has let us in is waited for without end. */
void ses_pg_slot_turn(struct pg_slot *slot, uint64_t now_mono_ns);

#endif
