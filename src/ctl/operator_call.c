/* curl, for one POST after the other over one connection of the operator's socket. */
#include "operator_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <curl/curl.h>

#include <sessiond/base/buf.h>

#define SERVICE "http://localhost/sessiond.v1.OperatorService/"
/* A name of 128 bytes behind the longest header name. */
#define HEADER_SIZE 192

struct ctl_operator {
    CURL *curl;
    struct ses_buf answer;
    char path[CTL_PATH_SIZE];
};

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    /* Less than given makes curl stop: the body is above its ceiling. */
    return ses_buf_append(arg, ses_slice(bytes, size * count)) == SES_OK ? size * count : 0;
}

struct ctl_operator *ctl_operator_open(const struct ctl *ctl)
{
    struct ctl_operator *server = calloc(1, sizeof(*server));

    if (server == NULL || (server->curl = curl_easy_init()) == NULL) {
        free(server);
        (void)ctl_fail("memory is out");
        return NULL;
    }
    ses_buf_init(&server->answer, CTL_OPERATOR_ANSWER_MAX);
    if (!ctl_path(ctl, "operator.sock", server->path)) {
        ctl_operator_close(server);
        return NULL;
    }
    return server;
}

void ctl_operator_close(struct ctl_operator *server)
{
    curl_easy_cleanup(server->curl);
    ses_buf_done(&server->answer);
    free(server);
}

/* A line break would begin another header. NULL after saying so, or without memory. */
static struct curl_slist *add_header(struct curl_slist *headers, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    struct curl_slist *more = NULL;

    if (!ses_utf8_name_check(ses_slice_str(value)) ||
        snprintf(line, sizeof(line), "%s: %s", name, value) >= (int)sizeof(line))
        (void)ctl_fail("%s must be 1 to 128 bytes of printable UTF-8", name);
    else if ((more = curl_slist_append(headers, line)) == NULL)
        (void)ctl_fail("memory is out");
    if (more == NULL)
        curl_slist_free_all(headers);
    return more;
}

static struct curl_slist *make_headers(const char *tenant, const char *merchant)
{
    struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");

    if (headers != NULL)
        headers = add_header(headers, "x-tenant-id", tenant);
    return headers == NULL ? NULL : add_header(headers, "x-merchant-id", merchant);
}

/* What keeps a call from being made at all is nearly always one of three things. */
static void tell_unreachable(const struct ctl_operator *server, CURLcode code)
{
    if (strlen(server->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        (void)ctl_fail("%s: the path is too long for a UNIX socket", server->path);
    else if (code == CURLE_COULDNT_CONNECT)
        (void)ctl_fail(
            "%s: cannot be reached: does sessiond run on this data directory (--data), and as a user "
            "whose files you may open?",
            server->path);
    else
        (void)ctl_fail("%s: %s", server->path, curl_easy_strerror(code));
}

/* The HTTP status; 0 after saying why there is none. */
static long perform(struct ctl_operator *server, const char *method, const char *body,
                    const struct curl_slist *headers)
{
    CURL *curl = server->curl;
    char url[128];
    long status = 0;
    CURLcode code;

    (void)snprintf(url, sizeof(url), SERVICE "%s", method);
    ses_buf_clear(&server->answer);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, server->path);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the environment's would be asked first */
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CTL_OPERATOR_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &server->answer);
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else
        tell_unreachable(server, code);
    return status;
}

/* Of the error's ErrorInfo, which need not be its first detail. NULL: it has none. */
static const char *reason_of(const json_t *answer)
{
    size_t i;
    const json_t *detail;
    const char *reason = NULL;

    json_array_foreach(json_object_get(answer, "details"), i, detail) {
        if (reason == NULL)
            reason = json_string_value(json_object_get(json_object_get(detail, "debug"), "reason"));
    }
    return reason;
}

/* Connect's error: {"code","message","details":[{"debug":{"reason"}}]}. */
static void tell_error(long status, const json_t *answer)
{
    const char *code = json_string_value(json_object_get(answer, "code"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    const char *reason = reason_of(answer);

    if (code == NULL || message == NULL)
        (void)ctl_fail("the server answered with HTTP status %ld", status);
    else
        (void)ctl_fail("%s: %s%s%s%s", code, message, reason == NULL ? "" : " (",
                       reason == NULL ? "" : reason, reason == NULL ? "" : ")");
}

static enum ctl_operator_end judge(struct ctl_operator *server, long status, bool tell_not_found,
                                   json_t **ret_answer)
{
    json_t *answer;

    if (status == 0)
        return CTL_OPERATOR_FAILED;
    answer = json_loadb((const char *)server->answer.data, server->answer.len, 0, NULL);
    if (status == 200 && answer != NULL) {
        *ret_answer = answer;
        return CTL_OPERATOR_OK;
    }
    bool absent = json_is_string(json_object_get(answer, "code")) &&
                  strcmp(json_string_value(json_object_get(answer, "code")), "not_found") == 0;

    if (!absent || tell_not_found)
        tell_error(status, answer);
    json_decref(answer);
    return absent ? CTL_OPERATOR_NOT_FOUND : CTL_OPERATOR_FAILED;
}

enum ctl_operator_end ctl_operator_call(struct ctl_operator *server, const char *method, const char *tenant,
                                        const char *merchant, json_t *request, bool tell_not_found,
                                        json_t **ret_answer)
{
    char *body = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
    struct curl_slist *headers = body == NULL ? NULL : make_headers(tenant, merchant);
    enum ctl_operator_end end = CTL_OPERATOR_FAILED;

    if (body == NULL)
        (void)ctl_fail("what was given is no UTF-8, or memory is out");
    else if (headers != NULL)
        end = judge(server, perform(server, method, body, headers), tell_not_found, ret_answer);
    curl_slist_free_all(headers);
    free(body);
    json_decref(request);
    return end;
}
