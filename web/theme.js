// The colours chosen on this machine, set before the first paint. "system" follows prefers-color-scheme.
(() => {
  const themes = ["system", "light", "dark"];
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden: then the choice lasts as long as the page
    }
  };
  const set = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch { /* as above */ }
  };
  const first = stored();
  set(themes.includes(first) ? first : "system");
  window.skytrendTheme = {
    current: () => root.dataset.theme ?? "system",
    next() {
      set(themes[(themes.indexOf(this.current()) + 1) % themes.length]);
      return this.current();
    },
  };
})();
