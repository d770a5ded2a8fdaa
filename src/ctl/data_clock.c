/* Records carry sessiond's own time (base/clock.h): without it a check would call sessions expired that
 * are not. */
#include "ctl.h"

#include <sessiond/base/clock_file.h>

bool ctl_take_clock(const struct ctl *ctl)
{
    const char *name;
    enum ses_clock_origin origin;
    struct ses_clock_state last;
    bool same_boot = false;

    /* Without it, times are the world's: those of a data directory that no sessiond with a clock has used. */
    if (ses_clock_file_find(ctl->data, &name, &last, &same_boot) != SES_OK)
        return true;
    if (ses_clock_start(&last, same_boot, &origin) == SES_OK)
        return true;
    (void)ctl_fail("out of memory");
    return false;
}
