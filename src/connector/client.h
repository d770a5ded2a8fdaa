/* client.h - how a connector's client token call is described: a row of client_table.c. What a row cannot say is a function of its
 * own (client_odd.h).
 *
 * A body is a template: what stands between '<' and '>' is a value (client_value.c). Between '|' and '|' is what is left out where a
 * value in it is absent; after '=' comes what stands for an absent value, after '?' nothing: null. '.' before the name: a part of a
 * text that is quoted already. An absent value without any of these is one that the connector needs.
 */
#ifndef SESSIOND_SRC_CONNECTOR_CLIENT_H
#define SESSIOND_SRC_CONNECTOR_CLIENT_H

#include <sessiond/base/units.h>
#include <sessiond/connector/client_token.h>

#include "access.h"

#define CLIENT_FIELDS_MAX 3
/* Texts for a browser's script may be longer than a session's token. */
#define CLIENT_VALUE_BYTES_MAX (16 * SES_KIB)

enum client_kind { CLIENT_STRING, CLIENT_SECRET, CLIENT_NUMBER };

/* A field of the connector's own message in types.ConnectorSpecificClientAuthenticationResponse. */
struct client_field {
    uint8_t number; /* 0: behind the last */
    enum client_kind kind;
    const char *path; /* of the answer's member, dots between */
    bool optional;
};

struct ses_client_call {
    const char *connector; /* its name */
    enum ses_client_leaves leaves;
    /* The connector's session call is this one, too: in place of the rest of the request and of errors. */
    const struct ses_connector_ops *session;

    /* ---- the request: POST, always with "via" */
    const char *path; /* behind the base URL */
    bool get;
    enum access_coding coding;
    const char *basic_user;     /* credentials of Basic authentication; NULL: none */
    const char *basic_password; /* NULL: empty */
    struct access_pair headers[ACCESS_HEADERS_MAX + 1];
    const char *key_header; /* takes the idempotency key; NULL: none */
    const char *body;       /* NULL: none */
    /* In place of all of that but the path. */
    enum ses_status (*build)(const struct ses_client_request *request, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error);
    /* In place of the path; NULL without memory. */
    enum ses_status (*locate)(const struct ses_client_request *request, struct ses_arena *arena,
                              const char **ret_url, struct ses_error *ret_error);

    /* ---- the answer */
    uint32_t branch; /* the connector's number in types.ConnectorSpecificClientAuthenticationResponse */
    struct client_field fields[CLIENT_FIELDS_MAX + 1];
    const char *needs;     /* further members that have to be there, paths with a space between; NULL: none */
    const char *holds;     /* the member without which the answer counts as one without a token; NULL: none */
    const char *life;      /* the member that tells its seconds; NULL: none does */
    const char *code;      /* paths */
    const char *code_else; /* where code is absent; NULL: no other */
    const char *message;
    const char *message_else; /* path where message is absent; NULL: no other */
    const char *reason;       /* NULL: none is told */
    /* In place of these; each may be NULL. */
    enum ses_status (*read_success)(const struct ses_client_request *request, const struct ses_answer *answer,
                                    struct ses_connector_result *ret_result);
    enum ses_status (*read_error)(const struct ses_answer *answer, struct ses_connector_result *ret_result);
};

/* ---- what functions of their own are made of */

/* The template with its values. */
SES_MUST_CHECK enum ses_status ses_client_body(const struct ses_client_request *request,
                                               enum access_coding coding, const char *body,
                                               struct ses_arena *arena, struct ses_slice *ret_body,
                                               struct ses_error *ret_error);
/* Tells that the connector needs a field of the payment, by its name there. Returns SES_INVALID_ARGUMENT. */
enum ses_status ses_client_needs(const struct ses_client_request *request, const char *field,
                                 struct ses_arena *arena, struct ses_error *ret_error);
/* A member that is a text or a number, as a text, by its path; absent, null and anything else: empty. */
SES_MUST_CHECK enum ses_status ses_client_read_text(const struct ses_answer *answer, const char *path,
                                                    struct ses_slice *ret_text);

/* A success of one text, the secret of the connector's own message; empty or too long: SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_client_take_secret(uint32_t branch, struct ses_slice secret,
                                                      struct ses_arena *arena,
                                                      struct ses_connector_result *ret_result);

/* ---- an encoded types.ClientAuthenticationTokenData */

struct client_value {
    uint32_t number; /* 0: behind the last */
    enum client_kind kind;
    struct ses_slice text;
    int64_t count;
};

/* One message around another: field number of outer, with the bytes of inner. */
SES_MUST_CHECK enum ses_status ses_client_wrap(uint32_t number, struct ses_slice inner,
                                               struct ses_arena *arena, struct ses_slice *ret_outer);
/* The fields of one message. */
SES_MUST_CHECK enum ses_status ses_client_fields(const struct client_value *values, struct ses_arena *arena,
                                                 struct ses_slice *ret_message);

#endif
