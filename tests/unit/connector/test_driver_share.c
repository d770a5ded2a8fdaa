/* Whose calls are in flight: one owner has its share of a host's places and of all, and the others get theirs. */
#include "driver_fixture.h"

#define GREEDY 7
#define MODEST 8
#define URL    "http://127.0.0.1:9/path"

struct places {
    struct ses_outbound_place taken[64];
    size_t count;
};

static enum ses_status take(struct rig *rig, struct places *places, const char *connector, uint32_t owner)
{
    struct ses_outbound_place *place = &places->taken[places->count];
    enum ses_status status =
        ses_outbound_take(rig->driver, ses_connector_by_name(text(connector)), SES_STR(URL), owner, place);

    places->count += status == SES_OK;
    return status;
}

/* How many it gets until it is refused. */
static unsigned take_all(struct rig *rig, struct places *places, const char *connector, uint32_t owner,
                         enum ses_status refused)
{
    unsigned taken = 0;
    enum ses_status status;

    while ((status = take(rig, places, connector, owner)) == SES_OK)
        taken++;
    assert_int_equal(status, refused);
    return taken;
}

static void give_back(struct rig *rig, struct places *places)
{
    while (places->count > 0)
        ses_outbound_give_back(rig->driver, &places->taken[--places->count]);
}

static void start(struct rig *rig, unsigned owner_percent)
{
    struct ses_driver_options options = usual_driver();

    options.calls_max = 40;
    options.host_calls_max = 20;
    options.owner_percent = owner_percent;
    rig_start(rig, options);
}

static void a_greedy_one_leaves_places_at_its_host(void **state)
{
    struct rig rig;
    struct places places = {.count = 0};

    (void)state;
    start(&rig, 90);
    assert_int_equal(take_all(&rig, &places, "nuvei", GREEDY, SES_OVER_SHARE), 18);
    assert_ok(take(&rig, &places, "nuvei", MODEST));
    assert_int_equal(take(&rig, &places, "nuvei", GREEDY), SES_OVER_SHARE);
    assert_ok(take(&rig, &places, "nuvei", MODEST));
    assert_int_equal(take(&rig, &places, "nuvei", MODEST), SES_BUSY); /* it is full, and not for its sake */
    assert_int_equal(take(&rig, &places, "nuvei", GREEDY), SES_OVER_SHARE); /* it is, for its sake */
    /* what is given back is there for whoever has less */
    ses_outbound_give_back(rig.driver, &places.taken[0]);
    assert_null(places.taken[0].host);
    ses_outbound_give_back(rig.driver, &places.taken[0]); /* there is none any more */
    assert_int_equal(rig.driver->in_flight, 19);
    assert_ok(take(&rig, &places, "nuvei", MODEST));
    give_back(&rig, &places);
    assert_int_equal(rig.driver->in_flight, 0);
    assert_int_equal(take_all(&rig, &places, "nuvei", GREEDY, SES_OVER_SHARE),
                     18); /* as if nothing had been */
    give_back(&rig, &places);
    rig_stop(&rig);
}

/* Also where there is more to have at another host. */
static void a_greedy_one_leaves_places_of_the_worker(void **state)
{
    struct rig rig;
    struct places places = {.count = 0};
    unsigned taken;

    (void)state;
    start(&rig, 50);
    taken = take_all(&rig, &places, "nuvei", GREEDY, SES_OVER_SHARE);
    assert_int_equal(taken, 10); /* half of a host */
    taken += take_all(&rig, &places, "paytm", GREEDY, SES_OVER_SHARE);
    assert_int_equal(taken, 20); /* half of all */
    assert_int_equal(take(&rig, &places, "stripe", GREEDY), SES_OVER_SHARE);
    assert_ok(take(&rig, &places, "stripe", MODEST));
    give_back(&rig, &places);
    rig_stop(&rig);
}

static void nobodys_calls_and_those_without_a_bound_have_all(void **state)
{
    struct rig rig;
    struct places places = {.count = 0};

    (void)state;
    start(&rig, 90);
    assert_int_equal(take_all(&rig, &places, "nuvei", 0, SES_BUSY), 20);
    assert_int_equal(take_all(&rig, &places, "paytm", 0, SES_RESOURCE_EXHAUSTED), 20);
    give_back(&rig, &places);
    rig_stop(&rig);
    start(&rig, 100);
    assert_int_equal(take_all(&rig, &places, "nuvei", GREEDY, SES_BUSY), 20);
    give_back(&rig, &places);
    rig_stop(&rig);
}

/* A call keeps its owner's place to its end, and one that cannot be started gives it back at once. */
static void a_calls_end_gives_its_place_back(void **state)
{
    struct rig rig;
    struct rig_call call = {.rig = &rig};
    char url[64];
    struct ses_outbound_request request = rig_request(url, sizeof(url), 9, false);
    struct places places = {.count = 0};

    (void)state;
    start(&rig, 50);
    assert_int_equal(take_all(&rig, &places, "nuvei", GREEDY, SES_OVER_SHARE), 10);
    assert_ok(ses_outbound_start(rig.driver, &places.taken[9], &request, 1, rig_on_end, &call));
    assert_null(places.taken[9].host);
    assert_int_equal(take(&rig, &places, "nuvei", GREEDY), SES_OVER_SHARE);
    rig_wait(&rig, &call); /* its time was over before it began */
    assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
    places.count = 9;
    assert_ok(take(&rig, &places, "nuvei", GREEDY));
    request.headers[1].value = SES_STR("a\r\nx: y");
    assert_int_equal(ses_outbound_start(rig.driver, &places.taken[9], &request, FAR_AWAY, rig_on_end, &call),
                     SES_INVALID_ARGUMENT);
    places.count = 9;
    assert_ok(take(&rig, &places, "nuvei", GREEDY));
    give_back(&rig, &places);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greedy_one_leaves_places_at_its_host),
        cmocka_unit_test(a_greedy_one_leaves_places_of_the_worker),
        cmocka_unit_test(nobodys_calls_and_those_without_a_bound_have_all),
        cmocka_unit_test(a_calls_end_gives_its_place_back),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
