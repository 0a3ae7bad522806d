/* A member of a group whose coordinator does not say what was committed, or that is paused in a rebalance. The brokers
 * are librdkafka's mock of them; the real ones, which cannot be made to fail so, are in tests/system/kafka_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "io/host/clock.h"
#include "io/kafka/kafka_consumer.h"

#define RECORDS    6
#define COMMITTED  4
#define TOPIC      "posts"
#define WAIT_MS    30000
#define PARTITIONS 2

/* ---- a coordinator that fails ---- */

static int failures;          /* of the calls to come */
static bool of_one_partition; /* the call succeeds, and one of its partitions has the error */
static int calls;

typedef rd_kafka_resp_err_t (*committed_fn)(rd_kafka_t *, rd_kafka_topic_partition_list_t *, int);

/* In the place of librdkafka's. */
rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *client, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    committed_fn real;
    void *found = dlsym(RTLD_NEXT, "rd_kafka_committed");
    memcpy(&real, &found, sizeof real);
    calls++;
    bool fails = failures > 0;
    failures -= fails;
    if (fails && !of_one_partition)
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_resp_err_t code = real(client, list, timeout_ms);
    if (fails) {
        list->elems[list->cnt - 1].err = RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
        list->elems[list->cnt - 1].offset = RD_KAFKA_OFFSET_INVALID;
    }
    return code;
}

/* ---- brokers ---- */

struct fixture {
    rd_kafka_t *client; /* that the brokers live in, and the producer */
    rd_kafka_mock_cluster_t *brokers;
    struct sky_kafka_options kafka;
    struct sky_kafka_consumer *consumer;
    bool assigned[PARTITIONS];
    int assignments;
    int64_t committed[PARTITIONS];
    char metadata[PARTITIONS][32];
};

