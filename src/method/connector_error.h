/* connector_error.h - the error part of an answer: what a connector said, as types.ErrorInfo. */
#ifndef SESSIOND_SRC_METHOD_CONNECTOR_ERROR_H
#define SESSIOND_SRC_METHOD_CONNECTOR_ERROR_H

#include <payment_types/error.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/connector/connector.h>

/* Our one sentence for an outcome; static. */
struct ses_slice ses_connector_sentence(enum ses_connector_outcome outcome);

/* All of it in the arena: unified_details.code is the outcome's (CONNECTOR_DECLINED ..), connector_details
 * the connector's words, issuer_details only when the connector told network codes. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_connector_error_info(const struct ses_connector_result *result,
                                                        struct ses_arena *arena, Types__ErrorInfo **ret_info);

#endif
