#include "sim/language.h"

static const char *const words[] = {
    "gente",       "música",   "manhã",       "café",          "tempo",      "jogo",        "filme",
    "livro",       "amigo",    "família",     "cidade",        "foto",       "projeto",     "escola",
    "jantar",      "jardim",   "trem",        "escritório",    "semana",     "inverno",     "verão",
    "eleição",     "mercado",  "polícia",     "médico",        "professor",  "aluno",       "computador",
    "ciência",     "história", "língua",      "país",          "presidente", "governo",     "senado",
    "orçamento",   "clima",    "energia",     "tempestade",    "rio",        "montanha",    "floresta",
    "oceano",      "ilha",     "ponte",       "rua",           "janela",     "cozinha",     "pão",
    "queijo",      "frango",   "salada",      "aniversário",   "casamento",  "show",        "disco",
    "violão",      "cantora",  "pintor",      "museu",         "teatro",     "biblioteca",  "romance",
    "poema",       "capítulo", "jornal",      "jornalista",    "manchete",   "rádio",       "televisão",
    "novela",      "episódio", "temporada",   "ator",          "diretor",    "tela",        "câmera",
    "desenho",     "papel",    "caneta",      "carta",         "mensagem",   "telefone",    "bateria",
    "teclado",     "servidor", "rede",        "senha",         "versão",     "engenheiro",  "pesquisa",
    "laboratório", "planeta",  "foguete",     "satélite",      "telescópio", "galáxia",     "lua",
    "nuvem",       "neve",     "vento",       "trovão",        "enchente",   "seca",        "terremoto",
    "vulcão",      "incêndio", "resgate",     "ambulância",    "bombeiro",   "soldado",     "exército",
    "fronteira",   "tratado",  "ministro",    "parlamento",    "tribunal",   "juiz",        "advogado",
    "sentença",    "prisão",   "protesto",    "greve",         "sindicato",  "trabalhador", "fábrica",
    "empresa",     "gerente",  "salário",     "aposentadoria", "imposto",    "banco",       "empréstimo",
    "aluguel",     "casa",     "apartamento", "vizinho",       "aldeia",     "fazenda",     "trator",
    "colheita",    "trigo",    "maçã",        "laranja",       "limão",      "batata",      "cebola",
    "alho",        "pimenta",  "sopa",        "sanduíche",     "almoço",     "restaurante", "garçom",
    "receita",     "forno",    "bolo",        "biscoito",      "manteiga",   "mel",         "chá",
    "vinho",       "cerveja",  "garrafa",     "copo",          "mesa",       "cadeira",     "tapete",
    "cortina",     "espelho",  "banheiro",    "chuveiro",      "toalha",     "camisa",      "jaqueta",
    "sapato",      "vestido",  "bolso",       "colar",         "relógio",    "calendário",  "feriado",
    "aeroporto",   "avião",    "piloto",      "bagagem",       "passaporte", "bilhete",     "praia",
    "natação",     "futebol",  "vôlei",       "corredor",      "maratona",   "bicicleta",   "capacete",
    "estádio",     "árbitro",  "goleiro",     "pênalti",       "troféu",     "campeão",     "medalha",
    "treinador",   "jogador",  "torcida",     "cachorro",      "gato",       "coelho",      "cavalo",
    "vaca",        "ovelha",   "cabra",       "golfinho",      "baleia",     "tubarão",     "pinguim",
    "águia",       "coruja",   "borboleta",   "aranha",        "besouro",    "flor",        "árvore",
    "folha",       "grama",    "pedra",       "areia",         "ouro",       "prata",       "cobre",
    "ferro",       "aço",      "plástico",    "borracha",      "algodão",    "couro",       "gasolina",
    "trânsito",    "estrada",  "túnel",       "porto",         "navio",      "marinheiro",  "capitão",
    "âncora",      "vacina",   "vírus",       "febre",         "cirurgia",   "enfermeira",  "paciente",
    "remédio",     "farmácia", "terapia",     "ansiedade",
};

static const char *const starts[] = {
    "Abre", "Acaju",  "Agua",  "Alme",  "Anda",  "Arau",  "Bara",  "Bele",  "Biri",  "Bote",  "Cabe", "Caju",
    "Cama", "Cana",   "Cara",  "Casca", "Coti",  "Curi",  "Dola",  "Doura", "Ende",  "Esta",  "Fale", "Fari",
    "Gara", "Goia",   "Guara", "Horta", "Ibira", "Ita",   "Jaca",  "Jara",  "Jequi", "Lape",  "Lave", "Loure",
    "Maca", "Mangue", "Mira",  "Mora",  "Nata",  "Nova",  "Oliva", "Palme", "Para",  "Pira",  "Quei", "Rebo",
    "Ribe", "Saca",   "Sera",  "Sobra", "Tabo",  "Taqua", "Tere",  "Uba",   "Vare",  "Vasco", "Xara", "Zambe",
};
static const char *const middles[] = {
    "ba",  "ca", "ci", "cu", "da", "de", "di", "fa", "ga", "go", "gui", "ja", "la", "le",
    "li",  "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "pa",  "pe", "pi", "po",
    "qua", "ra", "re", "ri", "ro", "sa", "se", "ta", "te", "ti", "va",  "vi",
};
static const char *const ends[] = {
    "nça",    "dão",  "rinho", "nhã",  "zeiro", "zinha", "beira", "dade",  "lândia",  "mento",
    "ndeira", "lhal", "nhos",  "ção",  "reira", "ssu",   "tinga", "tuba",  "puã",     "guá",
    "cema",   "cica", "rana",  "pora", "mirim", "guaçu", "veiro", "gália", "nópolis", "lense",
};

static const char *const one[] = {
    "esta é a minha %", "onde está o %",  "não é o %",    "não era só um %", "isso é só %",
    "e o seu %",        "eu não tenho %", "foi para a %", "mas que %",       "nós com a %",
};
static const char *const two[] = {
    "o % está na %",      "a minha % e o seu %",       "não tem % sem %",
    "foi o % ou a %",     "ele com a % e ela com o %", "entre a % e o %",
    "eu estou no % da %", "já era a % para o %",       "quem tem % não tem %",
};
static const char *const three[] = {
    "o % da % é um %",
    "eu tenho % e % no %",
    "a % não é para o % nem para a %",
    "foi com a % do % até a %",
    "quando o % está na % não tem %",
    "ela é a % do % com %",
};
static const char *const four[] = {
    "o % e a % não são do % nem da %",
    "ele tem o %, ela tem a %, e nós o % e a %",
    "foi da % ao % com um % e uma %",
    "eu estava na % do % com a % e o %",
};

const struct sky_sim_language sky_sim_portuguese = {
    .code = "pt",
    .separator = ". ",
    .share = 0.2,
    .phase = 0.65,
    .amplitude = 0.6,
    .words = SKY_SIM_STRINGS(words),
    .parts = {SKY_SIM_STRINGS(starts), SKY_SIM_STRINGS(middles), SKY_SIM_STRINGS(ends)},
    .patterns = {SKY_SIM_STRINGS(one), SKY_SIM_STRINGS(two), SKY_SIM_STRINGS(three), SKY_SIM_STRINGS(four)},
};
