#include "store_fixture.h"

#include "record_row.h"
#include "word.h"

#define BODY "context of a payment"

struct sealed {
    struct rig *rig;
    struct record_keys keys;
    struct record_sealer sealer;
    struct ses_record record;
    uint8_t bytes[sizeof(BODY) - 1 + RECORD_EXTRA_BYTES];
};

static void seal(struct rig *rig, struct sealed *sealed)
{
    sealed->rig = rig;
    assert_ok(ses_record_keys_init(&sealed->keys, &rig->seal_key, 1));
    assert_ok(ses_record_sealer_init(&sealed->keys, &sealed->sealer));
    sealed->record = record_of(BODY, 123456789);
    sealed->record.key = key_of(1);
    sealed->record.revision = 42;
    ses_record_seal(&sealed->sealer, &sealed->record, sealed->bytes);
}

static void end(struct sealed *sealed)
{
    ses_record_sealer_done(&sealed->sealer);
}

/* By the key that the sealer has derived, and, as after a restart, by libsodium's XChaCha20-Poly1305 whole. */
static enum ses_status open_bytes(struct sealed *sealed, size_t len, struct ses_record *ret_record)
{
    const struct ses_slice bytes = ses_slice(sealed->bytes, len);
    const struct record_sealer none = {.key_id = sealed->sealer.key_id};
    enum ses_status status = ses_record_open(&sealed->keys, NULL, bytes, &sealed->rig->arena, ret_record);

    assert_int_equal(ses_record_open(&sealed->keys, &none, bytes, &sealed->rig->arena, ret_record), status);
    assert_int_equal(ses_record_open(&sealed->keys, &sealed->sealer, bytes, &sealed->rig->arena, ret_record),
                     status);
    return status;
}

static void test_round_trip(void **state)
{
    struct ses_record record;
    struct sealed sealed;

    seal(*state, &sealed);
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_slice_equal(record.body, BODY);
    assert_int_equal(record.revision, 42);
    assert_int_equal(record.expires_ms, 123456789);
    assert_int_equal(record.kind, SES_RECORD_SESSION);
    assert_memory_equal(&record.key, &sealed.record.key, sizeof(record.key));
    assert_memory_equal(record.session_id, sealed.record.session_id, SES_SESSION_ID_BYTES);
    assert_null(memmem(sealed.bytes, sizeof(sealed.bytes), BODY, 8)); /* not in the clear */
    end(&sealed);
}

/* Two openings of a store with one key: each opens what the other one sealed. */
static void test_another_sealer(void **state)
{
    struct ses_record record;
    struct sealed first;
    struct sealed second;

    seal(*state, &first);
    seal(*state, &second);
    assert_memory_not_equal(first.sealer.prefix, second.sealer.prefix, sizeof(first.sealer.prefix));
    assert_memory_not_equal(first.sealer.derived.bytes, second.sealer.derived.bytes, 32);
    memcpy(second.bytes, first.bytes, sizeof(second.bytes));
    assert_ok(open_bytes(&second, sizeof(second.bytes), &record));
    assert_slice_equal(record.body, BODY);
    end(&first);
    end(&second);
}

/* As a reader sees it who knows sessions and intents alone: a session, its id all ones. */
static void test_an_inbox_lies_as_a_session(void **state)
{
    static const uint8_t zero[SES_SESSION_ID_BYTES];
    uint8_t ones[SES_SESSION_ID_BYTES];
    struct ses_record record;
    struct sealed sealed;

    seal(*state, &sealed);
    sealed.record.kind = SES_RECORD_INBOX;
    memset(sealed.record.session_id, 0, sizeof(sealed.record.session_id));
    memset(ones, 0xff, sizeof(ones));
    ses_record_seal(&sealed.sealer, &sealed.record, sealed.bytes);
    assert_int_equal(sealed.bytes[1], SES_RECORD_SESSION);
    assert_memory_equal(sealed.bytes + 48, ones, sizeof(ones));
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_int_equal(record.kind, SES_RECORD_INBOX);
    assert_memory_equal(record.session_id, zero, sizeof(zero));
    assert_slice_equal(record.body, BODY);
    sealed.record.kind = SES_RECORD_SESSION; /* an inbox of earlier versions (old_inbox.h) */
    ses_record_seal(&sealed.sealer, &sealed.record, sealed.bytes);
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_int_equal(record.kind, SES_RECORD_SESSION);
    assert_memory_equal(record.session_id, zero, sizeof(zero));
    end(&sealed);
}

