/* child.h - one child process of the supervisor: how it is made, what it is given, how it says that it is
 * ready.
 *
 * The control socket (a socketpair) carries single bytes. Upwards: SES_CONTROL_READY once, and
 * SES_CONTROL_CLOSED from a worker that accepts no more connections. Downwards: SES_CONTROL_DEATH to the
 * housekeeper when a worker died (its LMDB reader slots are to be freed), SES_CONTROL_NEWS to workers and
 * housekeeper when another worker accepts, or accepts no more (the board says which). Its EOF means nothing:
 * the alive pipe, whose write end only the supervisor holds, tells children of the supervisor's death;
 * SIGCHLD tells the supervisor of theirs.
 *
 * How a child may end, and what follows (supervisor_children.c):
 *
 *   told to leave, all stop         nothing
 *   told to leave by a reload       started again with the new configuration
 *   a worker by TERM of others, 0   started again at once
 *   SES_EXIT_CONFIG                 given up: it would end the same way
 *   SES_EXIT_IO                     started again after a delay, however often
 *   anything else, signals too      started again after a delay, within restart.budget; then given up
 *   the loader, 0                   workers and simulator are started (with PostgreSQL: keys_gate.h)
 *   the loader, SES_EXIT_FULL       a larger table, and the loader again
 *   the loader, anything else       the server stops
 */
#ifndef SESSIOND_SRC_RUNTIME_CHILD_H
#define SESSIOND_SRC_RUNTIME_CHILD_H

#include <sys/types.h>

#include <sessiond/admission/rates.h>
#include <sessiond/store/store_pg.h>
#include <sessiond/store/store_shared.h>

#include "board.h"
#include <sessiond/config/config.h>
#include <sessiond/config/tls_files.h>
#include "layout.h"
#include "respawn.h"

#define SES_CONTROL_READY  'r'
#define SES_CONTROL_CLOSED 'c'
#define SES_CONTROL_DEATH  'd'
#define SES_CONTROL_NEWS   'n'

struct ses_callers;

/* What a child works with; everything is borrowed from memory inherited over fork. */
struct ses_child_env {
    const struct ses_config *config;
    struct ses_callers *callers; /* NULL: nobody is asked who calls */
    const struct ses_layout *layout;
    struct ses_board *board;
    struct ses_store_shared *store_shared; /* NULL: nothing is in LMDB */
    struct ses_pg_shared *pg_shared;       /* NULL: nothing is in PostgreSQL */
    const uint8_t *machine;                /* with it: SES_PG_MACHINE_BYTES */
    struct ses_rates *rates;
    const struct ses_tls_files *tls_files;     /* NULL: no file was named, or no worker */
    const struct ses_tls_tickets *tls_tickets; /* likewise */
    unsigned slot;                             /* on the board */
    int listen_fd;                             /* -1: none */
    int operator_fd;                           /* workers: the operator's socket, listening */
    const int *slot_fds; /* workers, housekeeper: the listening sockets of all worker slots */
    bool sockets_kept;   /* they are the service manager's: never shut */
    int control_fd;      /* the child's end */
    int alive_fd;        /* readable (EOF) when the supervisor is dead */
    pid_t supervisor;
    const char *role;
};

/* Returns the exit code. */
typedef int (*ses_child_fn)(const struct ses_child_env *env);

struct ses_child {
    char role[24]; /* "worker-0", in the log */
    ses_child_fn run;
    unsigned slot;
    int listen_fd; /* of the slot: outlives its processes; -1 none */
    bool worker;
    bool heard_out; /* nothing more comes through control_fd */
    bool essential; /* has to say that it is ready; others count as ready at once */
    bool lost;      /* it was sent off for a successor that cannot run: nobody else is, until one does */

    /* of the running process */
    pid_t pid;      /* 0: none */
    int control_fd; /* the supervisor's end, -1 none */
    enum ses_slot_state state;
    uint64_t generation; /* of the configuration it runs with */
    uint64_t started_ms;
    uint64_t due_ms;  /* WAITING: when to start it */
    uint64_t kill_ms; /* DRAINING: when to stop being patient */
    struct ses_respawn respawn;
};

/* [supervisor] Forks; the new process calls child->run with env (control_fd and the child's own fields filled
 * in) and exits. before runs in the new process first: it closes what belongs to the supervisor and to other
 * children. SES_IO. */
SES_MUST_CHECK enum ses_status ses_child_start(struct ses_child *child, struct ses_child_env *env,
                                               void (*before)(void *arg, const struct ses_child *self),
                                               void *arg);
/* [child] Tells the supervisor, SES_CONTROL_... */
void ses_child_say(const struct ses_child_env *env, char what);
/* [child] True when TERM came because the supervisor died: nobody waits for us then. */
bool ses_child_orphaned(const struct ses_child_env *env);

#endif
