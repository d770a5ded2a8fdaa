/* sockets.h - listening sockets. Made by the supervisor before fork and kept open by it: connections that
 * wait in a dead worker's queue wait for a neighbour or its replacement (measured: without this 101 of 200
 * queued connections were reset). shutdown(SHUT_RD) closes one for every process, listen() opens it again. */
#ifndef SESSIOND_SRC_RUNTIME_SOCKETS_H
#define SESSIOND_SRC_RUNTIME_SOCKETS_H

#include <sessiond/config/address.h>
#include <sessiond/base/fault.h>

#define SES_LISTEN_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

/* [any] For --check: could it be bound now? SES_ALREADY_EXISTS: in use; SES_IO. Port 0 is always free. */
SES_MUST_CHECK enum ses_status ses_socket_check(const struct ses_address *address,
                                                struct ses_fault *ret_fault);
/* [supervisor] count listening SO_REUSEPORT sockets on address; port 0 is replaced by the one the kernel
 * chose. First a probe without SO_REUSEPORT: another server of ours on the port must be an error, not a
 * partner. SES_ALREADY_EXISTS (in use), SES_IO; the line names the address. ret_fds is written whole or not
 * at all. */
SES_MUST_CHECK enum ses_status ses_sockets_open(struct ses_address *address, unsigned count, int *ret_fds,
                                                struct ses_fault *ret_fault);
/* [supervisor] One plain listening socket (admin, simulator); port 0 likewise. */
SES_MUST_CHECK enum ses_status ses_socket_open(struct ses_address *address, int *ret_fd,
                                               struct ses_fault *ret_fault);

#endif
