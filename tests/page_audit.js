// Audits the page that is open, as far as a machine can: {unnamed, duplicates, faint, small}, each a list of texts.
//
//   unnamed     controls without an accessible name
//   duplicates  ids that two elements have
//   faint       text of too little contrast (WCAG 2.2 AA), with the least favourable picture behind it
//   small       controls under 24 x 24 pixels (AA); texts around them count for boxes
() => {
  const isShown = (element) => element.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const describe = (element) => element.outerHTML.slice(0, 90);
  const rgba = (text) => {
    const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const over = (top, alpha, below) => top.map((value, index) => alpha * value + (1 - alpha) * below[index]);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  /** What lies behind an element over a picture of this colour, its ancestors' backgrounds from the outside in. */
  const behind = (element, picture) => {
    const layers = [];
    for (let one = element; one && one.id !== "stage" && one !== document.documentElement; one = one.parentElement) {
      const { rgb, alpha } = rgba(getComputedStyle(one).backgroundColor);
      if (alpha > 0) layers.unshift([rgb, alpha]);
    }
    return layers.reduce((below, [rgb, alpha]) => over(rgb, alpha, below), picture);
  };

  const unnamed = [];
  const small = [];
  const top = document.querySelector("dialog[open]") ?? document.getElementById("stage");
  for (const one of top.querySelectorAll("button, input, select, a[href], summary, video, [role=log], [tabindex]")) {
    if (!isShown(one)) continue;
    const labelled = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);
    const name = [
      one.getAttribute("aria-label"),
      labelled.join(" "),
      [...(one.labels ?? [])].map((label) => label.textContent).join(" "),
      one.matches("button, summary, a") ? one.textContent : "",
    ].join("");
    if (!name.trim()) unnamed.push(describe(one));
    const box = (one.labels?.[0] ?? one).getBoundingClientRect();
    if (box.width < 24 || box.height < 24) small.push(`${describe(one)} ${box.width}x${box.height}`);
  }

  const faint = [];
  const texts = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !isShown(element) || element.closest(".unseen, option")) continue;
    if (element.closest(":disabled, [aria-disabled=true]")) continue;
    const style = getComputedStyle(element);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    for (const picture of [[0, 0, 0], [255, 255, 255]]) {
      const below = behind(element, picture);
      const { rgb, alpha } = rgba(style.color);
      const found = ratio(over(rgb, alpha, below), below);
      if (found < (isLarge ? 3 : 4.5))
        faint.push(`${found.toFixed(2)} over ${picture[0] ? "white" : "black"}: ${element.textContent.trim().slice(0, 40)}`);
    }
  }

  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const duplicates = ids.filter((id, index) => ids.indexOf(id) !== index);
  return { unnamed, duplicates, faint, small };
}
