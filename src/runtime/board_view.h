/* board_view.h - what those who tell of the board (metrics, status page) need beside it, and the sums that they share. */
#ifndef SESSIOND_SRC_RUNTIME_BOARD_VIEW_H
#define SESSIOND_SRC_RUNTIME_BOARD_VIEW_H

#include <sessiond/base/load.h>

#include "board.h"

/* Names come by functions from the ranks that own them: the board knows rows only. */
struct ses_board_view {
    uint64_t now_mono_ns;
    enum ses_durability durability; /* what an acknowledgement survives just now */
    uint64_t table_used;            /* 0 with PostgreSQL, .. */
    uint64_t table_room;            /* .. likewise */
    struct ses_pg_shard_status shards[SES_CONFIG_PG_SHARDS_MAX]; /* with PostgreSQL */
    unsigned shards_count;
    uint64_t newest_ms;                        /* ses_store_newest_ms */
    const char *(*method_name)(int metric);    /* "Service/Method", NULL behind the last */
    bool (*method_streams)(int metric);        /* its calls are streams */
    const char *(*connector_name)(int metric); /* NULL behind the last */
};

/* A process of the board has a slot: workers, the housekeeper, the supervisor. */
const char *ses_board_role(const struct ses_board *board, unsigned slot);
/* It runs, and has told of itself. */
bool ses_board_runs(const struct ses_board *board, unsigned slot);

/* Of a process and its calls. */
struct ses_board_calls {
    uint64_t answered; /* of all methods */
    uint64_t
        failed; /* that we or our connectors are to blame for: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
                          INTERNAL, UNAVAILABLE, DATA_LOSS */
    uint64_t refused; /* with any other error */
};

/* Of one slot, or (SES_BOARD_ALL) of all; of one method's row, or (-1) of all. */
#define SES_BOARD_ALL UINT32_MAX
void ses_board_calls(const struct ses_board *board, unsigned slot, int row,
                     struct ses_board_calls *ret_calls);

/* Of all methods that are no streams, of one slot or of all. */
void ses_board_latency(const struct ses_board *board, const struct ses_board_view *view, unsigned slot,
                       struct ses_hist_sum *ret_sum);

/* "timeout", in the order of enum ses_connector_outcome; and how often, of all workers. */
const char *ses_board_outcome_name(int outcome);
uint64_t ses_board_outcome(const struct ses_board *board, int connector, int outcome);

uint64_t ses_board_family(const struct ses_board *board, size_t cell);

/* The server's load: of the workers that serve. */
struct ses_board_load {
    double headroom; /* 0..1: of the serving workers' loop time, what is not used. 0 while nobody serves */
    double cpu;      /* processors in use by all workers */
    double calls_per_second; /* answered by all workers */
    double call_cpu_seconds; /* of a call, by how many each worker answers; 0: no call lately */
};

void ses_board_load(const struct ses_board *board, uint64_t now_mono_ns, struct ses_board_load *ret_load);

/* Breakers of all workers, joined by connector and origin. */
#define SES_BOARD_BREAKERS_MAX 32

struct ses_board_breaker {
    int connector;
    char origin[SES_METRIC_HOST_SIZE];
    unsigned open;  /* workers that leave it alone, but for a probe */
    unsigned known; /* workers that have called it */
};

size_t ses_board_breakers(const struct ses_board *board,
                          struct ses_board_breaker ret_breakers[SES_BOARD_BREAKERS_MAX]);

#endif
