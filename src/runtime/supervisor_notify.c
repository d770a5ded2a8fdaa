/* What the service manager is told from moment to moment, and when it is told that all is well. */
#include "supervisor.h"

#include "readiness.h"

/* The worker has been silent for longer than the manager would wait. One that is starting, or that we are about to
 * start, is being looked after already (check_silence kills one that hangs). */
static bool is_silent(const struct ses_supervisor *sup, const struct ses_child *child, uint64_t now_ms)
{
    uint64_t beat_ms = ses_board_beat_ns(sup->board, child->slot) / SES_NS_PER_MS;

    return child->pid != 0 && child->state == SES_SLOT_READY && now_ms > beat_ms + sup->manager.watchdog_ms;
}

/* Not when every worker hangs: then this process lives, but the server does not. A worker that dies again and again is
 * no reason: a restart of everything would find the same disk, and the housekeeper answers meanwhile. */
void ses_supervisor_notify(struct ses_supervisor *sup, uint64_t now_ms)
{
    bool alive = sup->stopping || sup->loading;
    unsigned serving = 0;

    for (size_t i = 0; i < sup->children_count; i++) {
        const struct ses_child *child = &sup->children[i];

        if (!child->worker)
            continue;
        serving += ses_readiness_serves(sup->board, child->slot, now_ms * SES_NS_PER_MS);
        alive = alive || !is_silent(sup, child, now_ms);
    }
    ses_service_manager_tick(&sup->manager, now_ms, serving, sup->board->workers, alive);
}
