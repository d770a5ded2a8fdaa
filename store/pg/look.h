/* look.h - what a server says of itself: who it is, what it promises, its clock. Asked when a connection is
 * made, and with each beat, the write by which a process knows that its primary still is one.
 */
#ifndef SESSIOND_STORE_LOOK_H
#define SESSIOND_STORE_LOOK_H

#include "conn.h"

struct pg_look {
    bool standby;
    bool read_only;
    uint32_t timeline; /* 0 of a standby */
    bool has_shard;    /* one row there */
    int64_t format;
    int64_t shard;
    int64_t epoch;
    bool replica;      /* a commit waits for another machine's disk */
    int64_t server_ms; /* its clock, milliseconds since 1970 */
};

/* Everything that is set for a session, and the look, in one text: one way there and back. */
extern const char ses_pg_greet_text[];
/* The look alone. */
extern const char ses_pg_look_text[];
/* Writes a beat and looks. Parameter: the machine. */
extern const struct pg_statement ses_pg_beat_sql;

/* Of any of them, text or binary. false: it is not what was asked for. */
SES_MUST_CHECK bool ses_pg_look_read(const PGresult *result, struct pg_look *ret_look);

/* The server's clock less ours, as little as it may be: its answer was made somewhere between sent and come, all in
 * milliseconds. */
int64_t ses_pg_look_skew_ms(int64_t server_ms, uint64_t sent_wall_ms, uint64_t come_wall_ms);

/* Whether this server is one to write to. timeline_min: of the fence. NONE: it is. */
enum ses_pg_cause ses_pg_look_judge(const struct pg_look *look, unsigned shard, uint32_t timeline_min,
                                    enum ses_durability asked);

#endif
