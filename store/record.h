/* record.h - the bytes of one record, whatever keeps them. All integers are little endian.
 *
 *    0  u8 version (1)       1  u8 kind          2  u16 id of the seal key   4  u32 revision
 *    8  u64 expires_ms      16  key[32]         48  session id[16]           -- 64 bytes, the associated data
 *   64  nonce[24]           88  ciphertext, then the tag[16]                 -- XChaCha20-Poly1305 (IETF)
 *
 * kind is 1 or 2. An inbox lies there as a session (1) whose id is all ones: earlier versions refuse a whole
 * shard for one kind that they do not know. This they load, and answer DATA_LOSS for its key alone, since its
 * body has a format that they refuse (record.proto). What was moved lies there in the same way, the last byte of
 * its id is one less, and its body is empty. No session has such an id: 48 bits of milliseconds stand in
 * front of each, which are all ones in the year 10889.
 */
#ifndef SESSIOND_STORE_RECORD_H
#define SESSIOND_STORE_RECORD_H

#include <sessiond/store/store_driver.h>

#define RECORD_VERSION      1
#define RECORD_HEADER_BYTES 64
#define RECORD_NONCE_BYTES  24
#define RECORD_PREFIX_BYTES 16 /* of the nonce */
#define RECORD_TAG_BYTES    16
#define RECORD_BODY_AT      (RECORD_HEADER_BYTES + RECORD_NONCE_BYTES)
#define RECORD_EXTRA_BYTES  (RECORD_BODY_AT + RECORD_TAG_BYTES)
#define RECORD_BYTES_MAX    (SES_STORE_BODY_MAX + RECORD_EXTRA_BYTES)

/* The keys of a store, the first one seals. */
struct record_keys {
    struct ses_seal_key key[SES_STORE_SEAL_KEYS_MAX];
    size_t count;
};

/* What seals. Nonces: 16 random bytes for each open of a store, then a counter. 2^64 records an open; two opens share a
 * prefix with a probability below 2^-64 after 2^32 opens. XChaCha20 derives a key from the key and these 16 bytes, and
 * goes on with ChaCha20 under it and the other 8: that is done once, a sixth of what sealing a record cost. */
struct record_sealer {
    uint16_t key_id;
    uint8_t prefix[RECORD_PREFIX_BYTES];
    uint64_t counter;
    struct ses_secret derived;
};

/* [any] A record's kind and session id as they lie in its header, and in whatever else tells them on disk. */
void ses_record_identity_encode(enum ses_record_kind kind, const uint8_t session_id[SES_SESSION_ID_BYTES],
                                uint8_t *ret_kind, uint8_t ret_session_id[SES_SESSION_ID_BYTES]);
/* SES_DATA_LOSS: no kind that lies on disk. */
SES_MUST_CHECK enum ses_status ses_record_identity_decode(uint8_t kind,
                                                          const uint8_t session_id[SES_SESSION_ID_BYTES],
                                                          enum ses_record_kind *ret_kind,
                                                          uint8_t ret_session_id[SES_SESSION_ID_BYTES]);

/* [any] Copies and checks the seal keys: 1 .. SES_STORE_SEAL_KEYS_MAX, 32 bytes each, ids all different.
 * SES_INVALID_ARGUMENT. No key at all is fine for a reader that opens no bodies. */
SES_MUST_CHECK enum ses_status ses_record_keys_init(struct record_keys *keys, const struct ses_seal_key *list,
                                                    size_t count);
/* [any] Seals by the first key. For one thread. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_sealer_init(const struct record_keys *keys,
                                                      struct record_sealer *ret_sealer);
/* [any] One that was never made (all zero) is fine. */
void ses_record_sealer_done(struct record_sealer *sealer);
/* [any] Writes body_bytes + RECORD_EXTRA_BYTES at ret_bytes. */
void ses_record_seal(struct record_sealer *sealer, const struct ses_record *record, uint8_t *ret_bytes);
/* [any] Reads the plain header; ret_record->body stays empty. SES_DATA_LOSS: not a record of ours. */
SES_MUST_CHECK enum ses_status ses_record_decode(struct ses_slice bytes, struct ses_record *ret_record);
/* [any] The id of the key that sealed a record whose header was decoded. */
uint16_t ses_record_seal_key(struct ses_slice bytes);
/* [any] A whole record that is going to be written again, sealed anew in its place by the sealer, if another key than
 * its own sealed it. What does not open stays as it is. */
void ses_record_reseal(const struct record_keys *keys, struct record_sealer *sealer, uint8_t *bytes,
                       size_t len);
/* [any] Decodes and opens into the arena. sealer: its own records open for less; NULL, or never made: there is none.
 * SES_DATA_LOSS (tag, unknown key id), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_open(const struct record_keys *keys,
                                               const struct record_sealer *sealer, struct ses_slice bytes,
                                               struct ses_arena *arena, struct ses_record *ret_record);

#endif
