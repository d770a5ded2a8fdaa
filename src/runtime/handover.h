/* handover.h - what one program of sessiond hands to the one that takes its place (SIGUSR2): a document in a
 * memfd, and the descriptors that it names.
 *
 *   sessiond-handover FORMAT HASH\n      FORMAT: SES_HANDOVER_FORMAT; HASH: BLAKE2b-256 of the rest, in hex
 *   {"program":"0.1.0",                  its version, for the log
 *    "descriptors":{"lock":5, ..},       name -> number, open in the process that takes over
 *    "children":[{"role":"worker-0", "pid":42, "control":17, "state":"ready", ..}, ..],
 *    ..}                                 the other values of supervisor_handover.c
 *
 * Times are CLOCK_MONOTONIC's: the machine has not booted meanwhile. Texts of files are in hex, since JSON
 * takes UTF-8 only.
 *
 * Two versions understand each other while FORMAT is the same. A value or descriptor that the taker does not
 * know is ignored and closed; one that it misses makes the document a damaged one, unless it is read as
 * optional. FORMAT is raised when something means something else, and with the control bytes of child.h.
 *
 * Each value is named once, by a function that writes it or reads it, as the hand-over says: what is written
 * and what is read cannot differ (supervisor_handover.c). To hand over one thing more is one line there.
 */
#ifndef SESSIOND_SRC_RUNTIME_HANDOVER_H
#define SESSIOND_SRC_RUNTIME_HANDOVER_H

#include <jansson.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/units.h>

#define SES_HANDOVER_FORMAT    1
#define SES_HANDOVER_BYTES_MAX (8 * SES_MIB)
#define SES_HANDOVER_NAME_SIZE 64

struct ses_handover {
    json_t *root;
    json_t *here; /* the object whose values are passed: root, or one child's */
    bool writes;  /* else it reads */
    bool no_memory;
    char missing[SES_HANDOVER_NAME_SIZE]; /* the first value that was not there, or was no such value */
};

/* [supervisor] An empty one, to be written. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_handover_begin(struct ses_handover *ret_handover);
/* [supervisor] The document in a memfd that an exec closes. SES_NO_MEMORY, SES_IO (errno), SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_handover_write(const struct ses_handover *handover, int *ret_fd);
/* [supervisor] fd stays open and unchanged. SES_FAILED_PRECONDITION: of another format; SES_MALFORMED: none,
 * or damaged; SES_IO, SES_NO_MEMORY. The sentence says which. */
SES_MUST_CHECK enum ses_status ses_handover_read(int fd, struct ses_handover *ret_handover,
                                                 struct ses_fault *ret_fault);
void ses_handover_done(struct ses_handover *handover);
/* SES_OK, or what went wrong since: SES_NO_MEMORY; SES_MALFORMED with the value's name. */
SES_MUST_CHECK enum ses_status ses_handover_check(const struct ses_handover *handover,
                                                  struct ses_fault *ret_fault);

/* ---- one value: written from *value, or read into it. What is not there leaves it as it is. ---- */

void ses_handover_u64(struct ses_handover *handover, const char *key, uint64_t *value);
void ses_handover_bool(struct ses_handover *handover, const char *key, bool *value);
/* UTF-8, shorter than size. */
void ses_handover_str(struct ses_handover *handover, const char *key, char *text, size_t size);
/* Any bytes, in hex. */
void ses_handover_bytes(struct ses_handover *handover, const char *key, struct ses_buf *bytes);
/* A list of at most max numbers. */
void ses_handover_list(struct ses_handover *handover, const char *key, uint64_t *values, size_t max,
                       size_t *count);
/* A descriptor; -1 is not written, and one that is not there stays what it is: the caller requires it. */
void ses_handover_fd(struct ses_handover *handover, const char *name, int *fd);

/* Is the value passed here: one that the writer's version may not have had? Then it is read only if it is there. */
bool ses_handover_has(const struct ses_handover *handover, const char *key);

/* The i-th child's values are passed until the next call; false: there are no more of them. */
bool ses_handover_enter_child(struct ses_handover *handover, size_t i);
void ses_handover_leave_child(struct ses_handover *handover);

/* ---- descriptors, over an exec ---- */

/* Every one that is named: kept open by an exec, or not. */
void ses_handover_keep(const struct ses_handover *handover, bool keep);
/* Closes those that nobody has read, and the others are closed by an exec from now on. */
void ses_handover_settle(struct ses_handover *handover);

#endif
