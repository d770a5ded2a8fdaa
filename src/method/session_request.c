/* From generated structs to the flat request of the domain, in which a field is a bit and a place. Here and
 * in request_parts.h is last seen where in which message a field stood. */
#include "session_request.h"

#include <sessiond/codec/codec_proto.h>

/* Packed again rather than kept as it came: two spellings of one message (order, defaults) become the
 * same bytes. */
enum ses_status ses_request_set_message(struct ses_session_request *request, enum ses_field field,
                                        const ProtobufCMessage *message, struct ses_arena *arena)
{
    if (message == NULL)
        return SES_OK;
    SES_TRY(ses_proto_pack(message, arena, &request->text[field]));
    request->present |= SES_FIELD_BIT(field);
    return SES_OK;
}
