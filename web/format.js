// Numbers, times and links as the page shows them. Nothing here touches the document.

const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const languageNames = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

export const count = (value) => (value < 10000 ? whole.format(value) : compact.format(value));

// growth_rate is (seen - expected) / expected: 6.4 more than usual is 7.4 times the usual.
export function times(growthRate) {
  const ratio = growthRate + 1;
  if (ratio >= 1000) return "999×";
  return `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)}×`;
}

export const percent = (share) => `${Math.min(99, Math.round(share * 100))}%`;

export const time = (text) => (text ? clock.format(new Date(text)) : "–");
export const timeWithSeconds = (text) => (text ? clockSeconds.format(new Date(text)) : "–");

// The day is named where it is another than the events' own, which may be long past (a replay) or invented.
let today = "";
export function setToday(text) {
  if (text) today = new Date(text).toDateString();
}

export function dayAndTime(text) {
  const date = new Date(text);
  return date.toDateString() === today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

export function minutes(value) {
  if (value < 60) return `${Math.max(0, Math.round(value))} min`;
  const hours = Math.floor(value / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  const rest = Math.floor(value % 60);
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}

export const minutesBetween = (from, to) => (new Date(to) - new Date(from)) / 60000;

export function seconds(value) {
  if (value < 0.95) return "< 1 s";
  return value < 120 ? `${Math.round(value)} s` : minutes(value / 60);
}

// More than a relay or, by default, a topic holds (as io/terminal/terminal_view.c has it): not of now, but replayed.
export function behind(value) {
  return value > 30 * 86400 ? "replaying" : seconds(value);
}

export function language(code) {
  if (code === "*") return "many languages";
  if (code === "other") return "other languages";
  if (code === "und") return "unknown";
  try {
    return languageNames.of(code) ?? code;
  } catch {
    return code;
  }
}

// The page of a post on Bluesky, or null when its address is not what the protocol allows: the address comes from the
// network, and only a checked one becomes a link.
// https://atproto.com/specs/did and https://atproto.com/specs/record-key
const did = /^did:(?:plc:[a-z2-7]{24}|web:[A-Za-z0-9.-]{1,253}(?:%3A[0-9]{1,5})?)$/;
const recordKey = /^[A-Za-z0-9._:~-]{1,512}$/;

export function postLink(uri) {
  const parts = typeof uri === "string" ? uri.split("/") : [];
  if (parts.length !== 5 || parts[0] !== "at:" || parts[1] !== "" || parts[3] !== "app.bsky.feed.post") return null;
  if (!did.test(parts[2]) || !recordKey.test(parts[4]) || parts[4] === "." || parts[4] === "..") return null;
  return `https://bsky.app/profile/${parts[2]}/post/${parts[4]}`;
}

// Controls and characters that turn the direction of what follows have no place in a line of text.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+/g;
export const printable = (text) => text.replace(unprintable, " ").trim();
