/* h2_throttle.h - how many streams a client may open just now (RFC 9113 section 5.1.2). */
#ifndef SESSIOND_SRC_HTTP_H2_THROTTLE_H
#define SESSIOND_SRC_HTTP_H2_THROTTLE_H

#include "h2.h"

/* Calls at once while a connection is throttled: what is not sent yet may still be given up where it is, and does not
 * wait in the kernel's buffers until nobody wants it any more. */
#define SES_H2_THROTTLED_STREAMS 64u

/* The connection is throttled, or no more. */
void ses_h2_throttle(struct ses_h2 *h2, bool on);
/* The client goes by our last SETTINGS. */
void ses_h2_settings_acknowledged(struct ses_h2 *h2);
/* nghttp2 refuses a stream that is one too many: an error of the client's, unless it cannot know yet that it may open
 * fewer. That it may say as often as it could have had streams under way. */
void ses_h2_refused(struct ses_h2 *h2);

#endif
