/* Two questions apart: may it be started again (a budget within a window), and when (a delay that
 * doubles). */
#include "respawn.h"

#include <string.h>

void ses_respawn_init(struct ses_respawn *respawn, const struct ses_respawn_policy *policy)
{
    struct ses_respawn_policy copy = *policy; /* may be respawn's own */

    memset(respawn, 0, sizeof(*respawn));
    respawn->policy = copy;
    if (respawn->policy.budget > SES_RESPAWN_BUDGET_MAX)
        respawn->policy.budget = SES_RESPAWN_BUDGET_MAX;
}

/* The ring holds the last budget deaths: when the oldest of a full ring is still inside the window, this one
 * is too many. */
static bool spend(struct ses_respawn *respawn, uint64_t now_ms)
{
    const struct ses_respawn_policy *policy = &respawn->policy;
    bool full = respawn->count == policy->budget;

    if (policy->budget == 0 || (full && now_ms - respawn->deaths_ms[respawn->next] < policy->window_ms))
        return false;
    respawn->deaths_ms[respawn->next] = now_ms;
    respawn->next = (respawn->next + 1) % policy->budget;
    if (!full)
        respawn->count++;
    return true;
}

/* A child that lived for healthy_ms has shown that it can: the delays begin anew. */
uint64_t ses_respawn_excused(struct ses_respawn *respawn, uint64_t started_ms, uint64_t now_ms)
{
    const struct ses_respawn_policy *policy = &respawn->policy;
    uint64_t delay_ms;

    if (now_ms - started_ms >= policy->healthy_ms || respawn->delay_ms == 0)
        respawn->delay_ms = policy->delay_min_ms;
    delay_ms = respawn->delay_ms;
    respawn->delay_ms = delay_ms > policy->delay_max_ms / 2 ? policy->delay_max_ms : delay_ms * 2;
    return delay_ms;
}

bool ses_respawn_died(struct ses_respawn *respawn, uint64_t started_ms, uint64_t now_ms,
                      uint64_t *ret_delay_ms)
{
    if (!spend(respawn, now_ms))
        return false;
    *ret_delay_ms = ses_respawn_excused(respawn, started_ms, now_ms);
    return true;
}

size_t ses_respawn_deaths(const struct ses_respawn *respawn, uint64_t *ret_deaths_ms)
{
    uint32_t first = respawn->count == respawn->policy.budget ? respawn->next : 0;

    for (uint32_t i = 0; i < respawn->count; i++)
        ret_deaths_ms[i] = respawn->deaths_ms[(first + i) % respawn->policy.budget];
    return respawn->count;
}

void ses_respawn_resume(struct ses_respawn *respawn, uint64_t delay_ms, const uint64_t *deaths_ms,
                        size_t count)
{
    uint32_t budget = respawn->policy.budget;
    size_t skipped = count > budget ? count - budget : 0;

    ses_respawn_init(respawn, &respawn->policy);
    respawn->delay_ms = delay_ms;
    respawn->count = (uint32_t)(count - skipped);
    for (uint32_t i = 0; i < respawn->count; i++)
        respawn->deaths_ms[i] = deaths_ms[skipped + i];
    respawn->next = budget == 0 ? 0 : respawn->count % budget;
}
