/* return.h - GET|POST /r/<handle>: where bank or ACS sends the browser back to (DESIGN section 7).
 *
 * What the browser brings (a GET's query; a POST's form, and its query) is decoded and bounded here, stored
 * and applied by step.h, and answered by 303 to the merchant's URL exactly as BeginStep fixed it: nothing is
 * appended, so no id or state of ours shows up in the merchant's access logs; a merchant who needs to know
 * which order came back puts that into the URL. No cookie is read or set. HEAD is refused: link checkers use
 * it, and a return has an effect.
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_H
#define SESSIOND_SRC_METHOD_RETURN_H

#include <sessiond/method/exchange.h>

#define SES_RETURN_PATH "/r/"

/* Route start; arg is the service. */
void ses_return_start(struct ses_exchange *x, void *service);

#endif
