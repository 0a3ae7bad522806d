/* stages_jni.c: the stages (src/stage) as native methods of skytrend.flink.Stages: marshalling only.
 *
 * Handles  a stage is a jlong, made by NAMENew and freed by NAMEFree, once, by its operator.
 * Errors   become a skytrend.flink.StageException with the status' name, the byte offset and the reason; the handle is
 * then good only for its free, except after `decode`, which says what is wrong with one record. Threads  a handle has
 * one owner at a time: Flink calls an operator from one thread. There is no global state. */
#include <jni.h>
#include <stdlib.h>

#include "stage/count_stage.h"
#include "stage/decode_stage.h"
#include "stage/options_json.h"
#include "stage/packets.h"
#include "stage/post_stage.h"
#include "stage/rank_stage.h"

#define EXCEPTION "skytrend/flink/StageException"

struct decode {
    struct sky_decode_stage *stage;
    struct sky_buffer record; /* room that is used again */
    struct sky_buffer event;
};

static void *of_handle(jlong handle)
{
    return (void *)(intptr_t)handle;
}

static jlong handle_of(void *object)
{
    return (jlong)(intptr_t)object;
}

static void throw_error(JNIEnv *env, const struct sky_error *error)
{
    jclass type = (*env)->FindClass(env, EXCEPTION);
    jmethodID make = type ? (*env)->GetMethodID(env, type, "<init>", "(Ljava/lang/String;JLjava/lang/String;)V") : NULL;
    jstring status = make ? (*env)->NewStringUTF(env, sky_status_name(error->status)) : NULL;
    jstring reason = status ? (*env)->NewStringUTF(env, error->reason ? error->reason : "") : NULL;
    jobject exception = reason ? (*env)->NewObject(env, type, make, status, (jlong)error->offset, reason) : NULL;
    if (exception)
        (*env)->Throw(env, exception);
}

static void throw_status(JNIEnv *env, enum sky_status status, const char *reason)
{
    throw_error(env, &(struct sky_error){status, 0, reason});
}

/* The array's bytes in `to`, which is cleared. False: an exception is on its way. */
static bool get_bytes(JNIEnv *env, jbyteArray array, struct sky_buffer *to)
{
    jsize length = array ? (*env)->GetArrayLength(env, array) : 0;
    sky_buffer_clear(to);
    if (!sky_buffer_reserve(to, (size_t)length + 1)) {
        throw_status(env, SKY_E_MEMORY, "no memory for an array");
        return false;
    }
    if (length)
        (*env)->GetByteArrayRegion(env, array, 0, length, (jbyte *)to->ptr);
    to->len = (size_t)length;
    return true;
}

/* NULL: an exception is on its way. */
static jbyteArray new_bytes(JNIEnv *env, struct sky_span bytes)
{
    if (bytes.len > INT32_MAX) {
        throw_status(env, SKY_E_LIMIT, "more bytes than an array holds");
        return NULL;
    }
    jbyteArray array = (*env)->NewByteArray(env, (jsize)bytes.len);
    if (array && bytes.len)
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)bytes.len, (const jbyte *)bytes.ptr);
    return array;
}

/* What a stage saved, which is cleaned up. NULL: an exception is on its way. */
static jbyteArray saved_bytes(JNIEnv *env, struct sky_buffer *saved)
{
    jbyteArray bytes = NULL;
    if (saved->failed)
        throw_status(env, SKY_E_MEMORY, "no memory for a state");
    else
        bytes = new_bytes(env, sky_buffer_span(saved));
    sky_buffer_clean_up(saved);
    return bytes;
}

/* What a stage said to a packet; false when it was late. */
static jboolean is_taken(JNIEnv *env, enum sky_status status)
{
    if (status != SKY_OK && status != SKY_E_LATE)
        throw_status(env, status, "not a packet for this stage, or no memory for it");
    return status == SKY_OK;
}

/* The options of a stage. False: an exception is on its way. The names live in `options`. */
static bool get_options(JNIEnv *env, jbyteArray json, struct sky_engine_options_copy *options)
{
    struct sky_buffer text = {0};
    struct sky_error error;
    if (!get_bytes(env, json, &text))
        return false;
    bool ok = sky_engine_options_read(sky_buffer_span(&text), options, &error) == SKY_OK;
    if (!ok)
        throw_error(env, &error);
    sky_buffer_clean_up(&text);
    return ok;
}

