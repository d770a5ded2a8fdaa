/* The libcurl side of one call: options that never change, the request, and what the end of a transfer means.
 * The question behind most of it is whether the connector can have acted, which decides what may be sent
 * again: it cannot as long as libcurl has not written a byte.
 */
#include "outbound.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/secret.h>

/* Less than what was given ends the transfer (CURLE_WRITE_ERROR); unfit remembers that it was our will. */
static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct ses_outbound *outbound = arg;
    size_t len = size * count;

    if (ses_buf_append(&outbound->answer, ses_slice(bytes, len)) == SES_OK)
        return len;
    outbound->unfit = true;
    return 0;
}

/* RFC 9112 section 6.3: with two lines that say where the answer ends, or one that is no number, nobody knows
 * where the next one begins. libcurl takes the first, or the last, or what it can read of it. */
static bool misframes(struct ses_outbound *outbound, struct ses_slice line)
{
    size_t colon = ses_slice_find(line, ':');
    struct ses_slice name = ses_slice_trim(ses_slice_cut(line, 0, colon));
    struct ses_slice value;
    bool length = ses_slice_ieq(name, SES_STR("content-length"));
    uint64_t bytes;

    if (colon == line.len || (!length && !ses_slice_ieq(name, SES_STR("transfer-encoding"))))
        return false;
    line = ses_slice_cut(line, 0, ses_slice_find(line, '\n'));
    value = ses_slice_trim(ses_slice_cut(line, colon + 1, ses_slice_find(line, '\r')));
    if (outbound->framing_told || name.len != colon ||
        (length && ses_parse_u64(value, INT64_MAX, &bytes) != SES_OK))
        return true;
    outbound->framing_told = true;
    return false;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct ses_outbound *outbound = arg;
    struct ses_slice line = ses_slice(bytes, size * count);

    /* libcurl takes a connection that ends amid the header lines for a complete answer without a body. */
    if (ses_slice_starts(line, SES_STR("HTTP/"))) {
        outbound->headers_ended = false;
        outbound->framing_told = false;
    } else if (ses_slice_eq_str(line, "\r\n") || ses_slice_eq_str(line, "\n")) {
        outbound->headers_ended = true;
    }
    outbound->answer_header_bytes += size * count;
    if (outbound->answer_header_bytes <= SES_OUTBOUND_ANSWER_HEADER_BYTES_MAX && !misframes(outbound, line))
        return size * count;
    outbound->unfit = true;
    return 0;
}

/* Of this transfer, all its tries together. */
static long bytes_sent(CURL *easy)
{
    long bytes = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes;
}

/* Called before a request is written. libcurl quietly repeats a request on a new connection when a kept one
 * ended without a byte of answer - also after the whole request had been written, and then the connector may
 * have acted on it. */
static int on_before_request(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct ses_outbound *outbound = arg;

    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    if (bytes_sent(outbound->easy) == 0)
        return CURL_PREREQFUNC_OK;
    if (!outbound->idempotent || outbound->retried)
        return CURL_PREREQFUNC_ABORT;
    outbound->retried = true; /* libcurl's repetition is the one that a call may have */
    return CURL_PREREQFUNC_OK;
}

/* Borrowed: whoever made the driver keeps the text as long as it. */
static bool set_pem(CURL *easy, CURLoption option, struct ses_slice pem)
{
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem.data, .len = pem.len, .flags = CURL_BLOB_NOCOPY};

    return pem.len == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* With authorities of its own it trusts these alone: the folder that libcurl was built with is looked into beside a
 * file or text that is given, so it is taken away. Without memory for them nothing is called: others would be trusted. */
static bool set_identities(CURL *easy, const struct ses_driver_options *options)
{
    if (options->ca.len > 0)
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return set_pem(easy, CURLOPT_CAINFO_BLOB, options->ca) &&
           set_pem(easy, CURLOPT_SSLCERT_BLOB, options->certificate) &&
           set_pem(easy, CURLOPT_SSLKEY_BLOB, options->key);
}

/* What is not obvious of these:
 *   NOSIGNAL             no signal handlers of libcurl's (SIGALRM, SIGPIPE) behind the worker's back
 *   FOLLOWLOCATION       a redirect would take the credentials to a host that nobody allowed
 *   PROXY, NETRC         neither the environment nor a home directory decides where a call goes, or as whom
 *   DNS_CACHE_TIMEOUT    a minute; a connection's own address is as old as its pool (pool.h)
 *   BUFFERSIZE           answers are some hundred bytes; spares keep theirs
 *   MAXFILESIZE_LARGE    refuses by Content-Length before the body comes; on_body bounds what has none
 */
