/* The screenful of sessiondctl status, made of written-down answers. */
#include "unit.h"

#include "status_table.h"

static const struct ctl_look plain = {.columns = 0, .colours = false};

static json_t *load(const char *text)
{
    char copy[8192];
    json_t *value;

    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    value = json_loads(copy, 0, NULL);
    assert_non_null(value);
    return value;
}

/* NUL-terminated, static until the next call. */
static const char *table(const char *now_text, const char *before_text, const struct ctl_look *look)
{
    static char text[16384];
    json_t *now = load(now_text);
    json_t *before = before_text == NULL ? NULL : load(before_text);
    struct ses_buf out;

    ses_buf_init(&out, sizeof(text) - 1);
    assert_ok(ctl_status_table(now, before, look, &out));
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    ses_buf_done(&out);
    json_decref(now);
    json_decref(before);
    return text;
}

#define BEFORE                                                                                                \
    "{'uptime_s':10,'mono_ms':5000,'calls':{'answered':100,'refused':1,'failed':0},'latency':[100,100],"      \
    "'workers':[{'slot':0,'pid':7,'state':'ready','calls':{'answered':100,'failed':0},'latency':[100,100]}]," \
    "'processes':[{'pid':7,'cpu_s':1.0}],"                                                                    \
    "'connectors':[{'name':'nuvei','outcomes':{'success':5,'timeout':1},'latency':[]}]}"
#define NOW                                                                                                                     \
    "{'version':'1.2','listen':'127.0.0.1:1','durability':'disk','state':'degraded','reasons':['table_full'],"                  \
    "'ready':true,'pressed':0,'uptime_s':12,'mono_ms':7000,'table':{'used':50,'room':200},"                                     \
    "'load':{'headroom':0.5,'call_cpu_us':42.4},"                                                                               \
    "'calls':{'answered':160,'refused':3,'failed':4},'latency':[100,100,160,59,184,1],"                                         \
    "'counters':{'exchanges_open':3,'connections_open':9,'sessions_created_total':77,'overload_shedding':1,'store_records':12," \
    "'store_bytes':1572864},"                                                                                                   \
    "'workers':[{'slot':0,'pid':7,'state':'ready','generation':2,'beat_ms':100,'busy':0.5,"                                     \
    "'calls':{'answered':160,'failed':4},'latency':[100,100,160,60],'store_full':1},"                                           \
    "{'slot':1,'pid':8,'state':'given_up','generation':9,'beat_ms':60000,'busy':0}],"                                           \
    "'processes':[{'pid':7,'cpu_s':1.5,'resident_bytes':10485760,'anonymous_bytes':5242880}],"                                  \
    "'connectors':[{'name':'nuvei','outcomes':{'success':5,'timeout':3},'latency':[]}],"                                        \
    "'breakers':[{'connector':'nuvei','origin':'https://a\\u001b[2J','open':1,'known':2}]}"

static void what_happened_between_two_looks_is_told_by_the_second(void **state)
{
    const char *text = table(NOW, BEFORE, &plain);

    (void)state;
    assert_non_null(strstr(
        text,
        "sessiond 1.2 on 127.0.0.1:1  degraded  table_full  shedding load  durability disk  up 12 s\n"));
    assert_non_null(strstr(text, "calls/s 30  refused/s 1  failed/s 2  p50 "));
    assert_non_null(strstr(text, "in progress 3  connections 9\n"));
    assert_non_null(
        strstr(text, "sessions held 50 of 200 (25.0 %)  created 77  headroom 50 %  CPU of a call 42.4 us\n"));
    assert_non_null(strstr(text, "records 12  of 1.5 MiB  failed 0  poisoned 0\n"));
    assert_non_null(strstr(text, "\n0          ready    7       2    0.10      50       30 "));
    assert_non_null(strstr(text, " full     25  5.0 MiB  10.0 MiB\n")); /* half a second of CPU in two */
    assert_non_null(strstr(text, "\n1       given_up    8       9      60 "));
}

/* Bucket 160 ends at 4,718,591 ns, 184 at 37,748,735. */
static void quantiles_are_of_what_came_since(void **state)
{
    json_t *now = load("[100,100,160,59,184,1]");
    json_t *before = load("[100,100]");
    json_t *odd = load("[-1,5,100000,3,'x',4,7]");

    (void)state;
    assert_true(ctl_status_quantile_ms(now, before, 0.5) > 4.7 &&
                ctl_status_quantile_ms(now, before, 0.5) < 4.8);
    assert_true(ctl_status_quantile_ms(now, before, 0.99) > 37.7);
    assert_true(ctl_status_quantile_ms(now, NULL, 0.5) < 0.1);
    assert_true(ctl_status_quantile_ms(now, now, 0.5) < 0);
    assert_true(ctl_status_quantile_ms(NULL, NULL, 0.5) < 0);
    assert_true(ctl_status_quantile_ms(odd, NULL, 0.5) >= 0); /* 'x' reads as 0: no crash is what counts */
    json_decref(now);
    json_decref(before);
    json_decref(odd);
}

static void without_an_older_look_there_are_no_rates(void **state)
{
    (void)state;
    assert_non_null(strstr(table(NOW, NULL, &plain), "calls/s -  refused/s -  failed/s -  p50 "));
    /* A server that was started anew since counts anew. */
    assert_non_null(strstr(table("{'uptime_s':1,'mono_ms':9000}", BEFORE, &plain), "calls/s -  "));
}

static void a_terminal_obeys_nothing_of_it(void **state)
{
    (void)state;
    assert_non_null(strstr(table(NOW, BEFORE, &plain), "OPEN at https://a?[2J\n"));
}

static void red_is_what_is_amiss(void **state)
{
    const struct ctl_look colours = {.columns = 0, .colours = true};
    const char *text = table(NOW, BEFORE, &colours);

    (void)state;
    assert_non_null(strstr(text, "\033[1;31mdegraded\033[0m"));
    assert_non_null(strstr(text, "\033[1;31mfailed/s 2\033[0m"));
    assert_non_null(strstr(text, "\033[1;31mgiven_up\033[0m"));
    assert_null(strstr(text, "\033[1;31mready"));
    assert_null(strchr(table(NOW, BEFORE, &plain), '\033'));
}

static void lines_end_at_the_terminals_edge(void **state)
{
    const struct ctl_look narrow = {.columns = 20, .colours = false};
    char *text = strdup(table(NOW, BEFORE, &narrow));
    char *rest;

    (void)state;
    assert_non_null(text);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        assert_true(strlen(line) <= 20);
    free(text);
}

static void an_empty_answer_is_a_table_of_dashes(void **state)
{
    (void)state;
    assert_non_null(strstr(table("{}", NULL, &plain), "sessiond - on -  -  durability -  up 0 s\n"));
    assert_non_null(strstr(table("{'workers':7,'connectors':[3],'reasons':[null]}", "{}", &plain), "worker"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_between_two_looks_is_told_by_the_second),
        cmocka_unit_test(quantiles_are_of_what_came_since),
        cmocka_unit_test(without_an_older_look_there_are_no_rates),
        cmocka_unit_test(a_terminal_obeys_nothing_of_it),
        cmocka_unit_test(red_is_what_is_amiss),
        cmocka_unit_test(lines_end_at_the_terminals_edge),
        cmocka_unit_test(an_empty_answer_is_a_table_of_dashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
