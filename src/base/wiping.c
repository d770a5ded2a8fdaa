/* One word, written before there is a second thread. */
#include <sessiond/base/wiping.h>

#include <stdint.h>

#include <sessiond/base/secret.h>

static bool on;

void ses_wiping_start(void)
{
    on = true;
}

bool ses_wiping_is_on(void)
{
    return on;
}

void ses_wiping_wipe(const void *bytes, size_t len)
{
    if (on && bytes != NULL && len > 0)
        ses_wipe((void *)(uintptr_t)bytes, len);
}
