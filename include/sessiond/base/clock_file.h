/* clock_file.h - <data>/time/clock: sessiond's own time, kept over restarts.
 *
 * In a directory of its own, since the housekeeper writes it and may be let write nothing else (runtime/confine.h).
 * Versions before had it as <data>/clock: the supervisor still writes that one too, when it starts and when it ends,
 * so that such a version goes on from there; whoever reads takes the one of the two that tells the later time. So
 * nothing has to be moved, whichever version ran last and however it ended.
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

#define SES_CLOCK_DIR_NAME    "time"
#define SES_CLOCK_FILE_NAME   SES_CLOCK_DIR_NAME "/clock"
#define SES_CLOCK_FILE_FORMER "clock" /* also its name in a backup */

/* [any] ret_same_boot: written since this machine started. SES_NOT_FOUND, SES_MALFORMED, SES_IO. */
SES_MUST_CHECK enum ses_status ses_clock_file_read(const char *path, struct ses_clock_state *ret_state,
                                                   bool *ret_same_boot);
/* [any] Of the two files of a data directory the one that tells the later time; an unreadable one is passed over when
 * the other can be read. ret_name: within data_dir, a constant. SES_NOT_FOUND: there is none; SES_MALFORMED, SES_IO. */
SES_MUST_CHECK enum ses_status ses_clock_file_find(const char *data_dir, const char **ret_name,
                                                   struct ses_clock_state *ret_state, bool *ret_same_boot);
/* [supervisor, housekeeper] SES_FULL, SES_IO: the file of before stays. */
SES_MUST_CHECK enum ses_status ses_clock_file_write(const char *path, const struct ses_clock_state *state);

#endif
