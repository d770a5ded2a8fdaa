/* clock_file.h - <data>/clock: sessiond's own time, kept over restarts.
 *
 * Text, a line a word, replaced as a whole (write, fsync, rename, fsync of the directory):
 *
 *   sessiond-clock 1
 *   boot 0f5ad2c1-...     /proc/sys/kernel/random/boot_id: CLOCK_BOOTTIME counts from that boot
 *   base N                now - CLOCK_BOOTTIME, milliseconds modulo 2^64
 *   told N                now when this was written, milliseconds since 1970
 *   wall N                the world's clock then
 *   steps N               of the world's clock, noticed ever
 *   era FROM AHEAD        at most SES_CLOCK_ERAS_MAX, oldest first: wall - now since the moment FROM
 *   sum HEX               BLAKE2b-256 of all lines before
 */
#ifndef SESSIOND_BASE_CLOCK_FILE_H
#define SESSIOND_BASE_CLOCK_FILE_H

#include <sessiond/base/clock.h>

#define SES_CLOCK_FILE_NAME "clock"

/* [any] ret_same_boot: written since this machine started. SES_NOT_FOUND, SES_MALFORMED, SES_IO. */
SES_MUST_CHECK enum ses_status ses_clock_file_read(const char *path, struct ses_clock_state *ret_state,
                                                   bool *ret_same_boot);
/* [supervisor, housekeeper] SES_FULL, SES_IO: the file of before stays. */
SES_MUST_CHECK enum ses_status ses_clock_file_write(const char *path, const struct ses_clock_state *state);

#endif
