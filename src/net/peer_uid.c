/* Who is at the other end of a UNIX socket. */
#include "conn_impl.h"

#include <sys/socket.h>

/* Sockets of other families have no credentials: the kernel answers (uid_t)-1. */
bool ses_conn_peer_uid(const struct ses_conn *conn, uint32_t *ret_uid)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    uv_os_fd_t fd;

    if (conn == NULL || uv_fileno((const uv_handle_t *)&conn->tcp, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid == (uid_t)-1)
        return false;
    *ret_uid = peer.uid;
    return true;
}