/* Nobody wrote one: damage, as in all versions. */
static void test_other_kinds_do_not_lie_on_disk(void **state)
{
    struct ses_record record;
    struct sealed sealed;

    seal(*state, &sealed);
    for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
        bool known = kind == SES_RECORD_SESSION || kind == SES_RECORD_INTENT;

        sealed.bytes[1] = (uint8_t)kind;
        assert_int_equal(ses_record_decode(ses_slice(sealed.bytes, sizeof(sealed.bytes)), &record),
                         known ? SES_OK : SES_DATA_LOSS);
    }
    end(&sealed);
}

static void test_every_bit_counts(void **state)
{
    struct ses_record record;
    struct sealed sealed;

    seal(*state, &sealed);
    for (size_t i = 0; i < sizeof(sealed.bytes); i++) {
        sealed.bytes[i] = (uint8_t)(sealed.bytes[i] ^ 1u << i % 8);
        assert_int_equal(open_bytes(&sealed, sizeof(sealed.bytes), &record), SES_DATA_LOSS);
        sealed.bytes[i] = (uint8_t)(sealed.bytes[i] ^ 1u << i % 8);
    }
    for (size_t len = 0; len < sizeof(sealed.bytes); len++)
        assert_int_equal(open_bytes(&sealed, len, &record), SES_DATA_LOSS);
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    end(&sealed);
}

static void test_nonces_differ(void **state)
{
    struct sealed first;
    struct sealed second;

    seal(*state, &first);
    memcpy(&second, &first, sizeof(first));
    ses_record_seal(&second.sealer, &second.record, second.bytes);
    assert_memory_not_equal(first.bytes + RECORD_HEADER_BYTES, second.bytes + RECORD_HEADER_BYTES,
                            RECORD_NONCE_BYTES);
    assert_memory_not_equal(first.bytes + RECORD_BODY_AT, second.bytes + RECORD_BODY_AT, sizeof(BODY) - 1);
    end(&first);
}

static void test_key_ring(void **state)
{
    struct rig *rig = *state;
    struct ses_secret other_secret;
    struct ses_seal_key both[2];
    struct ses_record record;
    struct sealed sealed;

    seal(rig, &sealed);
    assert_ok(ses_secret_new(32, &other_secret));
    both[0] = (struct ses_seal_key){.id = 8, .key = &other_secret};
    both[1] = rig->seal_key;
    assert_ok(ses_record_keys_init(&sealed.keys, both, 2)); /* a new key seals, the old one still opens */
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_ok(ses_record_keys_init(&sealed.keys, both, 1));
    assert_int_equal(open_bytes(&sealed, sizeof(sealed.bytes), &record), SES_DATA_LOSS);
    both[1].id = 8;
    assert_int_equal(ses_record_keys_init(&sealed.keys, both, 2), SES_INVALID_ARGUMENT);
    end(&sealed);
    ses_secret_free(&other_secret);
}

