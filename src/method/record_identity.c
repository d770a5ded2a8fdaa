/* Which connector a record is of, across versions that know more or fewer of them. */
#include "record_identity.h"

#include "record_steps.h"

#include <sessiond/connector/connector.h>

/* A name that is only assumed is not written, one of a newer version passes by as it was read. */
void ses_record_put_identity(const struct ses_connector_identity *connector,
                             Sessiond__Store__V1__SessionRecord *record)
{
    record->connector_number = connector->number;
    if (connector->name != NULL && !connector->assumed)
        record->connector_name = ses_record_bytes(ses_slice_str(connector->name));
}

/* Without a name, of a version that had none: the number's first one is assumed, and not written back as if it had been told
 * (razorpay and razorpay_v2 share one). Without a number, of a version that did not know it. */
enum ses_status ses_record_take_identity(const Sessiond__Store__V1__SessionRecord *record,
                                         struct ses_arena *arena,
                                         struct ses_connector_identity *ret_connector)
{
    struct ses_slice name = ses_record_slice(record->connector_name);
    uint32_t number = record->connector_number;
    const struct ses_connector *row = ses_connector_find(number, name);

    *ret_connector = (struct ses_connector_identity){.number = number, .assumed = name.len == 0};
    if (number == 0)
        row = ses_connector_by_name(name);
    if (row != NULL) {
        ret_connector->number = row->number;
        ret_connector->name = row->name;
    } else if (ses_connector_name_check(name)) {
        ret_connector->unlisted = true;
        ret_connector->name = ses_arena_str(arena, name);
        return ret_connector->name == NULL ? SES_NO_MEMORY : SES_OK;
    }
    return SES_OK;
}
