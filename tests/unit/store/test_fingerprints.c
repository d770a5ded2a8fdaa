/* The keys that machines have in common: each cell of the table in fingerprints.h, the bytes, and rotations of several
 * machines in any order, of which none may refuse a machine that was given what the operator gave to all. */
#include <stdio.h>
#include <stdlib.h>

#include "fingerprints.h"
#include "unit.h"

#define ABSENT (-1)
#define RIGHT  "the right secret of 32 bytes......"
#define OTHER  "another secret of 32 bytes........"

static struct ses_key_print key(enum ses_key_print_kind kind, const char *id, enum ses_key_print_use use,
                                const char *secret)
{
    struct ses_key_print print;

    ses_key_print_make(kind, use, id, ses_slice(secret, 32), &print);
    return print;
}

static struct ses_key_print seal(int use, const char *secret)
{
    struct ses_key_print print = key(SES_KEY_PRINT_SEAL, "seal-2", (enum ses_key_print_use)use, secret);

    if (use == SES_KEY_PRINT_OVER) /* its secret is gone */
        memset(print.print, 0, sizeof(print.print));
    return print;
}

/* What a shard is like whose machines have brought seal-2 in that state. */
static void prepare(struct pg_prints *prints, int state)
{
    struct ses_key_print mine =
        seal(state == PG_PRINT_KNOWN ? SES_KEY_PRINT_NEXT : SES_KEY_PRINT_USES, RIGHT);
    struct ses_fault told;
    struct ses_fault fault;
    bool changed = false;

    prints->count = 0;
    if (state == ABSENT)
        return;
    assert_int_equal(ses_pg_prints_join(prints, &mine, 1, &changed, &told, &fault), SES_OK);
    assert_true(changed);
    if (state == PG_PRINT_OVER)
        assert_int_equal(ses_pg_prints_end(prints, SES_KEY_PRINT_SEAL, "seal-2"), SES_OK);
}

struct cell {
    int theirs; /* ABSENT: no entry */
    int mine;   /* ABSENT: the machine has no such key */
    bool other; /* another key of that name */
    int after;  /* ABSENT: no entry; -2: refused */
    const char *says;
};

#define REFUSED (-2)

static void play_cell(const struct cell *cell)
{
    static struct pg_prints prints;
    struct ses_key_print mine = seal(cell->mine == ABSENT ? 0 : cell->mine, cell->other ? OTHER : RIGHT);
    struct ses_fault told = {.text = ""};
    struct ses_fault fault = {.text = ""};
    bool changed = false;
    enum ses_status status;

    prepare(&prints, cell->theirs);
    status = ses_pg_prints_join(&prints, &mine, cell->mine == ABSENT ? 0 : 1, &changed, &told, &fault);
    if ((status == SES_FAILED_PRECONDITION) != (cell->after == REFUSED))
        fail_msg("theirs %d, mine %d, other %d: %s: %s", cell->theirs, cell->mine, cell->other,
                 ses_status_name(status), fault.text);
    if (cell->says != NULL && strstr(cell->after == REFUSED ? fault.text : told.text, cell->says) == NULL)
        fail_msg("'%s%s' does not say '%s'", fault.text, told.text, cell->says);
    if (cell->says == NULL)
        assert_string_equal(told.text, "");
    if (cell->after == REFUSED) {
        assert_non_null(strstr(fault.text, "keys/seal/seal-2.json"));
        assert_int_equal(prints.print[0].state, cell->theirs);
        return;
    }
    assert_int_equal(prints.count, cell->after == ABSENT ? 0 : 1);
    if (cell->after == ABSENT)
        return;
    if (prints.print[0].state != cell->after)
        fail_msg("theirs %d, mine %d, other %d: %d", cell->theirs, cell->mine, cell->other,
                 prints.print[0].state);
    assert_int_equal(changed, cell->theirs != cell->after || (cell->other && cell->theirs == PG_PRINT_KNOWN));
}

