/* One SETTINGS frame at a time: until it is
 * acknowledged nobody knows which of two the client goes by. What it opens beyond the smaller number meanwhile is
 * refused by nghttp2 as not processed (REFUSED_STREAM), which it may repeat (section 8.7). */
#include "h2_throttle.h"

static void tell_streams(struct ses_h2 *h2)
{
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h2->streams_max};

    if (ses_h2_is_dead(h2) || !h2->settings_acknowledged || h2->streams_told == h2->streams_max)
        return;
    h2->streams_told = h2->streams_max;
    h2->settings_acknowledged = false;
    h2->unknowing = 0;
    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, &entry, 1) != 0)
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
    ses_h2_want_write(h2);
}

void ses_h2_throttle(struct ses_h2 *h2, bool on)
{
    unsigned most = h2->shared->doors->options.limits.streams_max;

    h2->streams_max = on && most > SES_H2_THROTTLED_STREAMS ? SES_H2_THROTTLED_STREAMS : most;
    tell_streams(h2);
}

void ses_h2_settings_acknowledged(struct ses_h2 *h2)
{
    h2->settings_acknowledged = true;
    tell_streams(h2);
}

void ses_h2_refused(struct ses_h2 *h2)
{
    unsigned most = h2->shared->doors->options.limits.streams_max;

    if (h2->settings_acknowledged || h2->streams_told == most || h2->unknowing++ >= most)
        ses_h2_count_reset(h2);
}
