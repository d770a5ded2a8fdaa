/* How much of a connection is read in a turn. */
#include "conn_impl.h"

#include <sys/ioctl.h>

size_t ses_conn_read_size(const struct ses_conn *conn)
{
    return conn->reading_as == SES_READ_FULLY ? READ_BYTES : THROTTLED_READ_BYTES;
}

/* Once more in this turn. */
bool ses_conn_may_read(struct ses_conn *conn)
{
    const struct ses_conns *conns = conn->conns;

    if (conn->read_turn != conns->turn) {
        conn->read_turn = conns->turn;
        conn->reads = 0;
    }
    return conn->reads++ < (conn->reading_as == SES_READ_FULLY ? conns->reads_max : 1);
}

/* Only a full buffer has more behind it; what the next reads of this turn take waits no longer than a turn. */
void ses_conn_look_behind(struct ses_conn *conn, size_t got)
{
    size_t part = got * (conn->reading_as == SES_READ_FULLY ? conn->conns->reads_max : 1);
    int waiting = 0;
    uv_os_fd_t fd;

    conn->turns_behind = 0;
    if (got == ses_conn_read_size(conn) && conn->reading_as < SES_READ_EXCESS &&
        uv_fileno((const uv_handle_t *)&conn->tcp, &fd) == 0 && ioctl(fd, FIONREAD, &waiting) == 0)
        conn->turns_behind = (unsigned)((size_t)waiting / part);
}
