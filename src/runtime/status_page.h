/* status_page.h - the page at the admin port's root, for people who keep it open: status_page.html, .css and .js beside this
 * file, embedded by status_page_files.S. It asks for /status.json (status_json.h) once a second and draws what it learns;
 * nothing is fetched from elsewhere, and its policy allows nothing else.
 */
#ifndef SESSIOND_SRC_RUNTIME_STATUS_PAGE_H
#define SESSIOND_SRC_RUNTIME_STATUS_PAGE_H

#include <sessiond/exchange/exchange.h>

/* By the exchange's path: "/" the page, "/status.css" and "/status.js" its parts, 404 for any other. */
void ses_status_page_reply(struct ses_exchange *x);

#endif
