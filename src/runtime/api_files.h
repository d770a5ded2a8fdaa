/* api_files.h - what docs/api made of the protos and of the server's tables when this was built: /openapi.json, for
 * workers and the admin port, and the reference made of it.
 */
#ifndef SESSIOND_SRC_RUNTIME_API_FILES_H
#define SESSIOND_SRC_RUNTIME_API_FILES_H

#include <sessiond/exchange/exchange.h>

/* [any] The description, static. */
struct ses_made_body ses_api_description(void);
/* [housekeeper] GET /openapi.json and GET /api. */
void ses_api_description_start(struct ses_exchange *x, void *arg);
void ses_api_page_start(struct ses_exchange *x, void *arg);

#endif
