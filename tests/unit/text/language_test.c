/* Sentences of our own, in the languages named. The detector must outrank a wrong tag on nearly all of them, and must
 * leave alone what it cannot know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text/keyword.h"

static struct sky_text *text;

static int set_up(void **state)
{
    const char *reason = NULL;
    return sky_text_new(&(struct sky_text_options){0}, &text, &reason) == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    sky_text_free(text);
    return 0;
}

struct sentence {
    const char *language;
    const char *words;
};

static const struct sentence sentences[] = {
    {"en", "I really thought the bridge would be open by now"},
    {"en", "Anyone else watching the game tonight?"},
    {"en", "New poll shows the party losing ground in the north"},
    {"en", "my dog ate half a loaf of bread and is very proud"},
    {"en", "This is why we can't have nice things"},
    {"en", "Happy birthday to the best sister in the world"},
    {"de", "Ich habe heute schon drei Tassen Kaffee getrunken"},
    {"de", "Warum fährt die Bahn eigentlich nie pünktlich?"},
    {"de", "Der neue Film war besser als der alte"},
    {"de", "Guten Morgen, draußen scheint endlich die Sonne"},
    {"de", "Das Wetter in Hamburg ist wieder einmal furchtbar"},
    {"fr", "Je ne sais pas pourquoi il fait si froid ce matin"},
    {"fr", "Le gouvernement a présenté son nouveau budget"},
    {"fr", "C'est la première fois que je vois la mer"},
    {"fr", "Bonjour à tous, quel beau soleil sur Paris"},
    {"fr", "Mon chat dort encore sur le clavier"},
    {"es", "No entiendo por qué cerraron la biblioteca"},
    {"es", "El partido de ayer fue una vergüenza"},
    {"es", "Hoy hace un día precioso en la playa"},
    {"es", "Mi perro se comió toda la cena"},
    {"es", "Estoy viendo la película con mis amigos"},
    {"pt", "Não acredito que perdi o ônibus de novo"},
    {"pt", "O jogo de ontem foi uma vergonha"},
    {"pt", "Hoje está um dia lindo na praia"},
    {"pt", "Meu cachorro comeu o jantar todo"},
    {"pt", "Alguém sabe onde fica a biblioteca?"},
    {"it", "Non capisco perché hanno chiuso la biblioteca"},
    {"it", "La partita di ieri è stata una vergogna"},
    {"it", "Oggi è una bella giornata al mare"},
    {"it", "Il mio gatto dorme ancora sulla tastiera"},
    {"nl", "Ik begrijp niet waarom de bibliotheek gesloten is"},
    {"nl", "De wedstrijd van gisteren was een schande"},
    {"nl", "Vandaag schijnt eindelijk de zon in Utrecht"},
    {"nl", "Mijn kat slaapt nog steeds op het toetsenbord"},
    {"sv", "Jag förstår inte varför biblioteket är stängt"},
    {"sv", "Matchen igår var en riktig besvikelse"},
    {"sv", "Min katt sover fortfarande på tangentbordet"},
    {"da", "Jeg forstår ikke hvorfor biblioteket er lukket"},
    {"da", "Min kat sover stadig på tastaturet og vil ikke op"},
    {"no", "Jeg skjønner ikke hvorfor biblioteket er stengt nå"},
    {"no", "Katten min sover fortsatt på tastaturet, og jeg må jobbe"},
    {"fi", "En ymmärrä miksi kirjasto on suljettu"},
    {"fi", "Kissani nukkuu vielä näppäimistön päällä"},
    {"pl", "Nie rozumiem, dlaczego biblioteka jest zamknięta"},
    {"pl", "Mój kot wciąż śpi na klawiaturze"},
    {"tr", "Kütüphanenin neden kapalı olduğunu anlamıyorum"},
    {"tr", "Bugün hava çok güzel ama ben evdeyim"},
    {"id", "Saya tidak mengerti kenapa perpustakaan tutup"},
    {"id", "Hari ini cuacanya bagus sekali di Jakarta"},
    {"ro", "Nu înțeleg de ce este închisă biblioteca"},
    {"ro", "Astăzi este o zi frumoasă și stăm afară"},
    {"cs", "Nechápu, proč je knihovna zavřená"},
    {"cs", "Dneska je venku konečně krásně a svítí slunce"},
    {"hu", "Nem értem, miért van zárva a könyvtár"},
    {"hu", "Ma végre szép idő van és süt a nap"},
    {"ca", "No entenc per què han tancat la biblioteca"},
    {"ca", "Avui fa un dia preciós i som a la platja amb els nens"},
    {"tl", "Hindi ko alam kung bakit sarado ang aklatan ngayon"},
    {"vi", "Tôi không hiểu vì sao thư viện đóng cửa hôm nay"},
};

static struct sky_span detect(const char *tag, const char *words)
{
    struct sky_post post = {
        .op = SKY_POST_CREATE, .text = sky_span_from_string(words), .language = sky_span_from_string(tag)};
    return sky_text_language(text, &post);
}

static bool is(struct sky_span language, const char *expected)
{
    return sky_span_equal(language, sky_span_from_string(expected));
}

#define SENTENCES (sizeof sentences / sizeof *sentences)

/* How many sentences come out right when each carries `tag` (NULL: its own). */
static size_t count_right(const char *tag)
{
    size_t right = 0;
    for (size_t i = 0; i < SENTENCES; i++) {
        const struct sentence *s = &sentences[i];
        struct sky_span language = detect(tag ? tag : s->language, s->words);
        right += is(language, s->language);
        if (!is(language, s->language))
            print_message("tag %s: %.*s for %s: %s\n", tag ? tag : "own", (int)language.len, (const char *)language.ptr,
                          s->language, s->words);
    }
    return right;
}

