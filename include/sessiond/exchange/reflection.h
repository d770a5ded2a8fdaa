/* reflection.h - grpc.reflection.v1 and v1alpha (grpc/grpc: doc/server-reflection.md), from the embedded
 * descriptor set.
 *
 * What is asked and what is answered (doc/server-reflection.md):
 *
 *   file_by_filename                the file and all that it imports, each once
 *   file_containing_symbol          the same of the file that defines it: message, field, enum, value,
 *                                   service, method
 *   list_services                   full names
 *   all_extension_numbers_of_type   none, for a message that is known: proto3 has no extensions
 *   file_containing_extension       NOT_FOUND
 */
#ifndef SESSIOND_EXCHANGE_REFLECTION_H
#define SESSIOND_EXCHANGE_REFLECTION_H

#include <sessiond/exchange/exchange.h>

#define SES_REFLECTION_ROUTES 2

struct ses_reflection;

/* [worker] Indexes the embedded set, about 0.2 ms. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_reflection_new(struct ses_reflection **ret_reflection);
/* NULL is fine. */
void ses_reflection_free(struct ses_reflection *reflection);
/* [any] The path of route i, 0 .. SES_REFLECTION_ROUTES - 1. */
const char *ses_reflection_path(int route);
/* Writes the SES_REFLECTION_ROUTES rows, v1 and v1alpha; their metric rows are metric and metric + 1 (-1: not
 * counted). */
void ses_reflection_routes(struct ses_reflection *reflection, int metric,
                           struct ses_route ret_routes[SES_REFLECTION_ROUTES]);

#endif
