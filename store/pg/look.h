/* look.h - what a server says of itself: who it is, what it promises, its clock. Asked when a connection is
 * made, and with each beat, the write by which a process knows that its primary still is one.
 */
#ifndef SESSIOND_STORE_LOOK_H
#define SESSIOND_STORE_LOOK_H

#include "conn.h"

#define PG_SERVER_SIZE 96
#define PG_MARK_SIZE   17 /* with its NUL */
/* For how long a beat says that its machine watches, by the primary's clock. */
#define PG_BEAT_HOLD_MS 10000

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
    /* Which server, in which of its lives: after a crash, a restart or a failover it is another one. And what a commit waits for. */
    char server[PG_SERVER_SIZE];
    bool swapped; /* [slot] of a beat: another session answers than the one that was greeted */
    char connection
        [PG_MARK_SIZE]; /* as the session that answers was greeted; another one: a pooler does not keep sessions */
    bool hints;         /* the tables tell who watches (beat.watched_until) */
    bool watched;       /* of a beat: somebody does, on any machine */
    int64_t unaware; /* likewise: beats of programs that do not know of it. While it moves one is at work */
};

#define PG_GREET_SIZE 2048

/* Everything that is set for a session, and the look, in one text: one way there and back. mark: PG_MARK_SIZE - 1
 * hexadecimal digits. */
void ses_pg_greet(const char *mark, char ret_text[PG_GREET_SIZE]);
/* The look alone. */
extern const char ses_pg_look_text[];
/* Writes a beat and looks. Parameter: the machine. */
extern const struct pg_statement ses_pg_beat_sql;
/* The same of tables that tell who watches, in two. Parameters: the machine; for how many milliseconds it does (int4), 0: it
 * does not, which takes nothing back of what another process of the machine said. */
extern const struct pg_statement ses_pg_beat_watched_sql;

/* A guard: fails on a server that is not that one. Parameter: its look's server. Sets for the transaction what is relied upon. */
extern const struct pg_statement ses_pg_guard_sql;

/* Of any of them, text or binary. false: it is not what was asked for. */
SES_MUST_CHECK bool ses_pg_look_read(const PGresult *result, struct pg_look *ret_look);

/* The server's clock less ours, as little as it may be: its answer was made somewhere between sent and come, all in
 * milliseconds. */
int64_t ses_pg_look_skew_ms(int64_t server_ms, uint64_t sent_wall_ms, uint64_t come_wall_ms);

/* Whether this server is one to write to. timeline_min: of the fence. NONE: it is. */
enum ses_pg_cause ses_pg_look_judge(const struct pg_look *look, unsigned shard, uint32_t timeline_min,
                                    enum ses_durability asked);

#endif
