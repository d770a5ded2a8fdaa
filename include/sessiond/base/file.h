/* file.h - all of some bytes through a descriptor that waits: read and write may take less, or be interrupted. */
#ifndef SESSIOND_BASE_FILE_H
#define SESSIOND_BASE_FILE_H

#include <sessiond/base/slice.h>

/* [any] false: not all of it is written; errno tells why. */
SES_MUST_CHECK bool ses_file_write_all(int fd, struct ses_slice bytes);
/* [any] false: not so much could be read; errno tells why, EIO where the file ended before. */
SES_MUST_CHECK bool ses_file_read_all(int fd, uint8_t *ret_bytes, size_t len);

#endif
