// Light or dark, before anything is painted: a script of its own, as modules run later.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let wanted = "auto";
  try {
    wanted = JSON.parse(localStorage.getItem("visavis.theme")) ?? "auto";
  } catch {
    // Storage is forbidden: as the system has it.
  }
  const show = () => {
    document.documentElement.dataset.theme = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
  };
  dark.addEventListener?.("change", show);
  document.addEventListener("visavis:theme", (event) => {
    wanted = event.detail.theme;
    show();
  });
  show();
})();
