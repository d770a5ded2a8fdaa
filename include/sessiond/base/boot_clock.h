/* boot_clock.h - the clock that nobody sets: for what must be over when so much time has passed, whatever becomes of
 * the world's clock, and of `now` where it follows the world's (clock.h).
 */
#ifndef SESSIOND_BASE_BOOT_CLOCK_H
#define SESSIOND_BASE_BOOT_CLOCK_H

#include <stdint.h>

/* [any] Milliseconds since the machine was started; those while it was suspended count. The same for all its processes. */
uint64_t ses_clock_boot_ms(void);
/* [any] What of it a test has made pass (clock.h), which clocks outside of sessiond do not know; 0 in other builds. */
uint64_t ses_clock_played_ms(void);

#endif
