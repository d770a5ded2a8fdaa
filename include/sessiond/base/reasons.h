/* reasons.h - the reason of a refusal as a value: only what has a row in reason_table.h can be told.
 */
#ifndef SESSIOND_BASE_REASONS_H
#define SESSIOND_BASE_REASONS_H

#include <sessiond/base/reason_table.h>
#include <sessiond/base/status.h>

enum ses_reason {
    SES_REASON_NONE, /* the status and the sentence say all */
#define SES_REASON_ENUM(name, status, retry, meaning, cause, remedy) SES_REASON_##name,
    SES_REASON_TABLE(SES_REASON_ENUM)
#undef SES_REASON_ENUM
        SES_REASON_COUNT
};

enum ses_retry {
    SES_RETRY_NO,    /* the same call would be refused again */
    SES_RETRY_LATER, /* after RetryInfo's delay */
    SES_RETRY_SAME   /* likewise, and byte for byte the same call */
};

/* The words as a list, for a label's values. */
#define SES_REASON_WORD(name, status, retry, meaning, cause, remedy) , #name
#define SES_REASON_WORDS                                             "NONE" SES_REASON_TABLE(SES_REASON_WORD)

/* [any] ErrorInfo.reason, UPPER_SNAKE; "" for none. Static. */
const char *ses_reason_name(enum ses_reason reason);
/* [any] The status that a reason is told with; SES_UNKNOWN for none. */
enum ses_status ses_reason_status(enum ses_reason reason);
/* [any] Whether the refused call should be made again. */
enum ses_retry ses_reason_retry(enum ses_reason reason);
/* [any] Where the documentation explains it, e.g. "docs/errors.md#SESSION_CLOSED". Static. */
const char *ses_reason_help(enum ses_reason reason);

#endif
