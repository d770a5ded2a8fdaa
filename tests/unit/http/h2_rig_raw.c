#include "http/h2_rig_raw.h"

void rig_raw(const void *bytes, size_t len)
{
    rig_receive(ses_slice(bytes, len));
}

void rig_raw_frame(uint8_t type, uint8_t flags, int32_t id, const void *payload, size_t len)
{
    uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
                       (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    rig_raw(head, sizeof head);
    rig_raw(payload, len);
}

void rig_raw_preface(void)
{
    rig_raw(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    rig_raw_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

void rig_raw_headers(int32_t id, uint8_t flags, const char *const *fields)
{
    static uint8_t block[1 << 20];
    static nghttp2_nv nva[20000];
    size_t count = 0;

    for (; fields[0] != NULL; fields += 2)
        nva[count++] = rig_nv(fields[0], fields[1]);
    ssize_t len = nghttp2_hd_deflate_hd(rig.deflater, block, sizeof block, nva, count);

    assert_true(len > 0 && len <= 16384);
    rig_raw_frame(NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, id, block, (size_t)len);
}

void rig_raw_request(int32_t id, uint8_t flags)
{
    static const char *const fields[] = {RIG_REQUEST_FIELDS, NULL};

    rig_raw_headers(id, flags, fields);
}

bool rig_frame(uint8_t type, unsigned nth, int32_t *ret_id, struct ses_slice *ret_payload)
{
    struct ses_slice rest = ses_buf_view(&rig.wire);

    while (rest.len >= 9) {
        size_t len = (size_t)rest.data[0] << 16 | (size_t)rest.data[1] << 8 | rest.data[2];

        assert_true(rest.len >= 9 + len);
        if (rest.data[3] == type && nth-- == 0) {
            *ret_id = (int32_t)((uint32_t)rest.data[5] << 24 | (uint32_t)rest.data[6] << 16 |
                                (uint32_t)rest.data[7] << 8 | rest.data[8]);
            *ret_payload = ses_slice(rest.data + 9, len);
            return true;
        }
        rest = ses_slice_cut(rest, 9 + len, rest.len);
    }
    assert_int_equal(rest.len, 0); /* whole frames only */
    return false;
}

unsigned rig_frames(uint8_t type)
{
    struct ses_slice payload;
    unsigned count = 0;
    int32_t id;

    while (rig_frame(type, count, &id, &payload))
        count++;
    return count;
}

uint32_t rig_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void rig_expect_goaway(uint32_t code)
{
    struct ses_slice payload;
    unsigned count = rig_frames(NGHTTP2_GOAWAY);
    int32_t id;

    assert_true(count > 0);
    assert_true(rig_frame(NGHTTP2_GOAWAY, count - 1, &id, &payload));
    assert_int_equal(rig_u32(payload.data + 4), code);
    assert_null(rig.h2);
}

void rig_expect_reset(int32_t expected_id, uint32_t code)
{
    struct ses_slice payload;
    int32_t id;

    if (!rig_frame(NGHTTP2_RST_STREAM, 0, &id, &payload)) {
        fail_msg("no RST_STREAM was written");
        return; /* never reached, but the analyser does not know */
    }
    assert_int_equal(id, expected_id);
    assert_int_equal(rig_u32(payload.data), code);
}