static void set_fixed_options(struct ses_outbound *outbound)
{
    CURL *easy = outbound->easy;

    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, outbound);
    (void)curl_easy_setopt(easy, CURLOPT_CURLU, outbound->url);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, outbound->why);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* also not the one of the environment */
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 60L);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 8192L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, outbound);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, outbound);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, outbound);
    (void)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                           (curl_off_t)outbound->driver->options.response_bytes_max);
}

struct ses_outbound *ses_outbound_new(struct ses_driver *driver)
{
    struct ses_outbound *outbound = calloc(1, sizeof(*outbound));

    if (outbound == NULL)
        return NULL;
    outbound->easy = curl_easy_init();
    outbound->url = curl_url();
    if (outbound->easy == NULL || outbound->url == NULL ||
        !set_identities(outbound->easy, &driver->options)) {
        curl_easy_cleanup(outbound->easy);
        curl_url_cleanup(outbound->url);
        free(outbound);
        return NULL;
    }
    outbound->driver = driver;
    ses_list_init(&outbound->node);
    ses_buf_init(&outbound->request, SES_OUTBOUND_REQUEST_BYTES_MAX);
    ses_buf_init(&outbound->answer, driver->options.response_bytes_max);
    set_fixed_options(outbound);
    return outbound;
}

/* The lines hold credentials. */
static void wipe_headers(struct ses_outbound *outbound)
{
    for (struct curl_slist *line = outbound->headers; line != NULL; line = line->next)
        ses_wipe(line->data, strlen(line->data));
    curl_slist_free_all(outbound->headers);
    outbound->headers = NULL;
}

static void wipe_buf(struct ses_buf *buf)
{
    if (buf->len > 0)
        ses_wipe(buf->data, buf->len);
    ses_buf_clear(buf);
}

void ses_outbound_reset(struct ses_outbound *outbound)
{
    wipe_headers(outbound);
    wipe_buf(&outbound->request);
    wipe_buf(&outbound->answer);
    outbound->answer_header_bytes = 0;
    outbound->headers_ended = false;
    outbound->framing_told = false;
    outbound->host = NULL;
    outbound->done = NULL;
    outbound->probe = false;
    outbound->retried = false;
    outbound->unfit = false;
    outbound->why[0] = '\0';
}

void ses_outbound_free(struct ses_outbound *outbound)
{
    ses_outbound_reset(outbound);
    curl_easy_cleanup(outbound->easy);
    curl_url_cleanup(outbound->url);
    ses_buf_done(&outbound->request);
    ses_buf_done(&outbound->answer);
    free(outbound);
}

/* A line break would begin a header of whoever wrote the value. */
static bool header_ok(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    }
    return text.len > 0;
}

static enum ses_status add_line(struct ses_outbound *outbound, const char *line)
{
    struct curl_slist *headers = curl_slist_append(outbound->headers, line);

    if (headers == NULL)
        return SES_NO_MEMORY;
    outbound->headers = headers;
    return SES_OK;
}

static enum ses_status add_header(struct ses_outbound *outbound, const struct ses_http_pair *header)
{
    char line[SES_OUTBOUND_HEADER_LINE_MAX];
    enum ses_status status;
    int len;

    if (!header_ok(header->name) || !header_ok(header->value))
        return SES_INVALID_ARGUMENT;
    if (header->name.len + header->value.len + sizeof(": ") > sizeof(line))
        return SES_TOO_LARGE;
    len = snprintf(line, sizeof(line), "%.*s: %.*s", SES_FMT(header->name), SES_FMT(header->value));
    status = add_line(outbound, line);
    ses_wipe(line, (size_t)len);
    return status;
}

/* Connectors whose URL is always the same have it parsed once for each easy handle: 13,000 of some 100,000 instructions that
 * libcurl needs for a call. */
static enum ses_status set_url(struct ses_outbound *outbound, const char *text, size_t len)
{
    CURLUcode code;

