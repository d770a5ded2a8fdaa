/* Steps, rounds, and the end of each. */
#include "play.h"

#include <sessiond/base/random.h>

#include "requests.h"

/* A round is over within that much of the clock; what time changes lies further away from its begin (avoid_ends). */
#define ROUND_MS   10000
#define AWAY_MS    12000
#define SETTLE_MAX 4000
#define STATES_MAX 256

struct play {
    const struct mix *mix;
    uint64_t seed;
    struct world world;
    struct subject *subjects[SUBJECTS_MAX];
    struct flight flights[FLIGHTS_MAX];
    uint64_t began_ms; /* the round */
    uint64_t steps, calls, answered, undecided, rounds;
};

static unsigned in_flight(const struct play *play, const struct subject *subject, bool streams)
{
    unsigned count = 0;

    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        const struct flight *flight = &play->flights[i];

        count += flight->subject != NULL && (subject == NULL || flight->subject == subject) &&
                 (flight->call == NULL) == streams;
    }
    return count;
}

static struct flight *free_flight(struct play *play)
{
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        if (play->flights[i].subject == NULL)
            return &play->flights[i];
    }
    return NULL;
}

/* ---- one step ---------------------------------------------------------------------------------- */

static void start_call(struct play *play)
{
    struct world *world = &play->world;
    struct subject *subject = play->subjects[world_draw(world, play->mix->subjects)];
    struct flight *flight = free_flight(play);
    struct model_request request;

    if (flight == NULL || in_flight(play, NULL, false) >= play->mix->flights ||
        in_flight(play, subject, false) >= play->mix->at_once)
        return;
    request = request_draw(world, subject, play->mix->weights);
    if (request.method == MODEL_WATCH && in_flight(play, NULL, true) >= play->mix->streams)
        return;
    play->calls++;
    client_call(world, flight, subject, &request, (unsigned)world_draw(world, MACHINES));
}

static void leave_one(struct play *play)
{
    struct flight *flight = &play->flights[world_draw(&play->world, FLIGHTS_MAX)];

    if (flight->subject != NULL)
        client_leave(flight, SES_CANCELLED);
}

/* What the network and the connector do, seldom enough that most calls get through. */
static void disturb(struct play *play)
{
    struct world *world = &play->world;
    unsigned machine = (unsigned)world_draw(world, MACHINES);

    switch (world_draw(world, 40)) {
    case 0:
        world_freeze(world, machine, true);
        break;
    case 1:
        toy_cloud_end_leases(world->machine[0]->cloud);
        break;
    case 2:
        toy_cut(world->machine[machine]->store);
        break;
    case 3:
        world->connector.held = !world->connector.held;
        break;
    default:
        if (world_chance(world, 30))
            world_freeze(world, machine, false);
    }
}

static void sweep(struct play *play)
{
    for (unsigned i = 0; i < FLIGHTS_MAX; i++)
        (void)client_sweep(&play->flights[i]);
}

static void step(struct play *play)
{
    struct world *world = &play->world;

    play->steps++;
    disturb(play);
    if (world_chance(world, 70))
        start_call(play);
    if (world_chance(world, play->mix->lost))
        leave_one(play);
    world_turn(world, 1 + world_draw(world, 4));
    sweep(play);
}

/* ---- a round's end ------------------------------------------------------------------------------- */

static bool is_settled(const struct play *play)
{
    return in_flight(play, NULL, false) == 0 && world_is_idle(&play->world);
}

static void settle(struct play *play)
{
    struct world *world = &play->world;
    unsigned turns = 0;

    world->connector.held = false;
    for (unsigned i = 0; i < MACHINES; i++)
        world_freeze(world, i, false);
    while (!is_settled(play)) {
        if (turns++ == SETTLE_MAX)
            fail_msg("something does not end");
        world_turn(world, 2 + world_draw(world, 6));
        sweep(play);
    }
    assert_true(ses_clock_now_ms() - play->began_ms <= ROUND_MS);
}

static void fail_round(struct play *play, const struct subject *subject, const char *what)
{
    judge_print(subject, play->began_ms);
    fail_msg("%s: %s: seed %llu, step %llu (SES_MODEL_SEED)", play->mix->name, what,
             (unsigned long long)play->seed, (unsigned long long)play->steps);
}

static void end_streams(struct play *play, const struct subject *subject)
{
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &play->flights[i];

        if (flight->subject == subject) {
            client_leave(flight, SES_CANCELLED);
            (void)client_sweep(flight);
        }
    }
}

static void renew(struct play *play, unsigned i)
{
    end_streams(play, play->subjects[i]);
    subject_free(play->subjects[i]);
    play->subjects[i] = subject_new(&play->world, world_chance(&play->world, play->mix->connectors));
}

/* A stream that is open has told the newest state: one of those that are possible. */
static void check_streams(struct play *play)
{
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        const struct flight *flight = &play->flights[i];
        bool told = false;

        if (flight->subject == NULL || flight->over)
            continue;
        for (size_t s = 0; s < flight->subject->states_count; s++)
            told |= flight->subject->states[s].version == flight->watch.request.from_version;
        if (!told) {
            print_message("a stream told version %llu last\n",
                          (unsigned long long)flight->watch.request.from_version);
            fail_round(play, flight->subject, "a change was not told to a stream");
        }
    }
}