static void produce(struct fixture *f)
{
    for (int i = 0; i < RECORDS * PARTITIONS; i++) {
        char value[8];
        snprintf(value, sizeof value, "%d", i / PARTITIONS);
        assert_int_equal(rd_kafka_producev(f->client, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(i % PARTITIONS),
                                           RD_KAFKA_V_VALUE(value, strlen(value)),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(f->client, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The group stands at COMMITTED in both partitions, with a word of its own. */
static void commit(struct fixture *f)
{
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", f->kafka.bootstrap_servers, problem, sizeof problem),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "group", problem, sizeof problem), RD_KAFKA_CONF_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, problem, sizeof problem);
    assert_non_null(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, TOPIC, i);
        at->offset = COMMITTED;
        at->metadata = strdup("end=6");
        at->metadata_size = 5;
    }
    assert_int_equal(rd_kafka_commit(client, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", problem, sizeof problem), RD_KAFKA_CONF_OK);
    f->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof problem);
    assert_non_null(f->client);
    f->brokers = rd_kafka_handle_mock_cluster(f->client);
    assert_int_equal(rd_kafka_mock_topic_create(f->brokers, TOPIC, PARTITIONS, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    f->kafka = (struct sky_kafka_options){.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(f->brokers),
                                          .client_id = "test",
                                          .reconnect_backoff_max_ms = 500,
                                          .request_timeout_ms = WAIT_MS};
    produce(f);
    commit(f);
    failures = calls = 0;
    of_one_partition = false;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sky_kafka_consumer_free(f->consumer);
    rd_kafka_destroy(f->client);
    free(f);
    return 0;
}

/* ---- a member ---- */

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct fixture *f = context;
    assert_string_equal(topic, TOPIC);
    assert_false(f->assigned[partition]);
    f->assigned[partition] = true;
    f->assignments++;
    f->committed[partition] = committed;
    snprintf(f->metadata[partition], sizeof f->metadata[partition], "%s", metadata);
    return committed;
}

static void on_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct fixture *f = context;
    (void)topic;
    (void)lost;
    assert_true(f->assigned[partition]);
    f->assigned[partition] = false;
}

static void join(struct fixture *f)
{
    struct sky_kafka_message message;
    const struct sky_kafka_consumer_options options = {.kafka = &f->kafka,
                                                       .group = "group",
                                                       .topics = {TOPIC},
                                                       .topics_count = 1,
                                                       .events = {on_assigned, on_revoked, f}};
    sky_kafka_consumer_free(f->consumer);
    f->consumer = NULL;
    assert_int_equal(sky_kafka_consumer_new(&options, &f->consumer, &message), SKY_OK);
}

/* Reads until both partitions end; each record must be of a partition that the owner was told of. Gives how many. */
static int read_all(struct fixture *f, int *problems)
{
    struct sky_kafka_record record;
    struct sky_kafka_message message;
    int records = 0;
    bool at_end[PARTITIONS] = {false};
    int64_t end_ms = sky_clock_monotonic_ms() + WAIT_MS;
    while (!(at_end[0] && at_end[1])) {
        assert_true(sky_clock_monotonic_ms() < end_ms);
        switch (sky_kafka_consumer_next(f->consumer, 100, &record, &message)) {
        case SKY_KAFKA_RECORD:
            assert_true(f->assigned[record.partition]);
            records++;
            break;
        case SKY_KAFKA_PARTITION_END: at_end[record.partition] = true; break;
        case SKY_KAFKA_PROBLEM: *problems += strstr(message.text, "committed") != NULL; break;
        case SKY_KAFKA_FAILED: fail_msg("%s", message.text); break;
        default: break;
        }
    }
    return records;
}

static void assert_went_on(struct fixture *f, int expected_problems)
{
    int problems = 0;
    join(f);
    assert_int_equal(read_all(f, &problems), (RECORDS - COMMITTED) * PARTITIONS);
    assert_int_equal(problems, expected_problems);
    assert_int_equal(f->assignments, PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(f->committed[i], COMMITTED);
        assert_string_equal(f->metadata[i], "end=6");
    }
}

static void test_asks_again(void **state)
{
    struct fixture *f = *state;
    failures = 2;
    assert_went_on(f, 0);
    assert_int_equal(calls, 3);
}

static void test_a_partition_that_is_not_known_is_not_one_without_an_offset(void **state)
{
    struct fixture *f = *state;
    failures = 1;
    of_one_partition = true;
    assert_went_on(f, 0);
}

static void test_joins_anew(void **state)
{
    struct fixture *f = *state;
    failures = 7; /* two assignments are given up, three attempts each */
    assert_went_on(f, 2);
    assert_int_equal(calls, 8);
}

/* ---- a pause, and a rebalance in it ---- */

/* One more member, of another topic: what is ours is taken and given back. */
static rd_kafka_t *start_other(const struct fixture *f)
{
    char problem[256];
    const char *const settings[][2] = {{"bootstrap.servers", f->kafka.bootstrap_servers},
                                       {"group.id", "group"},
                                       {"partition.assignment.strategy", "range"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], problem, sizeof problem),
                         RD_KAFKA_CONF_OK);
    rd_kafka_t *other = rd_kafka_new(RD_KAFKA_CONSUMER, conf, problem, sizeof problem);
    assert_non_null(other);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "other", RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(other, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    return other;
}

static void stop_other(rd_kafka_t *other)
{
    rd_kafka_consumer_close(other);
    rd_kafka_destroy(other);
}

/* Paused all the time: nothing may come. */
static void poll_until(struct fixture *f, bool assigned)
{
    struct sky_kafka_record record;
    struct sky_kafka_message message;
    int64_t end_ms = sky_clock_monotonic_ms() + WAIT_MS;
    while (f->assigned[0] != assigned || f->assigned[1] != assigned) {
        assert_true(sky_clock_monotonic_ms() < end_ms);
        enum sky_kafka_event event = sky_kafka_consumer_next(f->consumer, 1, &record, &message);
        assert_true(event == SKY_KAFKA_IDLE || event == SKY_KAFKA_PROBLEM);
    }
}

static void assert_reads_on_after(struct fixture *f, bool assigned)
{
    int problems = 0;
    join(f);
    assert_int_equal(read_all(f, &problems), (RECORDS - COMMITTED) * PARTITIONS);
    sky_kafka_consumer_pause(f->consumer, true);
    rd_kafka_t *other = start_other(f);
    poll_until(f, false);
    if (assigned)
        poll_until(f, true);
    sky_kafka_consumer_pause(f->consumer, false);
    /* Nothing was committed since: what the group committed is where it begins. */
    assert_int_equal(read_all(f, &problems), (RECORDS - COMMITTED) * PARTITIONS);
    assert_int_equal(f->assignments, 2 * PARTITIONS);
    stop_other(other);
}

static void test_reads_on_when_the_pause_ends_without_an_assignment(void **state)
{
    assert_reads_on_after(*state, false);
}

static void test_reads_on_when_the_pause_ends_after_an_assignment(void **state)
{
    assert_reads_on_after(*state, true);
}

static void wait_for_problem(struct fixture *f, bool expected)
{
    struct sky_kafka_record record;
    struct sky_kafka_message message;
    int64_t end_ms = sky_clock_monotonic_ms() + WAIT_MS;
    do {
        assert_true(sky_clock_monotonic_ms() < end_ms);
        assert_int_not_equal(sky_kafka_consumer_next(f->consumer, 100, &record, &message), SKY_KAFKA_RECORD);
        sky_kafka_consumer_problem(f->consumer, &message);
    } while ((message.text[0] != 0) != expected);
}

static void test_a_problem_ends_without_a_record(void **state)
{
    struct fixture *f = *state;
    int problems = 0;
    join(f);
    assert_int_equal(read_all(f, &problems), (RECORDS - COMMITTED) * PARTITIONS);
    assert_int_equal(rd_kafka_mock_broker_set_down(f->brokers, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    wait_for_problem(f, true);
    assert_int_equal(rd_kafka_mock_broker_set_up(f->brokers, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    wait_for_problem(f, false);
}

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define NO_MOCK 1 /* librdkafka starts its threads by thrd_create, which the sanitizer does not see */
#endif
#endif

int main(void)
{
#ifdef NO_MOCK
    puts("skipped: the thread sanitizer cannot follow the threads of librdkafka's mock brokers");
    return 77;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_asks_again, set_up, tear_down),

        cmocka_unit_test_setup_teardown(test_a_partition_that_is_not_known_is_not_one_without_an_offset, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_joins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads_on_when_the_pause_ends_without_an_assignment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads_on_when_the_pause_ends_after_an_assignment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_problem_ends_without_a_record, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
