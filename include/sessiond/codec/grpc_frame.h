/* grpc_frame.h - length-prefixed messages of gRPC (grpc/grpc doc/PROTOCOL-HTTP2.md,
 * "Length-Prefixed-Message"): one byte of flags, four bytes of length, big endian, then the message. */
#ifndef SESSIOND_CODEC_GRPC_FRAME_H
#define SESSIOND_CODEC_GRPC_FRAME_H

#include <sessiond/base/buf.h>

#define SES_GRPC_PREFIX_BYTES 5

struct ses_grpc_message {
    struct ses_slice bytes; /* in the input, or in the reader until its next step */
    bool compressed;
};

/* Reads messages from bytes split anywhere. */
struct ses_grpc_reader {
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];
    unsigned prefix_len;
    struct ses_buf gathered; /* grows with what arrives, never by what a prefix promises */
    bool delivered;          /* the last step handed `gathered` out */
};

/* [worker] message_bytes_max: of one message as it stands on the wire. */
void ses_grpc_reader_init(struct ses_grpc_reader *reader, size_t message_bytes_max);
/* Instead: what is gathered is wiped when it is given back. */
void ses_grpc_reader_init_wiped(struct ses_grpc_reader *reader, size_t message_bytes_max);
void ses_grpc_reader_done(struct ses_grpc_reader *reader);
/* Takes bytes from the front of *bytes until a message is whole (*ret_whole) or nothing is left.
 * SES_MALFORMED: flags other than 0 and 1. SES_TOO_LARGE: the prefix promises too much. SES_NO_MEMORY.
 * After a failure the reader is of no further use. */
SES_MUST_CHECK enum ses_status ses_grpc_reader_step(struct ses_grpc_reader *reader, struct ses_slice *bytes,
                                                    bool *ret_whole, struct ses_grpc_message *ret_message);
/* A message has begun and is not whole. */
bool ses_grpc_reader_inside(const struct ses_grpc_reader *reader);
/* Bytes the reader keeps. */
size_t ses_grpc_reader_held(const struct ses_grpc_reader *reader);
/* [any] The prefix of a message of len bytes (len < 4 GiB). */
void ses_grpc_prefix(bool compressed, size_t len, uint8_t ret_prefix[SES_GRPC_PREFIX_BYTES]);

#endif
