/* clock_hook.h - the clocks of a test: what the file of SESSIOND_TEST_CLOCK adds (clock.h). In builds without
 * SES_TEST_HOOKS both are 0 at compile time and the variable means nothing. */
#ifndef SESSIOND_SRC_BASE_CLOCK_HOOK_H
#define SESSIOND_SRC_BASE_CLOCK_HOOK_H

#include <stdint.h>

#if SES_TEST_HOOKS
/* [any] How far the world's clock was set. */
uint64_t ses_clock_hook_stepped_ms(void);
/* [any] How much time has passed besides what did. */
uint64_t ses_clock_hook_passed_ms(void);
#else
static inline uint64_t ses_clock_hook_stepped_ms(void)
{
    return 0;
}

static inline uint64_t ses_clock_hook_passed_ms(void)
{
    return 0;
}
#endif

#endif
