/* link.h - the connections of this process to one shard: who is the primary, what may be asked of it, and one
 * statement at a time on each connection.
 *
 * A connection has one of four uses. Writes and reads have connections of their own (a read behind a commit would
 * wait for the standby), and settling has one: what it repeats may wait for as long as the standby is away. One listens, while
 * this process watches anything.
 * A connection that waits is never given up for a deadline (backends that wait for a standby do not end with their
 * clients, and would fill the server): it counts until its socket dies or a node with a higher timeline accepts.
 */
#ifndef SESSIOND_STORE_LINK_H
#define SESSIOND_STORE_LINK_H

#include <libpq-fe.h>

#include <sessiond/store/store_pg.h>

enum pg_use { PG_USE_WRITE, PG_USE_READ, PG_USE_SETTLE, PG_USE_LISTEN, PG_USE_COUNT };

/* How a statement ended. */
enum pg_end {
    PG_END_DONE,    /* committed, and no warning came: result holds rows and counts */
    PG_END_REFUSED, /* the server said no: surely nothing was written. sqlstate tells why */
    PG_END_UNKNOWN  /* sent; the connection died, or a warning came: it may be written, now or later */
};

struct pg_answer {
    enum pg_end end;
    const PGresult *result; /* PG_END_DONE: the link's, until done returns */
    char sqlstate[6];       /* PG_END_REFUSED */
    bool elsewhere;         /* [slot] PG_END_REFUSED: a guard did not hold */
};

/* A statement that a link prepares on each connection as it is needed, or sends unnamed (options->prepare). */
struct pg_statement {
    const char *name;
    const char *text;
    int params;
    const Oid *types;
};

/* One statement on its way. The caller's memory until done, which comes exactly once, never inside
 * ses_pg_link_send. Parameters are binary and are copied by libpq inside send. */
struct pg_request {
    const struct pg_statement *statement;
    const char *const *values;
    const int *lengths;
    void (*done)(struct pg_request *request, const struct pg_answer *answer);
    void *arg;
    uint64_t sent_mono_ns; /* set by the link */
    void *connection;      /* the link's */
};

/* What a shard's primary is to this process just now. */
enum pg_state {
    PG_STATE_SEARCHING, /* no primary known: new writes and reads are SES_UNAVAILABLE at once */
    PG_STATE_OPEN,
    PG_STATE_STALLED /* no write was answered for options->stall_ms: writes are refused at once, reads go on */
};

struct pg_link;

struct pg_link_events {
    /* A connection of that use is free (again), or the state has changed: hand over what waits. */
    void (*ready)(void *arg, enum pg_use use);
    void (*state)(void *arg, enum pg_state state);
    /* Somebody told the channel that the listening connection has asked for. The link is not to be freed inside. May be
     * NULL. */
    void (*told)(void *arg, const char *payload);
    /* [behind ses_pg_link_free, from the loop] No handle of the link is on the loop any more; may be NULL. */
    void (*closed)(void *arg);
    void *arg;
};

SES_MUST_CHECK enum ses_status ses_pg_link_new(const struct ses_pg_options *options, unsigned shard,
                                               const struct pg_link_events *events,
                                               struct pg_link **ret_link);
/* Calls done of what is on its way (PG_END_UNKNOWN) before it returns; closes its handles on the loop later
 * (events->closed). Never inside done or an event. NULL is fine. */
void ses_pg_link_free(struct pg_link *link);

enum pg_state ses_pg_link_state(const struct pg_link *link);
/* Whether a read may be answered: some beat that was sent within options->read_lease_ms, and after the last
 * write whose outcome is in doubt, has been acknowledged, no process of this machine has seen a later
 * primary, and a connection for reads is there (or was, not longer than options->stall_ms ago). Looked at
 * again when the answer has come: one that comes behind the lease's end is not used. Only beats count: a
 * statement that changed nothing is answered without any standby. */
bool ses_pg_link_may_read(const struct pg_link *link);
/* A free connection of that use takes the request; false: there is none now, `ready` tells when. Writes are
 * taken while OPEN only. What settles is answered PG_END_DONE when a later write of the same connection is
 * acknowledged too: then what it saw is where acknowledged things are (a commit that was cut short is seen
 * by everybody, and nowhere else). The connection for settling is made when it is first asked for. A request
 * must be one statement that is its own transaction. */
SES_MUST_CHECK bool ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
/* Whether this process watches: then it has a connection to listen, and its beats say so. */
void ses_pg_link_listen(struct pg_link *link, bool listens);
/* Tells the connection that listens from all before and after it; 0: none does just now. */
uint64_t ses_pg_link_listener(const struct pg_link *link);
/* Whether anybody watches, on any machine, or may: whoever puts has to tell. */
bool ses_pg_link_is_watched(const struct pg_link *link);
/* Whether everybody who writes knows that this process watches (audience.h). */
bool ses_pg_link_is_known(const struct pg_link *link);
/* What stands on the link can work with the shard; until then others are told that no primary is known, for that cause. */
void ses_pg_link_serve(struct pg_link *link, bool serves, enum ses_pg_cause cause);
/* The shard row's epoch, as read at connect and with each beat; of the fence in every write. */
int64_t ses_pg_link_epoch(const struct pg_link *link);
/* The primary's clock less ours, milliseconds, by the last beat; and what it says of durability now. */
int64_t ses_pg_link_skew_ms(const struct pg_link *link);
enum ses_durability ses_pg_link_durability(const struct pg_link *link);

#endif