static void test_each_cell(void **state)
{
    static const struct cell cells[] = {
        {ABSENT, SES_KEY_PRINT_NEXT, false, PG_PRINT_KNOWN, NULL},
        {ABSENT, SES_KEY_PRINT_USES, false, PG_PRINT_USED, NULL},
        {ABSENT, SES_KEY_PRINT_USED, false, PG_PRINT_USED, NULL},
        {ABSENT, SES_KEY_PRINT_OVER, false, ABSENT, NULL},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_NEXT, false, PG_PRINT_KNOWN, NULL},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_USES, false, PG_PRINT_USED, NULL},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_USED, false, PG_PRINT_USED, NULL},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_OVER, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_KNOWN, ABSENT, false, PG_PRINT_KNOWN, NULL},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_NEXT, true, PG_PRINT_KNOWN, "another key of that name"},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_USES, true, PG_PRINT_USED, "another key of that name"},
        {PG_PRINT_KNOWN, SES_KEY_PRINT_USED, true, PG_PRINT_USED, "another key of that name"},
        {PG_PRINT_USED, SES_KEY_PRINT_NEXT, false, PG_PRINT_USED, NULL},
        {PG_PRINT_USED, SES_KEY_PRINT_USES, false, PG_PRINT_USED, NULL},
        {PG_PRINT_USED, SES_KEY_PRINT_USED, false, PG_PRINT_USED, NULL},
        {PG_PRINT_USED, SES_KEY_PRINT_OVER, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_USED, ABSENT, false, REFUSED, "is missing"},
        {PG_PRINT_USED, SES_KEY_PRINT_NEXT, true, REFUSED, "is not the key of that name"},
        {PG_PRINT_USED, SES_KEY_PRINT_USES, true, REFUSED, "is not the key of that name"},
        {PG_PRINT_USED, SES_KEY_PRINT_USED, true, REFUSED, "is not the key of that name"},
        {PG_PRINT_OVER, SES_KEY_PRINT_NEXT, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_OVER, SES_KEY_PRINT_USES, false, REFUSED, "revoked or retired"},
        {PG_PRINT_OVER, SES_KEY_PRINT_USED, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_OVER, SES_KEY_PRINT_OVER, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_OVER, ABSENT, false, PG_PRINT_OVER, NULL},
        {PG_PRINT_OVER, SES_KEY_PRINT_NEXT, true, PG_PRINT_OVER, NULL},
        {PG_PRINT_OVER, SES_KEY_PRINT_USES, true, REFUSED, "revoked or retired"},
        {PG_PRINT_OVER, SES_KEY_PRINT_USED, true, REFUSED, "revoked or retired"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        play_cell(&cells[i]);
}

static void join_one(struct pg_prints *prints, const struct ses_key_print *mine, enum ses_status expected,
                     const char *says)
{
    struct ses_fault told;
    struct ses_fault fault = {.text = ""};
    bool changed;

    assert_int_equal(ses_pg_prints_join(prints, mine, 1, &changed, &told, &fault), expected);
    if (says != NULL && strstr(fault.text, says) == NULL)
        fail_msg("'%s' does not say '%s'", fault.text, says);
}

/* Each kind by the file that it lies in; of a first key both places. */
static void test_files_are_named(void **state)
{
    static const struct {
        enum ses_key_print_kind kind;
        const char *id;
        const char *file;
    } rows[] = {
        {SES_KEY_PRINT_NATURAL, "natural", "keys/natural.key: "},
        {SES_KEY_PRINT_SEAL, "seal-1", "keys/seal/seal-1.json (or keys/seal-1.key): "},
        {SES_KEY_PRINT_SEAL, "seal-11", "keys/seal/seal-11.json: "},
        {SES_KEY_PRINT_STEP, "step-1", "keys/step/step-1.json (or keys/step.key): "},
        {SES_KEY_PRINT_LIVE, "k4.pid.x-1", "keys/live/k4.pid.x-1.json: "},
        {SES_KEY_PRINT_TEST, "k4.pid.y", "keys/test/k4.pid.y.json: "},
    };
    static struct pg_prints prints;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_key_print right = key(rows[i].kind, rows[i].id, SES_KEY_PRINT_USES, RIGHT);
        struct ses_key_print other = key(rows[i].kind, rows[i].id, SES_KEY_PRINT_USES, OTHER);

        prints.count = 0;
        join_one(&prints, &right, SES_OK, NULL);
        join_one(&prints, &other, SES_FAILED_PRECONDITION, rows[i].file);
    }
}