/* ---- decode ---- */

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_decodeNew(JNIEnv *env, jclass type, jbyteArray json)
{
    struct sky_engine_options_copy options;
    const char *reason = NULL;
    if (!get_options(env, json, &options))
        return 0;
    struct decode *decode = calloc(1, sizeof *decode);
    enum sky_status status = decode ? sky_decode_stage_new(&options.options, &decode->stage, &reason) : SKY_E_MEMORY;
    if (status == SKY_OK)
        return handle_of(decode);
    free(decode);
    throw_status(env, status, reason);
    return 0;
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_decodeFree(JNIEnv *env, jclass type, jlong handle)
{
    struct decode *decode = of_handle(handle);
    if (!decode)
        return;
    sky_decode_stage_free(decode->stage);
    sky_buffer_clean_up(&decode->record);
    sky_buffer_clean_up(&decode->event);
    free(decode);
}

/* i64 event time, u32 bucket, the event. */
JNIEXPORT jbyteArray JNICALL Java_skytrend_flink_Stages_decode(JNIEnv *env, jclass type, jlong handle,
                                                               jbyteArray record, jlong timestamp_ms)
{
    struct decode *decode = of_handle(handle);
    struct sky_decoded decoded;
    struct sky_error error;
    struct sky_buffer *event = &decode->event;
    if (!get_bytes(env, record, &decode->record))
        return NULL;
    sky_buffer_clear(event);
    sky_buffer_put_i64(event, 0);
    sky_buffer_put_u32(event, 0);
    const struct sky_post_record post = {sky_buffer_span(&decode->record), timestamp_ms};
    if (sky_decode_stage_record(decode->stage, &post, event, &decoded, &error) != SKY_OK) {
        throw_error(env, &error);
        return NULL;
    }
    size_t len = event->len; /* the head is known now */
    event->len = 0;
    sky_buffer_put_i64(event, decoded.event_time_ms);
    sky_buffer_put_u32(event, decoded.bucket);
    event->len = len;
    return new_bytes(env, sky_buffer_span(event));
}

/* ---- packets ---- */

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_packetsNew(JNIEnv *env, jclass type)
{
    struct sky_packets *packets = sky_packets_new();
    if (!packets)
        throw_status(env, SKY_E_MEMORY, "no memory for packets");
    return handle_of(packets);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_packetsFree(JNIEnv *env, jclass type, jlong handle)
{
    sky_packets_free(of_handle(handle));
}

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_packetsSize(JNIEnv *env, jclass type, jlong handle)
{
    return (jlong)sky_packets_size_bytes(of_handle(handle));
}

JNIEXPORT jbyteArray JNICALL Java_skytrend_flink_Stages_packetsTake(JNIEnv *env, jclass type, jlong handle)
{
    struct sky_buffer taken = {0};
    jbyteArray bytes = NULL;
    if (sky_packets_take(of_handle(handle), &taken) == SKY_OK)
        bytes = new_bytes(env, sky_buffer_span(&taken));
    else
        throw_status(env, SKY_E_MEMORY, "no memory for packets");
    sky_buffer_clean_up(&taken);
    return bytes;
}

/* ---- posts ---- */

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_postsNew(JNIEnv *env, jclass type, jbyteArray json)
{
    struct sky_engine_options_copy options;
    if (!get_options(env, json, &options))
        return 0;
    struct sky_post_stage *stage = sky_post_stage_new(&options.options);
    if (!stage)
        throw_status(env, SKY_E_MEMORY, "no memory for a stage");
    return handle_of(stage);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_postsFree(JNIEnv *env, jclass type, jlong handle)
{
    sky_post_stage_free(of_handle(handle));
}

/* False: late. */
JNIEXPORT jboolean JNICALL Java_skytrend_flink_Stages_postsTake(JNIEnv *env, jclass type, jlong handle, jlong minute,
                                                                jbyteArray events)
{
    struct sky_buffer bytes = {0};
    if (!get_bytes(env, events, &bytes))
        return JNI_FALSE;
    enum sky_status status = sky_post_stage_take(of_handle(handle), minute, sky_buffer_span(&bytes));
    sky_buffer_clean_up(&bytes);
    return is_taken(env, status);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_postsClose(JNIEnv *env, jclass type, jlong handle, jlong minute,
                                                             jlong packets)
{
    struct sky_error error;
    if (sky_post_stage_close(of_handle(handle), minute, of_handle(packets), &error) != SKY_OK)
        throw_error(env, &error);
}

JNIEXPORT jbyteArray JNICALL Java_skytrend_flink_Stages_postsSave(JNIEnv *env, jclass type, jlong handle)
{
    struct sky_buffer saved = {0};
    sky_post_stage_save(of_handle(handle), &saved);
    return saved_bytes(env, &saved);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_postsLoad(JNIEnv *env, jclass type, jlong handle, jbyteArray state)
{
    struct sky_buffer bytes = {0};
    struct sky_error error;
    if (!get_bytes(env, state, &bytes))
        return;
    if (sky_post_stage_load(of_handle(handle), sky_buffer_span(&bytes), &error) != SKY_OK)
        throw_error(env, &error);
    sky_buffer_clean_up(&bytes);
}

/* posts, imported, duplicate, late */
JNIEXPORT jlongArray JNICALL Java_skytrend_flink_Stages_postsStats(JNIEnv *env, jclass type, jlong handle)
{
    struct sky_post_stage_stats stats;
    sky_post_stage_stats(of_handle(handle), &stats);
    const jlong values[] = {(jlong)stats.posts, (jlong)stats.posts_imported, (jlong)stats.posts_duplicate,
                            (jlong)stats.events_late};
    jlongArray array = (*env)->NewLongArray(env, sizeof values / sizeof *values);
    if (array)
        (*env)->SetLongArrayRegion(env, array, 0, sizeof values / sizeof *values, values);
    return array;
}

/* ---- counts ---- */

JNIEXPORT jint JNICALL Java_skytrend_flink_Stages_countsMinutes(JNIEnv *env, jclass type, jbyteArray json)
{
    struct sky_engine_options_copy options;
    return get_options(env, json, &options) ? (jint)sky_count_stage_minutes(&options.options) : 0;
}

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_countsNew(JNIEnv *env, jclass type, jbyteArray json)
{
    struct sky_engine_options_copy options;
    if (!get_options(env, json, &options))
        return 0;
    struct sky_count_stage *stage = sky_count_stage_new(&options.options);
    if (!stage)
        throw_status(env, SKY_E_MEMORY, "no memory for a stage");
    return handle_of(stage);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_countsFree(JNIEnv *env, jclass type, jlong handle)
{
    sky_count_stage_free(of_handle(handle));
}

/* False: late. */
JNIEXPORT jboolean JNICALL Java_skytrend_flink_Stages_countsTake(JNIEnv *env, jclass type, jlong handle, jlong minute,
                                                                 jbyteArray occurrences)
{
    struct sky_buffer bytes = {0};
    if (!get_bytes(env, occurrences, &bytes))
        return JNI_FALSE;
    enum sky_status status = sky_count_stage_take(of_handle(handle), minute, sky_buffer_span(&bytes));
    sky_buffer_clean_up(&bytes);
    return is_taken(env, status);
}

/* `packets` 0: tell nobody. */
JNIEXPORT void JNICALL Java_skytrend_flink_Stages_countsClose(JNIEnv *env, jclass type, jlong handle, jlong minute,
                                                              jlong packets)
{
    struct sky_error error;
    if (sky_count_stage_close(of_handle(handle), minute, of_handle(packets), &error) != SKY_OK)
        throw_error(env, &error);
}

/* ---- ranks ---- */

JNIEXPORT jlong JNICALL Java_skytrend_flink_Stages_ranksNew(JNIEnv *env, jclass type, jbyteArray json)
{
    struct sky_engine_options_copy options;
    if (!get_options(env, json, &options))
        return 0;
    struct sky_rank_stage *stage = sky_rank_stage_new(&options.options);
    if (!stage)
        throw_status(env, SKY_E_MEMORY, "no memory for a stage");
    return handle_of(stage);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_ranksFree(JNIEnv *env, jclass type, jlong handle)
{
    sky_rank_stage_free(of_handle(handle));
}

/* False: late. */
JNIEXPORT jboolean JNICALL Java_skytrend_flink_Stages_ranksTake(JNIEnv *env, jclass type, jlong handle, jint kind,
                                                                jlong minute, jbyteArray entries)
{
    struct sky_buffer bytes = {0};
    if (!get_bytes(env, entries, &bytes))
        return JNI_FALSE;
    const struct sky_packet packet = {
        .kind = (enum sky_packet_kind)kind, .minute = minute, .entries = sky_buffer_span(&bytes)};
    enum sky_status status = sky_rank_stage_take(of_handle(handle), &packet);
    sky_buffer_clean_up(&bytes);
    return is_taken(env, status);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_ranksClose(JNIEnv *env, jclass type, jlong handle, jlong minute,
                                                             jlong packets)
{
    struct sky_error error;
    if (sky_rank_stage_close(of_handle(handle), minute, of_handle(packets), &error) != SKY_OK)
        throw_error(env, &error);
}

JNIEXPORT jbyteArray JNICALL Java_skytrend_flink_Stages_ranksSave(JNIEnv *env, jclass type, jlong handle)
{
    struct sky_buffer saved = {0};
    sky_rank_stage_save(of_handle(handle), &saved);
    return saved_bytes(env, &saved);
}

JNIEXPORT void JNICALL Java_skytrend_flink_Stages_ranksLoad(JNIEnv *env, jclass type, jlong handle, jbyteArray state)
{
    struct sky_buffer bytes = {0};
    struct sky_error error;
    if (!get_bytes(env, state, &bytes))
        return;
    if (sky_rank_stage_load(of_handle(handle), sky_buffer_span(&bytes), &error) != SKY_OK)
        throw_error(env, &error);
    sky_buffer_clean_up(&bytes);
}

/* slides, late packets, keywords known, keywords in the window, trends, uptime in minutes, last closed minute */
JNIEXPORT jlongArray JNICALL Java_skytrend_flink_Stages_ranksStats(JNIEnv *env, jclass type, jlong handle)
{
    struct sky_rank_stage_stats stats;
    sky_rank_stage_stats(of_handle(handle), &stats);
    const jlong values[] = {
        (jlong)stats.slides, (jlong)stats.packets_late,   (jlong)stats.keywords_known, (jlong)stats.keywords_in_window,
        (jlong)stats.trends, (jlong)stats.uptime_minutes, (jlong)stats.closed_minute};
    jlongArray array = (*env)->NewLongArray(env, sizeof values / sizeof *values);
    if (array)
        (*env)->SetLongArrayRegion(env, array, 0, sizeof values / sizeof *values, values);
    return array;
}
