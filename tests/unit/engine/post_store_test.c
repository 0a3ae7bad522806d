/* The store against a naive list of posts, on a random stream of creates, updates, deletes and account events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/post_store.h"

#define KEEP_MINUTES 11
#define AUTHORS      40
#define RKEYS        60
#define MODEL_MAX    20000

struct model_post {
    char uri[80];
    char text[32];
    int author;
    int64_t minute;
    bool deleted;
};

struct model {
    struct model_post posts[MODEL_MAX]; /* in order of creation */
    int count;
    int64_t now_minute;
    int64_t hidden_since[AUTHORS]; /* -1: shown */
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static struct sky_post make_post(enum sky_post_op op, const char *uri, const char *did, const char *text)
{
    return (struct sky_post){.op = op,
                             .uri = sky_span_from_string(uri),
                             .author_did = sky_span_from_string(did),
                             .text = sky_span_from_string(text),
                             .created_at_ms = 1234};
}

/* The newest post of that uri that is still inside the window, or NULL. */
static struct model_post *model_find(struct model *model, const char *uri)
{
    for (int i = model->count - 1; i >= 0; i--)
        if (strcmp(model->posts[i].uri, uri) == 0)
            return model->posts[i].minute > model->now_minute - KEEP_MINUTES ? &model->posts[i] : NULL;
    return NULL;
}

static void assert_same(const struct sky_post_store *store, struct model *model)
{
    for (int author = 0; author < AUTHORS; author++) {
        for (int rkey = 0; rkey < RKEYS; rkey++) {
            char uri[80], did[32];
            snprintf(did, sizeof did, "did:plc:%d", author);
            snprintf(uri, sizeof uri, "at://%s/app.bsky.feed.post/%d", did, rkey);
            const struct model_post *expected = model_find(model, uri);
            bool visible = expected && !expected->deleted && model->hidden_since[author] < 0;
            struct sky_shown_post shown;
            assert_int_equal(sky_post_store_show(store, sky_hash_id(sky_span_from_string(uri)), &shown), visible);
            if (!visible)
                continue;
            assert_true(sky_span_equal(shown.uri, sky_span_from_string(uri)));
            assert_true(sky_span_equal(shown.author_did, sky_span_from_string(did)));
            assert_true(sky_span_equal(shown.text, sky_span_from_string(expected->text)));
        }
    }
}

static void model_advance(struct model *model, int64_t minute)
{
    model->now_minute = minute;
    for (int i = 0; i < AUTHORS; i++)
        if (model->hidden_since[i] >= 0 && minute - model->hidden_since[i] >= SKY_HIDDEN_MINUTES)
            model->hidden_since[i] = -1;
}

static void random_create(struct sky_post_store *store, struct model *model, int step, const char *uri, const char *did)
{
    char text[32], rev[16];
    snprintf(text, sizeof text, "text %d", step);
    snprintf(rev, sizeof rev, "rev%d", step);
    struct sky_post post = make_post(SKY_POST_CREATE, uri, did, text);
    post.rev = sky_span_from_string(rev);
    assert_int_equal(sky_post_store_add(store, &post), SKY_OK);
    assert_int_equal(sky_post_store_add(store, &post), SKY_E_DUPLICATE);
    struct model_post *added = &model->posts[model->count++];
    *added = (struct model_post){.author = atoi(did + 8), .minute = model->now_minute};
    snprintf(added->uri, sizeof added->uri, "%s", uri);
    snprintf(added->text, sizeof added->text, "%s", text);
}

static void random_account(struct sky_post_store *store, struct model *model, uint32_t dice, const char *did)
{
    static const char *const states[] = {"", "takendown", "throttled", "desynchronized", "deactivated"};
    struct sky_post post = make_post(SKY_POST_ACCOUNT, "", did, "");
    unsigned state = dice % 5;
    post.active = state == 0;
    post.status = sky_span_from_string(states[state]);
    assert_int_equal(sky_post_store_account(store, &post), SKY_OK);
    int author = atoi(did + 8);
    if (state == 0)
        model->hidden_since[author] = -1;
    else if (state == 1 || state == 4)
        model->hidden_since[author] = model->now_minute;
}

