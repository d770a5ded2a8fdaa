/* connector_fixture.h - an arena, credentials and a call to build from. */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_CONNECTOR_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_CONNECTOR_FIXTURE_H

#include "unit.h"

#include <sessiond/base/arena.h>
#include <sessiond/connector/connector.h>

struct fixture {
    struct ses_arena arena;
    struct ses_credentials credentials;
    struct ses_session_call call;
    struct ses_outbound_request request;
    struct ses_connector_result result;
    struct ses_error error;
};

struct ses_slice text(const char *str);

/* The clock and salt of the worked examples. */
void fixture_init(struct fixture *f, const char *connector, const char *base_url);

/* One more credential; both are borrowed. */
void fixture_key(struct fixture *f, const char *name, const char *value);

void fixture_done(struct fixture *f);

/* f->request from f->call. */
enum ses_status fixture_build(struct fixture *f);

/* f->result from an answer of the connector. */
void fixture_parse(struct fixture *f, uint32_t http_status, const char *body);

void assert_slice(struct ses_slice actual, const char *expected);

void assert_header(const struct ses_outbound_request *request, size_t index, const char *name,
                   const char *value);

void assert_error(const struct ses_connector_result *result, enum ses_connector_outcome outcome,
                  uint32_t status_code, const char *code, const char *message, const char *reason);

#endif