static void let_news_arrive(struct play *play)
{
    unsigned turns = 0;

    if (in_flight(play, NULL, true) == 0)
        return;
    while (turns++ < 16 || !world_is_idle(&play->world)) {
        world_turn(&play->world, 1);
        sweep(play);
    }
}

static bool is_worn_out(struct play *play, const struct subject *subject)
{
    const struct model_state *state = &subject->states[0];

    return subject->calls > 150 || subject->states_count > STATES_MAX || subject->ids > 200 ||
           (state->there && model_closed(state->status) && world_chance(&play->world, 25)) ||
           world_chance(&play->world, 2);
}

static void judge(struct play *play)
{
    let_news_arrive(play);
    for (unsigned i = 0; i < play->mix->subjects; i++) {
        struct subject *subject = play->subjects[i];
        unsigned calls = subject->round_count;
        enum verdict verdict = judge_round(subject, play->began_ms);

        if (verdict == VERDICT_NO)
            fail_round(play, subject, "no order of the calls explains the answers");
        play->answered += verdict == VERDICT_YES ? calls : 0;
        play->undecided += verdict == VERDICT_UNDECIDED ? calls : 0;
        if (verdict == VERDICT_UNDECIDED)
            renew(play, i);
    }
    check_streams(play);
    for (unsigned i = 0; i < play->mix->subjects; i++) {
        if (is_worn_out(play, play->subjects[i]))
            renew(play, i);
    }
}

/* ---- between rounds -------------------------------------------------------------------------------- */

/* In a round each moment is its begin: no end may lie so near that it matters. */
static bool too_near(const struct play *play, uint64_t now_ms, uint64_t *ret_after_ms)
{
    for (unsigned i = 0; i < play->mix->subjects; i++) {
        const struct subject *subject = play->subjects[i];

        for (size_t s = 0; s < subject->states_count; s++) {
            uint64_t end_ms = model_next_ms(&subject->states[s], now_ms - AWAY_MS);

            if (end_ms < now_ms + AWAY_MS) {
                *ret_after_ms = end_ms + AWAY_MS;
                return true;
            }
        }
    }
    return false;
}

static void pass_time(struct play *play)
{
    static const uint64_t jumps_ms[] = {30000, 61000, 301000, 601000, 901000, 3700000};
    struct world *world = &play->world;
    uint64_t now_ms = ses_clock_now_ms();
    uint64_t after_ms = now_ms;

    if (world_chance(world, play->mix->jumps))
        after_ms += jumps_ms[world_draw(world, sizeof(jumps_ms) / sizeof(jumps_ms[0]))];
    while (too_near(play, after_ms, &after_ms))
        ;
    unit_clock_pass_ms(after_ms - now_ms);
    play->began_ms = ses_clock_now_ms();
}

/* NULL: nothing is said. */
static const char *said(const char *variable)
{
    const char *text = getenv(variable);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);

    if (*end != '\0')
        fail_msg("\"%s\" is no number", text);
    return value;
}

static void play_round(struct play *play)
{
    pass_time(play);
    for (unsigned i = 0; i < play->mix->steps; i++)
        step(play);
    settle(play);
    judge(play);
    play->rounds++;
}

/* Short enough to be typed. */
static uint64_t random_seed(void)
{
    uint32_t seed;

    ses_random_bytes(&seed, sizeof(seed));
    return seed;
}

static void open_play(struct play *play, const struct mix *mix, uint64_t seed)
{
    play->mix = mix;
    play->seed = seed;
    print_message("%s: seed %llu\n", mix->name, (unsigned long long)play->seed);
    world_open(&play->world, play->seed, &mix->faults);
    for (unsigned i = 0; i < mix->subjects; i++)
        play->subjects[i] = subject_new(&play->world, world_chance(&play->world, mix->connectors));
}

static void close_play(struct play *play)
{
    for (unsigned i = 0; i < play->mix->subjects; i++) {
        end_streams(play, play->subjects[i]);
        subject_free(play->subjects[i]);
    }
    settle(play);
    world_close(&play->world);
}

static void play_seed(const struct mix *mix, uint64_t seed, uint64_t steps)
{
    struct play *play = calloc(1, sizeof(*play));

    assert_non_null(play);
    open_play(play, mix, seed);
    while (play->steps < steps)
        play_round(play);
    print_message(
        "%s: %llu steps, %llu rounds, %llu calls, %llu judged, %llu undecided, connector asked %u times "
        "(%u payments)\n",
        mix->name, (unsigned long long)play->steps, (unsigned long long)play->rounds,
        (unsigned long long)play->calls, (unsigned long long)play->answered,
        (unsigned long long)play->undecided, play->world.connector.calls, play->world.connector.effects);
    assert_true(play->undecided * 20 <= play->answered);
    close_play(play);
    free(play);
}

void play(const struct mix *mix, uint64_t steps)
{
    const char *seed = said("SES_MODEL_SEED");

    if (said("SES_MODEL_STEPS") != NULL)
        steps = number(said("SES_MODEL_STEPS"));
    if (seed != NULL)
        play_seed(mix, strcmp(seed, "random") == 0 ? random_seed() : number(seed), steps);
    for (unsigned i = 0; seed == NULL && i < SEEDS_MAX && mix->seeds[i] != 0; i++)
        play_seed(mix, mix->seeds[i], steps);
}