static void a_right_tag_is_kept(void **state)
{
    assert_int_equal(count_right(NULL), SENTENCES);
}

static void no_tag_is_made_up_for(void **state)
{
    assert_true(count_right("") * 100 >= SENTENCES * 95);
    assert_true(count_right("und") * 100 >= SENTENCES * 95);
}

static void the_tag_en_of_a_client_is_outranked(void **state)
{
    assert_true(count_right("en") * 100 >= SENTENCES * 85);
}

static void any_wrong_tag_is_outranked(void **state)
{
    assert_true(count_right("ja") * 100 >= SENTENCES * 80);
    assert_true(count_right("pt") * 100 >= SENTENCES * 80);
}

static void what_is_short_or_unclear_keeps_its_tag(void **state)
{
    assert_true(is(detect("en", "der Hund"), "en"));                      /* under 20 letters */
    assert_true(is(detect("pt", "Microsoft Windows Instagram"), "pt"));   /* names */
    assert_true(is(detect("xx", "zzyzx qwrtk plmnb vcxzs dfghj"), "xx")); /* nothing known */
    assert_true(is(detect("eo", "Mi ne komprenas kial la biblioteko estas fermita"), "eo"));
    assert_true(is(detect("", "zzyzx"), "und"));
    assert_true(is(detect("", ""), "und"));
    assert_true(is(detect("en", ""), "en"));
}

static void scripts_decide(void **state)
{
    assert_true(is(detect("", "東京で地震がありました"), "ja"));
    assert_true(is(detect("en", "東京で地震がありました"), "ja"));
    assert_true(is(detect("", "北京下雪了"), "zh"));
    assert_true(is(detect("ja", "東京地震速報"), "ja"));
    assert_true(is(detect("en", "서울에서 지진이 발생했다"), "ko"));
    assert_true(is(detect("en", "Сегодня в Москве идёт снег"), "ru"));
    assert_true(is(detect("", "Сьогодні в Києві йде сніг"), "uk"));
    assert_true(is(detect("bg", "Днес в София вали сняг"), "bg"));
    assert_true(is(detect("", "زلزال قوي في المغرب"), "ar"));
    assert_true(is(detect("", "امروز هوا خیلی گرم است"), "fa"));
    assert_true(is(detect("", "שלום לכולם"), "he"));
    assert_true(is(detect("", "Καλημέρα σε όλους"), "el"));
    assert_true(is(detect("", "วันนี้ฝนตกหนัก"), "th"));
    assert_true(is(detect("", "आज दिल्ली में बारिश"), "hi"));
}

static void tags_are_read_as_subtags(void **state)
{
    static const struct sky_span langs[] = {{(const uint8_t *)"und", 3}, {(const uint8_t *)"PT-br", 5}};
    struct sky_post post = {.text = SKY_SPAN("ok"), .langs = langs, .langs_count = 2};
    assert_true(is(sky_text_language(text, &post), "pt"));
    assert_true(is(detect("mul", "ok"), "und"));
    assert_true(is(detect("e1", "ok"), "und"));
    assert_true(is(detect("abcdefgh", "ok"), "und"));
    post.language = SKY_SPAN("fr"); /* decided before: not asked again */
    post.language_detected = true;
    post.text = SKY_SPAN("I really thought the bridge would be open by now");
    assert_true(is(sky_text_language(text, &post), "fr"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_tag_is_kept),
        cmocka_unit_test(no_tag_is_made_up_for),
        cmocka_unit_test(the_tag_en_of_a_client_is_outranked),
        cmocka_unit_test(any_wrong_tag_is_outranked),
        cmocka_unit_test(what_is_short_or_unclear_keeps_its_tag),
        cmocka_unit_test(scripts_decide),
        cmocka_unit_test(tags_are_read_as_subtags),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
