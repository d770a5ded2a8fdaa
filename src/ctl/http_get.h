/* http_get.h - one GET at the admin port. */
#ifndef SESSIOND_SRC_CTL_HTTP_GET_H
#define SESSIOND_SRC_CTL_HTTP_GET_H

#include <sessiond/base/buf.h>
#include <sessiond/base/units.h>

#define CTL_HTTP_BODY_MAX   (4 * SES_MIB)
#define CTL_HTTP_TIMEOUT_MS 5000L

/* GET http://<admin><path> into ret_body; plain HTTP, no proxy, no redirects. Returns the HTTP status, or 0
 * after saying on stderr what failed. */
long ctl_http_get(const char *admin, const char *path, struct ses_buf *ret_body);

#endif
