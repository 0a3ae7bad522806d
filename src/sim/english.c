#include "sim/language.h"

static const char *const words[] = {
    "people",      "music",    "morning",    "coffee",     "weather",    "game",       "movie",      "book",
    "friend",      "family",   "city",       "photo",      "project",    "school",     "dinner",     "garden",
    "train",       "office",   "weekend",    "winter",     "summer",     "election",   "market",     "police",
    "hospital",    "doctor",   "teacher",    "student",    "computer",   "software",   "science",    "history",
    "language",    "country",  "president",  "government", "senate",     "budget",     "climate",    "energy",
    "storm",       "river",    "mountain",   "forest",     "ocean",      "island",     "bridge",     "street",
    "window",      "kitchen",  "bread",      "cheese",     "chicken",    "salad",      "pizza",      "chocolate",
    "birthday",    "wedding",  "concert",    "album",      "guitar",     "singer",     "painter",    "museum",
    "theatre",     "library",  "novel",      "poem",       "chapter",    "author",     "editor",     "newspaper",
    "journalist",  "headline", "podcast",    "radio",      "television", "series",     "episode",    "season",
    "actor",       "director", "screen",     "camera",     "picture",    "drawing",    "colour",     "paper",
    "pencil",      "letter",   "message",    "phone",      "battery",    "charger",    "keyboard",   "monitor",
    "server",      "network",  "website",    "browser",    "password",   "update",     "version",    "feature",
    "developer",   "engineer", "research",   "laboratory", "planet",     "rocket",     "satellite",  "telescope",
    "galaxy",      "moon",     "sunset",     "rainbow",    "cloud",      "snow",       "wind",       "thunder",
    "flood",       "drought",  "earthquake", "volcano",    "wildfire",   "evacuation", "rescue",     "ambulance",
    "firefighter", "soldier",  "army",       "border",     "treaty",     "minister",   "parliament", "court",
    "judge",       "lawyer",   "verdict",    "prison",     "protest",    "strike",     "union",      "worker",
    "factory",     "company",  "manager",    "salary",     "pension",    "tax",        "bank",       "loan",
    "mortgage",    "rent",     "house",      "apartment",  "neighbour",  "village",    "farm",       "tractor",
    "harvest",     "wheat",    "apple",      "banana",     "orange",     "lemon",      "potato",     "tomato",
    "onion",       "garlic",   "pepper",     "soup",       "sandwich",   "breakfast",  "lunch",      "restaurant",
    "waiter",      "recipe",   "oven",       "cake",       "cookie",     "butter",     "honey",      "tea",
    "wine",        "beer",     "whisky",     "bottle",     "glass",      "table",      "chair",      "sofa",
    "carpet",      "curtain",  "mirror",     "bathroom",   "shower",     "towel",      "shirt",      "jacket",
    "shoes",       "dress",    "pocket",     "jewel",      "necklace",   "watch",      "clock",      "calendar",
    "holiday",     "airport",  "airplane",   "pilot",      "luggage",    "passport",   "ticket",     "hotel",
    "beach",       "swimming", "football",   "baseball",   "basketball", "tennis",     "cricket",    "hockey",
    "runner",      "marathon", "bicycle",    "helmet",     "stadium",    "referee",    "goalkeeper", "penalty",
    "trophy",      "champion", "medal",      "coach",      "player",     "league",     "playoffs",   "puppy",
    "kitten",      "rabbit",   "horse",      "cow",        "sheep",      "goat",       "dolphin",    "whale",
    "shark",       "penguin",  "eagle",      "owl",        "butterfly",  "spider",     "beetle",     "flower",
    "rose",        "tulip",    "tree",       "leaf",       "grass",      "stone",      "sand",       "gold",
    "silver",      "copper",   "iron",       "steel",      "plastic",    "rubber",     "cotton",     "leather",
    "wool",        "engine",   "motor",      "wheel",      "tyre",       "petrol",     "traffic",    "highway",
    "tunnel",      "harbour",  "ship",       "sailor",     "captain",    "anchor",     "vaccine",    "virus",
    "fever",       "headache", "surgery",    "nurse",      "patient",    "medicine",   "pharmacy",   "therapy",
    "anxiety",
};

