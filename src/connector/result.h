/* result.h - the part of reading an answer that is the same for every connector: which reader gets it, and
 * what an answer that nobody can read becomes. */
#ifndef SESSIOND_SRC_CONNECTOR_RESULT_H
#define SESSIOND_SRC_CONNECTOR_RESULT_H

#include <jansson.h>

#include <sessiond/connector/connector.h>

#include "json.h"

/* A connector's texts go into our answer and record; longer ones are cut. Characters, not bytes. */
#define SES_RESULT_CODE_CHARS    128
#define SES_RESULT_MESSAGE_CHARS 512
#define SES_RESULT_REASON_CHARS  1024
/* A token or id that is longer is no token of any connector we know: refused, since cutting would make it
 * useless. */
#define SES_RESULT_TOKEN_BYTES_MAX 4096
#define SES_RESULT_LIFE_SECONDS_MAX                                                                          \
    315360000 /* ten years, as of an access token in state (domain/request.c) */

struct ses_answer {
    uint32_t http_status;
    struct ses_slice body;
    const json_t *json; /* NULL: the body is not JSON */
    struct ses_arena *arena;
    const void *context; /* the reader's own */
};

/* SES_OK: ret_result is filled. SES_MALFORMED: the reader cannot make sense of it. SES_NO_MEMORY. */
typedef enum ses_status (*ses_answer_fn)(const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result);

struct ses_answer_readers {
    ses_answer_fn success;   /* 200, 201, 202, 204, 302; an empty body counts as {} */
    ses_answer_fn error;     /* 4xx; outcome and status_code are set already */
    bool error_reads_5xx;    /* else the common mapping of 5xx */
    bool success_reads_text; /* also what is not JSON: json is NULL then */
};

SES_MUST_CHECK enum ses_status ses_result_read(const struct ses_answer_readers *readers, uint32_t http_status,
                                               struct ses_slice body, struct ses_arena *arena,
                                               struct ses_connector_result *ret_result);
/* The same, with a context for the readers. */
SES_MUST_CHECK enum ses_status ses_result_read_for(const struct ses_answer_readers *readers,
                                                   const void *context, uint32_t http_status,
                                                   struct ses_slice body, struct ses_arena *arena,
                                                   struct ses_connector_result *ret_result);

/* Copies a text of the answer, cut and made valid UTF-8. */
SES_MUST_CHECK enum ses_status ses_result_text(const struct ses_answer *answer, struct ses_slice text,
                                               size_t chars_max, struct ses_slice *ret_text);
/* A value that is a text or a whole number, as a text; NULL, null and anything else: empty. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_result_value(const struct ses_answer *answer, const json_t *value,
                                                struct ses_slice *ret_text);
/* A code, message and reason of the answer's; empty slices stay empty. */
SES_MUST_CHECK enum ses_status ses_result_error(const struct ses_answer *answer, struct ses_slice code,
                                                struct ses_slice message, struct ses_slice reason,
                                                struct ses_connector_result *result);
/* Copies a token or id. SES_MALFORMED when it is empty or too long. */
SES_MUST_CHECK enum ses_status ses_result_token(const struct ses_answer *answer, struct ses_slice token,
                                                struct ses_slice *ret_token);
/* A token's life as its answer tells it in seconds; 0 for what is no time, the longest that is believed for more. */
uint64_t ses_result_life_ms(int64_t seconds);
/* Copies the token of a success; an answer without one becomes RESPONSE_HANDLING_FAILED, 502.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_result_session_token(const struct ses_answer *answer,
                                                        struct ses_slice token,
                                                        struct ses_connector_result *result);
SES_MUST_CHECK enum ses_status ses_result_access_token(const struct ses_answer *answer,
                                                       struct ses_slice token,
                                                       struct ses_connector_result *result);

#endif
