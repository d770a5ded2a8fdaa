/* supervisor.h - the first process: makes what is shared, starts the others, keeps them running, ends them.
 *
 * It reads no client byte, runs no event library, holds no LMDB environment. Everything it decides on comes
 * from a signalfd, the children's control sockets and the clock.
 *
 * States of a child (enum ses_slot_state), and what moves it:
 *
 *   EMPTY --spawn--> STARTING --"ready"--> READY --TERM--> DRAINING --gone--> STARTING (a reload)
 *                      |                     |                |
 *                      +------ died ---------+                +--gone, all stop--> EMPTY
 *                                |
 *                                +--> WAITING --delay is over--> STARTING
 *                                +--> GIVEN_UP --retry_seconds, or HUP--> STARTING
 *
 * The loader goes from STARTING to EMPTY; a child that is not essential (the simulator) is READY at once.
 */
#ifndef SESSIOND_SRC_RUNTIME_SUPERVISOR_H
#define SESSIOND_SRC_RUNTIME_SUPERVISOR_H

#include "callers_open.h"
#include "child.h"
#include "confine.h"
#include "operator_socket.h"
#include "service_manager.h"
#include "timekeeper.h"
#include "vitals.h"

/* Loader, workers, housekeeper, simulator. */
#define SES_CHILDREN_MAX (SES_CONFIG_WORKERS_MAX + 3)

/* A new program that is being tried (supervisor_upgrade.c). */
struct ses_upgrade {
    bool wanted; /* USR2 came while sessions were loaded */
    pid_t pid;   /* of the trial; 0: none */
    bool ended;  /* with status: looked at by the loop */
    int status;
    uint64_t kill_ms; /* when to stop waiting for it */
    int program;      /* what is tried, and then executed; -1: nothing */
    int output;       /* what it says; -1 */
    int guard;        /* by which the one who stands by is dismissed (upgrade_guard.h); -1: nobody does */
    struct ses_buf config_text; /* what it was tried with, and will run with */
};

struct ses_supervisor {
    const struct ses_options *options;
    struct ses_config config;
    struct ses_callers *callers; /* NULL: nobody is asked who calls */
    struct ses_withdrawn *withdrawn;
    int withdrawn_fd;
    struct ses_layout layout;
    struct ses_log log;
    struct ses_timekeeper timekeeper;
    struct ses_service_manager manager;
    struct ses_confine_watch confine_watch;
    bool sockets_kept; /* they are the service manager's, and are never shut (activation.h) */
    struct ses_vitals vitals;
    uint64_t vitals_ms; /* when they were told last */
    struct ses_board *board;
    struct ses_board_files board_files;
    struct ses_store_shared *store_shared; /* NULL: it was never needed, as the next one */
    struct ses_pg_shared *pg_shared;
    uint8_t machine[SES_PG_MACHINE_BYTES]; /* with PostgreSQL */
    struct ses_tls_files *tls_files;       /* of the present configuration; NULL: none is named */
    struct ses_tls_tickets *tls_tickets;   /* for as long as the server lives */
    struct ses_rates *rates;
    int signal_fd;
    int alive_pipe[2];
    struct ses_operator_socket operator_socket;
    int slot_fds[SES_CONFIG_WORKERS_MAX]; /* listening, one a worker slot; every worker gets them all */
    struct ses_child children[SES_CHILDREN_MAX];
    size_t children_count;
    uint64_t started_ms;
    uint64_t generation;        /* of the configuration: + 1 for each reload and each new program */
    struct ses_buf config_text; /* the file that config was read from, as it was then */
    struct ses_upgrade upgrade;
    struct ses_buf keys; /* ids of the key files that the present generation of workers finds */
    uint64_t close_ms;   /* when stopping: the sockets are closed at the latest */
    uint64_t leave_ms;   /* when stopping: all have left at the latest, but for a last grace (supervisor.c) */
    bool sockets_shut;   /* connections are refused */
    bool reload_wanted;  /* HUP came while sessions were loaded */
    bool loading;
    bool loaded;             /* just now: the workers may begin */
    const char *stop_wanted; /* why, until the loop has stopped the server; NULL: nobody wants it */
    unsigned enlarged; /* so many times was the table made larger than sessions_max, to load what is there */
    bool unread; /* back from an upgrade, without callers or certificates: nobody is started until a reload */
    bool rolling;
    bool reloading;  /* rolling: a reload began it, and is told when it is over */
    bool ran;        /* rolling: some worker was ready with what is new */
    bool held;       /* rolling: a child is lost, and it has been told */
    bool everything; /* rolling: a new program runs, so the simulator is replaced as well */
    bool stopping;
    bool failed; /* exit 1 instead of 0 */
};

/* The loader and the housekeeper stand at fixed places; workers between them. */
#define SES_CHILD_LOADER 0u
#define SES_CHILD_WORKER 1u

/* [supervisor] Runs the server until it is told to stop. text is the file that config was read from. Returns
 * the exit code of the program. */
int ses_supervisor_run(const struct ses_options *options, const struct ses_config *config,
                       struct ses_slice text);

/* ---- between the files of the supervisor ---- */