/* ---- the bytes ---- */

/* In memory of just that size: one byte further is another's. */
static bool decodes(const struct ses_buf *bytes, struct pg_prints *ret_prints)
{
    uint8_t *copy = malloc(bytes->len);
    enum ses_status status;

    assert_non_null(copy);
    memcpy(copy, bytes->data, bytes->len);
    status = ses_pg_prints_decode(ses_slice(copy, bytes->len), ret_prints);
    free(copy);
    assert_true(status == SES_OK || status == SES_DATA_LOSS);
    return status == SES_OK;
}

/* One shard's word brought to another: states go forward, and what both use has to be one key. */
static void test_merge(void **state)
{
    struct pg_prints from;
    struct pg_prints to;
    struct ses_fault fault = {.text = ""};
    bool changed;

    (void)state;
    for (int theirs = ABSENT; theirs <= PG_PRINT_OVER; theirs++) {
        for (int ours = ABSENT; ours <= PG_PRINT_OVER; ours++) {
            prepare(&from, theirs);
            prepare(&to, ours);
            assert_int_equal(ses_pg_prints_merge(&to, &from, &changed, &fault), SES_OK);
            assert_int_equal(changed, theirs > ours);
            assert_int_equal(to.count, theirs == ABSENT && ours == ABSENT ? 0 : 1);
            if (to.count > 0)
                assert_int_equal(to.print[0].state, theirs > ours ? theirs : ours);
        }
    }
    prepare(&from, PG_PRINT_USED);
    prepare(&to, PG_PRINT_USED);
    from.print[0].print[0] ^= 1;
    assert_int_equal(ses_pg_prints_merge(&to, &from, &changed, &fault), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(fault.text, "keys/seal/seal-2.json"));
    assert_false(changed);
    prepare(&to, PG_PRINT_KNOWN); /* of one that was never used, the other's takes its place */
    assert_int_equal(ses_pg_prints_merge(&to, &from, &changed, &fault), SES_OK);
    assert_memory_equal(to.print[0].print, from.print[0].print, sizeof(to.print[0].print));
}

static void test_bytes(void **state)
{
    static struct pg_prints prints;
    static struct pg_prints again;
    struct ses_key_print mine = seal(SES_KEY_PRINT_USES, RIGHT);
    struct ses_buf bytes;

    (void)state;
    prints.count = 0;
    join_one(&prints, &mine, SES_OK, NULL);
    prints.print[1] = (struct pg_print){.kind = 200, .state = PG_PRINT_USED, .id = "of a later version"};
    prints.count = 2;
    ses_buf_init(&bytes, PG_PRINTS_BYTES_MAX);
    assert_int_equal(ses_pg_prints_encode(&prints, &bytes), SES_OK);
    assert_int_equal(ses_pg_prints_decode(ses_buf_view(&bytes), &again), SES_OK);
    assert_int_equal(again.count, 2);
    assert_memory_equal(again.print, prints.print, 2 * sizeof(again.print[0]));
    /* What a later version has brought binds nobody here, and stays. */
    join_one(&again, &mine, SES_OK, NULL);
    assert_int_equal(again.count, 2);
    for (size_t len = 2; len < bytes.len; len++) {
        if (ses_pg_prints_decode(ses_slice(bytes.data, len), &again) == SES_OK)
            assert_true(again.count == 1 && len == 1 + 3 + strlen("seal-2") + SES_KEY_PRINT_BYTES);
    }
    for (size_t i = 1; i < bytes.len; i++) { /* somebody has written into it */
        uint8_t before = bytes.data[i];

        for (unsigned value = 0; value < 256; value++) {
            bytes.data[i] = (uint8_t)value;
            if (decodes(&bytes, &again))
                assert_in_range(again.count, 1, 2);
        }
        bytes.data[i] = before;
    }
    bytes.data[0] = 2;
    assert_int_equal(ses_pg_prints_decode(ses_buf_view(&bytes), &again), SES_UNIMPLEMENTED);
    bytes.data[0] = 0;
    assert_int_equal(ses_pg_prints_decode(ses_buf_view(&bytes), &again), SES_DATA_LOSS);
    bytes.data[0] = 1;
    bytes.data[2] = PG_PRINT_OVER + 1;
    assert_int_equal(ses_pg_prints_decode(ses_buf_view(&bytes), &again), SES_DATA_LOSS);
    assert_int_equal(ses_pg_prints_decode(SES_SLICE_EMPTY, &again), SES_OK);
    assert_int_equal(again.count, 0);
    ses_buf_done(&bytes);
}

