/* operator_socket.h - the UNIX socket through which `sessiondctl session` reaches the workers: DIR/operator.sock, mode
 * 0600. Made by the supervisor before fork; every worker accepts from it, one takes a connection.
 *
 * Whoever holds the data directory's lock owns the path: what lies there is of a server that is gone, and is replaced.
 * So a start never fails for a leftover. A program that takes over (SIGUSR2) gets the socket itself.
 */
#ifndef SESSIOND_SRC_RUNTIME_OPERATOR_SOCKET_H
#define SESSIOND_SRC_RUNTIME_OPERATOR_SOCKET_H

#include "layout.h"

#define SES_OPERATOR_SOCKET "operator.sock"

struct ses_operator_socket {
    int fd; /* -1: none */
    uint64_t inode;
    char path[SES_CONFIG_PATH_SIZE];
};

/* [any] For --check. SES_INVALID_ARGUMENT: the path is too long for a UNIX socket; SES_FAILED_PRECONDITION: another
 * thing than a socket lies there. */
SES_MUST_CHECK enum ses_status ses_operator_socket_check(const struct ses_layout *layout,
                                                         struct ses_fault *ret_fault);
/* [supervisor] Under the layout's lock. The same, and SES_IO. */
SES_MUST_CHECK enum ses_status ses_operator_socket_open(struct ses_operator_socket *sock,
                                                        const struct ses_layout *layout,
                                                        struct ses_fault *ret_fault);
/* [supervisor] The socket of the program before, in sock->fd, becomes ours: closing it takes the path away. */
void ses_operator_socket_adopt(struct ses_operator_socket *sock, const struct ses_layout *layout);
/* [supervisor] Takes the path away too, if it still leads to this socket. fd -1: nothing. */
void ses_operator_socket_close(struct ses_operator_socket *sock);

#endif
