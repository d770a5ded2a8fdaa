/* curl, for one plain GET at an address that is on this machine. */
#include "http_get.h"

#include <stdio.h>

#include <curl/curl.h>

#include "ctl.h"

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    /* Less than given makes curl stop: the body is above its ceiling. */
    return ses_buf_append(arg, ses_slice(bytes, size * count)) == SES_OK ? size * count : 0;
}

/* The port serves plain HTTP on loopback, so anything else in the address is a mistake that must not leave
 * the machine. */
static CURLcode perform(CURL *curl, const char *url, struct ses_buf *body)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the environment's would be asked for loopback too */
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CTL_HTTP_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return curl_easy_perform(curl);
}

long ctl_http_get(const char *admin, const char *path, struct ses_buf *ret_body)
{
    char url[512];
    long status = 0;
    CURL *curl = curl_easy_init();

    if (curl == NULL || snprintf(url, sizeof(url), "http://%s%s", admin, path) >= (int)sizeof(url)) {
        (void)ctl_fail("the address of the admin port is too long, or memory is out");
    } else {
        CURLcode failed = perform(curl, url, ret_body);

        if (failed != CURLE_OK)
            (void)ctl_fail("%s: %s", url, curl_easy_strerror(failed));
        else
            (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(curl);
    return status;
}
