/* tag.h - the tag in a token's footer, by which sessiond knows its own tokens for a fiftieth of what their signature
 * costs:
 *
 *   {"kid":"k4.pid.44 characters"}                     no tag: what versions before made
 *   {"kid":"k4.pid.44 characters","tag":"22 characters"}
 *
 * The tag is BLAKE2b-128, keyed with what is derived from the signing key (key_derive.h), over PAE(header, message),
 * as base64url. The signature covers it too, as it covers every footer. The tag does not cover the signature: a token
 * whose signature is altered is still known by its tag, stands for the same claims, and can be made by its holder
 * only. So nothing may ever be kept or found by a token's text.
 */
#ifndef SESSIOND_SRC_TOKEN_TAG_H
#define SESSIOND_SRC_TOKEN_TAG_H

#include "keyfile.h"
#include "paseto.h"

#define SES_TAG_BYTES      16
#define SES_TAG_FOOTER_LEN 92
/* Both footers are equal up to the kid's end, 60 bytes and as base64url 80 characters; what is behind is told apart
 * as text. */
#define SES_TAG_NAME_LEN  60
#define SES_TAG_NAME_TEXT 80
#define SES_TAG_REST_TEXT 43

/* [any] The footer with the tag of the message that stands at ses_paseto_message(scratch). */
void ses_tag_footer(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t message_len,
                    char ret_footer[SES_TAG_FOOTER_LEN]);
/* [any] Whether a footer's text, which begins with the key's name, ends with that tag, to the character, in constant
 * time: nothing of a stranger's is decoded. CPU: 1 us. */
bool ses_tag_check(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t message_len,
                   struct ses_slice footer_text);

#endif
