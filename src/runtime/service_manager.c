/* Datagrams, never waited for: a manager that does not read must not hold the supervisor. */
#include "service_manager.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/slice.h>

#define EXTEND_EVERY_MS 5000
#define EXTEND_BY_US    30000000
#define MESSAGE_SIZE    1024

/* ---- the socket --------------------------------------------------------------------------------------- */

/* A path, or "@name" of the abstract namespace, whose address has no end but its length. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd;

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(address.sun_path)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        int saved = errno;

        (void)close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

/* $WATCHDOG_PID, where it is set, says whom the manager watches. */
static uint64_t read_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t us = 0;

    if (usec == NULL || ses_parse_u64(ses_slice_str(usec), UINT64_MAX / 2, &us) != SES_OK)
        return 0;
    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    return us < 2000 ? us > 0 : us / 2000;
}

void ses_service_manager_open(struct ses_service_manager *manager, struct ses_log *log)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *manager = (struct ses_service_manager){.fd = -1, .serving = UINT32_MAX};
    if (name == NULL)
        return;
    manager->fd = connect_to(name);
    if (manager->fd < 0) {
        ses_log_msg(log, SES_LOG_WARN, "service_manager_unheard", "NOTIFY_SOCKET: cannot be spoken to: %s",
                    strerror(errno));
        return;
    }
    manager->watchdog_ms = read_watchdog_ms();
}

void ses_service_manager_close(struct ses_service_manager *manager)
{
    if (manager->fd >= 0)
        (void)close(manager->fd);
    manager->fd = -1;
}

void ses_service_manager_forget(void)
{
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

/* ---- what is told ------------------------------------------------------------------------------------- */

static bool send_text(const struct ses_service_manager *manager, const char *text)
{
    return send(manager->fd, text, strlen(text), MSG_NOSIGNAL) >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static void tell_state(struct ses_service_manager *manager)
{
    char text[MESSAGE_SIZE];

    switch (manager->state) {
    case SES_SERVICE_READY:
        (void)snprintf(text, sizeof(text), "READY=1\nSTATUS=%s%s",
                       manager->reason[0] != '\0' ? "refused: " : "ready", manager->reason);
        break;
    case SES_SERVICE_RELOADING:
        (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading",
                       (unsigned long long)(ses_clock_mono_ns() / 1000));
        break;
    case SES_SERVICE_STOPPING:
        (void)snprintf(text, sizeof(text), "STOPPING=1\nSTATUS=finishing what runs");
        break;
    case SES_SERVICE_STARTING:
        (void)snprintf(text, sizeof(text), "STATUS=loading sessions");
        break;
    }
    manager->untold = !send_text(manager, text);
}

/* A fault is a line; a line of it that was none would be read as another variable. */
void ses_service_manager_tell(struct ses_service_manager *manager, enum ses_service_state state,
                              const char *reason)
{
    if (manager->fd < 0)
        return;
    manager->state = state;
    (void)snprintf(manager->reason, sizeof(manager->reason), "%s", reason == NULL ? "" : reason);
    manager->reason[strcspn(manager->reason, "\n")] = '\0';
    tell_state(manager);
}

static void tell_serving(struct ses_service_manager *manager, unsigned serving, unsigned workers)
{
    char text[MESSAGE_SIZE];

    (void)snprintf(text, sizeof(text), "STATUS=%u of %u workers serve%s%s", serving, workers,
                   manager->reason[0] == '\0' ? "" : "; refused: ", manager->reason);
    if (send_text(manager, text))
        manager->serving = serving;
}

/* A start and a stop are as long as the disk and drain_seconds make them; both have limits of their own. */
static void extend(struct ses_service_manager *manager, uint64_t now_ms)
{
    char text[64];

    if (now_ms < manager->extended_ms + EXTEND_EVERY_MS)
        return;
    (void)snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%d", EXTEND_BY_US);
    if (send_text(manager, text))
        manager->extended_ms = now_ms;
}

void ses_service_manager_tick(struct ses_service_manager *manager, uint64_t now_ms, unsigned serving,
                              unsigned workers, bool alive)
{
    if (manager->fd < 0)
        return;
    if (manager->untold)
        tell_state(manager);
    if (manager->state == SES_SERVICE_READY && serving != manager->serving)
        tell_serving(manager, serving, workers);
    if (manager->state == SES_SERVICE_STARTING || manager->state == SES_SERVICE_STOPPING)
        extend(manager, now_ms);
    if (manager->watchdog_ms == 0 || !alive || now_ms < manager->pinged_ms + manager->watchdog_ms)
        return;
    if (send_text(manager, "WATCHDOG=1"))
        manager->pinged_ms = now_ms;
}

uint64_t ses_service_manager_due_ms(const struct ses_service_manager *manager)
{
    return manager->fd < 0 || manager->watchdog_ms == 0 ? UINT64_MAX
                                                        : manager->pinged_ms + manager->watchdog_ms;
}
