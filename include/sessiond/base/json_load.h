/* json_load.h - jansson's parser, which tells "out of memory" from "not JSON".
 *
 * jansson 2.14 leaves most failed allocations without an error code (line -1), and its lexer drops a byte
 * that found no room: a text parsed without memory may even succeed, shortened. Here every failed allocation
 * is noted, and whatever the parser made then is thrown away.
 */
#ifndef SESSIOND_BASE_JSON_LOAD_H
#define SESSIOND_BASE_JSON_LOAD_H

#include <jansson.h>

#include <sessiond/base/slice.h>

/* [any] flags are jansson's. On SES_OK *ret_json is the caller's to release. SES_MALFORMED: *ret_fault says
 * why (may be NULL). SES_NO_MEMORY: nothing is known of the text. */
SES_MUST_CHECK enum ses_status ses_json_load(struct ses_slice text, size_t flags, json_error_t *ret_fault,
                                             json_t **ret_json);

#endif