/* What garbage collection does to a record that it writes again. */
static void test_sealed_anew(void **state)
{
    struct rig *rig = *state;
    struct ses_secret other_secret;
    struct ses_seal_key both[2];
    struct ses_record record;
    struct sealed sealed;
    struct sealed before;

    seal(rig, &sealed);
    assert_ok(ses_secret_new(32, &other_secret));
    both[0] = (struct ses_seal_key){.id = 8, .key = &other_secret};
    both[1] = rig->seal_key;
    before = sealed;
    ses_record_reseal(&sealed.keys, &sealed.sealer, sealed.bytes, sizeof(sealed.bytes));
    end(&sealed);
    assert_memory_equal(sealed.bytes, before.bytes, sizeof(sealed.bytes)); /* by the first key already */

    assert_ok(ses_record_keys_init(&sealed.keys, both, 2));
    assert_ok(ses_record_sealer_init(&sealed.keys, &sealed.sealer));
    ses_record_reseal(&sealed.keys, &sealed.sealer, sealed.bytes, sizeof(sealed.bytes));
    assert_int_equal(ses_record_seal_key(ses_slice(sealed.bytes, sizeof(sealed.bytes))), 8);
    assert_memory_not_equal(sealed.bytes + RECORD_HEADER_BYTES, before.bytes + RECORD_HEADER_BYTES,
                            RECORD_NONCE_BYTES);
    assert_ok(ses_record_keys_init(&sealed.keys, both, 1));
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_int_equal(record.body.len, sizeof(BODY) - 1);
    assert_memory_equal(record.body.data, BODY, sizeof(BODY) - 1);

    /* What does not open, or whose key is not there, stays what it was. */
    memcpy(sealed.bytes, before.bytes, sizeof(sealed.bytes));
    assert_ok(ses_record_keys_init(&sealed.keys, both, 1));
    ses_record_reseal(&sealed.keys, &sealed.sealer, sealed.bytes, sizeof(sealed.bytes));
    assert_memory_equal(sealed.bytes, before.bytes, sizeof(sealed.bytes));
    assert_ok(ses_record_keys_init(&sealed.keys, both, 2));
    sealed.bytes[RECORD_BODY_AT] ^= 1;
    before = sealed;
    ses_record_reseal(&sealed.keys, &sealed.sealer, sealed.bytes, sizeof(sealed.bytes));
    assert_memory_equal(sealed.bytes, before.bytes, sizeof(sealed.bytes));
    end(&sealed);
    ses_secret_free(&other_secret);
}

static void test_arena_ceiling(void **state)
{
    struct sealed sealed;
    struct ses_record record;
    struct ses_arena small;

    seal(*state, &sealed);
    ses_arena_init(&small, 8);
    assert_int_equal(
        ses_record_open(&sealed.keys, NULL, ses_slice(sealed.bytes, sizeof(sealed.bytes)), &small, &record),
        SES_NO_MEMORY);
    end(&sealed);
    ses_arena_done(&small);
}

static void test_row(void **state)
{
    struct record_row row = {.key = key_of(5),
                             .retain = 77,
                             .revision = 3,
                             .record_bytes = 460,
                             .owner = 0x2abc,
                             .kind = SES_RECORD_INTENT};
    uint8_t bytes[RECORD_ROW_BYTES];
    struct record_row back;

    (void)state;
    memcpy(row.session_id, "fedcba987654321", 16);
    ses_record_row_encode(&row, 1000, bytes);
    assert_ok(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back));
    assert_memory_equal(&back.key, &row.key, sizeof(row.key));
    assert_memory_equal(back.session_id, row.session_id, 16);
    assert_int_equal(back.retain, 77);
    assert_int_equal(back.revision, 3);
    assert_int_equal(back.record_bytes, 460);
    assert_int_equal(back.owner, 0x2abc);
    assert_int_equal(back.kind, SES_RECORD_INTENT);
    assert_int_equal(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1001, &back), SES_DATA_LOSS);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back), SES_DATA_LOSS);
        bytes[i] ^= 0x10;
    }
    assert_int_equal(ses_record_row_decode(ses_slice(bytes, 63), 1000, &back), SES_DATA_LOSS);
}

static void test_row_of_an_inbox(void **state)
{
    static const uint8_t zero[SES_SESSION_ID_BYTES];
    struct record_row row = {.key = key_of(5), .retain = 77, .revision = 1, .kind = SES_RECORD_INBOX};
    uint8_t bytes[RECORD_ROW_BYTES];
    uint8_t ones[SES_SESSION_ID_BYTES];
    struct record_row back;

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    ses_record_row_encode(&row, 1000, bytes);
    assert_int_equal(bytes[60], SES_RECORD_SESSION);
    assert_memory_equal(bytes + 32, ones, sizeof(ones));
    assert_ok(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back));
    assert_int_equal(back.kind, SES_RECORD_INBOX);
    assert_memory_equal(back.session_id, zero, sizeof(zero));
    row.kind = SES_RECORD_SESSION; /* of earlier versions */
    ses_record_row_encode(&row, 1000, bytes);
    assert_ok(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back));
    assert_int_equal(back.kind, SES_RECORD_SESSION);
    memcpy(row.session_id, ones, sizeof(ones));
    row.session_id[SES_SESSION_ID_BYTES - 1] = 0xfd; /* no kind that we know; its check sum is right */
    ses_record_row_encode(&row, 1000, bytes);
    assert_int_equal(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back), SES_DATA_LOSS);
}

