/* Which of the slots' sockets this worker accepts from.
 *
 * Every worker has the listening sockets of all slots. It accepts from its own, and from those whose worker
 * does not accept (dead, leaving, starting, given up, hung): the kernel goes on giving each socket its share
 * of the new connections, whoever is behind it. Several neighbours may take from one such socket; who comes
 * too late finds it empty.
 *
 * The board says which those are, and a byte of the supervisor says when to look. A worker that hangs is no
 * news on the board for seconds, so a queue that still waits at a second look, of which its worker has taken
 * nothing, is taken over too, until that worker beats again.
 *
 *   whose socket               this worker accepts from it
 *   its own                    always
 *   of a worker that serves    no
 *   .. and hangs (neglected)   until it has beaten again, at least NEGLECT_KEEP_MS
 *   of nobody                  yes, like every other worker
 */
#include "worker.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "readiness.h"

#define NEGLECT_KEEP_MS 2000

static uint64_t beat_of(const struct ses_worker *worker, unsigned slot)
{
    return ses_board_beat_ns(worker->env->board, slot);
}

static uint64_t accepted_by(const struct ses_worker *worker, unsigned slot)
{
    return atomic_load_explicit(&worker->env->board->metrics[slot].counter[SES_C_CONNECTIONS_ACCEPTED],
                                memory_order_relaxed);
}

/* One system call for all queues. A worker that took any connection since the last look is only busy: under
 * load every queue has something in it at any time, and all workers at all sockets would wake each other. */
static void look_at_queues(struct ses_worker *worker)
{
    struct pollfd fds[SES_CONFIG_WORKERS_MAX];
    unsigned slots = worker->env->board->workers;
    uint64_t now_ms = ses_clock_mono_ms();

    for (unsigned i = 0; i < slots; i++)
        fds[i] = (struct pollfd){.fd = worker->env->slot_fds[i], .events = POLLIN};
    if (poll(fds, slots, 0) < 0)
        return;
    for (unsigned i = 0; i < slots; i++) {
        struct ses_worker_slot *slot = &worker->slots[i];
        bool waits = (fds[i].revents & POLLIN) != 0;
        uint64_t accepted = accepted_by(worker, i);

        if (waits && slot->waited && accepted == slot->accepted) {
            slot->neglected_until_ms = now_ms + NEGLECT_KEEP_MS;
            slot->beat_ns = beat_of(worker, i);
        }
        slot->waited = waits;
        slot->accepted = accepted;
    }
}

/* Kept for NEGLECT_KEEP_MS at least, or the socket would change hands with every look while its worker
 * limps. */
static bool neglected(const struct ses_worker *worker, unsigned i)
{
    const struct ses_worker_slot *slot = &worker->slots[i];

    if (slot->neglected_until_ms == 0)
        return false;
    return ses_clock_mono_ms() < slot->neglected_until_ms || beat_of(worker, i) == slot->beat_ns;
}

static bool is_mine(const struct ses_worker *worker, unsigned i, uint64_t now_ns)
{
    return i == worker->env->slot || !ses_readiness_serves(worker->env->board, i, now_ns) ||
           neglected(worker, i);
}

void ses_worker_slots_look(struct ses_worker *worker, bool queues)
{
    uint64_t now_ns = ses_clock_mono_ns();

    if (!worker->accepting)
        return;
    if (queues)
        look_at_queues(worker);
    for (unsigned i = 0; i < worker->env->board->workers; i++) {
        int fd = worker->env->slot_fds[i];

        if (!is_mine(worker, i, now_ns))
            ses_conns_unwatch(worker->conns, fd);
        else if (ses_conns_watch(worker->conns, fd) != SES_OK)
            ses_log_msg(&worker->log, SES_LOG_ERROR, "slot_unwatched", "the socket of slot %u", i);
    }
}

/* Asked before this worker leaves: if nobody else accepts, clients would be refused. */
bool ses_worker_slots_alone(const struct ses_worker *worker)
{
    uint64_t now_ns = ses_clock_mono_ns();

    for (unsigned i = 0; i < worker->env->board->workers; i++) {
        if (i != worker->env->slot && ses_readiness_serves(worker->env->board, i, now_ns))
            return false;
    }
    return true;
}

void ses_worker_slots_open(struct ses_worker *worker)
{
    worker->accepting = true;
    if (ses_operator_port_accept(&worker->operator_port) != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "operator_unwatched", "the operator's socket");
    atomic_store_explicit(&worker->env->board->accepts[worker->env->slot], true, memory_order_relaxed);
    ses_worker_slots_look(worker, false);
}

/* What waits is taken first, unless a neighbour will: nobody is to be reset or to wait. shutdown closes a
 * socket for every process that has it, whereas close would only forget our descriptor. */
void ses_worker_slots_close(struct ses_worker *worker, bool for_good)
{
    bool last = for_good || ses_worker_slots_alone(worker);

    if (!worker->accepting)
        return;
    atomic_store_explicit(&worker->env->board->accepts[worker->env->slot], false, memory_order_relaxed);
    if (last)
        ses_conns_accept_queued(worker->conns);
    worker->accepting = false;
    ses_operator_port_drain(&worker->operator_port);
    for (unsigned i = 0; i < worker->env->board->workers; i++) {
        int fd = worker->env->slot_fds[i];

        if (for_good && !worker->env->sockets_kept && ses_conns_watches(worker->conns, fd))
            (void)shutdown(fd, SHUT_RD);
        ses_conns_unwatch(worker->conns, fd);
    }
    ses_child_say(worker->env, SES_CONTROL_CLOSED);
}
