/* access.h - how a connector's access token call is described: a row of access_table.c. Most connectors differ only in
 * names; what a row cannot say is a function of its own.
 */
#ifndef SESSIOND_SRC_CONNECTOR_ACCESS_H
#define SESSIOND_SRC_CONNECTOR_ACCESS_H

#include <sessiond/connector/access_token.h>

#include "result.h"

#define ACCESS_BODY_MAX    6
#define ACCESS_HEADERS_MAX 2

enum access_coding { ACCESS_FORM, ACCESS_JSON };

/* A member of the body, or a header: the value is a text, a credential, or the one and behind it the other. */
struct access_pair {
    const char *name;       /* NULL: behind the last */
    const char *text;       /* or NULL */
    const char *credential; /* its name, or NULL */
};

/* How the answer tells the token's life. */
enum access_life {
    ACCESS_LIFE_SECONDS, /* a number of seconds */
    ACCESS_LIFE_INSTANT, /* when it ends, ISO 8601 */
    ACCESS_LIFE_FIXED    /* not at all: fixed_seconds */
};

struct ses_access_call {
    const char *connector; /* its name */

    /* ---- the request: POST, always with "via" */
    const char *path; /* behind the base URL */
    enum access_coding coding;
    const char *basic_user; /* credentials of Basic authentication; NULL: none */
    const char *basic_password;
    struct access_pair headers[ACCESS_HEADERS_MAX + 1];
    struct access_pair body[ACCESS_BODY_MAX + 1]; /* in this order */
    /* In place of all of that but the path. */
    enum ses_status (*build)(const struct ses_access_request *request, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error);
    /* In place of the path; NULL without memory. */
    enum ses_status (*locate)(const struct ses_access_request *request, struct ses_arena *arena,
                              const char **ret_url, struct ses_error *ret_error);

    /* ---- the answer: names of its members */
    const char *token;
    const char *type; /* NULL: it tells none, or none that counts: fixed_type */
    const char *fixed_type;
    enum access_life life;
    const char *ends; /* of the life; may be absent from the answer */
    int64_t fixed_seconds;
    int64_t early_seconds; /* taken off what the answer tells */
    const char *code;
    const char *message;
    const char *message_else; /* where message is absent; NULL: no other */
    const char *reason;       /* NULL: none is told */
    /* In place of these; either may be NULL. */
    enum ses_status (*read_success)(const struct ses_access_call *call, const struct ses_answer *answer,
                                    struct ses_connector_result *ret_result);
    enum ses_status (*read_error)(const struct ses_access_call *call, const struct ses_answer *answer,
                                  struct ses_connector_result *ret_result);
};

/* ---- what functions of their own are made of */

/* Adds a header; the value of a credential must be visible ASCII, or it could add headers of its own. */
SES_MUST_CHECK enum ses_status ses_access_header(const struct ses_credentials *credentials,
                                                 const struct access_pair *pair, struct ses_arena *arena,
                                                 struct ses_outbound_request *request,
                                                 struct ses_error *ret_error);
/* Basic authentication, where basic_user is not NULL, and these headers. */
SES_MUST_CHECK enum ses_status ses_access_headers(const struct ses_credentials *credentials,
                                                  const char *basic_user, const char *basic_password,
                                                  const struct access_pair *pairs, struct ses_arena *arena,
                                                  struct ses_outbound_request *request,
                                                  struct ses_error *ret_error);
void ses_access_content_type(enum access_coding coding, struct ses_outbound_request *request);
/* A JSON object, or a form, of the pairs. */
SES_MUST_CHECK enum ses_status ses_access_body(const struct ses_credentials *credentials,
                                               enum access_coding coding, const struct access_pair *pairs,
                                               struct ses_arena *arena, struct ses_slice *ret_body,
                                               struct ses_error *ret_error);
/* The token, its type and its life, by their names. */
SES_MUST_CHECK enum ses_status ses_access_read_token(const struct ses_access_call *call,
                                                     const struct ses_answer *answer,
                                                     struct ses_connector_result *ret_result);
/* A member that is a text or a number, as a text; absent, null and anything else: empty. */
SES_MUST_CHECK enum ses_status ses_access_read_text(const struct ses_answer *answer, const char *name,
                                                    struct ses_slice *ret_text);

/* ---- connectors whose call is more than a row */

enum ses_status ses_access_build_globalpay(const struct ses_access_request *request, struct ses_arena *arena,
                                           struct ses_outbound_request *ret_request,
                                           struct ses_error *ret_error);
enum ses_status ses_access_build_fiserv(const struct ses_access_request *request, struct ses_arena *arena,
                                        struct ses_outbound_request *ret_request,
                                        struct ses_error *ret_error);
enum ses_status ses_access_read_fiserv(const struct ses_access_call *call, const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result);
enum ses_status ses_access_fail_fiserv(const struct ses_access_call *call, const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result);
enum ses_status ses_access_build_qwikcilver(const struct ses_access_request *request, struct ses_arena *arena,
                                            struct ses_outbound_request *ret_request,
                                            struct ses_error *ret_error);
enum ses_status ses_access_read_qwikcilver(const struct ses_access_call *call,
                                           const struct ses_answer *answer,
                                           struct ses_connector_result *ret_result);

#endif
