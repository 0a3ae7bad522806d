/* bench text: posts through the language detector and the keyword extractor, on one core.
 *
 * The posts are put together from clauses of our own, seeded, with what real posts have around them: mentions, links,
 * hashtags, emoji, curly apostrophes, line ends. Latin posts have about 100 bytes, Japanese ones about 40 characters;
 * `mix` has 15 % of the latter. Each figure is the median of several runs over the same posts. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "sim/random.h"
#include "text/keyword.h"

#define POSTS              20000
#define RUNS               9
#define MIX_SHARE_JAPANESE 0.15

static const char *const english[] = {"the new season starts next week and I can’t wait",
                                      "honestly the coffee at this place is better than at home",
                                      "our local library finally reopened after the renovation",
                                      "just finished reading a long piece about the harbour bridge",
                                      "my sister's garden is full of tomatoes again",
                                      "they said the train would be late, so we walked",
                                      "why does every update break the keyboard shortcuts",
                                      "Watching the semifinal with friends tonight",
                                      "The council voted 7-2 against the parking garage",
                                      "there's nothing like rain on the roof while you work",
                                      "New poll shows the coalition losing its majority",
                                      "I drew a small fox for the zine, commissions are open",
                                      "it's been three years since we moved to Glasgow",
                                      "the heat wave broke records in Madrid and Lisbon",
                                      "please check your smoke alarms before winter",
                                      "Breaking: power outage reported across the valley"};
static const char *const portuguese[] = {
    "hoje acordei com vontade de comer pão de queijo",    "o jogo de ontem foi uma vergonha, não dá para defender",
    "a chuva não para e a rua já está alagada",           "alguém mais está assistindo a final da novela?",
    "saudade de quando a gente ia na praia todo domingo", "Meu gato derrubou o café em cima do teclado",
    "que música linda, não consigo parar de ouvir",       "o governo anunciou novas medidas para a educação"};
static const char *const german[] = {
    "heute fährt die Straßenbahn mal wieder nicht",  "der Kaffee in der neuen Bäckerei ist wirklich gut",
    "ich verstehe nicht, warum das so lange dauert", "Die Ministerin hat den Entwurf gestern vorgestellt",
    "schöne Grüße aus dem verregneten Hamburg",      "wir haben am Wochenende den Balkon bepflanzt"};
static const char *const japanese[] = {
    "今日は朝から雨が降っていて電車が遅れている",   "新しいゲームの発売日が決まったので予約した",
    "駅前のラーメン屋がとても美味しかった",         "東京で地震がありました、皆さん大丈夫ですか",
    "推しのライブのチケットが当たった！嬉しすぎる", "明日の会議の資料をまだ作っていない",
    "夕焼けがきれいだったので写真を撮った",         "猫がキーボードの上で寝ていて仕事にならない",
    "イラスト描きました、よかったら見てください",   "大阪の展覧会に行ってきた"};
static const char *const tails[] = {" 😂",
                                    " #photography",
                                    " 🎉🎉",
                                    " https://example.com/posts/48213",
                                    "\n\nhello @someone.example.com",
                                    " lol",
                                    " 👨‍👩‍👧",
                                    "!!",
                                    " ❤️",
                                    " #news #weather"};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

struct corpus {
    struct sky_post posts[POSTS];
    struct sky_span tags[POSTS];
    size_t count;
    size_t bytes;
    struct sky_arena arena;
};

static void append(struct sky_buffer *buffer, const char *const *clauses, uint32_t count, struct sky_random *random)
{
    sky_buffer_put_string(buffer, clauses[sky_random_below(random, count)]);
}

/* One post of two or three clauses. */
static void write_latin(struct sky_buffer *buffer, struct sky_random *random)
{
    static const char *const joints[] = {". ", ", ", " - ", "! ", "\n"};
    uint32_t language = sky_random_below(random, 10), clauses = sky_random_between(random, 1, 3);
    for (uint32_t i = 0; i < clauses; i++) {
        if (i > 0)
            append(buffer, joints, COUNT(joints), random);
        if (language < 6)
            append(buffer, english, COUNT(english), random);
        else if (language < 8)
            append(buffer, portuguese, COUNT(portuguese), random);
        else
            append(buffer, german, COUNT(german), random);
    }
}

