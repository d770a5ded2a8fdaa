/* conn.h - one connection to one address, on the loop: connecting, one statement at a time, its end. Who may be asked
 * what is not known here (slot.h, link.h).
 *
 * A statement's end is told when the server is ready for the next one, and not before: with the extended protocol the
 * commit comes behind CommandComplete.
 */
#ifndef SESSIOND_STORE_CONN_H
#define SESSIOND_STORE_CONN_H

#include "link.h"
#include "target.h"

/* Why a connection ended, or was never made. */
struct pg_fault {
    char sqlstate[6]; /* empty: not the server's word */
    char text
        [200]; /* one line of libpq's or the server's; names hosts, roles and databases, never a password */
};

struct pg_conn;

struct pg_conn_ops {
    void (*up)(struct pg_conn *conn);
    /* It is closed; a statement that was on its way has no end. May start it again. */
    void (*down)(struct pg_conn *conn, const struct pg_fault *fault);
    /* Not PG_END_UNKNOWN but for a warning. */
    void (*answer)(struct pg_conn *conn, const struct pg_answer *answer);
    /* It takes a statement again. */
    void (*idle)(struct pg_conn *conn);
    /* Somebody told a channel that it listens to. The payload is libpq's; the connection is not to be closed inside. */
    void (*notified)(struct pg_conn *conn, const char *payload);
};

/* What has to hold on whichever server a pooler gives a statement to. It goes before the statement in the same transaction, and
 * is an error where it does not hold: the statement is then not executed. */
struct pg_guard {
    const struct pg_statement *statement;
    const char *const *values;
    const int *lengths;
};

#define PG_PREPARED_MAX 32 /* statements that a connection knows by name; more are sent unnamed */

struct pg_conn {
    struct uv_loop_s *loop;
    const struct pg_conn_ops *ops;
    /* its own */
    PGconn *pg; /* NULL: closed */
    struct uv_poll_s *poll;
    int fd;
    int watched;   /* UV_READABLE and UV_WRITABLE: the kernel is asked when it changes only */
    unsigned life; /* counts what was closed */
    bool up;
    bool busy;
    bool doomed;    /* nothing can be sent any more; ends when the loop has turned (ses_pg_conn_turn) */
    bool preparing; /* busy with that */
    bool guarded;   /* busy with a statement behind its guard, in libpq's pipeline mode */
    bool passed;    /* the guard held */
    bool warned;
    bool failed;
    bool final; /* the failure is the connection's end too */
    char sqlstate[6];
    PGresult *result;   /* the last of those that came */
    PGresult *answered; /* in `answer`: what came, with a warning too; who takes it out frees it */
    const struct pg_statement *to_prepare;
    const struct pg_statement *prepared[PG_PREPARED_MAX];
    unsigned prepared_count;
};

void ses_pg_conn_init(struct pg_conn *conn, struct uv_loop_s *loop, const struct pg_conn_ops *ops);
/* Begins; up or down follows, never inside. false: no memory. */
SES_MUST_CHECK bool ses_pg_conn_start(struct pg_conn *conn, const struct pg_parameters *parameters);
/* Whether the other end's kernel has taken the connection: from then on a server may be at work for it. */
bool ses_pg_conn_is_taken(const struct pg_conn *conn);
/* Ends it without a word to anybody; a statement on its way goes on at the server (nothing is cancelled, ever). */
void ses_pg_conn_close(struct pg_conn *conn);

/* For a connection that is up and not busy; the answer follows, or down. Several statements in one text are one
 * transaction, and the answer is the last one's; results are text. */
void ses_pg_conn_query(struct pg_conn *conn, const char *text);
/* Prepared behind its first use. Results are binary. */
void ses_pg_conn_execute(struct pg_conn *conn, const struct pg_statement *statement,
                         const char *const *values, const int *lengths);
/* Unnamed, behind the guard: one way there and back. Where the guard did not hold the answer says so (pg_answer.elsewhere). */
void ses_pg_conn_execute_guarded(struct pg_conn *conn, const struct pg_guard *guard,
                                 const struct pg_statement *statement, const char *const *values,
                                 const int *lengths);
/* [once a turn, soon after what was sent] Ends what is doomed. */
void ses_pg_conn_turn(struct pg_conn *conn);

#endif
