/* Listening sockets. All are bound before any child exists, so that a port that is taken ends the
 * start. */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

/* SO_REUSEADDR lets us bind over connections in TIME_WAIT of a former run; it does not let two
 * listeners share a port. IPV6_V6ONLY: "[::1]" must not take IPv4 connections too. errno is what bind
 * said, not what close said after it. */
static int open_bound(const struct ses_address *address, bool reuseport)
{
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    int saved;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        (!reuseport || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0) &&
        (address->sockaddr.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
        bind(fd, (const void *)&address->sockaddr, address->len) == 0)
        return fd;
    saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static enum ses_status explain(const struct ses_address *address, struct ses_fault *fault)
{
    if (errno == EADDRINUSE)
        return ses_fault(fault, SES_ALREADY_EXISTS, "%s: is in use by another process", address->text);
    return ses_fault(fault, SES_IO, "%s: cannot listen: %s", address->text, strerror(errno));
}

static enum ses_status learn_port(int fd, struct ses_address *address, struct ses_fault *fault)
{
    struct ses_address bound = *address;

    if (getsockname(fd, (void *)&bound.sockaddr, &bound.len) != 0)
        return explain(address, fault);
    ses_address_set_port(address, ses_address_port(&bound));
    return SES_OK;
}

/* Not listening, so that it hinders no socket of ours; but a listening one of somebody else hinders it. Held
 * until ours are bound. Port 0 becomes the one that the kernel chose, and ours are bound to that number: a
 * socket bound to port 0 would lose its port when it is shut and listens again. */
static enum ses_status open_probe(struct ses_address *address, int *ret_fd, struct ses_fault *fault)
{
    int fd = open_bound(address, false);
    enum ses_status status;

    if (fd < 0)
        return explain(address, fault);
    status = learn_port(fd, address, fault);
    if (status == SES_OK)
        *ret_fd = fd;
    else
        (void)close(fd);
    return status;
}

enum ses_status ses_socket_check(const struct ses_address *address, struct ses_fault *ret_fault)
{
    int fd = open_bound(address, false);

    if (fd < 0)
        return explain(address, ret_fault);
    (void)close(fd);
    return SES_OK;
}

static enum ses_status open_listening(const struct ses_address *address, bool reuseport, int *ret_fd,
                                      struct ses_fault *fault)
{
    int fd = open_bound(address, reuseport);
    enum ses_status status;

    if (fd >= 0 && listen(fd, SES_LISTEN_BACKLOG) == 0) {
        *ret_fd = fd;
        return SES_OK;
    }
    status = explain(address, fault);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

enum ses_status ses_socket_open(struct ses_address *address, int *ret_fd, struct ses_fault *ret_fault)
{
    enum ses_status status;
    int probe = -1;

    SES_TRY(open_probe(address, &probe, ret_fault));
    status = open_listening(address, false, ret_fd, ret_fault);
    (void)close(probe);
    return status;
}

/* The probe stays open until the last of them is bound: no other process can slip in between. On
 * failure those that were opened are closed again. */
enum ses_status ses_sockets_open(struct ses_address *address, unsigned count, int *ret_fds,
                                 struct ses_fault *ret_fault)
{
    enum ses_status status;
    unsigned i = 0;
    int probe = -1;

    SES_TRY(open_probe(address, &probe, ret_fault));
    do
        status = open_listening(address, true, &ret_fds[i], ret_fault);
    while (status == SES_OK && ++i < count);
    while (status != SES_OK && i > 0)
        (void)close(ret_fds[--i]);
    (void)close(probe);
    return status;
}
