/* fuzz_h1.c - sniffer, HTTP/1.1 engine and the HTTP half of exchanges under whatever a client may send.
 *
 * Input: one byte that says how the rest is cut (0: in one piece, n: n bytes at a time), then what the client
 * sends, then it half-closes. Held exchanges are answered whenever reading pauses, and at the end every
 * second time (otherwise the close cancels them). At the end no exchange and no byte may be held.
 */
#include "../unit/http/h1_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_slice rest = ses_slice(data, size);
    struct ses_door_limits limits = ses_usual_door_limits();

    if (size == 0)
        return 0;
    limits.body_bytes_max = 4096;
    limits.header_bytes_max = 2048;
    limits.headers_max = 20;
    h1_rig_begin(&limits);
    h1_rig.split = data[0];
    rest = ses_slice_cut(rest, 1, rest.len);
    h1_rig_connect();
    while (rest.len > 0 && !h1_rig.finished && !h1_rig.cut) {
        rest = ses_slice_cut(rest, h1_rig_feed(rest), rest.len);
        if (h1_rig.paused)
            h1_rig_answer_held();
        SES_REQUIRE(!h1_rig.paused || h1_rig.held_count > 0 || h1_rig.finished ||
                    h1_rig.cut); /* nobody waits for nothing */
    }
    if (data[0] % 2 == 0)
        h1_rig_answer_held();
    if (!h1_rig.finished && !h1_rig.cut)
        h1_rig_eof();
    h1_rig_end();
    return 0;
}
