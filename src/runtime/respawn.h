/* respawn.h - when a dead child is started again: growing delay, and a budget against one that always dies.
 * Pure: time is an argument.
 *
 * With the defaults (10 ms, doubled up to 5 s; 10 deaths in 60 s) a child that always dies at once is tried
 * again after 10, 20, 40, 80, 160, 320, 640, 1280, 2560 and 5000 ms; the eleventh death within the minute is
 * the last.
 */
#ifndef SESSIOND_SRC_RUNTIME_RESPAWN_H
#define SESSIOND_SRC_RUNTIME_RESPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SES_RESPAWN_BUDGET_MAX 1000

struct ses_respawn_policy {
    uint32_t budget; /* unwanted restarts within window_ms, at most SES_RESPAWN_BUDGET_MAX */
    uint64_t window_ms;
    uint64_t delay_min_ms; /* the first delay, doubled with each death */
    uint64_t delay_max_ms;
    uint64_t healthy_ms; /* a child that lived so long starts the delays anew */
};

struct ses_respawn {
    struct ses_respawn_policy policy;
    uint64_t delay_ms; /* of the next death; 0 = delay_min_ms */
    uint32_t next;     /* ring index */
    uint32_t count;
    uint64_t deaths_ms[SES_RESPAWN_BUDGET_MAX]; /* ring of the last budget deaths */
};

void ses_respawn_init(struct ses_respawn *respawn, const struct ses_respawn_policy *policy);
/* A child started at started_ms died at now_ms (one clock, monotonic). True: start it again *ret_delay_ms
 * from now. False: the budget is spent, give up. */
bool ses_respawn_died(struct ses_respawn *respawn, uint64_t started_ms, uint64_t now_ms,
                      uint64_t *ret_delay_ms);
/* The same for a death that says nothing about the child: the disk failed it. Never gives up, since giving up
 * every worker because a disk is full for a while would turn a passing trouble into an outage. Returns the
 * delay. */
uint64_t ses_respawn_excused(struct ses_respawn *respawn, uint64_t started_ms, uint64_t now_ms);

/* The deaths that count against the budget, oldest first, into ret_deaths_ms[SES_RESPAWN_BUDGET_MAX]; returns
 * how many. */
size_t ses_respawn_deaths(const struct ses_respawn *respawn, uint64_t *ret_deaths_ms);
/* Another program's history under our policy; of more deaths than its budget the last ones count. */
void ses_respawn_resume(struct ses_respawn *respawn, uint64_t delay_ms, const uint64_t *deaths_ms,
                        size_t count);

#endif