static void write_japanese(struct sky_buffer *buffer, struct sky_random *random)
{
    uint32_t clauses = sky_random_between(random, 1, 3);
    for (uint32_t i = 0; i < clauses; i++) {
        append(buffer, japanese, COUNT(japanese), random);
        sky_buffer_put_string(buffer, sky_random_chance(random, 0.7) ? "。" : "\n");
    }
}

static bool fill(struct corpus *corpus, double share_japanese, uint64_t seed, size_t count)
{
    struct sky_random random;
    struct sky_buffer buffer;
    sky_random_seed(&random, seed, 1);
    sky_buffer_init(&buffer);
    corpus->count = count;
    corpus->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        buffer.len = 0;
        bool is_japanese = sky_random_chance(&random, share_japanese);
        if (is_japanese)
            write_japanese(&buffer, &random);
        else
            write_latin(&buffer, &random);
        if (sky_random_chance(&random, 0.4))
            append(&buffer, tails, COUNT(tails), &random);
        struct sky_post *post = &corpus->posts[i];
        *post = (struct sky_post){.op = SKY_POST_CREATE, .language = is_japanese ? SKY_SPAN("ja") : SKY_SPAN("en")};
        post->text = sky_arena_copy(&corpus->arena, sky_buffer_span(&buffer));
        corpus->bytes += post->text.len;
        const uint8_t *hash = memchr(post->text.ptr, '#', post->text.len);
        if (hash) {
            size_t len = strcspn((const char *)hash + 1, " ");
            size_t left = post->text.len - (size_t)(hash + 1 - post->text.ptr);
            corpus->tags[i] = sky_span_of(hash + 1, len < left ? len : left);
            post->hashtags = &corpus->tags[i];
            post->hashtags_count = 1;
        }
    }
    bool failed = buffer.failed;
    sky_buffer_clean_up(&buffer);
    return !failed;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds for one pass; the keywords found go to *keywords, so that the work cannot be left out. */
static double run_once(struct sky_text *text, const struct corpus *corpus, size_t *keywords)
{
    double start = bench_cpu_s();
    for (size_t i = 0; i < corpus->count; i++) {
        struct sky_post post = corpus->posts[i];
        struct sky_keyword_list list;
        post.language = sky_text_language(text, &post);
        if (sky_text_keywords(text, &post, &list) != SKY_OK)
            return -1;
        *keywords += list.count + (sky_text_sketch(text) & 1);
    }
    return bench_cpu_s() - start;
}

static bool run_mode(const struct bench_options *options, struct sky_text *text, const char *mode, double share)
{
    struct corpus *corpus = calloc(1, sizeof *corpus);
    double seconds[RUNS];
    size_t keywords = 0, runs = options->quick ? 1 : RUNS;
    bool ok = corpus && fill(corpus, share, options->seed, options->quick ? 200 : POSTS);
    for (size_t i = 0; ok && i < runs; i++) {
        seconds[i] = run_once(text, corpus, &keywords);
        ok = seconds[i] >= 0;
    }
    if (ok && keywords > 0) {
        qsort(seconds, runs, sizeof *seconds, by_value);
        double median = seconds[runs / 2];
        bench_print(options, "text", mode, "posts_per_s", (double)corpus->count / median,
                    (double)corpus->bytes / median / 1e6);
    }
    if (corpus)
        sky_arena_clean_up(&corpus->arena);
    free(corpus);
    return ok && keywords > 0;
}

int bench_text(const struct bench_options *options)
{
    struct sky_text *text = NULL;
    const char *reason = "out of memory";
    if (sky_text_new(&(struct sky_text_options){0}, &text, &reason) != SKY_OK) {
        fprintf(stderr, "bench text: %s\n", reason);
        return 1;
    }
    bool ok = run_mode(options, text, "latin", 0) && run_mode(options, text, "japanese", 1) &&
              run_mode(options, text, "mix", MIX_SHARE_JAPANESE);
    sky_text_free(text);
    return ok ? 0 : 1;
}
