/* board.h - the shared mapping through which processes see each other: state by the supervisor, numbers by
 * their owners.
 *
 *   struct ses_board         written by the supervisor alone, but for ready times and where it says so
 *   struct ses_metrics[n]    slot i: worker i; the last but one: the housekeeper, and the log lines that
 *                            supervisor and loader lose; the last one: what the supervisor uses, no counters
 *
 * Made before the first fork and inherited, never attached by name, so nobody else can read or damage it.
 *
 * Two memories beside each other, because a new program may have other counters (SIGUSR2). Who is there, who
 * accepts and beats is in the first one, which old workers and new ones share: the layout of struct ses_board
 * is part of what programs hand over (SES_BOARD_LAYOUT). Counters of another layout are made anew.
 */
#ifndef SESSIOND_SRC_RUNTIME_BOARD_H
#define SESSIOND_SRC_RUNTIME_BOARD_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/shared_memory.h>

#include <sessiond/config/config.h>

enum ses_slot_state {
    SES_SLOT_EMPTY,    /* not started yet */
    SES_SLOT_STARTING, /* forked, not ready */
    SES_SLOT_READY,
    SES_SLOT_DRAINING, /* told to leave */
    SES_SLOT_WAITING,  /* died; waits for its restart */
    SES_SLOT_GIVEN_UP, /* restart budget spent, or it asked not to be restarted */
    SES_SLOT_STATE_COUNT
};

#define SES_BOARD_SLOTS_MAX (SES_CONFIG_WORKERS_MAX + 1)

/* Raised with every change of struct ses_board: what it means counts too, not only where it lies. */
#define SES_BOARD_LAYOUT 2
#define SES_BOARD_PAGE   4096

/* A process that is or was in a slot. */
struct ses_board_process {
    _Alignas(64) _Atomic uint64_t beat_mono_ns; /* its last heartbeat */
    _Atomic int32_t pid;
    _Atomic uint32_t generation; /* how often the slot was filled */
};

struct ses_board {
    unsigned workers;
    enum ses_durability durability;
    uint64_t started_wall_ms;
    uint64_t started_mono_ns;
    /* enum ses_log_level: the configuration's, or what an operator has set since (SetLogLevel, in any
     * worker). */
    _Atomic uint32_t log_level;
    _Atomic uint64_t sessions_loaded;
    _Atomic uint64_t start_ms;      /* from start to the first time all workers were ready; 0 = not yet */
    _Atomic uint64_t worker_deaths; /* unwanted ones */
    _Atomic bool draining;          /* the whole server is leaving */
    /* No process of a program before may still get a token: then those forms are made that it may not know. Lies where
     * earlier versions have nothing, which leave it as it is. */
    _Atomic bool token_forms_known;
    _Atomic uint32_t missing_percent; /* of the worker slots may be missing, and the server still be ready */
    /* Monotonic; no worker accepts since then (by the housekeeper); 0: one does. */
    _Atomic uint64_t unserved_since_ns;
    _Atomic uint32_t state[SES_BOARD_SLOTS_MAX];
    _Atomic bool accepts[SES_BOARD_SLOTS_MAX];   /* set and cleared by the worker, cleared when it died */
    _Atomic bool replacing[SES_BOARD_SLOTS_MAX]; /* its worker leaves for a successor (told by it, too) */
    char listen[SES_ADDRESS_TEXT_SIZE];
    struct ses_board_process
        process[SES_BOARD_SLOTS_MAX + 1]; /* behind the last one's: the supervisor's pid */
    /* workers + 2; another memory, mapped behind the first one. */
    _Alignas(SES_BOARD_PAGE) struct ses_metrics metrics[];
};

/* Reminders: whoever moves something raises the number. */
_Static_assert(offsetof(struct ses_board, listen) == 462, "another layout: raise SES_BOARD_LAYOUT");
_Static_assert(sizeof(struct ses_board) == 2 * SES_BOARD_PAGE, "another layout: raise SES_BOARD_LAYOUT");

/* The descriptors of the two memories, -1: none. */
struct ses_board_files {
    int board;
    int counters;
};

/* [supervisor] Nothing on it but what config says. SES_IO (errno), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_board_new(const struct ses_config *config,
                                             struct ses_board_files *ret_files, struct ses_board **ret_board);
/* [supervisor] Maps what another program has made; counters -1: they are made anew. On success files holds
 * both. SES_FAILED_PRECONDITION: their sizes are not those of a board of so many workers. SES_IO,
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_board_attach(struct ses_board_files *files, unsigned workers,
                                                struct ses_board **ret_board);
/* Unmaps in this process only. */
void ses_board_free(struct ses_board *board);
void ses_board_files_close(struct ses_board_files *files);
/* Of what lies in the counters: their names, their sizes. */
uint64_t ses_board_counters_layout(void);
/* What the supervisor tells of itself. */
struct ses_metrics *ses_board_supervisor(struct ses_board *board);
enum ses_slot_state ses_board_state(const struct ses_board *board, unsigned slot);
const char *ses_slot_state_name(enum ses_slot_state state);
enum ses_log_level ses_board_log_level(const struct ses_board *board);
/* [any] Once a second: the log goes on at the board's level. True: it was another one. */
bool ses_board_follow_log_level(const struct ses_board *board, struct ses_log *log);
/* [child] Once a second at least; the supervisor kills a worker whose heartbeat is too old. */
void ses_board_beat(struct ses_board *board, unsigned slot);
/* Monotonic; 0: never. */
uint64_t ses_board_beat_ns(const struct ses_board *board, unsigned slot);
int32_t ses_board_pid(const struct ses_board *board, unsigned slot);
uint32_t ses_board_generation(const struct ses_board *board, unsigned slot);

/* ---- sums over all slots; of an age the highest, of an end the earliest ---- */
uint64_t ses_board_counter(const struct ses_board *board, enum ses_counter counter);

/* Of one shard; of an age or a distance the highest. */
uint64_t ses_board_shard_counter(const struct ses_board *board, unsigned shard,
                                 enum ses_shard_counter counter);

/* A histogram summed over slots: plain memory. */
struct ses_hist_sum {
    uint64_t bucket[SES_HIST_BUCKETS];
    uint64_t count;
    uint64_t sum;
};

/* Adds one slot's. */
void ses_hist_sum_add(struct ses_hist_sum *sum, const struct ses_hist *hist);
/* Sums the histogram that lies offset bytes into each slot's struct ses_metrics. */
void ses_board_hist(const struct ses_board *board, size_t offset, struct ses_hist_sum *ret_sum);
/* Upper bound of the bucket in which the q-th part (0..1) of all values lies; 0 when empty. */
uint64_t ses_hist_sum_quantile(const struct ses_hist_sum *sum, double q);

#endif