static struct sky_post_store *save_and_load(struct sky_post_store *store, uint64_t slot_key)
{
    struct sky_buffer saved = {0}, again = {0};
    sky_post_store_save(store, &saved);
    sky_post_store_free(store);
    struct sky_post_store *loaded = sky_post_store_new(KEEP_MINUTES, slot_key);
    struct sky_reader reader;
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_post_store_load(loaded, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    sky_post_store_save(loaded, &again);
    assert_true(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
    return loaded;
}

static void step_once(struct sky_post_store *store, struct model *model, int step, uint64_t *random)
{
    char uri[80], did[32];
    snprintf(did, sizeof did, "did:plc:%u", next_random(random) % AUTHORS);
    snprintf(uri, sizeof uri, "at://%s/app.bsky.feed.post/%u", did, next_random(random) % RKEYS);
    uint32_t dice = next_random(random) % 100;
    if (dice < 60) {
        random_create(store, model, step, uri, did);
        return;
    }
    struct model_post *known = model_find(model, uri);
    struct sky_post post = make_post(dice < 75 ? SKY_POST_UPDATE : SKY_POST_DELETE, uri, did, "updated");
    if (dice < 75) {
        assert_int_equal(sky_post_store_update(store, &post), SKY_OK);
        if (known)
            snprintf(known->text, sizeof known->text, "updated");
    } else if (dice < 90) {
        sky_post_store_delete(store, &post);
        if (known)
            known->deleted = true;
    } else {
        random_account(store, model, next_random(random), did);
    }
}

static void test_agrees_with_a_naive_list(void **state)
{
    (void)state;
    static struct model model;
    uint64_t random = 7;
    for (int i = 0; i < AUTHORS; i++)
        model.hidden_since[i] = -1;
    struct sky_post_store *store = sky_post_store_new(KEEP_MINUTES, 99);
    model_advance(&model, 29000000);
    sky_post_store_advance(store, model.now_minute);
    for (int step = 0; step < 8000; step++) {
        step_once(store, &model, step, &random);
        if (step % 50 == 0) {
            model_advance(&model, model.now_minute + 1 + (next_random(&random) % 20 == 0) * 700);
            sky_post_store_advance(store, model.now_minute);
        }
        if (step % 400 == 0)
            assert_same(store, &model);
        if (step % 900 == 0)
            store = save_and_load(store, (uint64_t)step);
    }
    assert_same(store, &model);
    sky_post_store_free(store);
}

static void test_unquoted_author_is_linked_without_text(void **state)
{
    (void)state;
    struct sky_post_store *store = sky_post_store_new(KEEP_MINUTES, 1);
    sky_post_store_advance(store, 100);
    struct sky_post post = make_post(SKY_POST_CREATE, "at://did:plc:a/app.bsky.feed.post/1", "did:plc:a", "secret");
    const struct sky_span labels[] = {SKY_SPAN("!no-unauthenticated")};
    post.labels = labels;
    post.labels_count = 1;
    assert_int_equal(sky_post_store_add(store, &post), SKY_OK);
    struct sky_shown_post shown;
    assert_true(sky_post_store_show(store, sky_hash_id(post.uri), &shown));
    assert_true(sky_span_equal(shown.uri, post.uri));
    assert_int_equal(shown.text.len, 0);
    sky_post_store_free(store);
}

static void test_damaged_input_is_refused(void **state)
{
    (void)state;
    struct sky_post_store *store = sky_post_store_new(KEEP_MINUTES, 1);
    sky_post_store_advance(store, 100);
    struct sky_post post = make_post(SKY_POST_CREATE, "at://did:plc:a/app.bsky.feed.post/1", "did:plc:a", "text");
    assert_int_equal(sky_post_store_add(store, &post), SKY_OK);
    struct sky_buffer saved = {0};
    sky_post_store_save(store, &saved);
    sky_post_store_free(store);
    for (size_t cut = 0; cut < saved.len; cut++) {
        store = sky_post_store_new(KEEP_MINUTES, 1);
        struct sky_reader reader;
        sky_reader_init(&reader, sky_span_of(saved.ptr, cut));
        sky_post_store_load(store, &reader);
        assert_int_equal(reader.error.status, SKY_E_TRUNCATED);
        sky_post_store_free(store);
    }
    sky_buffer_clean_up(&saved);
}

/* Posts and updates of long texts without end: what is kept of them is bounded, what was there before is shown. */
static void test_a_flood_of_texts_is_not_kept(void **state)
{
    static char text[3001], uri[80];
    struct sky_shown_post shown;
    struct sky_post_store *store = sky_post_store_new(KEEP_MINUTES, 7);
    struct sky_post first = make_post(SKY_POST_CREATE, "at://did:plc:a/app.bsky.feed.post/first", "did:plc:a", "hello");
    memset(text, 'x', sizeof text - 1);
    const size_t fitting = SKY_MINUTE_TEXT_BYTES_MAX / (sizeof text - 1);
    sky_post_store_advance(store, 1);
    assert_int_equal(sky_post_store_add(store, &first), SKY_OK);
    for (size_t i = 0; i < 2 * fitting; i++) {
        snprintf(uri, sizeof uri, "at://did:plc:b/app.bsky.feed.post/%zu", i);
        struct sky_post post = make_post(SKY_POST_CREATE, uri, "did:plc:b", text);
        assert_int_equal(sky_post_store_add(store, &post), SKY_OK);
        assert_int_equal(sky_post_store_add(store, &post), SKY_E_DUPLICATE); /* known, though not shown */
        assert_int_equal(sky_post_store_show(store, sky_hash_id(post.uri), &shown), i < fitting);
    }
    assert_true(sky_post_store_show(store, sky_hash_id(first.uri), &shown));
    assert_true(sky_span_equal(shown.text, SKY_SPAN("hello")));

    sky_post_store_advance(store, 2);
    struct sky_post edited = make_post(SKY_POST_CREATE, "at://did:plc:c/app.bsky.feed.post/1", "did:plc:c", text);
    assert_int_equal(sky_post_store_add(store, &edited), SKY_OK);
    assert_true(sky_post_store_show(store, sky_hash_id(edited.uri), &shown));
    for (size_t i = 0; i < 2 * fitting; i++)
        assert_int_equal(sky_post_store_update(store, &edited), SKY_OK);
    struct sky_buffer saved = {0};
    sky_post_store_save(store, &saved);
    assert_true(saved.len < 2 * SKY_MINUTE_TEXT_BYTES_MAX);
    sky_buffer_clean_up(&saved);
    assert_false(sky_post_store_show(store, sky_hash_id(edited.uri), &shown)); /* its last text is not there */
    sky_post_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_a_naive_list),
        cmocka_unit_test(test_unquoted_author_is_linked_without_text),
        cmocka_unit_test(test_a_flood_of_texts_is_not_kept),
        cmocka_unit_test(test_damaged_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
