document.documentElement.classList.add("js");

// A word shows its map over the picture: while it is pointed at or focused, for good when pressed.
for (const look of document.querySelectorAll("[data-look]")) {
  const over = look.querySelector(".over");
  const buttons = [...look.querySelectorAll("button[data-map]")];
  let pinned = null;
  const show = (button) => {
    over.classList.toggle("on", Boolean(button));
    if (!button) return;
    over.src = button.dataset.map;
    over.alt = button.dataset.says;
  };
  for (const button of buttons) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerenter", (event) => event.pointerType === "touch" || show(button));
    button.addEventListener("pointerleave", () => show(pinned));
    button.addEventListener("focus", () => show(button));
    button.addEventListener("blur", () => show(pinned));
    button.addEventListener("click", () => {
      pinned = pinned && pinned.dataset.map === button.dataset.map ? null : button;
      for (const other of buttons) {
        const on = pinned !== null && other.dataset.map === pinned.dataset.map;
        other.setAttribute("aria-pressed", String(on));
      }
      show(pinned);
    });
  }
}

for (const swipe of document.querySelectorAll(".swipe")) {
  const range = swipe.querySelector("input");
  const move = () => swipe.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", move);
  move();
}
