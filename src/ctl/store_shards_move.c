/* store shards move: slots from one shard to another while they are served; --balance: until all have as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>

#include "move_progress.h"
#include "store_shards.h"

#define PAUSE_MS_USUAL 20
#define PAUSE_MS_MAX   60000

/* Set by a signal: the group that is begun is the last one. A second signal ends the command at once. */
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = 1;
    (void)signal(number, SIG_DFL);
}

struct job {
    const struct ctl *ctl;
    struct shards shards;
    struct shard_readings readings;
    uint64_t pause_ms;
    bool wanted[SES_PG_SLOTS];
    struct move_progress progress;
    uint64_t began_ms;
};

/* ---- what is told ---- */

static const char *news_name(enum ses_pg_move_news news)
{
    static const char *const names[] = {"moved", "cleaned", "given_back", "awaits"};

    return names[news];
}

/* An object a line. */
static void tell_json(const struct ses_pg_move_event *event)
{
    (void)ctl_print_json(json_pack("{s:s,s:i,s:i,s:I,s:I,s:s}", "event", news_name(event->news), "first",
                                   (int)event->first, "last", (int)event->last, "rows",
                                   (json_int_t)event->rows, "busy_us", (json_int_t)event->busy_us, "text",
                                   event->text == NULL ? "" : event->text),
                         false, CTL_DONE);
}

static void tell_text(const struct job *job, const struct ses_pg_move_event *event)
{
    char slots[SLOT_RANGE_SIZE];
    char line[MOVE_LINE_SIZE];

    (void)slot_range_text(&(struct slot_range){event->first, event->last}, slots);
    if (event->news == SES_PG_MOVED) {
        move_progress_line(&job->progress, slots, event->rows, event->busy_us,
                           ses_clock_mono_ms() - job->began_ms, line);
        printf("%s\n", line);
    } else if (event->news == SES_PG_GIVEN_BACK)
        printf("slots %s: given back: %s\n", slots, event->text);
    else if (event->news == SES_PG_AWAITS)
        printf("waiting: %s\n", event->text);
}

static void on_event(void *arg, const struct ses_pg_move_event *event)
{
    struct job *job = arg;

    if (event->news == SES_PG_MOVED)
        move_progress_add(&job->progress, event->last - event->first + 1, event->rows, event->busy_us);
    if (job->ctl->json)
        tell_json(event);
    else
        tell_text(job, event);
    (void)fflush(stdout);
}

/* ---- which slots ---- */

static int refuse_slots(const struct shard_map *map, unsigned slot, unsigned from)
{
    int owner = shard_map_owner(map, slot);

    if (owner >= 0)
        return ctl_fail("slot %u is shard %d's, and not shard %u's", slot, owner, from);
    return ctl_fail("slot %u is not shard %u's: sessiondctl store shards status", slot, from);
}

/* The highest that it owns: what stays and what goes are in one piece each. */
static int choose_count(struct job *job, unsigned from, unsigned count)
{
    const struct ses_pg_shard_look *look = &job->readings.now.look[from];
    unsigned owned = shard_map_owned(&job->readings.now, from);

    if (owned < count)
        return ctl_fail("shard %u has %u slots", from, owned);
    for (unsigned i = SES_PG_SLOTS; i-- > 0 && count > 0;) {
        job->wanted[i] = look->slot[i] == SES_PG_SLOT_OWN;
        count -= job->wanted[i];
    }
    return CTL_DONE;
}

/* What is there already is welcome: a run that was interrupted is given the same range again. */
static int choose_range(struct job *job, unsigned from, unsigned to, const struct slot_range *range)
{
    const struct shard_map *map = &job->readings.now;

    for (unsigned i = range->first; i <= range->last; i++) {
        bool there = map->look[to].slot[i] == SES_PG_SLOT_OWN;

        if (map->look[from].slot[i] == SES_PG_SLOT_GONE && !there)
            return refuse_slots(map, i, from);
        job->wanted[i] = map->look[from].slot[i] != SES_PG_SLOT_GONE || map->look[from].left[i];
    }
    return CTL_DONE;
}

/* What an earlier run left on its way goes along, wherever it was to go. */
static void choose_leaving(struct job *job, unsigned from)
{
    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        job->wanted[i] = job->wanted[i] || job->readings.now.look[from].slot[i] == SES_PG_SLOT_LEAVING;
}

static int choose(struct job *job, unsigned from, unsigned to, const struct slot_choice *choice)
{
    int code;

    memset(job->wanted, 0, sizeof(job->wanted));
    if (!job->readings.now.known[from] || !job->readings.now.known[to])
        return ctl_fail_fault(&job->readings.faults[job->readings.now.known[from] ? to : from]);
    code = choice->count > 0 ? choose_count(job, from, choice->count)
                             : choose_range(job, from, to, &choice->range);
    choose_leaving(job, from);
    return code;
}

/* ---- moving ---- */

static void tell_plan(const struct job *job, unsigned from, unsigned to)
{
    struct slot_range range = {0, 0};
    char slots[SLOT_RANGE_SIZE];

    for (unsigned at = 0; slot_range_next(job->wanted, at, &range); at = range.last + 1)
        (void)fprintf(
            stderr,
            "slots %s, from shard %u to shard %u; after an interruption: sessiondctl store shards move "
            "--from %u --to %u --slots %s -c %s\n",
            slot_range_text(&range, slots), from, to, from, to, slots, job->ctl->config);
}