static const char *const starts[] = {
    "Alder", "Bram", "Brent", "Cald", "Carl", "Clay", "Cran",  "Dal",   "Darn",  "Dun",  "Eld",   "Fair",
    "Fen",   "Gars", "Glen",  "Grim", "Hal",  "Hart", "Hawk",  "Hol",   "Kel",   "Kirk", "Lang",  "Lin",
    "Mar",   "Mel",  "Mil",   "Nor",  "Oak",  "Os",   "Pem",   "Pres",  "Quill", "Rad",  "Ram",   "Red",
    "Rock",  "Sal",  "Scar",  "Sel",  "Shel", "Stan", "Stock", "Strat", "Sut",   "Tam",  "Thorn", "Tor",
    "Trow",  "Up",   "Wal",   "Wen",  "West", "Whit", "Wil",   "Win",   "Wor",   "Yar",  "Yel",   "Zan",
};
static const char *const middles[] = {
    "ing", "er",  "en",    "el",    "as",    "ow",    "is",    "o",     "um",    "an",    "ick",   "ast",  "ern", "ist",
    "ol",  "or",  "um",    "us",    "et",    "im",    "ess",   "all",   "ill",   "ock",   "und",   "orn",  "aff", "ent",
    "ald", "ust", "adder", "emble", "inder", "arrow", "ottle", "umber", "enter", "inkle", "astle", "ible",
};
static const char *const ends[] = {
    "ton",   "ford",  "ham",   "ley",   "bury",  "field",  "wood",   "worth", "by",     "well",   "dale", "stead",
    "mere",  "combe", "wick",  "gate",  "ridge", "thorpe", "stone",  "shire", "bridge", "church", "port", "mouth",
    "haven", "cliff", "brook", "marsh", "crest", "view",   "more",   "land",  "lake",   "hill",   "moor", "bank",
    "cross", "court", "holm",  "burn",  "den",   "bourne", "pool",   "green", "side",   "path",   "keep", "fell",
    "wold",  "weir",  "son",   "man",   "smith", "wright", "bright", "light", "heart",  "wind",   "song", "dream",
};

static const char *const one[] = {
    "this is my %",         "where is the %",    "not the % again",   "so much for the %",
    "that was a %",         "it is all about %", "what about the %",  "we had our %",
    "and then there was %", "here is the %",     "why is there no %",
};
static const char *const two[] = {
    "the % is in the %",      "my % and the %",        "there was a % with her %", "this % is not a %",
    "we were at the % for %", "is the % before the %", "from the % to the %",      "you and the % at our %",
    "he has a % like the %",  "it was the % or the %", "no % without a %",
};
static const char *const three[] = {
    "the % of the % is a %",
    "we had % and % at the %",
    "this % was for her % and his %",
    "there is no % in the % with %",
    "my % is the % of our %",
    "if the % is a % then why the %",
    "they were in the % with a % and a %",
};
static const char *const four[] = {
    "the % and the % were at the % of %",          "he has the %, she has the %, and we have % and %",
    "there is a % in my %, but not a % or a %",    "from the % to the %, with a % and our %",
    "is it the % or the % that was in the % of %",
};

const struct sky_sim_language sky_sim_english = {
    .code = "en",
    .separator = ". ",
    .share = 0.5,
    .phase = 0.95,
    .amplitude = 0.5,
    .words = SKY_SIM_STRINGS(words),
    .parts = {SKY_SIM_STRINGS(starts), SKY_SIM_STRINGS(middles), SKY_SIM_STRINGS(ends)},
    .patterns = {SKY_SIM_STRINGS(one), SKY_SIM_STRINGS(two), SKY_SIM_STRINGS(three), SKY_SIM_STRINGS(four)},
};
