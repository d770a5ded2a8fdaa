/* cors.h - pages of other origins (Fetch standard, "CORS protocol"): which of them may call, and what their browsers are told.
 *
 * A browser asks before it lets a page make a call (preflight: OPTIONS, Origin, Access-Control-Request-Method), and keeps
 * answers without access-control-allow-origin from the page. Both are the browser's doing: nobody else is kept out by
 * it. Cookies and client certificates are never asked for (no access-control-allow-credentials), so that nothing is done
 * in a user's name that the page could not do by itself; who calls is told by headers that the page has to know.
 *
 * Not at the return URL: its answers are for whoever holds the handle, and no page may read them.
 */
#ifndef SESSIOND_SRC_HTTP_CORS_H
#define SESSIOND_SRC_HTTP_CORS_H

#include "engine.h"

#define SES_CORS_HEADERS_MAX 3u
/* For so long a browser need not ask again; Chromium takes no longer time. */
#define SES_CORS_MAX_AGE "7200"

/* [any] Pure: may a page of this origin call? */
bool ses_cors_allows(const struct ses_cors *cors, struct ses_slice origin);
/* A preflight is answered here, whatever its path: true, nothing is left to do. x is prepared and not judged; its host is
 * known to be ours. */
bool ses_cors_preflight(const struct ses_doors *doors, struct ses_exchange *x);
/* What belongs to every answer of a request; returns how many there are. The values live as long as x. */
size_t ses_cors_headers(const struct ses_cors *cors, const struct ses_exchange *x,
                        struct ses_header ret_headers[SES_CORS_HEADERS_MAX]);

#endif
