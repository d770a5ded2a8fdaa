/* return.h - GET|POST /r/<handle>: where bank or ACS sends the browser back to.
 *
 * What the browser brings (a GET's query; a POST's body, and its query) is read in whatever form it comes
 * (return_form.h), bounded and masked here, stored and applied by step_return.h, and answered by 303 to the
 * merchant's URL exactly as BeginStep fixed it: nothing is appended, so no id or state of ours shows up in
 * the merchant's access logs; a merchant who needs to know which order came back puts that into the URL. A
 * step that was shown in a frame is answered by a page that says the same (return_frame.h). No cookie is read
 * or set.
 *
 * An address that is opened without anything (typed, previewed, loaded again) leads to the shop and uses
 * nothing up; one that a browser fetches in advance with a bank's answer gets 425, so that it comes again
 * when the shopper does. HEAD is refused. Whatever cannot be taken is a page, with the way back where it is
 * known.
 *
 * The way of a return through the files:
 *
 *   return.c        method, prefetch; what is refused
 *   return_form.c   pairs out of whatever body (return_multipart.c, return_json.c), as UTF-8 (return_text.c)
 *   return_mask.c   card data overwritten
 *   step_return.c   the handle, the step, the commit, the page (step_return.h has the table of outcomes)
 *   return_page.c   303 and the pages; return_frame.c, where the step was shown in a frame
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_H
#define SESSIOND_SRC_METHOD_RETURN_H

#include <sessiond/exchange/return_refusal.h>

/* Route start; arg is the service. */
void ses_return_start(struct ses_exchange *x, void *service);

#endif