/* As an inbox, but for the last byte; versions before take it for a session whose body they refuse. */
static void test_what_was_moved_lies_as_a_session(void **state)
{
    static const uint8_t zero[SES_SESSION_ID_BYTES];
    struct record_row row = {.key = key_of(5), .retain = 77, .revision = 3, .kind = SES_RECORD_MOVED};
    uint8_t bytes[RECORD_ROW_BYTES];
    struct ses_record record;
    struct record_row back;
    struct sealed sealed;

    ses_record_row_encode(&row, 1000, bytes);
    assert_int_equal(bytes[60], SES_RECORD_SESSION);
    assert_int_equal(bytes[32], 0xff);
    assert_int_equal(bytes[47], 0xfe);
    assert_ok(ses_record_row_decode(ses_slice(bytes, sizeof(bytes)), 1000, &back));
    assert_int_equal(back.kind, SES_RECORD_MOVED);
    assert_memory_equal(back.session_id, zero, sizeof(zero));
    seal(*state, &sealed);
    sealed.record.kind = SES_RECORD_MOVED;
    memset(sealed.record.session_id, 0, sizeof(sealed.record.session_id));
    ses_record_seal(&sealed.sealer, &sealed.record, sealed.bytes);
    assert_int_equal(sealed.bytes[1], SES_RECORD_SESSION);
    assert_int_equal(sealed.bytes[63], 0xfe);
    assert_ok(open_bytes(&sealed, sizeof(sealed.bytes), &record));
    assert_int_equal(record.kind, SES_RECORD_MOVED);
    assert_memory_equal(record.session_id, zero, sizeof(zero));
    end(&sealed);
}

static struct record_row row_with(uint32_t revision, enum ses_record_kind kind)
{
    return (struct record_row){.revision = revision, .kind = kind};
}

static void test_which_row_wins(void **state)
{
    struct record_row s1 = row_with(1, SES_RECORD_SESSION);
    struct record_row s2 = row_with(2, SES_RECORD_SESSION);
    struct record_row i1 = row_with(1, SES_RECORD_INTENT);
    struct record_row i2 = row_with(2, SES_RECORD_INTENT);

    (void)state;
    assert_true(ses_record_row_beats(&s2, 10, &s1, 20)); /* revision before time */
    assert_false(ses_record_row_beats(&s1, 20, &s2, 10));
    assert_true(ses_record_row_beats(&s1, 20, &s1, 10)); /* then time */
    assert_false(ses_record_row_beats(&s1, 10, &s1, 20));
    assert_true(ses_record_row_beats(&s2, 10, &i2, 20)); /* a session at equal revision */
    assert_false(ses_record_row_beats(&i2, 20, &s2, 10));
    assert_true(ses_record_row_beats(&i2, 20, &s1, 10)); /* a later intent of a higher revision */
    assert_false(ses_record_row_beats(&s1, 10, &i2, 20));
    assert_false(ses_record_row_beats(&i2, 10, &s1, 20)); /* released before the session was made */
    assert_true(ses_record_row_beats(&s1, 20, &i2, 10));
    assert_true(ses_record_row_beats(&i1, 20, &i2, 10)); /* the later intent */
    assert_false(ses_record_row_beats(&i2, 10, &i1, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_another_sealer, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_inbox_lies_as_a_session, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_other_kinds_do_not_lie_on_disk, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_every_bit_counts, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_nonces_differ, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_key_ring, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_sealed_anew, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_arena_ceiling, rig_setup, rig_teardown),
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_row_of_an_inbox),
        cmocka_unit_test_setup_teardown(test_what_was_moved_lies_as_a_session, rig_setup, rig_teardown),
        cmocka_unit_test(test_which_row_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
