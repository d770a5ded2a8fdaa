/* reason_table.h - every reason for which a call is refused (google.rpc.ErrorInfo.reason), told once for all: the
 * type of struct ses_error's reason, the rows by which refusals are counted, docs/errors.md, the API's reference
 * and /openapi.json are made of it. proto/ says which method tells which.
 */
#ifndef SESSIOND_BASE_REASON_TABLE_H
#define SESSIOND_BASE_REASON_TABLE_H

/*  name, status, whether to call again (enum ses_retry), what it means, how it comes about, what to do.
 *  Sentences for a client's developer; in what comes about, metadata are those of ErrorInfo. */
/* clang-format off */
#define SES_REASON_TABLE(X)                                                                                  \
    X(ACCESS_TOKEN_UNSUPPORTED, FAILED_PRECONDITION, NO,                                                     \
      "The connector has no access tokens.",                                                                 \
      "Its API authenticates each call by its credentials. Metadata: connector.",                            \
      "Leave state.access_token out of this connector's calls.")                                             \
    X(AMOUNT_EXCEEDED, FAILED_PRECONDITION, NO,                                                              \
      "The captures would be more than was authorized, or the refunds more than was captured.",              \
      "All of the session's calls are counted, whatever their ids are; one of unknown outcome as made, "     \
      "until Get settles it. What the payment's answer said of it counts, else the session's amount. Nothing " \
      "was sent. Metadata: left; authorized or captured.",                                                   \
      "Ask for at most left; where a call's outcome is not known, ask Get first.")                           \
    X(AMOUNT_MISMATCH, FAILED_PRECONDITION, NO,                                                              \
      "The amount is not one that this session allows.",                                                     \
      "A payment's must be the session's; a capture's, void's or refund's in its currency and at most as "    \
      "much; a refund's payment_amount the session's, or as much as was authorized. Metadata: field.",                                     \
      "Send the session's amount, or change it first (UpdateSession).")                                      \
    X(AMOUNT_NOT_ACCEPTED, INVALID_ARGUMENT, NO,                                                             \
      "The connector does not take this amount in this currency.",                                           \
      "minor_amount is finer or larger than the connector can be told. Metadata: connector, currency, "      \
      "multiple_of.",                                                                                        \
      "Make the amount a multiple of multiple_of, or choose another connector.")                             \
    X(AUTH_CONVERSION_FAILED, INVALID_ARGUMENT, NO,                                                          \
      "A credential of the connector is missing or cannot be sent to it.",                                   \
      "x-connector-config (or x-auth and its keys) lacks what this connector needs. Metadata: header, key.", \
      "Send the key that is named.")                                                                         \
    X(BASE_URL_REFUSED, INVALID_ARGUMENT, NO,                                                                \
      "The connector's base_url may not be called.",                                                         \
      "It is no plain https URL, or its host is not on the operator's list (connector.base_url_hosts).",     \
      "Leave base_url out, or let the operator allow the host.")                                             \
    X(BROWSER_MISMATCH, PERMISSION_DENIED, NO,                                                               \
      "This is not the browser that the session is bound to.",                                               \
      "A hard facet differs, or is not told where the operator asks for it. Metadata: fields.",              \
      "Send the browser_info of the shopper's browser; else let the shopper begin again.")                   \
    X(CALLER_AMBIGUOUS, UNAUTHENTICATED, NO,                                                                 \
      "The call brings two credentials.",                                                                    \
      "authorization and x-api-key together, one of them twice, or a key and a certificate of two callers.", \
      "Send one credential.")                                                                                \
    X(CALLER_NOT_ALLOWED, PERMISSION_DENIED, NO,                                                             \
      "The caller is known, but may not do this.",                                                           \
      "Its line in the callers file lacks a right, tenant, merchant or mode. Metadata: right, tenant, "      \
      "merchant, mode.",                                                                                     \
      "Call for what the key is for, or let the operator change the caller (sessiondctl callers).")          \
    X(CALLER_REQUIRED, UNAUTHENTICATED, NO,                                                                  \
      "The server asks who calls.",                                                                          \
      "The call has neither a key nor a client's certificate.",                                              \
      "Send authorization: Bearer KEY, or x-api-key: KEY.")                                                  \
    X(CALLER_UNKNOWN, UNAUTHENTICATED, NO,                                                                   \
      "The credential is not one that is known here, or not any more.",                                      \
      "It was revoked, has ended, was mistyped, or belongs to another server.",                              \
      "Ask the operator for a key that is valid here.")                                                      \
    X(CALLS_FULL, RESOURCE_EXHAUSTED, NO,                                                                    \
      "The session remembers as many calls to the payment server as it can.",                                \
      "16 calls, or 64 KiB of answers; none of them may be forgotten. Nothing was sent.",                    \
      "Begin another payment with another merchant_session_id.")                                             \
    X(CALL_CONFLICT, ALREADY_EXISTS, NO,                                                                     \
      "This id was given to a call with another amount, or to the one before a challenge.",                  \
      "The merchant's id of the call (field 1) was used again. The Authorize that follows a challenge is "   \
      "a call of its own.",                                                                                  \
      "Give each call an id of its own.")                                                                    \
    X(CALL_OUTCOME_UNKNOWN, UNAVAILABLE, NO,                                                                 \
      "Whether the payment server acted on this call, or on one before it, is not known.",                   \
      "Its connection was lost, its time ran out, or its answer does not tell. Metadata: method, "           \
      "upstream_status.",                                                                                    \
      "It is never made again. Ask with Get, or tell the outcome by AdvanceSession; a webhook that "         \
      "does settles it too.")                                                                                \
    X(CALL_SETTLED, FAILED_PRECONDITION, NO,                                                                 \
      "This call was made before, and its answer is not there to be repeated.",                              \
      "Its outcome became known by an event or by Get, or its answer was too large to be kept. "             \
      "Metadata: status, call_status.",                                                                      \
      "Ask GetSession or Get where the payment stands.")                                                     \
    X(CARD_DATA_REFUSED, INVALID_ARGUMENT, NO,                                                               \
      "A text holds what looks like card data.",                                                             \
      "A card number or a key such as \"cvv\" stands in a text of the message or in a header. "              \
      "BadRequest names it.",                                                                                \
      "Leave it out: card data goes to the connector, never here.")                                          \
    X(CLIENT_TOKENS_FULL, RESOURCE_EXHAUSTED, NO,                                                            \
      "The session has as many client tokens as it may have.",                                               \
      "16 of them, each under an id of its own, and none has ended. The connector was not asked.",           \
      "Repeat a call with an id that was given before, or begin another session.")                           \
    X(CLIENT_TOKEN_CONFLICT, ALREADY_EXISTS, NO,                                                             \
      "The client token of this id differs from this call.",                                                 \
      "Another amount, text or credentials under one id. Metadata: differing_fields; outcome, where an "     \
      "earlier call's is unknown.",                                                                          \
      "Repeat the call as it was, or give another id.")                                                      \
    X(CLIENT_TOKEN_UNKNOWN, UNAVAILABLE, NO,                                                                 \
      "Whether the connector acted on an earlier call with this id is not known.",                           \
      "Its time ran out, its answer could not be read, or the server died, and the connector honours no "    \
      "idempotency key: asked again it could make a second order or page. Metadata: connector.",             \
      "Look at the connector's own pages, then give another id.")                                            \
    X(CLIENT_TOKEN_UNSUPPORTED, FAILED_PRECONDITION, NO,                                                     \
      "The connector has no client tokens.",                                                                 \
      "Its API has no call for what a browser pays with, or none that is served. Metadata: connector.",      \
      "Use this connector without one.")                                                                     \
    X(CONFIG_OVERRIDE_REFUSED, INVALID_ARGUMENT, NO,                                                         \
      "x-config-override is never taken.",                                                                   \
      "The header was sent.",                                                                                \
      "Leave it out.")                                                                                       \
    X(CONNECTOR_AUTH_FAILED, UNAUTHENTICATED, NO,                                                            \
      "The connector did not accept the credentials.",                                                       \
      "It answered 401 or 403. Only with x-session-errors: status (see CONNECTOR_DECLINED).",                \
      "Send the connector's credentials for this mode.")                                                     \
    X(CONNECTOR_BAD_RESPONSE, INTERNAL, SAME,                                                                \
      "The connector's answer could not be read; it may have acted.",                                        \
      "It was cut off, is no answer of this connector's, or lacks the token. Only with "                     \
      "x-session-errors: status (see CONNECTOR_DECLINED).",                                                  \
      "Make the same call again after the delay: it settles what came of this one.")                         \
    X(CONNECTOR_BUSY, RESOURCE_EXHAUSTED, LATER,                                                             \
      "Too many calls to this connector are in flight.",                                                     \
      "connector.host_percent of connector.calls_max are used. Nothing was written. Metadata: scope, "       \
      "limit.",                                                                                              \
      "Call again after the delay.")                                                                         \
    X(CONNECTOR_CALLS_EXHAUSTED, RESOURCE_EXHAUSTED, LATER,                                                  \
      "Too many calls to connectors are in flight.",                                                         \
      "connector.calls_max are used. Nothing was written. Metadata: scope, limit.",                          \
      "Call again after the delay.")                                                                         \
    X(CONNECTOR_CONTRADICTION, INVALID_ARGUMENT, NO,                                                         \
      "Two headers name two connectors.",                                                                    \
      "x-connector is another one than x-connector-config's.",                                               \
      "Leave x-connector out, or name the same.")                                                            \
    X(CONNECTOR_DECLINED, UNKNOWN, NO,                                                                       \
      "The connector refused to make a session.",                                                            \
      "Only where x-session-errors or connector.errors says status; else it is an answer, OK, with "         \
      "error. CreateSessionToken: INTERNAL, as the platform's of that generation. The newer method: "        \
      "INVALID_ARGUMENT, NOT_FOUND, .. by the connector's HTTP status, UNKNOWN for any other. Metadata: "    \
      "connector, status_code, connector_code, connector_reason; types.ConnectorError has all of it.",       \
      "See what the connector says; the same call would be refused again.")                                  \
    X(CONNECTOR_ERROR, INTERNAL, SAME,                                                                       \
      "The connector failed; it may have acted.",                                                            \
      "It answered 5xx. Only with x-session-errors: status (see CONNECTOR_DECLINED).",                       \
      "Make the same call again after the delay: it settles what came of this one.")                         \
    X(CONNECTOR_MISMATCH, FAILED_PRECONDITION, NO,                                                           \
      "The session was made with another connector.",                                                        \
      "x-connector, or the configuration's, is not the session's. Nothing was sent. Metadata: connector.",   \
      "Name the session's connector, or make another session with this one.")                                \
    X(CONNECTOR_RATE_LIMITED, RESOURCE_EXHAUSTED, LATER,                                                     \
      "The connector asks for fewer calls.",                                                                 \
      "It answered 429. Only with x-session-errors: status (see CONNECTOR_DECLINED).",                       \
      "Call again after the delay.")                                                                         \
    X(CONNECTOR_SHARE_FULL, RESOURCE_EXHAUSTED, LATER,                                                       \
      "This merchant has its share of the calls to this connector in flight.",                               \
      "limits.merchant_share_percent is used up. Nothing was written. Metadata: scope, limit.",              \
      "Call again after the delay, with fewer calls at a time.")                                             \
    X(CONNECTOR_TIMEOUT, DEADLINE_EXCEEDED, SAME,                                                            \
      "The connector did not answer in time; it may have acted.",                                            \
      "connector.total_timeout_ms or the call's deadline was over. Only with x-session-errors: status "      \
      "(see CONNECTOR_DECLINED).",                                                                           \
      "Make the same call again after the delay: it settles what came of this one.")                         \
    X(CONNECTOR_UNREACHABLE, INTERNAL, LATER,                                                                \
      "The connector could not be reached; it was not asked.",                                               \
      "Its host does not answer, or was left alone after failures. Only with x-session-errors: status "      \
      "(see CONNECTOR_DECLINED).",                                                                           \
      "Call again after the delay.")                                                                         \
    X(EVENT_CONFLICT, ALREADY_EXISTS, NO,                                                                    \
      "This event_id was given to another event or step of the session.",                                    \
      "The id was used again, or the repeated call is not the same one. Metadata: event.",                   \
      "Give each event and each step an id of its own.")                                                     \
    X(EVENT_MISMATCH, FAILED_PRECONDITION, NO,                                                               \
      "The event is about another payment than the session's.",                                              \
      "Its amount or connector_payment_id contradicts what is stored. Metadata: differing.",                 \
      "Look at which payment the webhook tells of; nothing was changed.")                                    \
    X(INBOX_FULL, RESOURCE_EXHAUSTED, NO,                                                                    \
      "As many events as are kept wait for this session already.",                                           \
      "Eight events came before the session was made.",                                                      \
      "Make the session, or wait until session.inbox_seconds are over.")                                     \
    X(INVALID_AUTH_KEY_MAP, INVALID_ARGUMENT, NO,                                                            \
      "x-auth-key-map cannot be read.",                                                                      \
      "It is not the JSON of a map from currency to credentials.",                                           \
      "Send x-connector-config instead, or mend the JSON.")                                                  \
    X(INVALID_AUTH_TYPE, INVALID_ARGUMENT, NO,                                                               \
      "x-auth names no kind of credentials.",                                                                \
      "The header's value is not one of the protocol's.",                                                    \
      "Send x-connector-config instead, or one of the protocol's kinds.")                                    \
    X(INVALID_CONNECTOR, INVALID_ARGUMENT, NO,                                                               \
      "x-connector is no connector's name.",                                                                 \
      "It is not 1 to 64 of a-z, 0-9 and _, a letter first. Metadata: header, connectors.",                  \
      "Send the lower-case name of a value of types.Connector.")                                             \
    X(INVALID_CONNECTOR_CONFIG_FORMAT, INVALID_ARGUMENT, NO,                                                 \
      "x-connector-config has another form.",                                                                \
      "The JSON lacks \"config\", or names none or several connectors in it.",                               \
      "Send {\"config\":{\"Stripe\":{..}}} with one connector.")                                             \
    X(INVALID_CONNECTOR_CONFIG_HEADER, INVALID_ARGUMENT, NO,                                                 \
      "x-connector-config is no text.",                                                                      \
      "It holds bytes that are not visible ASCII, or is too long.",                                          \
      "Escape other characters in the JSON (\\u00e9).")                                                      \
    X(INVALID_CONNECTOR_CONFIG_JSON, INVALID_ARGUMENT, NO,                                                   \
      "x-connector-config is not the JSON of its connector.",                                                \
      "It does not parse, a key has another type, or no connector has its name. Metadata: header; key, or "  \
      "connectors.",                                                                                         \
      "Mend the key that is named.")                                                                         \
    X(INVALID_ENVIRONMENT, INVALID_ARGUMENT, NO,                                                             \
      "x-environment names no environment.",                                                                 \
      "It is none of development, sandbox and production.",                                                  \
      "Send one of these, or leave it out.")                                                                 \
    X(INVALID_FIELDS, INVALID_ARGUMENT, NO,                                                                  \
      "Fields of the message are missing or break their rules.",                                             \
      "BadRequest names each of them, and its rule.",                                                        \
      "Mend the fields that are named.")                                                                     \
    X(INVALID_METADATA, INVALID_ARGUMENT, NO,                                                                \
      "A header is not what it may be.",                                                                     \
      "It is there twice, too long, not printable, or missing where a caller has several merchants. "        \
      "BadRequest names it.",                                                                                \
      "Mend the header that is named.")                                                                      \
    X(MALFORMED_REQUEST, INVALID_ARGUMENT, NO,                                                               \
      "The message cannot be decoded.",                                                                      \
      "It is no valid protobuf or JSON of the method's request. BadRequest names the field, where there "    \
      "is one.",                                                                                             \
      "Compare with the method's request; unknown JSON keys are ignored, other types are not.")              \
    X(MERCHANT_SHARE_FULL, RESOURCE_EXHAUSTED, LATER,                                                        \
      "This merchant has its share of the store.",                                                           \
      "limits.merchant_share_percent (or, before a session exists, limits.early_events_percent) is used "    \
      "up.",                                                                                                 \
      "Call again later; the operator can make the store larger.")                                           \
    X(MISSING_METADATA, INVALID_ARGUMENT, NO,                                                                \
      "A header that is needed is missing.",                                                                 \
      "No credentials of a connector, or a part of the older headers' is missing. Metadata: header.",        \
      "Send x-connector-config, e.g. {\"config\":{\"Stripe\":{\"api_key\":\"..\"}}}.")                       \
    X(OPERATOR_ONLY, PERMISSION_DENIED, NO,                                                                  \
      "This method is the operator's.",                                                                      \
      "It was called over a port without a caller who has the right `operate`.",                             \
      "Use sessiondctl on the server's machine.")                                                            \
    X(OUTCOME_UNKNOWN, UNAVAILABLE, SAME,                                                                    \
      "Whether this call's change was stored is not known.",                                                 \
      "A disk or a database was lost between the write and its answer.",                                     \
      "Send the same call again, byte for byte, after the delay: it comes to one effect.")                   \
    X(OUT_OF_MEMORY, RESOURCE_EXHAUSTED, LATER,                                                              \
      "The server has no memory for this call.",                                                             \
      "Its memory, or what one call may use of it, is used up.",                                             \
      "Call again after the delay.")                                                                         \
    X(OVERLOADED, RESOURCE_EXHAUSTED, LATER,                                                                 \
      "The server has more to do than it can.",                                                              \
      "The call could not be answered within its deadline, or the merchant asks for more than its "          \
      "share. Metadata: scope.",                                                                             \
      "Call again after the delay, and more slowly.")                                                        \
    X(RATE_LIMITED, RESOURCE_EXHAUSTED, LATER,                                                               \
      "Too many calls a second.",                                                                            \
      "A limit of the connection, the caller, the merchant or the server is reached. Metadata: scope.",      \
      "Call again after the delay, and more slowly.")                                                        \
    X(RETURN_URL_REFUSED, PERMISSION_DENIED, NO,                                                             \
      "Browsers may not be sent to this return_url.",                                                        \
      "Its origin is not on the merchant's list (redirect.return_urls).",                                    \
      "Let the operator add the origin, or send to one that is there.")                                      \
    X(SANDBOX_LIVE_CALL, FAILED_PRECONDITION, NO,                                                            \
      "The sandbox makes no live calls.",                                                                    \
      "test_mode is not true, or the connector is none that is simulated. Metadata: field.",                 \
      "Set test_mode: true, and use a simulated connector (docs/sandbox.md) or one without a call.")         \
    X(SESSION_BUSY, ABORTED, LATER,                                                                          \
      "Another call for this session is still in flight.",                                                   \
      "It held the session until this call's deadline.",                                                     \
      "Call again after the delay.")                                                                         \
    X(SESSION_CLOSED, FAILED_PRECONDITION, NO,                                                               \
      "The session has ended.",                                                                              \
      "The payment is completed, failed or was revoked. Metadata: status.",                                  \
      "Take the outcome as it is, or begin a payment with another merchant_session_id.")                     \
    X(SESSION_CONFLICT, ALREADY_EXISTS, NO,                                                                  \
      "The session with this merchant_session_id, which is not over, differs from this call.",               \
      "Another payload, connector or credentials under one id. Metadata: differing_fields; outcome, "        \
      "where an earlier call's is unknown.",                                                                 \
      "Repeat the call as it was, or begin a payment with another merchant_session_id.")                     \
    X(SESSION_EXPIRED, FAILED_PRECONDITION, NO,                                                              \
      "The session's time is over.",                                                                         \
      "Nothing moved it for session.ttl_seconds, or the connector's own session has ended.",                 \
      "Call CreateSessionToken again: the id is free.")                                                      \
    X(SESSION_NOT_FOUND, NOT_FOUND, NO,                                                                      \
      "There is no such session.",                                                                           \
      "It has ended and was forgotten, or tenant, merchant, test_mode or merchant_session_id are others.",   \
      "Compare these four with those of CreateSessionToken, or begin anew.")                                 \
    X(SESSION_PROCESSING, FAILED_PRECONDITION, NO,                                                           \
      "The connector works on the payment.",                                                                 \
      "PROCESSING_STARTED was told, and no outcome yet.",                                                    \
      "Tell the outcome (COMPLETED, FAILED, ATTEMPT_FAILED) first.")                                         \
    X(SESSION_REPLACED, FAILED_PRECONDITION, NO,                                                             \
      "Another session has taken this one's merchant_session_id.",                                           \
      "The token's session had ended, and the id was used again.",                                           \
      "Use the token that the newer CreateSessionToken answered with.")                                      \
    X(SESSION_REVOKED, FAILED_PRECONDITION, NO,                                                              \
      "The session was revoked.",                                                                            \
      "RevokeSession was called.",                                                                           \
      "Begin a payment with another merchant_session_id.")                                                   \
    X(SESSION_TOO_LARGE, RESOURCE_EXHAUSTED, NO,                                                             \
      "The session is larger than the store takes.",                                                         \
      "Texts, state and what browsers brought are too much together.",                                       \
      "Send shorter texts.")                                                                                 \
    X(SESSION_UNPAID, FAILED_PRECONDITION, NO,                                                               \
      "The session has no payment that could be captured, voided or refunded.",                              \
      "It is neither COMPLETED nor PROCESSING. Metadata: status.",                                           \
      "Pay first; without a session the call is passed on as it is.")                                        \
    X(SESSION_UNREADABLE, DATA_LOSS, NO,                                                                     \
      "The stored session cannot be read.",                                                                  \
      "Its record is damaged, or its key is not there. Other sessions are not concerned.",                   \
      "Tell the operator; begin a payment with another merchant_session_id.")                                \
    X(STEP_IN_PROGRESS, FAILED_PRECONDITION, NO,                                                             \
      "The shopper is being shown the present amount.",                                                      \
      "The session is AUTHENTICATING or REDIRECTED.",                                                        \
      "End the step first (STEP_CANCELLED), or wait for it.")                                                \
    X(STEP_OVER, FAILED_PRECONDITION, NO,                                                                    \
      "The step that this event_id began is over.",                                                          \
      "The browser has come back, the step ran out, or another one was begun.",                              \
      "Ask GetSession where the payment stands; begin another step under another event_id.")                 \
    X(STORE_BUSY, RESOURCE_EXHAUSTED, LATER,                                                                 \
      "Too many sessions wait to be written.",                                                               \
      "The disk is slower than what is asked of it.",                                                        \
      "Call again after the delay.")                                                                         \
    X(STORE_FULL, RESOURCE_EXHAUSTED, LATER,                                                                 \
      "The store has no room for this session.",                                                             \
      "Disk, quota or session table is full.",                                                               \
      "Call again later; the operator has to make room.")                                                    \
    X(STORE_UNAVAILABLE, UNAVAILABLE, LATER,                                                                 \
      "The store cannot be used just now. Nothing was stored.",                                              \
      "A sync has failed, or the store is being opened.",                                                    \
      "Call again after the delay.")                                                                         \
    X(TOKEN_EXPIRED, FAILED_PRECONDITION, NO,                                                                \
      "The session token's time is over.",                                                                   \
      "It is older than what its exp says; a later call's answer had a newer one.",                          \
      "Use the newest token; CreateSessionToken gives one for a session that lives, renew_token one in time.")                        \
    X(TOKEN_INVALID, UNAUTHENTICATED, NO,                                                                    \
      "The session token is not one of this server, or was altered.",                                        \
      "It was cut, is another server's or of the other mode, or its key was revoked.",                       \
      "Send session_token as it was given, with the same test_mode.")                                        \
    X(TOKEN_MISMATCH, PERMISSION_DENIED, NO,                                                                 \
      "The session token was made for another session than the call names.",                                 \
      "test_mode, tenant, merchant or merchant_session_id differ. Metadata: differing.",                     \
      "Send those that the token was made for.")                                                             \
    X(TOKEN_SUPERSEDED, FAILED_PRECONDITION, NO,                                                             \
      "A newer token of this session has taken the place of this one.",                                      \
      "UpdateSession, CHALLENGE_PASSED or ATTEMPT_FAILED gave a new one. Metadata: generation.",             \
      "Use the newest token; CreateSessionToken with the present amount and texts has it.")                  \
    X(TOO_MANY_CONCURRENT, RESOURCE_EXHAUSTED, LATER,                                                        \
      "Too many calls are in progress.",                                                                     \
      "A limit of the address, the caller or the merchant is reached. Metadata: scope.",                     \
      "Call again after the delay, with fewer calls at a time.")                                             \
    X(UNSUPPORTED_CONNECTOR, INVALID_ARGUMENT, NO,                                                           \
      "The connector is one of the protocol that is not served here.",                                       \
      "Its API cannot be spoken.",                                                                           \
      "Choose another connector.")                                                                           \
    X(UPSTREAM_ERROR, UNKNOWN, NO,                                                                           \
      "The payment server refused the call.",                                                                \
      "Status and message are its own; its details follow.",                                                 \
      "As the payment server's documentation says.")                                                         \
    X(UPSTREAM_UNAVAILABLE, UNAVAILABLE, LATER,                                                              \
      "The payment server has not been reached, or has not answered a question.",                            \
      "It is down, or refuses connections. Nothing was done.",                                               \
      "Call again after the delay.")                                                                         \
    X(VERSION_MISMATCH, ABORTED, NO,                                                                         \
      "The session has another version than expected_version.",                                              \
      "Another call was faster. Metadata: current_version.",                                                 \
      "Read the session, decide anew, and call with its version.")
/* clang-format on */

#endif
