/* paseto.h - PASETO version 4 (paseto-standard/paseto-spec, in docs/01-Protocol-Versions: Version4.md,
 * Common.md), both purposes, without claims, keys on disk or clocks: those stand in claims.h and ring.h.
 *
 *   v4.public.  base64url( message | signature 64 )           [ . base64url( footer ) ]
 *   v4.local.   base64url( nonce 32 | ciphertext | tag 32 )   [ . base64url( footer ) ]
 *
 * Everything signed or authenticated goes through PAE ("pre-authentication encoding"): a count, then each
 * piece behind its length, little endian 64 bit.
 */
#ifndef SESSIOND_SRC_TOKEN_PASETO_H
#define SESSIOND_SRC_TOKEN_PASETO_H

#include <sessiond/base/slice.h>

#define SES_PASETO_PUBLIC_HEADER   "v4.public."
#define SES_PASETO_LOCAL_HEADER    "v4.local."
#define SES_PASETO_MESSAGE_MAX     1536 /* above what fits a token of SES_TOKEN_SIZE_MAX characters */
#define SES_PASETO_FOOTER_MAX      256
#define SES_PASETO_IMPLICIT_MAX    256
#define SES_PASETO_SECRET_BYTES    64 /* Ed25519: seed, then public key, libsodium's and PASERK's form */
#define SES_PASETO_PUBLIC_BYTES    32
#define SES_PASETO_SIGNATURE_BYTES 64
#define SES_PASETO_LOCAL_KEY_BYTES 32
#define SES_PASETO_NONCE_BYTES     32
#define SES_PASETO_TAG_BYTES       32

/* Room for the largest token text either purpose can make of the limits above (no NUL). */
#define SES_PASETO_TEXT_MAX                                                                                  \
    (10 + (SES_PASETO_MESSAGE_MAX + 64 + 2) / 3 * 4 + 1 + (SES_PASETO_FOOTER_MAX + 2) / 3 * 4)

/* What stands before the message in the PAE of a v4.public token: 8 bytes of count, 8 of the header's length, its
 * 10 characters, 8 of the message's own length. In that of a v4.local one: the header has 9, and between it and
 * the message's length stands the nonce behind its own. */
#define SES_PASETO_PUBLIC_BEFORE 34
#define SES_PASETO_LOCAL_BEFORE  (8 + 8 + 9 + 8 + SES_PASETO_NONCE_BYTES + 8)
#define SES_PASETO_MESSAGE_AT    SES_PASETO_LOCAL_BEFORE

/* The bytes that are signed or authenticated, laid out so that the message is written once, in the same place for
 * both purposes, sealed where it stands, and then encoded together with what was made of it. About 2.2 KiB of
 * stack, no allocation. */
struct ses_paseto_scratch {
    uint8_t bytes[SES_PASETO_MESSAGE_AT + SES_PASETO_MESSAGE_MAX + 8 + SES_PASETO_FOOTER_MAX + 8 +
                  SES_PASETO_IMPLICIT_MAX];
};

/* [any] Where the caller writes the message before ses_paseto_sign or _encrypt; room SES_PASETO_MESSAGE_MAX. */
static inline uint8_t *ses_paseto_message(struct ses_paseto_scratch *scratch)
{
    return scratch->bytes + SES_PASETO_MESSAGE_AT;
}

/* The two texts behind a header, borrowed from the token. */
struct ses_paseto_parts {
    struct ses_slice body;
    struct ses_slice footer; /* empty: there is none */
};

/* [any] Characters of the whole v4.public text for a message and a footer of these lengths. */
size_t ses_paseto_public_len(size_t message_len, size_t footer_len);

/* [any] Signs the message_len bytes that stand at ses_paseto_message(scratch) and writes the token's text (no
 * NUL) into ret_text, which has room for ses_paseto_public_len. Lengths within the limits above are the
 * caller's duty. Returns the text's length. */
size_t ses_paseto_sign(struct ses_paseto_scratch *scratch, size_t message_len,
                       const uint8_t secret_key[SES_PASETO_SECRET_BYTES], struct ses_slice footer,
                       struct ses_slice implicit, char *ret_text);

/* [any] Checks the header and cuts the rest at its dot; decodes nothing. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_paseto_split(struct ses_slice token, const char *header,
                                                struct ses_paseto_parts *ret_parts);

/* A v4.public body taken apart; the message stands at ses_paseto_message(scratch), and nothing vouches for it yet. */
struct ses_paseto_signed {
    size_t message_len;
    uint8_t signature[SES_PASETO_SIGNATURE_BYTES];
};

/* [any] SES_MALFORMED (not base64url, too short), SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_paseto_take_apart(struct ses_slice body,
                                                     struct ses_paseto_scratch *scratch,
                                                     struct ses_paseto_signed *ret_body);
/* [any] Verifies it under a footer given as plain bytes. SES_TOO_LARGE, SES_UNAUTHENTICATED (signature). */
SES_MUST_CHECK enum ses_status ses_paseto_verify(struct ses_paseto_scratch *scratch,
                                                 const struct ses_paseto_signed *body,
                                                 struct ses_slice footer, struct ses_slice implicit,
                                                 const uint8_t public_key[SES_PASETO_PUBLIC_BYTES]);

/* [any] Characters of the whole v4.local text for a message and a footer of these lengths. */
size_t ses_paseto_local_len(size_t message_len, size_t footer_len);

/* [any] v4.local: XChaCha20 and keyed BLAKE2b, encrypt then MAC. As ses_paseto_sign; the message is replaced. The
 * nonce is 32 random bytes, never used again with that key. ret_text has room for ses_paseto_local_len. */
size_t ses_paseto_encrypt(struct ses_paseto_scratch *scratch, size_t message_len,
                          const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES],
                          const uint8_t nonce[SES_PASETO_NONCE_BYTES], struct ses_slice footer,
                          struct ses_slice implicit, char *ret_text);

/* [any] Opens a v4.local body under a footer given as plain bytes. The message lies in scratch. SES_MALFORMED,
 * SES_TOO_LARGE, SES_UNAUTHENTICATED (other key, altered). */
SES_MUST_CHECK enum ses_status ses_paseto_decrypt(struct ses_slice body, struct ses_slice footer,
                                                  struct ses_slice implicit,
                                                  const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES],
                                                  struct ses_paseto_scratch *scratch,
                                                  struct ses_slice *ret_message);

/* ---- shared by the two purposes ---- */

/* [any] One PAE number, and one piece behind its length; each returns the place behind it. */
uint8_t *ses_pae_number(uint8_t *at, uint64_t value);
uint8_t *ses_pae_piece(uint8_t *at, struct ses_slice piece);
/* [any] The begin of a v4.public token's PAE, of pieces in all, up to the end of the message that stands in scratch. */
struct ses_slice ses_pae_head(struct ses_paseto_scratch *scratch, uint64_t pieces, size_t message_len);
/* [any] Footer text of a token equals base64url(footer): the wanted footer, compared before anything is
 * computed. */
bool ses_paseto_footer_is(struct ses_slice footer_text, struct ses_slice footer);
/* [any] Writes a token's text: its header, the body's bytes, the footer if there is one. Returns its length. */
size_t ses_paseto_text(struct ses_slice header, struct ses_slice body, struct ses_slice footer,
                       char *ret_text);
/* [any] Characters of such a text. */
size_t ses_paseto_text_len(size_t header_len, size_t body_len, size_t footer_len);

#endif
