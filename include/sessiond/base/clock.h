/* clock.h - the two clocks. Pure code takes times as arguments and never calls these. */
#ifndef SESSIOND_BASE_CLOCK_H
#define SESSIOND_BASE_CLOCK_H

#include <stdint.h>
#include <stddef.h>

/* [any] Wall clock, milliseconds since 1970-01-01 UTC. */
uint64_t ses_clock_wall_ms(void);
/* [any] Monotonic clock, nanoseconds; for deadlines and latencies. */
uint64_t ses_clock_mono_ns(void);

#define SES_RFC3339_SIZE 25
/* [any] "2026-01-02T03:04:05Z" plus NUL (RFC 3339, whole seconds, UTC) into ret_text[SES_RFC3339_SIZE]. */
void ses_clock_rfc3339(uint64_t wall_ms, char *ret_text);

#endif