/* supervisor_start.c */
/* NULL: no memory. */
struct ses_supervisor *ses_supervisor_new(const struct ses_options *options);
/* The children that config asks for, without descriptors and processes. */
void ses_supervisor_list_children(struct ses_supervisor *sup);
/* Everything before the first fork. ret_fault is the line for the operator. */
SES_MUST_CHECK enum ses_status ses_supervisor_prepare(struct ses_supervisor *sup,
                                                      struct ses_fault *ret_fault);
/* Closes and frees everything, sup too. */
void ses_supervisor_done(struct ses_supervisor *sup);
/* The loader found the table too small (sessions_max was lowered, or intents that were released take places):
 * a larger one, empty. False: enough of that, or no memory. */
bool ses_supervisor_enlarge_table(struct ses_supervisor *sup);

/* supervisor_children.c */
void ses_supervisor_spawn(struct ses_supervisor *sup, struct ses_child *child);
void ses_supervisor_terminate(struct ses_supervisor *sup, struct ses_child *child, uint64_t kill_ms);
void ses_supervisor_set_state(struct ses_supervisor *sup, struct ses_child *child, enum ses_slot_state state);
/* Reaps every dead child and decides what follows. */
void ses_supervisor_reap(struct ses_supervisor *sup);
/* Not running, and to be started at or before now_ms. */
bool ses_supervisor_is_due(const struct ses_supervisor *sup, const struct ses_child *child, uint64_t now_ms);
/* A reload is a new beginning for slots that were given up. */
void ses_supervisor_retry_given_up(struct ses_supervisor *sup);
/* Restarts that are due, drain deadlines, silent workers. */
void ses_supervisor_tick(struct ses_supervisor *sup, uint64_t now_ms);

/* supervisor_sockets.c: one byte, SES_CONTROL_... */
void ses_supervisor_send(const struct ses_child *child, char what);
/* Workers and housekeeper shall look at the board. */
void ses_supervisor_spread_news(struct ses_supervisor *sup);
/* The child has died or never came: its neighbours take over. */
void ses_supervisor_slot_dead(struct ses_supervisor *sup, const struct ses_child *child);
/* Once per turn: closes the sockets when the server stops, and when nobody is there who could answer. */
void ses_supervisor_check_sockets(struct ses_supervisor *sup, uint64_t now_ms);
uint64_t ses_supervisor_close_ms(const struct ses_supervisor *sup, uint64_t now_ms);

/* supervisor_reload.c: whether all who get tokens know those that this program makes. */
void ses_supervisor_tell_token_forms(struct ses_supervisor *sup, bool known);

/* supervisor_confine.c: once per turn. */
void ses_supervisor_watch_files(struct ses_supervisor *sup, uint64_t now_ms);

/* supervisor_notify.c: once per turn, what the service manager wants to know. */
void ses_supervisor_notify(struct ses_supervisor *sup, uint64_t now_ms);

/* supervisor_reload.c */
void ses_supervisor_reload(struct ses_supervisor *sup);
/* Workers that have the old ones hear at once of what was taken away. */
void ses_supervisor_take_callers(struct ses_supervisor *sup, struct ses_callers *fresh);
/* sup->config is another one: what all processes share follows it at once, and workers are replaced. */
void ses_supervisor_follow_config(struct ses_supervisor *sup);
/* From here on workers are replaced until all are new. */
void ses_supervisor_begin_rolling(struct ses_supervisor *sup);
/* supervisor_move.c: a reload's, last before it is taken: the step of a move between stores that fresh is, if it is one.
 * SES_FAILED_PRECONDITION: not yet, or never. SES_UNAVAILABLE, SES_IO: the database was asked in vain. Asks it for some
 * seconds at most, and only then. */
SES_MUST_CHECK enum ses_status ses_supervisor_take_step(struct ses_supervisor *sup,
                                                        const struct ses_config *fresh,
                                                        struct ses_fault *ret_fault);
/* May fresh, as it was read, follow on the one in force? Port 0 becomes the port there is. */
SES_MUST_CHECK enum ses_status ses_supervisor_settle_config(const struct ses_config *in_force,
                                                            struct ses_config *fresh,
                                                            struct ses_fault *ret_fault);
/* The service manager is to wait for the end of it: not for a reload that is held. */
bool ses_supervisor_is_replacing(const struct ses_supervisor *sup);
/* One step of replacing workers; called once per turn while rolling. */
void ses_supervisor_roll(struct ses_supervisor *sup);

/* supervisor_upgrade.c: USR2. */
void ses_supervisor_upgrade(struct ses_supervisor *sup);
/* Once per turn: the deadline of the trial, and what follows from its end. Then this process may be another
 * program. */
void ses_supervisor_upgrade_step(struct ses_supervisor *sup, uint64_t now_ms);

/* supervisor.c: the loop, from a server that runs until its processes are gone. Frees sup; returns the exit
 * code of the program. */
int ses_supervisor_loop(struct ses_supervisor *sup);

/* supervisor_keys.c: before the first worker of a generation loads its keys, and when the last one has. */
void ses_supervisor_see_keys(struct ses_supervisor *sup);
void ses_supervisor_note_keys(struct ses_supervisor *sup);

#endif