static int conclude(const struct job *job, enum ses_status status, const struct ses_fault *fault)
{
    char line[MOVE_LINE_SIZE];

    move_progress_sum(&job->progress, ses_clock_mono_ms() - job->began_ms, line);
    if (!job->ctl->json && (status == SES_OK || job->progress.done > 0))
        printf("%s\n", line);
    if (status == SES_CANCELLED)
        return ctl_fail("stopped; what was begun is whole, and the same command goes on");
    return status == SES_OK ? CTL_DONE : ctl_fail_fault(fault);
}

static int move_wanted(struct job *job, unsigned from, unsigned to)
{
    const struct ses_pg_move move = {
        .places = job->shards.place,
        .places_count = job->shards.count,
        .from = from,
        .to = to,
        .durability = job->shards.durability,
        .wanted = job->wanted,
        .group_rows = SES_PG_MOVE_GROUP_ROWS,
        .group_ms = SES_PG_MOVE_GROUP_MS,
        .patience_ms = SES_PG_MOVE_PATIENCE_MS,
        .pause_ms = job->pause_ms,
        .stop = &stopped,
        .on_event = on_event,
        .arg = job,
    };
    struct ses_fault fault = {.text = ""};

    job->progress = (struct move_progress){.total = 0};
    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        job->progress.total += job->wanted[i];
    job->began_ms = ses_clock_mono_ms();
    return conclude(job, ses_pg_move(&move, &fault), &fault);
}

static int move_one(struct job *job, unsigned from, unsigned to, const struct slot_choice *choice)
{
    int code;

    store_shards_read(&job->shards, SHARDS_WATCH_MS, to, &job->readings);
    code = choose(job, from, to, choice);
    if (code != CTL_DONE)
        return code;
    if (store_shards_tell_missing(&job->readings, to) > 0)
        return CTL_FAILED;
    tell_plan(job, from, to);
    return move_wanted(job, from, to);
}

/* A shard that has let go of slots which nobody has yet, or -1. */
static int find_leaver(const struct shard_map *map)
{
    int leaver = -1;

    for (unsigned i = 0; i < SES_PG_SLOTS && leaver < 0; i++)
        leaver = shard_map_leaver(map, i);
    return leaver;
}

/* Read anew before each move. What is on its way arrives first, wherever: then it counts. */
static int balance(struct job *job)
{
    static const struct slot_choice none = {.range = {.first = 1, .last = 0}};
    struct slot_move moves[SES_PG_SHARDS_MAX];
    int code = CTL_DONE;

    while (code == CTL_DONE) {
        store_shards_read(&job->shards, 0, 0, &job->readings);
        for (unsigned i = 0; i < job->shards.count; i++) {
            if (!job->readings.now.known[i])
                return ctl_fail_fault(&job->readings.faults[i]);
        }
        int leaver = find_leaver(&job->readings.now);

        if (leaver >= 0) {
            code = move_one(job, (unsigned)leaver, leaver == 0 ? 1 : 0, &none);
            continue;
        }
        if (shard_map_balance(&job->readings.now, moves) == 0)
            return CTL_DONE;
        code = move_one(job, moves[0].from, moves[0].to, &(struct slot_choice){.count = moves[0].count});
    }
    return code;
}

/* ---- the command line ---- */

static int run_given(struct job *job)
{
    const struct ctl *ctl = job->ctl;
    struct slot_choice choice;
    unsigned from = 0;
    unsigned to = 0;

    if (!store_shards_number(ctl->from, &job->shards, "--from", &from) ||
        !store_shards_number(ctl->to, &job->shards, "--to", &to))
        return CTL_USAGE;
    if (from == to) {
        (void)ctl_fail("--from and --to name the same shard");
        return CTL_USAGE;
    }
    if (ctl->slots == NULL || !slot_choice_read(ctl->slots, &choice)) {
        (void)ctl_fail("--slots: how many, or FIRST-LAST, of 0 to %d", SES_PG_SLOTS - 1);
        return CTL_USAGE;
    }
    return move_one(job, from, to, &choice);
}

static int run(struct job *job)
{
    const struct ctl *ctl = job->ctl;

    job->pause_ms = PAUSE_MS_USUAL;
    if (ctl->pause_ms != NULL &&
        ses_parse_u64(ses_slice_str(ctl->pause_ms), PAUSE_MS_MAX, &job->pause_ms) != SES_OK) {
        (void)ctl_fail("--pause-ms: milliseconds, up to %d", PAUSE_MS_MAX);
        return CTL_USAGE;
    }
    if (job->shards.count < 2)
        return ctl_fail("%s has one shard: another one begins with its connection string there", ctl->config);
    if (!ctl->balance)
        return run_given(job);
    if (ctl->from != NULL || ctl->to != NULL || ctl->slots != NULL) {
        (void)ctl_fail("--balance finds shards and slots itself: no --from, --to or --slots");
        return CTL_USAGE;
    }
    return balance(job);
}

int ctl_store_shards_move(const struct ctl *ctl)
{
    static struct job job;
    int code;

    job.ctl = ctl;
    code = store_shards_open(ctl, &job.shards);
    if (code != CTL_DONE)
        return code;
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    code = run(&job);
    shards_close(&job.shards);
    return code;
}