    if (len > 0 && strcmp(outbound->url_text, text) == 0)
        return SES_OK;
    outbound->url_text[0] = '\0';
    code = curl_url_set(outbound->url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (code != CURLUE_OK)
        return code == CURLUE_OUT_OF_MEMORY ? SES_NO_MEMORY : SES_INVALID_ARGUMENT;
    if (len < sizeof(outbound->url_text))
        memcpy(outbound->url_text, text, len + 1);
    return SES_OK;
}

/* URL and body stand in one buffer that is complete before libcurl borrows from it: no later append moves
 * it. */
enum ses_status ses_outbound_prepare(struct ses_outbound *outbound,
                                     const struct ses_outbound_request *request)
{
    const char *body;

    SES_REQUIRE(request->headers_count <= SES_OUTBOUND_HEADERS_MAX);
    SES_TRY(ses_buf_append(&outbound->request, request->url));
    SES_TRY(ses_buf_append_byte(&outbound->request, '\0'));
    SES_TRY(ses_buf_append(&outbound->request, request->body));
    /* The request is exactly what build made: not even libcurl's own "Accept", nor "Expect" with its extra
     * round trip. */
    SES_TRY(add_line(outbound, "Accept:"));
    SES_TRY(add_line(outbound, "Expect:"));
    for (size_t i = 0; i < request->headers_count; i++)
        SES_TRY(add_header(outbound, &request->headers[i]));
    outbound->idempotent = request->idempotent;
    body = (const char *)outbound->request.data + request->url.len + 1;
    (void)curl_easy_setopt(outbound->easy, CURLOPT_HTTPHEADER, outbound->headers);
    (void)curl_easy_setopt(outbound->easy, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    (void)curl_easy_setopt(outbound->easy, CURLOPT_POSTFIELDS,
                           body); /* borrowed until the end; makes it a POST */
    if (request->get)
        (void)curl_easy_setopt(outbound->easy, CURLOPT_HTTPGET, 1L);
    /* libcurl 7.88 breaks on the second transfer of a reused h2c connection: HTTP/2 only where TLS negotiates
     * it. */
    (void)curl_easy_setopt(outbound->easy, CURLOPT_HTTP_VERSION,
                           (long)(outbound->host->https ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    return set_url(outbound, (const char *)outbound->request.data, request->url.len);
}

enum ses_status ses_outbound_attach(struct ses_outbound *outbound, uint64_t now_mono_ns, uint64_t budget_ms,
                                    bool fresh)
{
    const struct ses_driver_options *options = &outbound->driver->options;
    uint64_t connect_ms = budget_ms < options->connect_timeout_ms ? budget_ms : options->connect_timeout_ms;
    struct ses_pool *pool = ses_pools_current(&outbound->driver->pools, now_mono_ns);

    (void)curl_easy_setopt(outbound->easy, CURLOPT_TIMEOUT_MS, (long)budget_ms);
    (void)curl_easy_setopt(outbound->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    (void)curl_easy_setopt(outbound->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    SES_TRY(ses_pool_attach(pool, outbound->easy, outbound->host->https));
    outbound->pool = pool;
    return SES_OK;
}

void ses_outbound_detach(struct ses_outbound *outbound)
{
    struct ses_pool *pool = outbound->pool;

    outbound->pool = NULL;
    if (pool != NULL)
        ses_pool_detach(pool, outbound->easy);
}

CURLcode ses_outbound_end(const struct ses_outbound *outbound, CURLcode code)
{
    return code == CURLE_OK && !outbound->headers_ended ? CURLE_PARTIAL_FILE : code;
}

/*   libcurl says     bytes sent   outcome        the connector
 *   OK               any          SUCCESS        has answered (no status in it: BAD_RESPONSE)
 *   timed out        any          TIMEOUT        may have acted
 *   anything else    none         UNREACHABLE    cannot have acted
 *   anything else    some         BAD_RESPONSE   may have acted
 */
enum ses_connector_outcome ses_outbound_classify(const struct ses_outbound *outbound, CURLcode code,
                                                 uint32_t *ret_http_status)
{
    long http_status = 0;

    *ret_http_status = 0;
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(outbound->easy, CURLINFO_RESPONSE_CODE, &http_status);
        *ret_http_status = http_status > 0 && http_status < 1000 ? (uint32_t)http_status : 0;
        return *ret_http_status > 0 ? SES_OUTCOME_SUCCESS : SES_OUTCOME_BAD_RESPONSE;
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        return SES_OUTCOME_TIMEOUT;
    /* Nothing written: name, connect, TLS or a connection that was dead already. */
    return bytes_sent(outbound->easy) == 0 ? SES_OUTCOME_UNREACHABLE : SES_OUTCOME_BAD_RESPONSE;
}

/* Once at most. Never after a timeout (its time is over) nor for an answer that we would not take: it would
 * be no other the second time. */
bool ses_outbound_repeatable(const struct ses_outbound *outbound, CURLcode code)
{
    long connects = 0;

    if (code == CURLE_OK || code == CURLE_OPERATION_TIMEDOUT || outbound->retried || outbound->unfit ||
        code == CURLE_FILESIZE_EXCEEDED)
        return false;
    if (bytes_sent(outbound->easy) > 0)
        return outbound->idempotent;
    (void)curl_easy_getinfo(outbound->easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && code == CURLE_SEND_ERROR; /* a kept connection that was dead */
}
