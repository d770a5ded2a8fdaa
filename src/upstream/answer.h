/* answer.h - what comes on one stream, taken apart as it comes: header lists, one message, a status. Pure.
 *
 * The first fault is kept and nothing is read behind it. What is too much of metadata is left out, since no field of it is
 * worth the status of a payment; only what nobody sends in earnest is a fault.
 */
#ifndef SESSIOND_SRC_UPSTREAM_ANSWER_H
#define SESSIOND_SRC_UPSTREAM_ANSWER_H

#include <sessiond/codec/grpc_frame.h>
#include <sessiond/upstream/upstream.h>

/* A header list so many times larger than it may be is read no further. */
#define SES_UP_HEADER_EXCESS 4

struct ses_up_text {
    uint32_t at; /* in texts */
    uint32_t len;
};

struct ses_up_field {
    struct ses_up_text name;
    struct ses_up_text value;
};

struct ses_up_answer {
    struct ses_buf texts; /* wiped */
    size_t fields_count;
    struct ses_up_text grpc_message; /* encoded */
    struct ses_up_text details;      /* encoded */
    struct ses_grpc_reader reader;
    struct ses_buf message; /* wiped */
    bool has_message;
    bool begun;         /* anything has come */
    bool informational; /* this list is a 1xx's */
    bool final;         /* the headers of the answer have come whole */
    bool ended;         /* the stream's end has come */
    bool typed;         /* content-type is gRPC's */
    bool passed_over;   /* the body is none of gRPC's */
    size_t list_bytes;  /* of the present header list */
    uint32_t http_status;
    bool has_status;
    uint32_t grpc_status;
    const char *fault;                                     /* literal; NULL: none */
    struct ses_up_field fields[SES_UPSTREAM_METADATA_MAX]; /* last: nobody zeroes it */
};

void ses_up_answer_init(struct ses_up_answer *answer, size_t message_bytes_max);
void ses_up_answer_done(struct ses_up_answer *answer);

/* A header list: begin, fields, end. false: far too large, fault is set. */
void ses_up_answer_list_begin(struct ses_up_answer *answer);
bool ses_up_answer_field(struct ses_up_answer *answer, struct ses_slice name, struct ses_slice value);
void ses_up_answer_list_end(struct ses_up_answer *answer);
/* Bytes of the body. false: fault is set. */
bool ses_up_answer_data(struct ses_up_answer *answer, struct ses_slice bytes);

/* Behind the end: ANSWERED or UNKNOWN, with status, and a reason into ret_why for the latter. */
enum ses_upstream_outcome ses_up_answer_verdict(const struct ses_up_answer *answer, uint32_t *ret_grpc_status,
                                                char ret_why[SES_UPSTREAM_WHY_SIZE]);
/* What a caller is shown. pairs: SES_UPSTREAM_METADATA_MAX of them, filled. Texts are decoded where they lie: once. */
void ses_up_answer_show(struct ses_up_answer *answer, struct ses_upstream_pair *pairs,
                        struct ses_upstream_answer *ret_shown);

#endif
