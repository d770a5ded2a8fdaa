/* The supervisor's part in who accepts: it passes news on, and closes sockets behind which nobody is. */
#include "supervisor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "process.h"
#include "readiness.h"

/* A worker that hangs does not close its socket; so long after it should have, we do. */
#define CLOSE_GRACE_MS 500

void ses_supervisor_send(const struct ses_child *child, char what)
{
    /* A full socket is fine: bytes that already wait say the same. */
    if (child->pid != 0 && child->control_fd >= 0)
        (void)!write(child->control_fd, &what, 1);
}

void ses_supervisor_spread_news(struct ses_supervisor *sup)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].slot <= sup->board->workers)
            ses_supervisor_send(&sup->children[i], SES_CONTROL_NEWS);
    }
}

void ses_supervisor_slot_dead(struct ses_supervisor *sup, const struct ses_child *child)
{
    if (!child->worker)
        return;
    atomic_store_explicit(&sup->board->accepts[child->slot], false, memory_order_relaxed);
    ses_supervisor_spread_news(sup);
}

static bool anybody_serves(const struct ses_supervisor *sup)
{
    uint64_t now_ns = ses_clock_mono_ns();

    for (unsigned i = 0; i < sup->board->workers; i++) {
        if (ses_readiness_serves(sup->board, i, now_ns))
            return true;
    }
    return false;
}

/* For every process that has them, so that connecting is refused at once: proxies go elsewhere. The
 * sockets stay bound, so that no other program can take the port, and can listen again. Those that the
 * service manager has made are left alone: whoever connects then waits for the next server (activation.h). */
static void shut_all(struct ses_supervisor *sup)
{
    for (unsigned i = 0; !sup->sockets_kept && i < sup->board->workers; i++)
        (void)shutdown(sup->slot_fds[i], SHUT_RD);
    sup->sockets_shut = true;
}

static const struct ses_child *housekeeper_of(const struct ses_supervisor *sup)
{
    return &sup->children[SES_CHILD_WORKER + sup->board->workers];
}

void ses_supervisor_check_sockets(struct ses_supervisor *sup, uint64_t now_ms)
{
    bool served = anybody_serves(sup);

    if (sup->stopping) {
        if (!sup->sockets_shut && (!served || now_ms >= sup->close_ms))
            shut_all(sup);
    } else if (served) {
        sup->sockets_shut = false; /* each worker makes its socket listen when it starts */
    } else if (!sup->sockets_shut && housekeeper_of(sup)->state == SES_SLOT_GIVEN_UP) {
        ses_log_msg(&sup->log, SES_LOG_ERROR, "refusing",
                    "no worker can serve and no housekeeper can say so: connections are refused");
        shut_all(sup);
    }
}

uint64_t ses_supervisor_close_ms(const struct ses_supervisor *sup, uint64_t now_ms)
{
    return now_ms + sup->config.drain_keep_accepting_seconds * 1000 + CLOSE_GRACE_MS;
}
