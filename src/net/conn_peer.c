/* Who is at the other end, and how many connections he has. */
#include "conn_impl.h"

#include <sys/socket.h>

/* Of a UNIX socket; those of other families have no credentials: the kernel answers (uid_t)-1. */
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

const struct ses_peer *ses_conn_peer(const struct ses_conn *conn)
{
    return &conn->peer;
}

static bool is_counted(const struct ses_conns *conns, const struct ses_peer *peer)
{
    return conns->sources != NULL && peer->known &&
           !ses_networks_contain(conns->options.exempt, conns->options.exempt_count, &peer->ip);
}

bool ses_conns_enter(struct ses_conns *conns, const struct ses_peer *peer, struct ses_source **ret_source)
{
    *ret_source = NULL;
    if (!is_counted(conns, peer) || ses_source_enter(conns->sources, &peer->ip, ret_source))
        return true;
    ses_count(conns->options.metrics, SES_C_CONNECTIONS_REFUSED, 1);
    return false;
}

bool ses_conn_set_peer(struct ses_conn *conn, const struct ses_peer *peer)
{
    conn->peer = *peer;
    ses_source_leave(conn->source);
    return ses_conns_enter(conn->conns, peer, &conn->source);
}
