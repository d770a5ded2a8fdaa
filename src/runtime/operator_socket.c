/* The file's mode and the directory's (0700) are what guards it: they stand from its first moment. */
#include "operator_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static enum ses_status make_path(const struct ses_layout *layout, struct sockaddr_un *ret_address,
                                 struct ses_fault *fault)
{
    size_t room = sizeof(ret_address->sun_path);
    int len;

    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(ret_address->sun_path, room, "%s/" SES_OPERATOR_SOCKET, layout->dir);
    if (len >= 0 && (size_t)len < room)
        return SES_OK;
    return ses_fault(fault, SES_INVALID_ARGUMENT,
                     "%s/" SES_OPERATOR_SOCKET ": has %d bytes, the path of a UNIX socket at most %zu: "
                     "choose a shorter data directory (--data)",
                     layout->dir, len, room - 1);
}

static enum ses_status check_place(const char *path, struct ses_fault *fault)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? SES_OK : ses_fault(fault, SES_IO, "%s: %s", path, strerror(errno));
    if (S_ISSOCK(st.st_mode))
        return SES_OK;
    return ses_fault(fault, SES_FAILED_PRECONDITION, "%s: is not a socket, and not ours: move it away", path);
}

enum ses_status ses_operator_socket_check(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    struct sockaddr_un address;

    SES_TRY(make_path(layout, &address, ret_fault));
    return check_place(address.sun_path, ret_fault);
}

/* The supervisor has one thread here, so that the mask is nobody else's for a moment. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
    int failed = bind(fd, (const void *)address, sizeof(*address));

    (void)umask(mask);
    return failed;
}

enum ses_status ses_operator_socket_open(struct ses_operator_socket *sock, const struct ses_layout *layout,
                                         struct ses_fault *ret_fault)
{
    struct sockaddr_un address;
    struct stat st = {.st_ino = 0};

    sock->fd = -1;
    SES_TRY(make_path(layout, &address, ret_fault));
    SES_TRY(check_place(address.sun_path, ret_fault));
    (void)unlink(address.sun_path);
    sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock->fd < 0 || bind_private(sock->fd, &address) != 0 || listen(sock->fd, BACKLOG) != 0 ||
        stat(address.sun_path, &st) != 0)
        return ses_fault(ret_fault, SES_IO, "%s: cannot listen: %s", address.sun_path, strerror(errno));
    sock->inode = (uint64_t)st.st_ino;
    (void)snprintf(sock->path, sizeof(sock->path), "%s", address.sun_path);
    return SES_OK;
}

void ses_operator_socket_adopt(struct ses_operator_socket *sock, const struct ses_layout *layout)
{
    struct stat st;

    (void)snprintf(sock->path, sizeof(sock->path), "%.*s/" SES_OPERATOR_SOCKET, SES_CONFIG_PATH_SIZE / 2,
                   layout->dir);
    sock->inode = stat(sock->path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void ses_operator_socket_close(struct ses_operator_socket *sock)
{
    struct stat st;

    if (sock->fd < 0)
        return;
    if (stat(sock->path, &st) == 0 && (uint64_t)st.st_ino == sock->inode)
        (void)unlink(sock->path);
    (void)close(sock->fd);
    sock->fd = -1;
}
