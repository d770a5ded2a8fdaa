/* return_frame.h - the return URL's answer to a browser that has come back in a frame of the merchant's page
 * (RETURN_MODE_FRAME, session.proto): a redirect would show the shop inside itself.
 *
 * The page posts one message to its parent, for the origin of the merchant's URL and no other, and only a
 * page of that origin may frame it. Its script is the same for all, allowed by its hash, and reads what
 * differs from attributes of the link: nothing is ever written into a script. The link leads the whole window
 * to the merchant's URL; when there is no frame, the script follows it.
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_FRAME_H
#define SESSIOND_SRC_METHOD_RETURN_FRAME_H

#include <sessiond/exchange/return_page.h>

/* [worker] Answers x with the page; location is not empty and its origin can be named in a policy
 * (ses_return_url_framable). SES_PAGE_BACK is 200 here. */
void ses_return_frame_reply(struct ses_exchange *x, enum ses_return_page page, struct ses_slice location);

#endif
