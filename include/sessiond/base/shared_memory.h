/* shared_memory.h - memory that the processes of one server share, as a descriptor (memfd_create(2)).
 *
 * It lives as long as somebody maps it or has the descriptor: children inherit the mapping over fork, and a
 * new program that takes this one's place (SIGUSR2) maps it again by its descriptor. Its size is sealed, so
 * that no process can make another one's access a SIGBUS.
 */
#ifndef SESSIOND_BASE_SHARED_MEMORY_H
#define SESSIOND_BASE_SHARED_MEMORY_H

#include <stddef.h>

#include <sessiond/base/status.h>

/* [supervisor, tool] Zeros, close-on-exec; name is for /proc. SES_IO: no descriptor, or a limit of file sizes
 * (errno says which). */
SES_MUST_CHECK enum ses_status ses_shared_memory_new(const char *name, size_t bytes, int *ret_fd);
/* [any] Maps the whole of it, for reading and writing. SES_FAILED_PRECONDITION: it is not bytes long.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_shared_memory_map(int fd, size_t bytes, void **ret_memory);
/* The same over the addresses from at on, which are the caller's and a page boundary. */
SES_MUST_CHECK enum ses_status ses_shared_memory_map_at(int fd, size_t bytes, void *at);

#endif
