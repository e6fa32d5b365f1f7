// Light or dark as the system has it, unless somebody chose.
const KEY = "virtdisk-theme";
const chosen = localStorage.getItem(KEY);
if (chosen !== null) document.documentElement.classList.add(chosen);

addEventListener("DOMContentLoaded", () => {
  const wide = matchMedia("(min-width: 60rem)");
  const pages = document.querySelector("details.pages");
  const open = () => pages.open = wide.matches;
  wide.addEventListener("change", open);
  open();
  document.getElementById("theme").addEventListener("click", () => {
    const { classList } = document.documentElement;
    const isDark = classList.contains("dark") ||
      !classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches;
    const next = isDark ? "light" : "dark";
    classList.remove("light", "dark");
    classList.add(next);
    localStorage.setItem(KEY, next);
    // For the reference, which writes there what the system has too.
    localStorage.setItem("theme", next);
  });
});
