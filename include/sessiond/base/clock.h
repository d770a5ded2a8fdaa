/* clock.h - whose clock, when. Pure code takes times as arguments and never calls these.
 *
 * There are two times:
 *   now    sessiond's own time: milliseconds since 1970 that only grow, as fast as time passes
 *          (CLOCK_BOOTTIME and a base). Whatever is stored, compared or waited for is in it:
 *          records, locators, limits.
 *   wall   what the machine's clock says of the world. It may be wrong, and be corrected, by any
 *          amount, in either direction, at any moment. Only what leaves or enters is in it:
 *          times in answers, in tokens, in log lines, HTTP dates.
 *
 * Between them lies `ahead` = wall - now. It changes only when the machine's clock is set; such a
 * step changes nothing that is stored. The supervisor fixes the base before it forks
 * (ses_clock_start) and keeps it in the data directory (clock_file.h), so that now goes on over
 * restarts. A process that sets nothing up, a tool or a test, begins with now = wall.
 *
 * Where records are shared by several machines (PostgreSQL), each machine's now is its wall, or a session would be over
 * earlier on one machine than on another: ses_clock_follow. How far their clocks may be apart, the store looks after.
 *
 * Builds with SES_TEST_HOOKS also add what the file named by SESSIOND_TEST_CLOCK says: two words of
 * 64 bits, signed, of this machine's order, in milliseconds:
 *   [0]  how far the world's clock was set (wall only)
 *   [1]  how much time has passed (both; it only grows)
 * The monotonic clock of network limits stays what it is.
 */
#ifndef SESSIOND_BASE_CLOCK_H
#define SESSIOND_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sessiond/base/status.h>

#define SES_CLOCK_NEVER_MS  UINT64_MAX
#define SES_CLOCK_STEP_MS   1000 /* a difference from the known one that is a step and no jitter */
#define SES_CLOCK_FOLLOW_MS 100  /* of a clock that is shared: from here on it is followed */
#define SES_CLOCK_ERAS_MAX  16   /* steps that are remembered: the newest */

/* [any] sessiond's own time, milliseconds. */
uint64_t ses_clock_now_ms(void);
/* [any] The world's clock, milliseconds since 1970-01-01 UTC. */
uint64_t ses_clock_wall_ms(void);
/* [any] Monotonic clock, nanoseconds; for deadlines and latencies. */
uint64_t ses_clock_mono_ns(void);
/* [any] The same in whole milliseconds. */
uint64_t ses_clock_mono_ms(void);
/* [any] What the calling thread has had of a processor, nanoseconds: a system call. */
uint64_t ses_clock_thread_ns(void);

/* [any] A build with SES_TEST_HOOKS. */
bool ses_clock_is_movable(void);

/* [any] What the world's clock is ahead of ours, at this moment. Constant to the millisecond between two
 * steps: times that are told twice are the same. Conversions of one answer share one. */
int64_t ses_clock_ahead_ms(void);
/* [any] at + by within 0 .. SES_CLOCK_NEVER_MS; never stays never. */
uint64_t ses_clock_shift(uint64_t at_ms, int64_t by_ms);
/* [any] A moment of ours as the world's clock names it, and the other way round. */
uint64_t ses_clock_to_wall(uint64_t now_ms);
uint64_t ses_clock_from_wall(uint64_t wall_ms);

/* The world's clock since a moment of ours, until the next era. */
struct ses_clock_era {
    uint64_t from_ms;
    int64_t ahead_ms;
};

/* [any] Was this end, told in the world's time at issued_wall_ms, reached at now_ms? By the present
 * difference first; only if it says so, by those of the eras in which issued_wall_ms lies: a clock that was
 * set since ends nothing sooner. */
bool ses_clock_is_over(uint64_t issued_wall_ms, uint64_t end_wall_ms, uint64_t now_ms);

/* ---- the supervisor's ---- */

#define SES_CLOCK_LAYOUT 1 /* of the shared memory: raised when what it holds means something else */

/* All that has to be known to go on. */
struct ses_clock_state {
    uint64_t base_ms; /* now - CLOCK_BOOTTIME, modulo 2^64 */
    uint64_t told_ms; /* now when this was taken .. */
    uint64_t wall_ms; /* .. and the world's clock then */
    uint64_t steps;   /* noticed ever */
    unsigned eras_count;
    struct ses_clock_era eras[SES_CLOCK_ERAS_MAX]; /* oldest first; the last one is the present */
};

enum ses_clock_origin {
    SES_CLOCK_FRESH,   /* now := wall */
    SES_CLOCK_KEPT,    /* the same boot of the machine: the base of before */
    SES_CLOCK_RESUMED, /* another boot: what was told last, and what wall says has passed since */
    SES_CLOCK_ORIGIN_COUNT
};

/* [supervisor, tool] Before any fork: fixes now, in memory that children share. last NULL: nothing is known.
 * SES_NO_MEMORY, SES_IO. */
SES_MUST_CHECK enum ses_status ses_clock_start(const struct ses_clock_state *last, bool same_boot,
                                               enum ses_clock_origin *ret_origin);
/* [supervisor] The shared memory that ses_clock_start has made, which a program that takes over goes on with
 * (ses_clock_attach); -1: there is none. Stays the clock's. */
int ses_clock_fd(void);
/* [supervisor] Now is what that memory says, which another program has made; fd is the clock's then. The one
 * before stays mapped. SES_FAILED_PRECONDITION: it is no clock. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_clock_attach(int fd);
/* [any] */
void ses_clock_state(struct ses_clock_state *ret_state);
/* [any] Steps noticed ever. */
uint64_t ses_clock_steps(void);
/* [supervisor] Once a second: has the world's clock been set? Then a new era begins.
 * ret_by_ms: by how much. */
bool ses_clock_notice(int64_t *ret_by_ms);
/* [supervisor] Instead of it where what is stored is shared with other machines, whose now is another one: now follows
 * the world's clock, forward and back, as the others' do that were right before. Begin with ses_clock_start(NULL). True:
 * it did, by that. */
bool ses_clock_follow(int64_t *ret_by_ms);

#endif