/* What is over makes room, oldest first; what is used never does. */
static void test_room(void **state)
{
    static struct pg_prints prints;
    char id[SES_KEY_PRINT_ID_SIZE];
    struct ses_key_print mine;
    struct ses_fault told;
    struct ses_fault fault;
    bool changed;

    (void)state;
    prints.count = 0;
    for (int i = 0; i < PG_PRINTS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "seal-%d", i + 1);
        mine = key(SES_KEY_PRINT_SEAL, id, SES_KEY_PRINT_NEXT, RIGHT);
        join_one(&prints, &mine, SES_OK, NULL);
    }
    mine = key(SES_KEY_PRINT_SEAL, "seal-60000", SES_KEY_PRINT_NEXT, RIGHT);
    assert_int_equal(ses_pg_prints_join(&prints, &mine, 1, &changed, &told, &fault), SES_FULL);
    assert_int_equal(ses_pg_prints_end(&prints, SES_KEY_PRINT_SEAL, "seal-60000"), SES_NOT_FOUND);
    assert_int_equal(ses_pg_prints_end(&prints, SES_KEY_PRINT_SEAL, "seal-7"), SES_OK);
    join_one(&prints, &mine, SES_OK, NULL);
    assert_int_equal(ses_pg_prints_end(&prints, SES_KEY_PRINT_SEAL, "seal-7"), SES_NOT_FOUND);
    assert_int_equal(ses_pg_prints_end(&prints, SES_KEY_PRINT_SEAL, "seal-60000"), SES_OK);
}

/* ---- rotations ---- */

#define MACHINES 3
#define KEYS     4

struct machine {
    int use[KEYS]; /* ABSENT, or what it has of seal-1 .. */
};

/* A machine starts or reloads, which may happen at any time and any number of times. */
static enum ses_status start(struct pg_prints *prints, const struct machine *machine, struct ses_fault *fault)
{
    struct ses_key_print mine[KEYS];
    struct ses_fault told;
    bool changed;
    size_t count = 0;

    for (int i = 0; i < KEYS; i++) {
        char id[SES_KEY_PRINT_ID_SIZE];

        (void)snprintf(id, sizeof(id), "step-%d", i + 1);
        if (machine->use[i] != ABSENT)
            mine[count++] = key(SES_KEY_PRINT_STEP, id, (enum ses_key_print_use)machine->use[i], RIGHT);
    }
    return ses_pg_prints_join(prints, mine, count, &changed, &told, fault);
}

static void start_some(struct pg_prints *prints, const struct machine *machines, const char *when)
{
    for (int n = rand() % (2 * MACHINES); n > 0; n--) {
        struct ses_fault fault = {.text = ""};
        int i = rand() % MACHINES;

        if (start(prints, &machines[i], &fault) != SES_OK)
            fail_msg("%s: machine %d: %s", when, i, fault.text);
    }
}

static void activate(struct machine *machine, int new_key)
{
    for (int i = 0; i < KEYS; i++) {
        if (machine->use[i] == SES_KEY_PRINT_USES)
            machine->use[i] = SES_KEY_PRINT_USED;
    }
    machine->use[new_key] = SES_KEY_PRINT_USES;
}

/* A wave reaches the machines one after the other, in any order. */
static void wave(struct pg_prints *prints, struct machine *machines, int what, int new_key, const char *when)
{
    int first = rand() % MACHINES;

    for (int n = 0; n < MACHINES; n++) {
        struct machine *machine = &machines[(first + n) % MACHINES];

        if (what == SES_KEY_PRINT_USES)
            activate(machine, new_key);
        else
            machine->use[new_key] = what;
        start_some(prints, machines, when);
    }
}

