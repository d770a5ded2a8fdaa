#include <sessiond/base/boot_clock.h>

#include <time.h>

#include <sessiond/base/units.h>

#include "clock_hook.h"

uint64_t ses_clock_boot_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / SES_NS_PER_MS + ses_clock_hook_passed_ms();
}

uint64_t ses_clock_played_ms(void)
{
    return ses_clock_hook_passed_ms();
}
