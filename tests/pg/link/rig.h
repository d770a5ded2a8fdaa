/* rig.h - a link on a loop of its own, to the pair that with_cluster.py has started, and orders to that pair. */
#ifndef SESSIOND_TESTS_PG_LINK_RIG_H
#define SESSIOND_TESTS_PG_LINK_RIG_H

#include <uv.h>

#include "fence.h"
#include "link.h"
#include "rules.h"
#include "unit.h"

/* What one process of one machine has. */
struct rig {
    uv_loop_t loop;
    struct ses_log log;
    char log_path[128];
    struct ses_secret password;
    char string[1024]; /* the connection string, without the password */
    const char *shards[1];
    struct ses_pg_shared *shared;
    bool owns_shared;
    struct ses_metrics metrics;
    struct ses_pg_options options;
    struct pg_link *link;
    unsigned ready[PG_USE_COUNT]; /* calls */
    unsigned states;
    unsigned told; /* hints */
    char payload[64];
    bool closed;
};

/* Options as a server has them, but for patience: no slow machine outlasts a lease, or stalls. */
void rig_init(struct rig *rig);
/* The same machine as another one: what the two share. */
void rig_init_beside(struct rig *rig, const struct rig *other);
/* With a word of the connection string replaced; value NULL: left out. Before rig_open. */
void rig_word(struct rig *rig, const char *keyword, const char *value);
void rig_open(struct rig *rig);
void rig_turn(struct rig *rig);
void rig_close(struct rig *rig);

/* What a link that a test waited for in vain has told, and the test's end. */
_Noreturn void rig_hangs(struct rig *rig, const char *condition);

#define RIG_UNTIL(rig, condition)                                                                            \
    do {                                                                                                     \
        uint64_t rig_end_ = unit_real_ms() + UNIT_PATIENCE_MS;                                               \
        while (!(condition)) {                                                                               \
            if (unit_real_ms() > rig_end_)                                                                   \
                rig_hangs(rig, #condition);                                                                  \
            rig_turn(rig);                                                                                   \
            (void)usleep(200);                                                                               \
        }                                                                                                    \
    } while (0)
#define RIG_UNTIL_OPEN(rig)         RIG_UNTIL(rig, ses_pg_link_state((rig)->link) == PG_STATE_OPEN)
#define RIG_UNTIL_CAUSE(rig, cause) RIG_UNTIL(rig, rig_cause(rig) == (cause))

uint64_t rig_counter(const struct rig *rig, enum ses_shard_counter counter);
enum ses_pg_cause rig_cause(const struct rig *rig);
/* Lines of the log that have all of these words. */
unsigned rig_log_count(struct rig *rig, const char *word, const char *other);

/* One statement, with one key of bytes. */
struct ask {
    struct pg_request request;
    uint8_t key[32];
    const char *values[1];
    int lengths[1];
    bool ended;
    enum pg_end end;
    char sqlstate[6];
    int rows;
};

extern const struct pg_statement rig_put_sql; /* a row; 1 row back if it is new */
extern const struct pg_statement rig_get_sql;

/* Sends when there is a connection for it. */
void rig_ask(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
             struct ask *ask);
/* The same at once, or not at all. */
bool rig_try_ask(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
                 struct ask *ask);
/* The same, and its end. */
enum pg_end rig_do(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
                   struct ask *ask);

/* Answers do not come any more by the order stop, which go takes back, and then a row's write is sent. A heartbeat may have the one
 * connection for writes that is there by then, and no other one comes: then it is tried again. */
void rig_ask_unanswered(struct rig *rig, const char *stop, const char *go, uint8_t key, struct ask *ask);

/* Orders (tests/pg/control.py); fails the test unless they are obeyed. The answer is good until the next one. */
const char *order(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How many connections the role has to the primary, and how many of them wait for the standby. */
int order_connections(void);
int order_waiting(void);
/* To none of the two servers: backends of a link that is closed end a moment after it. */
bool order_nobody_is_connected(void);

#endif
