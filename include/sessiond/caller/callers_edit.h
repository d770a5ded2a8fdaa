/* callers_edit.h - changes of a callers file that leave everything else in it as it is: order, comments, layout.
 *
 * Each makes the new text of the old one, reads it again by the rules of the file, and looks whether it says what was
 * wanted. A file that is laid out so that this cannot be done (flow style, say) is refused with the words to edit it by
 * hand, and stays as it is.
 */
#ifndef SESSIOND_CALLER_CALLERS_EDIT_H
#define SESSIOND_CALLER_CALLERS_EDIT_H

#include <sessiond/base/buf.h>

#include <sessiond/caller/callers.h>

/* The file and its hash key, for all below. */
struct ses_callers_edit {
    const char *file;      /* for the texts of faults */
    const char *keyed_by;  /* caller_key.h */
    struct ses_slice old;  /* empty: there is no file yet */
    struct ses_buf *fresh; /* the new text */
};

/* [tool] A caller more, at the end. SES_ALREADY_EXISTS: there is one of that name. SES_MALFORMED, SES_NO_MEMORY,
 * SES_TOO_LARGE, SES_FAILED_PRECONDITION (its layout). */
SES_MUST_CHECK enum ses_status ses_callers_edit_add(const struct ses_callers_edit *edit,
                                                    const struct ses_caller *caller,
                                                    struct ses_fault *ret_fault);
/* [tool] A key more, before the others. SES_NOT_FOUND: no such caller; SES_FAILED_PRECONDITION: it is revoked. */
SES_MUST_CHECK enum ses_status ses_callers_edit_add_key(const struct ses_callers_edit *edit,
                                                        struct ses_slice name,
                                                        const struct ses_caller_key *key,
                                                        struct ses_fault *ret_fault);
/* [tool] The caller, or (id not NULL) one of its keys. SES_NOT_FOUND; what is revoked already stays so. */
SES_MUST_CHECK enum ses_status ses_callers_edit_revoke(const struct ses_callers_edit *edit,
                                                       struct ses_slice name, const uint64_t *id,
                                                       struct ses_fault *ret_fault);

#endif
