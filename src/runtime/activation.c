#include "activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

static bool get_option(int fd, int option, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);

    return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) == 0;
}

static enum ses_status take_one(int fd, struct ses_fault *fault)
{
    int type = 0;
    int listens = 0;
    int flags;

    if (!get_option(fd, SO_TYPE, &type) || type != SOCK_STREAM || !get_option(fd, SO_ACCEPTCONN, &listens) ||
        listens == 0)
        return ses_fault(fault, SES_INVALID_ARGUMENT,
                         "LISTEN_FDS: descriptor %d is no listening stream socket (ListenStream=, Accept=no)",
                         fd);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return ses_fault(fault, SES_IO, "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
    return SES_OK;
}

/* Meant for another process where it names another one: a shell that was activated and started us, say. */
static bool is_ours(const char *pid)
{
    return pid != NULL && strtol(pid, NULL, 10) == (long)getpid();
}

enum ses_status ses_activation_take(struct ses_activation *activation, struct ses_fault *ret_fault)
{
    const char *fds = getenv("LISTEN_FDS");
    uint64_t count = 0;

    activation->count = 0;
    if (fds != NULL && is_ours(getenv("LISTEN_PID")) &&
        ses_parse_u64(ses_slice_str(fds), SES_ACTIVATION_MAX, &count) != SES_OK)
        return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "LISTEN_FDS: must be a number up to %d",
                         SES_ACTIVATION_MAX);
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
    for (unsigned i = 0; i < count; i++) {
        SES_TRY(take_one(FIRST_FD + (int)i, ret_fault));
        activation->fds[activation->count++] = FIRST_FD + (int)i;
    }
    return SES_OK;
}

static bool is_bound_to(int fd, const struct ses_address *address)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);

    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0 ||
        bound.ss_family != address->sockaddr.ss_family)
        return false;
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *one = (const struct sockaddr_in *)(const void *)&bound;
        const struct sockaddr_in *other = (const struct sockaddr_in *)(const void *)&address->sockaddr;

        return one->sin_port == other->sin_port && one->sin_addr.s_addr == other->sin_addr.s_addr;
    }
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *one = (const struct sockaddr_in6 *)(const void *)&bound;
        const struct sockaddr_in6 *other = (const struct sockaddr_in6 *)(const void *)&address->sockaddr;

        return one->sin6_port == other->sin6_port &&
               memcmp(&one->sin6_addr, &other->sin6_addr, sizeof(one->sin6_addr)) == 0;
    }
    return false;
}

/* A descriptor a slot, whatever they refer to: each worker watches its own. */
static enum ses_status share(unsigned count, int *fds, struct ses_fault *fault)
{
    for (unsigned i = 1; i < count; i++) {
        fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, FIRST_FD);
        if (fds[i] < 0)
            return ses_fault(fault, SES_IO, "LISTEN_FDS: %s", strerror(errno));
    }
    return SES_OK;
}

enum ses_status ses_activation_claim(struct ses_activation *activation, const struct ses_address *address,
                                     unsigned count, int *ret_fds, bool *ret_claimed,
                                     struct ses_fault *ret_fault)
{
    unsigned found = 0;

    for (unsigned i = 0; i < activation->count; i++) {
        if (activation->fds[i] < 0 || !is_bound_to(activation->fds[i], address))
            continue;
        if (found < count)
            ret_fds[found] = activation->fds[i];
        activation->fds[i] = -1;
        found++;
    }
    *ret_claimed = found > 0;
    if (found > 1 && found != count)
        return ses_fault(ret_fault, SES_INVALID_ARGUMENT,
                         "LISTEN_FDS: %u sockets for %s: must be one, or one for each of the %u workers "
                         "(ListenStream= as often, ReusePort=yes)",
                         found, address->text, count);
    return found == 1 ? share(count, ret_fds, ret_fault) : SES_OK;
}

enum ses_status ses_activation_check_claimed(const struct ses_activation *activation,
                                             struct ses_fault *ret_fault)
{
    for (unsigned i = 0; i < activation->count; i++) {
        if (activation->fds[i] >= 0)
            return ses_fault(
                ret_fault, SES_INVALID_ARGUMENT,
                "LISTEN_FDS: descriptor %d listens on another address than listen and admin_listen",
                activation->fds[i]);
    }
    return SES_OK;
}
