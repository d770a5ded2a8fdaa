/* What a client may do how often. nghttp2 has limits of its own for some of it; here are those that it
 * lacks or sets without regard to how many requests there are. */
#include "h2.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

/* Each SETTINGS frame may make nghttp2 walk over all streams; a client sends a handful in its life. */
#define SETTINGS_MAX 100
/* So many PINGs may come too soon, grpc-core's number: a clock that is a bit fast is no abuse. */
#define PING_STRIKES 2

/* A window that begins with the first event after the last one ended: coarse (twice max is possible
 * around its edge), but two words of memory and one look at the clock. */
bool ses_h2_rate_exceeded(struct ses_h2_rate *rate, unsigned max)
{
    uint64_t now_ns = ses_clock_mono_ns();

    if (now_ns - rate->window_start_ns > SES_H2_RATE_WINDOW_MS * SES_NS_PER_MS) {
        rate->window_start_ns = now_ns;
        rate->count = 0;
    }
    return ++rate->count > max;
}

static bool count_flood(struct ses_h2 *h2)
{
    ses_count(h2->shared->doors->options.metrics, SES_C_FRAME_FLOODS, 1);
    return true;
}

bool ses_h2_empty_is_flood(struct ses_h2 *h2)
{
    return ses_h2_rate_exceeded(&h2->empty_frames, h2->shared->doors->options.limits.empty_frames_max) &&
           count_flood(h2);
}

/* Frames that move no request forward: PING, WINDOW_UPDATE, PRIORITY, RST_STREAM. A busy client
 * sends some with each of its requests (a library that measures the line sends a PING a round trip), so each
 * request allows for more of them. The clock is looked at only when they are many. */
static bool control_is_flood(struct ses_h2 *h2)
{
    uint64_t max = h2->shared->doors->options.limits.control_frames_max +
                   (uint64_t)h2->request_frames * SES_H2_CONTROL_PER_REQUEST;

    if (++h2->control_frames <= max)
        return false;
    uint64_t now_ns = ses_clock_mono_ns();
    bool flood = now_ns - h2->control_since_ns <= SES_H2_RATE_WINDOW_MS * SES_NS_PER_MS;

    h2->control_since_ns = now_ns;
    h2->control_frames = 0;
    h2->request_frames = 0;
    return flood && count_flood(h2);
}

/* Unknown frames and DATA of streams that are gone never come here: nghttp2 skips their bytes. */
bool ses_h2_frame_is_flood(struct ses_h2 *h2, const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_DATA:
        return hd->length == 0 && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0 && ses_h2_empty_is_flood(h2);
    case NGHTTP2_HEADERS:
        h2->request_frames++;
        return false;
    case NGHTTP2_CONTINUATION:
        return false; /* nghttp2 bounds them */
    /* An acknowledgement answers ours; there is one for each that we sent. */
    case NGHTTP2_SETTINGS:
        return (hd->flags & NGHTTP2_FLAG_ACK) == 0 && ses_h2_rate_exceeded(&h2->settings, SETTINGS_MAX) &&
               count_flood(h2);
    default:
        return control_is_flood(h2);
    }
}

/* nghttp2 bounds the client's resets, not ours: a client can make us reset as many streams as it opens
 * ("made you reset": window overflow, content-length mismatch, bad field), each after its work has begun. */
void ses_h2_count_reset(struct ses_h2 *h2)
{
    const struct ses_door_options *options = &h2->shared->doors->options;

    ses_count(options->metrics, SES_C_PROTOCOL_ERRORS, 1);
    if (ses_h2_rate_exceeded(&h2->resets, options->limits.errors_max))
        ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Whoever is answered may ask after each answer, as libraries do that measure the line. Between answers a PING says
 * nothing but "are you there": it keeps NAT tables awake, and a fleet of clients that ask every second keeps us at it,
 * too. grpc libraries take this GOAWAY as a reason to ask half as often. */
bool ses_h2_ping_is_abuse(struct ses_h2 *h2)
{
    uint64_t interval_ns = h2->shared->doors->options.limits.ping_ms * SES_NS_PER_MS;

    if (interval_ns == 0)
        return false;
    uint64_t now_ns = ses_clock_mono_ns();
    bool early = h2->pinged_ns != 0 && now_ns - h2->pinged_ns < interval_ns;

    if (h2->told)
        h2->ping_strikes = 0;
    else if (early)
        h2->ping_strikes++;
    h2->told = false;
    h2->pinged_ns = now_ns;
    if (h2->ping_strikes <= PING_STRIKES)
        return false;
    h2->dead_text = "too_many_pings";
    return count_flood(h2);
}