static void test_rotations_refuse_no_right_machine(void **state)
{
    static struct pg_prints prints;

    (void)state;
    srand(14);
    for (int round = 0; round < 2000; round++) {
        struct machine machines[MACHINES];
        bool revoke = rand() % 2 == 0;
        int last = 0; /* the key that is active */

        prints.count = 0;
        for (int i = 0; i < MACHINES; i++)
            machines[i] = (struct machine){{SES_KEY_PRINT_USES, ABSENT, ABSENT, ABSENT}};
        start_some(&prints, machines, "first");
        for (int next = 1; next < KEYS; next++) {
            wave(&prints, machines, SES_KEY_PRINT_NEXT, next, "wave one");
            if (rand() % 4 == 0) { /* given up before it was used */
                wave(&prints, machines, ABSENT, next, "given up");
                continue;
            }
            wave(&prints, machines, SES_KEY_PRINT_USES, next, "wave two");
            if (rand() % 4 == 0) { /* back to the one before, for a while */
                wave(&prints, machines, SES_KEY_PRINT_USES, last, "back");
                wave(&prints, machines, SES_KEY_PRINT_USES, next, "wave two again");
            }
            if (revoke)
                wave(&prints, machines, SES_KEY_PRINT_OVER, last, "revoke");
            else {
                char id[SES_KEY_PRINT_ID_SIZE];

                (void)snprintf(id, sizeof(id), "step-%d", last + 1);
                /* not there: no machine has started with it */
                (void)!ses_pg_prints_end(&prints, SES_KEY_PRINT_STEP, id);
            }
            /* After a revocation the machines must have told: whoever drops the file of a key that no machine has
             * reported is refused, and that is right. */
            for (int i = 0; i < MACHINES; i++) {
                struct ses_fault fault;

                assert_int_equal(start(&prints, &machines[i], &fault), SES_OK);
            }
            wave(&prints, machines, ABSENT, last, "retire");
            last = next;
        }
    }
}

/* Whoever was left out of wave one is refused from the first use on, and no earlier; a set of keys from before the
 * rotation (an old backup) is refused too. */
static void test_left_out(void **state)
{
    static struct pg_prints prints;
    struct machine a = {{SES_KEY_PRINT_USES, ABSENT, ABSENT, ABSENT}};
    struct machine b = a;
    struct machine backup = a;
    struct ses_fault fault;

    (void)state;
    prints.count = 0;
    assert_int_equal(start(&prints, &a, &fault), SES_OK);
    a.use[1] = SES_KEY_PRINT_NEXT;
    assert_int_equal(start(&prints, &a, &fault), SES_OK);
    assert_int_equal(start(&prints, &b, &fault), SES_OK);
    activate(&a, 1);
    assert_int_equal(start(&prints, &b, &fault), SES_OK);
    assert_int_equal(start(&prints, &a, &fault), SES_OK);
    assert_int_equal(start(&prints, &b, &fault), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(fault.text, "keys/step/step-2.json: is missing"));
    b.use[1] = SES_KEY_PRINT_NEXT;
    assert_int_equal(start(&prints, &b, &fault), SES_OK);
    /* The old one still opens: it may not be dropped while it is not over. */
    a.use[0] = ABSENT;
    assert_int_equal(start(&prints, &a, &fault), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(fault.text, "sessiondctl keys retire step-1"));
    assert_int_equal(ses_pg_prints_end(&prints, SES_KEY_PRINT_STEP, "step-1"), SES_OK);
    assert_int_equal(start(&prints, &a, &fault), SES_OK);
    activate(&b, 1);
    assert_int_equal(start(&prints, &b, &fault), SES_OK);
    assert_int_equal(start(&prints, &backup, &fault), SES_FAILED_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_cell), cmocka_unit_test(test_files_are_named),
        cmocka_unit_test(test_merge),     cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_room),      cmocka_unit_test(test_rotations_refuse_no_right_machine),
        cmocka_unit_test(test_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
